//! Ten thousand hostile requests from a seed, and a good sender among them: nothing hostile is accepted, the program
//! lives on in bounded memory, and the good sender notices nothing.

#[path = "hostile/attack.rs"]
mod attack;
#[path = "hostile/attributes.rs"]
mod attributes;
#[path = "hostile/compressed.rs"]
mod compressed;
#[path = "hostile/content.rs"]
mod content;
#[path = "hostile/files.rs"]
mod files;
#[path = "hostile/form.rs"]
mod form;
#[path = "hostile/requests.rs"]
mod requests;
#[path = "hostile/slow.rs"]
mod slow;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use crate::program::Program;
use crate::random::Random;
use attack::Attack;

const SEED: u64 = 20_210_315;
const REQUESTS: usize = 10_000;
/// How many attackers there are at a time.
const ATTACKERS: usize = 8;
/// How many connections trickle meanwhile.
const SLOW_SENDERS: usize = 24;
/// The good sender sends a batch after so many hostile requests.
const REQUESTS_PER_BATCH: usize = 100;
const BATCH_EVENTS: usize = 50;
/// The most memory that the whole program may ever have had, with its ClickHouse in it: half as much again as was
/// measured.
const RESIDENT_KIB_MAX: u64 = 1 << 20;

type Category = (&'static str, fn(&mut Random) -> Attack);

const CATEGORIES: [Category; 24] = [
    ("bombs", compressed::bomb),
    ("truncated or damaged compression", compressed::damaged),
    ("wrong or stacked encodings", compressed::wrong_encoding),
    ("deep nesting", content::deep),
    ("bad UTF-8", content::not_utf8),
    ("duplicate keys", content::duplicate_key),
    ("huge or odd numbers", content::odd_number),
    ("control characters", content::control_character),
    ("oversize fields", content::oversize),
    ("personal data", content::personal_data),
    ("broken JSON", content::broken_json),
    ("missing attributes", attributes::missing),
    ("wrong attributes", attributes::wrong),
    ("fields of the wrong type", attributes::wrong_type),
    ("binary mode", attributes::binary),
    ("broken lines", form::broken_lines),
    ("oversize batches", form::oversize_batch),
    ("wrong content types", form::wrong_content_type),
    ("files that are no CSV", files::broken),
    ("files with wrong rows", files::wrong_rows),
    ("paths", requests::path),
    ("queries", requests::query),
    ("framing", requests::framing),
    ("foreign hosts and pages", requests::foreign),
];

/// The attack with this number; it depends on nothing else.
fn attack(number: usize) -> (&'static str, Attack) {
    let (name, make) = CATEGORIES[number % CATEGORIES.len()];
    (name, make(&mut Random::new(SEED ^ ((number as u64) << 20))))
}

/// What became of attacks.
#[derive(Default)]
struct Outcome {
    /// How often each category was answered with each status; 0 is a connection that was closed without an answer.
    answers: BTreeMap<(&'static str, u16), usize>,
    /// What was answered wrongly.
    faults: Vec<String>,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        for (answer, count) in other.answers {
            *self.answers.entry(answer).or_default() += count;
        }
        self.faults.extend(other.faults);
    }
}

/// Sends attacks until there are no more. Faults are gathered, so that one does not hide others.
fn attack_until_done(url: &str, order: &[usize], next: &AtomicUsize, done: &AtomicUsize) -> Outcome {
    let mut outcome = Outcome::default();
    while let Some(number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
        let (name, attack) = attack(*number);
        let fault = match attack.send(url) {
            Ok(answer) => {
                *outcome.answers.entry((name, answer.status)).or_default() += 1;
                attack.fault(&answer)
            }
            Err(error) => Some(error.to_string()),
        };
        outcome.faults.extend(fault.map(|fault| format!("{name}, number {number}: {fault}")));
        done.fetch_add(1, Ordering::Relaxed);
    }
    outcome
}

fn meeting(number: usize) -> Value {
    json!({
        "specversion": "1.0", "id": format!("good-{number}"), "source": "/lkdata/collector/pexip/good",
        "type": "se.linkoping.lkdata.usage.meeting.participation.v1", "subject": "room:kb-101",
        "time": "2021-03-15T09:00:12+01:00", "dataschema": "urn:lkdata:schema:usage:1",
        "data": {"service": "e-moten", "meter": "participant_hour", "quantity": "1", "unit": "h",
            "customer": {"kind": "forvaltning", "code": "KLF", "costcentre": "110200"}, "dims": {"platform": "pexip"}}
    })
}

/// Sends a batch for every so many attacks; the number of events, all accepted.
fn send_meanwhile(program: &Program, done: &AtomicUsize) -> usize {
    for batch in 0..REQUESTS / REQUESTS_PER_BATCH {
        let enough = batch * REQUESTS_PER_BATCH;
        program.until("the attack goes on", || (done.load(Ordering::Relaxed) >= enough).then_some(()));
        let first = batch * BATCH_EVENTS;
        program.accept(&(first..first + BATCH_EVENTS).map(meeting).collect::<Vec<_>>());
    }
    REQUESTS / REQUESTS_PER_BATCH * BATCH_EVENTS
}

/// The most memory that a process has had.
fn resident_kib_max(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Fails unless the usage is what the good sender sent, and nothing else was accepted.
fn check_counted(program: &Program, sent: usize) {
    let of = |service: &str| {
        program.list(&format!(
            "/v1/usage?from=2021-01&to=2021-12&group_by=month,service,meter&service={service}"
        ))
    };
    let look = |seen: &mut Vec<Value>| {
        *seen = of("e-moten");
        seen.len() == 1 && seen[0]["quantity"] == sent.to_string().as_str()
    };
    program.until_or("the good sender's events are counted", look, &mut Vec::new());
    assert!(of("skrivare-mfp").is_empty(), "no row of a hostile file is counted");
    assert_eq!(program.metric("taxameter_collect_events_accepted_total"), sent as u64);
    assert_eq!(program.metric("taxameter_collect_events_parked_total"), 0);
    assert_eq!(program.metric("taxameter_collect_in_flight_bytes"), 0, "every body's room is free again");
}

/// Fails when personal data stands in the quarantine's list or in the program's log. A hash may look like anything.
fn check_nothing_personal_was_kept(program: &Program) {
    let mut entries = program.list("/v1/quarantine?code=personal_data");
    assert!(!entries.is_empty());
    for entry in &mut entries {
        entry.as_object_mut().unwrap().retain(|name, _| !["id", "hash"].contains(&name.as_str()));
    }
    let log = std::fs::read_to_string(program.data().with_file_name("log")).unwrap();
    for line in entries.iter().map(Value::to_string).chain(log.lines().map(str::to_owned)) {
        assert!(!content::is_personal(&line), "{line}");
    }
}

#[test]
fn ten_thousand_hostile_requests_change_nothing_and_a_good_sender_notices_none_of_them() {
    let program = Program::embedded();
    let before = resident_kib_max(&program);
    let began = Instant::now();
    let mut order: Vec<usize> = (0..REQUESTS).collect();
    Random::new(SEED).shuffle(&mut order);
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let trickle = slow::Trickle::start(program.url(), SLOW_SENDERS);
    let mut outcome = Outcome::default();
    let sent = std::thread::scope(|scope| {
        let attackers: Vec<_> = (0..ATTACKERS)
            .map(|_| scope.spawn(|| attack_until_done(program.url(), &order, &next, &done)))
            .collect();
        let sent = send_meanwhile(&program, &done);
        attackers.into_iter().for_each(|attacker| outcome.add(attacker.join().unwrap()));
        sent
    });
    trickle.stop();
    let (attacked, resident) = (began.elapsed(), resident_kib_max(&program));
    let Outcome { answers, faults } = outcome;
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults[..faults.len().min(200)].join("\n\n"));
    assert_eq!(answers.values().sum::<usize>(), REQUESTS);
    check_counted(&program, sent);
    check_nothing_personal_was_kept(&program);
    assert!(resident <= RESIDENT_KIB_MAX, "{resident} KiB were resident, {RESIDENT_KIB_MAX} are allowed");
    println!("{answers:?}");
    println!(
        "{REQUESTS} in {attacked:?}, {before} KiB before, {resident} KiB at most, {sent} events counted"
    );
}

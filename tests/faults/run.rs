//! A run from its start to its report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventlog::testkit::network::Network;
use serde_json::json;

use crate::api::Api;
use crate::check::{self, Answers, CLOSED, Verdict, books, counted, judge, judge_charges, reckon};
use crate::controls;
use crate::event::source;
use crate::fault::{Kind, deal};
use crate::load::Load;
use crate::missing;
use crate::world::{TARGETS, World};

/// How long anything that is awaited may take on a slow day. A wait ends as soon as what it waits for is there.
const DEADLINE: Duration = Duration::from_secs(240);
/// How often is asked.
const POLL: Duration = Duration::from_millis(200);
/// How long events come before the first fault, and after the last.
const CALM: Duration = Duration::from_secs(5);

/// A month as it was when it was closed: the answer and the file, byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Frozen {
    charges: Vec<u8>,
    file: Vec<u8>,
}

/// Runs, prints what happens, and answers whether all is right.
pub(crate) fn run(network: Option<Network>, faults: usize, seed: u64, rate: u64) -> bool {
    let began = Instant::now();
    let mut world = World::start(network);
    println!(
        "{:>6.1} s  {TARGETS} processes run{}; seed {seed}",
        began.elapsed().as_secs_f64(),
        if world.can_cut() { ", each on a network of its own" } else { "" }
    );
    let (load, senders) = Load::start(seed, rate, &world.collectors());
    std::thread::sleep(CALM);
    let faults = deal(seed, faults, TARGETS, world.can_cut());
    let outcome = all_faults(&mut world, &load, faults, began);
    let outcome = outcome.and_then(|(recoveries, frozen)| {
        load.revise_all();
        std::thread::sleep(CALM);
        load.end();
        for sender in senders {
            sender.join().expect("a sender does not panic");
        }
        let verdict = the_end(&mut world, &load, &frozen)?;
        Ok((recoveries, verdict))
    });
    match outcome {
        Ok((recoveries, verdict)) => report(&mut world, &load, &recoveries, &verdict, seed, began),
        Err(why) => {
            println!("FAILED with seed {seed}: {why}\n{}", world.last_words(30));
            println!("what is left of it lies in {}", world.keep().display());
            false
        }
    }
}

type Recoveries = Vec<(Kind, Duration)>;

fn all_faults(
    world: &mut World,
    load: &Arc<Load>,
    faults: Vec<crate::fault::Fault>,
    began: Instant,
) -> Result<(Recoveries, Frozen), String> {
    let count = faults.len();
    let mut recoveries = Vec::with_capacity(count);
    let mut closing = None;
    for (number, fault) in (1..).zip(faults) {
        if number > count / 2 && closing.is_none() {
            closing = Some(close_meanwhile(world.bill().patient(), CLOSED[0]));
        }
        std::thread::sleep(fault.after);
        let name = world.name(fault.target);
        let at = began.elapsed().as_secs_f64();
        world.begin(fault.kind, fault.target);
        std::thread::sleep(fault.lasts);
        world.end(fault.kind, fault.target);
        let over = Instant::now();
        let of = load.next_source();
        let meanwhile = format!("while {name} was {}", fault.kind);
        let api = world.bill();
        wait(
            world,
            load,
            &meanwhile,
            &format!("everything is counted after {name} was {}", fault.kind),
            || {
                let Some(account) = load.settled(of) else { return Ok(false) };
                // Who answers may be away.
                let lines = books(&api, Some(&source(of))).unwrap_or_default();
                let counted = counted(&lines);
                if counted > account.new {
                    return Err(format!(
                        "{counted} events of {} are counted, {} were sent",
                        source(of),
                        account.new
                    ));
                }
                Ok(counted == account.new)
            },
        )?;
        let recovery = over.elapsed();
        let (accepted, _) = load.counts();
        println!(
            "{at:>6.1} s  fault {number:>3} of {count}: {name:<11} {} for {:>4.1} s, all counted after {:>4.1} s ({accepted} accepted)",
            fault.kind,
            fault.lasts.as_secs_f64(),
            recovery.as_secs_f64()
        );
        recoveries.push((fault.kind, recovery));
    }
    let closing = closing.unwrap_or_else(|| close_meanwhile(world.bill().patient(), CLOSED[0]));
    wait(world, load, "at the end", "the month is closed", || Ok(closing.is_finished()))?;
    let frozen = closing.join().map_err(|_| "closing panicked".to_owned())?;
    Ok((recoveries, frozen))
}

/// Asks again and again, and starts again what ended by itself.
fn wait(
    world: &mut World,
    load: &Load,
    meanwhile: &str,
    awaited: &str,
    mut is_there: impl FnMut() -> Result<bool, String>,
) -> Result<(), String> {
    let began = Instant::now();
    while !is_there()? {
        if let Some(refused) = load.failure() {
            return Err(format!("a collector refused a batch: {refused}"));
        }
        if began.elapsed() > DEADLINE {
            return Err(format!("waited {DEADLINE:?} in vain: {awaited}"));
        }
        world.revive(meanwhile);
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// Closes a month while things happen, however often that must be asked for, and keeps it as it was then.
fn close_meanwhile(api: Api, month: &'static str) -> std::thread::JoinHandle<Frozen> {
    std::thread::spawn(move || {
        let mut said = String::new();
        loop {
            match close(&api, month) {
                Ok(()) => break,
                Err(why) if why != said => {
                    println!("          {month} is not closed yet: {why}");
                    said = why;
                }
                Err(_) => {}
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        println!("          {month} is closed");
        loop {
            if let Ok(frozen) = frozen(&api, month) {
                return frozen;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    })
}

fn close(api: &Api, month: &str) -> Result<(), String> {
    let accept = json!({"accept": {"gaps": "readings end where the test ends"}});
    let (status, answer) = api.post(&format!("/v1/months/{month}/close"), &accept)?;
    if status == 200 { Ok(()) } else { Err(format!("{status} {answer}")) }
}

fn frozen(api: &Api, month: &str) -> Result<Frozen, String> {
    Ok(Frozen {
        charges: api.bytes(&format!("/v1/charges?month={month}&limit=10000"))?,
        file: api.bytes(&format!("/v1/exports/{month}/csv"))?,
    })
}

/// When nothing is sent any more: everything that the programs say, against everything that was accepted.
fn the_end(world: &mut World, load: &Arc<Load>, was: &Frozen) -> Result<Verdict, String> {
    let catalogue = catalogue();
    let (acknowledged, accounts) = (load.acknowledged(), load.accounts());
    let reckoning = reckon(&acknowledged, &catalogue);
    let api = world.bill().patient();
    let (mut answers, mut verdict) = (Answers::default(), None);
    let waited = wait(world, load, "at the end", "every total is right", || {
        if let Ok(said) = Answers::ask(&api) {
            let judged = judge(&reckoning, &accounts, &said);
            (answers, verdict) = (said, Some(judged.clone()));
            return Ok(judged.is_right());
        }
        Ok(false)
    });
    let mut verdict = match (verdict, waited) {
        (Some(verdict), Ok(())) => verdict,
        // What differs says more than that the time is up.
        (Some(mut verdict), Err(_)) => {
            verdict.differences.extend(missing::explain(world, &acknowledged));
            return Ok(verdict);
        }
        (None, Err(why)) => return Err(why),
        (None, Ok(())) => unreachable!("who judged has a verdict"),
    };
    let now = frozen(&api, CLOSED[0])?;
    if now != *was {
        verdict.differences.push(format!("{} was closed and has changed", CLOSED[0]));
    }
    wait(world, load, "at the end", "the next month is closed", || Ok(close(&api, CLOSED[1]).is_ok()))?;
    let (own, later) = (check::charges(&api, CLOSED[0])?, check::charges(&api, CLOSED[1])?);
    verdict.differences.extend(judge_charges(&reckoning, CLOSED[0], &own, &later));
    verdict.differences.extend(judge_charges(&reckoning, CLOSED[1], &later, &[]));
    for control in controls::undetected(&acknowledged, &accounts, &answers, &catalogue) {
        verdict.differences.push(format!("the harness does not notice {control}"));
    }
    Ok(verdict)
}

fn catalogue() -> domain::catalogue::Catalogue {
    let files =
        catalog::Files::read_dir(std::path::Path::new(crate::world::CATALOGUE)).expect("the catalogue");
    catalog::check(&files).unwrap_or_else(|findings| panic!("{findings:?}")).catalogue
}

fn report(
    world: &mut World,
    load: &Load,
    recoveries: &[(Kind, Duration)],
    verdict: &Verdict,
    seed: u64,
    began: Instant,
) -> bool {
    let mut kinds = BTreeMap::<Kind, usize>::new();
    for (kind, _) in recoveries {
        *kinds.entry(*kind).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let mut seconds: Vec<f64> = recoveries.iter().map(|(_, took)| took.as_secs_f64()).collect();
    seconds.sort_by(f64::total_cmp);
    let (accepted, retries) = load.counts();
    let different: u64 = load.accounts().iter().map(|account| account.new).sum();
    for ended in world.ended() {
        println!("ended by itself and was started again: {ended}");
    }
    for difference in verdict.differences.iter().take(40) {
        println!("wrong: {difference}");
    }
    println!(
        "{} faults ({}) in {:.0} s: {accepted} events accepted, {different} different, {retries} batches sent again; \
         lost {}, counted twice {}, other differences {}; recovery median {:.1} s, at most {:.1} s; {} programs ended by \
         themselves; seed {seed}",
        recoveries.len(),
        kinds.join(", "),
        began.elapsed().as_secs_f64(),
        verdict.lost,
        verdict.twice,
        verdict.differences.len(),
        seconds.get(seconds.len() / 2).copied().unwrap_or_default(),
        seconds.last().copied().unwrap_or_default(),
        world.ended().len(),
    );
    if !verdict.is_right() {
        println!("what is left of it lies in {}", world.keep().display());
    }
    verdict.is_right()
}

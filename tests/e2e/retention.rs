//! What has had its time is found, removed on decision, and missed by nobody who counts or bills.
//!
//! The events of two months of 2021 lie in the log as they would today if the program had run since then: received when
//! they were used. One month is closed. What is removed there must change nothing: neither the month's files, nor what is
//! a duplicate, nor what a revision subtracts, which the oracle reckons.

#[path = "retention/log.rs"]
mod log;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::fixtures::{self, generate_small};
use crate::oracle::{Reckoning, Totals};
use crate::program::Program;

const FINE: &str = "/v1/usage?from=2021-03&to=2021-04&group_by=month,service,meter,class,customer,costcentre";

/// The events of March and April, as `taxameter generate` writes them.
fn generated(program: &Program) -> Vec<Value> {
    let file = program.directory().join("events.ndjson");
    generate_small(&file, "2021-03", "2021-04");
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The program as it is years later, with March closed.
fn years_later() -> (Program, Vec<Value>) {
    let mut program = Program::embedded();
    let events = generated(&program);
    program.while_stopped(|directory| log::write(&directory.join("data/log"), &events));
    let counted = |seen: &mut u64| {
        *seen = ["metered", "marker"].map(|outcome| outcomes(&program, outcome)).iter().sum();
        *seen == events.len() as u64
    };
    program.until_or("every event is counted", counted, &mut 0);
    let closed = program.post("/v1/months/2021-03/close", &json!({"accept": {"gaps": "övning"}}));
    assert_eq!(closed.0, 200, "{}", closed.1);
    let reckoned = reckoned(&events);
    let differences = |seen: &mut Vec<_>| {
        *seen = reckoned.compare_usage(&program.list(FINE));
        seen.is_empty()
    };
    program.until_or("both months are rolled up", differences, &mut Vec::new());
    program.until("the quarantine is copied", || (program.list("/v1/quarantine").len() == 1).then_some(()));
    (program, events)
}

fn outcomes(program: &Program, outcome: &str) -> u64 {
    program.metric(&format!("taxameter_aggregate_events_total{{outcome=\"{outcome}\"}}"))
}

fn class(program: &Program, name: &str) -> Value {
    let found = program.get("/v1/retention");
    let class = found["items"].as_array().unwrap().iter().find(|item| item["class"] == name);
    class.unwrap().clone()
}

/// Whether an event's usage and arrival lie before April.
fn is_of_march(event: &Value) -> bool {
    let april: NaiveDate = "2021-04-01".parse().unwrap();
    let day = event["data"]["day"].as_str().map(|day| day.parse::<NaiveDate>().unwrap());
    let time = log::time(event).day();
    time < april && day.is_none_or(|day| day < april)
}

fn is_usage(event: &&Value) -> bool {
    event["data"]["quantity"].is_string() || event["data"]["quantity"].is_number()
}

/// What finance and others have of March.
fn of_march(program: &Program) -> (Vec<u8>, Vec<Value>, Vec<Value>) {
    let package = program.bytes("/v1/exports/2021-03/package.zip");
    (package, program.list("/v1/charges?month=2021-03"), program.list(FINE))
}

/// A charge of March that single events made, and what explains it.
fn explained(program: &Program) -> (String, Value) {
    let charges = program.list("/v1/charges?month=2021-03");
    let charge = charges.iter().find(|charge| charge["meter"] == "participant_hour").unwrap();
    let id = charge["id"].as_str().unwrap().to_owned();
    let explained = program.get(&format!("/v1/charges/{id}/explain"));
    (id, explained)
}

/// Takes back the first event of every meter of March.
fn retractions(events: &[Value]) -> Vec<Value> {
    let mut meters = BTreeSet::new();
    let first = |event: &&Value| {
        let name = |field: &str| event["data"][field].as_str().unwrap().to_owned();
        meters.insert((name("service"), name("meter")))
    };
    let of_march = events.iter().filter(|event| is_of_march(event)).filter(is_usage);
    let retracted = |event: &Value| {
        let mut event = event.clone();
        event["data"]["seq"] = json!(event["data"]["seq"].as_u64().unwrap_or(0) + 1);
        event["data"]["retracted"] = json!(true);
        event
    };
    of_march.filter(first).map(retracted).collect()
}

/// What the events come to in March and April.
fn reckoned(events: &[Value]) -> Reckoning {
    let catalogue = fixtures::catalogue();
    let events = events.iter().map(|event| serde_json::to_vec(event).unwrap());
    Reckoning::of(events, &catalogue, "2021-03", "2021-04")
}

/// What March comes to with the corrections that are to come.
fn march_with_corrections(program: &Program) -> Totals {
    let mut totals = Totals::default();
    let closed = program.list("/v1/charges?month=2021-03");
    let next = program.list("/v1/charges?month=2021-04");
    for charge in closed.iter().chain(next.iter().filter(|charge| charge["corrects"] == "2021-03")) {
        let amount = |name: &str| Decimal::from_str_exact(charge[name].as_str().unwrap()).unwrap();
        totals.gross += amount("gross");
        totals.joint += amount("joint");
        totals.net += amount("net");
        totals.surcharge += amount("surcharge");
    }
    totals
}

/// Decides the removal and kills the program while it goes on; whatever it had done by then, it finishes.
fn remove_under_a_kill(program: &mut Program) {
    let url = format!("{}/v1/retention", program.url());
    let deciding = std::thread::spawn(move || {
        let http = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
        // The answer is lost with the program.
        let _ = http.post(url).json(&json!({"why": "Gallringsbeslut 2021:7"})).send();
    });
    let decided = |program: &Program| {
        program.list("/v1/audit").into_iter().find(|record| record["action"] == "retention.apply")
    };
    program.until("the decision is on the log", || decided(program));
    program.kill_and_restart();
    deciding.join().unwrap();
    program.until("what was decided is done", || decided(program)?["outcome"].is_string().then_some(()));
    for name in ["event-details", "quarantine"] {
        assert_eq!(class(program, name)["due_rows"], 0, "{name}");
    }
}

#[test]
fn what_has_had_its_time_goes_and_nobody_counts_or_bills_otherwise() {
    let (mut program, events) = years_later();
    let due = events.iter().filter(|event| is_of_march(event)).filter(is_usage).count();
    let rest = events.iter().filter(|event| !is_of_march(event)).filter(is_usage).count();
    assert!(due > 500 && rest > 500, "{due} {rest}");
    let before = of_march(&program);
    let (charge, explanation) = explained(&program);
    assert!(explanation["events"][0]["id"].is_string() && explanation["events_removed"].is_null());

    // Looking changes nothing, and says what waits for April.
    let shown = class(&program, "event-details");
    assert_eq!((&shown["due_rows"], &shown["before"]), (&json!(due), &json!("2021-04-01")), "{shown}");
    let held = shown["held"].as_array().unwrap();
    let months: Vec<&Value> = held.iter().map(|held| &held["month"]).collect();
    assert_eq!(months, ["2021-04", "2021-05"], "the last of April came in May: {held:?}");
    assert_eq!(held.iter().filter_map(|held| held["rows"].as_u64()).sum::<u64>(), rest as u64, "{held:?}");
    let quarantined = class(&program, "quarantine");
    assert_eq!((&quarantined["due_rows"], &quarantined["due_bytes"]), (&json!(1), &json!(log::PARKED.len())));
    assert_eq!(
        (&class(&program, "identities")["due_rows"], &class(&program, "accounting")["removal"]),
        (&json!(0), &json!("never"))
    );
    let table = program.command(&["retention"]);
    assert!(
        table.contains("Inget är gallrat.") && table.contains("månaden 2021-04 är inte stängd"),
        "{table}"
    );
    let csv = program.command(&["retention", "--class", "event-details", "--output", "csv"]);
    assert!(csv.lines().count() == 2 && csv.contains(&format!(",{due},")), "{csv}");
    program.command(&["retention", "--output", "json"]);
    assert_eq!(
        (class(&program, "event-details"), class(&program, "quarantine")),
        (shown.clone(), quarantined)
    );

    // What must be kept is refused, and no decision is made of it.
    let decisions = program.list("/v1/audit").len();
    for (classes, status, code) in [
        (json!(["accounting"]), 409, "not_removable"),
        (json!(["event-details", "identities"]), 409, "not_removable"),
        (json!(["allt"]), 400, "invalid_body"),
    ] {
        let (found, answer) = program.post("/v1/retention", &json!({"classes": classes, "why": "x"}));
        assert_eq!((found, &answer["code"]), (status, &json!(code)), "{answer}");
    }
    assert_eq!(program.post("/v1/retention", &json!({"why": " "})).0, 400);
    assert_eq!(program.list("/v1/audit").len(), decisions);

    remove_under_a_kill(&mut program);
    let after = class(&program, "event-details");
    assert_eq!((&after["held"], &after["rows"]), (&shown["held"], &json!(rest)), "{after}");
    assert!(
        program.command(&["retention", "--apply", "--why", "igen"]).contains("Det fanns inget att gallra.")
    );
    let audit = program.list("/v1/audit");
    let removals: Vec<_> = audit.iter().filter(|record| record["action"] == "retention.apply").collect();
    assert_eq!(removals.len(), 1, "{audit:#?}");
    assert_eq!(removals[0]["decision"]["event_details"]["rows"], due);
    assert_eq!(
        (&removals[0]["decision"]["why"], &removals[0]["outcome"]),
        (&json!("Gallringsbeslut 2021:7"), &json!("removed"))
    );
    program.command(&["audit", "verify"]);

    // The closed month's files are the same bytes; its explanation says what is gone, and April's events are as they were.
    let now = of_march(&program);
    assert!(now.0 == before.0, "the package of a closed month has other bytes");
    assert_eq!((&now.1, &now.2), (&before.1, &before.2));
    let (_, gone) = explained(&program);
    let removed = &gone["events_removed"];
    assert_eq!(removed["before"], "2021-04-01", "{gone}");
    let had = explanation["events"].as_array().unwrap();
    let has = gone["events"].as_array().unwrap();
    assert_eq!(has.len(), had.len());
    assert!(has.iter().zip(had).all(|(has, had)| has["id"].is_null() && has["quantity"] == had["quantity"]));
    let text = program.command(&["explain", &charge]);
    assert!(text.contains(removed["text"].as_str().unwrap()) && text.contains("gallrades"), "{text}");
    let entry = program.list("/v1/quarantine").remove(0);
    let whole = program.get(&format!("/v1/quarantine/{}", entry["id"].as_str().unwrap()));
    assert_eq!((&whole["code"], &whole["text"]), (&json!("unknown_meter"), &Value::Null), "{whole}");
    program.while_stopped(|directory| assert_eq!(log::parked(&directory.join("data/log")), 0));

    // Whatever comes again is a duplicate, and a revision subtracts what was added.
    let sent: Vec<Value> = events.iter().filter(|event| is_of_march(event)).cloned().collect();
    program.accept(&sent);
    program
        .until("all are duplicates", || (outcomes(&program, "duplicate") == sent.len() as u64).then_some(()));
    assert_eq!(outcomes(&program, "metered") + outcomes(&program, "conflict"), 0);
    let revisions = retractions(&events);
    assert!(revisions.len() > 20, "{}", revisions.len());
    program.accept(&revisions);
    let mut all = events;
    all.extend(revisions);
    let want = &reckoned(&all).totals["2021-03"];
    assert!(want.gross < march_with_corrections(&program).gross);
    let corrected = |seen: &mut Totals| {
        *seen = march_with_corrections(&program);
        seen == want
    };
    program.until_or("the revisions are corrections of March", corrected, &mut Totals::default());
}

//! Teams call records, through a simulated Graph.

mod graph;

use std::sync::Arc;

use collect::pull::source::{Failure, Nature, Record, Source};
use parking_lot::Mutex;
use serde_json::json;

use self::graph::{Call, Graph, TENANT, meeting, minutes, phone, user};
use super::simulator::{
    CLIENT, Fault, Gathered, Script, Simulator, assert_free_of, at, column, gather, waited,
};

const SETTINGS: &str = "kind = \"teams-calls\"\ntenant = \"dc368399-474c-4d40-900c-6265431fd81f\"\n\
                        from = \"2021-03-10T00:00:00Z\"";

async fn simulate(calls: Vec<Call>, script: Script) -> (Arc<Graph>, Simulator, Box<dyn Source>) {
    let graph = Arc::new(Graph { calls: Mutex::new(calls) });
    let simulator = Simulator::start(Arc::<Graph>::clone(&graph), script).await;
    let source = simulator.open(SETTINGS, "/v1.0/", CLIENT);
    assert_eq!(source.nature(), Nature::Stream);
    (graph, simulator, source)
}

/// Kind, participant, class, seconds and version of each record.
fn outline(gathered: &Gathered) -> Vec<String> {
    let field = |record: &Record, name: &str| record.get(name).cloned().unwrap_or_default();
    let line = |record: &Record| {
        ["kind", "participant", "class", "seconds", "version"].map(|name| field(record, name)).join(" ")
    };
    let mut lines: Vec<String> = gathered.records.iter().map(line).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn who_takes_part_is_there_once_whatever_the_sessions() {
    let (anna, other) = (user(1, TENANT), user(2, "aaaaaaaa-0000-4000-8000-000000000000"));
    let call = Call {
        // Two devices at once, a pause, and a session of no time.
        sessions: vec![
            (anna.clone(), 0, 20),
            (anna.clone(), 10, 25),
            (anna.clone(), 40, 50),
            (anna.clone(), 55, 55),
            (phone("+46131234567"), 5, 15),
            (other.clone(), 2, 3),
            (phone("+46701234567"), 1, 2),
        ],
        participants: vec![
            anna,
            other,
            phone("+46131234567"),
            phone("+46701234567"),
            json!({"application": {"id": "bot"}}),
        ],
        ..meeting(7, "2021-03-12T09:00:00.1234567Z", 0)
    };
    let (_graph, _simulator, source) = simulate(vec![call], vec![]).await;
    let gathered = gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await;
    assert_eq!(gathered.failures, []);
    let id = "00000007-2966-4b6b-925b-754a88034cc5";
    assert_eq!(
        outline(&gathered),
        [
            "meeting   3600 1".to_owned(),
            "participation 00000001-0000-0000-0000-3b5136c0e777 user 2100 1".to_owned(),
            "participation 00000002-0000-0000-0000-3b5136c0e777 external 60 1".to_owned(),
            format!("participation {id}/application-1 application 0 1"),
            // Numbered by who joined first.
            format!("participation {id}/phone-1 phone 60 1"),
            format!("participation {id}/phone-2 phone 600 1"),
        ]
    );
    let anna = gathered
        .records
        .iter()
        .find(|record| record.get("class").is_some_and(|class| class == "user"))
        .unwrap();
    let expected = [
        ("call", id),
        ("class", "user"),
        ("end", "2021-03-12T10:00:00.123456Z"),
        ("join", "2021-03-12T09:00:00.123456Z"),
        ("kind", "participation"),
        ("leave", "2021-03-12T09:50:00.123456Z"),
        ("organizer", "00821809-0000-0000-0000-3b5136c0e777"),
        ("organizer_class", "user"),
        ("participant", "00000001-0000-0000-0000-3b5136c0e777"),
        ("paying_unit", "unit-uaf"),
        ("platform", "teams"),
        ("seconds", "2100"),
        ("start", "2021-03-12T09:00:00.123456Z"),
        ("type", "groupCall"),
        ("unit", "unit-uaf"),
        ("version", "1"),
    ];
    let fields: Vec<_> = anna.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, expected);
    // Who has no unit is paid for by the organizer's, and so is the meeting.
    assert_eq!(column(&gathered.records, "paying_unit")[..5], ["unit-klf"; 5]);
    assert_free_of(&gathered.records, &["nna", "NNA", "@", "4613", "4670", "meetup"]);
}

#[tokio::test]
async fn in_a_call_between_two_both_take_part() {
    let (one, two) = (user(1, TENANT), user(2, TENANT));
    let call = Call {
        kind: "peerToPeer",
        sessions: vec![(one.clone(), 0, 4)],
        participants: vec![one, two],
        ..meeting(7, "2021-03-12T09:00:00Z", 0)
    };
    let (_graph, _simulator, source) = simulate(vec![call], vec![]).await;
    let gathered = gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await;
    assert_eq!(column(&gathered.records, "seconds"), ["240", "240", "3600"]);
}

fn week() -> Vec<Call> {
    // 30 calls within three hours, of 3 to 20 people: more than a page of each.
    (0..30)
        .map(|number| meeting(number, &minutes("2021-03-12T07:00:00Z", 6 * number as i64), 3 + number % 18))
        .collect()
}

#[tokio::test]
async fn every_call_and_everybody_comes_over_all_pages_whatever_fails() {
    let (_graph, _simulator, source) = simulate(week(), vec![]).await;
    let calm = gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await;
    assert_eq!(calm.failures, []);
    let people: usize = (0..30).map(|number| 3 + number % 18).sum();
    assert_eq!(calm.records.len(), 30 + people);

    let script = vec![
        (3, Fault::Busy(9)),
        (60, Fault::Status(502)),
        (100, Fault::Cut),
        (150, Fault::Expired),
        (200, Fault::Half),
    ];
    let (_graph, simulator, source) = simulate(week(), script).await;
    let troubled = gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await;
    assert_eq!(outline(&troubled), outline(&calm));
    assert!(matches!(troubled.failures[..], [Failure::Broken(_)]), "{:?}", troubled.failures);
    assert_eq!(waited(), [9, 1, 1]);
    assert_eq!(simulator.tokens(), 3);
}

#[tokio::test]
async fn a_version_that_rises_comes_again_and_what_did_not_change_does_not() {
    let (graph, simulator, source) = simulate(week(), vec![]).await;
    let first = gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await;
    let asked = simulator.asked().len();

    // Two days later one record changes, and somebody is there whose client was late.
    let late = user(5, TENANT);
    graph.change(4, |call| {
        call.version = 2;
        call.modified = "2021-03-15T13:30:00Z".to_owned();
        call.sessions.push((late.clone(), 0, 60));
        call.participants.push(late);
    });
    let second = gather(source.as_ref(), "2021-03-15T14:00:00Z", first.cursor).await;
    assert_eq!(second.records.len(), 1 + 7 + 1);
    assert_eq!(column(&second.records, "version"), ["2"; 9]);
    assert_eq!(column(&second.records, "call"), ["00000004-2966-4b6b-925b-754a88034cc5"; 9]);
    // The call, two pages of sessions, two of participants.
    let details = simulator.asked()[asked..].iter().filter(|line| !line.contains("callRecords?")).count();
    assert_eq!(details, 5);

    // Half an hour later it may be that a change was listed late, so the same comes again; in the evening it does not.
    let third = gather(source.as_ref(), "2021-03-15T14:30:00Z", second.cursor.clone()).await;
    assert_eq!(outline(&third), outline(&second));
    let fourth = gather(source.as_ref(), "2021-03-15T20:00:00Z", third.cursor).await;
    let fifth = gather(source.as_ref(), "2021-03-15T20:30:00Z", fourth.cursor).await;
    assert_eq!(fifth.records, Vec::<Record>::new());
}

#[tokio::test]
async fn a_long_stream_is_read_in_parts() {
    let calls = (0..60)
        .map(|number| meeting(number, &minutes("2021-03-12T07:00:00Z", 10 * number as i64), 200))
        .collect();
    let (_graph, _simulator, source) = simulate(calls, vec![]).await;
    let gathered = gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await;
    assert_eq!(gathered.records.len(), 60 * 201);
    assert!(gathered.reads > 2, "{} reads", gathered.reads);
}

#[tokio::test]
async fn half_a_list_and_calls_that_graph_has_forgotten_are_failures() {
    // The first list with more than a page: that of the 56th hour.
    let (_graph, _simulator, source) = simulate(week(), vec![(56, Fault::Elsewhere)]).await;
    let read = source.read(at("2021-03-12T08:00:00Z"), None).await;
    assert!(matches!(read, Err(Failure::Broken(ref why)) if why.contains("127.0.0.2")), "{read:?}");

    // More than 30 days after the last turn. The first turn of all begins within them: with what changed from 09:45 on.
    let cursor = r#"{"since": "2021-03-12T07:59:00Z", "turn": null}"#;
    let read = source.read(at("2021-04-11T08:00:00Z"), Some(cursor)).await;
    assert!(matches!(read, Err(Failure::Refused(ref why)) if why.contains("`from`")), "{read:?}");
    let first = gather(source.as_ref(), "2021-04-10T09:45:00Z", None).await;
    assert_eq!(first.records.iter().filter(|record| record["kind"] == "meeting").count(), 15);
}

//! Zoom's reports, simulated from the documentation of its API: `/report/users`, `/report/users/{userId}/meetings`,
//! `/report/meetings/{meetingId}/participants`, `/report/webinars/{webinarId}/participants` (`next_page_token`, `total_records`, UUIDs that are encoded twice), and
//! server-to-server OAuth.

use std::sync::Arc;

use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use collect::pull::source::{Failure, Nature};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::simulator::{
    Ask, Fault, Gathered, Script, Simulator, Vendor, assert_free_of, column, gather, waited,
};

const SETTINGS: &str = "kind = \"zoom\"\nfrom = \"2021-03-11T00:00:00+01:00\"";
const AUTH: &str = r#"
kind = "client_credentials"
token_url = "SERVER/token"
client_id = "taxameter"
client_secret_file = "SECRET"
basic = true
[connection.auth.parameters]
grant_type = "account_credentials"
account_id = "A1"
"#;
/// What Zoom documents is 300, made smaller.
const PAGE: usize = 5;
const HOSTS: usize = 7;
const MEETINGS: usize = 6;

fn time(minutes: usize) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2021-03-11T06:00:00Z").unwrap().to_utc()
        + TimeDelta::minutes(minutes as i64)
}

fn rfc(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Some begin with `/`, some have `//`, some `/`, most none.
fn uuid(host: usize, meeting: usize) -> String {
    let start = ["/aj", "4A//", "b/c", "plain+"][(host + meeting) % 4];
    format!("{start}{host}x{meeting}==")
}

/// One of them is a webinar.
const WEBINAR: (usize, usize) = (3, 2);

/// Each host has a meeting every seven hours, of 45 minutes.
fn meeting(host: usize, number: usize) -> (DateTime<Utc>, Value) {
    let start = time(420 * number + 10 * host);
    let meeting = json!({
        "uuid": uuid(host, number),
        "id": 6_840_331_980_u64 + number as u64,
        "type": if (host, number) == WEBINAR { 5 } else { 2 },
        "topic": "Annas lön",
        "user_name": "Anna Andersson",
        "user_email": "anna@example.org",
        "start_time": rfc(start),
        "end_time": rfc(start + TimeDelta::minutes(45)),
        "duration": 45,
        "total_minutes": 180,
        "participants_count": 4
    });
    (start, meeting)
}

/// Twelve rows: who is signed in, a guest, and the first again after a pause.
fn row(host: usize, number: usize, row: usize) -> Value {
    let (start, _) = meeting(host, number);
    let (who, join) = if row == 11 { (0, 30) } else { (row, row) };
    json!({
        "id": if who == 1 { String::new() } else { format!("user-{who}") },
        "user_id": format!("{}", 16_778_240 + who),
        "name": "Anna Andersson",
        "user_email": "anna@example.org",
        "join_time": rfc(start + TimeDelta::minutes(join as i64)),
        "leave_time": rfc(start + TimeDelta::minutes(join as i64 + 10)),
        "duration": 600,
        "registrant_id": "abc",
        "failover": false,
        "status": if who == 2 { "in_waiting_room" } else { "in_meeting" }
    })
}

struct Zoom;

/// A page of a list.
fn page(ask: &Ask, name: &str, all: &[Value]) -> Value {
    let from = ask
        .query
        .get("next_page_token")
        .map_or(0, |token| token.strip_prefix("n/").unwrap().parse().unwrap());
    let until = all.len().min(from + PAGE);
    let token = if until < all.len() { format!("n/{until}") } else { String::new() };
    let mut page = json!({"page_size": PAGE, "total_records": all.len(), "next_page_token": token});
    page[name] = all[from..until].into();
    page
}

impl Vendor for Zoom {
    fn answer(&self, ask: &Ask) -> Result<Value, StatusCode> {
        if ask.number("page_size", 30) > 300 {
            return Err(StatusCode::BAD_REQUEST);
        }
        let path = ask.path.strip_prefix("/v2/report/").ok_or(StatusCode::NOT_FOUND)?;
        let (of, rest) = path.split_once('/').unwrap_or((path, ""));
        if let Some(meeting) = rest.strip_suffix("/participants") {
            let ids = (0..HOSTS).flat_map(|host| (0..MEETINGS).map(move |number| (host, number)));
            let (host, number) = ids
                .into_iter()
                .find(|(host, number)| written(&uuid(*host, *number)) == meeting)
                .ok_or(StatusCode::NOT_FOUND)?;
            // "Can not access webinar info", code 300.
            if (of == "webinars") != ((host, number) == WEBINAR) {
                return Err(StatusCode::BAD_REQUEST);
            }
            let rows: Vec<Value> = (0..12).map(|index| row(host, number, index)).collect();
            return Ok(page(ask, "participants", &rows));
        }
        let day = |name: &str| ask.query[name].parse::<NaiveDate>().unwrap();
        let (from, to) = (day("from"), day("to"));
        assert!(to - from < TimeDelta::days(31), "Zoom reports of at most a month");
        let of = |host: usize| (0..MEETINGS).map(move |number| meeting(host, number));
        let is_in = |start: &DateTime<Utc>| (from..=to).contains(&start.date_naive());
        if path == "users" {
            let hosts = (0..HOSTS).filter(|host| of(*host).any(|(start, _)| is_in(&start)));
            let hosts = hosts.map(
                |host| json!({"id": format!("host_{host}"), "dept": "SOF", "email": "anna@example.org"}),
            );
            return Ok(page(ask, "users", &hosts.collect::<Vec<_>>()));
        }
        let host = path.strip_prefix("users/host_").and_then(|rest| rest.strip_suffix("/meetings"));
        let host: usize = host.and_then(|host| host.parse().ok()).ok_or(StatusCode::NOT_FOUND)?;
        let meetings: Vec<Value> =
            of(host).filter(|(start, _)| is_in(start)).map(|(_, meeting)| meeting).collect();
        Ok(page(ask, "meetings", &meetings))
    }

    fn items(&self) -> &'static str {
        "/participants"
    }

    fn token(&self, ask: &Ask) -> Option<bool> {
        let form = ask.form();
        let has = |name: &str, value: &str| form.get(name).is_some_and(|field| field == value);
        let basic = format!("Basic {}", BASE64.encode(b"taxameter:hemligt"));
        Some(
            ask.header("authorization") == basic
                && has("grant_type", "account_credentials")
                && has("account_id", "A1"),
        )
    }
}

/// How the documentation wants a UUID in a path.
fn written(uuid: &str) -> String {
    let encode =
        |text: &str| text.replace('%', "%25").replace('/', "%2F").replace('=', "%3D").replace('+', "%2B");
    let once = encode(uuid);
    if uuid.starts_with('/') || uuid.contains("//") { encode(&once) } else { once }
}

async fn simulate(time: &str, script: Script) -> (Gathered, Simulator) {
    let simulator = Simulator::start(Arc::new(Zoom), script).await;
    let source = simulator.open(SETTINGS, "/v2/", AUTH);
    assert_eq!(source.nature(), Nature::Stream);
    (gather(source.as_ref(), time, None).await, simulator)
}

#[tokio::test]
async fn every_meeting_and_everybody_who_joined_comes_once() {
    let (gathered, simulator) = simulate("2021-03-15T12:00:00Z", vec![]).await;
    assert_eq!(gathered.failures, []);
    assert_eq!(simulator.asked().iter().filter(|line| line.contains("/report/webinars/")).count(), 3);
    let meetings = HOSTS * MEETINGS;
    assert_eq!(gathered.records.len(), meetings * 13);
    let of = |kind: &str| {
        gathered.records.iter().filter(|record| record["kind"] == kind).cloned().collect::<Vec<_>>()
    };
    let calls: std::collections::BTreeSet<_> =
        column(&of("meeting"), "call").into_iter().map(str::to_owned).collect();
    assert_eq!(calls.len(), meetings);
    let id =
        |record: &collect::pull::source::Record| format!("{} {}", record["call"], record["participation"]);
    let ids: std::collections::BTreeSet<_> = of("participation").iter().map(id).collect();
    assert_eq!(ids.len(), meetings * 12);
    let again = gathered.records.iter().find(|record| {
        record["call"] == uuid(0, 0) && record.get("join").is_some_and(|join| join == "2021-03-11T06:30:00Z")
    });
    let fields: Vec<_> = again.unwrap().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("call", "/aj0x0=="),
        ("class", "user"),
        ("end", "2021-03-11T06:45:00Z"),
        ("join", "2021-03-11T06:30:00Z"),
        ("kind", "participation"),
        ("leave", "2021-03-11T06:40:00Z"),
        ("organizer", "host_0"),
        ("organizer_department", "SOF"),
        ("participant", "user-0"),
        ("participation", "16778240/2021-03-11T06:30:00Z"),
        ("platform", "zoom"),
        ("seconds", "600"),
        ("start", "2021-03-11T06:00:00Z"),
        ("status", "in_meeting"),
    ];
    assert_eq!(fields, expected);
    assert_free_of(&gathered.records, &["nna", "@example", "lön"]);
}

#[tokio::test]
async fn faults_delay_a_stream_and_take_nothing_from_it() {
    let script = vec![
        (2, Fault::Busy(3)),
        (20, Fault::Status(500)),
        (60, Fault::Cut),
        (100, Fault::Expired),
        (150, Fault::Half),
    ];
    let (gathered, simulator) = simulate("2021-03-15T12:00:00Z", script).await;
    assert_eq!(
        (gathered.failures.len(), gathered.records.len()),
        (1, HOSTS * MEETINGS * 13),
        "{:?}",
        gathered.failures
    );
    assert_eq!(waited(), [3, 1, 1]);
    assert_eq!(simulator.tokens(), 3);
}

#[tokio::test]
async fn a_page_that_is_short_or_repeats_is_a_failure() {
    // Two pages of hosts, then two of the first host's meetings; the participants of the first meeting have three.
    let (calm, simulator) = simulate("2021-03-15T12:00:00Z", vec![]).await;
    let asked = simulator.asked();
    let second = asked.iter().position(|line| line.contains("participants?next_page_token=n/5")).unwrap() + 1;
    for fault in [Fault::Fewer, Fault::Repeat] {
        let (gathered, _simulator) = simulate("2021-03-15T12:00:00Z", vec![(second, fault)]).await;
        assert!(matches!(gathered.failures[..], [Failure::Broken(_)]), "{fault:?}: {:?}", gathered.failures);
        assert_eq!(gathered.records.len(), calm.records.len());
    }
}

#[tokio::test]
async fn what_is_not_settled_waits_for_the_next_turn() {
    // The first host's first meeting ended at 06:45.
    let (early, _simulator) = simulate("2021-03-11T12:44:00Z", vec![]).await;
    assert_eq!((early.records.len(), early.cursor.as_deref()), (0, Some("2021-03-11T06:44:00Z")));
    let simulator = Simulator::start(Arc::new(Zoom), vec![]).await;
    let source = simulator.open(SETTINGS, "/v2/", AUTH);
    let later = gather(source.as_ref(), "2021-03-11T12:46:00Z", early.cursor).await;
    assert_eq!(column(&later.records, "call"), ["/aj0x0=="; 13]);
}

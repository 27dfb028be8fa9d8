//! Pexip Infinity, simulated from the documentation of its management API: "History API", "Retrieving, paginating, filtering
//! and ordering resource details" (`limit`, `offset`, `meta.next`, `meta.total_count`, `end_time__gte`, `end_time__lt`).

use std::sync::Arc;

use axum::http::StatusCode;
use chrono::{NaiveDateTime, TimeDelta};
use collect::pull::source::{Failure, Nature};
use data_encoding::BASE64;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::simulator::{
    Ask, Fault, Gathered, Script, Simulator, Vendor, assert_free_of, at, column, gather, waited,
};

const SETTINGS: &str = "kind = \"pexip\"\nfrom = \"2021-03-12T08:00:00+01:00\"";
const AUTH: &str = "kind = \"basic\"\nuser = \"taxameter\"\npassword_file = \"SECRET\"";
/// Fewer than are wished for: the server has a limit of its own.
const PAGE: usize = 20;

#[derive(Default)]
struct Manager {
    conferences: Vec<Value>,
    participants: Mutex<Vec<Value>>,
}

fn naive(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").unwrap()
}

fn after(minutes: usize) -> String {
    let time = naive("2021-03-12T07:04:52.307927") + TimeDelta::minutes(minutes as i64);
    time.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

fn conference(number: usize) -> Value {
    json!({
        "id": format!("{number:08x}-6b05-4ed9-9be6-92074cfecf7f"),
        "name": format!("kb-{number}"),
        "start_time": after(5 * number),
        "end_time": after(5 * number + 55),
        "duration": 3300,
        "instant_message_count": 0,
        "participant_count": 3,
        "participants": [],
        "resource_uri": "/api/admin/history/v1/conference/x/",
        "service_type": "conference",
        "tag": "110200"
    })
}

fn participant(number: usize) -> Value {
    json!({
        "id": format!("{number:08x}-7a07-4935-9f78-6f87bc4df0d0"),
        "call_uuid": format!("{number:08x}-7a07-4935-9f78-6f87bc4df0d0"),
        "call_direction": "in",
        "call_quality": "1_good",
        "conference": format!("/api/admin/history/v1/conference/{:08x}-6b05-4ed9-9be6-92074cfecf7f/", number / 3),
        "conference_name": format!("kb-{}", number / 3),
        "disconnect_reason": "Call disconnected",
        "display_name": "Anna Andersson",
        "local_alias": "kb@example.org",
        "remote_alias": "anna@example.org",
        "remote_address": "10.1.2.3",
        "duration": 3000 + number,
        "start_time": after(5 * (number / 3)),
        "end_time": after(5 * (number / 3) + 50),
        "protocol": "WebRTC",
        "role": "guest",
        "service_tag": "110200",
        "service_type": "conference",
        "is_streaming": false
    })
}

impl Vendor for Manager {
    fn answer(&self, ask: &Ask) -> Result<Value, StatusCode> {
        let entries = match ask.path.as_str() {
            "/api/admin/history/v1/conference/" => self.conferences.clone(),
            "/api/admin/history/v1/participant/" => self.participants.lock().clone(),
            _ => return Err(StatusCode::NOT_FOUND),
        };
        let (from, until) = (naive(&ask.query["end_time__gte"]), naive(&ask.query["end_time__lt"]));
        let is_in = |entry: &Value| (from..until).contains(&naive(entry["end_time"].as_str().unwrap()));
        let entries: Vec<Value> = entries.into_iter().filter(is_in).collect();
        let (limit, offset) = (PAGE.min(ask.number("limit", 20)), ask.number("offset", 0));
        let until = entries.len().min(offset + limit);
        let kept = ask.raw_query.split('&').filter(|pair| !pair.starts_with("offset="));
        let next = format!("{}?{}&offset={until}", ask.path, kept.collect::<Vec<_>>().join("&"));
        Ok(json!({
            "meta": {
                "limit": limit,
                "offset": offset,
                "next": (until < entries.len()).then_some(next),
                "previous": null,
                "total_count": entries.len()
            },
            "objects": entries[offset..until]
        }))
    }

    fn items(&self) -> &'static str {
        "/objects"
    }

    fn link(&self) -> Option<&'static str> {
        Some("/meta/next")
    }

    fn lets_in(&self, ask: &Ask) -> bool {
        ask.header("authorization") == format!("Basic {}", BASE64.encode(b"taxameter:hemligt"))
    }
}

/// 60 conferences of three over five hours.
fn morning() -> Arc<Manager> {
    let participants = Mutex::new((0..180).map(participant).collect());
    Arc::new(Manager { conferences: (0..60).map(conference).collect(), participants })
}

async fn simulate(script: Script) -> Gathered {
    let simulator = Simulator::start(morning(), script).await;
    let source = simulator.open(SETTINGS, "/", AUTH);
    assert_eq!(source.nature(), Nature::Stream);
    gather(source.as_ref(), "2021-03-12T18:00:00Z", None).await
}

#[tokio::test]
async fn every_conference_and_participant_comes_in_utc_and_without_names() {
    let gathered = simulate(vec![]).await;
    assert_eq!((gathered.failures.len(), gathered.records.len()), (0, 240));
    let kinds = column(&gathered.records, "kind");
    assert_eq!(kinds.iter().filter(|kind| **kind == "meeting").count(), 60);
    let ids: std::collections::BTreeSet<_> = column(&gathered.records, "participant").into_iter().collect();
    assert_eq!(ids.len(), 181);
    let seventh =
        gathered.records.iter().find(|record| record.get("seconds").is_some_and(|seconds| seconds == "3007"));
    let fields: Vec<_> =
        seventh.unwrap().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("call", "00000002-6b05-4ed9-9be6-92074cfecf7f"),
        ("call_direction", "in"),
        ("call_quality", "1_good"),
        ("is_streaming", "false"),
        ("join", "2021-03-12T07:14:52.307927Z"),
        ("kind", "participation"),
        ("leave", "2021-03-12T08:04:52.307927Z"),
        ("participant", "00000007-7a07-4935-9f78-6f87bc4df0d0"),
        ("platform", "pexip"),
        ("protocol", "WebRTC"),
        ("role", "guest"),
        ("room", "kb-2"),
        ("seconds", "3007"),
        ("service_tag", "110200"),
        ("service_type", "conference"),
    ];
    assert_eq!(fields, expected);
    assert_free_of(&gathered.records, &["nna", "@", "10.1.2.3"]);
}

#[tokio::test]
async fn faults_delay_a_stream_and_take_nothing_from_it() {
    let script = vec![(2, Fault::Busy(3)), (6, Fault::Status(504)), (14, Fault::Cut), (25, Fault::Half)];
    let gathered = simulate(script).await;
    assert_eq!((gathered.failures.len(), gathered.records.len()), (1, 240), "{:?}", gathered.failures);
    assert_eq!(waited(), [3, 1, 1]);
}

#[tokio::test]
async fn a_page_that_is_short_repeats_or_leads_elsewhere_is_a_failure() {
    // The fourth request is the first for participants with more than a page, the fifth their second page.
    for (number, fault) in [(4, Fault::Fewer), (5, Fault::Fewer), (5, Fault::Repeat), (4, Fault::Elsewhere)] {
        let gathered = simulate(vec![(number, fault)]).await;
        assert!(matches!(gathered.failures[..], [Failure::Broken(_)]), "{fault:?}: {:?}", gathered.failures);
        assert_eq!(gathered.records.len(), 240);
    }
}

#[tokio::test]
async fn what_is_entered_late_is_found_by_a_later_turn() {
    let manager = morning();
    let late = manager.participants.lock().split_off(170);
    let simulator = Simulator::start(Arc::<Manager>::clone(&manager), vec![]).await;
    let source = simulator.open(SETTINGS, "/", AUTH);
    let first = gather(source.as_ref(), "2021-03-12T14:00:00Z", None).await;
    assert_eq!(first.records.len(), 230);
    manager.participants.lock().extend(late);
    let second = gather(source.as_ref(), "2021-03-12T15:00:00Z", first.cursor).await;
    // The same again, with the same ids, and the ten that were missing.
    let ids: std::collections::BTreeSet<_> = column(&second.records, "participant").into_iter().collect();
    assert_eq!((second.records.len(), ids.len()), (240, 181));
    // A day later nothing of it is read again.
    let third =
        gather(source.as_ref(), "2021-03-14T12:00:00Z", Some("2021-03-13T12:00:00Z".to_owned())).await;
    assert_eq!((third.records.len(), third.cursor.as_deref()), (0, Some("2021-03-13T23:58:00Z")));
}

#[tokio::test]
async fn what_is_no_time_and_no_cursor_is_a_failure() {
    let entry = |time: &str| {
        let mut entry = conference(1);
        entry["start_time"] = time.into();
        Arc::new(Manager { conferences: vec![entry], ..Manager::default() })
    };
    let simulator = Simulator::start(entry("soon"), vec![]).await;
    let source = simulator.open(SETTINGS, "/", AUTH);
    let read = source.read(at("2021-03-12T18:00:00Z"), None).await;
    assert!(matches!(read, Err(Failure::Broken(ref why)) if why.contains("start_time")), "{read:?}");
    let read = source.read(at("2021-03-12T18:00:00Z"), Some("x")).await;
    assert!(matches!(read, Err(Failure::Refused(ref why)) if why.contains("cursor")), "{read:?}");
}

#[tokio::test]
async fn an_entry_with_a_field_that_is_null_comes_without_it_and_stops_nothing() {
    let (mut whole, mut half) = (conference(1), participant(3));
    for field in ["duration", "participant_count", "start_time"] {
        whole[field] = Value::Null;
    }
    for field in ["conference", "duration", "start_time"] {
        half[field] = Value::Null;
    }
    let participants = Mutex::new(vec![half, participant(4)]);
    let manager = Arc::new(Manager { conferences: vec![whole], participants });
    let simulator = Simulator::start(manager, vec![]).await;
    let source = simulator.open(SETTINGS, "/", AUTH);
    let gathered = gather(source.as_ref(), "2021-03-12T18:00:00Z", None).await;
    assert_eq!((gathered.failures.len(), gathered.records.len()), (0, 3), "{:?}", gathered.failures);
    // The conference ended in the hour after that of the participants.
    let [half, other, meeting] = &gathered.records[..] else { panic!("{:?}", gathered.records) };
    for (record, lacks, has) in [
        (meeting, &["seconds", "participants", "start"][..], "end"),
        (half, &["call", "seconds", "join"][..], "leave"),
        (other, &[][..], "seconds"),
    ] {
        assert!(
            lacks.iter().all(|field| !record.contains_key(*field)) && record.contains_key(has),
            "{record:?}"
        );
    }

    // What has no such field at all is no entry of a history.
    let mut entry = conference(1);
    entry.as_object_mut().unwrap().remove("duration");
    let manager = Arc::new(Manager { conferences: vec![entry], ..Manager::default() });
    let simulator = Simulator::start(manager, vec![]).await;
    let read = simulator.open(SETTINGS, "/", AUTH).read(at("2021-03-12T18:00:00Z"), None).await;
    assert!(matches!(read, Err(Failure::Broken(ref why)) if why.contains("no field duration")), "{read:?}");
}

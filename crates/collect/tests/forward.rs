//! What producers of their own put on the intake topic is judged like a request, and nothing of it is skipped.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use collect::Forwarder;
use eventlog::embedded::EmbeddedLog;
use eventlog::{EventLog, Header, Kind, Record, topic};
use tokio::sync::watch;

use crate::support::{Stand, event, event_with, now};

fn record(value: impl Into<Bytes>, released: bool) -> Record {
    let header = Header {
        kind: Kind::Events,
        collector: "producer".to_owned(),
        epoch: 0,
        batch: 0,
        received: 0,
        sources: Vec::new(),
        released,
    };
    Record { header, value: value.into() }
}

async fn put(stand: &Stand, values: Vec<Record>) {
    stand.log.append(topic::INTAKE, 0, values).await.unwrap();
}

/// Forwards until nothing is left on the intake topic.
async fn forward(stand: &Stand) {
    let log: Arc<dyn EventLog> = Arc::<EmbeddedLog>::clone(&stand.log);
    let forwarder = Forwarder::new(Arc::clone(&stand.intake), log, now);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(async move { forwarder.run(stopped).await });
    let began = std::time::Instant::now();
    let end = stand.log.end_offset(topic::INTAKE, 0).await.unwrap();
    while stand.log.start_offset(topic::INTAKE, 0).await.unwrap() < end {
        assert!(began.elapsed() < Duration::from_secs(30), "something is left on the intake topic");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.send_replace(true);
    running.await.unwrap();
}

#[tokio::test]
async fn events_of_the_intake_topic_get_where_those_of_requests_do() {
    let stand = Stand::new().await;
    let wrong = event_with("c", "\"unit\":\"h\"", "\"unit\":\"kWh\"");
    let parked = event_with("d", "\"e-moten\"", "\"e-posten\"");
    let array = format!("[{},{wrong}, {}]", event("b"), parked);
    put(
        &stand,
        vec![record(event("a"), false), record(array, false), record("{\"id\":", false), record("", false)],
    )
    .await;
    forward(&stand).await;
    assert_eq!(stand.logged().await, [event("a"), event("b")]);
    let kept = stand.quarantined().await;
    let place = |offset: u64, index: usize| serde_json::json!({"topic": "intake", "partition": 0, "offset": offset, "index": index});
    let want = [
        ("unknown_service", parked.as_bytes(), place(1, 2)),
        ("wrong_unit", wrong.as_bytes(), place(1, 1)),
        ("undecodable", b"{\"id\":", place(2, 0)),
        ("undecodable", b"", place(3, 0)),
    ];
    assert_eq!(kept.len(), want.len());
    for (entry, (code, bytes, place)) in kept.iter().zip(want) {
        assert_eq!((entry["code"].as_str(), &entry["place"]), (Some(code), &place));
        assert_eq!(data_encoding::BASE64.decode(entry["event"].as_str().unwrap().as_bytes()).unwrap(), bytes);
    }
    assert_eq!(stand.counted("taxameter_collect_intake_records_total", None), 4);
}

#[tokio::test]
async fn personal_data_on_the_intake_topic_is_nowhere_stored() {
    // A test number of the tax agency's published series.
    let stand = Stand::new().await;
    put(&stand, vec![record(event_with("a", "room:kb-101", "18900101-9802"), false)]).await;
    put(&stand, vec![record("no JSON, but 189001019802", false)]).await;
    forward(&stand).await;
    let kept = stand.quarantined().await;
    assert_eq!(kept.len(), 2);
    for entry in kept {
        assert_eq!((entry["code"].as_str(), entry.get("event")), (Some("personal_data"), None));
        assert_eq!(entry["place"]["topic"], "intake");
    }
}

#[tokio::test]
async fn what_the_quarantine_releases_says_so_wherever_it_goes() {
    let stand = Stand::new().await;
    let parked = event_with("b", "\"e-moten\"", "\"e-posten\"");
    let records = vec![
        record(event("a"), true),
        record(parked, true),
        record(event("c"), false),
        record(event("d"), true),
    ];
    put(&stand, records).await;
    forward(&stand).await;
    let mut released = Vec::new();
    for topic in [topic::USAGE, topic::QUARANTINE] {
        for (_, record) in stand.records(topic).await {
            let header = record.header.unwrap();
            released.push((topic, header.events(), header.released));
        }
    }
    let count = |topic: &str, is_released: bool| -> u64 {
        let of = released.iter().filter(|(t, _, r)| *t == topic && *r == is_released);
        of.map(|(_, events, _)| events).sum()
    };
    assert_eq!((count(topic::USAGE, true), count(topic::USAGE, false)), (2, 1));
    assert_eq!((count(topic::QUARANTINE, true), count(topic::QUARANTINE, false)), (1, 0));
}

#[tokio::test]
async fn a_forwarder_that_died_before_it_deleted_repeats_and_loses_nothing() {
    let stand = Stand::new().await;
    for round in 0..3 {
        let events = (0..50).map(|n| record(event(&format!("{round}-{n}")), false)).collect();
        put(&stand, events).await;
        let log: Arc<dyn EventLog> = Arc::<EmbeddedLog>::clone(&stand.log);
        let forwarder = Forwarder::new(Arc::clone(&stand.intake), log, now);
        let (_stop, stopped) = watch::channel(false);
        let running = tokio::spawn(async move { forwarder.run(stopped).await });
        let began = std::time::Instant::now();
        while stand.logged().await.len() <= round * 50 {
            assert!(began.elapsed() < Duration::from_secs(30), "nothing is forwarded");
            tokio::task::yield_now().await;
        }
        running.abort();
        let _ = running.await;
    }
    forward(&stand).await;
    let mut events = stand.logged().await;
    events.dedup();
    assert_eq!(events.len(), 150);
}

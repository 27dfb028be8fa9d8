//! An embedded log as it would be if the program had taken the events when they were used.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use domain::{EventKey, Instant};
use eventlog::embedded::{Config, EmbeddedLog};
use eventlog::topic::{QUARANTINE, USAGE};
use eventlog::{EventLog, Header, Kind, Record};
use serde_json::{Value, json};

/// An event that was parked long ago, as it was sent.
pub(crate) const PARKED: &str =
    r#"{"id":"parked-1","source":"/lkdata/collector/pexip/mgr1","subject":"room:1"}"#;

/// How many events a record has at most.
const EVENTS_PER_RECORD: usize = 200;

pub(crate) fn time(event: &Value) -> Instant {
    Instant::parse_rfc3339(event["time"].as_str().unwrap()).unwrap()
}

fn open(directory: &Path) -> EmbeddedLog {
    EmbeddedLog::open(Config::new(directory)).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn header(kind: Kind, batch: u64, received: Instant, sources: BTreeMap<String, u32>) -> Header {
    let sources = sources.into_iter().collect();
    Header {
        kind,
        collector: "then".to_owned(),
        epoch: 1,
        batch,
        received: received.micros(),
        sources,
        released: false,
    }
}

/// Puts the events on the log day by day, each received on the day of its time, and one that was parked in 2015.
pub(crate) fn write(directory: &Path, events: &[Value]) {
    let log = open(directory);
    runtime().block_on(async {
        let partitions = log.topic(USAGE).await.unwrap().partitions;
        let mut lanes: BTreeMap<_, Vec<&Value>> = BTreeMap::new();
        for event in events {
            let text = |name: &str| event[name].as_str().unwrap();
            let partition = EventKey::of(text("source"), text("id")).partition(partitions);
            lanes.entry((time(event).day(), partition)).or_default().push(event);
        }
        let mut records = Vec::new();
        for ((_, partition), events) in &lanes {
            for events in events.chunks(EVENTS_PER_RECORD) {
                let mut sources = BTreeMap::new();
                for event in events {
                    *sources.entry(event["source"].as_str().unwrap().to_owned()).or_insert(0) += 1;
                }
                let received = events.iter().map(|event| time(event)).max().unwrap();
                let header = header(Kind::Events, records.len() as u64, received, sources);
                records.push((
                    *partition,
                    Record { header, value: Bytes::from(serde_json::to_vec(events).unwrap()) },
                ));
            }
        }
        log.append_batch(USAGE, records).await.unwrap();
        let value = json!({"code": "unknown_meter", "detail": "det fanns ingen", "source": "/lkdata/collector/pexip/mgr1",
            "id": "parked-1", "event": data_encoding::BASE64.encode(PARKED.as_bytes()), "hash": "00"});
        let received = Instant::parse_rfc3339("2015-01-01T12:00:00Z").unwrap();
        let header = header(
            Kind::Quarantine,
            0,
            received,
            BTreeMap::from([("/lkdata/collector/pexip/mgr1".to_owned(), 1)]),
        );
        let record = Record { header, value: Bytes::from(value.to_string()) };
        log.append(QUARANTINE, 0, vec![record]).await.unwrap();
    });
}

/// How many records of the quarantine's topic there are.
pub(crate) fn parked(directory: &Path) -> usize {
    let log = open(directory);
    runtime().block_on(async {
        let start = log.start_offset(QUARANTINE, 0).await.unwrap();
        log.read(QUARANTINE, 0, start, 1 << 20).await.unwrap().len()
    })
}

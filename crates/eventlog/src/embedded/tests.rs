//! What a failing disk leads to.

use super::*;
use crate::{Header, Kind, Outcome};

const TOPIC: &str = "topic";

async fn open(directory: &std::path::Path) -> EmbeddedLog {
    let log = EmbeddedLog::open(Config { free_bytes_min: 1 << 20, ..Config::new(directory) }).unwrap();
    log.ensure_topics(&[TopicSpec { name: TOPIC.to_owned(), partitions: 1 }]).await.unwrap();
    log
}

fn record(value: &'static str) -> Vec<Record> {
    let header = Header {
        kind: Kind::Events,
        collector: "c".to_owned(),
        epoch: 0,
        batch: 0,
        received: 0,
        sources: Vec::new(),
        released: false,
    };
    vec![Record { header, value: Bytes::from_static(value.as_bytes()) }]
}

async fn values(log: &EmbeddedLog) -> Vec<Bytes> {
    log.read(TOPIC, 0, 0, 1 << 20).await.unwrap().into_iter().map(|record| record.value).collect()
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_ever_reported_as_done() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).await;
    log.append(TOPIC, 0, record("first")).await.unwrap();
    log.shared.storage.faults().sync_fails = true;
    let error = log.append(TOPIC, 0, record("second")).await.unwrap_err();
    assert!(matches!(error.error, Error::Poisoned { .. }), "{error:?}");
    assert_eq!(error.outcomes, [Outcome::Unknown]);

    log.shared.storage.faults().sync_fails = false;
    let error = log.append(TOPIC, 0, record("third")).await.unwrap_err();
    assert!(matches!(error.error, Error::Poisoned { .. }), "{error:?}");
    assert_eq!(error.outcomes, [Outcome::Out]);
    assert!(!error.error.is_retriable());
    let error = log.check_writable().await.unwrap_err();
    assert!(matches!(error, Error::Poisoned { .. }), "{error:?}");
    // What was durable before is still there to be counted.
    assert_eq!(values(&log).await, ["first"]);
    drop(log);

    // A restart takes what is there. The second may be: it was written, and nobody knows.
    let found = values(&open(directory.path()).await).await;
    assert!(found == ["first"] || found == ["first", "second"], "{found:?}");
}

#[tokio::test]
async fn a_nearly_full_disk_stops_writing_but_not_reading_and_goes_on_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).await;
    log.append(TOPIC, 0, record("first")).await.unwrap();
    log.shared.storage.faults().free_bytes = Some(1000);
    let error = log.append(TOPIC, 0, record("second")).await.unwrap_err();
    assert!(matches!(error.error, Error::Full { free_bytes: 1000, .. }), "{error:?}");
    assert!(error.error.is_retriable());
    assert_eq!(error.outcomes, [Outcome::Out]);
    assert_eq!(values(&log).await, ["first"]);
    assert!(matches!(log.check_writable().await.unwrap_err(), Error::Full { .. }));

    log.shared.storage.faults().free_bytes = None;
    log.check_writable().await.unwrap();
    assert_eq!(log.append(TOPIC, 0, record("third")).await.unwrap(), [1]);
    assert_eq!(values(&log).await, ["first", "third"]);
}

#[tokio::test]
async fn a_disk_that_runs_full_in_a_write_closes_the_store_until_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).await;
    log.append(TOPIC, 0, record("first")).await.unwrap();
    log.shared.storage.faults().write_finds_disk_full = true;
    let error = log.append(TOPIC, 0, record("second")).await.unwrap_err();
    assert!(matches!(error.error, Error::Full { .. }), "{error:?}");
    assert_eq!(error.outcomes, [Outcome::Unknown]);
    assert!(matches!(log.read(TOPIC, 0, 0, 1).await.unwrap_err(), Error::Full { .. }));

    log.shared.storage.faults().write_finds_disk_full = false;
    assert_eq!(log.append(TOPIC, 0, record("third")).await.unwrap(), [1]);
    assert_eq!(values(&log).await, ["first", "third"]);
}

#[tokio::test]
async fn a_flush_that_fails_ends_the_deletion_that_waits_for_it_and_the_log_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).await;
    for value in ["first", "second"] {
        log.append(TOPIC, 0, record(value)).await.unwrap();
    }
    let tables = directory.path().join("store/keyspaces");
    let away = directory.path().join("away");
    std::fs::rename(&tables, &away).unwrap();
    let error = log.delete_before(TOPIC, 0, 1).await.unwrap_err();
    assert!(error.to_string().contains("compacting"), "{error}");
    let error = log.append(TOPIC, 0, record("third")).await.unwrap_err();
    assert!(matches!(error.error, Error::Unavailable { .. }), "{error:?}");

    std::fs::rename(&away, &tables).unwrap();
    assert_eq!(log.append(TOPIC, 0, record("fourth")).await.unwrap(), [2]);
    assert_eq!(log.delete_before(TOPIC, 0, 2).await.unwrap(), 2);
    assert_eq!(log.read(TOPIC, 0, 2, 1 << 20).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_flush_that_fails_ends_the_append_that_waits_for_it_and_the_log_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).await;
    log.append(TOPIC, 0, record("first")).await.unwrap();
    let tables = directory.path().join("store/keyspaces");
    let away = directory.path().join("away");
    std::fs::rename(&tables, &away).unwrap();
    log.shared.storage.faults().flushes_are_behind = true;
    let flush = async { log.shared.storage.begin_flush(TOPIC, 0) };
    let (appended, ()) = tokio::join!(log.append(TOPIC, 0, record("second")), flush);
    let error = appended.unwrap_err();
    assert!(matches!(error.error, Error::Unavailable { .. }), "{error:?}");

    log.shared.storage.faults().flushes_are_behind = false;
    std::fs::rename(&away, &tables).unwrap();
    assert_eq!(log.append(TOPIC, 0, record("third")).await.unwrap(), [1]);
    assert_eq!(values(&log).await, ["first", "third"]);
}

#[tokio::test]
async fn a_crash_between_recording_a_new_start_and_deleting_shows_nothing_below_it() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path()).await;
    for value in ["first", "second", "third"] {
        log.append(TOPIC, 0, record(value)).await.unwrap();
    }
    log.shared.storage.record_start(TOPIC, 0, 2).unwrap();
    drop(log);
    let log = open(directory.path()).await;
    assert_eq!(log.start_offset(TOPIC, 0).await.unwrap(), 2);
    assert!(matches!(log.read(TOPIC, 0, 0, 1).await.unwrap_err(), Error::BelowLogStart { .. }));
    assert_eq!(log.append(TOPIC, 0, record("fourth")).await.unwrap(), [3]);
}

#[tokio::test]
async fn a_log_that_power_loss_left_half_made_is_made_again() {
    let new = tempfile::tempdir().unwrap();
    std::fs::write(new.path().join("FORMAT.new"), "taxameter ev").unwrap();
    drop(open(new.path()).await);
    // The store is begun when the format is there.
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(new.path().join("FORMAT"), directory.path().join("FORMAT")).unwrap();
    std::fs::create_dir(directory.path().join("store.new")).unwrap();
    std::fs::write(directory.path().join("store.new/0.jnl"), [0; 100]).unwrap();
    let log = open(directory.path()).await;
    log.append(TOPIC, 0, record("first")).await.unwrap();
    drop(log);
    assert_eq!(values(&open(directory.path()).await).await, ["first"]);
}

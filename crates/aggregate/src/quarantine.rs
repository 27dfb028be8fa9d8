//! The quarantine topic → the table: what collectors refused or parked is kept where it can be listed and explained.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use domain::Instant;
use eventlog::{EventLog, Stored, topic};
use serde::Deserialize;
use store::rows::{Batch, Position, QuarantineRow};
use tokio::sync::watch;

use crate::generation;
use crate::metrics::Metrics;
use crate::retry::{stopped, until_done};
use crate::seam::Rows;

/// How many bytes of records are read at once.
const READ_BYTES: usize = 4 << 20;
/// How long to wait for more, and after a failure of the log.
const WAIT: Duration = Duration::from_secs(1);

/// The value of a record of the quarantine topic.
#[derive(Deserialize)]
struct Entry {
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    event: Option<String>,
    #[serde(default)]
    hash: Option<String>,
}

/// Copies the topic's only partition until told to stop. Where it goes on is what it wrote last; a row's key is its place
/// in the topic, so writing twice changes nothing.
pub(crate) async fn run<S: Rows>(
    rows: Arc<S>,
    log: Arc<dyn EventLog>,
    metrics: Metrics,
    generation: u16,
    mut stop: watch::Receiver<bool>,
) {
    let copy = async {
        let first = until_done(&metrics, "generations", || generation::first_of_log(&*rows)).await;
        let mut next =
            until_done(&metrics, "place in the quarantine topic", || rows.quarantine_offset(first, 0)).await;
        loop {
            match log.read(topic::QUARANTINE, 0, next, READ_BYTES).await {
                Ok(records) if records.is_empty() => {
                    if log.wait_for_more(topic::QUARANTINE, 0, next, WAIT).await.is_err() {
                        tokio::time::sleep(WAIT).await;
                    }
                }
                Ok(records) => {
                    let quarantine = records.iter().map(row).collect();
                    let batch = Batch { generation, partition: 0, quarantine, ..Batch::default() };
                    until_done(&metrics, "insert into the quarantine", || rows.write_quarantine(&batch))
                        .await;
                    next = records.last().map_or(next, |record| record.offset + 1);
                }
                Err(eventlog::Error::BelowLogStart { start, .. }) => next = start,
                // The log was restored from an older copy. What is copied twice lies there twice, but nothing is left out.
                Err(eventlog::Error::BeyondLogEnd { wanted, end, .. }) => {
                    tracing::warn!(wanted, end, "quarantine topic is shorter than it was; it is copied anew");
                    next = 0;
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "quarantine topic cannot be read"
                    );
                    tokio::time::sleep(WAIT).await;
                }
            }
        }
    };
    tokio::select! {
        () = copy => {}
        () = stopped(&mut stop) => {}
    }
}

fn row(record: &Stored) -> QuarantineRow {
    let position = Position::new(record.offset, 0);
    let received = Instant::from_micros(record.received());
    let header = record.header.as_ref().ok();
    let of = header.map_or_else(
        || (String::new(), 0, 0),
        |header| (header.collector.clone(), header.epoch, header.batch),
    );
    let released = header.is_some_and(|header| header.released);
    match serde_json::from_slice::<Entry>(&record.value) {
        Ok(entry) => {
            let event = entry.event.and_then(|text| BASE64.decode(text.as_bytes()).ok());
            QuarantineRow {
                position,
                code: entry.code,
                detail: entry.detail,
                source: entry.source.unwrap_or_default(),
                id: entry.id.unwrap_or_default(),
                hash: entry.hash.unwrap_or_default(),
                received,
                event,
                record: of.clone(),
                released,
            }
        }
        Err(error) => QuarantineRow {
            position,
            code: domain::Code::Undecodable.name().to_owned(),
            detail: format!("a record of the quarantine that cannot be read: {error}"),
            source: String::new(),
            id: String::new(),
            hash: blake3::hash(&record.value).to_hex().as_str()[..32].to_owned(),
            received,
            event: Some(record.value.to_vec()),
            record: of,
            released,
        },
    }
}

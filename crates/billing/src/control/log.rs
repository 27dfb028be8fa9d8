//! A decision → a record of the control log that counts.

use std::sync::Arc;
use std::time::Duration;

use domain::Instant;
use eventlog::topic::CONTROL;
use eventlog::{EventLog, Stored};
use serde::Serialize;
use tokio::sync::Mutex;

use super::chain::{Chain, Judged};
use crate::error::{Error, logging};

/// How many bytes are read at once: thousands of decisions.
const READ_BYTES: usize = 1 << 20;
/// How often a writer tries that comes second: even ten at a time are through long before.
const RACES_MAX: u32 = 100;
/// How often an append is repeated whose outcome is not known.
const FAILURES_MAX: u32 = 3;
/// How long is waited after a failure, and for a record that was answered as durable to be seen.
const PAUSE: Duration = Duration::from_millis(100);

/// The control log as a writer knows it: how far it was read, and where the chain is there.
pub(crate) struct ControlLog {
    log: Arc<dyn EventLog>,
    read: Mutex<Reading>,
}

struct Reading {
    chain: Chain,
    next: u64,
}

impl ControlLog {
    pub(crate) fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, read: Mutex::new(Reading { chain: Chain::at_start(0), next: 0 }) }
    }

    /// Puts a decision on the log and answers with its offset, once it is durable and counts. A decision that was void
    /// because another came first is written again behind it.
    pub(crate) async fn append(&self, decision: &impl Serialize, at: Instant) -> crate::Result<u64> {
        #[expect(
            clippy::expect_used,
            reason = "decisions are structs of strings: they become JSON, in memory"
        )]
        let raw = serde_json::value::to_raw_value(decision).expect("a decision is JSON");
        let mut reading = self.read.lock().await;
        let mut mine = String::new();
        let mut failures = 0;
        for _ in 0..RACES_MAX {
            if let Some(offset) = self.catch_up(&mut reading, 0, &mine).await? {
                return Ok(offset);
            }
            let (record, chain) = reading.chain.next(&raw, at);
            mine = chain;
            let upto = match self.log.append(CONTROL, 0, vec![record]).await {
                Ok(offsets) => offsets.last().map_or(0, |offset| offset + 1),
                Err(failed) if failed.error.is_retriable() && failures < FAILURES_MAX => {
                    failures += 1;
                    tokio::time::sleep(PAUSE).await;
                    0
                }
                Err(source) => return Err(Error::Append { what: "a decision", source: Box::new(source) }),
            };
            if let Some(offset) = self.catch_up(&mut reading, upto, &mine).await? {
                return Ok(offset);
            }
        }
        Err(Error::Contended { attempts: RACES_MAX })
    }

    /// Reads to the end of the log, and at least up to an offset. Answers with the place of the record that counts and
    /// has this chain.
    async fn catch_up(&self, reading: &mut Reading, upto: u64, mine: &str) -> crate::Result<Option<u64>> {
        let failed = logging("reading the control log");
        let start = self.log.start_offset(CONTROL, 0).await.map_err(&failed)?;
        if reading.next < start {
            *reading = Reading { chain: Chain::at_start(start), next: start };
        }
        let mut found = None;
        loop {
            let records = self.log.read(CONTROL, 0, reading.next, READ_BYTES).await.map_err(&failed)?;
            if records.is_empty() && reading.next >= upto {
                return Ok(found);
            }
            if records.is_empty() {
                self.log.wait_for_more(CONTROL, 0, reading.next, PAUSE).await.map_err(&failed)?;
            }
            for stored in &records {
                found = found.or(reading.take(stored, mine));
            }
        }
    }
}

impl Reading {
    fn take(&mut self, stored: &Stored, mine: &str) -> Option<u64> {
        self.next = stored.offset + 1;
        match self.chain.judge(stored) {
            Judged::Valid(decision) if decision.chain == mine => Some(stored.offset),
            Judged::Valid(_) | Judged::Void(_) => None,
        }
    }
}

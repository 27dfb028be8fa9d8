//! the spool → the log, in order, headers unchanged

use std::sync::atomic::Ordering;
use std::time::Duration;

use eventlog::{Error, Outcome, Record, Stored};

use super::spool::{Spool, received, stored_bytes};
use super::{Lane, Late, Outbox};

/// How long a lane waits after the log refused it at once. While the log is away an append takes longer than this to fail.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a lane waits when the spool itself cannot be read: that heals by somebody's doing only.
const FAILURE_PAUSE: Duration = Duration::from_secs(10);

/// So many bytes of a lane that are on the log are deleted together: deleting tidies the store up, which takes longer than
/// sending a record. A crash in between sends these again, which counts nothing twice.
const DELETE_BYTES: u64 = 16 << 20;

/// One lane's way out of the spool.
pub(super) struct Drain<'a> {
    outbox: &'a Outbox,
    spool: &'a Spool,
    lane: &'a Lane,
    /// The first record that is not known to be on the log.
    next: u64,
    /// What lies before it and is not deleted yet.
    drained_bytes: u64,
}

impl<'a> Drain<'a> {
    pub(super) fn new(outbox: &'a Outbox, spool: &'a Spool, lane: &'a Lane) -> Self {
        Self { outbox, spool, lane, next: 0, drained_bytes: 0 }
    }

    pub(super) async fn run(mut self) {
        loop {
            match self.step().await {
                Ok(true) => {}
                Ok(false) => self.lane.filled.notified().await,
                Err(error) => {
                    // What was accepted stays where it is until somebody has mended the disk or the topic.
                    let (topic, partition) = (self.lane.topic, self.lane.partition);
                    tracing::error!(
                        topic,
                        partition,
                        error = &error as &dyn std::error::Error,
                        "the spool cannot be drained"
                    );
                    self.outbox.metrics.spool_failures.inc();
                    tokio::time::sleep(FAILURE_PAUSE).await;
                }
            }
        }
    }

    /// Moves some records on. Answers whether there may be more.
    async fn step(&mut self) -> Result<bool, Error> {
        let (topic, partition) = (self.lane.topic, self.lane.partition);
        // Nothing before the start is left to send, and after a start of the program nothing else is known.
        self.next = self.next.max(self.spool.start(topic, partition).await?);
        let late = self.lane.state.lock().await.late.take();
        if let Some(late) = late {
            self.await_late(late).await?;
        }
        let records = self.spool.read(topic, partition, self.next).await?;
        let Some(first) = records.first() else { return self.end().await };
        *self.lane.oldest.lock() = Some(received(first));
        self.send(records).await?;
        if self.drained_bytes >= DELETE_BYTES {
            self.delete().await?;
        }
        Ok(true)
    }

    /// An append that was too late may have arrived all the same: then its records need not be sent again.
    async fn await_late(&mut self, late: Late) -> Result<(), Error> {
        if !matches!(late.append.await, Ok(Ok(_))) {
            return Ok(());
        }
        self.found_back();
        let mut left = late.records;
        while left > 0 {
            let records = self.spool.read(self.lane.topic, self.lane.partition, self.next).await?;
            let arrived = records.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if arrived == 0 {
                break;
            }
            left -= arrived as u64;
            self.done(&records[..arrived]);
        }
        Ok(())
    }

    async fn send(&mut self, records: Vec<Stored>) -> Result<(), Error> {
        let mut copies = Vec::with_capacity(records.len());
        for record in &records {
            let header = record.header.clone().map_err(|error| Error::Damaged {
                path: self.lane.topic.into(),
                detail: format!("record {} of the spool: {error}", record.offset),
            })?;
            copies.push(Record { header, value: record.value.clone() });
        }
        let (topic, partition) = (self.lane.topic, self.lane.partition);
        match self.outbox.log.append(topic, partition, copies).await {
            Ok(_) => {
                self.found_back();
                self.done(&records);
            }
            Err(failed) => {
                // From the first that is not surely there all are sent again, so that their order stays.
                let is_in = |outcome: &&Outcome| matches!(outcome, Outcome::In(_));
                let arrived = failed.outcomes.iter().take_while(is_in).count();
                self.done(&records[..arrived.min(records.len())]);
                tracing::warn!(
                    topic,
                    partition,
                    left = records.len() - arrived,
                    error = &failed.error as &dyn std::error::Error,
                    "the log is still away; the spool waits"
                );
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    fn found_back(&self) {
        *self.outbox.failed_at.lock() = None;
    }

    fn done(&mut self, records: &[Stored]) {
        let Some(last) = records.last() else { return };
        self.next = last.offset + 1;
        self.drained_bytes += records.iter().map(stored_bytes).sum::<u64>();
        self.spool.count_drained(records.len() as u64);
    }

    async fn delete(&mut self) -> Result<(), Error> {
        let (topic, partition) = (self.lane.topic, self.lane.partition);
        self.spool.delete_before(topic, partition, self.next, self.drained_bytes).await?;
        self.drained_bytes = 0;
        Ok(())
    }

    /// At the lane's end: lets new records go to the log directly, unless some have come meanwhile.
    async fn end(&mut self) -> Result<bool, Error> {
        if self.drained_bytes > 0 {
            self.delete().await?;
        }
        let mut state = self.lane.state.lock().await;
        if self.spool.end(self.lane.topic, self.lane.partition).await? > self.next || state.late.is_some() {
            return Ok(true);
        }
        *self.lane.oldest.lock() = None;
        if std::mem::take(&mut state.is_spooled) {
            self.outbox.behind.fetch_sub(1, Ordering::AcqRel);
            tracing::info!(
                topic = self.lane.topic,
                partition = self.lane.partition,
                "the spool of a lane is empty"
            );
        }
        Ok(false)
    }
}

//! records of one lane, in order → the log, or the spool while the log is away → durable
//!
//! A lane is a partition that this collector writes to. Its records reach the log in the order in which they were
//! appended: while a lane has something in the spool, everything goes behind it there, and [`drain`] moves it on. A
//! record that may or may not have arrived is sent again as it is, with the same batch number, so that the books know it
//! for a repetition (counting §8) and the count for a duplicate (§3).

mod drain;
mod spool;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::Instant;
use eventlog::{AppendError, Error, EventLog, Outcome, Record, topic};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

pub(crate) use self::spool::FormerSpool;
use self::spool::Spool;
pub use self::spool::SpoolConfig;
use crate::intake::Unavailable;
use crate::metrics::Metrics;

/// How long a lane waits for the log before it spools: longer than a broker's ordinary hiccup, short beside the 30 s that a
/// request may take. What was sent to the log is not taken back; when it arrives after all, it is dropped from the spool.
const SPOOL_AFTER: Duration = Duration::from_secs(3);

/// For how long after a failure nobody waits for the log again, unless the drain finds it back earlier: each lane would
/// otherwise spend [`SPOOL_AFTER`] on finding out what another has just found out.
const AWAY: Duration = Duration::from_secs(5);

/// Where the records of all lanes go.
pub(crate) struct Outbox {
    log: Arc<dyn EventLog>,
    spool: Option<Spool>,
    /// The usage log's partitions, then the quarantine.
    lanes: Vec<Lane>,
    /// How many lanes have something that is not known to be on the log.
    behind: AtomicUsize,
    /// When the log last failed, unless it was found back since.
    failed_at: Mutex<Option<tokio::time::Instant>>,
    metrics: Metrics,
}

/// A partition, and what of it is not on the log.
pub(crate) struct Lane {
    topic: &'static str,
    partition: u32,
    /// Held while the spool is written, so that nothing slips past what is there.
    state: tokio::sync::Mutex<State>,
    /// Wakes the drain.
    filled: Notify,
    /// When the oldest record in the spool was received.
    oldest: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct State {
    /// Whether the spool has something of this lane, so that everything goes behind it.
    is_spooled: bool,
    /// An append that was not confirmed in time. Its records are the first of the lane in the spool.
    late: Option<Late>,
}

/// What is still under way to the log, while it already lies in the spool.
struct Late {
    append: JoinHandle<Result<Vec<u64>, AppendError>>,
    records: u64,
}

impl Outbox {
    /// An outbox for the log's topics, with what an earlier run left in its spool, which is read through. Spools of a usage log
    /// with other partitions come beside it: what they hold must be packed anew.
    pub(crate) async fn open(
        log: Arc<dyn EventLog>,
        spool: Option<&SpoolConfig>,
        metrics: Metrics,
    ) -> Result<(Self, Vec<FormerSpool>), Error> {
        let asked = log.topic(topic::USAGE).await.map(|usage| usage.partitions);
        let (spool, partitions, former) = match spool {
            Some(config) => {
                let (spool, partitions) = Spool::open(config, asked, metrics.clone()).await?;
                (Some(spool), partitions, FormerSpool::all(config).await?)
            }
            None => (None, asked?, Vec::new()),
        };
        let usage = (0..partitions).map(|partition| Lane::new(topic::USAGE, partition));
        let lanes = usage.chain([Lane::new(topic::QUARANTINE, 0)]).collect();
        let (behind, failed_at) = (AtomicUsize::new(0), Mutex::new(None));
        let outbox = Self { log, spool, lanes, behind, failed_at, metrics };
        outbox.find_left_over().await?;
        Ok((outbox, former))
    }

    async fn find_left_over(&self) -> Result<(), Error> {
        let Some(spool) = &self.spool else { return Ok(()) };
        for lane in &self.lanes {
            let left = spool.left_over(lane.topic, lane.partition).await?;
            if left.records > 0 {
                let (topic, partition, records) = (lane.topic, lane.partition, left.records);
                tracing::info!(topic, partition, records, "the spool has records of an earlier run");
                *lane.oldest.lock() = left.oldest;
                lane.state.lock().await.is_spooled = true;
                self.behind.fetch_add(1, Ordering::AcqRel);
                lane.filled.notify_one();
            }
        }
        Ok(())
    }

    /// How many partitions the usage log has. Their lanes are numbered as they are; the quarantine's comes after them.
    pub(crate) fn partitions(&self) -> u32 {
        // The lanes were made from a u32, and one more.
        u32::try_from(self.lanes.len() - 1).unwrap_or(u32::MAX)
    }

    /// Whether everything that was called durable is on the log.
    pub(crate) fn is_empty(&self) -> bool {
        self.behind.load(Ordering::Acquire) == 0
    }

    /// Whether events are taken while the log is away.
    pub(crate) fn has_room(&self) -> bool {
        self.spool.as_ref().is_some_and(Spool::has_room)
    }

    /// Shows how old the oldest record in the spool is.
    pub(crate) fn show_age(&self, now: Instant) {
        let oldest = self.lanes.iter().filter_map(|lane| *lane.oldest.lock()).min();
        let micros = oldest.map_or(0, |oldest| now.micros().saturating_sub(oldest.micros()).max(0));
        self.metrics.spool_age.set(micros / 1_000_000);
    }

    /// Makes records durable: on the log, or in the spool. A lane has one append under way at a time; its caller sees to
    /// that, because two could overtake each other.
    pub(crate) async fn append(&self, lane: usize, records: Vec<Record>) -> Result<(), Unavailable> {
        let lane = &self.lanes[lane];
        let Some(spool) = &self.spool else {
            return outcome(self.log.append(lane.topic, lane.partition, records).await);
        };
        {
            let mut state = lane.state.lock().await;
            if state.is_spooled || self.is_away() {
                return self.spool(spool, lane, &mut state, records).await;
            }
        }
        let Some(Kept { records, late }) = self.try_log(lane, records).await? else { return Ok(()) };
        *self.failed_at.lock() = Some(tokio::time::Instant::now());
        let mut state = lane.state.lock().await;
        self.spool(spool, lane, &mut state, records).await?;
        state.late = late;
        Ok(())
    }

    /// Appends to the log; answers with what must be spooled.
    async fn try_log(&self, lane: &Lane, records: Vec<Record>) -> Result<Option<Kept>, Unavailable> {
        let (log, topic, partition) = (Arc::clone(&self.log), lane.topic, lane.partition);
        // The bytes are shared, not copied.
        let copies = records.clone();
        let mut append = tokio::spawn(async move { log.append(topic, partition, copies).await });
        let Ok(done) = tokio::time::timeout(SPOOL_AFTER, &mut append).await else {
            tracing::warn!(topic, partition, "the log does not confirm; its records go into the spool");
            let late = Some(Late { append, records: records.len() as u64 });
            return Ok(Some(Kept { records, late }));
        };
        let failed = match done {
            Ok(Ok(_)) => return Ok(None),
            Ok(Err(failed)) => failed,
            // The task is never cancelled, so it panicked: a bug, which must not be hidden.
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        if !failed.error.is_retriable() && failed.count_unknown() == 0 {
            return outcome(Err(failed)).map(|()| None);
        }
        tracing::warn!(
            topic,
            partition,
            error = &failed.error as &dyn std::error::Error,
            "the log is away; its records go into the spool"
        );
        let is_in = |outcome: &Outcome| matches!(outcome, Outcome::In(_));
        let kept = records.into_iter().zip(&failed.outcomes).filter(|(_, outcome)| !is_in(outcome));
        let records: Vec<Record> = kept.map(|(record, _)| record).collect();
        Ok((!records.is_empty()).then_some(Kept { records, late: None }))
    }

    async fn spool(
        &self,
        spool: &Spool,
        lane: &Lane,
        state: &mut State,
        records: Vec<Record>,
    ) -> Result<(), Unavailable> {
        let received = records.first().map(|record| Instant::from_micros(record.header.received));
        spool.append(lane.topic, lane.partition, records).await?;
        lane.oldest.lock().get_or_insert(received.unwrap_or_default());
        if !state.is_spooled {
            state.is_spooled = true;
            self.behind.fetch_add(1, Ordering::AcqRel);
        }
        lane.filled.notify_one();
        Ok(())
    }

    fn is_away(&self) -> bool {
        self.failed_at.lock().is_some_and(|at| at.elapsed() < AWAY)
    }

    /// Moves what is in the spool to the log, lane by lane, until told to stop. What is left then is drained after the next
    /// start.
    pub(crate) async fn drain(&self, mut stop: watch::Receiver<bool>) {
        let Some(spool) = &self.spool else {
            let _ = stop.wait_for(|stop| *stop).await;
            return;
        };
        let lanes = self.lanes.iter().map(|lane| drain::Drain::new(self, spool, lane).run());
        tokio::select! {
            _ = futures::future::join_all(lanes) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// Records that the log has not confirmed.
struct Kept {
    records: Vec<Record>,
    late: Option<Late>,
}

impl Lane {
    fn new(topic: &'static str, partition: u32) -> Self {
        Self {
            topic,
            partition,
            state: tokio::sync::Mutex::default(),
            filled: Notify::new(),
            oldest: Mutex::new(None),
        }
    }
}

/// What the senders are told of a failed append, and the one place where it is logged.
fn outcome(result: Result<Vec<u64>, AppendError>) -> Result<(), Unavailable> {
    let Err(failed) = result else { return Ok(()) };
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever else is wrong with the log, the senders wait for us"
    )]
    match &failed.error {
        Error::Overloaded { .. } => {
            tracing::warn!(topic = failed.topic, "the log is overloaded; senders are asked to wait");
            Err(Unavailable::Overloaded)
        }
        error => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(topic = failed.topic, %error, cause, "events could not be put on the log");
            Err(match error {
                Error::Full { .. } => Unavailable::LogFull,
                Error::Poisoned { .. } => Unavailable::LogFailed,
                _ => Unavailable::Log,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_overloaded_log_is_worth_trying_again_at_once() {
        let failed =
            |error| outcome(Err(AppendError { topic: "usage".to_owned(), outcomes: Vec::new(), error }));
        assert_eq!(failed(Error::Overloaded { bytes: 1 }), Err(Unavailable::Overloaded));
        assert_eq!(failed(Error::Full { path: "log".into(), free_bytes: 1 }), Err(Unavailable::LogFull));
        assert_eq!(failed(Error::UnknownTopic { topic: "usage".to_owned() }), Err(Unavailable::Log));
        assert_eq!(outcome(Ok(vec![0])), Ok(()));
    }
}

//! requests under way + spool → marks on the usage log (counting §7)
//!
//! A mark says up to when everything that this collector has acknowledged is on the log, so that a close knows that
//! nothing is left in a spool. It is written at least each minute, and soon after any record of the control log, because
//! such a record may be a close that waits for it. While there is something in the spool there is none: that is what
//! the close is to notice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::Instant;
use eventlog::{EventLog, Header, Kind, Record, header, topic};
use tokio::sync::watch;

use crate::intake::Intake;

/// Marks are this far apart when nobody asks: with the time that one takes still within the minute of counting §7.
const EVERY: Duration = Duration::from_secs(50);

/// How long the control log is watched before the spool and the clock are looked at again.
const LOOK: Duration = Duration::from_secs(1);

/// The most bytes of decisions that are read at once; only when they were made is of interest.
const READ_BYTES: usize = 256 << 10;

/// How long a mark may take: who stops the program waits for the last one, and what is not confirmed is written anew.
const WAIT: Duration = Duration::from_secs(5);

/// Writes a collector's marks.
pub struct Marker {
    intake: Arc<Intake>,
    log: Arc<dyn EventLog>,
    clock: fn() -> Instant,
}

impl std::fmt::Debug for Marker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Marker").finish_non_exhaustive()
    }
}

/// What the marker has seen and still owes.
struct Watch {
    /// The control log is read up to here; none before it was first reached.
    seen: Option<u64>,
    /// When the newest decision was made that no mark is later than.
    asked: Option<Instant>,
    /// When the next mark is due.
    due: tokio::time::Instant,
}

impl Marker {
    /// A marker for an intake. The clock is the one that the intake's events are stamped by.
    pub fn new(intake: Arc<Intake>, log: Arc<dyn EventLog>, clock: fn() -> Instant) -> Self {
        Self { intake, log, clock }
    }

    /// Marks until told to stop.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let marking = async {
            let mut watch = Watch { seen: None, asked: None, due: tokio::time::Instant::now() };
            loop {
                self.intake.outbox().show_age((self.clock)());
                if watch.asked.is_some() || watch.due <= tokio::time::Instant::now() {
                    self.mark_for(&mut watch).await;
                }
                if let Err(error) = self.look(&mut watch).await {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "the control log cannot be watched"
                    );
                    tokio::time::sleep(LOOK).await;
                }
            }
        };
        tokio::select! {
            () = marking => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Says that this collector has stopped and left nothing behind, if that is so: until it comes back, nobody waits for it.
    /// To be called when no more events can come.
    pub async fn leave(&self) {
        if !self.intake.is_spool_empty() {
            tracing::info!("the spool is not empty: it is drained after the next start");
            return;
        }
        let left = self.append(Instant::from_micros(header::LEFT));
        match tokio::time::timeout(WAIT, left).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the last mark was not written");
            }
            Err(_) => tracing::warn!("the last mark was not confirmed in {WAIT:?}"),
        }
    }

    /// Writes a mark if the spool is empty, and answers with its instant.
    pub async fn mark(&self) -> Result<Option<Instant>, eventlog::AppendError> {
        // In this order: what was answered before the instant is either in the spool now, or on the log.
        let until = self.intake.arrivals().settled_until(self.clock);
        if !self.intake.is_spool_empty() {
            return Ok(None);
        }
        self.append(until).await?;
        Ok(Some(until))
    }

    async fn mark_for(&self, watch: &mut Watch) {
        let Ok(marked) = tokio::time::timeout(WAIT, self.mark()).await else {
            tracing::debug!("a mark was not confirmed in {WAIT:?}");
            return;
        };
        match marked {
            Ok(Some(until)) => {
                watch.due = tokio::time::Instant::now() + EVERY;
                // Events that came before the decision may still be under way, and the deciding clock may be ahead of ours.
                watch.asked = watch.asked.filter(|asked| until <= *asked);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a mark was not written");
            }
        }
    }

    /// Waits for a while for decisions.
    async fn look(&self, watch: &mut Watch) -> Result<(), eventlog::Error> {
        let seen = match watch.seen {
            Some(seen) => seen,
            // What was decided before this start is asked of the mark that every start begins with.
            None => self.log.end_offset(topic::CONTROL, 0).await?,
        };
        watch.seen = Some(seen);
        let end = self.log.wait_for_more(topic::CONTROL, 0, seen, LOOK).await?;
        if end <= seen {
            return Ok(());
        }
        // Forgotten first: should they be gone, the next look begins at the end.
        watch.seen = None;
        let records = self.log.read(topic::CONTROL, 0, seen, READ_BYTES).await?;
        watch.seen = records.last().map(|last| last.offset + 1).or(Some(end));
        let newest = records.iter().map(|record| Instant::from_micros(record.received())).max();
        watch.asked = watch.asked.max(newest);
        Ok(())
    }

    async fn append(&self, until: Instant) -> Result<(), eventlog::AppendError> {
        let (collector, epoch) = self.intake.writer();
        let header = Header {
            kind: Kind::Mark { spool_empty_until: until.micros() },
            collector: collector.to_owned(),
            epoch,
            // It holds nothing that could be counted twice, and may overtake records (see the packer).
            batch: 0,
            received: (self.clock)().micros(),
            sources: Vec::new(),
            released: false,
        };
        self.log.append(topic::USAGE, 0, vec![Record { header, value: Bytes::new() }]).await?;
        self.intake.metrics().marks.inc();
        Ok(())
    }
}

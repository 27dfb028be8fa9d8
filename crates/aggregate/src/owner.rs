//! The owner of one partition: records come in, rows go out, in the order of counting §4.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::Instant;
use domain::catalogue::Catalogue;
use eventlog::{EventLog, Kind, Stored, topic};
use store::counting::Step;
use tokio::sync::{Notify, mpsc};

use crate::counter::Counter;
use crate::error::Error;
use crate::generation::barrier;
use crate::metrics::Metrics;
use crate::record::{Decoded, decode};
use crate::retry::until_done;
use crate::seam::Rows;

/// How long nothing must come before what was counted is written: an accepted event is to be seen within seconds.
const EMIT_IDLE: Duration = Duration::from_millis(150);
/// What was counted is written at the latest after this, however much comes.
const EMIT_AGE: Duration = Duration::from_secs(2);
/// A barrier is appended when the last is older than this and something came since (counting §4).
const BARRIER_AGE: Duration = Duration::from_secs(3_600);
/// How often a meter that the catalogue does not know is looked for.
const CATALOGUE_POLL: Duration = Duration::from_millis(200);

/// What the owners of one process share.
pub(crate) struct Shared<S> {
    pub(crate) rows: Arc<S>,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) catalogue: Arc<ArcSwap<Catalogue>>,
    pub(crate) reload: Arc<Notify>,
    pub(crate) metrics: Metrics,
    pub(crate) now: fn() -> Instant,
    /// Tells the roll-up that there is news.
    pub(crate) news: Arc<Notify>,
    /// Tells the dispatcher that a delivery was taken.
    pub(crate) room: Arc<Notify>,
}

/// The owner of one partition.
pub(crate) struct Owner<S> {
    shared: Arc<Shared<S>>,
    counter: Counter,
    /// The offset after the last record whose rows are stored, for those who watch.
    written: Arc<AtomicU64>,
    last_record: tokio::time::Instant,
    oldest_unwritten: Option<tokio::time::Instant>,
    last_barrier: tokio::time::Instant,
    came_since_barrier: bool,
}

impl<S: Rows> Owner<S> {
    pub(crate) fn new(shared: Arc<Shared<S>>, counter: Counter, written: Arc<AtomicU64>) -> Self {
        let now = tokio::time::Instant::now();
        Self {
            shared,
            counter,
            written,
            last_record: now,
            oldest_unwritten: None,
            last_barrier: now,
            came_since_barrier: false,
        }
    }

    /// Counts until there are no more deliveries, or another generation began. May be dropped at any time: what was not
    /// sealed is counted again.
    pub(crate) async fn run(mut self, mut deliveries: mpsc::Receiver<Vec<Stored>>) -> Result<(), Error> {
        loop {
            let due = self.due();
            tokio::select! {
                biased;
                delivery = deliveries.recv() => match delivery {
                    Some(records) => {
                        self.shared.room.notify_one();
                        self.take(&records).await?;
                    }
                    None => return Ok(()),
                },
                () = tokio::time::sleep_until(due) => self.on_time().await?,
            }
        }
    }

    /// When something is to be done even if no record comes.
    fn due(&self) -> tokio::time::Instant {
        let emission =
            self.oldest_unwritten.map(|oldest| (self.last_record + EMIT_IDLE).min(oldest + EMIT_AGE));
        let barrier = self.last_barrier + BARRIER_AGE;
        emission.unwrap_or(barrier).min(barrier)
    }

    async fn on_time(&mut self) -> Result<(), Error> {
        if self.counter.has_news() {
            self.emit().await?;
        }
        if self.last_barrier.elapsed() >= BARRIER_AGE {
            if self.came_since_barrier {
                self.append_barrier().await;
            }
            self.last_barrier = tokio::time::Instant::now();
            self.came_since_barrier = false;
        }
        Ok(())
    }

    async fn take(&mut self, records: &[Stored]) -> Result<(), Error> {
        let horizon = self.counter.place().horizon;
        let decoded: Vec<Decoded<'_>> = records.iter().map(|record| decode(record, horizon)).collect();
        self.wait_for_meters(&decoded).await?;
        let wanted = self.counter.wanted(&decoded);
        if !wanted.is_empty() {
            let Shared { rows, metrics, .. } = &*self.shared;
            metrics.lookups.inc_by(wanted.len() as u64);
            let stored = until_done(metrics, "look-up of identities", || rows.identities(&wanted)).await;
            self.counter.learn(&stored);
        }
        for record in &decoded {
            self.counter.count(record);
            match record.stored.header.as_ref().map(|header| header.kind) {
                Ok(Kind::Barrier { .. }) => {
                    self.last_barrier = tokio::time::Instant::now();
                    self.came_since_barrier = false;
                }
                _ => self.came_since_barrier = true,
            }
        }
        self.last_record = tokio::time::Instant::now();
        let oldest = *self.oldest_unwritten.get_or_insert(self.last_record);
        // Only between deliveries: what the store answered above must stay known until all of this one is counted.
        if self.counter.is_full() || oldest.elapsed() >= EMIT_AGE {
            self.emit().await?;
        }
        if self.counter.wants_barrier() {
            self.append_barrier().await;
        }
        Ok(())
    }

    /// Waits until the catalogue knows every meter of these records. An event whose meter is unknown is not skipped.
    async fn wait_for_meters(&mut self, records: &[Decoded<'_>]) -> Result<(), Error> {
        let mut said = false;
        while let Some((service, meter)) = self.counter.unknown_meter(records, &self.shared.catalogue.load())
        {
            let metrics = &self.shared.metrics;
            if !said {
                said = true;
                metrics.unknown_meters.inc();
                metrics.waiting_for_catalogue.inc();
                let partition = self.counter.place().partition;
                tracing::warn!(
                    partition,
                    service,
                    meter,
                    "catalogue lacks a meter of the usage log; waiting for it"
                );
            }
            self.shared.reload.notify_one();
            // What was counted before is not held back.
            if self.counter.has_news() {
                self.emit().await?;
            }
            tokio::time::sleep(CATALOGUE_POLL).await;
        }
        if said {
            self.shared.metrics.waiting_for_catalogue.dec();
        }
        Ok(())
    }

    /// Refuses to go on when another generation began: what came after its start is for those who know it. A process that
    /// was only paused meanwhile is stopped by this. Asked after the records were read and before anything of them is
    /// written, so that no record of the next generation is ever counted into this one.
    async fn is_of_this_generation(&self) -> Result<(), Error> {
        let Shared { rows, metrics, .. } = &*self.shared;
        let began = self.counter.place().generation;
        let generations = until_done(metrics, "look at the generations", || rows.generations()).await;
        match generations.last() {
            Some(last) if last.generation > began => {
                Err(Error::OtherGeneration { began, found: last.generation })
            }
            _ => Ok(()),
        }
    }

    /// Writes everything since the last emission, step by step, each repeated until it is acknowledged.
    async fn emit(&mut self) -> Result<(), Error> {
        let began = tokio::time::Instant::now();
        self.is_of_this_generation().await?;
        let Shared { rows, metrics, news, .. } = &*self.shared;
        let (batch, dictionary) = self.counter.emission();
        for step in Step::all(batch.progress.len()) {
            until_done(metrics, what(step), || rows.write(step, batch, dictionary)).await;
        }
        let rows = batch.events.len() + batch.observations.len() + batch.snapshots.len() + batch.cells.len();
        let counts = self.counter.acknowledged();
        for (metric, count) in metrics.events.iter().zip(counts) {
            metric.inc_by(count);
        }
        metrics.emissions.inc();
        metrics.emission_rows.inc_by(rows as u64);
        metrics.emission_seconds.observe(began.elapsed().as_secs_f64());
        self.written.store(self.counter.next_offset(), Ordering::Relaxed);
        self.oldest_unwritten = None;
        news.notify_one();
        Ok(())
    }

    /// Appends a barrier. If that fails it is tried again when one is due next: windows are complete without.
    async fn append_barrier(&mut self) {
        let partition = self.counter.place().partition;
        let record = barrier((self.shared.now)());
        self.last_barrier = tokio::time::Instant::now();
        if let Err(error) = self.shared.log.append(topic::USAGE, partition, vec![record]).await {
            tracing::warn!(partition, error = &error as &dyn std::error::Error, "barrier was not appended");
        }
    }
}

fn what(step: Step) -> &'static str {
    match step {
        Step::Events => "insert of events",
        Step::Observations => "insert of observations",
        Step::Snapshots => "insert of snapshots",
        Step::Cells => "insert of cells",
        Step::Quarantine => "insert into the quarantine",
        Step::Marks => "insert of marks",
        Step::Progress(_) => "insert of progress",
    }
}

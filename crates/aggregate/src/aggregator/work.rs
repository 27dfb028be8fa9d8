//! What the dispatcher has under way: the owners of the partitions that are assigned, and what the owner of partition 0 has
//! beside it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::Instant;
use eventlog::{Delivery, EventLog, Stored, Subscription, topic};
use store::counting::Generation;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::counter::{Counter, Place};
use crate::error::Error;
use crate::filter;
use crate::generation;
use crate::lag::Counted;
use crate::owner::{Owner, Shared};
use crate::quarantine;
use crate::retry::until_done;
use crate::rollup::RollUp;
use crate::seam::{Revisions, Rows};
use crate::upkeep::{self, Kept};

/// How many deliveries wait for an owner; one more and the partition is paused. A delivery has about 2 MB, so with the one
/// that is counted and the one that is held back a partition has at most 8 MB.
const DELIVERIES_MAX: usize = 2;

/// How long a log may say that it ends before what was counted: a broker that leads since a moment knows how far all copies
/// go when the slowest has caught up or was given up, which takes Kafka's `replica.lag.time.max.ms` (30 s) at most.
const LOG_END_WAIT: Duration = Duration::from_secs(60);

/// How long to wait for a store that does not answer.
const STORE_POLL: Duration = Duration::from_secs(1);

/// An owner at work.
struct Running {
    task: JoinHandle<Result<(), Error>>,
    deliveries: mpsc::Sender<Vec<Stored>>,
    /// What came while the owner had enough to do; its partition is paused.
    held: VecDeque<Vec<Stored>>,
    is_paused: bool,
    written: Arc<AtomicU64>,
    committed: u64,
}

/// The tasks that the owner of partition 0 has beside it. Whoever else also had them would do no harm.
struct Beside {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Beside {
    /// Ends the tasks, and waits until they have.
    async fn end(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            task.abort();
            // Cancelled, as was asked for.
            let _ = task.await;
        }
    }
}

/// What the dispatcher has under way.
pub(super) struct Work<S> {
    pub(super) generation: Generation,
    pub(super) to_finish: bool,
    pub(super) kept: Kept,
    pub(super) counted: Counted,
    pub(super) watching: Option<JoinHandle<()>>,
    pub(super) shared: Arc<Shared<S>>,
    running: BTreeMap<u32, Running>,
    beside: Option<Beside>,
}

impl<S> Work<S> {
    pub(super) fn new(shared: Arc<Shared<S>>, generation: Generation, to_finish: bool, kept: Kept) -> Self {
        let counted = Counted::default();
        let (running, beside, watching) = (BTreeMap::new(), None, None);
        Self { generation, to_finish, kept, counted, watching, shared, running, beside }
    }

    /// Ends every task, and waits until it has.
    pub(super) async fn end(self) {
        let beside = self.beside.map(Beside::end);
        if let Some(watching) = self.watching {
            watching.abort();
        }
        self.running.values().for_each(|running| running.task.abort());
        for running in self.running.into_values() {
            // Cancelled, as was asked for.
            let _ = running.task.await;
        }
        if let Some(beside) = beside {
            beside.await;
        }
    }
}

impl<S: Rows + Revisions> Work<S> {
    pub(super) async fn handle(
        &mut self,
        delivery: Delivery,
        subscription: &mut dyn Subscription,
    ) -> Result<(), Error> {
        match delivery {
            Delivery::Assigned(partitions) => self.assign(&partitions, subscription).await,
            Delivery::Revoked(partitions) => {
                self.revoke(&partitions).await;
                Ok(())
            }
            Delivery::Records { partition, records } => {
                if let Some(running) = self.running.get_mut(&partition) {
                    running.held.push_back(records);
                }
                self.flush(subscription).await
            }
            Delivery::Idle => {
                for (partition, running) in &mut self.running {
                    let written = running.written.load(Ordering::Relaxed);
                    if written > running.committed {
                        running.committed = written;
                        subscription.commit_for_monitoring(*partition, written);
                        let label = partition.to_string();
                        let gauge = self.shared.metrics.counted_offset.with_label_values(&[label.as_str()]);
                        gauge.set(i64::try_from(written).unwrap_or(i64::MAX));
                    }
                }
                Ok(())
            }
        }
    }

    /// Hands over what is held, and pauses the partitions whose owners have enough to do.
    pub(super) async fn flush(&mut self, subscription: &mut dyn Subscription) -> Result<(), Error> {
        let ended: Vec<u32> = self
            .running
            .iter()
            .filter(|(_, running)| running.task.is_finished())
            .map(|(partition, _)| *partition)
            .collect();
        for partition in ended {
            if let Some(running) = self.running.remove(&partition) {
                running.task.await.map_err(|source| Error::Task { partition, source })??;
            }
        }
        for (partition, running) in &mut self.running {
            while let Some(records) = running.held.pop_front() {
                if let Err(
                    mpsc::error::TrySendError::Full(records) | mpsc::error::TrySendError::Closed(records),
                ) = running.deliveries.try_send(records)
                {
                    running.held.push_front(records);
                    break;
                }
            }
            let must_pause = !running.held.is_empty();
            if must_pause != running.is_paused {
                let result =
                    if must_pause { subscription.pause(*partition) } else { subscription.resume(*partition) };
                match result {
                    // It will be told so next.
                    Ok(()) | Err(eventlog::Error::NotAssigned { .. }) => running.is_paused = must_pause,
                    Err(source) => return Err(Error::Log { operation: "pause", source }),
                }
            }
        }
        Ok(())
    }

    /// Reads where each partition was, then builds the filters, then begins: in this order (counting §4).
    async fn assign(&mut self, partitions: &[u32], subscription: &mut dyn Subscription) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let Shared { rows, log, metrics, .. } = &*shared;
        // It may have ended since: what comes now is for those who know the next one.
        let found = generation(&**rows, &**log, self.to_finish).await?;
        if found != self.generation {
            let (began, found) = (self.generation.generation, found.generation);
            return Err(Error::OtherGeneration { began, found });
        }
        let (generation, count, horizon) = (found.generation, found.partitions, self.kept.horizon);
        let partitions: Vec<u32> =
            partitions.iter().copied().filter(|partition| *partition < count).collect();
        let partitions = partitions.as_slice();
        let counted = until_done(metrics, "progress", || rows.counted_prefix(generation, count)).await;
        let mut starts = BTreeMap::new();
        for partition in partitions {
            let counted = counted.as_of.get(*partition as usize).copied().unwrap_or_default();
            has_what_was_counted(&**log, *partition, counted).await?;
            let mut sealed = until_done(metrics, "progress", || rows.sealed(generation, *partition)).await;
            sealed.upto = sealed.upto.max(found.start(*partition));
            starts.insert(*partition, sealed);
        }
        let mut filters =
            until_done(metrics, "identities", || filter::build(&**rows, partitions, count)).await;
        for (partition, sealed) in starts {
            let from = sealed.upto;
            match seek(subscription, partition, from).await {
                Ok(()) => {}
                // It was taken away meanwhile, and the next delivery says so.
                Err(eventlog::Error::NotAssigned { .. }) => continue,
                // Whoever ends the generation was told, and decides.
                Err(eventlog::Error::BelowLogStart { .. }) if self.to_finish => continue,
                Err(source) => return Err(cannot_begin(partition, source)),
            }
            let filter = filters.remove(&partition).unwrap_or_default();
            let place = Place { generation, partition, partitions: count, horizon };
            let written = Arc::new(AtomicU64::new(from));
            let counter = Counter::new(place, &sealed, filter);
            let (deliveries, receiver) = mpsc::channel(DELIVERIES_MAX);
            let owner = Owner::new(Arc::clone(&shared), counter, Arc::clone(&written));
            let task = tokio::spawn(owner.run(receiver));
            let running = Running {
                task,
                deliveries,
                held: VecDeque::new(),
                is_paused: false,
                written,
                committed: from,
            };
            self.counted.begin(partition, Arc::clone(&running.written));
            if let Some(before) = self.running.insert(partition, running) {
                before.task.abort();
            }
            tracing::info!(partition, from, "partition is counted here");
        }
        if partitions.contains(&0) {
            if let Some(before) = self.beside.take() {
                before.end().await;
            }
            self.beside = Some(self.begin_beside());
        }
        Ok(())
    }

    fn begin_beside(&self) -> Beside {
        let generation = self.generation.generation;
        let (stop, stopped) = watch::channel(false);
        let Shared { rows, log, catalogue, metrics, now, news, .. } = &*self.shared;
        let (rows, catalogue, metrics) = (Arc::clone(rows), Arc::clone(catalogue), metrics.clone());
        let writer = writer_of(now());
        let rollup =
            RollUp::new(Arc::clone(&rows), catalogue, metrics.clone(), *now, self.generation.clone(), writer);
        let (to_come, news, until) = (Arc::clone(log), Arc::clone(news), stopped.clone());
        let rolling = tokio::spawn(async move {
            if let Err(error) = rollup.run(to_come, news, until).await {
                tracing::error!(error = &error as &dyn std::error::Error, "roll-up ended");
            }
        });
        let keeping = tokio::spawn(upkeep::run(
            Arc::clone(&rows),
            Arc::clone(log),
            metrics.clone(),
            *now,
            self.generation.clone(),
            self.kept,
        ));
        let copying = tokio::spawn(quarantine::run(rows, Arc::clone(log), metrics, generation, stopped));
        Beside { stop, tasks: vec![rolling, copying, keeping] }
    }

    /// Drops what was in memory for these partitions: another may own them already.
    async fn revoke(&mut self, partitions: &[u32]) {
        for partition in partitions {
            if let Some(running) = self.running.remove(partition) {
                self.counted.end(*partition);
                running.task.abort();
                // Cancelled, as was asked for.
                let _ = running.task.await;
                tracing::info!(partition, "partition is counted elsewhere");
            }
            if let Some(beside) = self.beside.take_if(|_| *partition == 0) {
                beside.end().await;
            }
        }
    }
}

/// [`generation::current`], as soon as the log and the store answer.
pub(super) async fn generation<S: Rows>(
    rows: &S,
    log: &dyn EventLog,
    to_finish: bool,
) -> Result<Generation, Error> {
    loop {
        match generation::current(rows, log, to_finish).await {
            Err(Error::Log { source, .. }) if source.is_retriable() => {
                tokio::time::sleep(eventlog::log::IDLE).await;
            }
            Err(Error::Store(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "store does not tell the generation"
                );
                tokio::time::sleep(STORE_POLL).await;
            }
            other => return other,
        }
    }
}

/// Goes to where a partition is read on. A broker that is away is waited for: the group may have moved the partition here
/// because of it.
async fn seek(subscription: &mut dyn Subscription, partition: u32, from: u64) -> eventlog::Result<()> {
    loop {
        match subscription.seek(partition, from).await {
            Err(error) if error.is_retriable() => {
                tracing::warn!(
                    partition,
                    from,
                    error = &error as &dyn std::error::Error,
                    "usage log cannot be sought in; trying again"
                );
                tokio::time::sleep(eventlog::log::IDLE).await;
            }
            result => return result,
        }
    }
}

/// Whether the log goes as far as it was counted. A broker that is away is waited for, and so is one that leads since a
/// moment and does not know yet how far all copies go.
async fn has_what_was_counted(log: &dyn EventLog, partition: u32, counted: u64) -> Result<(), Error> {
    let began = tokio::time::Instant::now();
    loop {
        match log.end_offset(topic::USAGE, partition).await {
            Ok(end) if end >= counted => return Ok(()),
            Ok(end) if began.elapsed() > LOG_END_WAIT => {
                return Err(Error::LogBehindStore { partition, counted, end });
            }
            Ok(end) => tracing::warn!(partition, counted, end, "usage log ends before what was counted"),
            Err(error) if error.is_retriable() => tracing::warn!(
                partition,
                error = &error as &dyn std::error::Error,
                "usage log does not tell its end; trying again"
            ),
            Err(source) => return Err(Error::Log { operation: "look at", source }),
        }
        tokio::time::sleep(eventlog::log::IDLE).await;
    }
}

fn cannot_begin(partition: u32, source: eventlog::Error) -> Error {
    if let eventlog::Error::BelowLogStart { wanted, start, .. } = source {
        return Error::RecordsGone { partition, wanted, start, source };
    }
    Error::Log { operation: "seek in", source }
}

/// A name that no other writer of previews has: the instant, and where this process keeps something.
fn writer_of(now: Instant) -> u128 {
    let place = Box::new(0_u8);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&now.micros().to_be_bytes()).update(&std::process::id().to_be_bytes());
    hasher.update(&(std::ptr::from_ref(&*place).addr() as u64).to_be_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_be_bytes(first)
}

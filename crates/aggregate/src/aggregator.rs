//! All partitions that are assigned to this process: each has an owner; the one of partition 0 also rolls up.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use chrono::Months;
use domain::Instant;
use domain::catalogue::Catalogue;
use eventlog::{Delivery, EventLog, Stored, Subscription, topic};
use store::counting::Generation;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use crate::counter::{Counter, Place};
use crate::error::Error;
use crate::filter::Filter;
use crate::metrics::Metrics;
use crate::owner::{Owner, Shared};
use crate::quarantine;
use crate::retry::{stopped, until_done};
use crate::rollup::RollUp;
use crate::seam::{Revisions, Rows};

/// How many deliveries wait for an owner; one more and the partition is paused. A delivery has about 2 MB.
const DELIVERIES_MAX: usize = 2;

/// The number of the first generation.
const FIRST_GENERATION: u16 = 1;

/// How the aggregator counts.
#[derive(Debug, Clone)]
pub struct Config {
    /// The consumer group.
    pub group: String,
    /// The identity horizon, in months (counting §5): 25 by default.
    pub horizon_months: u32,
    /// The clock: for hourly barriers, and for how far readings of an open month count.
    pub now: fn() -> Instant,
}

impl Config {
    /// The usual group and horizon.
    pub fn new(now: fn() -> Instant) -> Self {
        Self { group: "taxameter-aggregate".to_owned(), horizon_months: 25, now }
    }
}

/// Counts the usage log.
pub struct Aggregator<S> {
    config: Config,
    shared: Arc<Shared<S>>,
}

impl<S> std::fmt::Debug for Aggregator<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aggregator").field("config", &self.config).finish_non_exhaustive()
    }
}

/// An owner at work.
struct Running {
    task: JoinHandle<()>,
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

impl<S: Rows + Revisions> Aggregator<S> {
    /// An aggregator over a log and a store that is migrated. `reload` is notified when a meter is met that the catalogue
    /// does not know: whoever keeps the catalogue fresh should look again.
    pub fn new(
        config: Config,
        log: Arc<dyn EventLog>,
        store: Arc<S>,
        catalogue: Arc<ArcSwap<Catalogue>>,
        reload: Arc<Notify>,
        metrics: Metrics,
    ) -> Self {
        let now = config.now;
        let (news, room) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        Self {
            config,
            shared: Arc::new(Shared { rows: store, log, catalogue, reload, metrics, now, news, room }),
        }
    }

    /// Counts until told to stop. Answers with an error only when it cannot go on without somebody's doing.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), Error> {
        let mut work = None;
        let result = tokio::select! {
            biased;
            () = stopped(&mut stop) => Ok(()),
            result = self.count(&mut work) => result,
        };
        // What is in memory is not needed: it is counted again from the first unsealed window. But nothing of it may be
        // under way when the log and the store are closed.
        if let Some(work) = work {
            work.end().await;
        }
        result
    }

    async fn count(&self, work: &mut Option<Work<S>>) -> Result<(), Error> {
        let (generation, partitions) = self.generation().await?;
        let failed = |operation| move |source| Error::Log { operation, source };
        let mut subscription = self
            .shared
            .log
            .subscribe(topic::USAGE, &self.config.group)
            .await
            .map_err(failed("subscribe to"))?;
        let work = work.insert(Work {
            place: (generation, partitions, Months::new(self.config.horizon_months)),
            shared: Arc::clone(&self.shared),
            running: BTreeMap::new(),
            beside: None,
        });
        loop {
            let delivery = tokio::select! {
                biased;
                () = self.shared.room.notified() => None,
                delivery = subscription.next() => Some(delivery),
            };
            work.flush(subscription.as_mut()).await?;
            match delivery {
                None => {}
                Some(Ok(delivery)) => work.handle(delivery, subscription.as_mut()).await?,
                Some(Err(error)) if error.is_retriable() => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "usage log cannot be read; trying again"
                    );
                    tokio::time::sleep(eventlog::log::IDLE).await;
                }
                Some(Err(error)) => return Err(Error::Log { operation: "read", source: error }),
            }
        }
    }

    /// The generation of the log's topic. The first topic ever is the first one; another one than the last is refused.
    async fn generation(&self) -> Result<(u16, u32), Error> {
        let Shared { rows, log, metrics, .. } = &*self.shared;
        let topic = loop {
            match log.topic(topic::USAGE).await {
                Ok(topic) => break topic,
                Err(error) if error.is_retriable() => tokio::time::sleep(eventlog::log::IDLE).await,
                Err(source) => return Err(Error::Log { operation: "look at", source }),
            }
        };
        let found = topic.id.to_string();
        let known = until_done(metrics, "generations", || rows.generations()).await;
        match known.last() {
            Some(last) if last.topic == found && last.partitions == topic.partitions => {
                Ok((last.generation, last.partitions))
            }
            Some(last) => Err(Error::OtherTopic {
                stored: last.topic.clone(),
                stored_partitions: last.partitions,
                found,
                found_partitions: topic.partitions,
            }),
            None => {
                let first =
                    Generation { generation: FIRST_GENERATION, topic: found, partitions: topic.partitions };
                until_done(metrics, "first generation", || rows.put_generation(&first)).await;
                Ok((first.generation, first.partitions))
            }
        }
    }
}

/// What the dispatcher has under way.
struct Work<S> {
    place: (u16, u32, Months),
    shared: Arc<Shared<S>>,
    running: BTreeMap<u32, Running>,
    beside: Option<Beside>,
}

impl<S> Work<S> {
    /// Ends every task, and waits until it has.
    async fn end(self) {
        let beside = self.beside.map(Beside::end);
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
    async fn handle(&mut self, delivery: Delivery, subscription: &mut dyn Subscription) -> Result<(), Error> {
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
    async fn flush(&mut self, subscription: &mut dyn Subscription) -> Result<(), Error> {
        let ended: Vec<u32> = self
            .running
            .iter()
            .filter(|(_, running)| running.task.is_finished())
            .map(|(partition, _)| *partition)
            .collect();
        for partition in ended {
            if let Some(running) = self.running.remove(&partition)
                && let Err(source) = running.task.await
            {
                return Err(Error::Task { partition, source });
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
        let (generation, count, horizon) = self.place;
        let shared = Arc::clone(&self.shared);
        let Shared { rows, metrics, .. } = &*shared;
        let mut starts = BTreeMap::new();
        for partition in partitions {
            let from = until_done(metrics, "progress", || rows.sealed_upto(generation, *partition)).await;
            starts.insert(*partition, from);
        }
        let mut filters = until_done(metrics, "identities", || filters(&**rows, partitions, count)).await;
        for (partition, from) in starts {
            match seek(subscription, partition, from).await {
                Ok(()) => {}
                // It was taken away meanwhile, and the next delivery says so.
                Err(eventlog::Error::NotAssigned { .. }) => continue,
                Err(source) => return Err(cannot_begin(partition, source)),
            }
            let filter = filters.remove(&partition).unwrap_or_default();
            let place = Place { generation, partition, partitions: count, horizon };
            let written = Arc::new(AtomicU64::new(from));
            let counter = Counter::new(place, from, filter);
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
        let (generation, partitions, _) = self.place;
        let (stop, stopped) = watch::channel(false);
        let Shared { rows, log, catalogue, metrics, now, news, .. } = &*self.shared;
        let (rows, catalogue, metrics) = (Arc::clone(rows), Arc::clone(catalogue), metrics.clone());
        let writer = writer_of(now());
        let rollup = RollUp::new(
            Arc::clone(&rows),
            catalogue,
            metrics.clone(),
            *now,
            (generation, partitions),
            writer,
        );
        let (to_come, news, until) = (Arc::clone(log), Arc::clone(news), stopped.clone());
        let rolling = tokio::spawn(async move {
            if let Err(error) = rollup.run(to_come, news, until).await {
                tracing::error!(error = &error as &dyn std::error::Error, "roll-up ended");
            }
        });
        let copying = tokio::spawn(quarantine::run(rows, Arc::clone(log), metrics, generation, stopped));
        Beside { stop, tasks: vec![rolling, copying] }
    }

    /// Drops what was in memory for these partitions: another may own them already.
    async fn revoke(&mut self, partitions: &[u32]) {
        for partition in partitions {
            if let Some(running) = self.running.remove(partition) {
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

/// The filters of some partitions, by one scan of all identities: also of earlier generations, whose partitions differed.
async fn filters<S: Rows>(rows: &S, partitions: &[u32], count: u32) -> store::Result<BTreeMap<u32, Filter>> {
    let keys = usize::try_from(rows.count_keys().await?).unwrap_or(usize::MAX);
    // Half as much again, so that the first layer lasts.
    let capacity = keys / count.max(1) as usize / 2 * 3;
    let mut filters: BTreeMap<u32, Filter> =
        partitions.iter().map(|partition| (*partition, Filter::with_capacity(capacity))).collect();
    rows.each_key(&mut |key| {
        if let Some(filter) = filters.get_mut(&key.partition(count)) {
            filter.add(key);
        }
    })
    .await?;
    Ok(filters)
}

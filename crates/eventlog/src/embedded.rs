//! The embedded log: one directory, one process, many partitions, one `fsync` for all who wait.
//!
//! It stands on fjall, whose journal is the write-ahead log and whose tables hold a backlog of any size outside memory.
//! Each partition is a keyspace of its own (offset → [`frame`]), so that its keys only grow and compaction has nothing to
//! merge. One thread ([`writer`]) takes every append that waits, writes them as one batch, syncs once, and then answers
//! them all; readers see up to the offset that was synced.
//!
//! What fails, and what then:
//! * A failed sync poisons the log for good ([`Error::Poisoned`]): what the disk has is unknown, so nothing is ever again
//!   reported as done. What was synced before can still be read. A restart reads what is there.
//! * A full disk ([`Error::Full`]): writing stops while less than [`Config::free_bytes_min`] is free, and goes on when
//!   there is more. Should the disk run full in the middle of a write all the same, the store is closed, its torn tail
//!   cut, and opened again ([`storage`]) as soon as there is room; nothing that was answered is lost by that.
//! * Power loss: the journal's tail that was not synced is cut ([`mend`]). Names of files and directories are synced as
//!   their bytes are, and a new store has another name until it is whole ([`storage`]).
//! * Damage before the tail is an error; fjall itself would drop what follows it without a word ([`mend`]).

mod frame;
mod mend;
mod storage;
mod subscription;
mod writer;

#[cfg(test)]
mod tests;

use crate::{
    AppendError, Error, EventLog, Finding, Record, Result, Stored, Subscription, Topic, TopicId, TopicSpec,
};
use bytes::Bytes;
use frame::Frame;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use storage::Storage;
use tokio::sync::watch;

/// How the embedded log is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory; made if it is missing.
    pub directory: PathBuf,
    /// Writing stops while the file system has less than this free: room for the store to tidy up, and for the rest of
    /// the machine.
    pub free_bytes_min: u64,
    /// The most bytes that may wait for the disk; an append beyond it is [`Error::Overloaded`].
    pub queue_bytes_max: u64,
}

impl Config {
    /// The defaults: 256 MiB stay free; 64 MiB may wait, which a disk of 100 MB/s writes in less than a second.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), free_bytes_min: 256 << 20, queue_bytes_max: 64 << 20 }
    }
}

/// The embedded log. Dropping it writes out what waits and lets the directory go.
#[derive(Debug)]
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    writer: writer::Writer,
}

/// What the writer, the readers and the subscriptions have in common.
#[derive(Debug)]
struct Shared {
    storage: Storage,
    topics: RwLock<BTreeMap<String, Arc<TopicState>>>,
    subscribers: Mutex<BTreeSet<(String, String)>>,
}

#[derive(Debug)]
struct TopicState {
    topic: Topic,
    /// Shared with the topic as it was before it got more partitions: who still has that sees what is written.
    partitions: Vec<Arc<PartitionState>>,
    /// Counts the groups of records that became durable, so that readers wake.
    written: Arc<watch::Sender<u64>>,
}

/// Both ends of a partition. `end` moves only after a sync, and only in the writer's thread.
#[derive(Debug)]
struct PartitionState {
    start: AtomicU64,
    end: AtomicU64,
}

impl EmbeddedLog {
    /// Opens (or makes) the log of a directory. Blocks while it reads what was not yet moved from the journal.
    pub fn open(config: Config) -> Result<Self> {
        let storage = Storage::open(&config)?;
        let mut topics = BTreeMap::new();
        for topic in storage.topics()? {
            let state = TopicState::load(&storage, topic)?;
            topics.insert(state.topic.name.clone(), Arc::new(state));
        }
        let shared = Arc::new(Shared {
            storage,
            topics: RwLock::new(topics),
            subscribers: Mutex::new(BTreeSet::new()),
        });
        let writer = writer::Writer::start(Arc::clone(&shared), config.queue_bytes_max)?;
        Ok(Self { shared, writer })
    }

    /// How many records of torn batches opening has cut off the journal's end. Nobody was ever told that they are there.
    pub fn cut_records(&self) -> u64 {
        self.shared.storage.cut_records()
    }
}

impl TopicState {
    fn load(storage: &Storage, topic: Topic) -> Result<Self> {
        Self::grown(storage, topic, Vec::new(), Arc::new(watch::Sender::new(0)))
    }

    /// The topic with the partitions that it had, and those that it has besides.
    fn grown(
        storage: &Storage,
        topic: Topic,
        mut partitions: Vec<Arc<PartitionState>>,
        written: Arc<watch::Sender<u64>>,
    ) -> Result<Self> {
        // A topic has fewer than 2³² partitions.
        for partition in partitions.len() as u32..topic.partitions {
            let (start, end) = storage.ends(&topic.name, partition)?;
            let state = PartitionState { start: AtomicU64::new(start), end: AtomicU64::new(end) };
            partitions.push(Arc::new(state));
        }
        Ok(Self { topic, partitions, written })
    }

    fn partition(&self, partition: u32) -> Result<&PartitionState> {
        self.partitions
            .get(partition as usize)
            .map(Arc::as_ref)
            .ok_or_else(|| Error::UnknownPartition { topic: self.topic.name.clone(), partition })
    }

    /// Checks that reading may begin at an offset, and answers with the end.
    fn check_range(&self, partition: u32, offset: u64) -> Result<u64> {
        let state = self.partition(partition)?;
        let (start, end) = (state.start.load(Ordering::Acquire), state.end.load(Ordering::Acquire));
        let topic = || self.topic.name.clone();
        if offset < start {
            return Err(Error::BelowLogStart { topic: topic(), partition, wanted: offset, start });
        }
        if offset > end {
            return Err(Error::BeyondLogEnd { topic: topic(), partition, wanted: offset, end });
        }
        Ok(end)
    }
}

impl Shared {
    fn topic(&self, name: &str) -> Result<Arc<TopicState>> {
        let topics = self.topics.read();
        topics.get(name).cloned().ok_or_else(|| Error::UnknownTopic { topic: name.to_owned() })
    }

    /// Reads the partitions' ends anew after the store was opened again: a batch that was thought lost may be there.
    fn reload_ends(&self) {
        for state in self.topics.read().values() {
            for (partition, ends) in (0..).zip(&state.partitions) {
                match self.storage.ends(&state.topic.name, partition) {
                    Ok((_, end)) => ends.end.store(end, Ordering::Release),
                    Err(error) => {
                        tracing::error!(topic = state.topic.name, partition, %error, "end is unknown")
                    }
                }
            }
            state.written.send_modify(|groups| *groups += 1);
        }
    }

    fn ensure(&self, spec: &TopicSpec) -> Result<Topic> {
        spec.check()?;
        let mut topics = self.topics.write();
        if let Some(state) = topics.get(&spec.name) {
            let found = state.topic.partitions;
            return if found == spec.partitions {
                Ok(state.topic.clone())
            } else {
                Err(Error::OtherPartitions { topic: spec.name.clone(), wanted: spec.partitions, found })
            };
        }
        let id = TopicId(u128::from_be_bytes(random_bytes()?));
        let topic = Topic { name: spec.name.clone(), partitions: spec.partitions, id };
        self.storage.put_topic(&topic, 0)?;
        topics.insert(spec.name.clone(), Arc::new(TopicState::load(&self.storage, topic.clone())?));
        Ok(topic)
    }

    fn add_partitions(&self, name: &str, partitions: u32) -> Result<Topic> {
        let mut topics = self.topics.write();
        let state =
            topics.get(name).cloned().ok_or_else(|| Error::UnknownTopic { topic: name.to_owned() })?;
        let found = state.topic.partitions;
        if partitions < found {
            return Err(Error::OtherPartitions { topic: name.to_owned(), wanted: partitions, found });
        }
        let topic = Topic { partitions, ..state.topic.clone() };
        if partitions > found {
            self.storage.put_topic(&topic, found)?;
            let (had, written) = (state.partitions.clone(), Arc::clone(&state.written));
            let grown = TopicState::grown(&self.storage, topic.clone(), had, written)?;
            topics.insert(name.to_owned(), Arc::new(grown));
        }
        Ok(topic)
    }

    /// Reads on the calling thread. The log may have been cut below `from` meanwhile, which shows as a gap.
    fn read(&self, state: &TopicState, partition: u32, from: u64, bytes_max: usize) -> Result<Vec<Stored>> {
        let end = state.check_range(partition, from)?;
        let records = self.storage.read(&state.topic.name, partition, from..end, bytes_max)?;
        match records.first() {
            Some(first) if first.offset == from => Ok(records),
            None if from == end => Ok(records),
            Some(_) | None => {
                state.check_range(partition, from)?;
                Err(self
                    .storage
                    .damaged(format!("record {from} of {}/{partition} is missing", state.topic.name)))
            }
        }
    }

    fn delete_before(&self, state: &TopicState, partition: u32, offset: u64) -> Result<u64> {
        let ends = state.partition(partition)?;
        let end = ends.end.load(Ordering::Acquire);
        if offset > end {
            return Err(Error::BeyondLogEnd {
                topic: state.topic.name.clone(),
                partition,
                wanted: offset,
                end,
            });
        }
        let start = ends.start.load(Ordering::Acquire);
        if offset <= start {
            return Ok(start);
        }
        self.storage.record_start(&state.topic.name, partition, offset)?;
        // Readers are turned away before the records go, so that none of them sees a gap.
        ends.start.fetch_max(offset, Ordering::AcqRel);
        self.storage.remove(&state.topic.name, partition, start..offset)?;
        Ok(offset)
    }
}

/// Runs what reads or writes the disk where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // The task is never cancelled, so it panicked: a bug, which must not be hidden.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn random_bytes() -> Result<[u8; 16]> {
    use std::io::Read;
    let mut bytes = [0; 16];
    let mut read = || std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes);
    read().map_err(|error| Error::Storage {
        operation: "making a topic's id",
        path: PathBuf::from("/dev/urandom"),
        source: Box::new(error),
    })?;
    Ok(bytes)
}

/// The log's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the log states when it took a record; nothing is counted by it"
)]
fn now_micros() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}

impl EventLog for EmbeddedLog {
    fn ensure_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, Result<Vec<Topic>>> {
        let (shared, specs) = (Arc::clone(&self.shared), specs.to_vec());
        blocking(move || specs.iter().map(|spec| shared.ensure(spec)).collect()).boxed()
    }

    fn check_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, Result<Vec<Finding>>> {
        // The embedded log has no settings that could endanger a record; only the topics must be there.
        async move {
            for spec in specs {
                self.shared.topic(&spec.name)?;
            }
            Ok(Vec::new())
        }
        .boxed()
    }

    fn add_partitions<'a>(&'a self, topic: &'a str, partitions: u32) -> BoxFuture<'a, Result<Topic>> {
        let (shared, topic) = (Arc::clone(&self.shared), topic.to_owned());
        blocking(move || shared.add_partitions(&topic, partitions)).boxed()
    }

    fn topic<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Topic>> {
        async move { Ok(self.shared.topic(topic)?.topic.clone()) }.boxed()
    }

    fn append_batch<'a>(
        &'a self,
        topic: &'a str,
        records: Vec<(u32, Record)>,
    ) -> BoxFuture<'a, Result<Vec<u64>, AppendError>> {
        async move {
            let count = records.len();
            let none_in = |error| AppendError::none_in(topic, count, error);
            let state = self.shared.topic(topic).map_err(none_in)?;
            let timestamp = now_micros();
            let mut frames = Vec::with_capacity(count);
            for (partition, record) in &records {
                state.partition(*partition).map_err(none_in)?;
                let header = record.encoded_header().map_err(none_in)?;
                let frame = Frame { timestamp, header: &header, key: None, value: &record.value };
                frames.push((*partition, frame.encode()));
            }
            drop(records);
            self.writer.append(state, frames).await
        }
        .boxed()
    }

    fn check_writable(&self) -> BoxFuture<'_, Result<()>> {
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.storage.check_writable().map_err(|failure| failure.error())).boxed()
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        from: u64,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>>> {
        async move {
            let (shared, state) = (Arc::clone(&self.shared), self.shared.topic(topic)?);
            blocking(move || shared.read(&state, partition, from, bytes_max)).await
        }
        .boxed()
    }

    fn start_offset<'a>(&'a self, topic: &'a str, partition: u32) -> BoxFuture<'a, Result<u64>> {
        async move { Ok(self.shared.topic(topic)?.partition(partition)?.start.load(Ordering::Acquire)) }
            .boxed()
    }

    fn end_offset<'a>(&'a self, topic: &'a str, partition: u32) -> BoxFuture<'a, Result<u64>> {
        async move { Ok(self.shared.topic(topic)?.partition(partition)?.end.load(Ordering::Acquire)) }.boxed()
    }

    fn wait_for_more<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        beyond: u64,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<u64>> {
        async move {
            let state = self.shared.topic(topic)?;
            let ends = state.partition(partition)?;
            let mut written = state.written.subscribe();
            let is_there = |_: &u64| ends.end.load(Ordering::Acquire) > beyond;
            // Out of time and "there is more" are answered alike, by the end; the sender lives as long as `state`.
            let _ = tokio::time::timeout(timeout, written.wait_for(is_there)).await;
            Ok(ends.end.load(Ordering::Acquire))
        }
        .boxed()
    }

    fn delete_before<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        offset: u64,
    ) -> BoxFuture<'a, Result<u64>> {
        async move {
            let (shared, state) = (Arc::clone(&self.shared), self.shared.topic(topic)?);
            blocking(move || shared.delete_before(&state, partition, offset)).await
        }
        .boxed()
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a str,
        group: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>>> {
        async move {
            let subscription = subscription::EmbeddedSubscription::new(&self.shared, topic, group)?;
            Ok(Box::new(subscription) as Box<dyn Subscription>)
        }
        .boxed()
    }
}

/// A stored value as a record.
fn stored(offset: u64, bytes: Bytes) -> Result<Stored, frame::Damage> {
    let (timestamp, header, key, value) = frame::decode(bytes)?;
    Ok(Stored { offset, timestamp, header, key, value })
}

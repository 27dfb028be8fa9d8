//! The trait that both adapters implement.

use crate::{AppendError, Finding, Record, Result, Stored, Topic, TopicSpec};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::time::Duration;

/// How long [`Subscription::next`] waits for records before it answers [`Delivery::Idle`]: short enough for an owner that
/// acts on time, long enough to cost nothing.
pub const IDLE: Duration = Duration::from_millis(100);

/// The most bytes of one [`Delivery::Records`], give or take one record.
pub const DELIVERY_BYTES_MAX: usize = 2 << 20;

/// A durable, partitioned log. See the crate's documentation for what it promises.
pub trait EventLog: Send + Sync {
    /// Makes the topics that are missing, with the settings that counting.md §2 asks for, and answers with all of them in
    /// the order asked. A topic that is there is left as it is ([`EventLog::check_topics`] judges it), but another number
    /// of partitions is an error.
    fn ensure_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, Result<Vec<Topic>>>;

    /// What of the topics' settings endangers the records: compaction, retention by time or size, too few copies. Empty
    /// is good. A missing topic is an error.
    fn check_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, Result<Vec<Finding>>>;

    /// Gives a topic more partitions, up to so many, and answers with it as it is then: its id stays, and so do the records.
    /// What has as many already is left as it is; fewer is [`crate::Error::OtherPartitions`]. Changing that is a new
    /// generation of the topic (counting.md §4): whoever appends to it or is subscribed begins anew afterwards.
    fn add_partitions<'a>(&'a self, topic: &'a str, partitions: u32) -> BoxFuture<'a, Result<Topic>>;

    /// The topic as it is now.
    fn topic<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Topic>>;

    /// Appends records to their partitions and answers with their offsets, in the order of the request, once all of them
    /// are durable. Records of one partition keep their order. Never waits for room: what is too much at once is
    /// [`crate::Error::Overloaded`], and nothing of it was taken.
    fn append_batch<'a>(
        &'a self,
        topic: &'a str,
        records: Vec<(u32, Record)>,
    ) -> BoxFuture<'a, Result<Vec<u64>, AppendError>>;

    /// [`EventLog::append_batch`] to one partition.
    fn append<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        records: Vec<Record>,
    ) -> BoxFuture<'a, Result<Vec<u64>, AppendError>> {
        self.append_batch(topic, records.into_iter().map(|record| (partition, record)).collect())
    }

    /// Whether an append may succeed, as far as the log itself knows: for readiness. The next append may still fail.
    fn check_writable(&self) -> BoxFuture<'_, Result<()>> {
        futures::future::ready(Ok(())).boxed()
    }

    /// The durable records from an offset on, until they are more than so many bytes; at least one if there is one. Empty
    /// at the end. Errors: [`crate::Error::BelowLogStart`], [`crate::Error::BeyondLogEnd`].
    fn read<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        from: u64,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>>>;

    /// The first offset that was not deleted.
    fn start_offset<'a>(&'a self, topic: &'a str, partition: u32) -> BoxFuture<'a, Result<u64>>;

    /// The offset after the last durable record.
    fn end_offset<'a>(&'a self, topic: &'a str, partition: u32) -> BoxFuture<'a, Result<u64>>;

    /// Waits until there is a durable record at the offset or after it, or until the time is up; answers with the end
    /// offset.
    fn wait_for_more<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        beyond: u64,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<u64>>;

    /// Deletes the records before an offset (at most the end) and answers with the new start. Never moves the start back.
    fn delete_before<'a>(&'a self, topic: &'a str, partition: u32, offset: u64)
    -> BoxFuture<'a, Result<u64>>;

    /// Joins a group of owners that share the topic's partitions.
    fn subscribe<'a>(
        &'a self,
        topic: &'a str,
        group: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>>>;
}

/// An owner's view of a topic: which partitions are its own, and their records from where it chose to begin.
///
/// Dropping it gives its partitions back.
pub trait Subscription: Send {
    /// What happened next; [`Delivery::Idle`] after [`IDLE`]. Nothing is lost when the future is dropped. After a retriable
    /// error it is asked again; after a fatal one it answers with errors only.
    fn next(&mut self) -> BoxFuture<'_, Result<Delivery>>;

    /// Begins (or begins anew) to read a partition at an offset. A newly assigned partition delivers nothing before this,
    /// and no records from before it arrive after it. Errors: [`crate::Error::BelowLogStart`],
    /// [`crate::Error::BeyondLogEnd`], [`crate::Error::NotAssigned`].
    fn seek(&mut self, partition: u32, offset: u64) -> BoxFuture<'_, Result<()>>;

    /// Holds a partition back. No more of its records arrive until [`Subscription::resume`]. The subscription must still
    /// be polled, so that it learns of other changes.
    fn pause(&mut self, partition: u32) -> Result<()>;

    /// Lets a partition's records come again, from where they were held back.
    fn resume(&mut self, partition: u32) -> Result<()>;

    /// Tells the log how far the owner is, for those who watch its lag. Nothing else is done with it (counting.md §4), so
    /// a failure is only logged.
    fn commit_for_monitoring(&mut self, partition: u32, offset: u64);
}

/// What a subscription delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// These partitions are the owner's from now on. It reads where it was and calls [`Subscription::seek`].
    Assigned(Vec<u32>),
    /// These partitions are not the owner's any more; it drops what it holds of them. Another may own them already:
    /// counting.md makes that harmless.
    Revoked(Vec<u32>),
    /// The next records of a partition, in order.
    Records {
        /// The partition.
        partition: u32,
        /// At least one.
        records: Vec<Stored>,
    },
    /// Nothing came for a while.
    Idle,
}

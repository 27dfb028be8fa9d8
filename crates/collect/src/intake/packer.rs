//! events of many requests → records of one partition each → the log
//!
//! A partition with nothing under way sends at once, so a lone event waits for nobody. While something is under way,
//! what comes is packed together and sent when that is done: the slower the log, the larger the records, without a
//! timer. What waits is bounded by what requests may hold ([`crate::http::body::Limits`]).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use domain::Instant;
use eventlog::{AppendError, Error, EventLog, Header, Kind, Record, topic};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::quarantine::Entry;
use super::{Config, Unavailable};

/// A record is sent when the next event would make it larger. With the largest event alone in it a record is a little
/// longer than this, far below the log's limit of 900 kB; larger records gain nothing (a Kafka batch is 1 MB).
const RECORD_BYTES: usize = 64 * 1024;

/// The most events of a record (counting §2). The smallest event has some 300 bytes, so it is never reached first.
const RECORD_EVENTS_MAX: u32 = 4_096;

/// The most bytes of sources that a record's header names: below the log's limit of 100 kB with their JSON around them.
const SOURCE_BYTES_MAX: usize = 32 * 1024;

/// An event that counts, with where it goes.
#[derive(Debug)]
pub(super) struct Placed<'e> {
    /// The partition of its identity.
    pub(super) partition: u32,
    /// Its place in the batch.
    pub(super) index: usize,
    /// As it was sent.
    pub(super) bytes: &'e [u8],
    /// Its source, for the books.
    pub(super) source: Cow<'e, str>,
}

/// Packs what the requests bring.
pub(super) struct Packer {
    log: Arc<dyn EventLog>,
    collector: String,
    epoch: u64,
    batch: AtomicU64,
    lanes: Vec<Mutex<Lane>>,
}

/// What waits for one partition, in its order, and whether an append is under way.
#[derive(Default)]
struct Lane {
    full: Vec<Open>,
    open: Option<Open>,
    under_way: bool,
}

/// A record that still grows.
struct Open {
    value: Vec<u8>,
    events: u32,
    sources: BTreeMap<String, u32>,
    source_bytes: usize,
    received: Instant,
    waiting: Vec<Arc<Waiting>>,
}

impl Packer {
    pub(super) fn new(config: Config, log: Arc<dyn EventLog>, partitions: u32) -> Self {
        let lanes = (0..partitions).map(|_| Mutex::default()).collect();
        Self { log, collector: config.collector, epoch: config.epoch, batch: AtomicU64::new(0), lanes }
    }

    /// How many partitions the usage log has.
    pub(super) fn partitions(&self) -> u32 {
        // It was made from a u32.
        u32::try_from(self.lanes.len()).unwrap_or(u32::MAX)
    }

    /// Puts events on the usage log and waits until all of them are durable.
    pub(super) async fn append(
        self: &Arc<Self>,
        mut events: Vec<Placed<'_>>,
        received: Instant,
    ) -> Result<(), Unavailable> {
        if events.is_empty() {
            return Ok(());
        }
        events.sort_unstable_by_key(|event| (event.partition, event.index));
        let waiting = Arc::new(Waiting::new());
        for of_partition in events.chunk_by(|a, b| a.partition == b.partition) {
            self.put(of_partition, received, &waiting);
        }
        drop(events);
        waiting.all_added();
        waiting.wait().await
    }

    fn put(self: &Arc<Self>, events: &[Placed<'_>], received: Instant, waiting: &Arc<Waiting>) {
        let Some(first) = events.first() else { return };
        let mut lane = self.lanes[first.partition as usize].lock();
        for event in events {
            if lane.open.as_ref().is_some_and(|open| !open.has_room_for(event)) {
                let full = lane.open.take();
                lane.full.extend(full);
            }
            lane.open.get_or_insert_with(|| Open::new(received)).push(event, waiting);
        }
        if !lane.under_way {
            self.send(first.partition, &mut lane);
        }
    }

    /// Appends all that waits, in its order. One append of a partition is under way at a time: two could overtake each
    /// other, and of two events with the same identity and `seq` the one that was sent first must be the first.
    fn send(self: &Arc<Self>, partition: u32, lane: &mut Lane) {
        let open = lane.open.take();
        let ready: Vec<Open> = lane.full.drain(..).chain(open).collect();
        lane.under_way = !ready.is_empty();
        if ready.is_empty() {
            return;
        }
        let (mut records, mut waiting) = (Vec::with_capacity(ready.len()), Vec::new());
        for open in ready {
            let header = self.header(Kind::Events, open.received, open.sources.into_iter().collect());
            let mut value = open.value;
            value.push(b']');
            records.push(Record { header, value: Bytes::from(value) });
            waiting.extend(open.waiting);
        }
        let packer = Arc::clone(self);
        tokio::spawn(async move {
            let result = packer.log.append(topic::USAGE, partition, records).await;
            let outcome = outcome(&result);
            packer.send(partition, &mut packer.lanes[partition as usize].lock());
            for request in waiting {
                request.one_done(outcome);
            }
        });
    }

    /// Puts entries into the quarantine and waits until they are durable.
    pub(super) async fn quarantine(&self, entries: Vec<Entry>, received: Instant) -> Result<(), Unavailable> {
        if entries.is_empty() {
            return Ok(());
        }
        let record = |entry: Entry| {
            let sources = entry.source.map(|source| (source, 1)).into_iter().collect();
            Record { header: self.header(Kind::Quarantine, received, sources), value: entry.value }
        };
        let records = entries.into_iter().map(record).collect();
        outcome(&self.log.append(topic::QUARANTINE, 0, records).await)
    }

    fn header(&self, kind: Kind, received: Instant, sources: Vec<(String, u32)>) -> Header {
        Header {
            kind,
            collector: self.collector.clone(),
            epoch: self.epoch,
            batch: self.batch.fetch_add(1, Ordering::Relaxed),
            received: received.micros(),
            sources,
            released: false,
        }
    }
}

impl Open {
    fn new(received: Instant) -> Self {
        Self {
            value: Vec::with_capacity(4 * 1024),
            events: 0,
            sources: BTreeMap::new(),
            source_bytes: 0,
            received,
            waiting: Vec::with_capacity(1),
        }
    }

    fn has_room_for(&self, event: &Placed<'_>) -> bool {
        self.value.len() + event.bytes.len() + 2 <= RECORD_BYTES
            && self.events < RECORD_EVENTS_MAX
            && self.source_bytes + event.source.len() <= SOURCE_BYTES_MAX
    }

    fn push(&mut self, event: &Placed<'_>, waiting: &Arc<Waiting>) {
        self.value.push(if self.events == 0 { b'[' } else { b',' });
        self.value.extend_from_slice(event.bytes);
        self.events += 1;
        match self.sources.get_mut(event.source.as_ref()) {
            Some(count) => *count += 1,
            None => {
                // Sources are ASCII without characters that JSON escapes; what else stands around one is short.
                self.source_bytes += event.source.len() + 16;
                self.sources.insert(event.source.clone().into_owned(), 1);
            }
        }
        if !self.waiting.last().is_some_and(|last| Arc::ptr_eq(last, waiting)) {
            waiting.one_added();
            self.waiting.push(Arc::clone(waiting));
        }
    }
}

/// A request that waits for its records: counts down, and remembers the worst that happened.
struct Waiting {
    /// Records that are not done yet, and one more while records are still added.
    left: AtomicUsize,
    worst: AtomicU8,
    done: Notify,
}

const WORST_NONE: u8 = 0;
const WORST_OVERLOADED: u8 = 1;
const WORST_LOG: u8 = 2;
const WORST_FULL: u8 = 3;
const WORST_FAILED: u8 = 4;

impl Waiting {
    fn new() -> Self {
        Self { left: AtomicUsize::new(1), worst: AtomicU8::new(WORST_NONE), done: Notify::new() }
    }

    fn one_added(&self) {
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    fn all_added(&self) {
        self.one_done(Ok(()));
    }

    fn one_done(&self, outcome: Result<(), Unavailable>) {
        let worst = match outcome {
            Ok(()) => WORST_NONE,
            Err(Unavailable::Overloaded) => WORST_OVERLOADED,
            Err(Unavailable::Log) => WORST_LOG,
            Err(Unavailable::LogFull) => WORST_FULL,
            Err(Unavailable::LogFailed) => WORST_FAILED,
        };
        self.worst.fetch_max(worst, Ordering::AcqRel);
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_one();
        }
    }

    async fn wait(&self) -> Result<(), Unavailable> {
        // The permit of an earlier notification is kept, so this cannot miss it.
        self.done.notified().await;
        match self.worst.load(Ordering::Acquire) {
            WORST_NONE => Ok(()),
            WORST_OVERLOADED => Err(Unavailable::Overloaded),
            WORST_FULL => Err(Unavailable::LogFull),
            WORST_FAILED => Err(Unavailable::LogFailed),
            _ => Err(Unavailable::Log),
        }
    }
}

/// What the senders are told of an append, and the one place where a failed one is logged.
fn outcome(result: &Result<Vec<u64>, AppendError>) -> Result<(), Unavailable> {
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
            |error| outcome(&Err(AppendError { topic: "usage".to_owned(), outcomes: Vec::new(), error }));
        assert_eq!(failed(Error::Overloaded { bytes: 1 }), Err(Unavailable::Overloaded));
        assert_eq!(failed(Error::Full { path: "log".into(), free_bytes: 1 }), Err(Unavailable::LogFull));
        assert_eq!(failed(Error::UnknownTopic { topic: "usage".to_owned() }), Err(Unavailable::Log));
        assert_eq!(outcome(&Ok(vec![0])), Ok(()));
    }

    #[tokio::test]
    async fn a_request_is_done_after_its_last_record_and_as_bad_as_its_worst() {
        let waiting = Waiting::new();
        for _ in 0..3 {
            waiting.one_added();
        }
        waiting.one_done(Err(Unavailable::Log));
        waiting.all_added();
        waiting.one_done(Err(Unavailable::Overloaded));
        assert!(futures::FutureExt::now_or_never(waiting.wait()).is_none());
        waiting.one_done(Ok(()));
        assert_eq!(waiting.wait().await, Err(Unavailable::Log));
    }
}

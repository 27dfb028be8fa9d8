//! events of many requests → records of one lane each → the outbox
//!
//! A lane is a partition of the usage log, or the quarantine. One with nothing under way sends at once, so a lone event
//! waits for nobody. While something is under way, what comes is packed together and sent when that is done: the slower
//! the log, the larger the records, without a timer. So the batch numbers of a lane only grow, apart from repetitions.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use domain::Instant;
use eventlog::{Header, Kind, Record};
use parking_lot::Mutex;
use prometheus::IntGauge;

use super::quarantine::Entry;
use super::waiting::Waiting;
use super::{Config, Unavailable};
use crate::outbox::Outbox;

/// A record is sent when the next event would make it larger. With the largest event alone in it a record is a little
/// longer than this, far below the log's limit of 900 kB; larger records gain nothing (a Kafka batch is 1 MB).
const RECORD_BYTES: usize = 64 * 1024;

/// The most events of a record (counting §2). The smallest event has some 300 bytes, so it is never reached first.
const RECORD_EVENTS_MAX: u32 = 4_096;

/// The most bytes of sources that a record's header names: below the log's limit of 100 kB with their JSON around them.
const SOURCE_BYTES_MAX: usize = 32 * 1024;

/// The most bytes of events that wait in the lanes or are under way: twice what requests may hold. It is reached only when
/// senders give up before their events are durable and come again, because their events stay in the lanes.
const QUEUED_BYTES_MAX: usize = 128 << 20;

/// What an entry of the quarantine takes in memory beside its value: it is a record of its own, and a small body can hold
/// thousands of wrong events.
const ENTRY_OVERHEAD_BYTES: usize = 512;

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
    /// Whether it was accepted before and comes from the quarantine.
    pub(super) released: bool,
}

/// Packs what the requests bring.
pub(super) struct Packer {
    outbox: Arc<Outbox>,
    collector: String,
    epoch: u64,
    batch: AtomicU64,
    /// As the outbox numbers them.
    lanes: Vec<Mutex<Lane>>,
    queued_bytes: AtomicUsize,
    queued_bytes_max: usize,
    queued: IntGauge,
}

/// What waits for one lane, in its order, and whether an append is under way.
#[derive(Default)]
struct Lane {
    full: Vec<Open>,
    open: Option<Open>,
    under_way: bool,
}

/// A record that still grows, or an entry of the quarantine, which is a record of its own.
struct Open {
    kind: Kind,
    value: Vec<u8>,
    events: u32,
    sources: BTreeMap<String, u32>,
    source_bytes: usize,
    received: Instant,
    released: bool,
    waiting: Vec<Arc<Waiting>>,
}

impl Packer {
    pub(super) fn new(config: &Config, outbox: Arc<Outbox>, queued: IntGauge) -> Self {
        let lanes = (0..=outbox.partitions()).map(|_| Mutex::default()).collect();
        Self {
            outbox,
            collector: config.collector.clone(),
            epoch: config.epoch,
            // Marks have the number 0: they may overtake records, and must not seem to be newer.
            batch: AtomicU64::new(1),
            lanes,
            queued_bytes: AtomicUsize::new(0),
            queued_bytes_max: QUEUED_BYTES_MAX,
            queued,
        }
    }

    /// How many partitions the usage log has.
    pub(super) fn partitions(&self) -> u32 {
        self.outbox.partitions()
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
        self.queue(events.iter().map(|event| event.bytes.len()).sum())?;
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
        let index = first.partition as usize;
        let mut lane = self.lanes[index].lock();
        for event in events {
            if lane.open.as_ref().is_some_and(|open| !open.has_room_for(event)) {
                let full = lane.open.take();
                lane.full.extend(full);
            }
            let open = lane.open.get_or_insert_with(|| Open::new(Kind::Events, received, event.released));
            open.push(event, waiting);
        }
        if !lane.under_way {
            self.send(index, &mut lane);
        }
    }

    /// Puts entries into the quarantine and waits until they are durable.
    pub(super) async fn quarantine(
        self: &Arc<Self>,
        entries: Vec<Entry>,
        received: Instant,
    ) -> Result<(), Unavailable> {
        if entries.is_empty() {
            return Ok(());
        }
        self.queue(entries.iter().map(|entry| entry.value.len() + ENTRY_OVERHEAD_BYTES).sum())?;
        let waiting = Arc::new(Waiting::new());
        let index = self.lanes.len() - 1;
        {
            let mut lane = self.lanes[index].lock();
            for entry in entries {
                waiting.one_added();
                lane.full.push(Open {
                    value: entry.value,
                    sources: entry.source.map(|source| (source, 1)).into_iter().collect(),
                    waiting: vec![Arc::clone(&waiting)],
                    ..Open::new(Kind::Quarantine, received, entry.released)
                });
            }
            if !lane.under_way {
                self.send(index, &mut lane);
            }
        }
        waiting.all_added();
        waiting.wait().await
    }

    /// Appends all that waits, in its order. One append of a lane is under way at a time: two could overtake each other,
    /// and of two events with the same identity and `seq` the one that was sent first must be the first.
    fn send(self: &Arc<Self>, index: usize, lane: &mut Lane) {
        let open = lane.open.take();
        let ready: Vec<Open> = lane.full.drain(..).chain(open).collect();
        lane.under_way = !ready.is_empty();
        if ready.is_empty() {
            return;
        }
        let (mut records, mut waiting, mut bytes) = (Vec::with_capacity(ready.len()), Vec::new(), 0);
        for open in ready {
            bytes += open.queued_bytes();
            records.push(self.record(open.kind, open.value, open.sources, open.received, open.released));
            waiting.extend(open.waiting);
        }
        let packer = Arc::clone(self);
        tokio::spawn(async move {
            let outcome = packer.outbox.append(index, records).await;
            packer.unqueue(bytes);
            packer.send(index, &mut packer.lanes[index].lock());
            for request in waiting {
                request.one_done(outcome);
            }
        });
    }

    fn record(
        &self,
        kind: Kind,
        mut value: Vec<u8>,
        sources: BTreeMap<String, u32>,
        received: Instant,
        released: bool,
    ) -> Record {
        if kind == Kind::Events {
            value.push(b']');
        }
        let header = Header {
            kind,
            collector: self.collector.clone(),
            epoch: self.epoch,
            batch: self.batch.fetch_add(1, Ordering::Relaxed),
            received: received.micros(),
            sources: sources.into_iter().collect(),
            released,
        };
        Record { header, value: Bytes::from(value) }
    }

    /// Makes room for a request's bytes; one that comes alone is never too large.
    fn queue(&self, bytes: usize) -> Result<(), Unavailable> {
        let before = self.queued_bytes.fetch_add(bytes, Ordering::AcqRel);
        self.queued.add(i64::try_from(bytes).unwrap_or(i64::MAX));
        if before > 0 && before + bytes > self.queued_bytes_max {
            self.unqueue(bytes);
            return Err(Unavailable::Overloaded);
        }
        Ok(())
    }

    fn unqueue(&self, bytes: usize) {
        self.queued_bytes.fetch_sub(bytes, Ordering::AcqRel);
        self.queued.sub(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

impl Open {
    fn new(kind: Kind, received: Instant, released: bool) -> Self {
        Self {
            kind,
            value: Vec::with_capacity(4 * 1024),
            events: 0,
            sources: BTreeMap::new(),
            source_bytes: 0,
            received,
            released,
            waiting: Vec::with_capacity(1),
        }
    }

    /// What it was counted with when it was queued: its events without what stands around each, or its entry.
    fn queued_bytes(&self) -> usize {
        let around = if self.kind == Kind::Quarantine { ENTRY_OVERHEAD_BYTES } else { 0 };
        self.value.len() + around - self.events as usize
    }

    fn has_room_for(&self, event: &Placed<'_>) -> bool {
        self.value.len() + event.bytes.len() + 2 <= RECORD_BYTES
            && self.events < RECORD_EVENTS_MAX
            && self.source_bytes + event.source.len() <= SOURCE_BYTES_MAX
            && self.released == event.released
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

//! The usage log: records of partitions, with what they hold beside their bytes.

use std::sync::Arc;

use aggregate::WINDOW_OFFSETS;
use domain::Instant;
use eventlog::{Header, Kind, Stored, TopicId, UnreadableHeader};
use store::rollup::Prefix;

use crate::events::Event;
use crate::random::Random;

/// What a record holds at an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Event(Event),
    /// Something that is no event, of this source.
    Garbage(&'static str),
}

impl Item {
    pub(crate) fn source(&self) -> &'static str {
        match self {
            Item::Event(event) => event.source,
            Item::Garbage(source) => source,
        }
    }

    fn json(&self) -> String {
        match self {
            Item::Event(event) => event.json(),
            Item::Garbage(source) => format!(r#"{{"id":"x","source":"{source}"}}"#),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Logged {
    pub(crate) stored: Stored,
    pub(crate) items: Vec<Item>,
    /// Its bytes cannot be told apart into events.
    pub(crate) is_unreadable: bool,
    /// Of a barrier: the close that asked for it.
    pub(crate) cut: Option<u64>,
}

impl Logged {
    pub(crate) fn offset(&self) -> u64 {
        self.stored.offset
    }

    pub(crate) fn received(&self) -> Instant {
        Instant::from_micros(self.stored.received())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Partition {
    pub(crate) records: Vec<Arc<Logged>>,
    /// Where its generation begins.
    pub(crate) start: u64,
    /// What lies before this is deleted, and can be read by nobody but the oracle.
    pub(crate) deleted: u64,
    next: u64,
}

impl Partition {
    fn beginning_at(start: u64) -> Self {
        Self { start, deleted: start, next: start, records: Vec::new() }
    }

    /// The offset after the last record.
    pub(crate) fn end(&self) -> u64 {
        self.records.last().map_or(self.start, |last| last.offset() + 1)
    }

    /// Everything from an offset on.
    pub(crate) fn from(&self, offset: u64) -> &[Arc<Logged>] {
        &self.records[self.records.partition_point(|logged| logged.offset() < offset)..]
    }

    /// Offsets may have gaps. Here they often reach to the edges of windows and beyond, so that a run has many windows
    /// although it is short: what counts is where offsets lie, not how many there are.
    fn skip(&mut self, random: &mut Random) {
        let edge = self.next.next_multiple_of(WINDOW_OFFSETS);
        self.next = match random.below(24) {
            0 => self.next + 1,
            1 => edge.saturating_sub(1).max(self.next),
            2 => edge,
            3 => edge + 1,
            4 => self.next + WINDOW_OFFSETS / 3,
            5 if random.percent(20) => self.next + 3 * WINDOW_OFFSETS,
            _ => self.next,
        };
    }

    fn push(&mut self, random: &mut Random, mut logged: Logged) -> u64 {
        self.skip(random);
        logged.stored.offset = self.next;
        self.records.push(Arc::new(logged));
        self.next += 1;
        self.next - 1
    }
}

/// The partitions of a topic, or of a part of its life.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) topic: TopicId,
    pub(crate) partitions: Vec<Partition>,
}

/// All generations, from number 1 on.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) generations: Vec<Generation>,
}

impl Log {
    pub(crate) fn new(partitions: u32) -> Self {
        let mut log = Self { generations: Vec::new() };
        log.make_topic(partitions);
        log
    }

    /// Another topic.
    pub(crate) fn make_topic(&mut self, partitions: u32) {
        let topic = TopicId(self.generations.len() as u128 + 1);
        let partitions = (0..partitions).map(|_| Partition::beginning_at(0)).collect();
        self.generations.push(Generation { topic, partitions });
    }

    /// The same topic with more partitions.
    pub(crate) fn add_partitions(&mut self, partitions: u32) {
        let Some(Generation { topic, partitions: of }) = self.generations.last() else { return };
        let starts = of.iter().map(Partition::end).chain(std::iter::repeat(0));
        let partitions = starts.take(partitions as usize).map(Partition::beginning_at).collect();
        self.generations.push(Generation { topic: *topic, partitions });
    }

    /// The number of the generation that is written to.
    pub(crate) fn generation(&self) -> u16 {
        self.generations.len() as u16
    }

    pub(crate) fn of(&self, generation: u16) -> &[Partition] {
        &self.generations[usize::from(generation) - 1].partitions
    }

    pub(crate) fn newest(&self) -> &[Partition] {
        self.of(self.generation())
    }

    pub(crate) fn newest_mut(&mut self) -> &mut [Partition] {
        self.generations.last_mut().map_or(&mut [], |newest| newest.partitions.as_mut_slice())
    }

    pub(crate) fn partitions(&self) -> u32 {
        self.newest().len() as u32
    }

    pub(crate) fn append(&mut self, random: &mut Random, partition: u32, logged: Logged) -> u64 {
        self.newest_mut()[partition as usize].push(random, logged)
    }

    /// What lies before the first barriers of a cut, in the first generation all of whose partitions have one.
    pub(crate) fn cut(&self, cut: u64) -> Option<Prefix> {
        let first = |partition: &Partition| {
            partition.records.iter().find(|logged| logged.cut == Some(cut)).map(|logged| logged.offset() + 1)
        };
        (1..).zip(&self.generations).find_map(|(generation, of)| {
            let as_of = of.partitions.iter().map(first).collect::<Option<_>>()?;
            Some(Prefix { generation, as_of })
        })
    }
}

/// A record that a collector makes of events.
pub(crate) fn events(header: Header, items: Vec<Item>) -> Logged {
    let json: Vec<String> = items.iter().map(Item::json).collect();
    let value = format!("[{}]", json.join(",")).into();
    let stored = Stored { offset: 0, timestamp: header.received, header: Ok(header), key: None, value };
    Logged { stored, items, is_unreadable: false, cut: None }
}

/// The same as if another program had written it.
pub(crate) fn foreign(mut logged: Logged) -> Logged {
    logged.stored.header = Err(UnreadableHeader::Missing);
    logged
}

/// The same with its last bytes lost.
pub(crate) fn torn(mut logged: Logged) -> Logged {
    logged.stored.value = logged.stored.value.slice(..logged.stored.value.len() - 2);
    logged.is_unreadable = true;
    logged
}

/// A record without events.
pub(crate) fn bare(header: Header) -> Logged {
    let cut = if let Kind::Barrier { control } = header.kind { control } else { None };
    let stored = Stored {
        offset: 0,
        timestamp: header.received,
        header: Ok(header),
        key: None,
        value: bytes::Bytes::new(),
    };
    Logged { stored, items: Vec::new(), is_unreadable: false, cut }
}

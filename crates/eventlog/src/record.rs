//! A record as it is appended, and as it is read.

use crate::header::{Header, UnreadableHeader};
use crate::{Error, Result};
use bytes::Bytes;

/// The most events that a record may hold (counting.md §2): bounds what a reader must take at once.
pub const EVENTS_PER_RECORD_MAX: usize = 4096;

/// The most bytes of a record's value (counting.md §2): with its header it stays under Kafka's default limit of 1 MB.
pub const RECORD_BYTES_MAX: usize = 900_000;

/// The most bytes of a record's header: enough for every source of a full record, and small beside the value's limit.
pub(crate) const HEADER_BYTES_MAX: usize = 100_000;

/// A record to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who writes it, when, and what it holds.
    pub header: Header,
    /// One CloudEvent, or a JSON array of at most [`EVENTS_PER_RECORD_MAX`]; at most [`RECORD_BYTES_MAX`].
    pub value: Bytes,
}

impl Record {
    /// The header's bytes, once the record is within the limits.
    pub(crate) fn encoded_header(&self) -> Result<Vec<u8>> {
        let events = self.header.events();
        let header = self.header.encode();
        let is_within = self.value.len() <= RECORD_BYTES_MAX
            && events <= EVENTS_PER_RECORD_MAX as u64
            && header.len() <= HEADER_BYTES_MAX;
        if is_within { Ok(header) } else { Err(Error::RecordTooLarge { bytes: self.value.len(), events }) }
    }
}

/// A record as it is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the partition.
    pub offset: u64,
    /// When the log took it, by the log's clock: Unix microseconds UTC (Kafka's are whole milliseconds).
    pub timestamp: i64,
    /// Who wrote it; unreadable when its writer was not one of ours.
    pub header: Result<Header, UnreadableHeader>,
    /// The Kafka key. None of our records has one; producers of their own may set it (on `intake`).
    pub key: Option<Bytes>,
    /// The bytes that were appended.
    pub value: Bytes,
}

impl Stored {
    /// When it was received: as its header says, else when the log took it. Unix microseconds UTC.
    pub fn received(&self) -> i64 {
        self.header.as_ref().map_or(self.timestamp, |header| header.received)
    }

    /// What it takes in memory, roughly: for limits.
    pub fn bytes(&self) -> usize {
        self.value.len() + self.key.as_ref().map_or(0, Bytes::len) + std::mem::size_of::<Self>()
    }
}

//! How a record lies in the embedded log: its time, the header in the same bytes as in Kafka, its key, its value.
//!
//! `version u8 = 1 | timestamp i64 | header length u32 | key length u32, MAX for none | header | key | value`, integers
//! little-endian. A header length of 0 is a record without one.

use crate::header::{Header, UnreadableHeader};
use bytes::Bytes;

const VERSION: u8 = 1;
const FIXED_BYTES: usize = 17;
const NO_KEY: u32 = u32::MAX;

/// The parts of a record that are stored under its offset.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// The log's clock, Unix microseconds UTC.
    pub timestamp: i64,
    pub header: &'a [u8],
    pub key: Option<&'a [u8]>,
    pub value: &'a [u8],
}

impl Frame<'_> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let key = self.key.unwrap_or_default();
        let mut bytes = Vec::with_capacity(FIXED_BYTES + self.header.len() + key.len() + self.value.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.timestamp.to_le_bytes());
        // Headers and values are far below 4 GiB: `Record::encoded_header` has seen to it.
        bytes.extend_from_slice(&(self.header.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.key.map_or(NO_KEY, |key| key.len() as u32).to_le_bytes());
        bytes.extend_from_slice(self.header);
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(self.value);
        bytes
    }
}

/// Timestamp, header, key and value.
type Parts = (i64, Result<Header, UnreadableHeader>, Option<Bytes>, Bytes);

/// Takes a frame apart without copying it; `None` when it is not one.
pub(super) fn decode(mut bytes: Bytes) -> Option<Parts> {
    if *bytes.first()? != VERSION || bytes.len() < FIXED_BYTES {
        return None;
    }
    let timestamp = i64::from_le_bytes(bytes[1..9].try_into().ok()?);
    let header_bytes = u32::from_le_bytes(bytes[9..13].try_into().ok()?) as usize;
    let key_length = u32::from_le_bytes(bytes[13..17].try_into().ok()?);
    let key_bytes = if key_length == NO_KEY { 0 } else { key_length as usize };
    if bytes.len() - FIXED_BYTES < header_bytes.checked_add(key_bytes)? {
        return None;
    }
    let _ = bytes.split_to(FIXED_BYTES);
    let header = bytes.split_to(header_bytes);
    let key = bytes.split_to(key_bytes);
    let header = if header.is_empty() { Err(UnreadableHeader::Missing) } else { Header::decode(&header) };
    Some((timestamp, header, (key_length != NO_KEY).then_some(key), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_a_header_is_read_as_such() {
        let frame = Frame { timestamp: 5, header: b"", key: Some(b""), value: b"\n\n" };
        let parts = decode(frame.encode().into());
        let (key, value) = (Some(Bytes::new()), Bytes::from_static(b"\n\n"));
        assert_eq!(parts, Some((5, Err(UnreadableHeader::Missing), key, value)));
    }

    #[test]
    fn what_is_cut_short_is_not_a_frame() {
        let bytes = Frame { timestamp: 5, header: b"{}", key: None, value: b"" }.encode();
        assert!(decode(bytes.clone().into()).is_some());
        for length in 0..bytes.len() {
            assert_eq!(decode(Bytes::copy_from_slice(&bytes[..length])), None, "{length}");
        }
    }
}

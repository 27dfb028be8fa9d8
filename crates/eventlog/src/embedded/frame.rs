//! How a record lies in the embedded log: its time, the header in the same bytes as in Kafka, its key, its value.
//!
//! `version u8 = 2 | checksum 8 bytes | timestamp i64 | header length u32 | key length u32, MAX for none | header | key |
//! value`, integers little-endian. A header length of 0 is a record without one. The checksum is the beginning of the BLAKE3
//! hash of everything behind it: the store's own checksums cover blocks and batches on their way to the disk, this one
//! covers the record from the append to the read, whatever lies between. Version 1 had none and is still read.

use crate::header::{Header, UnreadableHeader};
use bytes::Bytes;

const VERSION: u8 = 2;
const VERSION_WITHOUT_CHECKSUM: u8 = 1;
/// 64 bits: one damaged record in 10¹⁹ passes for whole.
const CHECKSUM_BYTES: usize = 8;
const FIXED_BYTES: usize = 16;
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
        let length = 1 + CHECKSUM_BYTES + FIXED_BYTES + self.header.len() + key.len() + self.value.len();
        let mut bytes = Vec::with_capacity(length);
        bytes.push(VERSION);
        bytes.extend_from_slice(&[0; CHECKSUM_BYTES]);
        bytes.extend_from_slice(&self.timestamp.to_le_bytes());
        // Headers and values are far below 4 GiB: `Record::encoded_header` has seen to it.
        bytes.extend_from_slice(&(self.header.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.key.map_or(NO_KEY, |key| key.len() as u32).to_le_bytes());
        bytes.extend_from_slice(self.header);
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(self.value);
        let (front, content) = bytes.split_at_mut(1 + CHECKSUM_BYTES);
        front[1..].copy_from_slice(&checksum(content));
        bytes
    }
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut checksum = [0; CHECKSUM_BYTES];
    checksum.copy_from_slice(&blake3::hash(content).as_bytes()[..CHECKSUM_BYTES]);
    checksum
}

/// Timestamp, header, key and value.
type Parts = (i64, Result<Header, UnreadableHeader>, Option<Bytes>, Bytes);

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("it is not one of ours")]
    NotAFrame,
    #[error("its checksum is wrong")]
    Checksum,
}

/// Takes a frame apart without copying it.
pub(super) fn decode(mut bytes: Bytes) -> Result<Parts, Damage> {
    match bytes.first() {
        Some(&VERSION) if bytes.len() > CHECKSUM_BYTES => {
            let front = bytes.split_to(1 + CHECKSUM_BYTES);
            if front[1..] != checksum(&bytes) {
                return Err(Damage::Checksum);
            }
        }
        Some(&VERSION_WITHOUT_CHECKSUM) => drop(bytes.split_to(1)),
        Some(_) | None => return Err(Damage::NotAFrame),
    }
    content(bytes).ok_or(Damage::NotAFrame)
}

fn content(mut bytes: Bytes) -> Option<Parts> {
    let timestamp = i64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    let header_bytes = u32::from_le_bytes(bytes.get(8..12)?.try_into().ok()?) as usize;
    let key_length = u32::from_le_bytes(bytes.get(12..16)?.try_into().ok()?);
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
        assert_eq!(parts, Ok((5, Err(UnreadableHeader::Missing), key, value)));
    }

    #[test]
    fn what_is_cut_short_or_changed_in_any_byte_is_not_a_record() {
        let bytes = Frame { timestamp: 5, header: b"{}", key: None, value: b"abc" }.encode();
        assert!(decode(bytes.clone().into()).is_ok());
        for length in 0..bytes.len() {
            assert!(decode(Bytes::copy_from_slice(&bytes[..length])).is_err(), "{length}");
        }
        for place in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0x10;
            assert!(decode(bytes.into()).is_err(), "{place}");
        }
    }

    #[test]
    fn a_record_of_the_version_without_a_checksum_is_read() {
        let mut bytes = vec![VERSION_WITHOUT_CHECKSUM];
        bytes.extend_from_slice(
            &Frame { timestamp: 5, header: b"", key: None, value: b"abc" }.encode()[1 + CHECKSUM_BYTES..],
        );
        let parts = decode(bytes.into());
        assert_eq!(parts, Ok((5, Err(UnreadableHeader::Missing), None, Bytes::from_static(b"abc"))));
    }
}

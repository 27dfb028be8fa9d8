//! The header of a record: who wrote it, when, and how many events of which source it holds (counting.md §8).
//!
//! It is compact JSON, so that any Kafka tool shows it, and travels in the same bytes in both adapters: in Kafka as the
//! one record header [`HEADER_NAME`], in the embedded log in front of the value. `v` is its version; a reader refuses a
//! version that it does not know, and ignores members that it does not know.
//!
//! ```json
//! {"v":1,"kind":"events","collector":"c1","epoch":7,"batch":12,"received":1614589200000000,"sources":[["urn:x",3]]}
//! {"v":1,"kind":"barrier","control":41,"collector":"aggregate","epoch":1,"batch":0,"received":1614589200000000}
//! ```

use serde::{Deserialize, Serialize};

/// The name of the Kafka record header.
pub const HEADER_NAME: &str = "taxameter";

/// The instant of a collector's last mark when it stops in order, with nothing in its spool: until it comes back and
/// marks again, nobody needs to wait for it. The last microsecond of the year 2299, the latest that is stored as it is.
pub const LEFT: i64 = 10_413_705_599_999_999;

/// The version that this program writes and reads.
const VERSION: u64 = 1;

/// Who wrote a record, when, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What the record is.
    pub kind: Kind,
    /// The name of the writer: a registered collector, or the part of the program that appends barriers.
    pub collector: String,
    /// Grows with every start of the collector, so that batch numbers may begin anew.
    pub epoch: u64,
    /// The number of the request within the epoch; the same number again is a repetition of the same request.
    pub batch: u64,
    /// When the collector received the request: Unix microseconds UTC. Alone decides the Swedish day of arrival.
    pub received: i64,
    /// How many events of each source the record holds. Empty unless the record has events.
    pub sources: Vec<(String, u32)>,
    /// Whether its events come from the quarantine, where they were parked: they were answered as accepted before.
    pub released: bool,
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One event or an array of events.
    Events,
    /// The end of a window (counting.md §4).
    Barrier {
        /// The offset in the control log of what asked for it; none for the hourly ones.
        control: Option<u64>,
    },
    /// A collector's statement that its spool is empty up to an instant (counting.md §7).
    Mark {
        /// Unix microseconds UTC: everything that it acknowledged before is on the log.
        spool_empty_until: i64,
    },
    /// A record of the control log.
    Control,
    /// A record of the quarantine.
    Quarantine,
}

/// Why a record's header says nothing. The record itself is delivered all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableHeader {
    /// The record has none: its writer was not one of ours.
    #[error("record has no {HEADER_NAME} header")]
    Missing,
    /// The record has more than one.
    #[error("record has more than one {HEADER_NAME} header")]
    Repeated,
    /// The header is of a version that this program does not know.
    #[error("header has the unknown version {0}")]
    Version(u64),
    /// The header is not what it should be.
    #[error("header cannot be read: {0}")]
    Malformed(String),
}

#[derive(Serialize, Deserialize)]
struct Wire {
    v: u64,
    kind: WireKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    control: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spool_empty_until: Option<i64>,
    collector: String,
    epoch: u64,
    batch: u64,
    received: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sources: Vec<(String, u32)>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    released: bool,
}

#[derive(Serialize)]
struct WireRef<'a> {
    v: u64,
    kind: WireKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spool_empty_until: Option<i64>,
    collector: &'a str,
    epoch: u64,
    batch: u64,
    received: i64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    sources: &'a [(String, u32)],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    released: bool,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum WireKind {
    Events,
    Barrier,
    Mark,
    Control,
    Quarantine,
}

impl Header {
    /// The header's bytes, the same in both adapters.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, control, spool_empty_until) = match self.kind {
            Kind::Events => (WireKind::Events, None, None),
            Kind::Barrier { control } => (WireKind::Barrier, control, None),
            Kind::Mark { spool_empty_until } => (WireKind::Mark, None, Some(spool_empty_until)),
            Kind::Control => (WireKind::Control, None, None),
            Kind::Quarantine => (WireKind::Quarantine, None, None),
        };
        let wire = WireRef {
            v: VERSION,
            kind,
            control,
            spool_empty_until,
            collector: &self.collector,
            epoch: self.epoch,
            batch: self.batch,
            received: self.received,
            sources: &self.sources,
            released: self.released,
        };
        let mut bytes = Vec::with_capacity(128 + self.collector.len() + 48 * self.sources.len());
        #[expect(
            clippy::expect_used,
            reason = "numbers and strings in a struct always become JSON, in memory"
        )]
        serde_json::to_writer(&mut bytes, &wire).expect("a header is JSON");
        bytes
    }

    /// Reads what [`Header::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableHeader> {
        let malformed = |error: serde_json::Error| UnreadableHeader::Malformed(error.to_string());
        let wire: Wire = match serde_json::from_slice(bytes) {
            Ok(wire) => wire,
            Err(error) => {
                #[derive(Deserialize)]
                struct Version {
                    v: u64,
                }
                let version: Version = serde_json::from_slice(bytes).map_err(malformed)?;
                return Err(if version.v == VERSION {
                    malformed(error)
                } else {
                    UnreadableHeader::Version(version.v)
                });
            }
        };
        if wire.v != VERSION {
            return Err(UnreadableHeader::Version(wire.v));
        }
        let kind = match wire.kind {
            WireKind::Events => Kind::Events,
            WireKind::Barrier => Kind::Barrier { control: wire.control },
            WireKind::Mark => Kind::Mark {
                spool_empty_until: wire.spool_empty_until.ok_or_else(|| {
                    UnreadableHeader::Malformed("a mark without spool_empty_until".to_owned())
                })?,
            },
            WireKind::Control => Kind::Control,
            WireKind::Quarantine => Kind::Quarantine,
        };
        Ok(Self {
            kind,
            collector: wire.collector,
            epoch: wire.epoch,
            batch: wire.batch,
            received: wire.received,
            sources: wire.sources,
            released: wire.released,
        })
    }

    /// How many events the header states.
    pub fn events(&self) -> u64 {
        self.sources.iter().map(|(_, count)| u64::from(*count)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers() -> impl Strategy<Value = Header> {
        let kind = prop_oneof![
            Just(Kind::Events),
            any::<Option<u64>>().prop_map(|control| Kind::Barrier { control }),
            any::<i64>().prop_map(|spool_empty_until| Kind::Mark { spool_empty_until }),
            Just(Kind::Control),
            Just(Kind::Quarantine),
        ];
        let sources = prop::collection::vec((".*", any::<u32>()), 0..5);
        (kind, ".*", any::<u64>(), any::<u64>(), any::<i64>(), sources, any::<bool>()).prop_map(
            |(kind, collector, epoch, batch, received, sources, released)| Header {
                kind,
                collector,
                epoch,
                batch,
                received,
                sources,
                released,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(header in headers()) {
            prop_assert_eq!(Header::decode(&header.encode()), Ok(header));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Header::decode(&bytes);
        }
    }

    #[test]
    fn a_header_of_a_later_version_is_named_as_such() {
        assert_eq!(Header::decode(br#"{"v":2,"kind":"parcel"}"#), Err(UnreadableHeader::Version(2)));
    }

    #[test]
    fn the_bytes_are_fixed() {
        let header = Header {
            kind: Kind::Barrier { control: Some(41) },
            collector: "c1".to_owned(),
            epoch: 7,
            batch: 12,
            received: 1_614_589_200_000_000,
            sources: vec![("urn:x".to_owned(), 3)],
            released: false,
        };
        let bytes = br#"{"v":1,"kind":"barrier","control":41,"collector":"c1","epoch":7,"batch":12,"received":1614589200000000,"sources":[["urn:x",3]]}"#;
        assert_eq!(header.encode(), bytes);
    }
}

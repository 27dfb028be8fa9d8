//! Which records of the control log count.
//!
//! Every record names the chain of the record before it (`prev`) and has one of its own: BLAKE3 over `prev`, `received`
//! and the decision's bytes. Two writers that did not know of each other name the same `prev`: then the first in the log
//! counts and the other is void, and its writer learns that by reading what it wrote. Whoever reads the log from its start
//! comes to the same judgement of every record, whatever he knew before. Two that say the same, at the same instant, behind
//! the same record, have the same chain: they are one decision that was written twice.

use std::collections::BTreeSet;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use domain::Instant;
use eventlog::{Kind, Record, Stored};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Decision, header};

/// The version of records in a chain, and of those from before there was one.
const VERSION: u64 = 2;
const VERSION_UNCHAINED: u64 = 1;

/// Ties the hash to what it is for, so that no other hash of ours can stand for it.
const CONTEXT: &[u8] = b"taxameter control log, chain 1\n";

/// What the first record of a log names.
const BEGINNING: [u8; 32] = [0; 32];

type Link = [u8; 32];

/// A chain as far as it was read.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    /// The chain of the last record that counts. None when the log's beginning is gone and nothing was read.
    head: Option<Link>,
    /// The chains of all records that count: whether a void one lost a race, or follows one that is not there.
    seen: BTreeSet<Link>,
    /// Whether a record was in a chain.
    begun: bool,
}

/// Whether a record counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judged {
    /// It does.
    Valid(Decision),
    /// It does not, and nobody carries it out.
    Void(Void),
}

/// Why a record does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Void {
    /// Another record was written at the same time and came first. Its writer was told.
    LostRace,
    /// It follows a record that is not there (any more).
    Detached,
    /// Its chain is not the hash of what it says.
    Altered,
    /// It has no chain, but one before it has.
    Unchained,
    /// It is no decision at all.
    Unreadable,
}

#[derive(Serialize)]
struct Written<'a> {
    v: u64,
    prev: &'a str,
    chain: &'a str,
    decision: &'a RawValue,
}

#[derive(Deserialize)]
struct Read<'a> {
    v: u64,
    #[serde(default)]
    prev: Option<String>,
    #[serde(default)]
    chain: Option<String>,
    #[serde(default, borrow)]
    decision: Option<&'a RawValue>,
}

impl Chain {
    /// Before the first record that is left of a log, which begins at this offset.
    pub(super) fn at_start(offset: u64) -> Self {
        Self { head: (offset == 0).then_some(BEGINNING), seen: BTreeSet::from([BEGINNING]), begun: false }
    }

    /// Judges the next record of the log.
    pub(super) fn judge(&mut self, stored: &Stored) -> Judged {
        let Some(header) = stored.header.as_ref().ok().filter(|header| header.kind == Kind::Control) else {
            return Judged::Void(Void::Unreadable);
        };
        let at = Instant::from_micros(header.received);
        let Ok(read) = serde_json::from_slice::<Read<'_>>(&stored.value) else {
            return Judged::Void(Void::Unreadable);
        };
        let (link, content) = match read {
            Read { v: VERSION_UNCHAINED, .. } if self.begun => return Judged::Void(Void::Unchained),
            Read { v: VERSION_UNCHAINED, .. } => {
                let head = self.head.unwrap_or(BEGINNING);
                (hash(&head, at, &stored.value), stored.value.as_ref())
            }
            Read { v: VERSION, prev: Some(prev), chain: Some(chain), decision: Some(decision) } => {
                let content = decision.get().as_bytes();
                match (link(&prev), link(&chain)) {
                    (Some(prev), Some(chain)) if hash(&prev, at, content) == chain => {
                        if self.head.is_some_and(|head| head != prev) {
                            let raced = self.seen.contains(&prev);
                            return Judged::Void(if raced { Void::LostRace } else { Void::Detached });
                        }
                        self.begun = true;
                        (chain, content)
                    }
                    _ => return Judged::Void(Void::Altered),
                }
            }
            Read { .. } => return Judged::Void(Void::Unreadable),
        };
        let object = serde_json::from_slice::<Map<String, Value>>(content).ok();
        let action = object.as_ref().and_then(|object| object.get("action")?.as_str().map(str::to_owned));
        let (Some(content), Some(action)) = (object, action) else {
            return Judged::Void(Void::Unreadable);
        };
        self.head = Some(link);
        self.seen.insert(link);
        let chain = HEXLOWER.encode(&link);
        Judged::Valid(Decision { control: stored.offset, at, action, content, chain })
    }

    /// The record that would follow now, and its chain.
    pub(super) fn next(&self, decision: &RawValue, at: Instant) -> (Record, String) {
        let prev = self.head.unwrap_or(BEGINNING);
        let chain = HEXLOWER.encode(&hash(&prev, at, decision.get().as_bytes()));
        let written = Written { v: VERSION, prev: &HEXLOWER.encode(&prev), chain: &chain, decision };
        #[expect(clippy::expect_used, reason = "strings in a struct always become JSON, in memory")]
        let value = serde_json::to_vec(&written).expect("a record of the control log is JSON");
        (Record { header: header(Kind::Control, at), value: Bytes::from(value) }, chain)
    }
}

fn hash(prev: &Link, at: Instant, content: &[u8]) -> Link {
    let mut hasher = blake3::Hasher::new();
    hasher.update(CONTEXT);
    hasher.update(prev);
    hasher.update(&at.micros().to_be_bytes());
    hasher.update(content);
    *hasher.finalize().as_bytes()
}

fn link(hex: &str) -> Option<Link> {
    HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn stored(offset: u64, record: &Record) -> Stored {
        Stored {
            offset,
            timestamp: 0,
            header: Ok(record.header.clone()),
            key: None,
            value: record.value.clone(),
        }
    }

    fn unchained(text: &'static str) -> Record {
        Record {
            header: header(Kind::Control, Instant::default()),
            value: Bytes::from_static(text.as_bytes()),
        }
    }

    const CLOSE: &str = r#"{"action":"month.close","month":"2021-03"}"#;

    fn at(micros: i64) -> Instant {
        Instant::from_micros(micros)
    }

    /// Judges records one after the other: the action of those that count, or why they do not.
    fn judged(records: &[Record]) -> Vec<Result<String, Void>> {
        let mut chain = Chain::at_start(0);
        (0..)
            .zip(records)
            .map(|(offset, record)| match chain.judge(&stored(offset, record)) {
                Judged::Valid(decision) => Ok(decision.action),
                Judged::Void(void) => Err(void),
            })
            .collect()
    }

    #[test]
    fn a_record_is_what_it_says_under_the_hash_of_all_before_it() {
        let (record, chain) = Chain::at_start(0).next(&raw(CLOSE), at(1_617_235_200_000_000));
        let zeros = "0".repeat(64);
        let want = format!(r#"{{"v":2,"prev":"{zeros}","chain":"{chain}","decision":{CLOSE}}}"#);
        assert_eq!(record.value, want.as_bytes());
        let mut reader = Chain::at_start(0);
        let Judged::Valid(decision) = reader.judge(&stored(0, &record)) else { panic!("it counts") };
        assert_eq!(
            (decision.at, decision.chain.as_str(), decision.content["month"].as_str()),
            (at(1_617_235_200_000_000), chain.as_str(), Some("2021-03"))
        );
    }

    #[test]
    fn of_two_that_follow_the_same_record_the_first_counts() {
        let mut chain = Chain::at_start(0);
        let (one, _) = chain.next(&raw(CLOSE), at(1));
        let (other, _) = chain.next(&raw(r#"{"action":"other"}"#), at(2));
        chain.judge(&stored(0, &one));
        let (again, _) = chain.next(&raw(r#"{"action":"other"}"#), at(2));
        assert_eq!(
            judged(&[one.clone(), other, one, again]),
            [Ok("month.close".to_owned()), Err(Void::LostRace), Err(Void::LostRace), Ok("other".to_owned())]
        );
    }

    #[test]
    fn what_was_changed_or_taken_away_voids_what_follows() {
        let mut chain = Chain::at_start(0);
        let mut records = Vec::new();
        for n in 0..3 {
            let (record, _) = chain.next(&raw(&format!(r#"{{"action":"a","n":{n}}}"#)), at(n));
            chain.judge(&stored(n as u64, &record));
            records.push(record);
        }
        let a = || Ok("a".to_owned());
        assert_eq!(judged(&records), [a(), a(), a()]);
        assert_eq!(judged(&[records[0].clone(), records[2].clone()]), [a(), Err(Void::Detached)]);
        let text = String::from_utf8(records[1].value.to_vec()).unwrap().replace(r#""n":1"#, r#""n":9"#);
        records[1].value = Bytes::from(text);
        assert_eq!(judged(&records), [a(), Err(Void::Altered), Err(Void::Detached)]);
        records[0].header.received += 1;
        assert_eq!(judged(&records[..1]), [Err(Void::Altered)], "the hour is part of it");
    }

    #[test]
    fn records_without_a_chain_count_at_the_beginning_only() {
        let old = unchained(r#"{"v":1,"action":"month.close","month":"2021-03","catalogue":"x"}"#);
        let garbage = ["", "[]", r#"{"v":1}"#, r#"{"v":3,"action":"x"}"#, r#"{"v":2,"action":"x"}"#];
        let mut records = vec![old.clone()];
        records.extend(garbage.map(unchained));
        let mut chain = Chain::at_start(0);
        (0..).zip(&records).for_each(|(offset, record)| drop(chain.judge(&stored(offset, record))));
        records.push(chain.next(&raw(CLOSE), at(1)).0);
        records.push(old);
        let unreadable = || Err(Void::Unreadable);
        assert_eq!(
            judged(&records),
            [
                Ok("month.close".to_owned()),
                unreadable(),
                unreadable(),
                unreadable(),
                unreadable(),
                unreadable(),
                Ok("month.close".to_owned()),
                Err(Void::Unchained)
            ]
        );
        records.remove(0);
        assert_eq!(judged(&records)[5], Err(Void::Detached), "the chain holds what came before it");
    }
}

//! refused or parked event → an entry of the quarantine
//!
//! An entry is a JSON object `{"code","detail","source","id","event","hash"}`: `event` is the event's own bytes in
//! base64, at most the largest event that is taken (`"cut": true` says that there were more). An event with personal
//! data leaves only its reason, its source and a keyed hash by which the same event is known again. What was found on the
//! intake topic has its place there, too: `"place": {"topic","partition","offset","index"}`.

use data_encoding::BASE64;
use domain::event::EVENT_BYTES_MAX;
use domain::rejection::{Code, Rejection};
use serde::Serialize;

/// An entry before the record around it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The event's source, when it can be read and holds no personal data.
    pub(super) source: Option<String>,
    /// The JSON object.
    pub(super) value: Vec<u8>,
    /// Whether it was in the quarantine before, so that the books do not count it as parked once more.
    pub(super) released: bool,
}

/// Where an event was found, if no request brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The topic.
    pub topic: &'static str,
    /// The partition.
    pub partition: u32,
    /// The record.
    pub offset: u64,
    /// The event in the record, from 0.
    pub index: usize,
}

/// What is known of an event beside its bytes and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    /// Its source, when it can be read.
    pub(super) source: Option<String>,
    /// Its id, when it can be read.
    pub(super) id: Option<String>,
    /// Where it was found.
    pub(super) place: Option<Place>,
    /// Whether it comes from the quarantine.
    pub(super) released: bool,
}

#[derive(Serialize)]
struct Wire<'a> {
    code: &'static str,
    detail: &'a str,
    source: Option<&'a str>,
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
    hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
}

impl Entry {
    /// What is kept of an event.
    pub(super) fn new(bytes: &[u8], reason: &Rejection, origin: Origin, key: &[u8; 32]) -> Self {
        let Origin { source, id, place, released } = origin;
        let personal = reason.code == Code::PersonalData;
        let kept = &bytes[..bytes.len().min(EVENT_BYTES_MAX)];
        let wire = Wire {
            code: reason.code.name(),
            detail: &reason.detail,
            source: source.as_deref(),
            id: if personal { Some(eventlog::wire::MASKED) } else { id.as_deref() },
            event: (!personal).then(|| BASE64.encode(kept)),
            cut: !personal && kept.len() < bytes.len(),
            hash: blake3::keyed_hash(key, bytes).to_hex().to_string(),
            place,
        };
        #[expect(clippy::expect_used, reason = "strings in a struct always become JSON, in memory")]
        let value = serde_json::to_vec(&wire).expect("an entry is JSON");
        Self { source, value, released }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(code: Code, bytes: &[u8]) -> serde_json::Value {
        let reason = Rejection::new(code, "why");
        let (source, id) = (Some("/s".to_owned()), Some("a".to_owned()));
        let entry = Entry::new(bytes, &reason, Origin { source, id, ..Origin::default() }, &[7; 32]);
        serde_json::from_slice(&entry.value).unwrap()
    }

    #[test]
    fn a_refused_event_is_kept_whole_unless_it_is_too_large() {
        let kept = entry(Code::WrongUnit, b"{}");
        assert_eq!(
            (kept["event"].as_str(), kept["id"].as_str(), kept.get("cut")),
            (Some("e30="), Some("a"), None)
        );
        let cut = entry(Code::EventTooLarge, &vec![b' '; EVENT_BYTES_MAX + 1]);
        assert_eq!(cut["cut"], true);
        assert!(cut.to_string().len() < eventlog::record::RECORD_BYTES_MAX);
    }

    #[test]
    fn of_an_event_with_personal_data_only_the_reason_and_a_hash_are_kept() {
        let entry = entry(Code::PersonalData, b"{}");
        assert_eq!(entry.get("event"), None);
        assert_eq!(entry["id"], eventlog::wire::MASKED);
        assert_eq!(entry["hash"].as_str().map(str::len), Some(64));
    }
}

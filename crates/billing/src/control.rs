//! Decisions about months, as records of the control log (design §8).
//!
//! ```json
//! {"v":1,"action":"month.close","month":"2021-03","catalogue":"9f3c…","accept_gaps":"beslut 2021-17"}
//! ```
//! When it was decided is the record's `received`. Records of other kinds are other parts' and left alone.

use bytes::Bytes;
use domain::{Instant, Month};
use eventlog::{Header, Kind, Record, Stored};
use serde::{Deserialize, Serialize};

const VERSION: u64 = 1;

/// What was decided about a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Action {
    #[serde(rename = "month.preliminary")]
    Preliminary,
    #[serde(rename = "month.close")]
    Close,
}

impl Action {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Action::Preliminary => "preliminary",
            Action::Close => "close",
        }
    }
}

/// A decision about a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) action: Action,
    pub(crate) month: Month,
    /// The version of the catalogue that it was made on.
    pub(crate) catalogue: String,
    /// Why gaps are accepted.
    pub(crate) accept_gaps: Option<String>,
    /// When it was made.
    pub(crate) at: Instant,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    v: u64,
    action: Action,
    month: String,
    catalogue: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accept_gaps: Option<String>,
}

impl Decision {
    pub(crate) fn record(&self) -> Record {
        let wire = Wire {
            v: VERSION,
            action: self.action,
            month: self.month.to_string(),
            catalogue: self.catalogue.clone(),
            accept_gaps: self.accept_gaps.clone(),
        };
        #[expect(clippy::expect_used, reason = "strings in a struct always become JSON, in memory")]
        let value = serde_json::to_vec(&wire).expect("a decision is JSON");
        Record { header: header(Kind::Control, self.at), value: Bytes::from(value) }
    }

    /// The decision that a record of the control log holds; none when it is about something else.
    pub(crate) fn read(stored: &Stored) -> Option<Self> {
        let header = stored.header.as_ref().ok()?;
        if header.kind != Kind::Control {
            return None;
        }
        let wire: Wire =
            serde_json::from_slice(&stored.value).ok().filter(|wire: &Wire| wire.v == VERSION)?;
        Some(Self {
            action: wire.action,
            month: wire.month.parse().ok()?,
            catalogue: wire.catalogue,
            accept_gaps: wire.accept_gaps,
            at: Instant::from_micros(header.received),
        })
    }
}

/// The header of a record that billing writes. Its records are not events, so they have no batches to count.
pub(crate) fn header(kind: Kind, at: Instant) -> Header {
    Header {
        kind,
        collector: "billing".to_owned(),
        epoch: 0,
        batch: 0,
        received: at.micros(),
        sources: Vec::new(),
        released: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(record: Record) -> Stored {
        Stored { offset: 7, timestamp: 0, header: Ok(record.header), key: None, value: record.value }
    }

    #[test]
    fn a_decision_reads_back_as_it_was_written() {
        let decision = Decision {
            action: Action::Close,
            month: "2021-03".parse().unwrap(),
            catalogue: "v1".to_owned(),
            accept_gaps: Some("beslut 17".to_owned()),
            at: Instant::from_micros(1_617_235_200_000_000),
        };
        let record = decision.record();
        assert_eq!(
            record.value,
            r#"{"v":1,"action":"month.close","month":"2021-03","catalogue":"v1","accept_gaps":"beslut 17"}"#
                .as_bytes()
        );
        assert_eq!(Decision::read(&stored(record)), Some(decision));
    }

    #[test]
    fn records_of_other_parts_are_left_alone() {
        let record = |value: &'static str| Record {
            header: header(Kind::Control, Instant::default()),
            value: Bytes::from_static(value.as_bytes()),
        };
        for value in [
            r#"{"v":1,"action":"catalogue.apply","version":"x"}"#,
            r#"{"v":2,"action":"month.close","month":"2021-03","catalogue":"x"}"#,
            r#"{"v":1,"action":"month.close","month":"2021-3","catalogue":"x"}"#,
            "",
        ] {
            assert_eq!(Decision::read(&stored(record(value))), None, "{value}");
        }
    }
}

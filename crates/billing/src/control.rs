//! The control log (design §8): decisions as a chain of records, one owner who carries them out, and the audit of both.
//!
//! A record's value is
//! ```json
//! {"v":2,"prev":"9f3c…","chain":"04be…","decision":{"action":"month.close","month":"2021-03","catalogue":"77ad…"}}
//! ```
//! When it was decided is the record's `received`. [`chain`] says which records count, [`log`] how they are written, and
//! [`owner`] who carries them out. Until there was a chain, a value was the decision itself with `"v":1`; such records
//! are accepted at the beginning of a log and nowhere else.

mod audit;
mod chain;
mod log;
mod owner;

use domain::Instant;
use eventlog::{Header, Kind};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use audit::{AuditPage, AuditRecord, AuditState};
pub use owner::{Handler, Owner};

pub(crate) use log::ControlLog;

/// What was decided, as its handler gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Its offset in the control log.
    pub control: u64,
    /// When it was made.
    pub at: Instant,
    /// What it is about, as in `month.close`.
    pub action: String,
    /// What it says, its action included.
    pub content: Map<String, Value>,
    /// The chain of its record, 64 hexadecimal digits.
    pub chain: String,
}

impl Decision {
    /// What it says, read as its action has it; none when it was written by a program that knew better or worse.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_value(Value::Object(self.content.clone())).ok()
    }
}

/// How a decision ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// In one word, as in `closed`, `refused`, `applied`.
    pub outcome: &'static str,
    /// What the one who decided is told.
    pub answer: Value,
}

impl Carried {
    /// Nothing was done. `answer` says why.
    pub fn refused(answer: Value) -> Self {
        Self { outcome: REFUSED, answer }
    }
}

/// The outcome of a decision that changed nothing because something stood in the way.
pub(crate) const REFUSED: &str = "refused";

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

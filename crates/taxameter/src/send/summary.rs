//! What became of the events that were sent.

use std::collections::BTreeMap;

use serde::Serialize;

use super::answer::Answer;

/// How many refused events are kept as examples of each code.
const EXAMPLES_MAX: usize = 3;

/// An event that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Its id, masked where it held personal data.
    pub id: Option<String>,
    /// What is wrong with it.
    pub detail: String,
}

/// The events that were refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Refusals {
    /// How many.
    pub count: u64,
    /// The first few.
    pub examples: Vec<Example>,
}

/// What was sent, and what became of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// Events, without repeats.
    pub sent: u64,
    /// Taken: duplicates too, which the answer does not tell apart.
    pub accepted: u64,
    /// Refused.
    pub rejected: u64,
    /// Refused, by code.
    pub codes: BTreeMap<String, Refusals>,
    /// Requests that were answered.
    pub requests: u64,
    /// Requests that had to be repeated.
    pub retries: u64,
    /// Bytes of events, before compression.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

impl Summary {
    /// Takes an answer to a batch.
    pub(super) fn take(&mut self, answer: Answer) {
        self.accepted += answer.accepted;
        self.rejected += answer.rejected.len() as u64;
        for rejected in answer.rejected {
            let refusals = self.codes.entry(rejected.code).or_default();
            refusals.count += 1;
            if refusals.examples.len() < EXAMPLES_MAX {
                refusals.examples.push(Example { id: rejected.id, detail: rejected.detail });
            }
        }
    }

    pub(super) fn add(&mut self, other: Summary) {
        self.sent += other.sent;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.requests += other.requests;
        self.retries += other.retries;
        self.bytes += other.bytes;
        for (code, refusals) in other.codes {
            let mine = self.codes.entry(code).or_default();
            mine.count += refusals.count;
            let room = EXAMPLES_MAX.saturating_sub(mine.examples.len());
            mine.examples.extend(refusals.examples.into_iter().take(room));
        }
    }

    /// Whole events per second.
    pub fn events_per_second(&self) -> u64 {
        self.sent * 1_000 / self.milliseconds.max(1)
    }
}

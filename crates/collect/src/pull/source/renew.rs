//! Sources that can say what has changed since a whole set that was kept.
//!
//! kept set + changes → the whole set of a turn → kept anew
//!
//! A snapshot is always all that there is. Asking for changes makes it cheaper to come by, never another: what cannot be
//! known from changes is read whole.

use std::collections::BTreeMap;

use domain::Instant;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{Failure, Record};

/// Records by what tells them apart in their system for ever: what a thing keeps when it is renamed or moved.
pub type Records = BTreeMap<String, Record>;

/// A whole set, as it is kept from turn to turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Where changes go on, in the source's own words.
    pub mark: String,
    /// The turn that read everything last, in microseconds since 1970.
    pub whole_at: i64,
    /// The records.
    pub records: Records,
}

/// The whole set of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// All that there is.
    pub records: Records,
    /// Where changes go on, or why they cannot: then nothing is kept and the next turn reads everything too.
    pub mark: Result<String, String>,
    /// The turn that read everything last, in microseconds since 1970.
    pub whole_at: i64,
    /// How many entries the system gave for it.
    pub fetched: u64,
    /// Why everything was read; none if only changes were.
    pub why_whole: Option<String>,
}

/// A source that can go on from a set that was kept.
pub trait Renew: Send + Sync {
    /// Reads the whole set of a turn: from what is kept and what has changed since, or anew. Without a kept set it is given
    /// why there is none.
    fn renew(&self, at: Instant, kept: Result<Kept, String>) -> BoxFuture<'_, Result<Renewed, Failure>>;
}

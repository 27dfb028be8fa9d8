//! The durable log that the parts of the program meet at: one trait, [`EventLog`], and two adapters, [`embedded`] (one
//! disk, one process) and `kafka` (feature `kafka`). Both pass one conformance suite, `tests/`.
//!
//! What every user of it can rely on:
//! * An append is answered only when it is durable: `acks=all` with an idempotent producer, or an `fsync` that many
//!   callers share. A reader sees only what is durable.
//! * Delivery is **at least once**. An append whose outcome is [`Outcome::Unknown`] may be there; who repeats it may write
//!   it twice. The reader of the usage log counts by identity (counting.md §3), so that this changes nothing.
//! * Offsets of a partition only grow. In the embedded log they have no gaps; in Kafka they may.
//! * Nothing is ever skipped: a record without a readable header is delivered, as such; an offset below the log's start
//!   is an error, never a silent restart.
//!
//! The log itself knows nothing of events beyond their number and their limits; [`wire`] is their one format. Only its `kafka` module names Kafka.
//! Reading order: [`header`], [`record`], [`topic`], [`mod@log`], then an adapter.

mod age;
pub mod error;
pub mod header;
pub mod log;
pub mod record;
pub mod topic;
pub mod wire;

pub mod embedded;
#[cfg(feature = "kafka")]
pub mod kafka;

pub mod prefixed;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use age::received_since;
pub use error::{AppendError, Error, Outcome};
pub use header::{Header, Kind, UnreadableHeader};
pub use log::{Delivery, EventLog, Subscription};
pub use record::{Record, Stored};
pub use topic::{Finding, Topic, TopicId, TopicSpec};

/// The result of this crate's operations, except appends.
pub type Result<T, E = Error> = std::result::Result<T, E>;

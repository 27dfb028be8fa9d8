//! The usage log → rows → monthly usage, counted exactly once (counting.md).
//!
//! Every row that is written is a function of a prefix of the log, under a key made of log positions. So an owner may be
//! killed anywhere, two may count the same partition, and an insert may be repeated: the same rows are written again.
//! This crate knows no price and no payer, and its memory is bounded.
//!
//! Start with [`outcome`] (what an event is), then [`record`] and [`counter`] (records become rows), `owner.rs` (one
//! partition, over time), [`aggregator`] (all of them), and [`reckon`], [`dirty`] and [`rollup`] (rows become months).
//! [`seam`] is what all of it needs of a store.

mod books;
mod hash;
mod meters;
mod owner;
mod quarantine;
mod retry;
mod window;

pub mod aggregator;
pub mod counter;
pub mod dirty;
pub mod error;
pub mod filter;
pub mod generation;
pub mod lag;
pub mod metrics;
pub mod outcome;
pub mod reckon;
pub mod record;
pub mod rollup;
pub mod seam;
pub mod upkeep;

pub use aggregator::{Aggregator, Config};
pub use books::{Line, OTHER_SOURCES};
pub use error::Error;
pub use metrics::Metrics;
pub use window::WINDOW_OFFSETS;

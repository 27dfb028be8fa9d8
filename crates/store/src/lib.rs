//! ClickHouse: the tables, what is written to them and what is asked of them.
//!
//! Only this crate speaks SQL. Values are bound, never formatted in. Whatever is inserted twice changes no total: every
//! row is a pure function of the log under a key made of log positions (`schemas/clickhouse/`, counting.md §5), and reads
//! see each key once. The crate knows no log, no price and no HTTP.
//!
//! Start with [`client`] (connecting) and [`migrate`] (the tables). [`rows`] is what the aggregator writes, [`counting`]
//! how it is written and looked up again, [`rollup`] what the roll-up reads and writes, [`usage`] what everybody else
//! reads.

pub mod catalogue;
pub mod charges;
pub mod client;
pub mod collectors;
pub mod control;
pub mod counting;
pub mod error;
pub mod keys;
pub mod migrate;
mod native;
pub mod quarantine;
pub mod releases;
pub mod retention;
pub mod rollup;
pub mod rows;
pub mod senders;
pub mod usage;

pub use client::{Config, Engine, Secret, Store};
pub use error::Error;
pub use usage::AsOf;

/// The result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

//! Months on the real engine and the real embedded log: previewed, closed, corrected and read back.
//!
//! Usage is written as the roll-up writes it. Tests share one server, each with a database and a log of its own.

#![expect(clippy::unwrap_used, reason = "a test whose own set-up fails has failed")]

mod applying;
mod catalogue;
mod closing;
mod control;
mod corrections;
mod coverage;
mod documents;
mod gaps;
mod gates;
mod replaying;
mod rules;
mod shared;
mod simulating;
mod usage;
mod world;
mod year;

//! Gathers events from systems that do not send them: reads a system, turns what it says into events, and hands them to the
//! intake like any sender would.
//!
//! [`schedule`] → a turn → [`source`] → records → [`mapping`] → events, kept on disk → the intake → a checkpoint
//!
//! A turn is sent whole or not at all: what a system answered is on disk before the first event is sent, so that a crash
//! sends exactly the same again. A turn that could not be read is no event and no zero; for a snapshot it becomes a gap.

pub mod deliver;
pub mod guard;
pub mod http;
mod kept;
pub mod mapping;
pub mod metrics;
mod place;
pub mod pseudonym;
mod puller;
mod recipe;
pub mod schedule;
pub mod source;
mod status;
#[cfg(any(feature = "ldap", feature = "postgres"))]
mod tls;

pub use deliver::{Deliver, ToIntake};
pub use metrics::Metrics;
pub use place::{Checkpoint, PlaceError};
pub use pseudonym::Keys;
pub use puller::{Puller, Sum};
pub use recipe::{Config, Recipe, TurnError};
pub use status::{State, Status, Statuses};

#[cfg(test)]
mod tests;

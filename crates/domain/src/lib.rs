//! What an event, a meter, a month, a price and a charge are, and how usage becomes money.
//!
//! This crate does no I/O, reads no clock, draws no random number and knows no float, JSON, log or database. Whatever
//! it computes, it computes from its arguments alone, so every öre can be reckoned again. A type that can be built
//! here is valid; what is not valid is a [`Rejection`] with a stable code.
//!
//! Start with [`event`] (what was sent), then [`usage`] (what we count), [`catalogue`] (what things cost and who pays),
//! [`rating`] (usage becomes lines), [`financing`] and [`surcharge`] (the object's share), [`charge`] (what is billed),
//! [`document`] (what companies get of it), [`posting`] (how it is booked), [`focus`] (what cost tools call it), [`object`] (what the object has to live on), [`year`]
//! and [`coverage`] (what is reported of it), [`access`] (who sees it), and [`trend`] (where it is heading).

pub mod access;
pub mod calendar;
pub mod catalogue;
pub mod charge;
pub mod coverage;
pub mod document;
pub mod event;
pub mod financing;
pub mod focus;
pub mod identity;
pub mod money;
pub mod object;
pub mod personal_data;
pub mod posting;
pub mod price;
pub mod quantity;
pub mod rating;
pub mod rejection;
pub mod simulation;
pub mod surcharge;
pub mod trend;
pub mod usage;
pub mod year;

pub use calendar::{Instant, Month};
pub use event::{Body, Event, SnapshotCompleted, Usage};
pub use identity::{EventKey, Fingerprint};
pub use money::{Money, Rate, UnitPrice};
pub use price::PriceModel;
pub use quantity::Quantity;
pub use rejection::{Code, Rejection};

#[cfg(test)]
mod rules;

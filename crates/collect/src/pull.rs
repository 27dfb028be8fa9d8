//! Gathers events from systems that do not send them: reads a system, turns what it says into events, and hands them to the
//! intake like any sender would.
//!
//! [`schedule`] → a turn → [`source`] → records → [`mapping`] → events, kept on disk → the intake → a checkpoint
//!
//! A turn is sent whole or not at all: what a system answered is on disk before the first event is sent, so that a crash
//! sends exactly the same again. A turn that could not be read is no event and no zero; for a snapshot it becomes a gap.

pub mod guard;
pub mod http;
pub mod mapping;
pub mod pseudonym;
pub mod schedule;
pub mod source;

//! One event in a few words, before it is written out: small enough to hold a day of them, and to send one twice.

use super::account::{Kind, Outcome};

/// What an event is, apart from its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// An observation of an object in the day's snapshot.
    Observation,
    /// Something that happened.
    Happening,
    /// The marker of a group's snapshot: how many, and how many of them refused.
    Marker { count: u32, refused: u32 },
}

/// An event to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spec {
    /// When its collector sends it, in microseconds.
    pub(super) arrives: i64,
    /// CloudEvents `time`, in microseconds.
    pub(super) time: i64,
    /// In millionths.
    pub(super) quantity: i64,
    /// What its id is made of.
    pub(super) identity: u64,
    /// What its subject is made of.
    pub(super) subject: u64,
    pub(super) form: Form,
    /// Its flow; of a marker, its group.
    pub(super) flow: u16,
    /// The index of its day in the year.
    pub(super) day: u16,
    pub(super) costcentre: u16,
    pub(super) seq: u8,
    pub(super) retracted: bool,
    pub(super) kind: Kind,
    pub(super) outcome: Outcome,
}

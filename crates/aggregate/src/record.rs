//! Records of the usage log as events: bytes are read once, and text stays where it was read.

use chrono::Months;
use domain::{Code, Event, EventKey, Fingerprint, Instant, Rejection};
use eventlog::header::Kind;
use eventlog::record::EVENTS_PER_RECORD_MAX;
use eventlog::{Stored, wire};
use store::rows::days_of;

/// Later instants cannot be stored as they are: ClickHouse's `DateTime64(6)` ends with the year 2299. No clock is so
/// wrong; whoever writes such a time is told.
const TIME_END: Instant = Instant::from_micros(10_413_705_600_000_000);

/// What a record holds.
#[derive(Debug)]
pub enum Content<'r> {
    /// Events, in order.
    Events(Vec<Item<'r>>),
    /// The end of a window, with the control offset of what asked for it.
    Barrier(Option<u64>),
    /// A collector's mark that its spool is empty up to an instant.
    Mark(Instant),
    /// It cannot be told apart into events.
    Unreadable(Rejection),
}

/// An event of a record, or what is in its place.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are events, and a box for each would cost more")]
pub enum Item<'r> {
    /// An event.
    Event {
        /// What was sent.
        event: Event<'r>,
        /// Its identity.
        key: EventKey,
        /// Its content.
        fingerprint: Fingerprint,
        /// Its bytes.
        bytes: &'r [u8],
    },
    /// Not an event.
    Refused {
        /// Why not.
        rejection: Rejection,
        /// Its bytes.
        bytes: &'r [u8],
    },
}

/// A record that was read.
#[derive(Debug)]
pub struct Decoded<'r> {
    /// Its place in the partition.
    pub offset: u64,
    /// When its collector received it.
    pub received: Instant,
    /// The Swedish day of that, in days since 1970.
    pub arrival: i32,
    /// An event with an earlier `time` is too old.
    pub oldest: Instant,
    /// What it holds.
    pub content: Content<'r>,
    /// The record as it was.
    pub stored: &'r Stored,
}

/// Reads a record. Depends on its bytes and the horizon alone.
pub fn decode(stored: &Stored, horizon: Months) -> Decoded<'_> {
    let received = Instant::from_micros(stored.received());
    let oldest = received
        .to_utc()
        .checked_sub_months(horizon)
        .map_or(Instant::from_micros(i64::MIN), Instant::from_utc);
    let kind = stored.header.as_ref().map_or(Kind::Events, |header| header.kind);
    let content = match kind {
        Kind::Events => events(&stored.value),
        Kind::Barrier { control } => Content::Barrier(control),
        Kind::Mark { spool_empty_until } => Content::Mark(Instant::from_micros(spool_empty_until)),
        Kind::Control | Kind::Quarantine => Content::Unreadable(Rejection::new(
            Code::Undecodable,
            "a record of another topic, found on the usage log",
        )),
    };
    Decoded { offset: stored.offset, received, arrival: days_of(received.day()), oldest, content, stored }
}

fn events(value: &[u8]) -> Content<'_> {
    let unreadable = |detail: String| Content::Unreadable(Rejection::new(Code::Undecodable, detail));
    match wire::split(value) {
        Err(error) => unreadable(error.to_string()),
        Ok(slices) if slices.len() > EVENTS_PER_RECORD_MAX => unreadable(format!(
            "{} events in one record; at most {EVENTS_PER_RECORD_MAX} are taken",
            slices.len()
        )),
        Ok(slices) => Content::Events(slices.into_iter().map(item).collect()),
    }
}

fn item(bytes: &[u8]) -> Item<'_> {
    match wire::decode(bytes) {
        Ok(event) if event.time >= TIME_END => {
            let detail = format!("{} is beyond what can be stored", event.time);
            Item::Refused { rejection: Rejection::new(Code::TimeInFuture, detail), bytes }
        }
        Ok(event) => Item::Event { key: event.key(), fingerprint: event.fingerprint(), event, bytes },
        Err(rejection) => Item::Refused { rejection, bytes },
    }
}

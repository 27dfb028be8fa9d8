//! The events of an explanation, page by page.

use axum::http::Uri;
use domain::calendar::parse_day;
use domain::{EventKey, Instant};
use serde::Serialize;
use store::usage::{CountedEvent, EventPlace};

use crate::cursor::{self, Key};
use crate::list::quantity;
use crate::problem::Problem;
use crate::query::Params;

/// An event without its subject: who used something is nobody's business here.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    source: String,
    /// Null when it was removed.
    id: Option<String>,
    seq: u32,
    time: String,
    received: String,
    day: String,
    quantity: String,
}

pub(super) fn event(event: CountedEvent) -> Event {
    Event {
        source: event.source,
        id: (!event.id.is_empty()).then_some(event.id),
        seq: event.seq,
        time: event.time.to_string(),
        received: event.received.to_string(),
        day: event.day.to_string(),
        quantity: quantity(event.quantity),
    }
}

/// The event behind which the requested page begins; none for the first page.
pub(super) fn after(uri: &Uri, params: &Params) -> Result<Option<EventPlace>, Problem> {
    let Some(key) = cursor::after(uri.path(), params)? else { return Ok(None) };
    place(&key).map(Some).ok_or_else(cursor::foreign)
}

/// The cursor of the page behind an event.
pub(super) fn next(uri: &Uri, params: &Params, last: &CountedEvent) -> String {
    cursor::next(uri.path(), params, key(last.behind()))
}

fn key(place: EventPlace) -> Key {
    let EventPlace { day, time, key, life } = place;
    [day.to_string(), time.micros().to_string(), key.0.to_string(), life.to_string()].map(Some).to_vec()
}

fn place(key: &Key) -> Option<EventPlace> {
    let [Some(day), Some(time), Some(key), Some(life)] = key.as_slice() else { return None };
    Some(EventPlace {
        day: parse_day(day)?,
        time: Instant::from_micros(time.parse().ok()?),
        key: EventKey(key.parse().ok()?),
        life: life.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_from_its_cursor() {
        let at = EventPlace {
            day: parse_day("2021-03-05").unwrap(),
            time: Instant::from_micros(1_614_938_400_000_001),
            key: EventKey(u128::MAX),
            life: u64::MAX,
        };
        assert_eq!(place(&key(at)), Some(at));
        let mut short = key(at);
        short.pop();
        assert_eq!(place(&short), None);
        let mut wrong = key(at);
        wrong[1] = Some("x".to_owned());
        assert_eq!(place(&wrong), None);
    }
}

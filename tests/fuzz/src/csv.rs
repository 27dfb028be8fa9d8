//! A file of CSV: whatever it holds, it is refused whole, or each of its rows becomes one event.

use std::sync::LazyLock;

use collect::http::rows;
use domain::Code;
use domain::catalogue::Catalogue;

use super::event::check_event;

/// The most rows of a file; small, so that the limit is met.
const ROWS_MAX: usize = 50;

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| catalog::check(&catalog::linkoping()).expect("the catalogue is right").catalogue);

/// Fails when something does not hold of a file.
pub fn check(body: &[u8]) {
    let Ok(events) = rows::events(body, Some("papercut"), &CATALOGUE, ROWS_MAX) else { return };
    // Without quotes each line is a row; with them a row may have several lines.
    let lines = body.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty()).count();
    let is_quoted = body.contains(&b'"');
    assert!(events.len() <= ROWS_MAX && events.len() < lines, "{} events in {lines} lines", events.len());
    assert!(is_quoted || events.len() == lines - 1, "{} events in {lines} lines", events.len());
    for event in &events {
        check_event(event);
        if let Err(rejection) = eventlog::wire::decode(event) {
            assert!(!OURS.contains(&rejection.code), "{rejection}");
        }
    }
}

/// What would be our fault, and not the row's.
const OURS: [Code; 11] = [
    Code::InvalidJson,
    Code::DuplicateKey,
    Code::TooDeep,
    Code::MissingField,
    Code::WrongType,
    Code::UnknownField,
    Code::UnsupportedSpecversion,
    Code::InvalidSource,
    Code::UnknownType,
    Code::InvalidSlug,
    Code::InvalidId,
];

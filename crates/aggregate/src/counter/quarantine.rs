//! What is not counted is kept, with its reason and its place (design §4).

use domain::{Code, Event, Rejection, personal_data};
use eventlog::wire;
use store::rows::{Position, QuarantineRow};

use super::Counter;
use crate::outcome::Outcome;
use crate::record::Decoded;
use crate::window::Window;

/// The most of an explanation that is kept.
const DETAIL_CHARS_MAX: usize = 500;

impl Counter {
    /// Keeps an event that could be read.
    pub(super) fn quarantine_event(
        &mut self,
        record: &Decoded<'_>,
        position: Position,
        event: &Event<'_>,
        rejection: &Rejection,
        bytes: &[u8],
    ) {
        self.batch.quarantine.push(QuarantineRow {
            position,
            code: rejection.code.name().to_owned(),
            detail: rejection.detail.clone(),
            source: event.source.to_string(),
            id: event.id.to_string(),
            hash: hash(bytes),
            received: record.received,
            event: Some(bytes.to_vec()),
            record: record_of(record),
            released: is_released(record),
        });
    }

    /// Keeps bytes in the place of an event, and answers with the source that they count for.
    pub(super) fn quarantine_refused(
        &mut self,
        record: &Decoded<'_>,
        position: Position,
        rejection: &Rejection,
        bytes: &[u8],
    ) -> String {
        let hint = wire::identity_hint(bytes);
        let source = hint.source.or_else(|| only_source(record)).unwrap_or_default();
        let id = hint.id.unwrap_or_default();
        self.batch.quarantine.push(undecodable(record, position, rejection, bytes, source.clone(), id));
        source
    }

    /// Keeps a record that cannot be told apart into events. The books count what its header says that it held.
    pub(super) fn quarantine_record(
        &mut self,
        window: &mut Window,
        record: &Decoded<'_>,
        rejection: &Rejection,
    ) {
        let position = Position::new(record.offset, 0);
        let source = only_source(record).unwrap_or_default();
        let row = undecodable(record, position, rejection, &record.stored.value, source, String::new());
        self.batch.quarantine.push(row);
        let sources = record.stored.header.as_ref().map_or(&[][..], |header| &header.sources);
        if sources.is_empty() {
            self.record_found(window, record, "", Outcome::Quarantined, 1);
        }
        for (source, events) in sources {
            self.record_found(window, record, source, Outcome::Quarantined, u64::from(*events));
        }
    }
}

fn only_source(record: &Decoded<'_>) -> Option<String> {
    match record.stored.header.as_ref().map(|header| header.sources.as_slice()) {
        Ok([(source, _)]) => Some(source.clone()),
        _ => None,
    }
}

fn undecodable(
    record: &Decoded<'_>,
    position: Position,
    rejection: &Rejection,
    bytes: &[u8],
    source: String,
    id: String,
) -> QuarantineRow {
    let personal = rejection.code == Code::PersonalData
        || personal_data::find(&String::from_utf8_lossy(bytes)).is_some();
    let detail =
        if rejection.code == Code::Undecodable { rejection.detail.clone() } else { rejection.to_string() };
    QuarantineRow {
        position,
        code: Code::Undecodable.name().to_owned(),
        detail: detail.chars().take(DETAIL_CHARS_MAX).collect(),
        source,
        id,
        // A plain hash of personal data could be guessed back, so there is none.
        hash: if personal { String::new() } else { hash(bytes) },
        received: record.received,
        event: (!personal).then(|| bytes.to_vec()),
        record: record_of(record),
        released: is_released(record),
    }
}

fn record_of(record: &Decoded<'_>) -> (String, u64, u64) {
    let header = record.stored.header.as_ref();
    header.map_or_else(
        |_| (String::new(), 0, 0),
        |header| (header.collector.clone(), header.epoch, header.batch),
    )
}

fn is_released(record: &Decoded<'_>) -> bool {
    record.stored.header.as_ref().is_ok_and(|header| header.released)
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().as_str()[..32].to_owned()
}

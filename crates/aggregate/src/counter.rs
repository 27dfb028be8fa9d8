//! Records → rows: the counting of one partition, without any I/O.
//!
//! Everything here is a function of the records that were given, in order, and of what the store knows of identities
//! before them (counting §3, §4). The owner gives records and writes what is ready; a simulator can do the same.

use chrono::Months;
use domain::catalogue::Catalogue;
use domain::usage::MeterKind;
use domain::{Body, Code, Event, EventKey, Fingerprint, Month, Quantity, Rejection};
use store::counting::{Sealed, StoredEvent};
use store::rows::{Batch, Dictionary, Effect, EventRow, Position, SignedRow, Symbol, date_of};

use crate::books::Batches;
use crate::filter::Filter;
use crate::hash::FastMap;
use crate::meters::{Meter, Meters};
use crate::outcome::{Candidate, Earlier, Judgement, Outcome, judge};
use crate::record::{Content, Decoded, Item};
use crate::window::{CellKey, Window};

mod quarantine;
mod text;

/// An emission is due at so many identities, new ones and those that were looked up, or at so many entries of the
/// quarantine: large enough that the store works in blocks (a row takes about 250 bytes,
/// twice with `recent`: 33 MB).
pub const BATCH_ROWS_MAX: usize = 65_536;

/// An emission is due at so many bytes of text, of identities or of the quarantine.
pub const BATCH_TEXT_MAX: usize = 48 << 20;

/// So many partitions have full batches; with more, each has the smaller ones. So all partitions of a topic together hold
/// at most 260 MB of rows and twice 384 MiB of text, however far a process is behind and however many of them it has.
const FULL_BATCHES: usize = 8;

/// … but no smaller than this: a block of a few thousand rows still costs the store little.
const BATCH_ROWS_MIN: usize = 4_096;

/// A window with so many different cells asks for a barrier, so that it ends: they stay in memory until then.
pub const CELLS_MAX: usize = 500_000;

/// A dictionary with so many texts is made anew, of those that the open window still refers to. Codes come from outside, so
/// they may be many.
const DICTIONARY_MAX: usize = 200_000;

/// Which partition is counted, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The generation of the topic.
    pub generation: u16,
    /// The partition.
    pub partition: u32,
    /// How many the topic has.
    pub partitions: u32,
    /// The identity horizon (counting §5).
    pub horizon: Months,
}

/// What one identity has in a batch: one more than the index of its newest row.
type KnownRows = FastMap<u128, u32>;

/// The counting of one partition.
#[derive(Debug)]
pub struct Counter {
    place: Place,
    pub(crate) dictionary: Dictionary,
    /// The dictionary is made anew when it has more texts than this.
    dictionary_max: usize,
    meters: Meters,
    filter: Filter,
    rows_max: usize,
    text_max: usize,
    /// Everything of an identity is known if anything of it is here.
    known: KnownRows,
    batch: Batch,
    /// The batch before, for events that come again soon. Only a cache: the store has it all.
    recent: Option<(KnownRows, Batch)>,
    window: Option<Window>,
    /// The offset after the last counted record.
    next: u64,
    pub(crate) batches: Batches,
    pub(crate) outcomes: [u64; Outcome::ALL.len()],
    scratch: String,
}

impl Counter {
    /// Begins at the first unsealed window, as progress has it. The filter was built after that was read.
    pub fn new(place: Place, sealed: &Sealed, filter: Filter) -> Self {
        let batch = Batch { generation: place.generation, partition: place.partition, ..Batch::default() };
        Self {
            place,
            dictionary: Dictionary::default(),
            dictionary_max: DICTIONARY_MAX,
            meters: Meters::default(),
            filter,
            rows_max: share(BATCH_ROWS_MAX, place.partitions).max(BATCH_ROWS_MIN),
            text_max: share(BATCH_TEXT_MAX, place.partitions),
            known: KnownRows::default(),
            batch,
            recent: None,
            window: None,
            next: sealed.upto,
            batches: Batches::restore(&sealed.batches),
            outcomes: [0; Outcome::ALL.len()],
            scratch: String::new(),
        }
    }

    /// Which partition it counts.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The offset after the last counted record.
    pub fn next_offset(&self) -> u64 {
        self.next
    }

    /// The first meter in these records that the catalogue does not know: then they must wait.
    pub fn unknown_meter(
        &mut self,
        records: &[Decoded<'_>],
        catalogue: &Catalogue,
    ) -> Option<(String, String)> {
        for event in events_of(records) {
            let (service, meter) = (event.service(), event.meter());
            if !self.meters.learn(service, meter, catalogue, &mut self.dictionary) {
                return Some((service.to_owned(), meter.to_owned()));
            }
        }
        None
    }

    /// The identities in these records that the store must be asked about before they are counted.
    pub fn wanted(&mut self, records: &[Decoded<'_>]) -> Vec<EventKey> {
        let mut wanted = Vec::new();
        for item in records.iter().flat_map(items_of) {
            let Item::Event { key, .. } = item else { continue };
            if self.known.contains_key(&key.0) || self.recall(*key) || !self.filter.may_have(*key) {
                continue;
            }
            wanted.push(*key);
        }
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// Takes over what the batch before knew of an identity.
    fn recall(&mut self, key: EventKey) -> bool {
        let Some((known, batch)) = &self.recent else { return false };
        let Some(mut at) = known.get(&key.0).copied() else { return false };
        while at > 0 {
            let old = &batch.events[at as usize - 1];
            let text = &mut self.batch.text;
            let row = EventRow {
                series: text.push(batch.text.get(old.series)),
                id: text.push(batch.text.get(old.id)),
                subject: text.push(batch.text.get(old.subject)),
                object: store::rows::Span::default(),
                dims: store::rows::Span::default(),
                stored: true,
                ..*old
            };
            at = old.previous;
            push(&mut self.batch.events, &mut self.known, row);
        }
        true
    }

    /// What the store answered about [`Counter::wanted`] identities.
    pub fn learn(&mut self, stored: &[StoredEvent]) {
        for event in stored {
            let text = &mut self.batch.text;
            let row = EventRow {
                key: event.key,
                seq: event.seq,
                generation: event.generation,
                position: event.position,
                life: event.life,
                fingerprint: event.fingerprint,
                effect: event.effect,
                service: self.dictionary.symbol(&event.service),
                meter: self.dictionary.symbol(&event.meter),
                costcentre: self.dictionary.symbol(&event.costcentre),
                class: self.dictionary.symbol(&event.class),
                series: text.push(&event.series),
                day: event.day,
                quantity: event.quantity,
                retracted: event.retracted,
                count: event.count,
                refused: event.refused,
                source: self.dictionary.symbol(&event.source),
                id: text.push(&event.id),
                subject: text.push(&event.subject),
                time: event.time,
                received: event.received,
                customer: Symbol::default(),
                object: store::rows::Span::default(),
                dims: store::rows::Span::default(),
                stored: true,
                previous: 0,
            };
            push(&mut self.batch.events, &mut self.known, row);
        }
    }

    /// Counts a record whose meters are known and whose identities were asked for. Records before the first unsealed
    /// window, or that were counted already, are passed over.
    ///
    /// # Panics
    /// When a meter was not made known before: the caller forgot [`Counter::unknown_meter`].
    pub fn count(&mut self, record: &Decoded<'_>) {
        if record.offset < self.next {
            return;
        }
        if self.window.as_ref().is_some_and(|window| !window.has_room_for(record.offset)) {
            self.seal(None);
        }
        let mut window = self.window.take().unwrap_or_else(|| Window::starting_at(record.offset));
        window.upto = record.offset + 1;
        self.next = record.offset + 1;
        let mut barrier = None;
        if matches!(record.content, Content::Events(_) | Content::Unreadable(_)) {
            self.record_claims(&mut window, record);
        }
        match &record.content {
            Content::Events(items) => {
                for (index, item) in items.iter().enumerate() {
                    let position = Position::new(record.offset, index as u32);
                    self.count_item(&mut window, record, position, item);
                }
            }
            Content::Barrier(control) => barrier = Some(*control),
            Content::Mark(until) => {
                let collector = record.stored.header.as_ref().map_or("", |header| &header.collector);
                let position = Position::new(record.offset, 0);
                self.batch.marks.insert(collector.to_owned(), (position, *until));
            }
            Content::Unreadable(rejection) => self.quarantine_record(&mut window, record, rejection),
        }
        self.window = Some(window);
        if let Some(control) = barrier {
            self.seal(control.map(|control| (control, record.received)));
        }
    }

    fn count_item(&mut self, window: &mut Window, record: &Decoded<'_>, position: Position, item: &Item<'_>) {
        match item {
            Item::Refused { rejection, bytes } => {
                let source = self.quarantine_refused(record, position, rejection, bytes);
                self.record_found(window, record, &source, Outcome::Quarantined, 1);
            }
            Item::Event { event, key, fingerprint, bytes } => {
                let outcome = match self.refuse(record, event, *key) {
                    Some(rejection) => {
                        self.quarantine_event(record, position, event, &rejection, bytes);
                        Outcome::Quarantined
                    }
                    None => self.count_event(window, record, position, event, *key, *fingerprint, bytes),
                };
                self.record_found(window, record, &event.source, outcome, 1);
            }
        }
    }

    /// Why an event claims no identity. Depends on the log and on what never changes in the catalogue.
    fn refuse(&self, record: &Decoded<'_>, event: &Event<'_>, key: EventKey) -> Option<Rejection> {
        let partition = key.partition(self.place.partitions);
        if partition != self.place.partition {
            return Some(Rejection::new(Code::Misrouted, format!("belongs to partition {partition}")));
        }
        if event.time < record.oldest {
            let detail =
                format!("time is {}; received when nothing before {} was taken", event.time, record.oldest);
            return Some(Rejection::new(Code::TooOld, detail));
        }
        let meter = self.meter_of(event);
        if meter.kind == MeterKind::Fixed {
            return Some(Rejection::new(Code::MeterTakesNoEvents, "the meter is billed from agreements"));
        }
        match &event.body {
            Body::Usage(usage) => {
                let has = |name: &str| usage.dims.iter().any(|(dim, _)| dim == name);
                let missing = meter.rating.iter().find(|name| !has(name))?;
                Some(Rejection::new(Code::MissingDimension, format!("dims.{missing} is missing")))
            }
            Body::SnapshotCompleted(_) => None,
        }
    }

    fn meter_of(&self, event: &Event<'_>) -> &Meter {
        let known = self.meters.get(event.service(), event.meter());
        #[expect(
            clippy::expect_used,
            reason = "a record is counted only after all its meters were made known"
        )]
        known.expect("the meters of a record are known before it is counted")
    }

    #[expect(clippy::too_many_arguments, reason = "everything that an outcome depends on, and nothing else")]
    fn count_event(
        &mut self,
        window: &mut Window,
        record: &Decoded<'_>,
        position: Position,
        event: &Event<'_>,
        key: EventKey,
        fingerprint: Fingerprint,
        bytes: &[u8],
    ) -> Outcome {
        let is_marker = matches!(event.body, Body::SnapshotCompleted(_));
        let candidate = Candidate {
            place: (self.place.generation, position),
            seq: event.seq(),
            fingerprint,
            is_marker,
            oldest: record.oldest,
        };
        let Judgement { outcome, earlier, life } =
            judge(|| known_revisions(&self.batch, &self.known, key), &candidate);
        match outcome {
            Outcome::Duplicate | Outcome::Quarantined => return outcome,
            Outcome::Conflict => {
                let before = earlier.map_or(fingerprint, |earlier| earlier.fingerprint);
                let detail =
                    format!("seq {} came before with content {before}, now with {fingerprint}", event.seq());
                self.quarantine_event(
                    record,
                    position,
                    event,
                    &Rejection::new(Code::Conflict, detail),
                    bytes,
                );
                return outcome;
            }
            Outcome::Superseded | Outcome::Metered | Outcome::Revised | Outcome::Marker => {}
        }
        let mut row = self.row(record, position, event, key, fingerprint);
        row.life = life;
        if outcome == Outcome::Superseded {
            row.effect = Effect::None;
        }
        let at = push(&mut self.batch.events, &mut self.known, row);
        self.filter.add(key);
        if outcome == Outcome::Revised
            && let Some(earlier) = earlier
        {
            self.contribute(window, earlier.row, position, -1);
        }
        self.contribute(window, at, position, 1);
        outcome
    }

    /// Adds (or subtracts) what the event at this index of the batch contributes.
    fn contribute(&mut self, window: &mut Window, event: u32, position: Position, sign: i8) {
        let row = self.batch.events[event as usize];
        // Days come from dates that were checked, so they always are dates.
        let month = date_of(row.day).map_or(Month::of(chrono::NaiveDate::MIN), Month::of);
        let cell = CellKey {
            service: row.service,
            meter: row.meter,
            costcentre: row.costcentre,
            class: row.class,
            day: row.day,
        };
        let signed = SignedRow { event, position, sign };
        let carries = match row.effect {
            Effect::None => return,
            Effect::Sum => {
                window.add(cell, i128::from(sign) * row.quantity.micros());
                false
            }
            Effect::Count => {
                window.add(cell, i128::from(sign) * Quantity::ONE.micros());
                false
            }
            Effect::Observation => {
                self.batch.observations.push(signed);
                true
            }
            Effect::Subject => {
                self.batch.observations.push(signed);
                false
            }
            Effect::Marker => {
                self.batch.snapshots.push(signed);
                true
            }
        };
        window.touch(month, row.service, row.meter, carries);
    }

    fn seal(&mut self, barrier: Option<(u64, domain::Instant)>) {
        if let Some(mut window) = self.window.take() {
            let progress =
                window.write(&self.dictionary, true, barrier, &self.batches, &mut self.batch.cells);
            self.batch.progress.push(progress);
        }
    }

    /// Whether an emission is due whatever the time.
    pub fn is_full(&self) -> bool {
        let quarantined: usize =
            self.batch.quarantine.iter().filter_map(|row| row.event.as_ref()).map(Vec::len).sum();
        let rows = self.batch.events.len() + self.batch.quarantine.len();
        rows >= self.rows_max || self.batch.text.end() + quarantined >= self.text_max
    }

    /// Whether there is anything to emit.
    pub fn has_news(&self) -> bool {
        !self.batch.progress.is_empty() || self.window.as_ref().is_some_and(Window::has_news)
    }

    /// Whether the open window should be ended by a barrier.
    pub fn wants_barrier(&self) -> bool {
        self.window.as_ref().is_some_and(|window| window.cell_count() >= CELLS_MAX)
    }

    /// Everything since the last emission, complete. It stays as it is until [`Counter::acknowledged`]: nothing may be
    /// counted in between.
    pub fn emission(&mut self) -> (&Batch, &Dictionary) {
        if let Some(window) = self.window.as_mut().filter(|window| window.has_news()) {
            let progress = window.write(&self.dictionary, false, None, &self.batches, &mut self.batch.cells);
            self.batch.progress.push(progress);
        }
        (&self.batch, &self.dictionary)
    }

    /// Every step of the emission is acknowledged. Answers with the outcomes since the last one, in the order of
    /// [`Outcome::ALL`].
    pub fn acknowledged(&mut self) -> [u64; Outcome::ALL.len()] {
        let fresh =
            Batch { generation: self.place.generation, partition: self.place.partition, ..Batch::default() };
        let written = std::mem::replace(&mut self.batch, fresh);
        let known = std::mem::take(&mut self.known);
        self.recent = Some((known, Batch { text: written.text, events: written.events, ..Batch::default() }));
        if self.dictionary.len() > self.dictionary_max {
            self.renew_dictionary();
        }
        std::mem::take(&mut self.outcomes)
    }

    /// Keeps only the texts that the open window refers to. The batch is empty, and what came before is only a cache.
    fn renew_dictionary(&mut self) {
        let old = std::mem::take(&mut self.dictionary);
        if let Some(window) = &mut self.window {
            window.rename(|symbol| self.dictionary.symbol(old.text(symbol)));
        }
        // A window that refers to nearly as many is not walked through at every emission.
        self.dictionary_max = DICTIONARY_MAX.max(self.dictionary.len() * 2);
        self.meters.clear();
        self.recent = None;
    }
}

/// What each of so many partitions gets of a limit.
fn share(limit: usize, partitions: u32) -> usize {
    limit.min(limit * FULL_BATCHES / partitions.max(1) as usize)
}

/// Puts a row in the batch and answers with its index.
fn push(events: &mut Vec<EventRow>, known: &mut KnownRows, mut row: EventRow) -> u32 {
    // A batch is emitted long before it has 2³² rows.
    let at = events.len() as u32;
    row.previous = known.insert(row.key.0, at + 1).unwrap_or_default();
    events.push(row);
    at
}

fn known_revisions<'b>(
    batch: &'b Batch,
    known: &KnownRows,
    key: EventKey,
) -> impl Iterator<Item = Earlier<u32>> + 'b {
    let mut at = known.get(&key.0).copied().unwrap_or_default();
    std::iter::from_fn(move || {
        let index = at.checked_sub(1)?;
        let row = &batch.events[index as usize];
        at = row.previous;
        Some(Earlier {
            seq: row.seq,
            fingerprint: row.fingerprint,
            place: (row.generation, row.position),
            life: row.life,
            latest: row.time.max(row.received),
            row: index,
        })
    })
}

fn items_of<'d, 'r>(record: &'d Decoded<'r>) -> &'d [Item<'r>] {
    match &record.content {
        Content::Events(items) => items,
        Content::Barrier(_) | Content::Mark(_) | Content::Unreadable(_) => &[],
    }
}

fn events_of<'d, 'r: 'd>(records: &'d [Decoded<'r>]) -> impl Iterator<Item = &'d Event<'r>> {
    records.iter().flat_map(items_of).filter_map(|item| match item {
        Item::Event { event, .. } => Some(event),
        Item::Refused { .. } => None,
    })
}

#[cfg(test)]
mod books_tests;
#[cfg(test)]
mod tests;

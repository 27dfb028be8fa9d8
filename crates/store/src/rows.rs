//! What the aggregator writes: rows as compact structs over a batch's text.
//!
//! Text that repeats (services, cost centres, sources) is a [`Symbol`] of a [`Dictionary`], text that does not is a
//! [`Span`] of the batch's arena: counting an event allocates nothing of its own.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{Datelike, NaiveDate};
use domain::{EventKey, Fingerprint, Instant, Month, Quantity};

use crate::error::Error;

/// The place of an event in its partition: the record's offset and the index in the record, as one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

impl Position {
    /// How many bits the index takes: a record has at most 4,096 events.
    const INDEX_BITS: u32 = 12;
    /// How many bits the offset takes; the rest of 64 is the generation's in [`Position::precedence`].
    const OFFSET_BITS: u32 = 42;
    /// The first offset that is too large: four million million records.
    pub const OFFSET_END: u64 = 1 << Self::OFFSET_BITS;
    /// The first index that is too large.
    pub const INDEX_END: u32 = 1 << Self::INDEX_BITS;
    /// The first generation that is too large.
    pub const GENERATION_END: u16 = 1 << 10;

    /// The place of the event with this index in the record at this offset.
    ///
    /// # Panics
    /// When the offset is beyond [`Position::OFFSET_END`] or the index beyond [`Position::INDEX_END`]: the log has neither.
    pub fn new(offset: u64, index: u32) -> Self {
        assert!(
            offset < Self::OFFSET_END && index < Self::INDEX_END,
            "no log has the position {offset}/{index}"
        );
        Self(offset << Self::INDEX_BITS | u64::from(index))
    }

    /// The record's offset.
    pub const fn offset(self) -> u64 {
        self.0 >> Self::INDEX_BITS
    }

    /// The index in the record.
    pub const fn index(self) -> u32 {
        (self.0 & (Self::INDEX_END as u64 - 1)) as u32
    }

    /// (generation, position) as one number, in their order.
    ///
    /// # Panics
    /// When the generation is beyond [`Position::GENERATION_END`].
    pub fn place(self, generation: u16) -> u64 {
        assert!(generation < Self::GENERATION_END, "no installation has had {generation} generations");
        u64::from(generation) << (Self::INDEX_BITS + Self::OFFSET_BITS) | self.0
    }

    /// A number that falls as (generation, position) rises: the version by which the lowest position wins.
    ///
    /// # Panics
    /// When the generation is beyond [`Position::GENERATION_END`].
    pub fn precedence(self, generation: u16) -> u64 {
        !self.place(generation)
    }
}

/// A text of a [`Dictionary`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Symbol(pub u32);

/// Texts that repeat, by number. The empty text is always number 0.
#[derive(Debug)]
pub struct Dictionary {
    texts: Vec<Box<str>>,
    symbols: SymbolMap,
}

#[expect(clippy::disallowed_types, reason = "it is only asked for single texts, never walked through")]
type SymbolMap = std::collections::HashMap<Box<str>, Symbol>;

impl Default for Dictionary {
    fn default() -> Self {
        let mut dictionary = Self { texts: Vec::new(), symbols: SymbolMap::default() };
        dictionary.symbol("");
        dictionary
    }
}

impl Dictionary {
    /// The symbol of a text, new or known.
    pub fn symbol(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.symbols.get(text) {
            return *symbol;
        }
        // A dictionary is emptied long before it has 2³² texts: each takes memory.
        let symbol = Symbol(self.texts.len() as u32);
        self.texts.push(text.into());
        self.symbols.insert(text.into(), symbol);
        symbol
    }

    /// The text of a symbol of this dictionary.
    pub fn text(&self, symbol: Symbol) -> &str {
        &self.texts[symbol.0 as usize]
    }

    /// How many texts it has.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether it has no text but the empty one.
    pub fn is_empty(&self) -> bool {
        self.texts.len() <= 1
    }
}

/// A part of a batch's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    start: u32,
    length: u32,
}

/// The text of a batch.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
    /// Puts a text in.
    pub fn push(&mut self, text: &str) -> Span {
        let start = self.0.len();
        self.0.push_str(text);
        self.since(start)
    }

    /// The text of a span of this batch.
    pub fn get(&self, span: Span) -> &str {
        &self.0[span.start as usize..(span.start + span.length) as usize]
    }

    /// Where the next text begins: for [`Text::since`].
    pub fn end(&self) -> usize {
        self.0.len()
    }

    /// The span of everything that was put in since there.
    pub fn since(&self, start: usize) -> Span {
        // A batch is cut long before 4 GiB: it is in memory several times over.
        Span { start: start as u32, length: (self.0.len() - start) as u32 }
    }

    /// To write a text piece by piece.
    pub fn as_mut_string(&mut self) -> &mut String {
        &mut self.0
    }

    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// What an event added, so that a later revision can subtract it without asking the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
pub enum Effect {
    /// Nothing: superseded, or a retraction of a summed meter.
    None = 0,
    /// Its quantity in a cell.
    Sum = 1,
    /// One in a cell.
    Count = 2,
    /// An observation that reaches into later months.
    Observation = 3,
    /// An observation of a distinct subject, which concerns its own month alone.
    Subject = 4,
    /// A snapshot's marker.
    Marker = 5,
}

impl Effect {
    /// As the column's type lists them.
    pub(crate) const COLUMN: &str =
        "Enum8('none' = 0, 'sum' = 1, 'count' = 2, 'observation' = 3, 'subject' = 4, 'marker' = 5)";

    pub(crate) fn from_number(number: i8) -> Result<Self, Error> {
        [Effect::None, Effect::Sum, Effect::Count, Effect::Observation, Effect::Subject, Effect::Marker]
            .into_iter()
            .find(|effect| *effect as i8 == number)
            .ok_or_else(|| Error::Unreadable { what: "effect", value: number.to_string() })
    }
}

/// A revision of an identity: a row of `events`.
#[derive(Debug, Clone, Copy)]
pub struct EventRow {
    /// The identity.
    pub key: EventKey,
    /// The revision.
    pub seq: u32,
    /// The generation of the position.
    pub generation: u16,
    /// Where it was first seen.
    pub position: Position,
    /// The [`Position::place`] of the identity's first revision since it was last forgotten (counting §5, horizon).
    pub life: u64,
    /// Its content.
    pub fingerprint: Fingerprint,
    /// What it added.
    pub effect: Effect,
    /// The service's slug.
    pub service: Symbol,
    /// The meter's slug.
    pub meter: Symbol,
    /// The cost centre's code.
    pub costcentre: Symbol,
    /// The rating dimensions' values.
    pub class: Symbol,
    /// The series dimensions' values.
    pub series: Span,
    /// The day that it counts on, in days since 1970.
    pub day: i32,
    /// How much.
    pub quantity: Quantity,
    /// Whether it takes the event back.
    pub retracted: bool,
    /// A marker's count.
    pub count: u32,
    /// A marker's number of refused observations.
    pub refused: u32,
    /// CloudEvents `source`.
    pub source: Symbol,
    /// CloudEvents `id`.
    pub id: Span,
    /// CloudEvents `subject`.
    pub subject: Span,
    /// CloudEvents `time`.
    pub time: Instant,
    /// When its collector received it.
    pub received: Instant,
    /// The customer that the sender claims.
    pub customer: Symbol,
    /// The ordering object.
    pub object: Span,
    /// The dimensions, as a JSON object.
    pub dims: Span,
    /// Whether it is in the store already: then it is here only to be compared with and subtracted.
    pub stored: bool,
    /// One more than the index in the batch of another row of the same identity; 0 for none.
    pub previous: u32,
}

/// A signed row of `observations` or `snapshots`: the columns of an event, with a position and a sign of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedRow {
    /// The index in the batch of the event whose columns it has.
    pub event: u32,
    /// The place of the event that brought this row about.
    pub position: Position,
    /// 1 or -1.
    pub sign: i8,
}

/// A row of `cells`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellRow {
    /// The service's slug.
    pub service: Symbol,
    /// The meter's slug.
    pub meter: Symbol,
    /// The cost centre's code.
    pub costcentre: Symbol,
    /// The rating dimensions' values.
    pub class: Symbol,
    /// The day, in days since 1970.
    pub day: i32,
    /// The offset of the window's first record.
    pub window: u64,
    /// The offset after the last record in it.
    pub upto: u64,
    /// The total since the window's start, in millionths of units.
    pub amount: i128,
}

/// What a window touched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touched {
    /// The month.
    pub month: Month,
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// Whether every later month is touched as well.
    pub carries: bool,
}

/// A row of `progress`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressRow {
    /// The offset of the window's first record.
    pub window: u64,
    /// The offset after the last record.
    pub upto: u64,
    /// Whether no more belongs to it.
    pub sealed: bool,
    /// The barrier that sealed it: its control offset and when it was appended.
    pub barrier: Option<(u64, Instant)>,
    /// The months since the window's start, sorted.
    pub touched: Vec<Touched>,
    /// (source, day of arrival in days since 1970, outcome) → events, since the window's start, sorted. Beside the
    /// outcomes of counting §3 there are `accepted`, `resent` and `released`, which the records' headers say (§8).
    pub outcomes: Vec<(String, i32, &'static str, u64)>,
    /// (collector, epoch, greatest batch number) up to `upto`, of this window and all before it, sorted.
    pub batches: Vec<(String, u64, u64)>,
}

/// A row of `quarantine`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineRow {
    /// Its place.
    pub position: Position,
    /// The stable reason.
    pub code: String,
    /// The explanation.
    pub detail: String,
    /// CloudEvents `source`, as far as it can be read.
    pub source: String,
    /// CloudEvents `id`, as far as it can be read and is no personal data.
    pub id: String,
    /// A hash of the event: the same event again has the same.
    pub hash: String,
    /// When a collector received it.
    pub received: Instant,
    /// Its bytes; absent where they may hold personal data.
    pub event: Option<Vec<u8>>,
    /// The record that it came in: its collector, epoch and batch number. An empty collector when nobody of ours wrote it.
    pub record: (String, u64, u64),
    /// Whether it had been parked before, and was released.
    pub released: bool,
}

/// What one emission of a partition writes.
#[derive(Debug, Default)]
pub struct Batch {
    /// The generation of the topic.
    pub generation: u16,
    /// The partition.
    pub partition: u32,
    /// The spans' text.
    pub text: Text,
    /// Identities; those that are stored already are skipped.
    pub events: Vec<EventRow>,
    /// Observations.
    pub observations: Vec<SignedRow>,
    /// Markers.
    pub snapshots: Vec<SignedRow>,
    /// Cells of every window in `progress`.
    pub cells: Vec<CellRow>,
    /// What was not counted.
    pub quarantine: Vec<QuarantineRow>,
    /// The newest mark of each collector.
    pub marks: BTreeMap<String, (Position, Instant)>,
    /// The windows, in order. All but the last are sealed.
    pub progress: Vec<ProgressRow>,
}

/// Days since 1970, as ClickHouse keeps dates.
pub fn days_of(day: NaiveDate) -> i32 {
    const EPOCH_FROM_CE: i32 = 719_163;
    day.num_days_from_ce() - EPOCH_FROM_CE
}

/// The opposite of [`days_of`].
pub fn date_of(days: i32) -> Result<NaiveDate, Error> {
    days.checked_add(719_163)
        .and_then(NaiveDate::from_num_days_from_ce_opt)
        .ok_or_else(|| Error::Unreadable { what: "day", value: days.to_string() })
}

/// The month that begins on this day.
pub fn month_of(days: i32) -> Result<Month, Error> {
    Ok(Month::of(date_of(days)?))
}

/// From the mantissa of `Decimal(38, 9)`.
pub(crate) fn quantity_of(nanos: i128) -> Result<Quantity, Error> {
    if nanos % 1_000 != 0 {
        return Err(Error::Unreadable { what: "quantity", value: format!("{nanos}e-9") });
    }
    Ok(Quantity::from_micros(nanos / 1_000))
}

/// To the mantissa of `Decimal(38, 9)`. A quantity is within ±10¹⁵, so this never overflows.
pub(crate) fn nanos_of(quantity: Quantity) -> i128 {
    quantity.micros() * 1_000
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.offset(), self.index())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_generation_and_position_takes_precedence() {
        let places = [
            (0, 0, 0),
            (0, 0, 4095),
            (0, 1, 0),
            (0, Position::OFFSET_END - 1, 4095),
            (1, 0, 0),
            (1023, 7, 1),
        ];
        for pair in places.windows(2) {
            let precedence =
                |(generation, offset, index)| Position::new(offset, index).precedence(generation);
            assert!(precedence(pair[0]) > precedence(pair[1]), "{pair:?}");
        }
        assert_eq!((Position::new(9, 4095).offset(), Position::new(9, 4095).index()), (9, 4095));
    }

    #[test]
    fn days_are_those_of_the_unix_epoch() {
        for (day, number) in [("1970-01-01", 0), ("2021-03-28", 18_714), ("2024-02-29", 19_782)] {
            let date: NaiveDate = day.parse().unwrap();
            assert_eq!((days_of(date), date_of(number).unwrap()), (number, date));
        }
    }
}

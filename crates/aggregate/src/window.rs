//! A window of a partition: what has been counted since its first record (counting §4).

use std::collections::{BTreeMap, BTreeSet};

use domain::{Instant, Month};
use store::rows::{CellRow, Dictionary, ProgressRow, Symbol, Touched};

use crate::books::{Batches, Line, SOURCES_MAX};
use crate::hash::FastMap;

/// A window ends before the record where the offset divided by this changes.
pub const WINDOW_OFFSETS: u64 = 4_096;

/// What a sum is kept under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CellKey {
    pub(crate) service: Symbol,
    pub(crate) meter: Symbol,
    pub(crate) costcentre: Symbol,
    pub(crate) class: Symbol,
    pub(crate) day: i32,
}

#[derive(Debug, Default)]
struct Cell {
    /// Never overflows: a window has at most 2²⁴ events, and each is within ±10²¹ millionths.
    amount: i128,
    /// Whether it changed since it was last written, also when it came back to the same.
    changed: bool,
}

/// An open window.
#[derive(Debug)]
pub(crate) struct Window {
    /// The offset of its first record.
    pub(crate) start: u64,
    /// The offset after its last whole record.
    pub(crate) upto: u64,
    cells: FastMap<CellKey, Cell>,
    touched: BTreeSet<(i32, Symbol, Symbol, bool)>,
    /// The sources that the books tell apart, at most [`SOURCES_MAX`].
    sources: BTreeSet<Symbol>,
    books: BTreeMap<(Symbol, i32, Line), u64>,
    /// The last record that its written progress has.
    written_upto: u64,
}

impl Window {
    pub(crate) fn starting_at(offset: u64) -> Self {
        Self {
            start: offset,
            upto: offset,
            cells: FastMap::default(),
            touched: BTreeSet::new(),
            sources: BTreeSet::new(),
            books: BTreeMap::new(),
            written_upto: offset,
        }
    }

    /// Whether a record at this offset belongs to it.
    pub(crate) fn has_room_for(&self, offset: u64) -> bool {
        offset / WINDOW_OFFSETS == self.start / WINDOW_OFFSETS
    }

    pub(crate) fn add(&mut self, key: CellKey, amount: i128) {
        let cell = self.cells.entry(key).or_default();
        cell.amount += amount;
        cell.changed = true;
    }

    pub(crate) fn touch(&mut self, month: Month, service: Symbol, meter: Symbol, carries: bool) {
        self.touched.insert((month.index(), service, meter, carries));
    }

    /// Whether the books have a place for this source, or have room for one more.
    pub(crate) fn tells_apart(&mut self, source: Symbol) -> bool {
        let known = self.sources.contains(&source) || self.sources.len() < SOURCES_MAX;
        if known {
            self.sources.insert(source);
        }
        known
    }

    pub(crate) fn record(&mut self, source: Symbol, arrival: i32, line: Line, events: u64) {
        *self.books.entry((source, arrival, line)).or_default() += events;
    }

    /// Gives every text the symbol that another dictionary has for it.
    pub(crate) fn rename(&mut self, mut new: impl FnMut(Symbol) -> Symbol) {
        self.cells = std::mem::take(&mut self.cells)
            .into_iter()
            .map(|(key, cell)| {
                let key = CellKey {
                    service: new(key.service),
                    meter: new(key.meter),
                    costcentre: new(key.costcentre),
                    class: new(key.class),
                    day: key.day,
                };
                (key, cell)
            })
            .collect();
        self.touched = std::mem::take(&mut self.touched)
            .into_iter()
            .map(|(month, service, meter, carries)| (month, new(service), new(meter), carries))
            .collect();
        self.sources = std::mem::take(&mut self.sources).into_iter().map(&mut new).collect();
        self.books = std::mem::take(&mut self.books)
            .into_iter()
            .map(|((source, day, line), events)| ((new(source), day, line), events))
            .collect();
    }

    /// Whether it has records that no written progress has.
    pub(crate) fn has_news(&self) -> bool {
        self.upto > self.written_upto
    }

    pub(crate) fn cell_count(&self) -> usize {
        self.cells.len()
    }

    /// The changed cells and the progress, as they are written now. What is written counts as written from here on: the
    /// caller repeats it until it is acknowledged, or drops the window.
    pub(crate) fn write(
        &mut self,
        dictionary: &Dictionary,
        sealed: bool,
        barrier: Option<(u64, Instant)>,
        batches: &Batches,
        cells: &mut Vec<CellRow>,
    ) -> ProgressRow {
        for (key, cell) in self.cells.iter_mut().filter(|(_, cell)| cell.changed) {
            cell.changed = false;
            cells.push(CellRow {
                service: key.service,
                meter: key.meter,
                costcentre: key.costcentre,
                class: key.class,
                day: key.day,
                window: self.start,
                upto: self.upto,
                amount: cell.amount,
            });
        }
        self.written_upto = self.upto;
        let text = |symbol: Symbol| dictionary.text(symbol).to_owned();
        let mut touched: Vec<Touched> = self
            .touched
            .iter()
            .filter_map(|(month, service, meter, carries)| {
                let month = Month::from_index(*month)?;
                Some(Touched { month, service: text(*service), meter: text(*meter), carries: *carries })
            })
            .collect();
        touched.sort();
        let mut outcomes: Vec<_> = self
            .books
            .iter()
            .map(|((source, day, line), n)| (text(*source), *day, line.name(), *n))
            .collect();
        outcomes.sort();
        let batches = batches.rows();
        ProgressRow { window: self.start, upto: self.upto, sealed, barrier, touched, outcomes, batches }
    }
}

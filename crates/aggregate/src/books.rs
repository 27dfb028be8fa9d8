//! The collectors' side of the books (counting §8): what the headers of records say that they hold.

use std::collections::BTreeMap;

use eventlog::header::Kind;
use store::rows::Symbol;

use crate::counter::Counter;
use crate::outcome::Outcome;
use crate::record::{Content, Decoded};
use crate::window::Window;

/// How many sources the books of a window tell apart. Sources come from outside; with more, somebody makes them up, and the
/// rest is counted under [`OTHER_SOURCES`]: on both sides alike, because sources are told apart in the order of the log.
pub(crate) const SOURCES_MAX: usize = 10_000;

/// What stands for the sources beyond [`SOURCES_MAX`]. No source is so short and is not a letter or a slash.
pub const OTHER_SOURCES: &str = "*";

/// How many epochs of a collector are remembered: each start of it is one, and what a collector sends again after eight
/// starts counts as sent for the first time. No event is counted twice by that.
const EPOCHS_MAX: usize = 8;

/// How many collectors are remembered; the one whose newest epoch is the oldest gives way.
const COLLECTORS_MAX: usize = 1_000;

/// A line of the books of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Line {
    /// Of a record that comes for the first time.
    Accepted,
    /// Of a record that was there before.
    Resent,
    /// Of a record that comes for the first time, with events that were parked before.
    Released,
    /// What became of an event.
    Judged(Outcome),
}

impl Line {
    /// As it stands in progress.
    pub const fn name(self) -> &'static str {
        match self {
            Line::Accepted => "accepted",
            Line::Resent => "resent",
            Line::Released => "released",
            Line::Judged(outcome) => outcome.name(),
        }
    }
}

/// The greatest batch number of each collector's epoch so far: a function of the partition's records. Batch numbers only grow
/// in a partition, except when a record is sent again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Batches(BTreeMap<String, BTreeMap<u64, u64>>);

impl Batches {
    pub(crate) fn restore(rows: &[(String, u64, u64)]) -> Self {
        let mut batches = Self::default();
        for (collector, epoch, batch) in rows {
            batches.0.entry(collector.clone()).or_default().insert(*epoch, *batch);
        }
        batches
    }

    /// As progress has them.
    pub(crate) fn rows(&self) -> Vec<(String, u64, u64)> {
        let of = |(collector, epochs): (&String, &BTreeMap<u64, u64>)| {
            epochs.iter().map(|(epoch, batch)| (collector.clone(), *epoch, *batch)).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }

    /// Takes a record in, and answers whether it comes for the first time.
    fn is_first(&mut self, collector: &str, epoch: u64, batch: u64) -> bool {
        if let Some(greatest) = self.0.get_mut(collector).and_then(|epochs| epochs.get_mut(&epoch)) {
            let first = batch > *greatest;
            *greatest = batch.max(*greatest);
            return first;
        }
        let epochs = self.0.entry(collector.to_owned()).or_default();
        epochs.insert(epoch, batch);
        if epochs.len() > EPOCHS_MAX {
            epochs.pop_first();
        }
        if self.0.len() > COLLECTORS_MAX {
            let newest = |(name, epochs): (&String, &BTreeMap<u64, u64>)| {
                (epochs.keys().next_back().copied(), name.clone())
            };
            if let Some((_, oldest)) = self.0.iter().map(newest).min() {
                self.0.remove(&oldest);
            }
        }
        true
    }
}

impl Counter {
    /// Takes down what a record's header says that it holds. A record without a header of ours was taken in by nobody else:
    /// what is found in it counts as accepted, event by event ([`Counter::record_found`]).
    pub(crate) fn record_claims(&mut self, window: &mut Window, record: &Decoded<'_>) {
        let Ok(header) = record.stored.header.as_ref() else { return };
        let is_first = header.kind != Kind::Events
            || self.batches.is_first(&header.collector, header.epoch, header.batch);
        let line = match (is_first, header.released) {
            (false, _) => Line::Resent,
            (true, true) => Line::Released,
            (true, false) => Line::Accepted,
        };
        for (source, events) in &header.sources {
            let source = self.source_in_books(window, source);
            window.record(source, record.arrival, line, u64::from(*events));
        }
        // Nobody knows what it holds, so it is one thing, on both sides.
        if header.sources.is_empty() && matches!(record.content, Content::Unreadable(_)) {
            let source = self.source_in_books(window, "");
            window.record(source, record.arrival, line, 1);
        }
    }

    /// Takes down what was found in a record, and, when no header of ours says so, that it was taken in.
    pub(crate) fn record_found(
        &mut self,
        window: &mut Window,
        record: &Decoded<'_>,
        source: &str,
        outcome: Outcome,
        events: u64,
    ) {
        let source = self.source_in_books(window, source);
        if record.stored.header.is_err() {
            window.record(source, record.arrival, Line::Accepted, events);
        }
        window.record(source, record.arrival, Line::Judged(outcome), events);
        self.outcomes[outcome as usize] += events;
    }

    fn source_in_books(&mut self, window: &mut Window, source: &str) -> Symbol {
        let symbol = self.dictionary.symbol(source);
        if window.tells_apart(symbol) { symbol } else { self.dictionary.symbol(OTHER_SOURCES) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_is_not_above_the_greatest_of_its_epoch_was_there_before() {
        let mut batches = Batches::default();
        let seen: Vec<bool> =
            [("c", 1, 0), ("c", 1, 0), ("c", 1, 4), ("c", 1, 2), ("d", 1, 2), ("c", 2, 0), ("c", 1, 5)]
                .map(|(collector, epoch, batch)| batches.is_first(collector, epoch, batch))
                .into();
        assert_eq!(seen, [true, false, true, false, true, true, true]);
        assert_eq!(batches.rows(), [("c".into(), 1, 5), ("c".into(), 2, 0), ("d".into(), 1, 2)]);
        assert_eq!(Batches::restore(&batches.rows()), batches);
    }

    #[test]
    fn the_newest_epochs_and_collectors_are_remembered() {
        let mut batches = Batches::default();
        for epoch in 0..20 {
            assert!(batches.is_first("c", epoch, 7));
        }
        assert_eq!(batches.rows().len(), EPOCHS_MAX);
        assert!(!batches.is_first("c", 19, 7));
        // Nobody knows any more, so it counts as new; and it is not remembered either.
        assert!(batches.is_first("c", 3, 7));
        assert_eq!(batches.rows()[0].1, 12);
        for n in 0..2_000 {
            batches.is_first(&format!("d{n:04}"), 100 + n, 0);
        }
        assert_eq!(batches.0.len(), COLLECTORS_MAX);
        assert!(batches.0.keys().all(|name| name.as_str() >= "d1000"), "{:?}", batches.0.keys().next());
    }
}

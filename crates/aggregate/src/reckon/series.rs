//! Series: a step function of each, read as an integral, a greatest value or a last value (counting §6).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use domain::usage::MeterKind;
use domain::{Instant, Month};
use store::rows::{Symbol, days_of};
use store::usage::GapKind;

use super::alive::Observation;
use super::presence::{Complete, Completeness};
use super::{GAP_LISTED_DAYS, PSEUDONYM, Scope, Tally, end_of_year, start_of};

const DAY_MICROS: i64 = 86_400_000_000;

/// The readings of one source and subject, and what all before came to.
#[derive(Debug)]
pub(super) struct Series {
    tally: Tally,
    complete: Completeness,
    source: String,
    subject: String,
    readings: Vec<Reading>,
    /// The text of the readings' ids and series.
    text: String,
    /// The first instant of each day of the months, and the one after them.
    starts: Vec<Instant>,
    months: Vec<Month>,
}

#[derive(Debug, Clone)]
struct Reading {
    series: Range<usize>,
    time: Instant,
    seq: u32,
    id: Range<usize>,
    day: i32,
    costcentre: Symbol,
    class: Symbol,
    micros: i128,
}

impl Series {
    pub(super) fn new(scope: &Scope, complete: Completeness) -> Self {
        let days = scope.days();
        Self {
            tally: Tally::default(),
            complete,
            source: String::new(),
            subject: String::new(),
            readings: Vec::new(),
            text: String::new(),
            starts: (days.start..=days.end).map(start_of).collect(),
            months: scope.first.through(scope.last).collect(),
        }
    }

    pub(super) fn see(&mut self, scope: &Scope, seen: &Observation<'_>) {
        if self.source != seen.source || self.subject != seen.subject {
            self.end_subject(scope);
            seen.source.clone_into(&mut self.source);
            seen.subject.clone_into(&mut self.subject);
        }
        if seen.retracted {
            return;
        }
        let mut keep = |text: &str| {
            let start = self.text.len();
            self.text.push_str(text);
            start..self.text.len()
        };
        let (series, id) = (keep(seen.series), keep(seen.id));
        let dictionary = &mut self.tally.dictionary;
        self.readings.push(Reading {
            series,
            time: seen.time,
            seq: seen.seq,
            id,
            day: seen.day,
            costcentre: dictionary.symbol(seen.costcentre),
            class: dictionary.symbol(seen.class),
            micros: seen.quantity.micros(),
        });
    }

    pub(super) fn end(mut self, scope: &Scope) -> Tally {
        self.end_subject(scope);
        self.tally
    }

    fn end_subject(&mut self, scope: &Scope) {
        let mut readings = std::mem::take(&mut self.readings);
        let text = std::mem::take(&mut self.text);
        // Ties: (time, seq, source, id), and the source is the same here.
        readings.sort_by(|a, b| {
            (&text[a.series.clone()], a.time, a.seq, &text[a.id.clone()]).cmp(&(
                &text[b.series.clone()],
                b.time,
                b.seq,
                &text[b.id.clone()],
            ))
        });
        for one in readings.chunk_by(|a, b| text[a.series.clone()] == text[b.series.clone()]) {
            self.tally_series(scope, one, &text[one[0].series.clone()]);
        }
    }

    fn tally_series(&mut self, scope: &Scope, readings: &[Reading], series: &str) {
        let complete = self.complete.of(&self.source);
        let cuts = cuts(readings, complete);
        let hold = i64::from(scope.hold_days) * DAY_MICROS;
        let mut peaks: BTreeMap<(Month, Symbol, Symbol), (i128, i32)> = BTreeMap::new();
        for (n, reading) in readings.iter().enumerate() {
            let next = readings.get(n + 1).map_or(i64::MAX, |next| next.time.micros()).min(cuts[n]);
            let (mut holds, mut silent) = (reading.time.micros().saturating_add(hold), true);
            if self.subject.starts_with(PSEUDONYM) && end_of_year(reading.time).micros() <= holds {
                (holds, silent) = (end_of_year(reading.time).micros(), false);
            }
            if silent && holds < next {
                let end = next.min(scope.until.micros()).min(holds + i64::from(GAP_LISTED_DAYS) * DAY_MICROS);
                self.list_gap(scope, series, holds, end);
            }
            let end = Instant::from_micros(next.min(holds).min(scope.until.micros()));
            self.tally_piece(scope, reading, reading.time..end, &mut peaks);
        }
        for ((_, costcentre, class), (value, day)) in peaks {
            self.tally.add(costcentre, class, day, value);
        }
    }

    /// Adds what a reading comes to while it holds.
    fn tally_piece(
        &mut self,
        scope: &Scope,
        reading: &Reading,
        holds: Range<Instant>,
        peaks: &mut BTreeMap<(Month, Symbol, Symbol), (i128, i32)>,
    ) {
        let (Some(first), Some(last)) = (self.starts.first(), self.starts.last()) else { return };
        let (start, end) = (holds.start.max(*first), holds.end.min(*last));
        if start >= end {
            return;
        }
        let first_day = scope.days().start;
        // The day of the first instant; `starts` has that of the day after the last too.
        let mut at = self.starts.partition_point(|begin| *begin <= start) - 1;
        match scope.kind {
            MeterKind::TimeWeighted => {
                while at + 1 < self.starts.len() && self.starts[at] < end {
                    let piece = end.min(self.starts[at + 1]).micros() - start.max(self.starts[at]).micros();
                    match reading.micros.checked_mul(i128::from(piece)) {
                        Some(amount) => {
                            self.tally.add(reading.costcentre, reading.class, first_day + at as i32, amount)
                        }
                        None => self.tally.overflow = true,
                    }
                    at += 1;
                }
            }
            MeterKind::Peak => {
                for month in self.months.iter().filter(|month| month.start() < end && start < month.end()) {
                    let day = days_of(start.max(month.start()).day());
                    let peak = peaks
                        .entry((*month, reading.costcentre, reading.class))
                        .or_insert((reading.micros, day));
                    if reading.micros > peak.0 {
                        *peak = (reading.micros, day);
                    }
                }
            }
            MeterKind::Latest => {
                for month in &self.months {
                    let close = month.end().min(scope.until);
                    if month.start() < close && start < close && close <= end {
                        let day = days_of(Instant::from_micros(close.micros() - 1).day());
                        self.tally.add(reading.costcentre, reading.class, day, reading.micros);
                    }
                }
            }
            MeterKind::Sum
            | MeterKind::Count
            | MeterKind::AvgDaily
            | MeterKind::Unique
            | MeterKind::Fixed => {}
        }
    }

    fn list_gap(&mut self, scope: &Scope, series: &str, start: i64, end: i64) {
        if start >= end {
            return;
        }
        let days =
            days_of(Instant::from_micros(start).day())..days_of(Instant::from_micros(end - 1).day()) + 1;
        self.tally.list(scope, GapKind::Missing, (&self.source, &self.subject, series), days, None);
    }
}

/// For each reading the instant at which a complete snapshot that lacks the series ends it.
fn cuts(readings: &[Reading], complete: &[Complete]) -> Vec<i64> {
    let mut cuts = vec![i64::MAX; readings.len()];
    if complete.is_empty() {
        return cuts;
    }
    let days: BTreeSet<i32> = readings.iter().map(|reading| reading.day).collect();
    for snapshot in complete.iter().filter(|snapshot| !days.contains(&snapshot.day)) {
        let before = readings.partition_point(|reading| reading.time <= snapshot.at);
        if let Some(at) = before.checked_sub(1)
            && readings[at].day < snapshot.day
        {
            cuts[at] = cuts[at].min(snapshot.at.micros());
        }
    }
    cuts
}

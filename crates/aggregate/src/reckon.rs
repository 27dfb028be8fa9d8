//! Cells and observations → a meter's usage by day (counting §6): pure functions of rows.
//!
//! A meter is reckoned for a run of months at once, from rows that come as a stream in the order of their key. What a
//! month comes to does not depend on which other months are reckoned with it.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{Days, NaiveDate};
use domain::usage::{DailyUsage, MeterKind, MonthlyUsage};
use domain::{Instant, Month, calendar};
use store::rollup::{CellTotal, Marker, RevisionRows, SignedObservation, SubjectRow};
use store::rows::{Dictionary, Symbol, date_of, days_of};
use store::usage::{Gap, GapKind};

mod alive;
mod presence;
mod series;
mod snapshots;
mod subjects;

use alive::Alive;
use presence::{Completeness, Presence};
use series::Series;
use snapshots::Snapshots;
use subjects::Subjects;

use crate::hash::FastMap;

/// How many days a snapshot is carried forward when the next ones are missing.
pub const CARRY_DAYS: i32 = 3;

/// For how long a series that has fallen silent is listed as a gap. Whoever decided about two whole months of it has
/// decided; and what a month comes to must not need readings from any earlier time.
pub const GAP_LISTED_DAYS: i32 = 62;

/// How subjects begin whose keys change every year: nothing of them is carried over its turn.
const PSEUDONYM: &str = "ps_";

/// A sum that does not fit 128 bits: no quantities within the contract's limits come to this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a month's usage is beyond 38 digits")]
pub struct Overflow;

/// Which meter is reckoned, for which months.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// How events become usage.
    pub kind: MeterKind,
    /// How many days a reading holds when no other comes.
    pub hold_days: u16,
    /// The first month.
    pub first: Month,
    /// The last month.
    pub last: Month,
    /// Readings and snapshots count for the time before this: the end of the last complete day. Sums, counts and distinct
    /// subjects have everything.
    pub until: Instant,
}

impl Scope {
    /// The observations that are needed, by `time`. `day` is the Swedish date of `time` or the day before.
    pub fn needed(&self) -> Range<Instant> {
        let first = days_of(self.first.first_day());
        let from = match self.kind {
            MeterKind::AvgDaily => first - CARRY_DAYS,
            MeterKind::TimeWeighted | MeterKind::Peak | MeterKind::Latest => self.first_reading_day(),
            MeterKind::Sum | MeterKind::Count | MeterKind::Unique | MeterKind::Fixed => first,
        };
        start_of(from)..start_of(days_of(self.last.last_day()) + 2)
    }

    /// Readings of earlier days neither hold nor are listed as gaps in the months asked for. One day more than the hold,
    /// because a day in autumn has 25 hours.
    fn first_reading_day(&self) -> i32 {
        days_of(self.first.first_day()) - i32::from(self.hold_days) - GAP_LISTED_DAYS - 1
    }

    /// The days of the months, as numbers.
    fn days(&self) -> Range<i32> {
        days_of(self.first.first_day())..days_of(self.last.last_day()) + 1
    }

    /// The number of the day after the last complete one.
    fn until_day(&self) -> i32 {
        days_of(self.until.day())
    }
}

/// The usage of one meter: amounts by cost centre, class and day, and what is wrong with some days.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    dictionary: Dictionary,
    amounts: FastMap<(Symbol, Symbol, i32), i128>,
    subjects: Vec<(Month, Symbol, Symbol, u128)>,
    gaps: Vec<Gap>,
    overflow: bool,
}

impl Tally {
    fn add(&mut self, costcentre: Symbol, class: Symbol, day: i32, amount: i128) {
        if amount == 0 {
            return;
        }
        let sum = self.amounts.entry((costcentre, class, day)).or_default();
        match sum.checked_add(amount) {
            Some(more) => *sum = more,
            None => self.overflow = true,
        }
    }

    /// The rows of the wanted months.
    fn rows(self, scope: &Scope, wanted: impl Fn(Month) -> bool) -> Result<RevisionRows, Overflow> {
        if self.overflow {
            return Err(Overflow);
        }
        let mut months: BTreeMap<(Month, Symbol, Symbol), i128> = BTreeMap::new();
        let mut rows = RevisionRows::default();
        let text = |symbol| self.dictionary.text(symbol).to_owned();
        for ((costcentre, class, day), amount) in &self.amounts {
            // Days come from dates, so they always are dates.
            let Ok(day) = date_of(*day) else { continue };
            if *amount == 0 || !wanted(Month::of(day)) {
                continue;
            }
            let sum = months.entry((Month::of(day), *costcentre, *class)).or_default();
            *sum = sum.checked_add(*amount).ok_or(Overflow)?;
            rows.days.push(DailyUsage {
                day,
                service: scope.service.clone(),
                meter: scope.meter.clone(),
                costcentre: text(*costcentre),
                class: text(*class),
                amount: *amount,
            });
        }
        rows.months.extend(months.into_iter().filter(|(_, amount)| *amount != 0).map(
            |((month, costcentre, class), amount)| MonthlyUsage {
                month,
                service: scope.service.clone(),
                meter: scope.meter.clone(),
                costcentre: text(costcentre),
                class: text(class),
                amount,
            },
        ));
        let subjects = self.subjects.iter().filter(|(month, ..)| wanted(*month));
        rows.subjects.extend(subjects.map(|(month, costcentre, class, subject)| SubjectRow {
            month: *month,
            service: scope.service.clone(),
            meter: scope.meter.clone(),
            costcentre: text(*costcentre),
            class: text(*class),
            subject: *subject,
        }));
        rows.gaps.extend(self.gaps.into_iter().filter(|gap| wanted(gap.month)));
        rows.days.sort();
        rows.months.sort();
        rows.subjects.sort();
        rows.gaps.sort();
        Ok(rows)
    }

    /// Lists days of a source that are missing, estimated or in excess; `count` none means the number of days.
    fn list(
        &mut self,
        scope: &Scope,
        kind: GapKind,
        whose: (&str, &str, &str),
        days: Range<i32>,
        count: Option<u64>,
    ) {
        let mut day = days.start.max(scope.days().start);
        let end = days.end.min(scope.days().end);
        while day < end {
            let Ok(first) = date_of(day) else { return };
            let month = Month::of(first);
            let stop = end.min(days_of(month.last_day()) + 1);
            let Ok(last) = date_of(stop - 1) else { return };
            self.gaps.push(Gap {
                month,
                service: scope.service.clone(),
                meter: scope.meter.clone(),
                kind,
                source: whose.0.to_owned(),
                subject: whose.1.to_owned(),
                series: whose.2.to_owned(),
                first_day: first,
                last_day: last,
                count: count.unwrap_or((stop - day).unsigned_abs().into()),
            });
            day = stop;
        }
    }
}

/// The usage of a summed meter in one month, from its cells.
pub fn from_cells(
    scope: &Scope,
    cells: &[CellTotal],
    wanted: impl Fn(Month) -> bool,
) -> Result<RevisionRows, Overflow> {
    let mut tally = Tally::default();
    for cell in cells {
        let (costcentre, class) =
            (tally.dictionary.symbol(&cell.costcentre), tally.dictionary.symbol(&cell.class));
        tally.add(costcentre, class, cell.day, cell.amount);
    }
    tally.rows(scope, wanted)
}

/// Reckons a meter of observations. The stream is given as often as [`Reckoning::needs_pass`] says.
#[derive(Debug)]
pub struct Reckoning {
    scope: Scope,
    markers: Vec<Marker>,
    alive: Alive,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Which snapshots are complete, before series can be reckoned.
    Completing(Presence),
    Series(Series),
    Snapshots(Snapshots),
    Subjects(Subjects),
    Done(Tally),
}

impl Reckoning {
    /// Begins. The markers are all that count of this meter, whatever their day.
    pub fn new(scope: Scope, markers: Vec<Marker>) -> Self {
        let stage = match scope.kind {
            MeterKind::AvgDaily => Stage::Snapshots(Snapshots::new(&scope)),
            MeterKind::Unique => Stage::Subjects(Subjects::default()),
            MeterKind::TimeWeighted | MeterKind::Peak | MeterKind::Latest if markers.is_empty() => {
                Stage::Series(Series::new(&scope, Completeness::default()))
            }
            MeterKind::TimeWeighted | MeterKind::Peak | MeterKind::Latest => {
                Stage::Completing(Presence::default())
            }
            // Summed meters are reckoned from their cells, agreements from the catalogue.
            MeterKind::Sum | MeterKind::Count | MeterKind::Fixed => Stage::Done(Tally::default()),
        };
        Self { scope, markers, alive: Alive::default(), stage }
    }

    /// Whether the observations of [`Scope::needed`] are to be given (once more).
    pub fn needs_pass(&self) -> bool {
        !matches!(self.stage, Stage::Done(_))
    }

    /// The next row of the stream.
    pub fn give(&mut self, row: &SignedObservation<'_>) {
        let (alive, scope) = (&mut self.alive, &self.scope);
        match &mut self.stage {
            Stage::Completing(presence) => alive.give(row, |seen| presence.see(seen)),
            Stage::Series(series) => alive.give(row, |seen| series.see(scope, seen)),
            Stage::Snapshots(snapshots) => alive.give(row, |seen| snapshots.see(scope, seen)),
            Stage::Subjects(subjects) => alive.give(row, |seen| subjects.see(scope, seen)),
            Stage::Done(_) => {}
        }
    }

    /// The stream has ended.
    pub fn end_pass(&mut self) {
        let (mut alive, scope) = (std::mem::take(&mut self.alive), &self.scope);
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done(Tally::default())) {
            Stage::Completing(mut presence) => {
                alive.end(|seen| presence.see(seen));
                let complete = Completeness::judge(&self.markers, &presence.end(), scope.first_reading_day());
                Stage::Series(Series::new(scope, complete))
            }
            Stage::Series(mut series) => {
                alive.end(|seen| series.see(scope, seen));
                Stage::Done(series.end(scope))
            }
            Stage::Snapshots(mut snapshots) => {
                alive.end(|seen| snapshots.see(scope, seen));
                Stage::Done(snapshots.end(scope, &self.markers))
            }
            Stage::Subjects(mut subjects) => {
                alive.end(|seen| subjects.see(scope, seen));
                Stage::Done(subjects.end())
            }
            Stage::Done(tally) => Stage::Done(tally),
        };
    }

    /// The rows of the wanted months, once no pass is needed any more.
    pub fn rows(self, wanted: impl Fn(Month) -> bool) -> Result<RevisionRows, Overflow> {
        match self.stage {
            Stage::Done(tally) => tally.rows(&self.scope, wanted),
            Stage::Completing(_) | Stage::Series(_) | Stage::Snapshots(_) | Stage::Subjects(_) => {
                Ok(RevisionRows::default())
            }
        }
    }
}

/// The first instant of a numbered day.
fn start_of(day: i32) -> Instant {
    calendar::start_of_day(date_of(day).unwrap_or(NaiveDate::MIN))
}

/// The first instant of the year after an instant's, by Swedish clocks.
fn end_of_year(instant: Instant) -> Instant {
    use chrono::Datelike;
    let first =
        NaiveDate::from_ymd_opt(instant.day().year() + 1, 1, 1).unwrap_or(NaiveDate::MAX - Days::new(1));
    calendar::start_of_day(first)
}

#[cfg(test)]
mod tests;

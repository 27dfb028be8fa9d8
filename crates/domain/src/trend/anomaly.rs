//! Days that stand out: far more or far less than such days have, or nothing at all.
//!
//! The modified z-score of Iglewicz & Hoaglin (*How to Detect and Handle Outliers*, ASQC 1993): 0.6745 × the distance from
//! the median, divided by the median absolute deviation, above 3.5. A day is compared with the four days of its kind before it
//! and the four after it, each by themselves, and stands out only when it does so against both, and is not between them:
//! the first day of a new level, or of a season, is like those that follow.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::statistics::{deviation, distance, median};
use crate::calendar::holidays::{holiday, is_thin, kind_of_day};
use crate::calendar::next_day;

/// With how many days on each side a day is compared: four weeks of its weekday.
const SIDE_MAX: usize = 4;

/// How far away they may be: two weeks more, for those that are holidays or empty.
const WINDOW_DAYS: u64 = 42;

/// How many days next to it on each side tell whether a new day is the first of a new level.
const NEIGHBOURS: usize = 3;

/// So many of them have to stand out like it.
const LEVEL_NEIGHBOURS: usize = 2;

/// A year of whole weeks: the same weekday in the same season.
const YEAR_DAYS: u64 = 364;

/// From so many days without anything on, that is the level.
const LEVEL_DAYS: i64 = 29;

/// With how many days on one side of it a day is compared at least.
const SIDE_MIN: usize = 2;

/// With how many days on both sides together: fewer have no usual value.
const PEERS_MIN: usize = 3;

/// One in so many of the days around a day without anything may have had nothing either.
const EMPTY_ONE_IN: usize = 5;

/// What is worth a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The modified z-score to exceed, in thousandths.
    pub score_permille: u32,
    /// The least deviation that days of a kind are taken to have, in thousandths of their median: what never changes would
    /// otherwise be reported for the slightest change. 60 reports from ±31 % on.
    pub deviation_permille: u32,
    /// The least difference from what was expected, in the unit of the days.
    pub least: i128,
}

impl Limits {
    /// A score of 3.5, a deviation of 6 %, and a difference of `least`: ten events, say, or ten gigabytes. Where fewer are
    /// usual, chance alone makes empty days.
    pub const fn usual(least: i128) -> Self {
        Self { score_permille: 3_500, deviation_permille: 60, least }
    }
}

/// In what way a day stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unusual {
    /// Far more than such days have.
    High,
    /// Far less.
    Low,
    /// Nothing, where such days have something: as when a collector is down.
    Silence,
}

impl Unusual {
    /// The stable name, as in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Unusual::High => "high",
            Unusual::Low => "low",
            Unusual::Silence => "silence",
        }
    }
}

/// A day that stands out, or days of silence that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anomaly {
    /// The first day.
    pub first: NaiveDate,
    /// The last day; another than the first for silence only.
    pub last: NaiveDate,
    /// What the days had, together.
    pub value: i128,
    /// What they were expected to have, together.
    pub expected: i128,
    /// In what way they stand out.
    pub kind: Unusual,
    /// Whether too few later days are known to tell it from a new level: two weeks later it may no longer be reported.
    pub provisional: bool,
}

/// The days that stand out, in order.
///
/// `days` are in any order, each once; one that is not there, after the first that has something and up to `through`, has nothing. A
/// holiday may be like a Sunday (an eve like a Saturday), like its weekday, or between; a day between holidays like a Sunday,
/// like its weekday, or between. None of them is compared with by others. Days without anything are never low: they are
/// silence or usual. While too few later days are known, what goes on for three days is a new level, and what the day 52
/// weeks earlier did too is a season. More than four weeks without anything are a level, as of a school in summer or a service that ended.
pub fn anomalies(days: &[(NaiveDate, i128)], through: NaiveDate, limits: Limits) -> Vec<Anomaly> {
    let mut known: BTreeMap<NaiveDate, i128> =
        days.iter().copied().filter(|(day, value)| *day <= through && *value != 0).collect();
    let Some(first) = known.keys().next().copied() else { return Vec::new() };
    for day in first.iter_days().take_while(|day| *day <= through) {
        known.entry(day).or_insert(0);
    }
    let series = Series { days: &known, limits };
    let mut found: Vec<Anomaly> = Vec::new();
    for (day, value) in &known {
        let Some(anomaly) = series.judge(*day, *value) else { continue };
        match found.last_mut() {
            Some(last) if series.continues(last, &anomaly) => {
                last.last = anomaly.last;
                last.expected += anomaly.expected;
                last.provisional |= anomaly.provisional;
            }
            Some(_) | None => found.push(anomaly),
        }
    }
    found
}

/// Every day from the first with something to the last known one.
struct Series<'a> {
    days: &'a BTreeMap<NaiveDate, i128>,
    limits: Limits,
}

/// What days of one kind have on one side of a day.
struct Peers {
    values: Vec<i128>,
    median: i128,
}

impl Series<'_> {
    fn judge(&self, day: NaiveDate, value: i128) -> Option<Anomaly> {
        let sides: Vec<[Option<Peers>; 2]> =
            alike(day).into_iter().map(|kind| self.sides(day, kind)).collect();
        if sides.iter().any(|sides| count(sides) < PEERS_MIN) {
            return None;
        }
        let provisional = sides.iter().any(|[_, after]| after.is_none());
        let (expected, kind) =
            if value == 0 { self.silence(day, &sides)? } else { self.outlier(value, &sides)? };
        if provisional && kind != Unusual::Silence && self.is_level_or_season(day, kind) {
            return None;
        }
        Some(Anomaly { first: day, last: day, value, expected, kind, provisional })
    }

    /// While too few later days of its kind are known: whether two of the days next to it stand out like it, or whether the
    /// day 52 weeks earlier did when it was new.
    fn is_level_or_season(&self, day: NaiveDate, kind: Unusual) -> bool {
        let same = |day: &NaiveDate| self.when_new(*day) == Some(kind);
        let before = self.days.range(..day).rev().take(NEIGHBOURS).map(|(day, _)| *day);
        let after = self.days.range(next_day(day)..).take(NEIGHBOURS).map(|(day, _)| *day);
        let year_ago = day.checked_sub_days(Days::new(YEAR_DAYS));
        before.chain(after).filter(same).count() >= LEVEL_NEIGHBOURS || year_ago.is_some_and(|day| same(&day))
    }

    /// How a day with something stands out against the days before it alone.
    fn when_new(&self, day: NaiveDate) -> Option<Unusual> {
        let value = *self.days.get(&day).filter(|value| **value != 0)?;
        let only_before = |kind: Weekday| {
            let [before, _] = self.sides(day, kind);
            [before, None]
        };
        let sides: Vec<[Option<Peers>; 2]> = alike(day).into_iter().map(only_before).collect();
        let known = sides.iter().all(|sides| count(sides) >= PEERS_MIN);
        known.then(|| self.outlier(value, &sides)).flatten().map(|(_, kind)| kind)
    }

    /// Nothing, in a run that is no level, where hardly any day of any kind that it may be like had nothing.
    fn silence(&self, day: NaiveDate, sides: &[[Option<Peers>; 2]]) -> Option<(i128, Unusual)> {
        let (first, last) = self.empty_around(day);
        if last.signed_duration_since(first).num_days() + 1 >= LEVEL_DAYS {
            return None;
        }
        let empty = |sides: &[Option<Peers>; 2]| all(sides).filter(|value| *value == 0).count();
        let usual = |sides: &[Option<Peers>; 2]| empty(sides) * EMPTY_ONE_IN <= count(sides);
        let expected = sides.iter().filter_map(|sides| median(all(sides))).min_by_key(|value| value.abs())?;
        (sides.iter().all(usual) && expected != 0 && expected.abs() >= self.limits.least)
            .then_some((expected, Unusual::Silence))
    }

    /// Beyond the medians of all sides of all kinds, and far from each.
    fn outlier(&self, value: i128, sides: &[[Option<Peers>; 2]]) -> Option<(i128, Unusual)> {
        let medians = || sides.iter().flatten().flatten().map(|peers| peers.median);
        let (least, most) = (medians().min()?, medians().max()?);
        let between = (least..=most).contains(&value);
        let far = |sides: &[Option<Peers>; 2]| {
            let pooled = pooled_deviation(sides);
            sides.iter().flatten().all(|peers| self.is_far(value, peers, pooled))
        };
        if between || !sides.iter().all(far) {
            return None;
        }
        let expected = medians().min_by_key(|median| distance(value, *median))?;
        Some((expected, if value > expected { Unusual::High } else { Unusual::Low }))
    }

    fn is_far(&self, value: i128, peers: &Peers, pooled: i128) -> bool {
        let away = distance(value, peers.median);
        let floor = peers.median.abs().saturating_mul(self.limits.deviation_permille.into()) / 1_000;
        let deviation = deviation(&peers.values, peers.median).max(pooled).max(floor);
        // 0.6745 × away / deviation > score, in ten thousandths and thousandths.
        away >= self.limits.least
            && away.saturating_mul(6_745)
                > deviation.saturating_mul(self.limits.score_permille.into()).saturating_mul(10)
    }

    /// What the nearest ordinary days of a kind before and after a day have; none on a side with too few. Days of the
    /// same run without anything say nothing about each other, so they are left out.
    fn sides(&self, day: NaiveDate, kind: Weekday) -> [Option<Peers>; 2] {
        let (first, last) = self.empty_around(day);
        let from = day.checked_sub_days(Days::new(WINDOW_DAYS)).unwrap_or(NaiveDate::MIN);
        let to = day.checked_add_days(Days::new(WINDOW_DAYS)).unwrap_or(NaiveDate::MAX);
        let ordinary = |day: NaiveDate| day.weekday() == kind && alike(day) == [kind];
        let peers = |near: &mut dyn Iterator<Item = (&NaiveDate, &i128)>| {
            let like = near.filter(|(day, _)| ordinary(**day)).map(|(_, value)| *value);
            let values: Vec<i128> = like.take(SIDE_MAX).collect();
            let median = median(values.iter().copied()).filter(|_| values.len() >= SIDE_MIN)?;
            Some(Peers { values, median })
        };
        let (after, end) = (next_day(last), next_day(to));
        let before = peers(&mut self.days.range(from..first.max(from)).rev());
        [before, peers(&mut self.days.range(after..end.max(after)))]
    }

    /// The first and the last day of the run without anything that a day lies in; itself, when it has something.
    fn empty_around(&self, day: NaiveDate) -> (NaiveDate, NaiveDate) {
        if self.days.get(&day).is_some_and(|value| *value != 0) {
            return (day, day);
        }
        let empty = |(_, value): &(&NaiveDate, &i128)| **value == 0;
        let first = self.days.range(..=day).rev().take_while(empty).last();
        let last = self.days.range(day..).take_while(empty).last();
        (first.map_or(day, |(day, _)| *day), last.map_or(day, |(day, _)| *day))
    }

    /// Whether silence goes on: between the two is no day with anything.
    fn continues(&self, before: &Anomaly, after: &Anomaly) -> bool {
        (before.kind, after.kind) == (Unusual::Silence, Unusual::Silence)
            && self.days.range(before.last..after.first).all(|(_, value)| *value == 0)
    }
}

/// The kinds of ordinary days that a day may be like: one for most.
fn alike(day: NaiveDate) -> Vec<Weekday> {
    let (kind, weekday) = (kind_of_day(day), day.weekday());
    match (holiday(day).is_some(), is_thin(day)) {
        (true, _) if kind != weekday => vec![kind, weekday],
        (_, true) => vec![Weekday::Sun, weekday],
        (_, _) => vec![weekday],
    }
}

fn all(sides: &[Option<Peers>; 2]) -> impl Iterator<Item = i128> {
    sides.iter().flatten().flat_map(|peers| peers.values.iter().copied())
}

fn count(sides: &[Option<Peers>; 2]) -> usize {
    all(sides).count()
}

/// The median absolute deviation of both sides' days, each from the median of its side: steadier than one side's four.
fn pooled_deviation(sides: &[Option<Peers>; 2]) -> i128 {
    let of = |peers: &Peers| {
        let centre = peers.median;
        peers.values.iter().map(move |value| distance(*value, centre)).collect::<Vec<_>>()
    };
    median(sides.iter().flatten().flat_map(of)).unwrap_or(0)
}

#[cfg(test)]
mod tests;

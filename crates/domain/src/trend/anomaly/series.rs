//! A meter's days, and what each is compared with.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::super::statistics::{ONE, deviation, distance, median, relative_error};
use super::{Anomaly, Limits, Unusual};
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

/// A meter that ends more often than once in so many days comes and goes.
const ENDS_ONE_IN: usize = 10;

/// Every day from the first with something to the last known one.
pub(super) struct Series<'a> {
    days: &'a BTreeMap<NaiveDate, i128>,
    limits: Limits,
    /// How far working days and days off are usually from the days before them, in [`ONE`]s of those: four days alone may be
    /// alike by chance. Never less than the limits say.
    usual: [i128; 2],
    /// Whether working days and days off are so often empty that neither an empty nor a full one says anything.
    comes_and_goes: [bool; 2],
    /// Days that are like no weekday: see [`alike`].
    special: BTreeSet<NaiveDate>,
}

/// What days of one kind have on one side of a day.
struct Peers {
    values: Vec<i128>,
    median: i128,
    /// Whether they are days off.
    off: bool,
}

impl<'a> Series<'a> {
    pub(super) fn of(days: &'a BTreeMap<NaiveDate, i128>, limits: Limits) -> Self {
        let least = i128::from(limits.deviation_permille) * (ONE / 1_000);
        let special = days.keys().copied().filter(|day| alike(*day).len() > 1).collect();
        let unmeasured = Series { days, limits, usual: [least; 2], comes_and_goes: [false; 2], special };
        let usual = [false, true].map(|off| {
            let is_like =
                |day: NaiveDate| is_weekend(day.weekday()) == off && !unmeasured.special.contains(&day);
            let ordinary = days.iter().filter(|(day, value)| **value != 0 && is_like(**day));
            let away = ordinary.filter_map(|(day, value)| {
                let [before, _] = unmeasured.sides(*day, day.weekday());
                before.filter(|peers| peers.median != 0).map(|peers| relative_error(peers.median, *value))
            });
            median(away).unwrap_or(0).max(least)
        });
        let comes_and_goes = [false, true].map(|off| unmeasured.comes_and_goes(off));
        Series { usual, comes_and_goes, ..unmeasured }
    }

    /// Whether days of a sort often have nothing after one that had something.
    fn comes_and_goes(&self, off: bool) -> bool {
        let is_like = |day: NaiveDate| is_weekend(day.weekday()) == off && !self.special.contains(&day);
        let ordinary = self.days.iter().filter(|(day, _)| is_like(**day));
        let values: Vec<i128> = ordinary.map(|(_, value)| *value).collect();
        let ends = values.windows(2).filter(|pair| pair[0] != 0 && pair[1] == 0).count();
        ends * ENDS_ONE_IN > values.len()
    }

    /// What a day is reported as; none for most.
    pub(super) fn judge(&self, day: NaiveDate, value: i128) -> Option<Anomaly> {
        let kinds = alike(day);
        let says_nothing = |kind: &Weekday| self.comes_and_goes[usize::from(is_weekend(*kind))];
        if kinds.iter().any(says_nothing) {
            return None;
        }
        let sides: Vec<[Option<Peers>; 2]> = kinds.into_iter().map(|kind| self.sides(day, kind)).collect();
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
        if self.is_level_of_nothing(day) {
            return None;
        }
        let empty = |sides: &[Option<Peers>; 2]| all(sides).filter(|value| *value == 0).count();
        let usual = |sides: &[Option<Peers>; 2]| empty(sides) * EMPTY_ONE_IN <= count(sides);
        let expected = sides.iter().filter_map(|sides| median(all(sides))).min_by_key(|value| value.abs())?;
        (sides.iter().all(usual) && expected != 0 && expected.abs() >= self.limits.least)
            .then_some((expected, Unusual::Silence))
    }

    /// Beyond the medians of all sides of all kinds, and far from each. Where such days usually have nothing, a day with
    /// something is one of those that a rare meter is there for.
    fn outlier(&self, value: i128, sides: &[[Option<Peers>; 2]]) -> Option<(i128, Unusual)> {
        let medians = || sides.iter().flatten().flatten().map(|peers| peers.median);
        let (least, most) = (medians().min()?, medians().max()?);
        let between = (least..=most).contains(&value);
        let rare = medians().any(|median| median == 0);
        let far = |sides: &[Option<Peers>; 2]| {
            let pooled = pooled_deviation(sides);
            sides.iter().flatten().all(|peers| self.is_far(value, peers, pooled))
        };
        if between || rare || !sides.iter().all(far) {
            return None;
        }
        let expected = medians().min_by_key(|median| distance(value, *median))?;
        Some((expected, if value > expected { Unusual::High } else { Unusual::Low }))
    }

    fn is_far(&self, value: i128, peers: &Peers, pooled: i128) -> bool {
        let away = distance(value, peers.median);
        let deviation = deviation(&peers.values, peers.median).max(pooled);
        let usual = peers.median.abs().saturating_mul(self.usual[usize::from(peers.off)]);
        // 0.6745 × away / deviation > score, in ten thousandths and thousandths.
        let exceeds = |away: i128, deviation: i128| {
            away.saturating_mul(6_745)
                > deviation.saturating_mul(self.limits.score_permille.into()).saturating_mul(10)
        };
        away >= self.limits.least && exceeds(away, deviation) && exceeds(away.saturating_mul(ONE), usual)
    }

    /// What the nearest ordinary days of a kind before and after a day have; none on a side with too few. Days of the
    /// same run without anything say nothing about each other, so they are left out.
    fn sides(&self, day: NaiveDate, kind: Weekday) -> [Option<Peers>; 2] {
        let (first, last) = self.empty_around(day);
        let from = day.checked_sub_days(Days::new(WINDOW_DAYS)).unwrap_or(NaiveDate::MIN);
        let to = day.checked_add_days(Days::new(WINDOW_DAYS)).unwrap_or(NaiveDate::MAX);
        let ordinary = |day: NaiveDate| day.weekday() == kind && !self.special.contains(&day);
        let peers = |near: &mut dyn Iterator<Item = (&NaiveDate, &i128)>| {
            let like = near.filter(|(day, _)| ordinary(**day)).map(|(_, value)| *value);
            let values: Vec<i128> = like.take(SIDE_MAX).collect();
            let median = median(values.iter().copied()).filter(|_| values.len() >= SIDE_MIN)?;
            Some(Peers { values, median, off: is_weekend(kind) })
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

    /// Whether a day lies in a run without anything that is so long that it is the level.
    fn is_level_of_nothing(&self, day: NaiveDate) -> bool {
        let (first, last) = self.empty_around(day);
        last.signed_duration_since(first).num_days() + 1 >= LEVEL_DAYS
    }

    /// Whether silence goes on: between the two is no day with anything.
    pub(super) fn continues(&self, before: &Anomaly, after: &Anomaly) -> bool {
        (before.kind, after.kind) == (Unusual::Silence, Unusual::Silence)
            && self.days.range(before.last..after.first).all(|(_, value)| *value == 0)
    }
}

const fn is_weekend(kind: Weekday) -> bool {
    matches!(kind, Weekday::Sat | Weekday::Sun)
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

//! What a month that has begun will come to, from its days so far and the same kinds of days before it.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use super::forecast::around;
use super::statistics::{ONE, four_in_five, median, relative_error, scaled};
use super::{BACKTESTS_MIN, Band};
use crate::calendar::Month;
use crate::calendar::holidays::kind_of_day;
use crate::quantity::div_half_away;

/// How many days before the month tell what each kind of day is like: eight weeks.
const REFERENCE_DAYS: u64 = 56;

/// How many days it takes at least: two of each weekday.
const REFERENCE_DAYS_MIN: usize = 14;

/// How many usual days a month's pace is weighed against, so that its first days do not decide all of it.
const PRIOR_DAYS: i128 = 3;

/// How many of its last days tell where a mean stands.
const LEVEL_DAYS: usize = 7;

/// How many earlier months are tried at most.
const BACKTESTS_MAX: i32 = 12;

/// What a month is of its days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whole {
    /// Their sum: what happens (sums, counts) and what it costs.
    Sum,
    /// Their mean: what stands there (daily averages, averages over time).
    Mean,
}

/// What a month that has begun is expected to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThisMonth {
    /// The sum, or the mean, of all its days.
    pub mid: i128,
    /// Where four in five of the earlier months would have ended up; none when too few are known. Without width when the
    /// month is over.
    pub band: Option<Band>,
    /// How many days of the month are known.
    pub days_known: u32,
    /// How many earlier months were tried with as many days left. Below [`BACKTESTS_MIN`] there is no band.
    pub backtests: usize,
}

/// What `month` will come to, when its days up to and with `through` are known.
///
/// What is known, and for each day left the median of the same kind of day (see [`kind_of_day`]) in the eight weeks before
/// the month, times how the month has run against those so far. Days without anything, where there usually is something,
/// do not slow that pace: they are outages. `days` are in any order, each once; one that is not there, after the first and up to
/// `through`, has nothing. None with less than two weeks before the month.
///
/// It suits what days add up to or stand at. Distinct subjects, which are counted on the first day that they are seen,
/// peaks and last values do neither.
pub fn this_month(
    month: Month,
    days: &[(NaiveDate, i128)],
    through: NaiveDate,
    whole: Whole,
) -> Option<ThisMonth> {
    let known: Known = days.iter().copied().filter(|(day, _)| *day <= through).collect();
    let sum = expected_sum(month, &known, through, whole)?;
    let days_known = month.days().filter(|day| *day <= through).count();
    let days_left = month.day_count() as usize - days_known;
    let errors: Vec<i128> = (1..=BACKTESTS_MAX)
        .filter_map(|back| past_error(month.plus(-back), &known, days_left, whole))
        .collect();
    let part = if days_left == 0 {
        Some(0)
    } else {
        (errors.len() >= BACKTESTS_MIN).then(|| four_in_five(&errors)).flatten()
    };
    let so_far = known.range(month.first_day()..=month.last_day()).map(|(_, value)| *value).sum();
    let floor = if known.values().all(|value| *value >= 0) { so_far } else { i128::MIN };
    let divided = |sum: i128| match whole {
        Whole::Sum => sum,
        Whole::Mean => div_half_away(sum, i128::from(month.day_count())),
    };
    let band = part.map(|part| around(sum, part, floor));
    Some(ThisMonth {
        mid: divided(sum),
        band: band.map(|band| Band { low: divided(band.low), high: divided(band.high) }),
        days_known: u32::try_from(days_known).unwrap_or(u32::MAX),
        backtests: errors.len(),
    })
}

/// The days that are known.
type Known = BTreeMap<NaiveDate, i128>;

/// How wrong a month would have been taken, with as many days left. None when it is not known as a whole.
fn past_error(month: Month, known: &Known, days_left: usize, whole: Whole) -> Option<i128> {
    let through = month.days().nth((month.day_count() as usize).checked_sub(days_left + 1)?)?;
    let expected = expected_sum(month, known, through, whole)?;
    let actual = known.range(month.first_day()..=month.last_day()).map(|(_, value)| *value).sum();
    Some(relative_error(expected, actual))
}

fn expected_sum(month: Month, known: &Known, through: NaiveDate, whole: Whole) -> Option<i128> {
    let usual = usual(month, known)?;
    let of = |day: NaiveDate| usual[kind(day)];
    let value = |day: NaiveDate| known.get(&day).copied().unwrap_or(0);
    let (past, left): (Vec<NaiveDate>, Vec<NaiveDate>) = month.days().partition(|day| *day <= through);
    let counted = past.iter().rev().copied().filter(|day| value(*day) != 0 || of(*day) == 0);
    let counted: Vec<NaiveDate> = match whole {
        Whole::Sum => counted.collect(),
        Whole::Mean => counted.take(LEVEL_DAYS).collect(),
    };
    let prior = usual.iter().sum::<i128>() * PRIOR_DAYS / 7;
    let ran: i128 = counted.iter().map(|day| value(*day)).sum();
    let usually: i128 = counted.iter().map(|day| of(*day)).sum();
    let rest: i128 = left.iter().map(|day| of(*day)).sum();
    Some(past.iter().map(|day| value(*day)).sum::<i128>() + paced(rest, ran + prior, usually + prior))
}

/// The rest of the month at the pace that it has run so far; at the usual one where that is nothing to compare with.
fn paced(rest: i128, ran: i128, usually: i128) -> i128 {
    if usually <= 0 {
        return rest;
    }
    scaled(rest, div_half_away(ran.saturating_mul(ONE), usually))
}

/// The median of each kind of day, from Monday on, in the eight weeks before the month, or as many of them as are known. A
/// kind that was not among them is like the others.
fn usual(month: Month, known: &Known) -> Option<[i128; 7]> {
    let first = month.first_day().checked_sub_days(Days::new(REFERENCE_DAYS))?;
    let first = first.max(*known.keys().next()?);
    let mut kinds: [Vec<i128>; 7] = Default::default();
    for day in first.iter_days().take_while(|day| *day < month.first_day()) {
        kinds[kind(day)].push(known.get(&day).copied().unwrap_or(0));
    }
    if kinds.iter().map(Vec::len).sum::<usize>() < REFERENCE_DAYS_MIN {
        return None;
    }
    let medians = kinds.map(median);
    let other = median(medians.into_iter().flatten())?;
    Some(medians.map(|median| median.unwrap_or(other)))
}

fn kind(day: NaiveDate) -> usize {
    kind_of_day(day).num_days_from_monday() as usize
}

#[cfg(test)]
mod tests;

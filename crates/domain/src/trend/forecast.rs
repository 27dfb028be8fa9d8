//! The coming months, from the whole months before.
//!
//! With a year behind us: the seasonal naive method (Hyndman & Athanasopoulos, *Forecasting: Principles and Practice*,
//! 3rd ed., §5.2), moved by how this year runs against the last. Without: the median of three months, moved by the slope
//! of Theil and Sen (Sen 1968) and damped (Gardner & McKenzie 1985). The band comes from the same method's errors in the
//! past: a test with a rolling origin (Tashman 2000).

use std::collections::BTreeMap;

use super::statistics::{ONE, four_in_five, median, relative_error, root, scaled};
use super::{BACKTESTS_MIN, Band};
use crate::calendar::Month;
use crate::quantity::div_half_away;

/// How many known months any forecast needs.
pub const MONTHS_MIN: usize = 3;

/// How many known months a season needs: a year, and one to come back to.
pub const SEASON_MONTHS_MIN: usize = 13;

/// How many of the latest months tell how a year runs against the one before: the median of six is not moved by two bad ones.
const GROWTH_MONTHS_MAX: usize = 6;

/// With fewer, one bad month would decide.
const GROWTH_MONTHS_MIN: usize = 3;

/// A year is never expected to be more than twice, or less than half, of the one before.
const GROWTH_RANGE: (i128, i128) = (ONE / 2, 2 * ONE);

/// How many of the latest months a slope is drawn through, at most.
const SLOPE_MONTHS_MAX: usize = 12;

/// A slope is kept in thousandths: finer than any unit asks for, and far from what an i128 holds.
const SLOPE_PARTS: i128 = 1_000;

/// What is left of the slope a month later.
const DAMPING: i128 = ONE / 10 * 8;

/// How the coming months were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// The median of the last three months, moved by a damped Theil–Sen slope.
    DampedTrend,
    /// The same month of last year.
    Seasonal,
    /// The same month of last year × the median change of the latest months against a year before.
    SeasonalGrowth,
    /// The mean of the same months of the last two years, each moved by the change since.
    SeasonalTwoYears,
}

impl Method {
    /// The stable name, as in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Method::DampedTrend => "damped_trend",
            Method::Seasonal => "seasonal",
            Method::SeasonalGrowth => "seasonal_growth",
            Method::SeasonalTwoYears => "seasonal_two_years",
        }
    }
}

/// What the coming months are expected to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// How it was found.
    pub method: Method,
    /// The months after the last known one, in order.
    pub months: Vec<Expected>,
    /// How many times the method could be tried one month ahead within the history. Below [`BACKTESTS_MIN`] there is no band.
    pub backtests: usize,
}

/// What one month is expected to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The month.
    pub month: Month,
    /// What is expected, in the unit of the history.
    pub mid: i128,
    /// Where four in five would have ended up; none when too few months are known to tell.
    pub band: Option<Band>,
}

impl Forecast {
    /// The same in whole steps, for what only comes in such: the nearest ones, and bands that are no narrower.
    fn in_steps_of(mut self, step: i128) -> Self {
        for expected in &mut self.months {
            expected.mid = div_half_away(expected.mid, step) * step;
            expected.band = expected.band.map(|Band { low, high }| Band {
                low: low.div_euclid(step) * step,
                high: -(-high).div_euclid(step) * step,
            });
        }
        self
    }
}

/// The `ahead` months after the last known one. `history` has whole months in any order, each once; months that are not
/// there are unknown, not zero. None when fewer than [`MONTHS_MIN`] are known.
///
/// What never was below zero is not expected to be.
pub fn forecast(history: &[(Month, i128)], ahead: usize) -> Option<Forecast> {
    let known: BTreeMap<i32, i128> = history.iter().map(|(month, value)| (month.index(), *value)).collect();
    let (method, mids) = estimate(&known, ahead)?;
    let errors = backtest(&known, ahead, method);
    let last = *known.keys().next_back()?;
    let mut widest = Some(0);
    let months = (last + 1..).zip(&mids).zip(1..).filter_map(|((index, mid), step)| {
        // What is further away is never known better.
        widest = widest.zip(spread(&errors, step)).map(|(before, now)| before.max(now));
        let floor = if known.values().all(|value| *value >= 0) { 0 } else { i128::MIN };
        let band = widest.map(|part| around(*mid, part, floor));
        Some(Expected { month: Month::from_index(index)?, mid: *mid, band })
    });
    Some(Forecast { method, months: months.collect(), backtests: errors.get(&1).map_or(0, Vec::len) })
}

/// The same of hundredths of a unit. Where all were whole units, whole ones are expected.
pub fn forecast_hundredths(history: &[(Month, i128)], ahead: usize) -> Option<Forecast> {
    let found = forecast(history, ahead)?;
    let is_whole = history.iter().all(|(_, value)| value % 100 == 0);
    Some(if is_whole { found.in_steps_of(100) } else { found })
}

/// Values by month number.
type Known = BTreeMap<i32, i128>;

/// Relative errors by how many months ahead they were made.
type Errors = BTreeMap<usize, Vec<i128>>;

pub(super) fn around(mid: i128, part: i128, floor: i128) -> Band {
    let width = scaled(mid.saturating_abs(), part);
    Band { low: mid.saturating_sub(width).max(floor), high: mid.saturating_add(width) }
}

/// How wide the band is so many months ahead: by the errors at that distance, or where they are too few by those of one
/// month ahead × √steps, as the errors of a random walk grow.
fn spread(errors: &Errors, step: usize) -> Option<i128> {
    let enough = |step: usize| errors.get(&step).filter(|errors| errors.len() >= BACKTESTS_MIN);
    match enough(step) {
        Some(own) => four_in_five(own),
        None => four_in_five(enough(1)?).map(|nearest| scaled(nearest, root(step))),
    }
}

/// The errors that the method (any seasonal one, for a seasonal one) would have made from every earlier month.
fn backtest(known: &Known, ahead: usize, method: Method) -> Errors {
    let seasonal = |method: Method| method != Method::DampedTrend;
    let mut errors = Errors::new();
    for origin in known.keys() {
        let before: Known = known.range(..=*origin).map(|(month, value)| (*month, *value)).collect();
        let Some((_, mids)) = estimate(&before, ahead).filter(|(own, _)| seasonal(*own) == seasonal(method))
        else {
            continue;
        };
        for (step, (month, mid)) in (1..).zip((origin + 1..).zip(mids)) {
            if let Some(actual) = known.get(&month) {
                errors.entry(step).or_default().push(relative_error(mid, *actual));
            }
        }
    }
    errors
}

/// The values of the coming months.
fn estimate(known: &Known, ahead: usize) -> Option<(Method, Vec<i128>)> {
    if known.len() < MONTHS_MIN {
        return None;
    }
    let seasonal = (known.len() >= SEASON_MONTHS_MIN).then(|| seasonal(known, ahead)).flatten();
    let (method, mut mids) = match seasonal {
        Some(found) => found,
        None => (Method::DampedTrend, damped_trend(known, ahead)?),
    };
    if known.values().all(|value| *value >= 0) {
        mids.iter_mut().for_each(|mid| *mid = (*mid).max(0));
    }
    Some((method, mids))
}

/// None when a month has no year before it to start from.
fn seasonal(known: &Known, ahead: usize) -> Option<(Method, Vec<i128>)> {
    let last = *known.keys().next_back()?;
    let (year, two_years) = (growth(known, 12), growth(known, 24));
    let mut all = known.clone();
    let mut averaged = false;
    for month in (last + 1..).take(ahead) {
        let from = |back: i32, growth: i128| all.get(&(month - back)).map(|value| scaled(*value, growth));
        let one = from(12, year.unwrap_or(ONE));
        // A month that is itself expected says nothing that the year before it did not.
        let two = two_years.filter(|_| month - 12 <= last).and_then(|growth| from(24, growth));
        averaged |= two.is_some();
        let growth = year.unwrap_or(ONE);
        let expected = median(one.into_iter().chain(two)).or_else(|| from(24, scaled(growth, growth)))?;
        all.insert(month, expected);
    }
    let method = match (year, averaged) {
        (_, true) => Method::SeasonalTwoYears,
        (Some(_), false) => Method::SeasonalGrowth,
        (None, false) => Method::Seasonal,
    };
    Some((method, all.range(last + 1..).map(|(_, value)| *value).collect()))
}

/// How the latest months compare with the same months so many before: the median of their ratios, within
/// [`GROWTH_RANGE`]. None when fewer than [`GROWTH_MONTHS_MIN`] can be compared.
fn growth(known: &Known, back: i32) -> Option<i128> {
    let ratio = |(month, value): (&i32, &i128)| {
        let before = *known.get(&(month - back))?;
        (before > 0).then(|| div_half_away(value.saturating_mul(ONE), before))
    };
    let ratios: Vec<i128> = known.iter().rev().take(GROWTH_MONTHS_MAX).filter_map(ratio).collect();
    let (least, most) = GROWTH_RANGE;
    (ratios.len() >= GROWTH_MONTHS_MIN)
        .then(|| median(ratios))
        .flatten()
        .map(|ratio| ratio.clamp(least, most))
}

/// The median of the last three months stands where the middle one does: from there the full slope to the last known
/// month, then less of it for each month ahead.
fn damped_trend(known: &Known, ahead: usize) -> Option<Vec<i128>> {
    let latest: Vec<(i32, i128)> =
        known.iter().rev().take(SLOPE_MONTHS_MAX).map(|(month, value)| (*month, *value)).collect();
    let level = median(latest.iter().take(3).map(|(_, value)| *value))?;
    let slope = slope(&latest)?;
    let mut steps = i128::from(latest[0].0 - latest[1].0) * ONE;
    let mut next = ONE;
    let mids = (0..ahead).map(|_| {
        next = scaled(next, DAMPING);
        steps += next;
        level.saturating_add(div_half_away(slope.saturating_mul(steps), SLOPE_PARTS * ONE))
    });
    Some(mids.collect())
}

/// The median of the slopes between every two months, in [`SLOPE_PARTS`] a month.
fn slope(points: &[(i32, i128)]) -> Option<i128> {
    let pairs = points.iter().enumerate().flat_map(|(at, a)| points[at + 1..].iter().map(move |b| (a, b)));
    median(pairs.map(|((late, high), (early, low))| {
        div_half_away(high.saturating_sub(*low).saturating_mul(SLOPE_PARTS), i128::from(late - early))
    }))
}

#[cfg(test)]
mod tests;

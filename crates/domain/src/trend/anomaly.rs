//! Days that stand out: far more or far less than such days have, or nothing at all.
//!
//! The modified z-score of Iglewicz & Hoaglin (*How to Detect and Handle Outliers*, ASQC 1993): 0.6745 × the distance from
//! the median, divided by the median absolute deviation, above 3.5. A day is compared with the four days of its kind before it
//! and the four after it, each by themselves, and stands out only when it does so against both, and is not between them:
//! the first day of a new level, or of a season, is like those that follow.

mod series;

use std::collections::BTreeMap;

use chrono::NaiveDate;

use self::series::Series;

/// What is worth a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The modified z-score to exceed, in thousandths.
    pub score_permille: u32,
    /// The least deviation that days of a kind are taken to have, in thousandths of their median: what never changes would
    /// otherwise be reported for the slightest change. 60 reports from ±31 % on; what is usually further off counts by that.
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
/// silence or usual. Where days with something and days without come and go, none stands out. While too few later days are known, what goes on for three days is a new level, and what the day 52
/// weeks earlier did too is a season. More than four weeks without anything are a level, as of a school in summer or a service that ended.
pub fn anomalies(days: &[(NaiveDate, i128)], through: NaiveDate, limits: Limits) -> Vec<Anomaly> {
    let mut known: BTreeMap<NaiveDate, i128> =
        days.iter().copied().filter(|(day, value)| *day <= through && *value != 0).collect();
    let Some(first) = known.keys().next().copied() else { return Vec::new() };
    for day in first.iter_days().take_while(|day| *day <= through) {
        known.entry(day).or_insert(0);
    }
    let series = Series::of(&known, limits);
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

#[cfg(test)]
mod tests;

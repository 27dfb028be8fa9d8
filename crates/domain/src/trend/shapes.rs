//! How the meters of a municipality go over three years: what the tests of trends look at.

use chrono::{Datelike, NaiveDate, Weekday};

use crate::calendar::Month;
use crate::calendar::holidays::is_day_off;
use crate::quantity::MICROS;

/// How a meter of a municipality goes over the year (domain rules, §5).
pub(super) struct Shape {
    pub(super) name: &'static str,
    /// What a working day has on average.
    pub(super) daily: i128,
    /// Each month's use in hundredths.
    pub(super) season: [i128; 12],
    /// What a day off has, in hundredths of a working day.
    pub(super) off: i128,
    /// What the level of a day is, in ten thousandths.
    pub(super) level: fn(NaiveDate) -> i128,
    /// How far a day is from what it should be, in hundredths, at most.
    pub(super) noise: i128,
}

const FLAT: [i128; 12] = [100; 12];

fn steady(_: NaiveDate) -> i128 {
    10_000
}

/// +1.1 % a month.
fn storage(day: NaiveDate) -> i128 {
    let months = Month::of(day).index() - 2020 * 12;
    (0..months).fold(10_000, |level, _| level * 1_011 / 1_000)
}

/// −6 % in the middle of June, +7 % in the middle of August.
fn pupils(day: NaiveDate) -> i128 {
    match (day.month(), day.day()) {
        (6, 16..) | (7, _) | (8, ..=15) => 9_400,
        _ => 10_058,
    }
}

/// 4,900 of 14,800 are handed in on 16 June and out again on 16 August.
fn replaced(day: NaiveDate) -> i128 {
    if (6, 16) <= (day.month(), day.day()) && (day.month(), day.day()) <= (8, 15) { 6_690 } else { 10_000 }
}

pub(super) const SHAPES: [Shape; 6] = [
    Shape {
        name: "meetings",
        daily: 7_400,
        season: [125, 125, 130, 120, 110, 85, 30, 75, 105, 100, 105, 90],
        off: 8,
        level: steady,
        noise: 10,
    },
    Shape {
        name: "print",
        daily: 105_000,
        season: [100, 110, 120, 110, 120, 80, 20, 100, 120, 110, 120, 90],
        off: 8,
        level: steady,
        noise: 10,
    },
    Shape {
        name: "calls",
        daily: 18_000,
        season: [100, 100, 100, 100, 100, 100, 60, 100, 100, 100, 100, 100],
        off: 8,
        level: steady,
        noise: 10,
    },
    Shape { name: "storage", daily: 285_000, season: FLAT, off: 100, level: storage, noise: 10 },
    Shape { name: "pupils", daily: 21_500, season: FLAT, off: 100, level: pupils, noise: 1 },
    Shape { name: "chromebooks", daily: 14_800, season: FLAT, off: 100, level: replaced, noise: 1 },
];

/// SplitMix64.
pub(super) fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A meter's days of 2020 to 2022; `closed` says whether holidays are days off for it.
pub(super) fn years(shape: &Shape, seed: u64, closed: bool) -> Vec<(NaiveDate, i128)> {
    let mut state = seed;
    let value = |day: NaiveDate| {
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        let off = if closed { is_day_off(day) } else { weekend };
        let part = if off { shape.off } else { 100 };
        let noise = i128::from(next(&mut state) % 20_001) - 10_000;
        let level = shape.daily * MICROS * (shape.level)(day) / 10_000;
        level * part / 100 * shape.season[day.month0() as usize] / 100 * (1_000_000 + shape.noise * noise)
            / 1_000_000
    };
    let days = (2020..=2022).flat_map(|year| (1..=12).filter_map(move |month| Month::new(year, month)));
    let days: Vec<NaiveDate> = days.flat_map(Month::days).collect();
    let values: Vec<i128> = days.iter().copied().map(value).collect();
    days.into_iter().zip(values).collect()
}

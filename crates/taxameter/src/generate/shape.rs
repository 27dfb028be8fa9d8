//! How use rises and falls over the year (domain §5), so that the year still averages what was planned.

use super::days::Days;

/// One, where a level says how a day compares with the year's average.
pub(super) const LEVEL_ONE: i64 = 1_000_000_000;

/// The season of what happens: meetings, pages, calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Season {
    Flat,
    Meetings,
    MeetingsMild,
    Print,
    Calls,
}

impl Season {
    /// How much of the year's use each month has, in hundredths; not yet normalised.
    pub(super) fn weights(self) -> [i64; 12] {
        const MEETINGS: [i64; 12] = [125, 125, 130, 120, 110, 85, 30, 75, 105, 100, 105, 90];
        match self {
            Season::Flat => [100; 12],
            Season::Meetings => MEETINGS,
            Season::MeetingsMild => MEETINGS.map(|weight| (weight + 100) / 2),
            Season::Print => [100, 110, 120, 110, 120, 80, 20, 100, 120, 110, 120, 90],
            Season::Calls => [100, 100, 100, 100, 100, 100, 60, 100, 100, 100, 100, 100],
        }
    }
}

/// How the number of what stands there changes: accounts, gigabytes, devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Growth {
    Steady,
    /// +1.1 % a month.
    Storage,
    /// −6 % in the middle of June (leavers), +7 % in the middle of August.
    Pupils,
    /// ±0.5 % a month, and about 6 % summer temps from June to August.
    Staff,
}

/// A day's share of a working week's use: little happens at weekends.
pub(super) fn day_weight(weekend: bool) -> i64 {
    if weekend { 8 } else { 100 }
}

/// The level of every day of the year, [`LEVEL_ONE`] on average: of each month over its days, then over the months.
pub(super) fn levels(growth: Growth, days: &Days) -> Vec<i64> {
    let raw: Vec<i64> = (0..12).flat_map(|month| month_levels(growth, month, days)).collect();
    // The mean of the months' means, times 10¹² and 12: exact enough that no rounding is ever seen.
    let total: i128 = (0..12)
        .map(|month| {
            let range = days.month(month);
            let count = range.len() as i128;
            raw[range].iter().map(|level| i128::from(*level)).sum::<i128>() * 1_000_000_000_000 / count
        })
        .sum();
    let scaled = |level: i64| i128::from(level) * i128::from(LEVEL_ONE) * 12 * 1_000_000_000_000 / total;
    raw.into_iter().map(|level| i64::try_from(scaled(level)).unwrap_or(LEVEL_ONE)).collect()
}

/// A month's daily levels in millionths, not yet normalised.
fn month_levels(growth: Growth, month: usize, days: &Days) -> Vec<i64> {
    const ONE: i64 = 1_000_000;
    let range = days.month(month);
    let first = range.start;
    let length = range.len() as i64;
    range
        .map(|at| {
            let after = |m: u32, d: u32| at >= days.index(m, d);
            match growth {
                Growth::Steady => ONE,
                Growth::Storage => {
                    let start = (0..month).fold(ONE, |level, _| level * 1011 / 1000);
                    start + start * 11 / 1000 * (at - first) as i64 / length
                }
                Growth::Pupils if after(8, 16) => ONE * 94 / 100 * 107 / 100,
                Growth::Pupils if after(6, 16) => ONE * 94 / 100,
                Growth::Pupils => ONE,
                Growth::Staff => {
                    let drift = [0, 5, 10, 5, 10, 5, 0, -5, 0, 5, 10, 5][month] * ONE / 1000;
                    let temps = if after(6, 7) && !after(8, 23) { ONE * 6 / 100 } else { 0 };
                    ONE + drift + temps
                }
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_growth_averages_what_was_planned() {
        for year in [2021, 2024] {
            let days = Days::of(year);
            for growth in [Growth::Steady, Growth::Storage, Growth::Pupils, Growth::Staff] {
                let levels = levels(growth, &days);
                let mean: i64 = (0..12)
                    .map(|m| levels[days.month(m)].iter().sum::<i64>() / days.month(m).len() as i64)
                    .sum::<i64>()
                    / 12;
                assert!((mean - LEVEL_ONE).abs() < 100, "{year} {growth:?}: {mean}");
            }
        }
    }

    #[test]
    fn storage_grows_by_eleven_in_a_thousand_a_month() {
        let days = Days::of(2021);
        let levels = levels(Growth::Storage, &days);
        let (january, december) = (levels[days.index(1, 1)], levels[days.index(12, 1)]);
        assert!((december * 1000 / january - 1127).abs() <= 1, "{january} {december}");
    }
}

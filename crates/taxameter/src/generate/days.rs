//! The days of the generated year as Swedish clocks show them, worked out once.

use chrono::{Datelike, NaiveDate, Offset, TimeZone, Weekday};
use chrono_tz::Europe::Stockholm;
use domain::calendar::{Month, next_day, start_of_day};

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// One Swedish day.
#[derive(Debug)]
pub(super) struct Day {
    pub(super) date: NaiveDate,
    /// Its first instant, in microseconds.
    pub(super) start: i64,
    /// The month's index, 0 for January; the days after the year's end belong to no generated month.
    pub(super) month: usize,
    pub(super) weekend: bool,
    /// `2021-01-15`.
    pub(super) text: String,
    offset: i64,
    /// When the clocks change within the day, and the offset from then on.
    change: Option<(i64, i64)>,
}

/// A whole year of days, and a few after it, because some polls look back at yesterday.
#[derive(Debug)]
pub(super) struct Days {
    days: Vec<Day>,
    firsts: Vec<usize>,
}

impl Days {
    pub(super) fn of(year: i32) -> Self {
        let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or(NaiveDate::MIN);
        let days: Vec<Day> = first
            .iter_days()
            .take_while(|day| day.year() == year || day.ordinal() <= 3)
            .map(Day::of)
            .collect();
        let firsts =
            days.iter().enumerate().filter(|(_, day)| day.date.day() == 1).map(|(at, _)| at).collect();
        Self { days, firsts }
    }

    pub(super) fn day(&self, at: usize) -> &Day {
        &self.days[at]
    }

    /// The indices of a month's days; 0 is January.
    pub(super) fn month(&self, month: usize) -> std::ops::Range<usize> {
        self.firsts[month]..self.firsts[month + 1]
    }

    /// The index of a date within the year.
    pub(super) fn index(&self, month: u32, day: u32) -> usize {
        self.firsts[month as usize - 1] + day as usize - 1
    }

    /// Writes an instant as RFC 3339 with Swedish offset. `near` is its own day or the one before.
    pub(super) fn write_time(&self, near: usize, time: i64, out: &mut Vec<u8>) {
        let at = if self.days.get(near + 1).is_some_and(|next| time >= next.start) { near + 1 } else { near };
        let day = &self.days[at];
        let offset =
            day.change.map_or(day.offset, |(from, after)| if time >= from { after } else { day.offset });
        let clock = (time.div_euclid(SECOND) + offset).rem_euclid(86_400);
        out.extend_from_slice(day.text.as_bytes());
        out.push(b'T');
        let two = |n: i64| [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        out.extend_from_slice(&two(clock / 3600));
        out.push(b':');
        out.extend_from_slice(&two(clock / 60 % 60));
        out.push(b':');
        out.extend_from_slice(&two(clock % 60));
        out.push(b'+');
        out.extend_from_slice(&two(offset / 3600));
        out.extend_from_slice(b":00");
    }
}

impl Day {
    fn of(date: NaiveDate) -> Self {
        let start = start_of_day(date).micros();
        let end = start_of_day(next_day(date)).micros();
        let offset = offset_at(start);
        let change =
            (start..end).step_by(HOUR as usize).map(|at| (at, offset_at(at))).find(|(_, now)| *now != offset);
        Self {
            date,
            start,
            month: Month::of(date).number() as usize - 1,
            weekend: matches!(date.weekday(), Weekday::Sat | Weekday::Sun),
            text: date.to_string(),
            offset,
            change,
        }
    }
}

/// Seconds east of Greenwich. Sweden's offset has been whole hours since 1900.
fn offset_at(micros: i64) -> i64 {
    let utc = domain::Instant::from_micros(micros).to_utc().naive_utc();
    i64::from(Stockholm.offset_from_utc_datetime(&utc).fix().local_minus_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_the_offset_of_their_hour() {
        let days = Days::of(2021);
        let cases = [
            ((3, 28), 0, "2021-03-28T00:00:00+01:00"),
            ((3, 28), 2 * HOUR - SECOND, "2021-03-28T01:59:59+01:00"),
            ((3, 28), 2 * HOUR, "2021-03-28T03:00:00+02:00"),
            ((10, 31), 2 * HOUR, "2021-10-31T02:00:00+02:00"),
            ((10, 31), 3 * HOUR, "2021-10-31T02:00:00+01:00"),
            ((10, 31), 25 * HOUR, "2021-11-01T00:00:00+01:00"),
            ((12, 31), 24 * HOUR + 10 * MINUTE, "2022-01-01T00:10:00+01:00"),
        ];
        for ((month, day), after, want) in cases {
            let at = days.index(month, day);
            let mut out = Vec::new();
            days.write_time(at, days.day(at).start + after, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want);
            let read = domain::Instant::parse_rfc3339(want).unwrap();
            assert_eq!(read.micros(), days.day(at).start + after);
        }
        assert_eq!(Days::of(2024).month(1).len(), 29);
    }
}

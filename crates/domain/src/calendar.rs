//! Swedish time: the one place that decides the day and the month of an instant.

pub mod holidays;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeZone, Timelike, Utc};
use chrono_tz::Europe::Stockholm;

/// An instant, in whole microseconds since 1970-01-01T00:00:00Z. Finer fractions are cut off when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(i64);

/// 9999-12-31T22:59:59.999999Z: an hour later it is the year 10000 in Sweden, which RFC 3339 cannot write.
const WRITABLE_MICROS_MAX: i64 = 253_402_297_199_999_999;

impl Instant {
    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// From a chrono instant; anything finer than a microsecond is cut off.
    pub fn from_utc(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_micros())
    }

    /// As a chrono instant. The range of [`Instant`]s that events may have (years 1970 to 9999) always fits; what does
    /// not is clamped to the nearest end.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }

    /// Reads RFC 3339 with an offset, as CloudEvents 1.0 §3.1 wants `time`; from 1970 up to the end of the Swedish year
    /// 9999, so that it can be written again in UTC, and its day too.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let micros = DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros();
        (0..=WRITABLE_MICROS_MAX).contains(&micros).then_some(Self(micros))
    }

    /// The Swedish calendar day of this instant.
    pub fn day(self) -> NaiveDate {
        self.to_utc().with_timezone(&Stockholm).date_naive()
    }

    /// The Swedish calendar month of this instant.
    pub fn month(self) -> Month {
        Month::of(self.day())
    }
}

impl fmt::Display for Instant {
    /// RFC 3339 in UTC, with as many decimals as it needs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let utc = self.to_utc();
        let digits =
            if utc.nanosecond() == 0 { chrono::SecondsFormat::Secs } else { chrono::SecondsFormat::Micros };
        f.write_str(&utc.to_rfc3339_opts(digits, true))
    }
}

/// The first instant of a Swedish calendar day. Sweden never skips midnight, so it always exists.
pub fn start_of_day(day: NaiveDate) -> Instant {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    match Stockholm.from_local_datetime(&midnight).earliest() {
        Some(time) => Instant(time.timestamp_micros()),
        None => unreachable!("Sweden changes its clocks at 02:00 and 03:00, never at midnight"),
    }
}

/// The instant of a Swedish wall-clock time. None when clocks skip it in March or show it twice in October.
pub fn from_local(time: chrono::NaiveDateTime) -> Option<Instant> {
    Stockholm.from_local_datetime(&time).single().map(|time| Instant(time.timestamp_micros()))
}

/// The day after, within chrono's range.
pub fn next_day(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX)
}

/// A calendar month in Europe/Stockholm: what a price is valid for, what is billed and what is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    month: u32,
}

impl Month {
    /// The month with this number (1 to 12) of a year between 1970 and 9999.
    pub fn new(year: i32, month: u32) -> Option<Self> {
        ((1970..=9999).contains(&year) && (1..=12).contains(&month)).then_some(Self { year, month })
    }

    /// The month that a day lies in.
    pub fn of(day: NaiveDate) -> Self {
        Self { year: day.year(), month: day.month() }
    }

    /// The calendar year.
    pub const fn year(self) -> i32 {
        self.year
    }

    /// 1 to 12.
    pub const fn number(self) -> u32 {
        self.month
    }

    /// Its first day.
    pub fn first_day(self) -> NaiveDate {
        NaiveDate::from_ymd_opt(self.year, self.month, 1).unwrap_or(NaiveDate::MAX)
    }

    /// Its last day.
    pub fn last_day(self) -> NaiveDate {
        self.next().first_day().pred_opt().unwrap_or(NaiveDate::MIN)
    }

    /// Its days, in order.
    pub fn days(self) -> impl Iterator<Item = NaiveDate> {
        self.first_day().iter_days().take_while(move |day| Month::of(*day) == self)
    }

    /// How many days it has: the divisor of daily averages, whatever the clocks do.
    pub fn day_count(self) -> u32 {
        self.last_day().day()
    }

    /// Its first instant.
    pub fn start(self) -> Instant {
        start_of_day(self.first_day())
    }

    /// The first instant after it.
    pub fn end(self) -> Instant {
        self.next().start()
    }

    /// How long it is, in microseconds: the divisor of averages over time. March has 743 hours and October 745.
    pub fn micros(self) -> i64 {
        self.end().micros() - self.start().micros()
    }

    /// The month after.
    #[must_use]
    pub fn next(self) -> Self {
        self.plus(1)
    }

    /// The month before.
    #[must_use]
    pub fn previous(self) -> Self {
        self.plus(-1)
    }

    /// The month that many months later (earlier, when negative).
    #[must_use]
    pub fn plus(self, months: i32) -> Self {
        let index = self.index() + months;
        Self { year: index.div_euclid(12), month: index.rem_euclid(12).unsigned_abs() + 1 }
    }

    /// Months since year 0: consecutive months have consecutive numbers.
    pub const fn index(self) -> i32 {
        self.year * 12 + self.month as i32 - 1
    }

    /// The opposite of [`Month::index`].
    pub fn from_index(index: i32) -> Option<Self> {
        Self::new(index.div_euclid(12), index.rem_euclid(12).unsigned_abs() + 1)
    }

    /// All months from this one to `last`, both included; none when `last` is earlier.
    pub fn through(self, last: Month) -> impl Iterator<Item = Month> {
        (self.index()..=last.index()).filter_map(Month::from_index)
    }
}

impl fmt::Display for Month {
    /// `2021-03`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// Text that is not a month of the form `2021-03`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a month of the form 2021-03")]
pub struct InvalidMonth(pub String);

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidMonth(text.to_owned());
        let (year, month) = text.split_once('-').ok_or_else(invalid)?;
        let digits = |part: &str, n: usize| part.len() == n && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(invalid());
        }
        let year = year.parse().map_err(|_| invalid())?;
        let month = month.parse().map_err(|_| invalid())?;
        Month::new(year, month).ok_or_else(invalid)
    }
}

/// Reads a date of the form `2021-03-31`, and nothing else that chrono would also take.
pub fn parse_day(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() });
    if !shaped {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|day| day.year() >= 1970)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    #[test]
    fn months_of_2021_have_the_hours_of_swedish_clocks() {
        let hours: Vec<i64> =
            month("2021-01").through(month("2021-12")).map(|m| m.micros() / 3_600_000_000).collect();
        assert_eq!(hours, [744, 672, 743, 720, 744, 720, 744, 744, 720, 745, 720, 744]);
    }

    #[test]
    fn an_instant_belongs_to_the_swedish_day_on_both_sides_of_every_edge() {
        let cases = [
            ("2020-12-31T22:59:59.999999Z", "2020-12-31"),
            ("2020-12-31T23:00:00Z", "2021-01-01"),
            ("2021-03-27T22:59:59Z", "2021-03-27"),
            ("2021-03-28T00:59:59Z", "2021-03-28"),
            ("2021-03-28T01:00:00Z", "2021-03-28"),
            ("2021-03-28T21:59:59Z", "2021-03-28"),
            ("2021-03-28T22:00:00Z", "2021-03-29"),
            ("2021-03-31T21:59:59.999999Z", "2021-03-31"),
            ("2021-03-31T22:00:00Z", "2021-04-01"),
            ("2021-10-31T00:30:00Z", "2021-10-31"),
            ("2021-10-31T01:30:00Z", "2021-10-31"),
            ("2021-10-31T22:59:59Z", "2021-10-31"),
            ("2021-10-31T23:00:00Z", "2021-11-01"),
            ("2024-02-28T23:00:00Z", "2024-02-29"),
            ("2024-02-29T22:59:59Z", "2024-02-29"),
            ("2024-02-29T23:00:00Z", "2024-03-01"),
            ("2021-12-31T23:00:00Z", "2022-01-01"),
        ];
        for (instant, day) in cases {
            assert_eq!(Instant::parse_rfc3339(instant).unwrap().day().to_string(), day, "{instant}");
        }
    }

    #[test]
    fn an_instant_that_is_read_can_be_written_and_read_again() {
        for text in ["1970-01-01T01:00:00+01:00", "9999-12-31T23:59:59.999999+01:00", "2016-12-31T23:59:60Z"]
        {
            let instant = Instant::parse_rfc3339(text).unwrap();
            assert_eq!(Instant::parse_rfc3339(&instant.to_string()), Some(instant), "{text}");
            assert!(parse_day(&instant.day().to_string()).is_some(), "{text}");
        }
        for text in ["1970-01-01T00:00:00+01:00", "9999-12-31T23:00:00Z", "9999-12-31T22:59:59-23:59"] {
            assert_eq!(Instant::parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn months_are_a_line_without_gaps() {
        let first = month("2019-11");
        let all: Vec<Month> = first.through(month("2024-03")).collect();
        for pair in all.windows(2) {
            assert_eq!(pair[0].end(), pair[1].start());
            assert_eq!(pair[0].next(), pair[1]);
            assert_eq!(pair[1].previous(), pair[0]);
        }
        assert_eq!(month("2024-02").day_count(), 29);
        assert_eq!(month("2021-02").days().count(), 28);
    }

    #[test]
    fn only_the_plain_form_is_a_month_or_a_day() {
        for wrong in ["2021-13", "2021-0", "2021-1", "21-01", "2021/01", "2021-01-01", "+021-01", ""] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
        for wrong in ["2021-02-29", "2021-2-1", "20210201", "2021-02-01T00:00:00Z", "1969-12-31"] {
            assert_eq!(parse_day(wrong), None, "{wrong}");
        }
        assert_eq!(parse_day("2024-02-29"), NaiveDate::from_ymd_opt(2024, 2, 29));
    }
}

//! Days and months as Swedish clocks count them.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeZone, Utc};
use chrono_tz::Europe::Stockholm;

/// A month: year × 12 + number − 1.
pub(crate) type MonthIndex = i32;

pub(crate) fn day_of(micros: i64) -> NaiveDate {
    let utc: DateTime<Utc> = DateTime::from_timestamp_micros(micros).expect("an instant of these millennia");
    utc.with_timezone(&Stockholm).date_naive()
}

/// The first instant of a day, in microseconds.
pub(crate) fn start(day: NaiveDate) -> i64 {
    let midnight = day.and_hms_opt(0, 0, 0).expect("every day has a midnight");
    Stockholm
        .from_local_datetime(&midnight)
        .single()
        .expect("clocks never change at midnight")
        .timestamp_micros()
}

pub(crate) fn after(day: NaiveDate, days: u64) -> NaiveDate {
    day + Days::new(days)
}

pub(crate) fn month_of(day: NaiveDate) -> MonthIndex {
    day.year() * 12 + day.month0() as i32
}

pub(crate) fn first_day(month: MonthIndex) -> NaiveDate {
    NaiveDate::from_ymd_opt(month.div_euclid(12), month.rem_euclid(12) as u32 + 1, 1)
        .expect("a month's first day")
}

pub(crate) fn days_in(month: MonthIndex) -> i64 {
    (first_day(month + 1) - first_day(month)).num_days()
}

/// The first instant of a month and the first one after it.
pub(crate) fn span(month: MonthIndex) -> (i64, i64) {
    (start(first_day(month)), start(first_day(month + 1)))
}

pub(crate) fn name(month: MonthIndex) -> String {
    first_day(month).format("%Y-%m").to_string()
}

pub(crate) fn months(first: &str, last: &str) -> Vec<MonthIndex> {
    let index = |text: &str| {
        let day =
            NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").expect("a month such as 2021-03");
        month_of(day)
    };
    (index(first)..=index(last)).collect()
}

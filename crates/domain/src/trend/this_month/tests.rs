use proptest::prelude::*;

use super::super::shapes::{SHAPES, years};
use super::*;
use crate::calendar::holidays::is_day_off;
use crate::calendar::parse_day;

fn day(text: &str) -> NaiveDate {
    parse_day(text).unwrap()
}

fn june() -> Month {
    "2021-06".parse().unwrap()
}

/// The days from one to another, as a function has them.
fn days(from: &str, to: &str, value: impl Fn(NaiveDate) -> i128) -> Vec<(NaiveDate, i128)> {
    let last = day(to);
    day(from).iter_days().take_while(|day| *day <= last).map(|day| (day, value(day))).collect()
}

#[test]
fn what_runs_as_it_always_did_is_known_from_the_first_day() {
    let value = |day: NaiveDate| if is_day_off(day) { 80 } else { 1_000 };
    let all = days("2020-06-01", "2021-12-31", value);
    for month in june().through("2021-12".parse().unwrap()) {
        let whole: i128 = month.days().map(value).sum();
        for through in month.days() {
            let found = this_month(month, &all, through, Whole::Sum).unwrap();
            let band = Some(Band { low: whole, high: whole });
            assert_eq!((found.mid, found.band), (whole, band), "{through}");
        }
    }
}

#[test]
fn a_month_goes_on_at_the_pace_that_it_has() {
    let until = |to: &str, value: fn(NaiveDate) -> i128| days("2021-05-01", to, value);
    let first = |day: NaiveDate| Month::of(day) == june() && day <= self::day("2021-06-14");
    assert!(first(day("2021-06-01")) && !first(day("2021-05-31")));
    // Fourteen days of 50 against 100: (700 + 300) / (1,400 + 300) of sixteen days of 100.
    let half = until("2021-06-14", |day| if Month::of(day) == june() { 50 } else { 100 });
    let found = this_month(june(), &half, day("2021-06-14"), Whole::Sum).unwrap();
    assert_eq!(found, ThisMonth { mid: 700 + 941, band: None, days_known: 14, backtests: 0 });
    // Five of them without anything are an outage: the others ran as usual.
    let outage = until("2021-06-14", |day| {
        if (self::day("2021-06-07")..=self::day("2021-06-11")).contains(&day) { 0 } else { 100 }
    });
    assert_eq!(this_month(june(), &outage, day("2021-06-14"), Whole::Sum).unwrap().mid, 900 + 1_600);
    // Before its first day, what is usual; after its last, what it was.
    let none = until("2021-05-31", |_| 100);
    assert_eq!(this_month(june(), &none, day("2021-05-31"), Whole::Sum).unwrap().mid, 3_000);
    let over = until("2021-07-14", |day| if Month::of(day) == june() { 50 } else { 100 });
    let found = this_month(june(), &over, day("2021-07-14"), Whole::Sum).unwrap();
    assert_eq!((found.mid, found.band), (1_500, Some(Band { low: 1_500, high: 1_500 })));
}

#[test]
fn a_mean_goes_on_from_where_it_stands() {
    // 6 % fewer from 16 June on: fifteen days of 100, eight of 94, seven more at (7 × 94 + 300) / (700 + 300).
    let pupils =
        days("2021-05-01", "2021-06-23", |day| if day < self::day("2021-06-16") { 100_000 } else { 94_000 });
    let found = this_month(june(), &pupils, day("2021-06-23"), Whole::Mean).unwrap();
    assert_eq!(found.mid, (1_500_000 + 752_000 + 670_600) / 30);
    let sum = this_month(june(), &pupils, day("2021-06-23"), Whole::Sum).unwrap();
    assert!(sum.mid > found.mid * 30, "a sum's pace is that of all its days");
}

#[test]
fn two_weeks_are_needed_and_five_months_for_a_band() {
    let found =
        |from: &str| this_month(june(), &days(from, "2021-06-10", |_| 100), day("2021-06-10"), Whole::Sum);
    assert_eq!(found("2021-05-19"), None);
    assert_eq!(found("2021-05-18").unwrap().mid, 3_000);
    // January is the first with two weeks before it, so that five months are tried.
    assert_eq!(found("2020-12-19").map(|found| (found.backtests, found.band)), Some((4, None)));
    let band = Some(Band { low: 3_000, high: 3_000 });
    assert_eq!(found("2020-12-18").map(|found| (found.backtests, found.band)), Some((5, band)));
}

#[test]
fn the_band_is_what_earlier_months_would_have_been_wrong_by() {
    // Every month has 100 a day but for its last ten days, which have 150 from January to May.
    let late = |day: NaiveDate| {
        let left = day < self::day("2021-06-01") && day > self::day("2021-01-01");
        if left && Month::of(day).last_day().signed_duration_since(day).num_days() < 10 { 150 } else { 100 }
    };
    let all = days("2020-01-01", "2021-06-20", late);
    let found = this_month(june(), &all, day("2021-06-20"), Whole::Sum).unwrap();
    assert_eq!(found.backtests, 12);
    assert_eq!(found.mid, 3_000);
    // Seven of twelve were right, five expected about 3,000 of 3,500: four in five were off by up to a sixth.
    let band = found.band.unwrap();
    assert!((450..=560).contains(&(band.high - found.mid)), "{band:?}");
    assert_eq!(band.low, found.mid - (band.high - found.mid));
}

#[test]
fn a_band_never_goes_below_what_is_there_already() {
    // Every earlier month's last ten days had five times as much as was expected of them.
    let late = |day: NaiveDate| {
        let left = Month::of(day).last_day().signed_duration_since(day).num_days();
        if day < self::day("2021-06-01") && left < 10 { 500 } else { 100 }
    };
    let all = days("2020-01-01", "2021-06-20", late);
    let found = this_month(june(), &all, day("2021-06-20"), Whole::Sum).unwrap();
    assert_eq!(found.mid, 3_000);
    let band = found.band.unwrap();
    assert_eq!(band.low, 2_000, "twenty days of 100");
    assert!((6_000..=7_000).contains(&band.high), "{band:?}");
}

#[test]
fn bands_hold_about_as_often_as_they_promise() {
    for (at, whole) in [(0, Whole::Sum), (2, Whole::Sum), (3, Whole::Mean), (4, Whole::Mean)] {
        let shape = &SHAPES[at];
        let (mut inside, mut all, mut off) = (0, 0, 0);
        for seed in 1..=10 {
            let days = years(shape, seed, true);
            let first: Month = "2021-01".parse().unwrap();
            for month in first.through("2022-12".parse().unwrap()) {
                let found = this_month(month, &days, month.days().nth(14).unwrap(), whole).unwrap();
                let sum: i128 =
                    days.iter().filter(|(day, _)| Month::of(*day) == month).map(|(_, value)| value).sum();
                let actual = match whole {
                    Whole::Sum => sum,
                    Whole::Mean => div_half_away(sum, i128::from(month.day_count())),
                };
                let band = found.band.unwrap();
                inside += i128::from((band.low..=band.high).contains(&actual));
                off += relative_error(actual, found.mid);
                all += 1;
            }
        }
        let percent = inside * 100 / all;
        println!("{}: {percent} % of {all} inside, off by {} ‰", shape.name, off * 1_000 / ONE / all);
        assert!((65..=95).contains(&percent), "{}: {percent} %", shape.name);
    }
}

proptest! {
    #[test]
    fn which_of_the_same_weekdays_had_what_does_not_matter(
        values in prop::collection::vec(0_i128..1_000, 56),
        turn in 0_usize..8,
    ) {
        // Eight weeks without a holiday before 1 November, turned by whole weeks.
        let october: Month = "2021-11".parse().unwrap();
        let with = |turn: usize| -> Vec<(NaiveDate, i128)> {
            let all = days("2021-09-06", "2021-10-31", |_| 0).into_iter().map(|(day, _)| day);
            all.enumerate().map(|(at, day)| (day, values[(at + 7 * turn) % 56])).collect()
        };
        let through = day("2021-10-31");
        prop_assert_eq!(
            this_month(october, &with(0), through, Whole::Sum),
            this_month(october, &with(turn), through, Whole::Sum)
        );
    }

    #[test]
    fn the_unit_does_not_matter(
        values in prop::collection::vec(0_i128..100_000, 120),
        unit in 1_i128..1_000_000_000,
    ) {
        let all: Vec<_> = days("2021-02-10", "2021-06-09", |_| 0).into_iter().map(|(day, _)| day).zip(values).collect();
        let scaled: Vec<_> = all.iter().map(|(day, value)| (*day, value * unit)).collect();
        let found = |days: &[(NaiveDate, i128)]| this_month(june(), days, day("2021-06-09"), Whole::Sum).unwrap().mid;
        prop_assert!((found(&all) * unit - found(&scaled)).abs() <= 30 * unit);
    }
}

use std::ops::RangeInclusive;

use chrono::Datelike;
use proptest::prelude::*;

use super::super::shapes::{SHAPES, Shape, next, years};
use super::*;
use crate::calendar::holidays::is_day_off;
use crate::calendar::parse_day;
use crate::quantity::MICROS;

fn day(text: &str) -> NaiveDate {
    parse_day(text).unwrap()
}

fn span(days: RangeInclusive<&str>) -> Vec<NaiveDate> {
    let last = day(days.end());
    day(days.start()).iter_days().take_while(|day| *day <= last).collect()
}

/// 1,000 on working days, 80 on days off.
fn plain(day: NaiveDate) -> i128 {
    if is_day_off(day) { 80 } else { 1_000 }
}

/// What is found in a spring, some days of which are changed: the first and last day, the kind, what was expected.
fn found(changed: &[(RangeInclusive<&str>, i128)]) -> Vec<(String, String, Unusual, i128)> {
    let mut days: BTreeMap<NaiveDate, i128> =
        span("2021-01-11"..="2021-05-31").into_iter().map(|day| (day, plain(day))).collect();
    for (range, value) in changed {
        for day in span(range.clone()) {
            days.insert(day, *value);
        }
    }
    let days: Vec<_> = days.into_iter().collect();
    let found = anomalies(&days, day("2021-05-31"), Limits::usual(10));
    found.iter().map(|a| (a.first.to_string(), a.last.to_string(), a.kind, a.expected)).collect()
}

#[test]
fn what_stands_out_is_found_and_nothing_else() {
    type Case<'a> = (&'a [(RangeInclusive<&'a str>, i128)], &'a [(&'a str, &'a str, Unusual, i128)]);
    use Unusual::{High, Low, Silence};
    let cases: &[Case<'_>] = &[
        (&[], &[]),
        // A Wednesday: 31 % is within 3.5 × 6 % / 0.6745, 32 % is not.
        (&[("2021-03-03"..="2021-03-03", 1_310)], &[]),
        (&[("2021-03-03"..="2021-03-03", 1_320)], &[("2021-03-03", "2021-03-03", High, 1_000)]),
        (&[("2021-03-03"..="2021-03-03", 680)], &[("2021-03-03", "2021-03-03", Low, 1_000)]),
        // A Sunday that works.
        (&[("2021-03-07"..="2021-03-07", 1_000)], &[("2021-03-07", "2021-03-07", High, 80)]),
        // Five days over a weekend are one silence; what a collector sent late is low.
        (&[("2021-03-04"..="2021-03-08", 0)], &[("2021-03-04", "2021-03-08", Silence, 3_160)]),
        (
            &[("2021-03-04"..="2021-03-05", 0), ("2021-03-08"..="2021-03-08", 300)],
            &[("2021-03-04", "2021-03-05", Silence, 2_000), ("2021-03-08", "2021-03-08", Low, 1_000)],
        ),
        // Two silences apart.
        (
            &[("2021-02-04"..="2021-02-05", 0), ("2021-04-12"..="2021-04-16", 0)],
            &[("2021-02-04", "2021-02-05", Silence, 2_000), ("2021-04-12", "2021-04-16", Silence, 5_000)],
        ),
        // A new level that stays, and one for a month.
        (&[("2021-03-10"..="2021-05-31", 2_500)], &[]),
        (&[("2021-03-01"..="2021-03-31", 300)], &[]),
        // Twenty-eight days are a long silence, twenty-nine are a level.
        (&[("2021-02-22"..="2021-03-21", 0)], &[("2021-02-22", "2021-03-21", Silence, 20_640)]),
        (&[("2021-02-22"..="2021-03-22", 0)], &[]),
        // Good Friday like a working day, like a Sunday, and between; beyond both it is reported.
        (&[("2021-04-02"..="2021-04-02", 1_000)], &[]),
        (&[("2021-04-02"..="2021-04-02", 400)], &[]),
        (&[("2021-04-02"..="2021-04-02", 2_000)], &[("2021-04-02", "2021-04-02", High, 1_000)]),
        (&[("2021-04-02"..="2021-04-02", 0)], &[("2021-04-02", "2021-04-02", Silence, 80)]),
        // The Friday after Ascension Day may be thin.
        (&[("2021-05-14"..="2021-05-14", 300)], &[]),
    ];
    for (changed, expected) in cases {
        let expected: Vec<_> = expected
            .iter()
            .map(|(a, b, kind, usual)| (a.to_string(), b.to_string(), *kind, *usual))
            .collect();
        assert_eq!(found(changed), expected, "{changed:?}");
    }
}

#[test]
fn weekends_that_are_always_empty_are_bridged_but_never_reported() {
    let days: Vec<_> = span("2021-01-11"..="2021-03-31")
        .into_iter()
        .filter(|day| !is_day_off(*day) && !span("2021-02-18"..="2021-02-23").contains(day))
        .map(|day| (day, 500))
        .collect();
    let found = anomalies(&days, day("2021-03-31"), Limits::usual(10));
    assert_eq!(
        found,
        [Anomaly {
            first: day("2021-02-18"),
            last: day("2021-02-23"),
            value: 0,
            expected: 2_000,
            kind: Unusual::Silence,
            provisional: false,
        }]
    );
}

#[test]
fn a_meter_that_comes_and_goes_is_never_reported() {
    // One robot that works every other day, or when there is something to do.
    for every in [2, 3, 5] {
        let days: Vec<_> = span("2021-01-11"..="2021-05-31")
            .into_iter()
            .enumerate()
            .filter(|(n, _)| (n * 7 + n / 11).is_multiple_of(every))
            .map(|(_, day)| (day, 14))
            .collect();
        assert_eq!(anomalies(&days, day("2021-05-31"), Limits::usual(10)), [], "{every}");
    }
}

#[test]
fn a_rare_meter_is_not_reported_each_day_that_it_runs() {
    // One run every six weeks, on a Wednesday: seldom enough that it does not come and go.
    let days: Vec<_> =
        span("2021-01-13"..="2021-11-30").into_iter().step_by(42).map(|day| (day, 14)).collect();
    assert!(days.len() > 6);
    assert_eq!(anomalies(&days, day("2021-11-30"), Limits::usual(10)), []);
    // Nor is the one Sunday of a meter that only runs on working days.
    let mut days: Vec<_> = span("2021-01-11"..="2021-03-31")
        .into_iter()
        .filter(|day| !is_day_off(*day))
        .map(|day| (day, 500))
        .collect();
    days.push((day("2021-02-14"), 500));
    assert_eq!(anomalies(&days, day("2021-03-31"), Limits::usual(10)), []);
}

#[test]
fn what_may_become_a_level_is_reported_for_two_days_at_most() {
    let step = |through: &str| {
        let value = |day: NaiveDate| if day < self::day("2021-03-10") { 1_000 } else { 2_000 };
        let days: Vec<_> = span("2021-01-11"..=through).into_iter().map(|day| (day, value(day))).collect();
        let found = anomalies(&days, day(through), Limits::usual(10));
        found.into_iter().map(|a| (a.first.day(), a.provisional)).collect::<Vec<_>>()
    };
    assert_eq!(step("2021-03-10"), [(10, true)]);
    assert_eq!(step("2021-03-11"), [(10, true), (11, true)]);
    // Three days alike are a new level.
    assert_eq!(step("2021-03-12"), []);
    assert_eq!(step("2021-04-30"), []);
    // An outage that still lasts.
    let days: Vec<_> = span("2021-01-11"..="2021-03-01").into_iter().map(|day| (day, 9_000)).collect();
    let found = anomalies(&days, day("2021-03-03"), Limits::usual(10));
    let [silence] = found[..] else { panic!("{found:?}") };
    assert_eq!(
        (silence.first, silence.last, silence.provisional),
        (day("2021-03-02"), day("2021-03-03"), true)
    );
}

#[test]
fn too_little_is_never_reported() {
    let few = |value: i128| {
        let days: Vec<_> = span("2021-01-11"..="2021-03-31").into_iter().map(|day| (day, value)).collect();
        days.into_iter().filter(|(day, _)| *day != self::day("2021-02-10")).collect::<Vec<_>>()
    };
    assert_eq!(anomalies(&few(9), day("2021-03-31"), Limits::usual(10)), []);
    assert_eq!(anomalies(&few(10), day("2021-03-31"), Limits::usual(10)).len(), 1);
    assert_eq!(anomalies(&[], day("2021-03-31"), Limits::usual(10)), []);
    // Two weeks are no history.
    let days: Vec<_> = span("2021-03-18"..="2021-03-31").into_iter().map(plain).collect();
    let days: Vec<_> = span("2021-03-18"..="2021-03-31").into_iter().zip(days).collect();
    assert_eq!(anomalies(&days[..13], day("2021-03-31"), Limits::usual(10)), []);
}

const OUTAGES: [RangeInclusive<&str>; 2] = ["2021-02-16"..="2021-02-17", "2021-10-11"..="2021-10-15"];

/// What is found in a meter's years up to a day, when the days of its outages are left out.
fn found_in(shape: &Shape, seed: u64, closed: bool, out: &[NaiveDate], through: NaiveDate) -> Vec<Anomaly> {
    let mut days = years(shape, seed, closed);
    days.retain(|(day, _)| !out.contains(day));
    anomalies(&days, through, Limits::usual(10 * MICROS))
}

/// Every shape, for those who are closed on holidays and for those who are not.
fn shapes() -> impl Iterator<Item = (&'static Shape, bool)> {
    SHAPES.iter().flat_map(|shape| [(shape, true), (shape, false)])
}

#[test]
fn outages_are_found_wherever_they_fall() {
    let mut state = 7;
    for (shape, closed) in shapes() {
        for seed in 1..=40 {
            let mut outage = |from: &str, length: usize| -> Vec<NaiveDate> {
                day(from).iter_days().skip((next(&mut state) % 180) as usize).take(length).collect()
            };
            let (two, five) = (outage("2021-01-01", 2), outage("2021-07-02", 5));
            let out = [two.clone(), five.clone()].concat();
            let found = found_in(shape, seed, closed, &out, day("2022-12-31"));
            let settled: Vec<_> =
                found.iter().filter(|a| !a.provisional).map(|a| (a.kind, a.first, a.last)).collect();
            let injected = [&two, &five].map(|days| (Unusual::Silence, days[0], days[days.len() - 1]));
            assert_eq!(settled, injected, "{}, seed {seed}, {closed}", shape.name);
        }
    }
}

#[test]
fn three_years_of_a_municipality_show_their_outages_and_nothing_else() {
    let injected = OUTAGES.map(|outage| (day(outage.start()), day(outage.end())));
    let out: Vec<NaiveDate> = OUTAGES.iter().cloned().flat_map(span).collect();
    for (shape, closed) in shapes() {
        for seed in 1..=20 {
            let found = found_in(shape, seed, closed, &out, day("2022-12-31"));
            let settled: Vec<_> = found.into_iter().filter(|anomaly| !anomaly.provisional).collect();
            let silent: Vec<_> = settled.iter().map(|anomaly| (anomaly.first, anomaly.last)).collect();
            assert_eq!(silent, injected, "{}, seed {seed}, {closed}: {settled:#?}", shape.name);
            assert!(settled.iter().all(|anomaly| anomaly.kind == Unusual::Silence), "{settled:#?}");
        }
    }
}

#[test]
fn who_looks_twice_a_month_seldom_sees_what_is_withdrawn_later() {
    let (mut looks, mut reports) = (0, 0);
    for (shape, seed) in SHAPES.iter().flat_map(|shape| (1..=6).map(move |seed| (shape, seed))) {
        for now in span("2021-01-01"..="2021-12-31").into_iter().filter(|day| day.day() % 15 == 0) {
            let found = found_in(shape, seed, true, &[], now);
            let provisional = |a: &&Anomaly| a.provisional && a.kind != Unusual::Silence;
            looks += 1;
            reports += found.iter().filter(provisional).count();
        }
    }
    println!("{reports} reports to be withdrawn in {looks} looks");
    assert!(reports * 15 <= looks, "{reports} in {looks}");
}

#[test]
fn a_noisy_meter_is_seldom_reported() {
    // About normal, by the sum of twelve: a standard deviation of 15 %, so that one day in twenty is 30 % off.
    let off = |state: &mut u64| (0..12).map(|_| i128::from(next(state) % 1_001)).sum::<i128>() - 6_000;
    let mut reports = 0;
    for shape in &SHAPES[..3] {
        let exact = Shape { noise: 0, ..*shape };
        for seed in 1..=10 {
            let mut state = seed;
            let days: Vec<_> = years(&exact, seed, true)
                .into_iter()
                .map(|(day, value)| (day, value * (100_000 + 15 * off(&mut state)) / 100_000))
                .collect();
            let found = anomalies(&days, day("2022-12-31"), Limits::usual(10 * MICROS));
            reports += found.iter().filter(|anomaly| !anomaly.provisional).count();
        }
    }
    assert!(reports <= 3, "{reports} in 90 years");
}

#[test]
fn a_season_known_from_last_year_is_no_news() {
    let july = |through: &str| {
        let found = found_in(&SHAPES[0], 1, true, &[], day(through));
        found.into_iter().filter(|anomaly| anomaly.provisional).map(|a| a.kind).collect::<Vec<_>>()
    };
    assert_eq!(july("2020-07-01"), [Unusual::Low]);
    assert_eq!(july("2021-07-01"), []);
}

proptest! {
    #[test]
    fn neither_order_nor_unit_matters(
        values in prop::collection::vec(0_i128..2_000, 80),
        seed in any::<u64>(),
        unit in 1_i128..1_000_000_000,
    ) {
        // Fourfold, so that no median and no deviation is a fraction.
        let days: Vec<_> =
            span("2021-01-11"..="2021-03-31").into_iter().zip(values).map(|(day, value)| (day, value * 4)).collect();
        let limits = |unit: i128| Limits { deviation_permille: 0, ..Limits::usual(40 * unit) };
        let found = anomalies(&days, day("2021-03-31"), limits(1));
        let mut shuffled: Vec<_> = days.iter().map(|(day, value)| (*day, value * unit)).collect();
        let mut state = seed;
        for at in (1..shuffled.len()).rev() {
            let other = next(&mut state) as usize % (at + 1);
            shuffled.swap(at, other);
        }
        let scaled = found.into_iter().map(|a| Anomaly { value: a.value * unit, expected: a.expected * unit, ..a });
        prop_assert_eq!(
            anomalies(&shuffled, day("2021-03-31"), limits(unit)),
            scaled.collect::<Vec<_>>()
        );
    }
}

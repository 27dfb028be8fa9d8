use proptest::prelude::*;

use super::super::shapes::next;
use super::*;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

/// Months from January 2019 on; none where one is unknown.
fn months(values: &[Option<i128>]) -> Vec<(Month, i128)> {
    let all = (month("2019-01").index()..).filter_map(Month::from_index).zip(values);
    all.filter_map(|(month, value)| Some((month, (*value)?))).collect()
}

fn known(values: &[i128]) -> Vec<(Month, i128)> {
    months(&values.iter().copied().map(Some).collect::<Vec<_>>())
}

/// The method and what is expected.
fn mids(history: &[(Month, i128)], ahead: usize) -> Option<(Method, Vec<i128>)> {
    forecast(history, ahead).map(|f| (f.method, f.months.iter().map(|month| month.mid).collect()))
}

/// A year of meetings (domain rules, §5).
const YEAR: [i128; 12] = [1_250, 1_250, 1_300, 1_200, 1_100, 850, 300, 750, 1_050, 1_000, 1_050, 900];

/// Years of meetings, each so many percent of the first.
fn years(percent: &[i128]) -> Vec<i128> {
    percent.iter().flat_map(|percent| YEAR.map(|value| value * percent / 100)).collect()
}

#[test]
fn without_a_year_the_median_follows_a_damped_slope() {
    for (history, expected) in [
        (&[10, 20][..], None),
        // The median 20 stands in month 2, a step of 10 before the last: 20 + 10 × (1 + 0.8), then + 10 × 0.64.
        (&[10, 20, 30], Some([38, 44])),
        (&[30, 20, 10], Some([2, 0])),
        (&[500, 500, 500, 500], Some([500, 500])),
        // One bad month decides nothing, wherever it is.
        (&[500, 500, 500, 0, 500, 500], Some([500, 500])),
        (&[500, 500, 500, 500, 500, 0], Some([500, 500])),
        (&[500, 500, 500, 500, 9_000, 500], Some([500, 500])),
        (&[-10, -20, -30], Some([-38, -44])),
    ] {
        let expected = expected.map(|mids| (Method::DampedTrend, mids.to_vec()));
        assert_eq!(mids(&known(history), 2), expected, "{history:?}");
    }
    // A month that is unknown is not zero: 20 → 40 in two months is 10 a month.
    let holes = months(&[Some(10), Some(20), None, Some(40)]);
    assert_eq!(mids(&holes, 1), Some((Method::DampedTrend, vec![48])));
}

#[test]
fn with_a_year_the_season_repeats_and_grows() {
    let thirteen = years(&[100, 110])[..13].to_vec();
    assert_eq!(mids(&known(&thirteen), 2), Some((Method::Seasonal, vec![1_250, 1_300])));
    let grown = years(&[110, 121]);
    assert_eq!(
        mids(&known(&years(&[100, 110])), 3),
        Some((Method::SeasonalGrowth, vec![1_513, 1_513, 1_573])),
        "1,375 × 1.1 is 1,512.5"
    );
    assert_eq!(mids(&known(&grown[..18]), 1), Some((Method::SeasonalGrowth, vec![363])), "July: 330 × 1.1");
    let three = years(&[100, 110, 121]);
    let (method, twelve) = mids(&known(&three), 12).unwrap();
    assert_eq!(method, Method::SeasonalTwoYears);
    for (expected, actual) in twelve.iter().zip(YEAR) {
        let truth = actual * 1_331 / 1_000;
        assert!((expected - truth).abs() * 500 <= truth, "{expected}, not {truth}");
    }
}

#[test]
fn one_bad_month_moves_a_seasonal_forecast_little() {
    let good = years(&[100, 110]);
    let mut bad = good.clone();
    bad[22] = 0;
    // Ratios of 1.1 five times, and one of 0: their median is 1.1 still.
    assert_eq!(mids(&known(&bad), 6), mids(&known(&good), 6));
    // What grew a hundredfold is expected to double.
    let sudden = years(&[1, 100]);
    assert_eq!(mids(&known(&sudden), 1), Some((Method::SeasonalGrowth, vec![2_500])));
}

#[test]
fn an_unknown_month_last_year_is_taken_from_the_year_before() {
    let mut history: Vec<Option<i128>> = years(&[100, 100, 100]).into_iter().map(Some).collect();
    history[24] = None;
    assert_eq!(mids(&months(&history), 1), Some((Method::SeasonalTwoYears, vec![1_250])));
    let mut history: Vec<Option<i128>> = years(&[100, 100]).into_iter().map(Some).collect();
    history[12] = None;
    assert_eq!(
        mids(&months(&history), 1).unwrap().0,
        Method::SeasonalGrowth,
        "January two years ago is known"
    );
    let mut history: Vec<Option<i128>> = years(&[100, 100])[..20].iter().copied().map(Some).collect();
    history[8] = None;
    assert_eq!(mids(&months(&history), 1).unwrap().0, Method::DampedTrend, "no September is known");
}

#[test]
fn a_band_needs_five_backtests_and_is_what_they_say() {
    let seven = forecast(&known(&[500; 7]), 1).unwrap();
    assert_eq!((seven.backtests, seven.months[0].band), (4, None));
    // One month ahead of three to seven months, 500 is expected; errors of 0, 20, 10, 40 and 30 per cent.
    let varied = known(&[500, 500, 500, 500, 600, 500, 450, 500]);
    let forecast = forecast(&varied, 4).unwrap();
    assert_eq!(forecast.backtests, 5);
    let bands: Vec<_> = forecast.months.iter().map(|month| month.band.unwrap()).collect();
    assert_eq!(forecast.months[0].mid, 500);
    // 0, 100/500, 0, 50/500, 0: four in five are up to 10 %.
    assert_eq!(bands[0], Band { low: 450, high: 550 });
    // Two months ahead only four are known: 10 % × √2.
    assert_eq!(bands[1], Band { low: 429, high: 571 });
    assert_eq!(bands[3], Band { low: 400, high: 600 });
}

#[test]
fn of_whole_units_whole_ones_are_expected_and_of_parts_parts() {
    let mid = |values: &[i128]| forecast_hundredths(&known(values), 1).unwrap().months[0].mid;
    let (whole, parts) = ([1_000, 1_100, 1_100, 1_200], [1_000, 1_100, 1_100, 1_201]);
    assert_ne!(forecast(&known(&whole), 1).unwrap().months[0].mid % 100, 0);
    assert_eq!(mid(&whole) % 100, 0);
    assert_ne!(mid(&parts) % 100, 0);
}

#[test]
fn whole_things_are_expected_whole_and_within_the_band() {
    let month = "2021-01".parse().unwrap();
    let one = |mid, low, high| {
        let months = vec![Expected { month, mid, band: Some(Band { low, high }) }];
        Forecast { method: Method::Seasonal, months, backtests: 5 }
    };
    for (found, want) in [
        (one(1_249, 1_210, 1_301), one(1_200, 1_200, 1_400)),
        (one(1_250, 1_200, 1_300), one(1_300, 1_200, 1_300)),
        (one(-1_250, -1_310, -1_190), one(-1_300, -1_400, -1_100)),
    ] {
        assert_eq!(found.in_steps_of(100), want);
    }
}

#[test]
fn bands_hold_about_as_often_as_they_promise() {
    // Meetings that grow by 4 % a year, each month up to 10 % off; the last twelve months are kept back.
    for (length, (least, most)) in [(20, (55, 95)), (24, (60, 95)), (36, (60, 97)), (48, (60, 97))] {
        let (mut inside, mut all, mut off, mut naive_off) = (0, 0, 0, 0);
        for seed in 1..=300 {
            let mut state = seed;
            let values: Vec<i128> = (0..length + 6)
                .map(|at: usize| {
                    let grown = YEAR[at % 12] * 1_000 * (1_000 + 40 * (at as i128 / 12)) / 1_000;
                    grown * (90_000 + i128::from(next(&mut state) % 20_001)) / 100_000
                })
                .collect();
            let found = forecast(&known(&values[..length]), 6).unwrap();
            for ((expected, actual), year_ago) in
                found.months.iter().zip(&values[length..]).zip(&values[length - 12..])
            {
                let band = expected.band.unwrap();
                inside += usize::from((band.low..=band.high).contains(actual));
                off += relative_error(*actual, expected.mid);
                naive_off += relative_error(*actual, *year_ago);
                all += 1;
            }
        }
        let percent = inside * 100 / all;
        println!(
            "{length} months: {percent} % of {all} inside; off by {} ‰, last year's month by {} ‰",
            off * 1_000 / ONE / all as i128,
            naive_off * 1_000 / ONE / all as i128
        );
        assert!((least..=most).contains(&percent), "{length}: {percent} %");
    }
}

proptest! {
    #[test]
    fn what_never_changes_is_expected_to_stay_for_certain(
        value in -1_000_000_000_000_000_000_000_000_i128..1_000_000_000_000_000_000_000_000,
        length in 3_usize..50,
        holes in prop::collection::btree_set(0_usize..50, 0..5),
        ahead in 1_usize..24,
    ) {
        let history: Vec<_> =
            (0..length).map(|at| (!holes.contains(&at)).then_some(value)).collect();
        let history = months(&history);
        prop_assume!(history.len() >= MONTHS_MIN);
        let forecast = forecast(&history, ahead).unwrap();
        prop_assert_eq!(forecast.months.len(), ahead);
        for (month, at) in forecast.months.iter().zip(history[history.len() - 1].0.index() + 1..) {
            prop_assert_eq!((month.month.index(), month.mid), (at, value));
            let certain = Band { low: value, high: value };
            prop_assert_eq!(month.band, (forecast.backtests >= BACKTESTS_MIN).then_some(certain));
        }
    }

    #[test]
    fn the_unit_does_not_matter_nor_the_order(
        values in prop::collection::vec(0_i128..1_000_000, 3..40),
        unit in 1_i128..1_000_000_000_000,
    ) {
        let one = forecast(&known(&values), 12).unwrap();
        let mut scaled = known(&values.iter().map(|value| value * unit).collect::<Vec<_>>());
        scaled.reverse();
        let other = forecast(&scaled, 12).unwrap();
        prop_assert_eq!((one.method, one.backtests), (other.method, other.backtests));
        for (one, other) in one.months.iter().zip(&other.months) {
            prop_assert!((one.mid * unit - other.mid).abs() <= 2 * unit, "{:?} {:?}", one, other);
        }
    }

    #[test]
    fn bands_hold_the_middle_and_never_narrow(values in prop::collection::vec(0_i128..1_000_000, 3..40)) {
        let forecast = forecast(&known(&values), 12).unwrap();
        let mut widest = 0;
        for month in forecast.months.iter().filter(|month| month.mid > 10_000) {
            prop_assert!(month.mid >= 0);
            let Some(band) = month.band else { continue };
            prop_assert!(0 <= band.low && band.low <= month.mid && month.mid <= band.high);
            let part = (band.high - month.mid) * 10_000 / month.mid;
            prop_assert!(part + 1 >= widest, "{} after {}", part, widest);
            widest = part;
        }
    }
}

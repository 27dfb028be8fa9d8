use super::*;

fn months(first: &str, last: &str) -> Vec<Month> {
    first.parse::<Month>().unwrap().through(last.parse().unwrap()).collect()
}

fn amounts(rows: &[(&str, i128)]) -> BTreeMap<Month, i128> {
    rows.iter().map(|(month, amount)| (month.parse().unwrap(), *amount)).collect()
}

fn year_of(kind: MeterKind, months: &[Month], rows: &[(&str, i128)]) -> Option<String> {
    volume(kind, months, &amounts(rows)).map(|quantity| quantity.to_string())
}

/// Worked by hand. 10 accounts all of January (310 object-days) and 20 all of February.
#[test]
fn a_year_is_what_the_kind_of_its_meter_says() {
    use MeterKind::*;
    let year = months("2021-01", "2021-12");
    let days = [("2021-01", 310_000_000), ("2021-02", 560_000_000)];
    let flat = [("2021-01", 3_000_000), ("2021-02", 5_500_000), ("2021-12", 2_000_000)];
    let cases = [
        // 3 + 5.5 + 2.
        (Sum, &flat[..], Some("10.5")),
        (Count, &flat[..], Some("10.5")),
        // (310 + 560) / 365 = 2.38356164…
        (AvgDaily, &days[..], Some("2.383562")),
        (Fixed, &days[..], Some("2.383562")),
        (Peak, &flat[..], Some("5.5")),
        (Latest, &flat[..], Some("2")),
        (Latest, &flat[..2], Some("0")),
        (Unique, &flat[..], None),
    ];
    for (kind, rows, want) in cases {
        assert_eq!(year_of(kind, &year, rows).as_deref(), want, "{kind:?}");
    }
}

#[test]
fn a_leap_day_weighs_as_every_day() {
    let year = months("2024-01", "2024-12");
    // 366 object-days over 366 days: one object all year, a sum of months' values would be 12.
    let whole: Vec<(Month, i128)> =
        year.iter().map(|month| (*month, i128::from(month.day_count()) * 1_000_000)).collect();
    let whole: BTreeMap<Month, i128> = whole.into_iter().collect();
    assert_eq!(volume(MeterKind::AvgDaily, &year, &whole), Some(Quantity::ONE));
    // One object on 29 February alone: 1/366 = 0.00273224… and never 1/365 = 0.00273973….
    assert_eq!(year_of(MeterKind::AvgDaily, &year, &[("2024-02", 1_000_000)]).as_deref(), Some("0.002732"));
}

#[test]
fn an_average_over_time_has_the_hours_of_the_clocks() {
    let hour = 3_600_000_000_i128 * 1_000_000;
    let spring = months("2021-03", "2021-04");
    // 1 GB for March's 743 hours and 3 GB for April's 720: (743 + 2160) / 1463 = 1.98427887…
    let rows = [("2021-03", 743 * hour), ("2021-04", 2160 * hour)];
    assert_eq!(year_of(MeterKind::TimeWeighted, &spring, &rows).as_deref(), Some("1.984279"));
    let year = months("2021-01", "2021-12");
    // A year has 8760 hours, whatever March and October have.
    let all = [("2021-10", 8760 * hour)];
    assert_eq!(year_of(MeterKind::TimeWeighted, &year, &all).as_deref(), Some("1"));
}

#[test]
fn a_year_that_is_not_over_is_divided_by_the_months_that_there_are() {
    let begun = months("2021-01", "2021-02");
    let rows = [("2021-01", 31_000_000), ("2021-02", 28_000_000)];
    assert_eq!(year_of(MeterKind::AvgDaily, &begun, &rows).as_deref(), Some("1"));
    assert_eq!(volume(MeterKind::Sum, &[], &BTreeMap::new()), None);
    assert_eq!(year_of(MeterKind::Sum, &begun, &[("2021-01", i128::MAX), ("2021-02", 1)]), None);
}

fn money(ore: i64) -> Totals {
    Totals {
        gross: Money::from_ore(ore),
        joint: Money::from_ore(ore / 4),
        net: Money::from_ore(ore - ore / 4),
        surcharge: Money::from_ore(ore / 100),
    }
}

/// A charge as of a fixture of the ratings' tests, billed in a month for the usage of another.
fn charge(month: &str, of: &str, ore: i64) -> Charge {
    let rated = crate::rating::rate(
        &crate::rating::tests::catalogue(),
        "2021-03".parse().unwrap(),
        &[crate::usage::MonthlyUsage {
            month: "2021-03".parse().unwrap(),
            service: "e-moten".to_owned(),
            meter: "participant_hour".to_owned(),
            costcentre: "110200".to_owned(),
            class: String::new(),
            amount: 1_000_000,
        }],
        &[],
    );
    let template = crate::charge::charges(&rated, None).remove(0);
    let Totals { gross, joint, net, surcharge } = money(ore);
    let corrects = (month != of).then(|| of.parse().unwrap());
    Charge { month: month.parse().unwrap(), corrects, gross, joint, net, surcharge, ..template }
}

#[test]
fn corrections_over_the_years_turn_are_told_apart_so_that_both_sums_tie() {
    let charges = [
        charge("2020-12", "2020-12", 1_000),
        charge("2021-01", "2020-12", 200),
        charge("2021-01", "2021-01", 4_000),
        charge("2021-03", "2021-01", -400),
        charge("2022-01", "2021-12", 800),
        charge("2022-01", "2022-01", 1_600),
        charge("2022-01", "2020-12", 100),
    ];
    let mut totals = YearTotals::default();
    for charge in &charges {
        totals.add(2021, charge);
    }
    let want =
        YearTotals { usage: money(4_400), billed: money(3_800), earlier: money(200), later: money(800) };
    assert_eq!(totals, want);
    assert!(totals.ties());
    totals.later = Totals::default();
    assert!(!totals.ties(), "without the corrections the sums differ");
}

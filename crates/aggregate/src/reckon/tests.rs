use domain::{EventKey, Quantity};
use store::rows::Position;

use super::*;

const HOUR: i128 = 3_600_000_000;
const ONE: i128 = 1_000_000;
const PSEUDONYMOUS: &str = "ps_aaaaaaaaaaaaaaaaaaaaaaaaaa";

#[derive(Clone)]
struct Given {
    subject: &'static str,
    time: Instant,
    day: i32,
    id: String,
    seq: u32,
    costcentre: &'static str,
    micros: i128,
    retracted: bool,
}

fn at(text: &str) -> Instant {
    Instant::parse_rfc3339(text).unwrap()
}

fn day(text: &str) -> i32 {
    days_of(text.parse().unwrap())
}

fn reading(subject: &'static str, time: &str, units: i128) -> Given {
    let time = at(time);
    let id = format!("{subject}{time}");
    Given {
        subject,
        time,
        day: days_of(time.day()),
        id,
        seq: 0,
        costcentre: "A",
        micros: units * ONE,
        retracted: false,
    }
}

fn marker(of: &str, time: &str, count: u32) -> Marker {
    Marker { source: "/a".into(), day: day(of), time: at(time), id: of.into(), count, refused: 0 }
}

fn scope(kind: MeterKind, first: &str, last: &str, until: &str) -> Scope {
    let month = |text: &str| text.parse().unwrap();
    let (first, last) = (month(first), month(last));
    Scope { service: "s".into(), meter: "m".into(), kind, hold_days: 31, first, last, until: at(until) }
}

fn reckon(scope: &Scope, markers: &[Marker], mut given: Vec<Given>) -> RevisionRows {
    given.sort_by(|a, b| (a.subject, a.time, &a.id).cmp(&(b.subject, b.time, &b.id)));
    let mut reckoning = Reckoning::new(scope.clone(), markers.to_vec());
    while reckoning.needs_pass() {
        for row in given.iter().filter(|row| scope.needed().contains(&row.time)) {
            reckoning.give(&SignedObservation {
                source: "/a",
                subject: row.subject,
                time: row.time,
                key: EventKey::of("/a", &row.id),
                generation: 1,
                position: Position::new(1, 0),
                sign: 1,
                id: &row.id,
                seq: row.seq,
                series: "",
                day: row.day,
                costcentre: row.costcentre,
                class: "",
                quantity: Quantity::from_micros(row.micros),
                retracted: row.retracted,
            });
        }
        reckoning.end_pass();
    }
    reckoning.rows(|_| true).unwrap()
}

fn months(rows: &RevisionRows) -> Vec<(String, i128)> {
    let mut sums = BTreeMap::new();
    for row in &rows.days {
        *sums.entry((Month::of(row.day), &row.costcentre)).or_insert(0) += row.amount;
    }
    let same: Vec<_> = rows.months.iter().map(|row| ((row.month, &row.costcentre), row.amount)).collect();
    assert_eq!(sums.into_iter().collect::<Vec<_>>(), same, "days add up to months");
    rows.months.iter().map(|row| (format!("{} {}", row.month, row.costcentre), row.amount)).collect()
}

fn gaps(rows: &RevisionRows) -> Vec<String> {
    let gap = |gap: &Gap| format!("{} {}..{} {}", gap.kind.name(), gap.first_day, gap.last_day, gap.count);
    rows.gaps.iter().map(gap).collect()
}

fn named(wanted: &[(&str, i128)]) -> Vec<(String, i128)> {
    wanted.iter().map(|(name, amount)| (name.to_string(), *amount)).collect()
}

#[test]
fn march_has_743_hours_and_october_745() {
    let scope = scope(MeterKind::TimeWeighted, "2021-03", "2021-11", "2022-01-01T00:00:00+01:00");
    let days = ["2021-03-01T00:00:00+01:00", "2021-03-31T00:00:00+02:00", "2021-10-01T00:00:00+02:00"];
    let rows = reckon(&scope, &[], days.map(|time| reading("vol:1", time, 1)).to_vec());
    let all = months(&rows);
    assert_eq!(all[0], ("2021-03 A".into(), 743 * HOUR * ONE));
    assert_eq!(all[1], ("2021-04 A".into(), 30 * 24 * HOUR * ONE));
    // 31 days of 24 hours from the first of October on: one hour short of that month.
    assert_eq!(all[2], ("2021-10 A".into(), 744 * HOUR * ONE));
    assert_eq!(all.len(), 3);
    let of =
        |text: &str| rows.days.iter().find(|row| row.day.to_string() == text).unwrap().amount / HOUR / ONE;
    assert_eq!((of("2021-03-28"), of("2021-03-29"), of("2021-10-31")), (23, 24, 24));
}

#[test]
fn a_leap_day_is_a_day() {
    let scope = scope(MeterKind::TimeWeighted, "2024-02", "2024-02", "2024-05-01T00:00:00+02:00");
    let rows = reckon(&scope, &[], vec![reading("vol:1", "2024-02-01T00:00:00+01:00", 2)]);
    assert_eq!(months(&rows), named(&[("2024-02 A", 2 * 29 * 24 * HOUR * ONE)]));
    assert_eq!(rows.days.last().unwrap().day.to_string(), "2024-02-29");
}

#[test]
fn a_reading_belongs_to_its_payer_until_the_next_whoever_pays() {
    let mut second = reading("vol:1", "2021-06-11T00:00:00+02:00", 5);
    second.costcentre = "B";
    let given = vec![reading("vol:1", "2021-05-25T00:00:00+02:00", 3), second];
    let until = "2022-01-01T00:00:00+01:00";
    let day = 24 * HOUR * ONE;
    let integral = reckon(&scope(MeterKind::TimeWeighted, "2021-06", "2021-06", until), &[], given.clone());
    assert_eq!(months(&integral), named(&[("2021-06 A", 3 * 10 * day), ("2021-06 B", 5 * 20 * day)]));
    let peak = reckon(&scope(MeterKind::Peak, "2021-06", "2021-06", until), &[], given.clone());
    assert_eq!(months(&peak), named(&[("2021-06 A", 3 * ONE), ("2021-06 B", 5 * ONE)]));
    assert_eq!(peak.days[0].day.to_string(), "2021-06-01");
    let latest = reckon(&scope(MeterKind::Latest, "2021-06", "2021-06", until), &[], given);
    assert_eq!(months(&latest), named(&[("2021-06 B", 5 * ONE)]));
    assert_eq!(latest.days[0].day.to_string(), "2021-06-30");
}

#[test]
fn of_readings_at_one_instant_the_highest_revision_and_id_holds() {
    let tied = |id: &str, seq, units| Given {
        id: id.into(),
        seq,
        ..reading("vol:1", "2021-06-01T00:00:00+02:00", units)
    };
    let scope = scope(MeterKind::Peak, "2021-06", "2021-06", "2022-01-01T00:00:00+01:00");
    let rows = reckon(&scope, &[], vec![tied("b", 0, 100), tied("a", 1, 7), tied("z", 0, 200)]);
    assert_eq!(months(&rows), named(&[("2021-06 A", 7 * ONE)]));
}

#[test]
fn an_open_month_runs_to_the_last_complete_day() {
    let given = vec![
        reading("vol:1", "2021-06-01T00:00:00+02:00", 3),
        reading("vol:1", "2021-06-10T12:00:00+02:00", 9),
    ];
    let until = "2021-06-10T00:00:00+02:00";
    let rows = reckon(&scope(MeterKind::TimeWeighted, "2021-06", "2021-07", until), &[], given.clone());
    assert_eq!(months(&rows), named(&[("2021-06 A", 3 * 9 * 24 * HOUR * ONE)]));
    let latest = reckon(&scope(MeterKind::Latest, "2021-06", "2021-07", until), &[], given);
    assert_eq!(months(&latest), named(&[("2021-06 A", 3 * ONE)]));
    assert_eq!(latest.days[0].day.to_string(), "2021-06-09");
}

#[test]
fn a_reading_holds_as_long_as_its_meter_says_and_then_is_a_gap() {
    let given = vec![
        reading("vol:1", "2021-05-01T00:00:00+02:00", 1),
        reading("vol:1", "2021-06-05T12:00:00+02:00", 1),
    ];
    let scope = scope(MeterKind::TimeWeighted, "2021-05", "2021-06", "2022-01-01T00:00:00+01:00");
    let rows = reckon(&scope, &[], given);
    let hours = (25 * 24 + 12) * HOUR * ONE;
    assert_eq!(months(&rows), named(&[("2021-05 A", 31 * 24 * HOUR * ONE), ("2021-06 A", hours)]));
    assert_eq!(gaps(&rows), ["missing 2021-06-01..2021-06-05 5"]);
}

#[test]
fn a_complete_snapshot_ends_the_series_that_it_lacks_and_an_incomplete_one_does_not() {
    let given = vec![
        reading("vol:1", "2021-06-01T01:00:00+02:00", 1),
        reading("vol:2", "2021-06-01T01:00:00+02:00", 1),
        reading("vol:1", "2021-06-02T01:00:00+02:00", 1),
    ];
    let first = marker("2021-06-01", "2021-06-01T02:00:00+02:00", 2);
    let scope = scope(MeterKind::TimeWeighted, "2021-06", "2021-06", "2021-06-03T00:00:00+02:00");
    let amount = |markers: &[Marker]| reckon(&scope, markers, given.clone()).months[0].amount / HOUR / ONE;
    assert_eq!(amount(std::slice::from_ref(&first)), 47 + 47);
    assert_eq!(amount(&[first.clone(), marker("2021-06-02", "2021-06-02T03:00:00+02:00", 2)]), 47 + 47);
    assert_eq!(amount(&[first.clone(), marker("2021-06-02", "2021-06-02T03:00:00+02:00", 1)]), 47 + 26);
    // A retracted reading has arrived, but it is no reading.
    let mut with_retracted = given.clone();
    with_retracted.push(Given {
        retracted: true,
        seq: 1,
        ..reading("vol:2", "2021-06-02T01:00:00+02:00", 1)
    });
    let rows = reckon(&scope, &[first, marker("2021-06-02", "2021-06-02T03:00:00+02:00", 2)], with_retracted);
    assert_eq!(rows.months[0].amount / HOUR / ONE, 47 + 26);
}

#[test]
fn a_missing_snapshot_is_carried_three_days_then_is_a_gap_and_days_before_the_first_are_nothing() {
    let mut given = Vec::new();
    for day in ["2021-06-05", "2021-06-12"] {
        for subject in ["dev:1", "dev:2"] {
            given.push(reading(subject, &format!("{day}T02:00:00+02:00"), 1));
        }
    }
    // Three of four arrived on the 13th, and nobody said that the 14th was complete.
    for subject in ["dev:1", "dev:2", "dev:3"] {
        given.push(reading(subject, "2021-06-13T02:00:00+02:00", 1));
    }
    let markers = [
        marker("2021-06-05", "2021-06-05T03:00:00+02:00", 2),
        marker("2021-06-12", "2021-06-12T03:00:00+02:00", 2),
        marker("2021-06-13", "2021-06-13T03:00:00+02:00", 4),
    ];
    let scope = scope(MeterKind::AvgDaily, "2021-06", "2021-06", "2021-06-15T00:00:00+02:00");
    let rows = reckon(&scope, &markers, given);
    assert_eq!(months(&rows), named(&[("2021-06 A", 2 * (4 + 3) * ONE)]));
    let want = ["estimated 2021-06-06..2021-06-06 1", "estimated 2021-06-07..2021-06-07 1"];
    assert!(want.iter().all(|gap| gaps(&rows).contains(&gap.to_string())));
    let missing: Vec<_> = gaps(&rows).into_iter().filter(|gap| gap.starts_with("missing")).collect();
    let days = [
        "missing 2021-06-09..2021-06-09 1",
        "missing 2021-06-10..2021-06-10 1",
        "missing 2021-06-11..2021-06-11 1",
    ];
    assert_eq!(missing, days);
    assert_eq!(gaps(&rows).iter().filter(|gap| gap.starts_with("estimated")).count(), 5);
}

#[test]
fn of_a_subjects_observations_of_one_day_the_highest_counts_and_the_rest_is_listed() {
    let mut other = reading("dev:1", "2021-06-05T04:00:00+02:00", 1);
    (other.seq, other.costcentre) = (1, "B");
    let given = vec![reading("dev:1", "2021-06-05T02:00:00+02:00", 1), other];
    let scope = scope(MeterKind::AvgDaily, "2021-06", "2021-06", "2021-06-06T00:00:00+02:00");
    let rows = reckon(&scope, &[marker("2021-06-05", "2021-06-05T05:00:00+02:00", 1)], given);
    assert_eq!(months(&rows), named(&[("2021-06 B", ONE)]));
    assert_eq!(gaps(&rows), ["excess 2021-06-05..2021-06-05 1"]);
}

#[test]
fn an_empty_snapshot_is_none_and_not_missing() {
    let scope = scope(MeterKind::AvgDaily, "2021-06", "2021-06", "2021-06-03T00:00:00+02:00");
    let markers = [
        marker("2021-06-01", "2021-06-01T03:00:00+02:00", 0),
        marker("2021-06-02", "2021-06-02T03:00:00+02:00", 0),
    ];
    let rows = reckon(&scope, &markers, vec![]);
    assert!(rows.is_empty(), "{rows:?}");
}

#[test]
fn nothing_pseudonymous_is_carried_over_a_years_turn() {
    let until = "2022-01-05T00:00:00+01:00";
    let given: Vec<_> =
        ["dev:1", PSEUDONYMOUS].map(|subject| reading(subject, "2021-12-31T02:00:00+01:00", 1)).to_vec();
    let done = [marker("2021-12-31", "2021-12-31T03:00:00+01:00", 2)];
    let rows = reckon(&scope(MeterKind::AvgDaily, "2021-12", "2022-01", until), &done, given.clone());
    assert_eq!(months(&rows), named(&[("2021-12 A", 2 * ONE), ("2022-01 A", 3 * ONE)]));
    assert_eq!(rows.gaps.iter().filter(|gap| gap.kind == GapKind::Missing).count(), 4);
    let rows = reckon(&scope(MeterKind::Latest, "2021-12", "2022-01", until), &[], given);
    assert_eq!(months(&rows), named(&[("2021-12 A", 2 * ONE), ("2022-01 A", ONE)]));
    assert_eq!(gaps(&rows), Vec::<String>::new());
}

#[test]
fn a_subject_counts_once_under_each_cost_centre_on_its_first_day() {
    let mut other = reading(PSEUDONYMOUS, "2021-06-20T12:00:00+02:00", 1);
    other.costcentre = "B";
    let given = vec![
        reading(PSEUDONYMOUS, "2021-06-12T12:00:00+02:00", 1),
        reading(PSEUDONYMOUS, "2021-06-11T12:00:00+02:00", 1),
        reading(PSEUDONYMOUS, "2021-07-01T00:00:00+02:00", 1),
        other,
    ];
    let rows =
        reckon(&scope(MeterKind::Unique, "2021-06", "2021-07", "2021-06-01T00:00:00+02:00"), &[], given);
    assert_eq!(months(&rows), named(&[("2021-06 A", ONE), ("2021-06 B", ONE), ("2021-07 A", ONE)]));
    assert_eq!(rows.days[0].day.to_string(), "2021-06-11");
    assert_eq!(rows.subjects.len(), 3);
}

#[test]
fn a_month_comes_to_the_same_whichever_months_are_reckoned_with_it() {
    let given: Vec<_> =
        ["2021-04-20T00:00:00+02:00", "2021-06-03T00:00:00+02:00", "2021-07-02T12:00:00+02:00"]
            .map(|time| reading("vol:1", time, 4))
            .to_vec();
    let until = "2021-09-01T00:00:00+02:00";
    for kind in [MeterKind::TimeWeighted, MeterKind::Peak, MeterKind::Latest] {
        let all = reckon(&scope(kind, "2021-04", "2021-08", until), &[], given.clone());
        for month in ["2021-05", "2021-06", "2021-07", "2021-08"] {
            let alone = reckon(&scope(kind, month, month, until), &[], given.clone());
            let of = |rows: &RevisionRows| {
                let months: Vec<_> =
                    rows.months.iter().filter(|row| row.month.to_string() == month).cloned().collect();
                let gaps: Vec<_> =
                    rows.gaps.iter().filter(|gap| gap.month.to_string() == month).cloned().collect();
                (months, gaps)
            };
            assert_eq!(of(&alone), of(&all), "{kind:?} {month}");
        }
    }
}

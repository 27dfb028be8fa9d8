//! A few events each, and what they come to, worked out by hand.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::catalogue::{Agreement, Catalogue, CostCentre, Customer, Dimension, Meter, Ownership, Service};
use domain::event::CustomerKind;
use domain::financing::CostKind;
use domain::usage::MeterKind;
use domain::{Month, Quantity};

use crate::oracle::{Outcomes, Reckoning};

pub(crate) fn date(text: &str) -> NaiveDate {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap()
}

/// A service `s` with a meter of each kind, named after it; `sum` has a class, `peak` a dimension of its series. Cost
/// centre A is K's and changes to L in the middle of April 2021; B is L's.
pub(crate) fn catalogue() -> Catalogue {
    let meter = |kind: MeterKind| Meter {
        slug: kind.name().to_owned(),
        name: kind.name().to_owned(),
        name_en: kind.name().to_owned(),
        kind,
        unit: "x".to_owned(),
        event_type: Some("se.linkoping.lkdata.usage.thing.happened.v1".to_owned()),
        dimensions: if kind == MeterKind::Sum {
            vec![dimension("class", true, false)]
        } else if kind == MeterKind::Peak {
            vec![dimension("disk", false, true)]
        } else {
            Vec::new()
        },
        billed: true,
        negative: true,
        hold_days: 31,
        cost_kind: CostKind::Running,
    };
    let service = Service {
        slug: "s".to_owned(),
        name: "S".to_owned(),
        name_en: "S".to_owned(),
        product: "U".to_owned(),
        start: date("2020-01-01"),
        established_from: Month::new(2020, 1),
        monthly_measured: true,
        meters: MeterKind::ALL.map(|kind| (kind.name().to_owned(), meter(kind))).into(),
    };
    let owner = |customer: &str, from: &str, to: Option<&str>| Ownership {
        customer: customer.to_owned(),
        from: date(from),
        to: to.map(date),
    };
    let costcentre = |code: &str, owners: Vec<Ownership>| {
        (code.to_owned(), CostCentre { code: code.to_owned(), name: code.to_owned(), owners })
    };
    let customer = |code: &str| {
        let kind = CustomerKind::Forvaltning;
        (
            code.to_owned(),
            Customer {
                code: code.to_owned(),
                name: code.to_owned(),
                kind,
                number: None,
                reference: None,
                address: None,
            },
        )
    };
    Catalogue {
        services: BTreeMap::from([("s".to_owned(), service)]),
        customers: [customer("K"), customer("L")].into(),
        costcentres: [
            costcentre(
                "A",
                vec![owner("K", "2020-01-01", Some("2021-04-15")), owner("L", "2021-04-16", None)],
            ),
            costcentre("B", vec![owner("L", "2020-01-01", None)]),
        ]
        .into(),
        ..Catalogue::default()
    }
}

fn dimension(name: &str, rating: bool, series: bool) -> Dimension {
    Dimension { name: name.to_owned(), rating, series, values: Vec::new() }
}

/// An event: `meter/costcentre/subject`, its id and time, and more fields of `data`.
pub(crate) fn event(what: &str, id: &str, time: &str, quantity: &str, more: &str) -> String {
    let mut parts = what.split('/');
    let (meter, costcentre, subject) =
        (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap_or("1"));
    format!(
        r#"{{"id":"{id}","source":"/x","type":"se.linkoping.lkdata.usage.thing.happened.v1","subject":"thing:{subject}","time":"{time}","data":{{"service":"s","meter":"{meter}","quantity":"{quantity}","unit":"x","customer":{{"kind":"forvaltning","code":"K","costcentre":"{costcentre}"}}{more}}}}}"#
    )
}

fn marker(meter: &str, id: &str, day: &str, count: u32, refused: u32) -> String {
    format!(
        r#"{{"id":"{id}","source":"/x","type":"se.linkoping.lkdata.usage.snapshot.completed.v1","subject":"snapshot:{meter}","time":"{day}T12:00:00+01:00","data":{{"service":"s","meter":"{meter}","day":"{day}","count":{count},"refused":{refused}}}}}"#
    )
}

/// What the events come to: `month customer/costcentre meter class quantity`, in order.
fn lines(events: &[String], first: &str, last: &str) -> Vec<String> {
    let reckoning = Reckoning::of(events, &catalogue(), first, last);
    let shown = |(key, usage): (&crate::oracle::Key, &crate::oracle::Usage)| {
        let customer = key.customer.as_deref().unwrap_or("-");
        format!("{} {customer}/{} {} {} {}", key.month, key.costcentre, key.meter, key.class, usage.quantity)
            .replace("  ", " ")
    };
    reckoning.usage.iter().map(shown).collect()
}

#[test]
fn the_highest_revision_of_an_identity_counts() {
    let sum = |id: &str, quantity: &str, more: &str| {
        event("sum/A", id, "2021-03-10T10:00:00+01:00", quantity, more)
    };
    let events = [
        sum("a", "5", r#","dims":{"class":"p"}"#),
        sum("a", "5.000", r#","dims":{"class":"p"}"#),
        sum("a", "7", r#","dims":{"class":"p"}"#),
        sum("b", "3", r#","seq":2,"dims":{"class":"q"}"#),
        sum("b", "9", r#","seq":1,"dims":{"class":"q"}"#),
        sum("c", "0", r#","seq":1,"retracted":true,"dims":{"class":"p"}"#),
        sum("c", "8", r#","dims":{"class":"p"}"#),
        sum("d", "8", r#","dims":{"class":"p"}"#),
        sum("d", "0.5", r#","seq":1,"dims":{"class":"p"}"#),
        sum("thing:900101-9802", "8", r#","dims":{"class":"p"}"#),
    ];
    assert_eq!(lines(&events, "2021-03", "2021-03"), ["2021-03 K/A sum p 5.5", "2021-03 K/A sum q 3"]);
    let outcomes = Reckoning::of(&events, &catalogue(), "2021-03", "2021-03").outcomes;
    let want = Outcomes {
        metered: 4,
        revised: 1,
        duplicate: 1,
        conflict: 1,
        superseded: 2,
        refused: 1,
        ..Outcomes::default()
    };
    assert_eq!(outcomes, want);
}

#[test]
fn months_are_swedish_and_a_day_given_decides() {
    let sum = |id: &str, time: &str, more: &str| event("count/B", id, time, "1", more);
    let events = [
        sum("a", "2021-03-31T23:59:59+02:00", ""),
        sum("b", "2021-03-31T22:00:00Z", ""),
        sum("c", "2021-04-01T00:10:00+02:00", r#","day":"2021-03-31""#),
        sum("d", "2024-02-29T23:30:00+01:00", ""),
        sum("e", "2020-12-31T23:00:00Z", ""),
    ];
    assert_eq!(
        lines(&events, "2021-01", "2021-12"),
        ["2021-01 L/B count 1", "2021-03 L/B count 2", "2021-04 L/B count 1"]
    );
    assert_eq!(lines(&events, "2024-02", "2024-02"), ["2024-02 L/B count 1"]);
}

#[test]
fn a_subject_counts_once_in_each_month_and_cost_centre() {
    let seen = |id: &str, what: &str, day: &str| event(what, id, &format!("{day}T10:00:00+02:00"), "1", "");
    let events = [
        seen("a", "unique/A/1", "2021-04-02"),
        seen("b", "unique/A/1", "2021-04-20"),
        seen("c", "unique/B/1", "2021-04-20"),
        seen("d", "unique/A/2", "2021-04-20"),
        seen("e", "unique/Z/3", "2021-05-20"),
    ];
    // A is L's from the 16th: subject 1 was seen before, 2 after.
    let want =
        ["2021-04 K/A unique 1", "2021-04 L/A unique 1", "2021-04 L/B unique 1", "2021-05 -/Z unique 1"];
    assert_eq!(lines(&events, "2021-04", "2021-05"), want);
    let reckoning = Reckoning::of(&events, &catalogue(), "2021-04", "2021-04");
    let april = &reckoning.monthly[&("2021-04".to_owned(), "s".to_owned(), "unique".to_owned())];
    assert_eq!(april.quantity.to_string(), "2", "two subjects, whatever their cost centres");
}

#[test]
fn a_missing_snapshot_is_carried_three_days_and_no_further() {
    let seen = |id: &str, what: &str, day: &str, more: &str| {
        event(what, id, &format!("{day}T02:00:00+01:00"), "1", more)
    };
    let events = [
        seen("a", "avg_daily/B/1", "2021-06-01", ""),
        seen("b", "avg_daily/B/2", "2021-06-01", ""),
        marker("avg_daily", "m1", "2021-06-01", 2, 0),
        // One of three is missing: incomplete, so the first day stands in; then nothing until the third after it.
        seen("c", "avg_daily/B/1", "2021-06-02", ""),
        seen("d", "avg_daily/B/2", "2021-06-02", ""),
        marker("avg_daily", "m2", "2021-06-02", 3, 0),
        // Complete with one refused; and with one taken back, which is not counted but has arrived.
        seen("e", "avg_daily/B/1", "2021-06-10", ""),
        seen("f", "avg_daily/B/2", "2021-06-10", r#","seq":1,"retracted":true"#),
        marker("avg_daily", "m3", "2021-06-10", 3, 1),
        seen("g", "avg_daily/B/1", "2021-06-11", ""),
        seen("h", "avg_daily/B/1", "2021-06-11", ""),
        marker("avg_daily", "m4", "2021-06-11", 1, 0),
    ];
    // 1–4 June: 2 objects; 10–14 June: 1 object: 13 of 30 object-days.
    assert_eq!(lines(&events, "2021-06", "2021-06"), ["2021-06 L/B avg_daily 0.433333"]);
}

#[test]
fn averages_over_time_know_how_long_march_and_october_are() {
    let read = |id: &str, time: &str, quantity: &str| event("time_weighted/B", id, time, quantity, "");
    // From the 1st at 00:00 to the 28th at 04:00 summer time are 27 × 24 + 3 hours, of 743.
    let march = [read("a", "2021-03-01T00:00:00+01:00", "743"), read("b", "2021-03-28T04:00:00+02:00", "0")];
    assert_eq!(lines(&march, "2021-03", "2021-03"), ["2021-03 L/B time_weighted 651"]);
    // From the 31st at 03:00 winter time are 21 hours, of 745.
    let october = [read("a", "2021-10-31T03:00:00+01:00", "745")];
    assert_eq!(lines(&october, "2021-10", "2021-10"), ["2021-10 L/B time_weighted 21"]);
}

#[test]
fn a_reading_holds_until_the_next_and_no_longer_than_its_meter_says() {
    let read = |id: &str, what: &str, time: &str, quantity: &str| event(what, id, time, quantity, "");
    // 31 days from 16 January: 15 of February's 28 days, and nothing in March.
    let held = [read("a", "time_weighted/B", "2021-01-16T00:00:00+01:00", "28")];
    let want = ["2021-01 L/B time_weighted 14.451613", "2021-02 L/B time_weighted 15"];
    assert_eq!(lines(&held, "2021-01", "2021-03"), want);
    // Half of April under A (until the 15th K's), half under B.
    let moved = [
        read("a", "time_weighted/A", "2021-04-01T00:00:00+02:00", "30"),
        read("b", "time_weighted/B", "2021-04-21T00:00:00+02:00", "60"),
    ];
    let want =
        ["2021-04 K/A time_weighted 15", "2021-04 L/A time_weighted 5", "2021-04 L/B time_weighted 20"];
    assert_eq!(lines(&moved, "2021-04", "2021-04"), want);
}

#[test]
fn a_complete_snapshot_without_a_series_ends_it() {
    let read = |id: &str, what: &str, time: &str| event(what, id, time, "30", "");
    let events = [
        read("a", "time_weighted/B/1", "2021-06-01T00:00:00+02:00"),
        read("b", "time_weighted/B/2", "2021-06-01T00:00:00+02:00"),
        marker("time_weighted", "m1", "2021-06-01", 2, 0),
        read("c", "time_weighted/B/1", "2021-06-11T00:00:00+02:00"),
        // 12:00+01:00 is 13:00 in summer: series 2 ends after 10 days and 13 hours.
        marker("time_weighted", "m2", "2021-06-11", 1, 0),
    ];
    // Series 1: 30 × 30 days; series 2: 30 × 10 13/24 days; of 30 days.
    assert_eq!(lines(&events, "2021-06", "2021-06"), ["2021-06 L/B time_weighted 40.541667"]);
}

#[test]
fn peaks_and_last_values_are_those_of_each_series_added_up() {
    let read =
        |id: &str, what: &str, time: &str, quantity: &str, more: &str| event(what, id, time, quantity, more);
    let (c, d) = (r#","dims":{"disk":"c"}"#, r#","dims":{"disk":"d"}"#);
    let events = [
        // A reading that is replaced at the same instant lasted no time.
        read("a", "peak/B", "2021-06-01T00:00:00+02:00", "99", c),
        read("b", "peak/B", "2021-06-01T00:00:00+02:00", "7", &format!(r#","seq":1{c}"#)),
        read("c", "peak/B", "2021-06-20T00:00:00+02:00", "4", c),
        read("d", "peak/B", "2021-06-03T00:00:00+02:00", "5", d),
        read("e", "latest/B", "2021-06-03T00:00:00+02:00", "5", ""),
        read("f", "latest/A", "2021-06-29T00:00:00+02:00", "6", ""),
        // Exactly at the month's end: July's.
        read("g", "latest/B", "2021-07-01T00:00:00+02:00", "8", ""),
    ];
    assert_eq!(lines(&events, "2021-06", "2021-06"), ["2021-06 L/A latest 6", "2021-06 L/B peak 12"]);
}

#[test]
fn pseudonyms_do_not_live_on_in_the_next_year() {
    let person = |event: String| event.replace("thing:1", "ps_aaaaaaaaaaaaaaaaaaaaaaaaaa");
    let events = [
        person(event("avg_daily/B", "a", "2021-12-31T02:00:00+01:00", "1", "")),
        marker("avg_daily", "m", "2021-12-31", 1, 0),
        person(event("latest/B", "b", "2021-12-31T02:00:00+01:00", "1", "")),
        event("latest/B/2", "c", "2021-12-31T02:00:00+01:00", "1", ""),
    ];
    let want = ["2021-12 L/B avg_daily 0.032258", "2021-12 L/B latest 2", "2022-01 L/B latest 1"];
    // The last hold: 31 days from 31 December at 02:00 end on 31 January at 02:00, before January does.
    assert_eq!(lines(&events, "2021-12", "2022-01"), want[..2]);
}

#[test]
fn agreements_count_by_the_days_that_they_last() {
    let mut catalogue = catalogue();
    catalogue.agreements.push(Agreement {
        id: "AVT-1".to_owned(),
        service: "s".to_owned(),
        meter: "fixed".to_owned(),
        class: String::new(),
        costcentre: "A".to_owned(),
        quantity: Quantity::from_micros(2_000_000),
        from: date("2021-04-07"),
        to: Some(date("2021-05-31")),
    });
    let nothing: [&str; 0] = [];
    let reckoning = Reckoning::of(nothing, &catalogue, "2021-03", "2021-06");
    let quantities: Vec<_> = reckoning.usage.iter().map(|(k, u)| format!("{k} {}", u.quantity)).collect();
    // April: 2 × 9 of 30 days by K, 2 × 15 by L; May whole.
    let want = ["2021-04 K A s/fixed \"\" 0.6", "2021-04 L A s/fixed \"\" 1", "2021-05 L A s/fixed \"\" 2"];
    assert_eq!(quantities, want);
}

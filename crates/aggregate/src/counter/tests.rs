use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::catalogue::{Dimension, Meter, Service};
use domain::financing::CostKind;
use domain::{EventKey, Instant};
use eventlog::{Header, Kind, Stored};

use super::*;
use crate::record::decode;

const PARTITIONS: u32 = 2;

fn catalogue() -> Catalogue {
    let dimension = Dimension { name: "class".into(), rating: true, series: false, values: vec![] };
    let meter = |kind: MeterKind| Meter {
        slug: kind.name().into(),
        name: kind.name().into(),
        name_en: kind.name().into(),
        kind,
        unit: "x".into(),
        event_type: None,
        dimensions: if kind == MeterKind::Peak { vec![dimension.clone()] } else { vec![] },
        billed: true,
        negative: false,
        hold_days: 31,
        cost_kind: CostKind::Running,
    };
    let service = Service {
        slug: "s".into(),
        name: "s".into(),
        name_en: "s".into(),
        product: "U".into(),
        start: NaiveDate::from_ymd_opt(2020, 1, 1).unwrap(),
        established_from: None,
        monthly_measured: false,
        meters: MeterKind::ALL.map(|kind| (kind.name().to_owned(), meter(kind))).into(),
    };
    Catalogue { services: BTreeMap::from([("s".into(), service)]), ..Catalogue::default() }
}

/// An id of partition 0, or of 1 when it is asked for by an odd number.
pub(super) fn id(n: u32) -> String {
    let wanted = n % PARTITIONS;
    (0..)
        .map(|try_| format!("e{n}-{try_}"))
        .find(|id| EventKey::of("/a", id).partition(PARTITIONS) == wanted)
        .unwrap()
}

pub(super) fn event(id: &str, meter: &str, time: &str, quantity: u32, more: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/a","type":"se.linkoping.lkdata.usage.thing.seen.v1",
        "subject":"room:1","time":"{time}","dataschema":"urn:lkdata:schema:usage:1","data":{{"service":"s",
        "meter":"{meter}","quantity":{quantity},"unit":"x",
        "customer":{{"kind":"forvaltning","code":"KLF","costcentre":"A1"}}{more}}}}}"#
    )
}

pub(super) fn record(offset: u64, kind: Kind, events: &[String]) -> Stored {
    // Twenty-five months before this is 2019-05-30T22:30:00Z.
    let received = Instant::parse_rfc3339("2021-07-01T00:30:00+02:00").unwrap().micros();
    let sources = vec![("/a".to_owned(), events.len() as u32)];
    let header =
        Header { kind, collector: "c".into(), epoch: 1, batch: offset, received, sources, released: false };
    let value = format!("[{}]", events.join(",")).into();
    Stored { offset, timestamp: 0, header: Ok(header), key: None, value }
}

pub(super) fn place() -> Place {
    Place { generation: 1, partition: 0, partitions: PARTITIONS, horizon: Months::new(25) }
}

pub(super) fn counter() -> Counter {
    Counter::new(place(), &Sealed::default(), Filter::default())
}

pub(super) fn give(counter: &mut Counter, records: &[Stored]) {
    let decoded: Vec<_> = records.iter().map(|record| decode(record, Months::new(25))).collect();
    assert_eq!(counter.unknown_meter(&decoded, &catalogue()), None);
    assert_eq!(counter.wanted(&decoded), []);
    decoded.iter().for_each(|record| counter.count(record));
}

pub(super) fn events(offset: u64, events: &[String]) -> Stored {
    record(offset, Kind::Events, events)
}

/// (window, upto, sealed, amounts of its cells)
fn windows(batch: &Batch) -> Vec<(u64, u64, bool, Vec<i128>)> {
    let cells = |window| {
        let mut cells: Vec<i128> = batch
            .cells
            .iter()
            .filter(|cell| cell.window == window)
            .map(|cell| cell.amount / 1_000_000)
            .collect();
        cells.sort_unstable();
        cells
    };
    batch.progress.iter().map(|row| (row.window, row.upto, row.sealed, cells(row.window))).collect()
}

pub(super) const MARCH: &str = "2021-03-02T10:00:00+01:00";

#[test]
fn a_window_ends_where_the_offset_turns_and_with_a_barrier() {
    let mut counter = counter();
    let one = |n| [event(&id(n), "sum", MARCH, 5, "")];
    give(&mut counter, &[events(4_094, &one(0)), events(4_095, &one(2)), events(4_097, &one(4))]);
    give(&mut counter, &[record(4_098, Kind::Barrier { control: Some(7) }, &[]), events(4_099, &one(6))]);
    let (batch, _) = counter.emission();
    let want =
        [(4_094, 4_096, true, vec![10]), (4_097, 4_099, true, vec![5]), (4_099, 4_100, false, vec![5])];
    assert_eq!(windows(batch), want);
    assert_eq!(batch.progress[1].barrier.map(|(control, _)| control), Some(7));
    assert_eq!((batch.progress[0].barrier, batch.progress[2].barrier), (None, None));
}

#[test]
fn what_is_emitted_is_the_total_since_the_windows_start() {
    let mut counter = counter();
    give(&mut counter, &[events(0, &[event(&id(0), "sum", MARCH, 5, "")])]);
    assert_eq!(windows(counter.emission().0), [(0, 1, false, vec![5])]);
    counter.acknowledged();
    assert!(!counter.has_news());
    let other = event(&id(2), "count", "2021-04-02T10:00:00+02:00", 9, "");
    give(&mut counter, &[events(1, &[event(&id(0), "sum", MARCH, 5, ""), other])]);
    let (batch, _) = counter.emission();
    // The first cell did not change, so it need not be written again; months and outcomes are those of the whole window.
    assert_eq!(windows(batch), [(0, 2, false, vec![1])]);
    let months: Vec<_> = batch.progress[0].touched.iter().map(|touched| touched.month.to_string()).collect();
    assert_eq!(months, ["2021-03", "2021-04"]);
    let outcomes: Vec<_> =
        batch.progress[0].outcomes.iter().map(|(_, _, outcome, n)| (*outcome, *n)).collect();
    assert_eq!(outcomes, [("accepted", 3), ("duplicate", 1), ("metered", 2)]);
    assert_eq!(date_of(batch.progress[0].outcomes[0].1).unwrap().to_string(), "2021-07-01");
}

#[test]
fn a_cell_that_comes_back_to_zero_is_written() {
    let mut counter = counter();
    give(&mut counter, &[events(0, &[event(&id(0), "sum", MARCH, 5, "")])]);
    counter.emission();
    counter.acknowledged();
    give(&mut counter, &[events(1, &[event(&id(0), "sum", MARCH, 5, r#","seq":1,"retracted":true"#)])]);
    assert_eq!(windows(counter.emission().0), [(0, 2, false, vec![0])]);
}

#[test]
fn a_revision_subtracts_what_was_counted_in_whatever_meter_and_month_it_was() {
    let mut counter = counter();
    let moved = event(&id(0), "latest", "2021-05-02T10:00:00+02:00", 3, r#","seq":1"#);
    let back = event(&id(0), "count", MARCH, 3, r#","seq":2"#);
    give(&mut counter, &[events(0, &[event(&id(0), "sum", MARCH, 5, ""), moved, back])]);
    let (batch, dictionary) = counter.emission();
    let mut cells: Vec<_> =
        batch.cells.iter().map(|cell| (dictionary.text(cell.meter), cell.amount)).collect();
    cells.sort_unstable();
    assert_eq!(cells, [("count", 1_000_000), ("sum", 0)]);
    let signed: Vec<_> =
        batch.observations.iter().map(|row| (row.event, row.position.index(), row.sign)).collect();
    assert_eq!(signed, [(1, 1, 1), (1, 2, -1)]);
}

#[test]
fn a_retraction_that_comes_first_leaves_nothing_to_count() {
    let mut counter = counter();
    let retraction = event(&id(0), "sum", MARCH, 5, r#","seq":3,"retracted":true"#);
    give(&mut counter, &[events(0, &[retraction, event(&id(0), "sum", MARCH, 5, "")])]);
    let (batch, _) = counter.emission();
    assert_eq!(windows(batch), [(0, 1, false, vec![])]);
    let outcomes: Vec<_> =
        batch.progress[0].outcomes.iter().map(|(_, _, outcome, n)| (*outcome, *n)).collect();
    assert_eq!(outcomes, [("accepted", 2), ("metered", 1), ("superseded", 1)]);
    assert_eq!(batch.events.len(), 2);
}

#[test]
fn what_cannot_be_counted_is_quarantined_and_claims_no_identity() {
    let mut counter = counter();
    let too_old = event(&id(0), "sum", "2019-05-30T22:29:59Z", 5, "");
    let just_in_time = event(&id(2), "sum", "2019-05-30T22:30:00Z", 5, "");
    let no_class = event(&id(4), "peak", MARCH, 5, "");
    let agreement = event(&id(6), "fixed", MARCH, 5, "");
    let misrouted = event(&id(1), "sum", MARCH, 5, "");
    let wrong =
        vec![too_old, just_in_time, no_class, agreement, misrouted, r#"{"id":"x","source":"/a"}"#.to_owned()];
    let mut unreadable = events(1, &[String::new(), String::new()]);
    unreadable.value = "nothing".into();
    give(&mut counter, &[events(0, &wrong), unreadable]);
    give(&mut counter, &[events(2, &[event(&id(0), "sum", MARCH, 7, "")])]);
    let (batch, _) = counter.emission();
    let codes: Vec<_> = batch.quarantine.iter().map(|row| row.code.as_str()).collect();
    let want =
        ["too_old", "missing_dimension", "meter_takes_no_events", "misrouted", "undecodable", "undecodable"];
    assert_eq!(codes, want);
    assert_eq!(windows(batch)[0].3, [5, 7]);
    let outcomes: Vec<_> = batch.progress[0]
        .outcomes
        .iter()
        .map(|(source, _, outcome, n)| (source.as_str(), *outcome, *n))
        .collect();
    // The unreadable record counts for what its header says that it held: nothing of any source, and two of /a.
    let want = [("/a", "accepted", 9), ("/a", "metered", 2), ("/a", "quarantined", 7)];
    assert_eq!(outcomes, want);
}

#[test]
fn records_that_were_counted_before_are_passed_over() {
    let mut counter = counter();
    let first = events(3, &[event(&id(0), "sum", MARCH, 5, "")]);
    give(&mut counter, std::slice::from_ref(&first));
    give(&mut counter, &[first, events(2, &[event(&id(2), "sum", MARCH, 5, "")])]);
    assert_eq!(windows(counter.emission().0), [(3, 4, false, vec![5])]);
}

#[test]
fn a_meter_that_the_catalogue_lacks_is_named_before_anything_is_counted() {
    let mut counter = counter();
    let stored = events(0, &[event(&id(0), "sum", MARCH, 5, ""), event(&id(2), "new", MARCH, 5, "")]);
    let decoded = [decode(&stored, Months::new(25))];
    assert_eq!(counter.unknown_meter(&decoded, &catalogue()), Some(("s".into(), "new".into())));
}

#[test]
fn an_id_that_is_used_again_after_the_horizon_is_a_new_event() {
    let mut counter = counter();
    let received = |mut stored: Stored, received: &str| {
        stored.header.as_mut().unwrap().received = Instant::parse_rfc3339(received).unwrap().micros();
        stored
    };
    let first = events(0, &[event(&id(0), "sum", MARCH, 5, "")]);
    give(&mut counter, &[received(first, "2021-03-02T10:00:05+01:00")]);
    // The revision is later than the first, so the identity is known whole until 25 months after it.
    let revision = events(1, &[event(&id(0), "sum", MARCH, 7, r#","seq":1"#)]);
    give(&mut counter, &[received(revision, "2022-03-02T10:00:00+01:00")]);
    let late = "2024-03-02T10:00:00+01:00";
    let again = |offset, time| received(events(offset, &[event(&id(0), "sum", time, 9, "")]), late);
    give(&mut counter, &[again(2, late)]);
    let later = "2024-04-03T10:00:00+02:00";
    let much_later = |offset| received(events(offset, &[event(&id(0), "sum", late, 9, "")]), later);
    give(&mut counter, &[much_later(3), much_later(4)]);
    let (batch, _) = counter.emission();
    let judged: Vec<_> = batch.progress[0]
        .outcomes
        .iter()
        .filter(|row| row.2 != "accepted")
        .map(|row| (date_of(row.1).unwrap().to_string(), row.2, row.3))
        .collect();
    let day = |day: &str, outcome, events| (day.to_owned(), outcome, events);
    let want = [
        day("2021-03-02", "metered", 1),
        day("2022-03-02", "revised", 1),
        // Another content of a revision that is still known.
        day("2024-03-02", "conflict", 1),
        day("2024-04-03", "duplicate", 1),
        day("2024-04-03", "metered", 1),
    ];
    assert_eq!(judged, want);
    let mut cells: Vec<_> = batch.cells.iter().map(|cell| (cell.day, cell.amount / 1_000_000)).collect();
    cells.sort_unstable();
    assert_eq!(cells.iter().map(|(_, amount)| *amount).collect::<Vec<_>>(), [7, 9]);
    let lives: Vec<u64> = batch.events.iter().map(|row| row.life).collect();
    assert_eq!((lives[0] == lives[1], lives[1] == lives[2]), (true, false));
}

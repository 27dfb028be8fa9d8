//! What is sent: events of every kind of meter, with duplicates, conflicts, revisions and retractions, in any order.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::catalogue::{Catalogue, Dimension, Meter, Service};
use domain::usage::MeterKind;
use domain::{EventKey, Instant, Month, calendar};

use crate::Random;

pub(crate) const HOUR: i64 = 3_600_000_000;
/// March has 743 hours, and the year's turn and a leap day are tried by the unit tests.
pub(crate) const FIRST: (i32, u32) = (2021, 3);
pub(crate) const MONTHS: i32 = 3;
/// Shorter than a month, so that readings expire.
pub(crate) const HOLD_DAYS: u16 = 12;

pub(crate) const KINDS: [MeterKind; 7] = [
    MeterKind::Sum,
    MeterKind::Count,
    MeterKind::Unique,
    MeterKind::AvgDaily,
    MeterKind::Peak,
    MeterKind::Latest,
    MeterKind::TimeWeighted,
];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Event {
    pub(crate) source: &'static str,
    pub(crate) id: String,
    pub(crate) seq: u32,
    pub(crate) kind: MeterKind,
    pub(crate) costcentre: &'static str,
    pub(crate) class: &'static str,
    pub(crate) disk: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) time: Instant,
    pub(crate) day: NaiveDate,
    pub(crate) quantity: i128,
    pub(crate) retracted: bool,
    pub(crate) marker: Option<(u32, u32)>,
}

impl Event {
    pub(crate) fn key(&self) -> EventKey {
        EventKey::of(self.source, &self.id)
    }

    pub(crate) fn json(&self) -> String {
        let (kind, time, day) = (self.kind.name(), self.time, self.day);
        let (source, id, subject) = (self.source, &self.id, self.subject);
        let data = match self.marker {
            Some((count, refused)) => {
                format!(
                    r#"{{"service":"s","meter":"{kind}","day":"{day}","count":{count},"refused":{refused}}}"#
                )
            }
            None => format!(
                r#"{{"service":"s","meter":"{kind}","quantity":"{}","unit":"x","seq":{},"retracted":{},"day":"{day}",
                "customer":{{"kind":"forvaltning","code":"KLF","costcentre":"{}"}},
                "dims":{{"class":"{}","disk":"{}"}}}}"#,
                self.quantity, self.seq, self.retracted, self.costcentre, self.class, self.disk
            ),
        };
        let kind = if self.marker.is_some() { "snapshot.completed" } else { "thing.seen" };
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"{source}","type":"se.linkoping.lkdata.usage.{kind}.v1",
            "subject":"{subject}","time":"{time}","dataschema":"urn:lkdata:schema:usage:1","data":{data}}}"#
        )
    }
}

pub(crate) fn first_month() -> Month {
    Month::new(FIRST.0, FIRST.1).unwrap()
}

pub(crate) fn catalogue() -> Catalogue {
    let dimension =
        |name: &str, rating| Dimension { name: name.into(), rating, series: !rating, values: vec![] };
    let meter = |kind: MeterKind| Meter {
        slug: kind.name().into(),
        name: kind.name().into(),
        name_en: kind.name().into(),
        kind,
        unit: "x".into(),
        event_type: None,
        dimensions: vec![dimension("class", true), dimension("disk", false)],
        billed: true,
        negative: false,
        hold_days: HOLD_DAYS,
    };
    let service = Service {
        slug: "s".into(),
        name: "s".into(),
        name_en: "s".into(),
        product: "U".into(),
        start: NaiveDate::from_ymd_opt(2020, 1, 1).unwrap(),
        established_from: None,
        monthly_measured: false,
        meters: KINDS.map(|kind| (kind.name().to_owned(), meter(kind))).into(),
    };
    Catalogue { services: BTreeMap::from([("s".into(), service)]), ..Catalogue::default() }
}

/// A few days around the edges of months are enough to meet every edge, and keep snapshots and readings close.
fn some_time(random: &mut Random) -> Instant {
    let edge = first_month().plus(random.below(4) as i32).start().micros();
    let hour = random.below(10 * 24) as i64 - 5 * 24;
    let end = first_month().plus(MONTHS).start().micros();
    Instant::from_micros((edge + hour * HOUR).clamp(first_month().start().micros(), end - HOUR))
}

fn an_event(random: &mut Random, n: &mut u32, kind: MeterKind) -> Event {
    *n += 1;
    let time = some_time(random);
    let before = random.percent(20) && time.day() > first_month().first_day();
    Event {
        source: random.pick(&["/a", "/b"]),
        id: format!("e{n}"),
        seq: random.pick(&[0, 0, 0, 1, 2]),
        kind,
        costcentre: random.pick(&["X", "Y"]),
        class: random.pick(&["low", "high"]),
        disk: random.pick(&["d1", "d2"]),
        subject: random.pick(&["room:s", "room:t", "ps_aaaaaaaaaaaaaaaaaaaaaaaaaa"]),
        time,
        day: if before { time.day().pred_opt().unwrap() } else { time.day() },
        quantity: random.pick(&[0, 1, 2, 5]),
        retracted: false,
        marker: None,
    }
}

/// One reading of each subject, then the marker, with a count that is usually right.
fn a_snapshot(random: &mut Random, n: &mut u32, out: &mut Vec<Event>) {
    let kind =
        random.pick(&[MeterKind::AvgDaily, MeterKind::Peak, MeterKind::Latest, MeterKind::TimeWeighted]);
    let source = random.pick(&["/a", "/b"]);
    let day = some_time(random).day();
    let midnight = calendar::start_of_day(day).micros();
    let mut subjects = 0;
    for subject in ["room:s", "room:t", "ps_aaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        if random.percent(70) {
            let time = Instant::from_micros(midnight + random.below(22) as i64 * HOUR);
            out.push(Event { source, seq: 0, subject, time, day, ..an_event(random, n, kind) });
            subjects += 1;
        }
    }
    let refused = random.pick(&[0, 0, 1]);
    let count = (subjects + refused + random.pick(&[0, 0, 0, 0, 1])).max(refused);
    let later = if random.percent(50) { 0 } else { 24 };
    let time = Instant::from_micros(midnight + (random.below(22) as i64 + later) * HOUR);
    let marker = Some((count, refused));
    let base = an_event(random, n, kind);
    out.push(Event {
        source,
        seq: 0,
        time,
        day,
        subject: "",
        costcentre: "",
        class: "",
        disk: "",
        quantity: 0,
        marker,
        ..base
    });
}

/// The events of a run, in the order of sending.
pub(crate) fn workload(random: &mut Random) -> Vec<Event> {
    let (mut out, mut n) = (Vec::new(), 0);
    for _ in 0..20 + random.below(30) {
        let kind = random.pick(&KINDS);
        out.push(an_event(random, &mut n, kind));
    }
    for _ in 0..4 + random.below(6) {
        a_snapshot(random, &mut n, &mut out);
    }
    for _ in 0..20 + random.below(30) {
        let event = out[random.below(out.len())].clone();
        match random.below(100) {
            0..25 => out.push(event),
            what => {
                let kind = if random.percent(60) { event.kind } else { random.pick(&KINDS) };
                let mut other =
                    Event { source: event.source, id: event.id.clone(), ..an_event(random, &mut n, kind) };
                if random.percent(50) {
                    (other.time, other.day) = (event.time, event.day);
                }
                if random.percent(50) && event.marker.is_none() {
                    (other.subject, other.disk) = (event.subject, event.disk);
                }
                other.seq = if what < 35 { event.seq } else { 1 + random.below(5) as u32 };
                other.retracted = other.seq > 0 && what >= 35 && random.percent(35);
                out.push(other);
            }
        }
    }
    for at in (1..out.len()).rev() {
        out.swap(at, random.below(at + 1));
    }
    let late: Vec<Event> = out.iter().filter(|_| random.percent(20)).cloned().collect();
    out.sort_by_key(|event| event.time.micros() / (40 * 24 * HOUR));
    out.extend(late);
    out
}

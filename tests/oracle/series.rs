//! Readings as step functions of time: integrals, peaks and last values (counting §6).

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use domain::usage::MeterKind;

use super::count::Part;
use super::read::{Event, Pile, What};
use super::snapshots::{self, Group};
use super::swedish::{self, MonthIndex};

const DAY: i64 = 86_400_000_000;

/// A run of time in which a series has one value under one payer.
struct Piece {
    from: i64,
    to: i64,
    quantity: i128,
    class: u32,
    costcentre: u32,
}

pub(crate) fn count(pile: &Pile<'_>, events: &[&Event], months: &[MonthIndex], parts: &mut Vec<Part>) {
    let complete = snapshots::complete(pile, events);
    let mut series: BTreeMap<(Group, u32, u32), Vec<&Event>> = BTreeMap::new();
    for event in events {
        if let What::Usage { series: dims, retracted: false, .. } = event.what {
            series
                .entry(((event.source, event.service, event.meter), event.subject, dims))
                .or_default()
                .push(event);
        }
    }
    let nothing = BTreeMap::new();
    for ((group, subject, _), mut readings) in series {
        let meter = &pile.catalogue.services[pile.names.text(group.1)].meters[pile.names.text(group.2)];
        let pseudonym = pile.names.text(subject).starts_with("ps_");
        readings.sort_by_key(|e| (e.time, e.seq, pile.names.text(e.source), pile.names.text(e.id)));
        let days = complete.get(&group).unwrap_or(&nothing);
        let pieces = pieces(&readings, days, meter.hold_days, pseudonym);
        for month in months {
            add(&pieces, meter.kind, *month, group, parts);
        }
    }
}

/// How long each reading holds: until the next, until a complete snapshot of a later day lacks the series, or as long
/// as its meter says; a pseudonym's never beyond the year.
fn pieces(
    readings: &[&Event],
    complete: &BTreeMap<NaiveDate, i64>,
    hold_days: u16,
    pseudonym: bool,
) -> Vec<Piece> {
    let present: Vec<NaiveDate> = readings.iter().map(|event| event.day).collect();
    let mut lacking: Vec<(i64, NaiveDate)> =
        complete.iter().filter(|(day, _)| !present.contains(day)).map(|(day, time)| (*time, *day)).collect();
    lacking.sort_unstable();
    let mut pieces = Vec::new();
    for (n, event) in readings.iter().enumerate() {
        let What::Usage { quantity, class, costcentre, .. } = event.what else { continue };
        let mut to = event.time + i64::from(hold_days) * DAY;
        if let Some(next) = readings.get(n + 1) {
            to = to.min(next.time);
        }
        if let Some((end, _)) = lacking.iter().find(|(time, day)| *time >= event.time && *day > event.day) {
            to = to.min(*end);
        }
        if pseudonym {
            let year = swedish::day_of(event.time).year();
            to = to.min(swedish::span(year * 12 + 11).1);
        }
        pieces.push(Piece { from: event.time, to, quantity, class, costcentre });
    }
    pieces
}

/// Adds what a series comes to in a month, by day.
fn add(
    pieces: &[Piece],
    kind: MeterKind,
    month: MonthIndex,
    (_, service, meter): Group,
    parts: &mut Vec<Part>,
) {
    let (start, end) = swedish::span(month);
    let mut peaks: BTreeMap<(u32, u32), (i128, NaiveDate)> = BTreeMap::new();
    for piece in pieces {
        let (from, to) = (piece.from.max(start), piece.to.min(end));
        if from >= to {
            continue;
        }
        let Piece { quantity, class, costcentre, .. } = *piece;
        let mut push = |day, amount| parts.push(Part { day, service, meter, class, costcentre, amount });
        match kind {
            MeterKind::TimeWeighted => {
                let mut at = from;
                while at < to {
                    let day = swedish::day_of(at);
                    let until = to.min(swedish::start(swedish::after(day, 1)));
                    push(day, quantity * i128::from(until - at));
                    at = until;
                }
            }
            MeterKind::Latest if to == end => {
                push(swedish::first_day(month + 1).pred_opt().expect("a day before"), quantity)
            }
            MeterKind::Peak => {
                let peak = peaks.entry((class, costcentre)).or_insert((quantity, swedish::day_of(from)));
                if quantity > peak.0 {
                    *peak = (quantity, swedish::day_of(from));
                }
            }
            MeterKind::Latest
            | MeterKind::Sum
            | MeterKind::Count
            | MeterKind::AvgDaily
            | MeterKind::Unique
            | MeterKind::Fixed => {}
        }
    }
    for ((class, costcentre), (amount, day)) in peaks {
        parts.push(Part { day, service, meter, class, costcentre, amount });
    }
}

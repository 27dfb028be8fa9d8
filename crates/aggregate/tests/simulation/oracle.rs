//! Usage by brute force, sharing no code with the aggregator: the highest revision of each identity, then day by day and
//! hour by hour.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use domain::usage::MeterKind;
use domain::{Instant, Month};

use crate::events::{Event, HOLD_DAYS, HOUR, MONTHS, first_month};

/// (month, meter, cost centre, class) → amount.
pub(crate) type Usage = BTreeMap<(Month, &'static str, String, String), i128>;
/// (source, outcome) → events.
pub(crate) type Outcomes = BTreeMap<(String, &'static str), u64>;

const ONE: i128 = 1_000_000;

/// What the events of a log, in the order of their partition, come to.
pub(crate) fn reckon<'e>(events: impl Iterator<Item = &'e Event>) -> (Usage, Outcomes) {
    let mut identities: BTreeMap<(&str, &str), BTreeMap<u32, &Event>> = BTreeMap::new();
    let mut outcomes = Outcomes::new();
    for event in events {
        let seen = identities.entry((event.source, &event.id)).or_default();
        let outcome = match seen.get(&event.seq) {
            Some(same) if *same == event => "duplicate",
            Some(_) => "conflict",
            None if seen.keys().any(|seq| *seq > event.seq) => "superseded",
            None if !seen.is_empty() => "revised",
            None if event.marker.is_some() => "marker",
            None => "metered",
        };
        seen.entry(event.seq).or_insert(event);
        *outcomes.entry((event.source.to_owned(), outcome)).or_default() += 1;
    }
    let now: Vec<&Event> = identities.values().map(|seen| *seen.values().next_back().unwrap()).collect();
    let mut usage = Usage::new();
    summed(&now, &mut usage);
    snapshots(&now, &mut usage);
    series(&now, &mut usage);
    usage.retain(|_, amount| *amount != 0);
    (usage, outcomes)
}

fn add(usage: &mut Usage, month: Month, event: &Event, amount: i128) {
    let key = (month, event.kind.name(), event.costcentre.to_owned(), event.class.to_owned());
    *usage.entry(key).or_default() += amount;
}

fn live<'a>(now: &'a [&'a Event], kind: MeterKind) -> impl Iterator<Item = &'a Event> {
    now.iter().copied().filter(move |event| event.kind == kind && event.marker.is_none() && !event.retracted)
}

fn summed(now: &[&Event], usage: &mut Usage) {
    live(now, MeterKind::Sum).for_each(|event| add(usage, Month::of(event.day), event, event.quantity * ONE));
    live(now, MeterKind::Count).for_each(|event| add(usage, Month::of(event.day), event, ONE));
    let mut seen = BTreeSet::new();
    for event in live(now, MeterKind::Unique) {
        if seen.insert((Month::of(event.day), event.costcentre, event.class, event.subject)) {
            add(usage, Month::of(event.day), event, ONE);
        }
    }
}

/// The marker of each complete snapshot of a meter: (source, day) → its time.
fn complete(now: &[&Event], kind: MeterKind) -> BTreeMap<(&'static str, NaiveDate), Instant> {
    let mut deciding: BTreeMap<(&'static str, NaiveDate), &Event> = BTreeMap::new();
    for marker in now.iter().filter(|event| event.kind == kind && event.marker.is_some()) {
        let decides = deciding.entry((marker.source, marker.day)).or_insert(marker);
        if (marker.time, &marker.id) > (decides.time, &decides.id) {
            *decides = marker;
        }
    }
    deciding.retain(|(source, day), marker| {
        let (count, refused) = marker.marker.unwrap();
        let present: BTreeSet<&str> = now
            .iter()
            .filter(|e| e.kind == kind && e.marker.is_none() && e.source == *source && e.day == *day)
            .map(|e| e.subject)
            .collect();
        present.len() as u32 + refused >= count
    });
    deciding.into_iter().map(|(key, marker)| (key, marker.time)).collect()
}

fn snapshots(now: &[&Event], usage: &mut Usage) {
    let complete = complete(now, MeterKind::AvgDaily);
    for source in ["/a", "/b"] {
        let mut day = first_month().first_day();
        while day < first_month().plus(MONTHS).first_day() {
            let from = (0..=3).map(|n| day - Days::new(n)).find(|day| complete.contains_key(&(source, *day)));
            let of_day: Vec<&Event> = live(now, MeterKind::AvgDaily)
                .filter(|event| event.source == source && Some(event.day) == from)
                .collect();
            for subject in of_day.iter().map(|event| event.subject).collect::<BTreeSet<_>>() {
                let best = of_day
                    .iter()
                    .filter(|event| event.subject == subject)
                    .max_by_key(|e| (e.seq, &e.id))
                    .unwrap();
                add(usage, Month::of(day), best, ONE);
            }
            day = day + Days::new(1);
        }
    }
}

fn series(now: &[&Event], usage: &mut Usage) {
    for kind in [MeterKind::TimeWeighted, MeterKind::Peak, MeterKind::Latest] {
        let complete = complete(now, kind);
        let all: BTreeSet<_> =
            live(now, kind).map(|event| (event.source, event.subject, event.disk)).collect();
        for (source, subject, disk) in all {
            let readings: Vec<&Event> = live(now, kind)
                .filter(|event| (event.source, event.subject, event.disk) == (source, subject, disk))
                .collect();
            let ends: Vec<(Instant, NaiveDate)> = complete
                .iter()
                .filter(|((of, day), _)| *of == source && !readings.iter().any(|reading| reading.day == *day))
                .map(|((_, day), at)| (*at, *day))
                .collect();
            hour_by_hour(kind, &readings, &ends, usage);
        }
    }
}

fn hour_by_hour(kind: MeterKind, readings: &[&Event], ends: &[(Instant, NaiveDate)], usage: &mut Usage) {
    for month in first_month().through(first_month().plus(MONTHS - 1)) {
        let mut peaks: BTreeMap<(&str, &str), &Event> = BTreeMap::new();
        let mut at = month.start();
        while at < month.end() {
            let holds =
                readings.iter().filter(|r| r.time <= at).max_by_key(|r| (r.time, r.seq, &r.id)).filter(|r| {
                    let expired = at.micros() - r.time.micros() >= i64::from(HOLD_DAYS) * 24 * HOUR;
                    !expired && !ends.iter().any(|(end, day)| r.time <= *end && *end <= at && r.day < *day)
                });
            if let Some(reading) = holds {
                match kind {
                    MeterKind::TimeWeighted => {
                        add(usage, month, reading, reading.quantity * ONE * i128::from(HOUR))
                    }
                    MeterKind::Latest if at.micros() + HOUR == month.end().micros() => {
                        add(usage, month, reading, reading.quantity * ONE);
                    }
                    MeterKind::Peak => {
                        let peak = peaks.entry((reading.costcentre, reading.class)).or_insert(reading);
                        if reading.quantity > peak.quantity {
                            *peak = reading;
                        }
                    }
                    MeterKind::Latest
                    | MeterKind::Sum
                    | MeterKind::Count
                    | MeterKind::Unique
                    | MeterKind::AvgDaily
                    | MeterKind::Fixed => {}
                }
            }
            at = Instant::from_micros(at.micros() + HOUR);
        }
        peaks.values().for_each(|peak| add(usage, month, peak, peak.quantity * ONE));
    }
}

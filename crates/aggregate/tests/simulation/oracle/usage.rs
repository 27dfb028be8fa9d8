//! Usage of the events that count: day by day and hour by hour.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate};
use domain::usage::MeterKind;
use domain::{Instant, Month};

use super::subjects;
use crate::closer::Lines;
use crate::events::Event;
use crate::scene::{DAY, HOLD_DAYS, HOUR, MONTHS, Scene};

const ONE: i128 = 1_000_000;

/// What the events come to, with readings and snapshots up to an instant, which is a midnight.
pub(crate) fn usage(scene: Scene, alive: &[Event], until: Instant) -> Lines {
    let mut reckoned = Reckoned { scene, alive, until, lines: Lines::new() };
    reckoned.summed();
    reckoned.snapshots();
    reckoned.series();
    reckoned.lines.retain(|_, amount| *amount != 0);
    reckoned.lines
}

struct Reckoned<'e> {
    scene: Scene,
    alive: &'e [Event],
    until: Instant,
    lines: Lines,
}

/// The marker of a complete snapshot: (source, day) → its time.
type Complete = BTreeMap<(&'static str, NaiveDate), Instant>;

impl<'e> Reckoned<'e> {
    fn add(&mut self, month: Month, event: &Event, amount: i128) {
        let key = (month, event.kind.name().to_owned(), event.costcentre.to_owned(), event.class.to_owned());
        *self.lines.entry(key).or_default() += amount;
    }

    /// What is alive of a meter, also retracted.
    fn of(&self, kind: MeterKind) -> impl Iterator<Item = &'e Event> + use<'e> {
        self.alive.iter().filter(move |event| event.kind == kind && event.marker.is_none())
    }

    fn live(&self, kind: MeterKind) -> impl Iterator<Item = &'e Event> + use<'e> {
        self.of(kind).filter(|event| !event.retracted)
    }

    fn summed(&mut self) {
        for event in self.live(MeterKind::Sum) {
            self.add(Month::of(event.day), event, event.quantity * ONE);
        }
        for event in self.live(MeterKind::Count) {
            self.add(Month::of(event.day), event, ONE);
        }
        let mut seen = BTreeSet::new();
        for event in self.live(MeterKind::Unique) {
            if seen.insert((Month::of(event.day), event.costcentre, event.class, event.subject)) {
                self.add(Month::of(event.day), event, ONE);
            }
        }
    }

    fn complete(&self, kind: MeterKind) -> Complete {
        let markers = || self.alive.iter().filter(|event| event.kind == kind && event.marker.is_some());
        let mut complete = Complete::new();
        for (source, day) in markers().map(|marker| (marker.source, marker.day)).collect::<BTreeSet<_>>() {
            let of_day = markers().filter(|marker| (marker.source, marker.day) == (source, day));
            let marker = of_day.max_by_key(|marker| (marker.time, &marker.id)).unwrap();
            let (count, refused) = marker.marker.unwrap();
            let present = subjects(self.of(kind).filter(|event| (event.source, event.day) == (source, day)));
            if present.len() as u32 + refused >= count {
                complete.insert((source, day), marker.time);
            }
        }
        complete
    }

    fn snapshots(&mut self) {
        let complete = self.complete(MeterKind::AvgDaily);
        for source in ["/a", "/b"] {
            let mut day = self.scene.first.first_day();
            while day < self.scene.first.plus(MONTHS).first_day().min(self.until.day()) {
                let from =
                    (0..=3).map(|n| day - Days::new(n)).find(|day| complete.contains_key(&(source, *day)));
                let of_day: Vec<&Event> = self
                    .live(MeterKind::AvgDaily)
                    .filter(|event| event.source == source && Some(event.day) == from)
                    .collect();
                for subject in subjects(of_day.iter().copied()) {
                    let mine = of_day.iter().filter(|event| event.subject == subject);
                    let best = mine.max_by_key(|event| (event.seq, &event.id)).unwrap();
                    // Keys of pseudonyms change with the year.
                    if !subject.starts_with("ps_") || best.day.year() == day.year() {
                        self.add(Month::of(day), best, ONE);
                    }
                }
                day = day + Days::new(1);
            }
        }
    }

    fn series(&mut self) {
        for kind in [MeterKind::TimeWeighted, MeterKind::Peak, MeterKind::Latest] {
            let complete = self.complete(kind);
            let all: BTreeSet<_> =
                self.live(kind).map(|event| (event.source, event.subject, event.disk)).collect();
            for one in all {
                let readings: Vec<&Event> = self
                    .live(kind)
                    .filter(|event| (event.source, event.subject, event.disk) == one)
                    .collect();
                let ends: Vec<(Instant, NaiveDate)> = complete
                    .iter()
                    .filter(|((of, day), _)| *of == one.0 && !readings.iter().any(|r| r.day == *day))
                    .map(|((_, day), at)| (*at, *day))
                    .collect();
                self.hour_by_hour(kind, &readings, &ends);
            }
        }
    }

    fn hour_by_hour(&mut self, kind: MeterKind, readings: &[&Event], ends: &[(Instant, NaiveDate)]) {
        for month in self.scene.months() {
            let mut peaks: BTreeMap<(&str, &str), &Event> = BTreeMap::new();
            let close = month.end().min(self.until);
            let mut at = month.start();
            while at < close {
                let next = Instant::from_micros(at.micros() + HOUR);
                if let Some(reading) = holding(at, readings, ends) {
                    match kind {
                        MeterKind::TimeWeighted => {
                            self.add(month, reading, reading.quantity * ONE * i128::from(HOUR));
                        }
                        MeterKind::Latest if next == close => {
                            self.add(month, reading, reading.quantity * ONE);
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
                at = next;
            }
            for peak in peaks.into_values() {
                self.add(month, peak, peak.quantity * ONE);
            }
        }
    }
}

/// The reading of a series that holds at an instant.
fn holding<'e>(at: Instant, readings: &[&'e Event], ends: &[(Instant, NaiveDate)]) -> Option<&'e Event> {
    let earlier = readings.iter().filter(|reading| reading.time <= at);
    let last = earlier.max_by_key(|reading| (reading.time, reading.seq, &reading.id))?;
    let has_expired = at.micros() - last.time.micros() >= i64::from(HOLD_DAYS) * DAY;
    let is_ended = ends.iter().any(|(end, day)| last.time <= *end && *end <= at && last.day < *day);
    (!has_expired && !is_ended && !has_new_keys(last, at)).then_some(last)
}

/// Whether a reading is of a pseudonym whose key has changed with the year since.
fn has_new_keys(reading: &Event, at: Instant) -> bool {
    reading.subject.starts_with("ps_") && reading.time.day().year() < at.day().year()
}

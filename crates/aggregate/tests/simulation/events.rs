//! What is sent: events of every kind of meter, with duplicates, conflicts, revisions and retractions, in any order.

use chrono::NaiveDate;
use domain::usage::MeterKind;
use domain::{EventKey, Instant, calendar};

use crate::random::Random;
use crate::scene::{HOUR, KINDS, MONTHS, SUBJECTS, Scene};

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
    /// A marker's count and how many were refused.
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

/// Makes the events of a run.
struct Maker<'r> {
    random: &'r mut Random,
    scene: Scene,
    made: u32,
}

impl Maker<'_> {
    /// A few days around the edges of months are enough to meet every edge, and keep snapshots and readings close.
    fn time(&mut self) -> Instant {
        let edge = self.scene.first.plus(self.random.below(MONTHS as usize + 1) as i32).start().micros();
        let hour = self.random.below(10 * 24) as i64 - 5 * 24;
        let (first, end) = (self.scene.first.start().micros(), self.scene.end().micros());
        Instant::from_micros((edge + hour * HOUR).clamp(first, end - HOUR))
    }

    fn event(&mut self, kind: MeterKind) -> Event {
        self.made += 1;
        let time = self.time();
        let before = self.random.percent(20) && time.day() > self.scene.first.first_day();
        Event {
            source: self.random.pick(&["/a", "/b"]),
            id: format!("e{}", self.made),
            seq: self.random.pick(&[0, 0, 0, 1, 2]),
            kind,
            costcentre: self.random.pick(&["X", "Y"]),
            class: self.random.pick(&["low", "high"]),
            disk: self.random.pick(&["d1", "d2"]),
            subject: self.random.pick(&SUBJECTS),
            time,
            day: if before { time.day().pred_opt().unwrap() } else { time.day() },
            quantity: self.random.pick(&[0, 1, 2, 5]),
            retracted: false,
            marker: None,
        }
    }

    /// One reading of each subject, then the marker, with a count that is usually right.
    fn snapshot(&mut self, out: &mut Vec<Event>) {
        let kind = self.random.pick(&[
            MeterKind::AvgDaily,
            MeterKind::AvgDaily,
            MeterKind::Peak,
            MeterKind::Latest,
            MeterKind::TimeWeighted,
        ]);
        let source = self.random.pick(&["/a", "/b"]);
        let day = self.time().day();
        let midnight = calendar::start_of_day(day).micros();
        let mut subjects: u32 = 0;
        for subject in SUBJECTS {
            if self.random.percent(70) {
                let time = Instant::from_micros(midnight + self.random.below(22) as i64 * HOUR);
                out.push(Event { source, seq: 0, subject, time, day, ..self.event(kind) });
                subjects += 1;
            }
        }
        let refused = self.random.pick(&[0, 0, 1]);
        let count = match self.random.below(7) {
            0 => subjects + refused + 1,
            1 => (subjects + refused).saturating_sub(1).max(refused),
            _ => subjects + refused,
        };
        let later = if self.random.percent(50) { 0 } else { 24 };
        let time = Instant::from_micros(midnight + (self.random.below(22) as i64 + later) * HOUR);
        let bare = Event { subject: "", costcentre: "", class: "", disk: "", ..self.event(kind) };
        out.push(Event { source, seq: 0, time, day, quantity: 0, marker: Some((count, refused)), ..bare });
    }

    /// An event of the same identity as one that was made: the same again, or with other content, or a revision, also
    /// of another kind, month, payer or subject.
    fn again(&mut self, event: &Event) -> Event {
        let what = self.random.below(100);
        if what < 25 {
            return event.clone();
        }
        let kind = if self.random.percent(60) { event.kind } else { self.random.pick(&KINDS) };
        let mut other = Event { source: event.source, id: event.id.clone(), ..self.event(kind) };
        if self.random.percent(50) {
            (other.time, other.day) = (event.time, event.day);
        }
        if self.random.percent(50) && event.marker.is_none() {
            (other.subject, other.disk) = (event.subject, event.disk);
        }
        if self.random.percent(50) && event.marker.is_none() {
            (other.costcentre, other.class) = (event.costcentre, event.class);
        }
        other.seq = if what < 35 { event.seq } else { 1 + self.random.below(5) as u32 };
        other.retracted = other.seq > 0 && what >= 35 && self.random.percent(35);
        other
    }
}

/// The events of a run, in the order of sending.
pub(crate) fn workload(random: &mut Random, scene: Scene) -> Vec<Event> {
    let mut maker = Maker { random, scene, made: 0 };
    let mut out = Vec::new();
    for _ in 0..20 + maker.random.below(40) {
        let kind = maker.random.pick(&KINDS);
        out.push(maker.event(kind));
    }
    for _ in 0..4 + maker.random.below(7) {
        maker.snapshot(&mut out);
    }
    for _ in 0..20 + maker.random.below(40) {
        let one = out[maker.random.below(out.len())].clone();
        let again = maker.again(&one);
        out.push(again);
    }
    random.shuffle(&mut out);
    // Much later, the same again: after its batch has left every cache.
    let late: Vec<Event> = out.iter().filter(|_| random.percent(25)).cloned().collect();
    out.sort_by_key(|event| event.time.micros() / (40 * 24 * HOUR));
    out.extend(late);
    out
}

//! What must be there, by brute force over the log, sharing no code with the core: every event is judged against all
//! earlier ones, and usage is reckoned from the highest revision of each identity.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Months, NaiveDate};
use domain::{EventKey, Instant};

use crate::events::Event;
use crate::log::{Item, Log, Logged};
use crate::scene::Scene;
use crate::tables::within;

mod usage;

pub(crate) use usage::usage;

/// (source, day of arrival)
pub(crate) type SourceDay = (String, NaiveDate);
/// (generation, partition, offset, index)
pub(crate) type At = (u16, u32, u64, u32);

/// What a log comes to.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// The highest revision of each identity.
    pub(crate) alive: Vec<Event>,
    /// How many events became what.
    pub(crate) outcomes: BTreeMap<(SourceDay, &'static str), u64>,
    /// How many events were on the log at all.
    pub(crate) logged: BTreeMap<SourceDay, u64>,
    /// What is kept in the quarantine, with its code.
    pub(crate) quarantine: BTreeMap<At, &'static str>,
    /// Where each revision was first seen.
    pub(crate) identities: BTreeMap<(EventKey, u32), At>,
    /// What else happened, for the coverage.
    pub(crate) seen: BTreeMap<&'static str, u64>,
}

/// Judges the events of a log up to a prefix.
pub(crate) fn judge(scene: Scene, log: &Log, prefix: &store::rollup::Prefix) -> Expected {
    let mut all = Expected::default();
    let mut identities: BTreeMap<(&str, &str), BTreeMap<u32, &Event>> = BTreeMap::new();
    for (generation, partitions) in (1..).zip(&log.generations) {
        for (partition, of) in (0..).zip(partitions) {
            let inside = |logged: &&_| within(prefix, generation, partition, Logged::offset(logged));
            for logged in of.records.iter().map(AsRef::as_ref).filter(inside) {
                let place = (generation, partition, partitions.len() as u32);
                all.judge_record(scene, logged, place, &mut identities);
            }
        }
    }
    all.alive = identities.into_values().filter_map(|of| Some((*of.values().next_back()?).clone())).collect();
    all
}

impl Expected {
    fn judge_record<'l>(
        &mut self,
        scene: Scene,
        logged: &'l Logged,
        (generation, partition, partitions): (u16, u32, u32),
        identities: &mut BTreeMap<(&'l str, &'l str), BTreeMap<u32, &'l Event>>,
    ) {
        let day = logged.received().day();
        if logged.is_unreadable {
            self.quarantine.insert((generation, partition, logged.offset(), 0), "undecodable");
        }
        for (index, item) in (0..).zip(&logged.items) {
            let at = (generation, partition, logged.offset(), index);
            let outcome = match item {
                _ if logged.is_unreadable => "quarantined",
                Item::Garbage(_) => {
                    self.quarantine.insert(at, "undecodable");
                    "quarantined"
                }
                Item::Event(event) if event.key().partition(partitions) != partition => {
                    self.quarantine.insert(at, "misrouted");
                    "quarantined"
                }
                Item::Event(event) if event.time < oldest(scene, logged.received()) => {
                    self.quarantine.insert(at, "too_old");
                    "quarantined"
                }
                Item::Event(event) => {
                    let seen = identities.entry((event.source, &event.id)).or_default();
                    self.judge_event(event, at, seen)
                }
            };
            let source_day = (item.source().to_owned(), day);
            *self.logged.entry(source_day.clone()).or_default() += 1;
            *self.outcomes.entry((source_day, outcome)).or_default() += 1;
        }
    }

    fn judge_event<'l>(
        &mut self,
        event: &'l Event,
        at: At,
        seen: &mut BTreeMap<u32, &'l Event>,
    ) -> &'static str {
        let highest = seen.values().next_back().copied();
        let outcome = match (seen.get(&event.seq), highest) {
            (Some(same), _) if *same == event => "duplicate",
            (Some(_), _) => "conflict",
            (None, Some(highest)) if highest.seq > event.seq => "superseded",
            (None, Some(_)) => "revised",
            (None, None) if event.marker.is_some() => "marker",
            (None, None) => "metered",
        };
        if outcome == "conflict" {
            self.quarantine.insert(at, "conflict");
        }
        let mut see = |what, happened| *self.seen.entry(what).or_default() += u64::from(happened);
        see("retraction", event.retracted && outcome == "revised");
        see("retraction before its target", event.retracted && outcome == "metered");
        see("retraction superseded", event.retracted && outcome == "superseded");
        if let Some(before) = highest.filter(|_| outcome == "revised") {
            see("revision to another month", domain::Month::of(before.day) != domain::Month::of(event.day));
            see("revision to another cost centre", before.costcentre != event.costcentre);
            see("revision to another meter", before.kind != event.kind);
            see("revision of a retraction", before.retracted);
            see("revision of a marker", before.marker.is_some());
        }
        if !seen.contains_key(&event.seq) {
            seen.insert(event.seq, event);
            self.identities.insert((event.key(), event.seq), at);
        }
        outcome
    }
}

/// What is older than this when it is received is too old.
fn oldest(scene: Scene, received: Instant) -> Instant {
    let received = DateTime::from_timestamp_micros(received.micros()).unwrap();
    Instant::from_micros((received - Months::new(scene.horizon)).timestamp_micros())
}

/// The subjects of some events.
fn subjects<'e>(events: impl Iterator<Item = &'e Event>) -> BTreeSet<&'e str> {
    events.map(|event| event.subject).collect()
}

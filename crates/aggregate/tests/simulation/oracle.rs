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
    /// The highest revision of each identity, of each of its lives.
    pub(crate) alive: Vec<Event>,
    /// How many events became what, and how many a header says that there are.
    pub(crate) outcomes: BTreeMap<(SourceDay, &'static str), u64>,
    /// How many events were on the log at all.
    pub(crate) logged: BTreeMap<SourceDay, u64>,
    /// What is kept in the quarantine, with its code.
    pub(crate) quarantine: BTreeMap<At, &'static str>,
    /// Where each revision was first seen.
    pub(crate) identities: BTreeMap<(EventKey, u32, At), ()>,
    /// What else happened, for the coverage.
    pub(crate) seen: BTreeMap<&'static str, u64>,
}

/// The revisions of an identity that are not forgotten, and the latest instant of any of them.
#[derive(Default)]
struct Identity<'l> {
    revisions: BTreeMap<u32, &'l Event>,
    latest: Option<Instant>,
}

/// What is known while the log is gone through.
#[derive(Default)]
struct Known<'l> {
    identities: BTreeMap<(&'l str, &'l str), Identity<'l>>,
    /// (generation, partition, collector, epoch, batch)
    batches: BTreeSet<(u16, u32, &'l str, u64, u64)>,
}

/// Judges the events of a log up to a prefix.
pub(crate) fn judge(scene: Scene, log: &Log, prefix: &store::rollup::Prefix) -> Expected {
    let mut all = Expected::default();
    let mut known = Known::default();
    for (generation, of) in (1..).zip(&log.generations) {
        for (partition, records) in (0..).zip(&of.partitions) {
            let inside = |logged: &&_| within(prefix, generation, partition, Logged::offset(logged));
            for logged in records.records.iter().map(AsRef::as_ref).filter(inside) {
                let place = (generation, partition, of.partitions.len() as u32);
                all.judge_record(scene, logged, place, &mut known);
            }
        }
    }
    let identities = known.identities.into_values();
    all.alive.extend(identities.filter_map(|of| Some((*of.revisions.values().next_back()?).clone())));
    all
}

impl Expected {
    fn judge_record<'l>(
        &mut self,
        scene: Scene,
        logged: &'l Logged,
        (generation, partition, partitions): (u16, u32, u32),
        known: &mut Known<'l>,
    ) {
        let day = logged.received().day();
        let oldest = oldest(scene, logged.received());
        let line = match &logged.stored.header {
            Ok(header) => {
                let of = |batch| (generation, partition, header.collector.as_str(), header.epoch, batch);
                // Only the same record again, or one of an earlier generation, is not above all before it.
                let is_known = known.batches.range(of(header.batch)..=of(u64::MAX)).next().is_some();
                if header.kind == eventlog::Kind::Events {
                    known.batches.insert(of(header.batch));
                }
                match is_known {
                    true => "resent",
                    false if header.released => "released",
                    false => "accepted",
                }
            }
            Err(_) => "accepted",
        };
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
                Item::Event(event) if event.time < oldest => {
                    self.quarantine.insert(at, "too_old");
                    "quarantined"
                }
                Item::Event(event) => {
                    let identity = known.identities.entry((event.source, &event.id)).or_default();
                    if identity.latest.is_some_and(|latest| latest < oldest) {
                        let forgotten = std::mem::take(identity);
                        self.alive.extend(forgotten.revisions.into_values().next_back().cloned());
                        *self.seen.entry("id used again after the horizon").or_default() += 1;
                    }
                    self.judge_event(event, at, logged.received(), identity)
                }
            };
            let source_day = (item.source().to_owned(), day);
            *self.logged.entry(source_day.clone()).or_default() += 1;
            *self.outcomes.entry((source_day.clone(), line)).or_default() += 1;
            *self.outcomes.entry((source_day, outcome)).or_default() += 1;
        }
    }

    fn judge_event<'l>(
        &mut self,
        event: &'l Event,
        at: At,
        received: Instant,
        identity: &mut Identity<'l>,
    ) -> &'static str {
        let highest = identity.revisions.values().next_back().copied();
        let outcome = match (identity.revisions.get(&event.seq), highest) {
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
        if let std::collections::btree_map::Entry::Vacant(place) = identity.revisions.entry(event.seq) {
            place.insert(event);
            identity.latest = identity.latest.max(Some(event.time.max(received)));
            self.identities.insert((event.key(), event.seq, at), ());
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

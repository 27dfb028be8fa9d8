//! Which snapshots are complete, and what averages over days come to (counting §6).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};

use super::count::{ONE, Part};
use super::read::{Event, Pile, What};
use super::swedish;

/// How many days a complete snapshot stands in for missing ones.
const CARRY_DAYS: u64 = 3;

/// What a snapshot is of: source, service and meter.
pub(crate) type Group = (u32, u32, u32);

/// The days of each group with a complete snapshot, and the instants of their markers.
pub(crate) fn complete(pile: &Pile<'_>, events: &[&Event]) -> BTreeMap<Group, BTreeMap<NaiveDate, i64>> {
    let mut present: BTreeMap<(Group, NaiveDate), BTreeSet<u32>> = BTreeMap::new();
    let mut markers: BTreeMap<(Group, NaiveDate), (i64, &str, u64, u64)> = BTreeMap::new();
    for event in events {
        let key = ((event.source, event.service, event.meter), event.day);
        match event.what {
            // Retracted ones have arrived too.
            What::Usage { .. } => {
                present.entry(key).or_default().insert(event.subject);
            }
            What::Marker { count, refused } => {
                let marker = (event.time, pile.names.text(event.id), count, refused);
                let best = markers.entry(key).or_insert(marker);
                *best = marker.max(*best);
            }
        }
    }
    let mut complete: BTreeMap<Group, BTreeMap<NaiveDate, i64>> = BTreeMap::new();
    for ((group, day), (time, _, count, refused)) in markers {
        let subjects = present.get(&(group, day)).map_or(0, BTreeSet::len) as u64;
        if subjects + refused >= count {
            complete.entry(group).or_default().insert(day, time);
        }
    }
    complete
}

/// An object-day for each subject of each day's snapshot, or of the last complete one within three days.
pub(crate) fn count(pile: &Pile<'_>, observations: &[&Event], parts: &mut Vec<Part>) {
    let mut snapshots: BTreeMap<(Group, NaiveDate), BTreeMap<u32, &Event>> = BTreeMap::new();
    for event in observations {
        let What::Usage { retracted: false, .. } = event.what else { continue };
        let key = ((event.source, event.service, event.meter), event.day);
        let best = snapshots.entry(key).or_default().entry(event.subject).or_insert(event);
        let rank = |event: &Event| (event.seq, pile.names.text(event.id).to_owned());
        if rank(event) > rank(best) {
            *best = event;
        }
    }
    for (group, days) in complete(pile, observations) {
        let (Some((&first, _)), Some((&last, _))) = (days.first_key_value(), days.last_key_value()) else {
            continue;
        };
        let mut day = first;
        while day <= swedish::after(last, CARRY_DAYS) {
            let back =
                (0..=CARRY_DAYS).map(|n| day - chrono::Days::new(n)).find(|day| days.contains_key(day));
            let subjects = back.and_then(|taken| snapshots.get(&(group, taken)));
            for event in subjects.into_iter().flat_map(BTreeMap::values) {
                let What::Usage { class, costcentre, .. } = event.what else { continue };
                // Pseudonyms' keys change with the year, so nobody can be the same person on the other side.
                if event.day.year() != day.year() && pile.names.text(event.subject).starts_with("ps_") {
                    continue;
                }
                parts.push(Part { day, service: group.1, meter: group.2, class, costcentre, amount: ONE });
            }
            day = swedish::after(day, 1);
        }
    }
}

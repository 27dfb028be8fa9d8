//! Which snapshots are complete (counting §6).

use std::collections::BTreeMap;

use store::rollup::Marker;
use store::rows::Dictionary;

use super::alive::Observation;

/// How many distinct subjects each snapshot has, those of retracted observations included: they have arrived.
#[derive(Debug, Default)]
pub(super) struct Presence {
    sources: Dictionary,
    counts: BTreeMap<(u32, i32), u32>,
    subject: String,
    source: u32,
    /// The days that the current subject was seen on.
    days: Vec<i32>,
}

/// Distinct subjects by source and day.
pub(super) type Present = BTreeMap<String, BTreeMap<i32, u32>>;

impl Presence {
    pub(super) fn see(&mut self, seen: &Observation<'_>) {
        let source = if self.sources.text(store::rows::Symbol(self.source)) == seen.source {
            self.source
        } else {
            self.sources.symbol(seen.source).0
        };
        if source != self.source || self.subject != seen.subject {
            self.flush();
            self.source = source;
            self.subject.clear();
            self.subject.push_str(seen.subject);
        }
        if self.days.last() != Some(&seen.day) && !self.days.contains(&seen.day) {
            self.days.push(seen.day);
        }
    }

    fn flush(&mut self) {
        for day in self.days.drain(..) {
            *self.counts.entry((self.source, day)).or_default() += 1;
        }
    }

    pub(super) fn end(mut self) -> Present {
        self.flush();
        let mut present = Present::new();
        for ((source, day), count) in self.counts {
            let source = self.sources.text(store::rows::Symbol(source)).to_owned();
            present.entry(source).or_default().insert(day, count);
        }
        present
    }
}

/// A snapshot that is complete: its day and the instant of its marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Complete {
    pub(super) day: i32,
    pub(super) at: domain::Instant,
}

/// The complete snapshots of each source, ordered by day.
#[derive(Debug, Default)]
pub(super) struct Completeness(BTreeMap<String, Vec<Complete>>);

impl Completeness {
    /// Judges the snapshots of a day and later ones: all their observations were seen.
    pub(super) fn judge(markers: &[Marker], present: &Present, from: i32) -> Self {
        let mut complete: BTreeMap<String, Vec<Complete>> = BTreeMap::new();
        for marker in deciding(markers).filter(|marker| marker.day >= from) {
            let seen = present
                .get(&marker.source)
                .and_then(|days| days.get(&marker.day))
                .copied()
                .unwrap_or_default();
            if is_complete(marker, seen) {
                complete
                    .entry(marker.source.clone())
                    .or_default()
                    .push(Complete { day: marker.day, at: marker.time });
            }
        }
        Self(complete)
    }

    pub(super) fn of(&self, source: &str) -> &[Complete] {
        self.0.get(source).map_or(&[], Vec::as_slice)
    }
}

/// Whether a snapshot with so many distinct subjects is complete.
pub(super) fn is_complete(marker: &Marker, present: u32) -> bool {
    u64::from(present) + u64::from(marker.refused) >= u64::from(marker.count)
}

/// Of several markers of one source and day the greatest (time, id), ordered by source and day.
pub(super) fn deciding(markers: &[Marker]) -> impl Iterator<Item = &Marker> {
    let mut greatest: BTreeMap<(&str, i32), &Marker> = BTreeMap::new();
    for marker in markers {
        let decides = greatest.entry((&marker.source, marker.day)).or_insert(marker);
        if (marker.time, &marker.id) > (decides.time, &decides.id) {
            *decides = marker;
        }
    }
    greatest.into_values()
}

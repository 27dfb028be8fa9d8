//! Daily averages: the distinct subjects of each day's snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::Datelike;
use domain::usage::MeterKind;
use store::rollup::Marker;
use store::rows::{Symbol, date_of};
use store::usage::GapKind;

use super::alive::Observation;
use super::presence::{deciding, is_complete};
use super::{CARRY_DAYS, PSEUDONYM, Scope, Tally};

/// What one source's snapshots hold, by day; and the subject that is being seen.
#[derive(Debug)]
pub(super) struct Snapshots {
    tally: Tally,
    sources: BTreeMap<String, BTreeMap<i32, Snapshot>>,
    source: String,
    days: BTreeMap<i32, Snapshot>,
    subject: String,
    /// The current subject's observations, one for each day: the highest (seq, id) of those that are not retracted.
    best: Vec<Best>,
    /// The text of their ids.
    ids: String,
    /// The first day that can matter.
    from: i32,
}

/// The snapshot of one day.
#[derive(Debug, Default)]
struct Snapshot {
    /// Distinct subjects, those of retracted observations included.
    present: u32,
    /// Subjects by cost centre and class, pseudonyms apart.
    counts: BTreeMap<(Symbol, Symbol, bool), u32>,
    /// Observations beyond the one that counts.
    excess: u64,
}

#[derive(Debug)]
struct Best {
    day: i32,
    observations: u64,
    counts: Option<Counts>,
}

#[derive(Debug)]
struct Counts {
    seq: u32,
    id: Range<usize>,
    costcentre: Symbol,
    class: Symbol,
}

impl Snapshots {
    pub(super) fn new(scope: &Scope) -> Self {
        Self {
            tally: Tally::default(),
            sources: BTreeMap::new(),
            source: String::new(),
            days: BTreeMap::new(),
            subject: String::new(),
            best: Vec::new(),
            ids: String::new(),
            from: scope.days().start - CARRY_DAYS,
        }
    }

    pub(super) fn see(&mut self, scope: &Scope, seen: &Observation<'_>) {
        if seen.day < self.from || seen.day >= scope.days().end {
            return;
        }
        if self.source != seen.source || self.subject != seen.subject {
            self.end_subject();
            if self.source != seen.source {
                self.end_source();
                seen.source.clone_into(&mut self.source);
            }
            seen.subject.clone_into(&mut self.subject);
        }
        // Observations come by time, so the day is nearly always the last one.
        let at = match self.best.iter().rposition(|best| best.day == seen.day) {
            Some(at) => at,
            None => {
                self.best.push(Best { day: seen.day, observations: 0, counts: None });
                self.best.len() - 1
            }
        };
        let best = &mut self.best[at];
        if seen.retracted {
            return;
        }
        best.observations += 1;
        let beats =
            best.counts.as_ref().is_none_or(|old| (seen.seq, seen.id) > (old.seq, &self.ids[old.id.clone()]));
        if beats {
            let start = self.ids.len();
            self.ids.push_str(seen.id);
            let dictionary = &mut self.tally.dictionary;
            best.counts = Some(Counts {
                seq: seen.seq,
                id: start..self.ids.len(),
                costcentre: dictionary.symbol(seen.costcentre),
                class: dictionary.symbol(seen.class),
            });
        }
    }

    fn end_subject(&mut self) {
        let pseudonym = self.subject.starts_with(PSEUDONYM);
        for best in self.best.drain(..) {
            let snapshot = self.days.entry(best.day).or_default();
            snapshot.present += 1;
            snapshot.excess += best.observations.saturating_sub(1);
            if let Some(counts) = best.counts {
                *snapshot.counts.entry((counts.costcentre, counts.class, pseudonym)).or_default() += 1;
            }
        }
        self.ids.clear();
    }

    fn end_source(&mut self) {
        let days = std::mem::take(&mut self.days);
        if !days.is_empty() {
            self.sources.insert(std::mem::take(&mut self.source), days);
        }
    }

    pub(super) fn end(mut self, scope: &Scope, markers: &[Marker]) -> Tally {
        self.end_subject();
        self.end_source();
        let markers: Vec<&Marker> = deciding(markers).collect();
        let sources: BTreeSet<String> =
            self.sources.keys().cloned().chain(markers.iter().map(|marker| marker.source.clone())).collect();
        for source in sources {
            let days = self.sources.remove(&source).unwrap_or_default();
            let of_source: Vec<&Marker> =
                markers.iter().copied().filter(|marker| marker.source == source).collect();
            tally_source(&mut self.tally, scope, &source, &days, &of_source);
        }
        self.tally
    }
}

fn tally_source(
    tally: &mut Tally,
    scope: &Scope,
    source: &str,
    days: &BTreeMap<i32, Snapshot>,
    markers: &[&Marker],
) {
    let nothing = Snapshot::default();
    let snapshot = |day: i32| days.get(&day).unwrap_or(&nothing);
    let complete: BTreeSet<i32> = markers
        .iter()
        .filter(|marker| is_complete(marker, snapshot(marker.day).present))
        .map(|m| m.day)
        .collect();
    let first = markers.iter().map(|marker| marker.day).min();
    let whose = (source, "", "");
    for day in scope.days().start..scope.days().end.min(scope.until_day()) {
        let from = (day - CARRY_DAYS..=day).rev().find(|day| complete.contains(day));
        let Some(from) = from else {
            // Days before a source's first snapshot are nothing; observations that no marker completes are a gap.
            if first.is_some_and(|first| first <= day) || snapshot(day).present > 0 {
                tally.list(scope, GapKind::Missing, whose, day..day + 1, None);
            }
            continue;
        };
        let keys_changed = year_of(from) != year_of(day);
        let mut left_out = false;
        for ((costcentre, class, pseudonym), subjects) in &snapshot(from).counts {
            if keys_changed && *pseudonym {
                left_out = true;
                continue;
            }
            tally.add(*costcentre, *class, day, i128::from(*subjects) * MeterKind::one());
        }
        if left_out {
            tally.list(scope, GapKind::Missing, whose, day..day + 1, None);
        } else if from != day {
            tally.list(scope, GapKind::Estimated, whose, day..day + 1, None);
        }
        let excess = snapshot(day).excess;
        if from == day && excess > 0 {
            tally.list(scope, GapKind::Excess, whose, day..day + 1, Some(excess));
        }
    }
}

fn year_of(day: i32) -> i32 {
    date_of(day).map_or(0, |date| date.year())
}

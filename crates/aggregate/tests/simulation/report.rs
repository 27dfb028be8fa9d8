//! What runs came to, added up and printed.

use std::collections::BTreeMap;

/// How often each of something happened.
pub(crate) type Counts = BTreeMap<&'static str, u64>;

/// Something that is not as it must be.
#[derive(Debug, Clone)]
pub(crate) struct Difference {
    pub(crate) kind: &'static str,
    pub(crate) detail: String,
}

/// What one run came to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    /// Events on the log.
    pub(crate) events: u64,
    pub(crate) faults: Counts,
    pub(crate) outcomes: Counts,
    /// What else there was, in the workload and in the log.
    pub(crate) seen: Counts,
    pub(crate) differences: Vec<Difference>,
}

/// What many runs came to.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) seeds: u64,
    pub(crate) events: u64,
    pub(crate) faults: Counts,
    pub(crate) outcomes: Counts,
    pub(crate) seen: Counts,
    /// The seeds with differences.
    pub(crate) failed: Vec<(u64, Vec<Difference>)>,
}

fn add(counts: &mut Counts, more: Counts) {
    for (name, count) in more {
        *counts.entry(name).or_default() += count;
    }
}

impl Totals {
    pub(crate) fn add(&mut self, report: Report) {
        self.seeds += 1;
        self.events += report.events;
        add(&mut self.faults, report.faults);
        add(&mut self.outcomes, report.outcomes);
        add(&mut self.seen, report.seen);
        if !report.differences.is_empty() {
            self.failed.push((report.seed, report.differences));
        }
    }

    pub(crate) fn fault_count(&self) -> u64 {
        self.faults.values().sum()
    }

    /// The kinds of differences, and in how many seeds each was.
    pub(crate) fn kinds(&self) -> Counts {
        let mut kinds = Counts::new();
        for (_, differences) in &self.failed {
            let mut of_seed: Vec<_> = differences.iter().map(|difference| difference.kind).collect();
            of_seed.sort_unstable();
            of_seed.dedup();
            of_seed.into_iter().for_each(|kind| *kinds.entry(kind).or_default() += 1);
        }
        kinds
    }

    /// What never happened of what must.
    pub(crate) fn missing(&self, of: &[&'static str]) -> Vec<&'static str> {
        let has = |name: &&str| {
            [&self.faults, &self.outcomes, &self.seen].iter().any(|of| of.get(*name).is_some_and(|n| *n > 0))
        };
        of.iter().copied().filter(|name| !has(name)).collect()
    }
}

/// Everything that must have happened in the seeds of the ordinary test: every outcome, every fault, every way in which
/// events concern each other.
pub(crate) const COVERAGE: [&str; 49] = [
    "metered",
    "revised",
    "duplicate",
    "conflict",
    "superseded",
    "marker",
    "quarantined",
    "misrouted",
    "too_old",
    "undecodable",
    "retraction",
    "retraction before its target",
    "retraction superseded",
    "revision to another month",
    "revision to another cost centre",
    "revision to another meter",
    "revision of a retraction",
    "revision of a marker",
    "accepted",
    "resent",
    "released",
    "id used again after the horizon",
    "identities beyond the horizon deleted",
    "another generation",
    "begin of a generation interrupted",
    "correction of a closed month",
    "window ended by its offset",
    "window ended by a barrier",
    "window left open by an emission",
    "owner killed",
    "two owners at once",
    "replayed from the start",
    "partitions rebalanced",
    "insert repeated",
    "insert failed half-way",
    "insert landed late, maybe in part",
    "roll-up killed",
    "roll-up's insert failed half-way",
    "roll-up's insert answered with an error",
    "close restarted",
    "two closes at once",
    "barrier appended twice",
    "record appended twice",
    "record sent again after others",
    "record of a foreign writer",
    "record that cannot be read",
    "event in the wrong partition",
    "something that is no event",
    "collector restarted",
];

/// What must have happened beside in the seeds with whole processes.
pub(crate) const DRIVEN_COVERAGE: [&str; 10] = [
    "process killed",
    "process stopped in order",
    "two owners at once",
    "barrier of an owner",
    "partition paused",
    "catalogue came late",
    "look-up failed",
    "old records deleted",
    "program stopped for another generation",
    "insert landed late, maybe in part",
];

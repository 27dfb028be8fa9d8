//! The tables, in memory: of equal keys the greatest version stays, and equal versions must have equal content. That is
//! the whole principle, so it is checked at every insert.

use std::collections::BTreeMap;
use std::fmt::Debug;

use domain::usage::{DailyUsage, MonthlyUsage};
use domain::{EventKey, Instant, Month};
use store::counting::{Sealed, StoredEvent};
use store::rollup::{CutRow, Head, Prefix};
use store::rows::{Position, ProgressRow};

use crate::closer::Lines;
use crate::controls::Control;
use crate::random::Random;
use crate::report::Difference;
use crate::rows::{CellKey, Placed, Row, SignedKey, Value};

/// A table with replacing semantics. Nothing is ever dropped, as if no merge had come yet.
#[derive(Debug, Clone)]
pub(crate) struct Replacing<K, V> {
    rows: BTreeMap<K, Vec<(u64, V)>>,
}

impl<K, V> Default for Replacing<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new() }
    }
}

impl<K: Ord + Debug, V: PartialEq + Debug> Replacing<K, V> {
    /// Inserts a row; an earlier one of the same key and version with other content is a difference.
    fn insert(&mut self, key: K, version: u64, value: V) -> Option<String> {
        let same = |(of, old): &&(u64, V)| *of == version && *old != value;
        let old = self.rows.get(&key).and_then(|rows| rows.iter().find(same));
        let difference =
            old.map(|(_, old)| format!("{key:?} of version {version} was {old:?} and is {value:?}"));
        self.rows.entry(key).or_default().push((version, value));
        difference
    }

    pub(crate) fn get(&self, key: &K, random: &mut Random) -> Option<&V> {
        self.rows.get(key).and_then(|rows| newest(rows, random))
    }

    /// The rows as after a merge.
    pub(crate) fn scan(&self, random: &mut Random) -> Vec<(&K, &V)> {
        self.rows.iter().filter_map(|(key, rows)| Some((key, newest(rows, random)?))).collect()
    }

    /// As [`Replacing::scan`], from a key on, while the keys belong together.
    pub(crate) fn run(&self, first: &K, belongs: impl Fn(&K) -> bool, random: &mut Random) -> Vec<(&K, &V)> {
        let rows = self.rows.range(first..).take_while(|(key, _)| belongs(key));
        rows.filter_map(|(key, rows)| Some((key, newest(rows, random)?))).collect()
    }

    /// Every row that was ever inserted.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter().flat_map(|(key, rows)| rows.iter().map(move |(_, value)| (key, value)))
    }

    pub(crate) fn is_empty_at(&self, key: &K) -> bool {
        !self.rows.contains_key(key)
    }
}

/// The row of the greatest version; of several any, because a merge takes any.
fn newest<'r, V: PartialEq>(rows: &'r [(u64, V)], random: &mut Random) -> Option<&'r V> {
    let greatest = rows.iter().map(|(version, _)| *version).max()?;
    let mut of = rows.iter().filter(|(version, _)| *version == greatest);
    let first = &of.next()?.1;
    if of.clone().all(|(_, other)| other == first) {
        return Some(first);
    }
    let all: Vec<&V> = std::iter::once(first).chain(of.map(|(_, value)| value)).collect();
    Some(all[random.below(all.len())])
}

/// (month, meter, cost centre, class)
pub(crate) type UsageKey = (Month, String, String, String);

#[derive(Debug, Default, Clone)]
pub(crate) struct Tables {
    /// By identity, revision and place; with the partition.
    pub(crate) events: Replacing<(EventKey, u32, u64), (u32, StoredEvent)>,
    pub(crate) observations: Replacing<SignedKey, Value>,
    pub(crate) snapshots: Replacing<SignedKey, Value>,
    pub(crate) cells: Replacing<CellKey, i128>,
    pub(crate) quarantine: Replacing<Placed, String>,
    pub(crate) marks: Replacing<(String, u16, u32), Instant>,
    pub(crate) progress: Replacing<(u16, u32, u64), ProgressRow>,
    pub(crate) months: Replacing<(u128, UsageKey), i128>,
    pub(crate) days: Replacing<(u128, UsageKey, chrono::NaiveDate), i128>,
    pub(crate) heads: Replacing<(Month, String, Option<u64>, u128), Head>,
    pub(crate) cuts: Replacing<u64, CutRow>,
    pub(crate) charges: Replacing<(u64, Month), Lines>,
}

impl Tables {
    /// Inserts a row, and answers with what is wrong with it.
    pub(crate) fn apply(&mut self, row: Row, control: Option<Control>) -> Option<Difference> {
        let rewritten = |kind, what: Option<String>| what.map(|detail| Difference { kind, detail });
        match row {
            Row::Event(partition, event) => {
                let key = (event.key, event.seq, event.position.place(event.generation));
                rewritten("events rewritten", self.events.insert(key, 0, (partition, *event)))
            }
            Row::Observation(key, row) => {
                rewritten("observations rewritten", self.observations.insert(key, 0, *row))
            }
            Row::Snapshot(key, row) => rewritten("snapshots rewritten", self.snapshots.insert(key, 0, *row)),
            Row::Cell(key, upto, amount) => {
                rewritten("cells rewritten", self.cells.insert(key, upto, amount))
            }
            Row::Quarantine(placed, code) => {
                rewritten("quarantine rewritten", self.quarantine.insert(placed, 0, code))
            }
            Row::Mark(key, Position(position), until) => {
                rewritten("marks rewritten", self.marks.insert(key, position, until))
            }
            Row::Progress(generation, partition, row) => {
                let sealed = u64::from(row.sealed && control != Some(Control::VersionUptoOnly));
                let version = row.upto * 2 + sealed;
                let key = (generation, partition, row.window);
                rewritten("progress rewritten", self.progress.insert(key, version, *row))
            }
            Row::Month(revision, row) => {
                let MonthlyUsage { month, meter, costcentre, class, amount, .. } = *row;
                let key = (revision, (month, meter, costcentre, class));
                rewritten("usage_month rewritten", self.months.insert(key, 0, amount))
            }
            Row::Day(revision, row) => {
                let DailyUsage { day, meter, costcentre, class, amount, .. } = *row;
                let key = (revision, (Month::of(day), meter, costcentre, class), day);
                rewritten("usage_day rewritten", self.days.insert(key, 0, amount))
            }
            Row::Head(head) => {
                let key = (head.month, head.meter.clone(), head.cut, head.revision);
                rewritten("revisions rewritten", self.heads.insert(key, 0, *head))
            }
            Row::Cut(cut) => rewritten("cuts rewritten", self.cuts.insert(cut.cut, 0, *cut)),
            Row::Charge(cut, month, lines) => {
                rewritten("charges rewritten", self.charges.insert((cut, month), 0, lines))
            }
        }
    }

    /// Where counting of a partition goes on: everything before is stored.
    pub(crate) fn sealed(&self, generation: u16, partition: u32, random: &mut Random) -> Sealed {
        let windows = self.windows(random).into_iter();
        let sealed = windows.filter(|(place, row)| *place == (generation, partition) && row.sealed);
        let last = sealed.map(|(_, row)| row).max_by_key(|row| row.upto);
        last.map_or_else(Sealed::default, |row| Sealed { upto: row.upto, batches: row.batches.clone() })
    }

    /// The newest progress of each window.
    pub(crate) fn windows(&self, random: &mut Random) -> Vec<((u16, u32), &ProgressRow)> {
        let scan = self.progress.scan(random).into_iter();
        scan.map(|((generation, partition, _), row)| ((*generation, *partition), row)).collect()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = EventKey> {
        self.events.rows.keys().map(|(key, ..)| *key)
    }

    /// Every stored revision of these identities.
    pub(crate) fn identities(&self, keys: &[EventKey]) -> Vec<StoredEvent> {
        let of = |key: &EventKey| self.events.rows.range((*key, 0, 0)..=(*key, u32::MAX, u64::MAX));
        let rows = keys.iter().flat_map(of).filter_map(|(_, rows)| rows.first());
        rows.map(|(_, (_, event))| event.clone()).collect()
    }

    /// Deletes identities all of whose revisions are from before an instant, each life for itself.
    pub(crate) fn forget(&mut self, before: Instant) -> u64 {
        let mut latest: BTreeMap<(EventKey, u64), Instant> = BTreeMap::new();
        for ((key, ..), (_, event)) in self.events.all() {
            let of_life = latest.entry((*key, event.life)).or_insert(event.time);
            *of_life = event.time.max(event.received).max(*of_life);
        }
        let rows = self.events.rows.len();
        self.events.rows.retain(|(key, ..), rows| {
            rows.first().is_some_and(|(_, (_, event))| latest[&(*key, event.life)] >= before)
        });
        (rows - self.events.rows.len()) as u64
    }

    /// What a reader sees: the newest head of each month and meter, and its rows.
    pub(crate) fn usage(&self, cut: Option<u64>, random: &mut Random) -> (Lines, Lines) {
        let mut newest: BTreeMap<(Month, &str), &Head> = BTreeMap::new();
        let rank = |head: &Head| (head.prefix.generation, head.prefix.reach(), head.until, head.revision);
        for ((month, meter, of, _), head) in self.heads.scan(random) {
            if *of == cut {
                let best = newest.entry((*month, meter)).or_insert(head);
                if rank(head) > rank(best) {
                    *best = head;
                }
            }
        }
        let (mut months, mut days) = (Lines::new(), Lines::new());
        for ((month, meter), head) in newest {
            let revision = head.revision;
            let of = |id: u128, key: &UsageKey| id == revision && key.0 == month && key.1 == meter;
            let key: UsageKey = (month, meter.to_owned(), String::new(), String::new());
            let rows = self.months.run(&(revision, key.clone()), |(id, key)| of(*id, key), random);
            for ((_, key), amount) in rows {
                *months.entry(key.clone()).or_default() += amount;
            }
            let first = (revision, key, chrono::NaiveDate::MIN);
            for ((_, key, _), amount) in self.days.run(&first, |(id, key, _)| of(*id, key), random) {
                *days.entry(key.clone()).or_default() += amount;
            }
        }
        days.retain(|_, amount| *amount != 0);
        (months, days)
    }
}

/// Whether a place lies in a prefix: of an earlier generation, or before its end.
pub(crate) fn within(prefix: &Prefix, generation: u16, partition: u32, offset: u64) -> bool {
    generation < prefix.generation
        || generation == prefix.generation
            && prefix.as_of.get(partition as usize).is_some_and(|as_of| offset < *as_of)
}

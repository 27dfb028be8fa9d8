//! Tables in memory: of equal keys the greatest version stays, and equal versions must have equal content.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Mutex;

use aggregate::seam::Revisions;
use domain::usage::{DailyUsage, MonthlyUsage};
use domain::{EventKey, Instant, Month, Quantity};
use store::Result;
use store::counting::{Sealed, Step, StoredEvent};
use store::rollup::{
    Barriers, CellTotal, CutRow, Head, Marker, Prefix, RevisionRows, SignedObservation, TouchedUpto,
};
use store::rows::{Batch, Dictionary, Position, ProgressRow};

pub(crate) const GENERATION: u16 = 1;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Signed {
    pub(crate) service: String,
    pub(crate) meter: String,
    pub(crate) source: String,
    pub(crate) subject: String,
    pub(crate) time: Instant,
    pub(crate) key: EventKey,
    pub(crate) partition: u32,
    pub(crate) position: Position,
    pub(crate) sign: i8,
    pub(crate) id: String,
    pub(crate) seq: u32,
    pub(crate) series: String,
    pub(crate) day: i32,
    pub(crate) costcentre: String,
    pub(crate) class: String,
    pub(crate) quantity: Quantity,
    pub(crate) retracted: bool,
    pub(crate) count: u32,
    pub(crate) refused: u32,
}

/// (service, meter, cost centre, class, day, partition, window)
type CellKey = (String, String, String, String, i32, u32, u64);

/// A row of any table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Row {
    Event(Box<StoredEvent>),
    Observation(Box<Signed>),
    Snapshot(Box<Signed>),
    Cell(CellKey, u64, i128),
    Quarantine(u32, Position, String),
    Progress(u32, Box<ProgressRow>),
}

#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) events: BTreeMap<(EventKey, u32), StoredEvent>,
    pub(crate) observations: BTreeSet<Signed>,
    pub(crate) snapshots: BTreeSet<Signed>,
    pub(crate) cells: BTreeMap<CellKey, BTreeMap<u64, i128>>,
    pub(crate) quarantine: BTreeMap<(u32, Position), String>,
    pub(crate) progress: BTreeMap<(u32, u64), BTreeMap<u64, ProgressRow>>,
    pub(crate) months: BTreeMap<u128, BTreeSet<MonthlyUsage>>,
    pub(crate) days: BTreeMap<u128, BTreeSet<DailyUsage>>,
    pub(crate) heads: Vec<Head>,
    pub(crate) cuts: BTreeMap<u64, CutRow>,
}

fn put<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(map: &mut BTreeMap<K, V>, key: K, value: V) {
    if let Some(old) = map.get(&key) {
        assert_eq!(*old, value, "{key:?} was rewritten with other content");
    }
    map.insert(key, value);
}

impl Tables {
    pub(crate) fn apply(&mut self, row: Row) {
        match row {
            Row::Event(event) => put(&mut self.events, (event.key, event.seq), *event),
            Row::Observation(row) => drop(self.observations.insert(*row)),
            Row::Snapshot(row) => drop(self.snapshots.insert(*row)),
            Row::Cell(key, upto, amount) => put(self.cells.entry(key).or_default(), upto, amount),
            Row::Quarantine(partition, position, code) => {
                put(&mut self.quarantine, (partition, position), code)
            }
            Row::Progress(partition, row) => {
                let versions = self.progress.entry((partition, row.window)).or_default();
                put(versions, row.upto * 2 + u64::from(row.sealed), *row);
            }
        }
    }

    pub(crate) fn sealed(&self, partition: u32) -> Sealed {
        let rows = self.progress.iter().filter(|((of, _), _)| *of == partition);
        let newest = rows
            .flat_map(|(_, versions)| versions.values())
            .filter(|row| row.sealed)
            .max_by_key(|row| row.upto);
        newest.map_or_else(Sealed::default, |row| Sealed { upto: row.upto, batches: row.batches.clone() })
    }

    /// The newest row of each window.
    pub(crate) fn windows(&self) -> impl Iterator<Item = (u32, &ProgressRow)> {
        self.progress
            .iter()
            .filter_map(|((partition, _), versions)| Some((*partition, versions.values().next_back()?)))
    }

    pub(crate) fn identities(&self, keys: &[EventKey]) -> Vec<StoredEvent> {
        self.events.values().filter(|event| keys.contains(&event.key)).cloned().collect()
    }
}

/// The rows of a step.
pub(crate) fn rows(step: Step, batch: &Batch, dictionary: &Dictionary) -> Vec<Row> {
    let stored = |index: usize| {
        let (row, text) = (&batch.events[index], &batch.text);
        let symbol = |symbol| dictionary.text(symbol).to_owned();
        StoredEvent {
            key: row.key,
            seq: row.seq,
            generation: row.generation,
            position: row.position,
            life: row.life,
            fingerprint: row.fingerprint,
            effect: row.effect,
            service: symbol(row.service),
            meter: symbol(row.meter),
            costcentre: symbol(row.costcentre),
            class: symbol(row.class),
            series: text.get(row.series).to_owned(),
            day: row.day,
            quantity: row.quantity,
            retracted: row.retracted,
            count: row.count,
            refused: row.refused,
            source: symbol(row.source),
            id: text.get(row.id).to_owned(),
            subject: text.get(row.subject).to_owned(),
            time: row.time,
            received: row.received,
        }
    };
    let signed = |row: &store::rows::SignedRow| {
        let event = stored(row.event as usize);
        Box::new(Signed {
            service: event.service,
            meter: event.meter,
            source: event.source,
            subject: event.subject,
            time: event.time,
            key: event.key,
            partition: batch.partition,
            position: row.position,
            sign: row.sign,
            id: event.id,
            seq: event.seq,
            series: event.series,
            day: event.day,
            costcentre: event.costcentre,
            class: event.class,
            quantity: event.quantity,
            retracted: event.retracted,
            count: event.count,
            refused: event.refused,
        })
    };
    let text = |symbol| dictionary.text(symbol).to_owned();
    match step {
        Step::Events => (0..batch.events.len())
            .filter(|index| !batch.events[*index].stored)
            .map(|index| Row::Event(Box::new(stored(index))))
            .collect(),
        Step::Observations => batch.observations.iter().map(|row| Row::Observation(signed(row))).collect(),
        Step::Snapshots => batch.snapshots.iter().map(|row| Row::Snapshot(signed(row))).collect(),
        Step::Cells => batch
            .cells
            .iter()
            .map(|cell| {
                let key = (text(cell.service), text(cell.meter), text(cell.costcentre), text(cell.class));
                let key = (key.0, key.1, key.2, key.3, cell.day, batch.partition, cell.window);
                Row::Cell(key, cell.upto, cell.amount)
            })
            .collect(),
        Step::Quarantine => batch
            .quarantine
            .iter()
            .map(|row| Row::Quarantine(batch.partition, row.position, row.code.clone()))
            .collect(),
        Step::Marks => Vec::new(),
        Step::Progress(window) => {
            vec![Row::Progress(batch.partition, Box::new(batch.progress[window].clone()))]
        }
    }
}

/// The tables, shared by everybody.
#[derive(Debug, Default)]
pub(crate) struct Memory(pub Mutex<Tables>);

fn within(prefix: Option<&Prefix>, partition: u32, offset: u64) -> bool {
    prefix.is_none_or(|prefix| offset < prefix.as_of[partition as usize])
}

impl Memory {
    fn touched(&self, wanted: impl Fn(u32, &ProgressRow) -> bool) -> Vec<TouchedUpto> {
        let tables = self.0.lock().unwrap();
        let windows = tables.windows().filter(|(partition, row)| wanted(*partition, row));
        windows
            .flat_map(|(partition, row)| {
                let one = move |touched: &store::rows::Touched| TouchedUpto {
                    generation: GENERATION,
                    partition,
                    touched: touched.clone(),
                    upto: row.upto,
                };
                row.touched.iter().map(one)
            })
            .collect()
    }
}

impl Revisions for Memory {
    async fn counted_prefix(&self, generation: u16, partitions: u32) -> Result<Prefix> {
        let tables = self.0.lock().unwrap();
        let of =
            |partition| tables.windows().filter(|(of, _)| *of == partition).map(|(_, row)| row.upto).max();
        Ok(Prefix {
            generation,
            as_of: (0..partitions).map(|partition| of(partition).unwrap_or(0)).collect(),
        })
    }

    async fn touched_since(&self, since: Option<&Prefix>) -> Result<Vec<TouchedUpto>> {
        Ok(self
            .touched(|partition, row| since.is_none_or(|since| row.upto > since.as_of[partition as usize])))
    }

    async fn touched_within(&self, prefix: &Prefix, but: Option<&Prefix>) -> Result<Vec<TouchedUpto>> {
        Ok(self.touched(|partition, row| {
            let inside = |prefix: &Prefix| row.upto <= prefix.as_of[partition as usize];
            inside(prefix) != but.is_some_and(inside)
        }))
    }

    async fn cells(
        &self,
        month: Month,
        _: &str,
        meter: &str,
        prefix: Option<&Prefix>,
    ) -> Result<Vec<CellTotal>> {
        let tables = self.0.lock().unwrap();
        let cells = tables.cells.iter().filter(|((_, of, _, _, day, partition, window), _)| {
            of == meter
                && Month::of(store::rows::date_of(*day).unwrap()) == month
                && within(prefix, *partition, *window)
        });
        Ok(cells
            .map(|((_, _, costcentre, class, day, ..), versions)| CellTotal {
                day: *day,
                costcentre: costcentre.clone(),
                class: class.clone(),
                amount: *versions.values().next_back().unwrap(),
            })
            .collect())
    }

    async fn each_observation(
        &self,
        _: &str,
        meter: &str,
        time: Range<Instant>,
        prefix: Option<&Prefix>,
        each: &mut (dyn FnMut(&SignedObservation<'_>) + Send),
    ) -> Result<()> {
        let tables = self.0.lock().unwrap();
        let rows = tables.observations.iter().filter(|row| {
            row.meter == meter
                && time.contains(&row.time)
                && within(prefix, row.partition, row.position.offset())
        });
        for row in rows {
            each(&SignedObservation {
                source: &row.source,
                subject: &row.subject,
                time: row.time,
                key: row.key,
                generation: GENERATION,
                position: row.position,
                sign: row.sign,
                id: &row.id,
                seq: row.seq,
                series: &row.series,
                day: row.day,
                costcentre: &row.costcentre,
                class: &row.class,
                quantity: row.quantity,
                retracted: row.retracted,
            });
        }
        Ok(())
    }

    async fn markers(&self, _: &str, meter: &str, prefix: Option<&Prefix>) -> Result<Vec<Marker>> {
        let tables = self.0.lock().unwrap();
        let mut groups: BTreeMap<_, (i32, Option<&Signed>)> = BTreeMap::new();
        for row in &tables.snapshots {
            if row.meter == meter && within(prefix, row.partition, row.position.offset()) {
                let group = groups.entry((&row.source, row.day, row.time, row.key)).or_default();
                group.0 += i32::from(row.sign);
                if row.sign > 0 && group.1.is_none_or(|old| old.position < row.position) {
                    group.1 = Some(row);
                }
            }
        }
        let marker = |row: &Signed| Marker {
            source: row.source.clone(),
            day: row.day,
            time: row.time,
            id: row.id.clone(),
            count: row.count,
            refused: row.refused,
        };
        Ok(groups
            .into_values()
            .filter(|(signs, _)| *signs > 0)
            .filter_map(|(_, row)| row.map(marker))
            .collect())
    }

    async fn heads(&self, cut: Option<u64>) -> Result<Vec<Head>> {
        let tables = self.0.lock().unwrap();
        let mut newest: BTreeMap<(Month, String, String), Head> = BTreeMap::new();
        let rank = |head: &Head| (head.prefix.generation, head.prefix.reach(), head.until, head.revision);
        for head in tables.heads.iter().filter(|head| head.cut == cut) {
            let of = newest
                .entry((head.month, head.service.clone(), head.meter.clone()))
                .or_insert_with(|| head.clone());
            if rank(head) > rank(of) {
                *of = head.clone();
            }
        }
        Ok(newest.into_values().collect())
    }

    async fn put_heads(&self, heads: &[Head]) -> Result<()> {
        self.0.lock().unwrap().heads.extend_from_slice(heads);
        Ok(())
    }

    async fn write_revision(&self, revision: u128, rows: &RevisionRows) -> Result<()> {
        let mut tables = self.0.lock().unwrap();
        for row in &rows.months {
            let same = |old: &&MonthlyUsage| {
                MonthlyUsage { amount: 0, ..(*old).clone() } == MonthlyUsage { amount: 0, ..row.clone() }
            };
            let months = tables.months.entry(revision).or_default();
            assert!(months.iter().find(same).is_none_or(|old| old == row), "a revision was rewritten");
            months.insert(row.clone());
        }
        tables.days.entry(revision).or_default().extend(rows.days.iter().cloned());
        Ok(())
    }

    async fn pending_cuts(&self) -> Result<Vec<Barriers>> {
        let (generation, partitions) = (GENERATION, crate::run::PARTITIONS);
        let tables = self.0.lock().unwrap();
        let mut barriers: BTreeMap<u64, BTreeMap<u32, (u64, Instant)>> = BTreeMap::new();
        for (partition, row) in tables.windows().filter(|(_, row)| row.sealed) {
            if let Some((cut, received)) = row.barrier.filter(|(cut, _)| !tables.cuts.contains_key(cut)) {
                let first = barriers.entry(cut).or_default().entry(partition).or_insert((row.upto, received));
                *first = (*first).min((row.upto, received));
            }
        }
        let whole = barriers.into_iter().filter(|(_, of)| of.len() == partitions as usize);
        Ok(whole
            .map(|(cut, of)| Barriers {
                cut,
                prefix: Prefix { generation, as_of: of.values().map(|(upto, _)| *upto).collect() },
                received: of.values().map(|(_, received)| *received).max().unwrap(),
            })
            .collect())
    }

    async fn last_cut(&self) -> Result<Option<CutRow>> {
        Ok(self.0.lock().unwrap().cuts.values().next_back().cloned())
    }

    async fn put_cut(&self, cut: &CutRow) -> Result<()> {
        put(&mut self.0.lock().unwrap().cuts, cut.cut, cut.clone());
        Ok(())
    }

    async fn collect_superseded(&self, _: Instant) -> Result<u64> {
        Ok(0)
    }
}

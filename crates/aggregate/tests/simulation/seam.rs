//! The tables as the roll-up sees them. Every question and every write is a moment at which others go on and the roll-up
//! may die.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

use aggregate::seam::Revisions;
use domain::{Instant, Month};
use store::Result;
use store::rollup::{
    Barriers, CellTotal, CutRow, Head, Marker, Prefix, RevisionRows, SignedObservation, TouchedUpto,
};
use store::rows::{ProgressRow, Touched};

use crate::controls::Control;
use crate::cuts::pending_cuts;
use crate::desk::Desk;
use crate::rows::{self, Row, SignedKey, Value};
use crate::tables::{Tables, within};
use crate::world::World;

/// One roll-up's view.
pub(crate) struct Seam {
    desk: Desk,
    /// The tables as of some time ago, for the control that reads them too early.
    early: Mutex<Option<Tables>>,
    /// The rows that were written last, for the control that gives previews another name.
    written: Mutex<RevisionRows>,
}

impl Seam {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk, early: Mutex::default(), written: Mutex::default() }
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    /// A round begins.
    pub(crate) fn begin_round(&self) {
        let world = self.desk.world();
        if world.breaks(Control::RollupReadsProgressLast) {
            *self.early.lock().unwrap() = Some(world.tables.clone());
        }
    }

    /// Asks the tables, or those of the round's beginning where a rule is broken.
    fn rows<T>(&self, prefix: Option<&Prefix>, ask: impl Fn(&Tables, &mut World) -> T) -> T {
        let mut world = self.desk.world();
        let early = self.early.lock().unwrap();
        match early.as_ref().filter(|_| prefix.is_none()) {
            Some(early) => ask(early, &mut world),
            None => {
                let tables = std::mem::take(&mut world.tables);
                let answer = ask(&tables, &mut world);
                world.tables = tables;
                answer
            }
        }
    }

    async fn touched(&self, wanted: impl Fn((u16, u32), &ProgressRow) -> bool) -> Vec<TouchedUpto> {
        self.desk.pause().await;
        let World { tables, random, .. } = &mut *self.desk.world();
        let windows = tables.windows(random).into_iter().filter(|(place, row)| wanted(*place, row));
        let one = |((generation, partition), row): ((u16, u32), &ProgressRow)| {
            let upto = row.upto;
            let one =
                |touched: &Touched| TouchedUpto { generation, partition, touched: touched.clone(), upto };
            row.touched.iter().map(one).collect::<Vec<_>>()
        };
        windows.flat_map(one).collect()
    }

    /// Writes, and now and then says that it failed although it did not, or did in part.
    async fn write(&self, effect: Vec<Row>) -> Result<()> {
        let is_half = self.desk.world().may(2, "roll-up's insert failed half-way");
        let effect = if is_half { self.desk.world().part(effect) } else { effect };
        self.desk.write(&effect).await;
        if is_half || self.desk.world().may(2, "roll-up's insert answered with an error") {
            return Err(store::Error::Unreadable { what: "answer", value: String::new() });
        }
        Ok(())
    }

    /// Stores a preview's rows once more under a name made of its prefix alone, and answers with that.
    async fn rename(&self, head: &Head) -> Result<Head> {
        let Prefix { generation, as_of } = &head.prefix;
        let revision =
            as_of.iter().fold(u128::from(*generation), |name, as_of| name << 30 ^ u128::from(*as_of));
        let rows = self.written.lock().unwrap().clone();
        self.write(rows::of_revision(revision, &rows)).await?;
        Ok(Head { revision, ..head.clone() })
    }
}

/// Windows within a prefix.
fn window_within(prefix: &Prefix, (generation, partition): (u16, u32), row: &ProgressRow) -> bool {
    within(prefix, generation, partition, row.upto - 1)
}

/// The positive rows of each key exchange their contents, as if it did not matter which is the last.
fn exchange(rows: &mut [(SignedKey, Value)], world: &mut World) {
    let whose = |key: &SignedKey| (key.source.clone(), key.subject.clone(), key.time, key.key);
    let mut groups: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, (key, _)) in rows.iter().enumerate().filter(|(_, (key, _))| key.sign > 0) {
        groups.entry(whose(key)).or_default().push(at);
    }
    for group in groups.values() {
        for n in (1..group.len()).rev() {
            if let Ok([a, b]) = rows.get_disjoint_mut([group[n], group[world.random.below(n + 1)]]) {
                std::mem::swap(&mut a.1, &mut b.1);
            }
        }
    }
}

/// The observations or markers of a meter within a prefix, in the order of their key.
fn signed(
    table: &crate::tables::Replacing<SignedKey, Value>,
    meter: &str,
    prefix: Option<&Prefix>,
    world: &mut World,
) -> Vec<(SignedKey, Value)> {
    let wanted = |key: &SignedKey| {
        let inside = |prefix| within(prefix, key.generation, key.partition, key.position.offset());
        key.meter == meter && prefix.is_none_or(inside)
    };
    let rows = table.scan(&mut world.random).into_iter().filter(|(key, _)| wanted(key));
    rows.map(|(key, value)| (key.clone(), value.clone())).collect()
}

impl Revisions for Seam {
    async fn counted_prefix(&self, generation: u16, partitions: u32) -> Result<Prefix> {
        // Not one consistent view of all partitions: others write meanwhile.
        let mut as_of = Vec::new();
        for partition in 0..partitions {
            self.desk.dally(30).await;
            let World { tables, random, .. } = &mut *self.desk.world();
            let windows = tables.windows(random);
            let of = windows.iter().filter(|(place, _)| *place == (generation, partition));
            as_of.push(of.map(|(_, row)| row.upto).max().unwrap_or(0));
        }
        Ok(Prefix { generation, as_of })
    }

    async fn touched_since(&self, since: Option<&Prefix>) -> Result<Vec<TouchedUpto>> {
        Ok(self.touched(|place, row| since.is_none_or(|since| !window_within(since, place, row))).await)
    }

    async fn touched_within(&self, prefix: &Prefix, but: Option<&Prefix>) -> Result<Vec<TouchedUpto>> {
        let wanted = |place, row: &ProgressRow| {
            window_within(prefix, place, row) != but.is_some_and(|but| window_within(but, place, row))
        };
        Ok(self.touched(wanted).await)
    }

    async fn cells(
        &self,
        month: Month,
        _: &str,
        meter: &str,
        prefix: Option<&Prefix>,
    ) -> Result<Vec<CellTotal>> {
        self.desk.pause().await;
        let mut totals: BTreeMap<(i32, String, String), i128> = BTreeMap::new();
        self.rows(prefix, |tables, world| {
            let rows = match world.control {
                Some(Control::PlainInserts) => tables.cells.all().collect(),
                _ => tables.cells.scan(&mut world.random),
            };
            rows.into_iter()
                .filter(|(key, _)| {
                    key.meter == meter
                        && Month::of(store::rows::date_of(key.day).unwrap()) == month
                        && prefix
                            .is_none_or(|prefix| within(prefix, key.generation, key.partition, key.window))
                })
                .map(|(key, amount)| ((key.day, key.costcentre.clone(), key.class.clone()), *amount))
                .collect::<Vec<_>>()
        })
        .into_iter()
        .for_each(|(key, amount)| *totals.entry(key).or_default() += amount);
        let total = |((day, costcentre, class), amount)| CellTotal { day, costcentre, class, amount };
        Ok(totals.into_iter().map(total).collect())
    }

    async fn each_observation(
        &self,
        _: &str,
        meter: &str,
        time: Range<Instant>,
        prefix: Option<&Prefix>,
        each: &mut (dyn FnMut(&SignedObservation<'_>) + Send),
    ) -> Result<()> {
        self.desk.pause().await;
        let mut rows = self.rows(prefix, |tables, world| signed(&tables.observations, meter, prefix, world));
        if self.desk.world().breaks(Control::AnyObservation) {
            exchange(&mut rows, &mut self.desk.world());
        }
        for (key, value) in rows.iter().filter(|(key, _)| time.contains(&key.time)) {
            each(&SignedObservation {
                source: &key.source,
                subject: &key.subject,
                time: key.time,
                key: key.key,
                generation: key.generation,
                position: key.position,
                sign: key.sign,
                id: &value.id,
                seq: value.seq,
                series: &value.series,
                day: value.day,
                costcentre: &value.costcentre,
                class: &value.class,
                quantity: value.quantity,
                retracted: value.retracted,
            });
        }
        Ok(())
    }

    async fn markers(&self, _: &str, meter: &str, prefix: Option<&Prefix>) -> Result<Vec<Marker>> {
        self.desk.pause().await;
        let rows = self.rows(prefix, |tables, world| signed(&tables.snapshots, meter, prefix, world));
        let mut groups: BTreeMap<_, (i32, Option<&(SignedKey, Value)>)> = BTreeMap::new();
        for row in &rows {
            let (key, value) = row;
            let group = groups.entry((&key.source, value.day, key.time, key.key)).or_default();
            group.0 += i32::from(key.sign);
            let place = |key: &SignedKey| (key.generation, key.position);
            if key.sign > 0 && group.1.is_none_or(|(old, _)| place(old) < place(key)) {
                group.1 = Some(row);
            }
        }
        let marker = |(key, value): &(SignedKey, Value)| Marker {
            source: key.source.clone(),
            day: value.day,
            time: key.time,
            id: value.id.clone(),
            count: value.count,
            refused: value.refused,
        };
        let alive = groups.into_values().filter(|(signs, _)| *signs > 0);
        Ok(alive.filter_map(|(_, row)| row.map(marker)).collect())
    }

    async fn heads(&self, cut: Option<u64>) -> Result<Vec<Head>> {
        self.desk.pause().await;
        let World { tables, random, .. } = &mut *self.desk.world();
        let mut newest: BTreeMap<(Month, String), Head> = BTreeMap::new();
        let rank = |head: &Head| (head.prefix.generation, head.prefix.reach(), head.until, head.revision);
        for ((month, meter, of, _), head) in tables.heads.scan(random) {
            if *of == cut {
                let best = newest.entry((*month, meter.clone())).or_insert_with(|| head.clone());
                if rank(head) > rank(best) {
                    *best = head.clone();
                }
            }
        }
        Ok(newest.into_values().collect())
    }

    async fn put_heads(&self, heads: &[Head]) -> Result<()> {
        let mut heads = heads.to_vec();
        let breaks = self.desk.world().breaks(Control::PreviewNamedByAsOf);
        for head in heads.iter_mut().filter(|head| breaks && head.cut.is_none()) {
            *head = self.rename(head).await?;
        }
        self.write(heads.into_iter().map(|head| Row::Head(Box::new(head))).collect()).await
    }

    async fn write_revision(&self, revision: u128, rows: &RevisionRows) -> Result<()> {
        self.written.lock().unwrap().clone_from(rows);
        self.write(rows::of_revision(revision, rows)).await
    }

    async fn pending_cuts(&self) -> Result<Vec<Barriers>> {
        self.desk.pause().await;
        let world = &mut *self.desk.world();
        Ok(pending_cuts(world))
    }

    async fn last_cut(&self) -> Result<Option<CutRow>> {
        self.desk.pause().await;
        let World { tables, random, .. } = &mut *self.desk.world();
        Ok(tables.cuts.scan(random).last().map(|(_, cut)| (*cut).clone()))
    }

    async fn put_cut(&self, cut: &CutRow) -> Result<()> {
        self.write(vec![Row::Cut(Box::new(cut.clone()))]).await
    }

    async fn collect_superseded(&self, _: Instant) -> Result<u64> {
        Ok(0)
    }
}

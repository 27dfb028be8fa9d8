//! One run: owners, zombies, faults, roll-up and cuts, then the comparison.

use std::collections::BTreeMap;
use std::sync::Arc;

use aggregate::Metrics;
use aggregate::counter::{Counter, Place};
use aggregate::filter::Filter;
use aggregate::record::decode;
use aggregate::rollup::RollUp;
use arc_swap::ArcSwap;
use chrono::Months;
use domain::Instant;
use eventlog::{Header, Kind, Stored};
use futures::executor::block_on;
use store::counting::{Generation, Step};
use store::rollup::Prefix;

use crate::Random;
use crate::events::{Event, HOUR, MONTHS, catalogue, first_month, workload};
use crate::oracle::{self, Outcomes, Usage};
use crate::store::{GENERATION, Memory, Row, rows};

pub(crate) const PARTITIONS: u32 = 3;

/// A rule that owners break on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Progress is written before the rows.
    ProgressFirst,
    /// The filter is built before progress is read, and misses what another owner wrote in between.
    FilterBeforeProgress,
    /// Cells that came back to zero are not written.
    ZeroCellsSkipped,
    /// Superseded events leave no identity.
    SupersededNotStored,
    /// Only the months of the last emission are listed.
    MonthsNotCumulative,
    /// Only the outcomes of the last emission are listed.
    OutcomesNotCumulative,
    /// Readings and markers list only their own month.
    CarryNotListed,
    /// An emission is taken for acknowledged after its first step.
    OneStepOnly,
}

impl Broken {
    pub(crate) const ALL: [Broken; 8] = [
        Broken::ProgressFirst,
        Broken::FilterBeforeProgress,
        Broken::ZeroCellsSkipped,
        Broken::SupersededNotStored,
        Broken::MonthsNotCumulative,
        Broken::OutcomesNotCumulative,
        Broken::CarryNotListed,
        Broken::OneStepOnly,
    ];
}

/// A record and the events in it.
struct Logged {
    stored: Stored,
    events: Vec<Event>,
    cut: Option<u64>,
}

/// An owner, and the steps of the emission that it has under way.
struct Owner {
    counter: Counter,
    steps: Vec<Vec<Row>>,
    next: usize,
}

pub(crate) struct Run {
    random: Random,
    logs: Vec<Vec<Logged>>,
    next: Vec<u64>,
    memory: Arc<Memory>,
    owners: Vec<Vec<Owner>>,
    late: Vec<(u32, Vec<Row>)>,
    rollups: Vec<RollUp<Memory>>,
    writer: u128,
    broken: Option<Broken>,
    /// Identities as of some time ago.
    stale: Vec<domain::EventKey>,
    listed: BTreeMap<(u32, u64), store::rows::ProgressRow>,
}

fn generation() -> Generation {
    Generation { generation: GENERATION, partitions: PARTITIONS, ..Generation::default() }
}

fn now() -> Instant {
    // Everything that was sent has ended, holds and all.
    first_month().plus(MONTHS).end()
}

impl Run {
    pub(crate) fn new(seed: u64, broken: Option<Broken>) -> Self {
        let mut run = Self {
            random: Random::new(seed),
            logs: (0..PARTITIONS).map(|_| Vec::new()).collect(),
            next: vec![0; PARTITIONS as usize],
            memory: Arc::default(),
            owners: (0..PARTITIONS).map(|_| Vec::new()).collect(),
            late: Vec::new(),
            rollups: Vec::new(),
            writer: 0,
            broken,
            stale: Vec::new(),
            listed: BTreeMap::new(),
        };
        run.rollups = (0..2).map(|_| run.rollup()).collect();
        run
    }

    fn rollup(&mut self) -> RollUp<Memory> {
        self.writer += 1;
        let catalogue = Arc::new(ArcSwap::from_pointee(catalogue()));
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        RollUp::new(Arc::clone(&self.memory), catalogue, metrics, now, generation(), self.writer)
    }

    fn append(&mut self, partition: u32, kind: Kind, events: Vec<Event>) {
        let json: Vec<String> = events.iter().map(Event::json).collect();
        let offset = self.next[partition as usize];
        // Offsets may have gaps, here and there whole windows long.
        self.next[partition as usize] += match self.random.below(20) {
            0 => 2,
            1 => aggregate::WINDOW_OFFSETS / 3,
            _ => 1,
        };
        let header = Header {
            kind,
            collector: "c".into(),
            epoch: 1,
            batch: 1,
            received: now().micros(),
            sources: vec![],
            released: false,
        };
        let value = format!("[{}]", json.join(",")).into();
        let stored = Stored { offset, timestamp: 0, header: Ok(header), key: None, value };
        let cut = if let Kind::Barrier { control } = kind { control } else { None };
        self.logs[partition as usize].push(Logged { stored, events, cut });
    }

    fn send(&mut self, pending: &mut Vec<Event>) {
        let some: Vec<Event> = pending.drain(..pending.len().min(1 + self.random.below(8))).collect();
        for partition in 0..PARTITIONS {
            let of = |event: &&Event| event.key().partition(PARTITIONS) == partition;
            let mine: Vec<Event> = some.iter().filter(of).cloned().collect();
            for part in mine.chunks(1 + self.random.below(4)) {
                self.append(partition, Kind::Events, part.to_vec());
                if self.random.percent(5) {
                    self.append(partition, Kind::Events, part.to_vec());
                }
            }
        }
        if self.random.percent(5) {
            let partition = self.random.below(PARTITIONS as usize) as u32;
            self.append(partition, Kind::Barrier { control: None }, vec![]);
        }
    }

    /// A new owner: progress is read first, the filter built after it.
    fn owner(&mut self, partition: u32) -> Owner {
        let tables = self.memory.0.lock().unwrap();
        let sealed = tables.sealed(partition);
        let mut filter = Filter::with_capacity(0);
        if self.broken == Some(Broken::FilterBeforeProgress) {
            self.stale.iter().for_each(|key| filter.add(*key));
            self.stale = tables.events.keys().map(|(key, _)| *key).collect();
        } else {
            tables.events.keys().for_each(|(key, _)| filter.add(*key));
        }
        let place =
            Place { generation: GENERATION, partition, partitions: PARTITIONS, horizon: Months::new(600) };
        Owner { counter: Counter::new(place, &sealed, filter), steps: Vec::new(), next: 0 }
    }

    /// One thing that an owner does: a step of its emission, or the next record, or the beginning of an emission.
    fn act(&mut self, partition: u32, which: usize) {
        let owner = &mut self.owners[partition as usize][which];
        if let Some(step) = owner.steps.first() {
            let step = step.clone();
            step.into_iter().for_each(|row| self.memory.0.lock().unwrap().apply(row));
            // Now and then it only looks as if it had failed, and is repeated.
            if !self.random.percent(10) {
                owner.steps.remove(0);
                if owner.steps.is_empty() {
                    owner.counter.acknowledged();
                }
            }
            return;
        }
        let log = &self.logs[partition as usize];
        while owner.next < log.len() && log[owner.next].stored.offset < owner.counter.next_offset() {
            owner.next += 1;
        }
        let some = 1 + self.random.below(3);
        let records: Vec<_> = log[owner.next..]
            .iter()
            .take(some)
            .map(|logged| decode(&logged.stored, Months::new(600)))
            .collect();
        owner.next += records.len();
        assert_eq!(owner.counter.unknown_meter(&records, &catalogue()), None);
        let wanted = owner.counter.wanted(&records);
        owner.counter.learn(&self.memory.0.lock().unwrap().identities(&wanted));
        records.iter().for_each(|record| owner.counter.count(record));
        if owner.counter.has_news() && self.random.percent(40) {
            let (batch, dictionary) = owner.counter.emission();
            owner.steps = Step::all(batch.progress.len()).map(|step| rows(step, batch, dictionary)).collect();
            break_rule(self.broken, &mut owner.steps, &mut self.listed);
        }
    }

    /// An owner dies. What it had under way may land later, whole or in part.
    fn kill(&mut self, partition: u32, which: usize) {
        let owner = self.owners[partition as usize].remove(which);
        if let Some(step) = owner.steps.into_iter().next()
            && self.random.percent(60)
        {
            let part = step.into_iter().filter(|_| self.random.percent(70)).collect();
            self.late.push((self.random.below(60) as u32, part));
        }
    }

    fn tick(&mut self, faults: bool) {
        let partition = self.random.below(PARTITIONS as usize) as u32;
        let owners = self.owners[partition as usize].len();
        if owners == 0 || owners == 1 && faults && self.random.percent(5) {
            let owner = self.owner(partition);
            self.owners[partition as usize].push(owner);
        }
        let which = self.random.below(self.owners[partition as usize].len());
        if faults && self.random.percent(5) {
            self.kill(partition, which);
        } else {
            self.act(partition, which);
        }
        let due: Vec<_> = self
            .late
            .extract_if(.., |(wait, _)| {
                *wait = wait.saturating_sub(1);
                *wait == 0
            })
            .collect();
        due.into_iter().flat_map(|(_, rows)| rows).for_each(|row| self.memory.0.lock().unwrap().apply(row));
        if self.random.percent(4) {
            let which = self.random.below(self.rollups.len());
            if faults && self.random.percent(10) {
                self.rollups[which] = self.rollup();
            }
            block_on(self.rollups[which].round()).unwrap();
        }
    }

    pub(crate) fn run_to_the_end(mut self) -> u64 {
        let mut pending = workload(&mut self.random);
        let (total, mut cuts) = (pending.len(), 0);
        while !pending.is_empty() {
            if self.random.percent(25) {
                self.send(&mut pending);
            }
            if cuts < 3 && pending.len() < total * (3 - cuts as usize) / 4 {
                self.barriers(cuts);
                cuts += 1;
            }
            self.tick(true);
        }
        for _ in 0..200 {
            self.tick(true);
        }
        self.barriers(cuts);
        self.seal();
        for rollup in 0..2 {
            block_on(self.rollups[rollup].round()).unwrap();
        }
        self.check();
        self.logs.iter().flatten().map(|logged| logged.events.len() as u64).sum()
    }

    /// The barriers of a cut, some of them repeated.
    fn barriers(&mut self, cut: u64) {
        for partition in 0..PARTITIONS {
            for _ in 0..1 + self.random.below(10) / 9 {
                self.append(partition, Kind::Barrier { control: Some(cut) }, vec![]);
            }
            for _ in 0..self.random.below(4) {
                self.tick(true);
            }
        }
    }

    fn seal(&mut self) {
        let sealed = |run: &Self| {
            (0..PARTITIONS).all(|partition| {
                let last = run.logs[partition as usize].last().map_or(0, |logged| logged.stored.offset + 1);
                run.memory.0.lock().unwrap().sealed(partition).upto >= last
            })
        };
        for _ in 0..20_000 {
            if sealed(self) {
                return;
            }
            self.tick(false);
        }
        panic!("never sealed");
    }

    /// The first barrier of a cut in each partition.
    fn prefix(&self, cut: u64) -> Prefix {
        let first = |log: &Vec<Logged>| {
            log.iter().find(|logged| logged.cut == Some(cut)).map(|logged| logged.stored.offset + 1).unwrap()
        };
        Prefix { generation: GENERATION, as_of: self.logs.iter().map(first).collect() }
    }

    fn check(&self) {
        let tables = self.memory.0.lock().unwrap();
        assert_eq!(tables.cuts.len(), 4);
        for (cut, row) in &tables.cuts {
            let prefix = self.prefix(*cut);
            assert_eq!(row.prefix, prefix);
            let before = |partition: usize| prefix.as_of[partition];
            let events = self.logs.iter().enumerate().flat_map(|(partition, log)| {
                log.iter()
                    .filter(move |logged| logged.stored.offset < before(partition))
                    .flat_map(|l| &l.events)
            });
            let (usage, outcomes) = oracle::reckon(events);
            assert_eq!(heads_usage(&tables, Some(*cut)), usage, "as of cut {cut}");
            let mut counted = Outcomes::new();
            for (partition, window) in tables.windows() {
                if window.window < prefix.as_of[partition as usize] {
                    let judged = |line: &str| !["accepted", "resent", "released"].contains(&line);
                    for (source, _, outcome, events) in window.outcomes.iter().filter(|row| judged(row.2)) {
                        *counted.entry((source.clone(), *outcome)).or_default() += events;
                    }
                }
            }
            assert_eq!(counted, outcomes, "outcomes as of cut {cut}");
        }
        let (usage, _) = oracle::reckon(self.logs.iter().flatten().flat_map(|logged| &logged.events));
        assert_eq!(heads_usage(&tables, None), usage, "previews");
        assert!(now().micros() > HOUR);
    }
}

/// What a reader sees: the newest head of each month and meter, and its rows; their days must add up to them.
fn heads_usage(tables: &crate::store::Tables, cut: Option<u64>) -> Usage {
    let mut newest = BTreeMap::new();
    for head in tables.heads.iter().filter(|head| head.cut == cut) {
        let rank = (head.prefix.reach(), head.until, head.revision);
        let of = newest.entry((head.month, head.meter.clone())).or_insert((rank, head.revision));
        *of = (*of).max((rank, head.revision));
    }
    let (mut usage, mut days) = (Usage::new(), Usage::new());
    let name = |meter: &str| domain::usage::MeterKind::from_name(meter).unwrap().name();
    for ((month, meter), (_, revision)) in newest {
        let months = tables.months.get(&revision).into_iter().flatten();
        for row in months.filter(|row| row.month == month && row.meter == meter) {
            *usage.entry((month, name(&meter), row.costcentre.clone(), row.class.clone())).or_default() +=
                row.amount;
        }
        let of_days = tables.days.get(&revision).into_iter().flatten();
        for row in of_days.filter(|row| domain::Month::of(row.day) == month && row.meter == meter) {
            *days.entry((month, name(&meter), row.costcentre.clone(), row.class.clone())).or_default() +=
                row.amount;
        }
    }
    days.retain(|_, amount| *amount != 0);
    assert_eq!(usage, days, "days do not add up to months");
    // Readings hold beyond the months that the oracle looks at.
    usage.retain(|(month, ..), _| *month < first_month().plus(MONTHS));
    usage
}

/// Changes what an emission writes, as an owner would that has the rule wrong.
fn break_rule(
    broken: Option<Broken>,
    steps: &mut Vec<Vec<Row>>,
    listed: &mut BTreeMap<(u32, u64), store::rows::ProgressRow>,
) {
    let is_superseded = |row: &Row| matches!(row, Row::Event(event) if event.effect == store::rows::Effect::None && !event.retracted);
    match broken {
        None | Some(Broken::FilterBeforeProgress) => {}
        Some(Broken::ProgressFirst) => steps.rotate_right(1),
        Some(Broken::OneStepOnly) => steps.truncate(1),
        Some(Broken::ZeroCellsSkipped) => {
            steps.iter_mut().for_each(|rows| rows.retain(|row| !matches!(row, Row::Cell(_, _, 0))));
        }
        Some(Broken::SupersededNotStored) => {
            steps.iter_mut().for_each(|rows| rows.retain(|row| !is_superseded(row)))
        }
        Some(rule) => {
            for row in steps.iter_mut().flatten() {
                let Row::Progress(partition, row) = row else { continue };
                let before = listed.insert((*partition, row.window), (**row).clone());
                match (rule, before) {
                    (Broken::CarryNotListed, _) => {
                        row.touched.iter_mut().for_each(|touched| touched.carries = false)
                    }
                    (Broken::MonthsNotCumulative, Some(before)) => {
                        row.touched.retain(|t| !before.touched.contains(t))
                    }
                    (Broken::OutcomesNotCumulative, Some(before)) => {
                        row.outcomes.retain(|outcome| !before.outcomes.contains(outcome));
                    }
                    _ => {}
                }
            }
        }
    }
}

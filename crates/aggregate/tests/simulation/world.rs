//! What all jobs of a run share: the log, the tables, chance, and what went wrong on purpose or not.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::Months;
use domain::Instant;
use eventlog::{Header, Kind};
use store::counting::Generation;

use crate::controls::Control;
use crate::events::Event;
use crate::log::{self, Item, Log, Logged};
use crate::random::Random;
use crate::report::Difference;
use crate::rows::Effect;
use crate::scene::{Scene, now};
use crate::tables::Tables;

const COLLECTORS: [&str; 2] = ["c1", "c2"];
/// What older epochs sent is not told apart any more.
const EPOCHS_MAX: u64 = 8;

/// The generation of the first topic.
fn first_generation(log: &Log) -> Generation {
    Generation {
        generation: 1,
        topic: log.generations[0].topic.to_string(),
        partitions: log.partitions(),
        ..Generation::default()
    }
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) scene: Scene,
    pub(crate) control: Option<Control>,
    pub(crate) log: Log,
    pub(crate) tables: Tables,
    /// The generations that processes have recorded.
    pub(crate) generations: Vec<Generation>,
    /// Whether things go wrong.
    pub(crate) is_faulty: bool,
    /// How often each kind of fault happened.
    pub(crate) faults: BTreeMap<&'static str, u64>,
    /// What is not as it must be.
    pub(crate) differences: Vec<Difference>,
    /// Months closed so far.
    pub(crate) closed: u64,
    /// What a killed job had under way, and when it lands.
    late: Vec<(usize, Effect)>,
    /// The epoch and the batch number of each collector.
    batches: [(u64, u64); COLLECTORS.len()],
    /// Whether identities beyond the horizon were deleted.
    pub(crate) has_forgotten: bool,
    /// What a collector will send once more.
    again: Vec<(u32, Arc<Logged>)>,
}

impl World {
    pub(crate) fn new(mut random: Random, scene: Scene, control: Option<Control>) -> Self {
        let partitions = random.pick(&[2, 3, 3, 4]);
        let log = Log::new(partitions);
        let generations = vec![first_generation(&log)];
        Self {
            random,
            scene,
            control,
            log,
            tables: Tables::default(),
            generations,
            is_faulty: true,
            faults: BTreeMap::new(),
            differences: Vec::new(),
            closed: 0,
            late: Vec::new(),
            batches: [(1, 0); COLLECTORS.len()],
            has_forgotten: false,
            again: Vec::new(),
        }
    }

    pub(crate) fn breaks(&self, control: Control) -> bool {
        self.control == Some(control)
    }

    pub(crate) fn fault(&mut self, name: &'static str) {
        *self.faults.entry(name).or_default() += 1;
    }

    /// Whether a fault of so many per cent happens now.
    pub(crate) fn may(&mut self, percent: u64, name: &'static str) -> bool {
        let happens = self.random.percent(percent) && self.is_faulty;
        if happens {
            self.fault(name);
        }
        happens
    }

    pub(crate) fn differ(&mut self, kind: &'static str, detail: String) {
        self.differences.push(Difference { kind, detail });
    }

    pub(crate) fn apply(&mut self, effect: Effect) {
        for row in effect {
            let difference = self.tables.apply(row, self.control);
            self.differences.extend(difference);
        }
    }

    /// Some of the rows.
    pub(crate) fn part(&mut self, effect: Effect) -> Effect {
        effect.into_iter().filter(|_| self.random.percent(70)).collect()
    }

    /// What was under way when its writer died lands later, whole or in part, or never.
    pub(crate) fn strand(&mut self, effect: Effect) {
        if !effect.is_empty() && self.random.percent(60) {
            self.fault("insert landed late, maybe in part");
            let part = self.part(effect);
            self.late.push((self.random.below(80), part));
        }
    }

    /// Time goes on: what is late may land now.
    pub(crate) fn land(&mut self) {
        let due: Vec<_> = self
            .late
            .extract_if(.., |(wait, _)| {
                *wait = wait.saturating_sub(1);
                *wait == 0
            })
            .collect();
        due.into_iter().for_each(|(_, effect)| self.apply(effect));
    }

    fn header(&mut self, kind: Kind, items: &[Item]) -> Header {
        let collector = self.random.below(COLLECTORS.len());
        let mut sources: BTreeMap<&str, u32> = BTreeMap::new();
        items.iter().for_each(|item| *sources.entry(item.source()).or_default() += 1);
        if self.batches[collector].0 < EPOCHS_MAX && self.may(1, "collector restarted") {
            self.batches[collector] = (self.batches[collector].0 + 1, 0);
        }
        self.batches[collector].1 += 1;
        let (epoch, batch) = self.batches[collector];
        Header {
            kind,
            collector: COLLECTORS[collector].to_owned(),
            epoch,
            batch,
            received: now().micros(),
            sources: sources.into_iter().map(|(source, events)| (source.to_owned(), events)).collect(),
            released: kind == Kind::Events && self.may(3, "record released from the quarantine"),
        }
    }

    pub(crate) fn barrier(&mut self, partition: u32, control: Option<u64>) {
        let header = self.header(Kind::Barrier { control }, &[]);
        self.append(partition, header);
    }

    /// Appends a record without events.
    pub(crate) fn append(&mut self, partition: u32, header: Header) -> u64 {
        self.log.append(&mut self.random, partition, log::bare(header))
    }

    /// A request: its events, as records of their partitions, and now and then what else may come.
    pub(crate) fn send(&mut self, events: Vec<Event>) {
        let partitions = self.log.partitions();
        let mut of: Vec<Vec<Item>> = (0..partitions).map(|_| Vec::new()).collect();
        for event in events {
            let mut partition = event.key().partition(partitions);
            if self.may(1, "event in the wrong partition") {
                partition = (partition + 1) % partitions;
            }
            of[partition as usize].push(Item::Event(event));
            if self.may(1, "something that is no event") {
                let source = self.random.pick(&["/a", "/b"]);
                of[partition as usize].push(Item::Garbage(source));
            }
        }
        for (partition, items) in (0..).zip(of) {
            let size = 1 + self.random.below(4);
            for items in items.chunks(size) {
                self.record(partition, items.to_vec());
            }
        }
        self.resend();
        let partition = self.random.below(partitions as usize) as u32;
        if self.random.percent(5) {
            self.barrier(partition, None);
        }
        if self.random.percent(5) {
            let header = self.header(Kind::Mark { spool_empty_until: now().micros() }, &[]);
            self.append(partition, header);
        }
    }

    fn record(&mut self, partition: u32, items: Vec<Item>) {
        let header = self.header(Kind::Events, &items);
        let mut logged = log::events(header, items);
        if self.may(1, "record that cannot be read") {
            logged = log::torn(logged);
        } else if self.may(2, "record of a foreign writer") {
            logged = log::foreign(logged);
        }
        self.log.append(&mut self.random, partition, logged);
        let newest = self.log.newest()[partition as usize].records.last().map(Arc::clone);
        let Some(newest) = newest else { return };
        if self.may(5, "record appended twice") {
            self.repeat(partition, &newest);
        }
        if self.may(5, "record sent again after others") {
            self.again.push((partition, newest));
        }
    }

    fn repeat(&mut self, partition: u32, logged: &Logged) {
        let Logged { stored, items, is_unreadable, cut } = logged;
        let copy =
            Logged { stored: stored.clone(), items: items.clone(), is_unreadable: *is_unreadable, cut: *cut };
        self.log.append(&mut self.random, partition, copy);
    }

    /// Deletes identities that are forgotten: only when nothing that is to be counted was received before that.
    pub(crate) fn forget(&mut self, before: Instant) -> u64 {
        if self.breaks(Control::IdentitiesDeletedEarly) {
            self.has_forgotten = true;
            return self.tables.forget(now());
        }
        let mut oldest = now();
        let generation = self.log.generation();
        for (partition, of) in (0..).zip(self.log.newest()) {
            let sealed = self.tables.sealed(generation, partition, &mut self.random).upto;
            oldest = of.from(sealed).iter().map(|logged| logged.received()).fold(oldest, Instant::min);
        }
        oldest = self.again.iter().map(|(_, logged)| logged.received()).fold(oldest, Instant::min);
        let horizon = Months::new(self.scene.horizon);
        if oldest.to_utc() - horizon <= before.to_utc() {
            return 0;
        }
        let forgotten = self.tables.forget(before);
        if forgotten > 0 {
            self.fault("identities beyond the horizon deleted");
            self.has_forgotten = true;
        }
        forgotten
    }

    /// What was to be sent again is, in any order. Never beyond the horizon: by then its identities may be others, and what
    /// comes back from before would be judged as one of them. No spool holds records for that long.
    fn resend(&mut self) {
        let oldest = now().to_utc() - Months::new(self.scene.horizon);
        self.again.retain(|(_, logged)| logged.received().to_utc() >= oldest);
        if !self.again.is_empty() && self.random.percent(40) {
            let (partition, logged) = self.again.swap_remove(self.random.below(self.again.len()));
            self.repeat(partition, &logged);
        }
    }
}

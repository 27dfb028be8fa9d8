//! One run: who does what when, by chance.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use aggregate::Metrics;
use aggregate::rollup::RollUp;
use arc_swap::ArcSwap;
use domain::Instant;

use crate::check::check;
use crate::closer::{CLOSES, close};
use crate::controls::Control;
use crate::desk::{Desk, Job};
use crate::events::{Event, workload};
use crate::owner::own;
use crate::random::Random;
use crate::report::Report;
use crate::scene::{DAY, Scene, catalogue, now, set_clock};
use crate::seam::Seam;
use crate::world::World;

mod upkeep;

/// A run that goes on for longer has gone wrong.
const TICKS_MAX: usize = 20_000;

/// Runs to the end and compares.
pub(crate) fn run(seed: u64, control: Option<Control>) -> Report {
    let mut random = Random::new(seed);
    let scene = Scene::new(&mut random);
    set_clock(scene.first.start());
    let pending = workload(&mut random, scene);
    // Some runs end while the months are still open.
    let days = random.pick(&[75, 100, 120]);
    let world = World::new(random, scene, control);
    let mut run = Run {
        world: Arc::new(Mutex::new(world)),
        owners: BTreeMap::new(),
        rollups: Vec::new(),
        closers: Vec::new(),
        total: pending.len(),
        pending,
        days,
        writers: 0,
    };
    run.disturbed();
    run.calm();
    let mut world = run.world();
    let mut report = check(&mut world);
    report.seed = seed;
    report
}

/// A roll-up job, and how many rounds it has done.
struct Rolling {
    job: Job,
    rounds: Arc<AtomicU64>,
}

struct Run {
    world: Arc<Mutex<World>>,
    /// Owners and those who take themselves for it, by generation and partition.
    owners: BTreeMap<(u16, u32), Vec<Job>>,
    rollups: Vec<Rolling>,
    closers: Vec<(u64, Job)>,
    pending: Vec<Event>,
    total: usize,
    /// How many days pass while events are sent.
    days: i64,
    writers: u128,
}

impl Run {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn below(&self, n: usize) -> usize {
        self.world().random.below(n)
    }

    fn percent(&self, n: u64) -> bool {
        self.world().random.percent(n)
    }

    /// Everything is sent and closed while things go wrong.
    fn disturbed(&mut self) {
        let mut rest = 60;
        for _ in 0..TICKS_MAX {
            if !self.pending.is_empty() && self.percent(25) {
                self.send();
            }
            self.step_closers();
            self.step_owners();
            self.step_rollups();
            self.world().land();
            self.step_upkeep();
            if self.pending.is_empty() && self.closers.is_empty() && self.world().closed == CLOSES {
                rest -= 1;
            }
            if rest == 0 {
                return;
            }
        }
        self.world().differ("never closed", String::new());
    }

    fn send(&mut self) {
        let some = self.pending.len().min(1 + self.below(8));
        let events = self.pending.drain(..some).collect();
        let sent = (self.total - self.pending.len()) as i64;
        let start = self.world().scene.first.start().micros();
        set_clock(Instant::from_micros(start + self.days * DAY * sent / self.total as i64));
        self.world().send(events);
    }

    fn step_closers(&mut self) {
        let number = self.world().closed;
        if number < CLOSES && self.closers.is_empty() {
            let left = self.total * (CLOSES - 1 - number) as usize / CLOSES as usize;
            if self.pending.is_empty() || self.pending.len() < left && self.percent(10) {
                let both = self.world().may(30, "two closes at once");
                for _ in 0..1 + usize::from(both) {
                    self.closers.push((number, Job::new(&self.world, |desk| close(desk, number))));
                }
            }
        }
        if self.closers.is_empty() {
            return;
        }
        let at = self.below(self.closers.len());
        if self.world().may(3, "close restarted") {
            let number = self.closers[at].0;
            self.closers[at].1 = Job::new(&self.world, |desk| close(desk, number));
        } else if self.closers[at].1.step() {
            self.closers.remove(at);
        }
    }

    fn begin_owner(&mut self, place: (u16, u32)) {
        let job = Job::new(&self.world, |desk| own(desk, place.0, place.1));
        self.owners.entry(place).or_default().push(job);
    }

    fn step_owners(&mut self) {
        let (generation, partitions) = self.topic();
        if self.percent(20) {
            let earlier = self.owners.iter_mut().filter(|((of, _), _)| *of != generation);
            earlier.flat_map(|(_, owners)| owners).for_each(|owner| assert!(!owner.step()));
        }
        let place = (generation, self.below(partitions as usize) as u32);
        let owners = self.owners.get(&place).map_or(0, Vec::len);
        if owners == 0 || owners < 3 && self.world().may(4, "two owners at once") {
            self.begin_owner(place);
        }
        let at = self.below(self.owners[&place].len());
        if self.world().may(5, "owner killed") {
            drop(self.owners.get_mut(&place).map(|owners| owners.swap_remove(at)));
        } else {
            let steps = self.world().random.pick(&[1, 3, 9]);
            let owner = self.owners.get_mut(&place).map(|owners| &mut owners[at]);
            owner.into_iter().for_each(|owner| (0..steps).for_each(|_| assert!(!owner.step())));
        }
        if self.world().may(1, "partitions rebalanced") {
            self.owners.clear();
            (0..partitions).for_each(|partition| self.begin_owner((generation, partition)));
        }
    }

    fn is_sealed(&self, generation: u16, partitions: u32) -> bool {
        let World { tables, random, log, .. } = &mut *self.world();
        let ends = log.of(generation).iter().map(|partition| (partition.start, partition.end()));
        (0..partitions)
            .zip(ends)
            .all(|(of, (start, end))| tables.sealed(generation, of, random).upto.max(start) >= end)
    }

    fn topic(&self) -> (u16, u32) {
        let world = self.world();
        (world.log.generation(), world.log.partitions())
    }

    fn begin_rollup(&mut self) -> Rolling {
        self.writers += 1;
        let writer = self.writers;
        let rounds = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&rounds);
        Rolling { job: Job::new(&self.world, |desk| roll_up(desk, writer, count)), rounds }
    }

    /// Two roll-ups, each of which may die, or end because a write failed.
    fn step_rollups(&mut self) {
        while self.rollups.len() < 2 {
            let rolling = self.begin_rollup();
            self.rollups.push(rolling);
        }
        let at = self.below(2);
        let steps = self.below(7);
        let is_killed = self.world().may(1, "roll-up killed");
        if is_killed || (0..steps).any(|_| self.rollups[at].job.step()) {
            self.rollups.swap_remove(at);
        }
    }

    /// Nothing goes wrong any more: everything must be sealed and rolled up, whatever stale writers still do beside.
    fn calm(&mut self) {
        let later = self.below(20) as i64 * DAY;
        set_clock(Instant::from_micros(now().micros() + later));
        self.world().is_faulty = false;
        let (generation, partitions) = self.topic();
        (0..partitions).for_each(|partition| self.world().barrier(partition, Some(CLOSES)));
        let mut is_over = false;
        for _ in 0..TICKS_MAX {
            self.step_owners();
            self.step_rollups();
            self.world().land();
            is_over = self.is_over(generation, partitions);
            if is_over {
                break;
            }
        }
        if !is_over {
            self.world().differ("never sealed", String::new());
        }
        let owners = self.owners.values_mut().flatten();
        owners.for_each(|owner| (0..50).for_each(|_| assert!(!owner.step())));
        self.rollups.truncate(1);
        self.step_rollups();
        let done = self.rollups[0].rounds.load(Ordering::Relaxed);
        for _ in 0..TICKS_MAX {
            // One may have begun before the last window was sealed.
            if self.rollups[0].rounds.load(Ordering::Relaxed) >= done + 2 {
                return;
            }
            self.rollups[0].job.step();
        }
        self.world().differ("never rolled up", String::new());
    }

    fn is_over(&self, generation: u16, partitions: u32) -> bool {
        self.is_sealed(generation, partitions) && !self.world().tables.cuts.is_empty_at(&CLOSES)
    }
}

/// Rolls up for ever, until a write fails: then everything is to be read again, by another.
async fn roll_up(desk: Desk, writer: u128, rounds: Arc<AtomicU64>) {
    let seam = Arc::new(Seam::new(desk.clone()));
    let catalogue = Arc::new(ArcSwap::from_pointee(catalogue()));
    let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
    let generation = desk.world().generations.last().cloned().unwrap();
    let mut rollup = RollUp::new(Arc::clone(&seam), catalogue, metrics, now, generation, writer);
    loop {
        seam.begin_round();
        desk.pause().await;
        if rollup.round().await.is_err() {
            return;
        }
        rounds.fetch_add(1, Ordering::Relaxed);
        desk.dally(60).await;
    }
}

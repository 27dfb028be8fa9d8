//! The same with whole processes: the real [`Aggregator`], its owners and its roll-up, on a clock that stands still while
//! anything can go on. They are told of partitions, killed, stopped, slowed down and lied to about their inserts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aggregate::generation::{self, Plan};
use aggregate::{Aggregator, Config, Metrics};
use arc_swap::ArcSwap;
use domain::Instant;
use eventlog::EventLog;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::check::check;
use crate::closer::{CLOSES, close};
use crate::desk::{Desk, Job};
use crate::events::{Event, workload};
use crate::process_log::{Mailbox, ProcessLog};
use crate::random::Random;
use crate::report::Report;
use crate::scene::{DAY, Scene, catalogue, now, set_clock};
use crate::seam::Seam;
use crate::world::World;

/// A run that goes on for longer has gone wrong.
const TICKS_MAX: usize = 10_000;
/// How many generations a run has at most.
const GENERATIONS_MAX: u16 = 3;

/// Runs to the end and compares.
pub(crate) fn run(seed: u64) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(drive(seed))
}

async fn drive(seed: u64) -> Report {
    let mut random = Random::new(seed);
    let scene = Scene::new(&mut random);
    set_clock(scene.first.start());
    let pending = workload(&mut random, scene);
    let days = random.pick(&[75, 100, 120]);
    let world = Arc::new(Mutex::new(World::new(random, scene, None)));
    let mut run = Driven { world, processes: Vec::new(), closer: None, total: pending.len(), pending, days };
    run.disturbed().await;
    run.calm().await;
    let mut report = check(&mut run.world());
    report.seed = seed;
    report
}

/// A process that counts.
struct Process {
    mailbox: Arc<Mailbox>,
    is_dead: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), aggregate::Error>>,
}

struct Driven {
    world: Arc<Mutex<World>>,
    processes: Vec<Process>,
    closer: Option<Job>,
    pending: Vec<Event>,
    total: usize,
    days: i64,
}

impl Driven {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Time passes: so long that owners emit in between, now and then so long that their barriers are due.
    async fn wait(&self) {
        let milliseconds = {
            let mut world = self.world();
            match world.random.below(200) {
                0 => 3_700_000,
                1..10 => 2_500,
                n => n as u64 * 2,
            }
        };
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    async fn disturbed(&mut self) {
        let mut rest = 30;
        for _ in 0..TICKS_MAX {
            if !self.pending.is_empty() && self.world().random.percent(40) {
                self.send();
            }
            self.step_closer();
            self.disturb().await;
            self.world().land();
            self.wait().await;
            if self.pending.is_empty() && self.closer.is_none() && self.world().closed == CLOSES {
                rest -= 1;
            }
            if rest == 0 {
                return;
            }
        }
        self.world().differ("never closed", String::new());
    }

    fn send(&mut self) {
        let some = self.pending.len().min(1 + self.world().random.below(12));
        let events = self.pending.drain(..some).collect();
        let sent = (self.total - self.pending.len()) as i64;
        let start = self.world().scene.first.start().micros();
        set_clock(Instant::from_micros(start + self.days * DAY * sent / self.total as i64));
        self.world().send(events);
    }

    fn step_closer(&mut self) {
        let number = self.world().closed;
        if number < CLOSES && self.closer.is_none() {
            let left = self.total * (CLOSES - 1 - number) as usize / CLOSES as usize;
            if self.pending.is_empty() || self.pending.len() < left {
                self.closer = Some(Job::new(&self.world, |desk| close(desk, number)));
            }
        }
        if self.closer.as_mut().is_some_and(Job::step) {
            self.closer = None;
        }
    }

    /// Processes come and go, and partitions with them.
    async fn disturb(&mut self) {
        let is_time = !self.pending.is_empty() && self.world().log.generation() < GENERATIONS_MAX;
        if is_time && self.world().random.below(100) == 0 {
            self.begin_generation().await;
        }
        if self.processes.is_empty() {
            (0..2).for_each(|_| self.begin_process());
            self.rebalance();
        }
        let which = self.world().random.below(self.processes.len());
        if self.world().may(4, "process killed") {
            self.processes.swap_remove(which).kill();
            self.begin_process();
            self.rebalance();
        } else if self.world().may(2, "process stopped in order") {
            let stopped = self.processes.swap_remove(which);
            self.begin_process();
            self.rebalance();
            stopped.end().await;
        } else if self.world().may(4, "partitions rebalanced") {
            self.rebalance();
        } else if self.world().may(3, "two owners at once") {
            // It does not know yet that another one has the partition too.
            let world = &mut *self.world();
            let partition = world.random.below(world.log.partitions() as usize) as u32;
            self.processes[which].mailbox.assign(vec![partition]);
        }
    }

    /// Every partition to one process; the others are told that they have lost it.
    fn rebalance(&self) {
        let world = &mut *self.world();
        let owners: Vec<usize> =
            (0..world.log.partitions()).map(|_| world.random.below(self.processes.len())).collect();
        for (n, process) in self.processes.iter().enumerate() {
            let of = |mine: bool| {
                let all = (0..).zip(&owners).filter(move |(_, owner)| (**owner == n) == mine);
                all.map(|(partition, _)| partition).collect::<Vec<u32>>()
            };
            process.mailbox.revoke(of(false));
            process.mailbox.assign(of(true));
        }
    }

    fn begin_process(&mut self) {
        let (mailbox, is_dead, aggregator) = self.aggregator();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(aggregator.run(stopped));
        self.processes.push(Process { mailbox, is_dead, stop, task });
    }

    /// What a process has.
    fn aggregator(&self) -> (Arc<Mailbox>, Arc<AtomicBool>, Aggregator<Seam>) {
        let is_dead = Arc::new(AtomicBool::new(false));
        let desk = Desk::of_process(&self.world, &is_dead);
        let mailbox = Arc::new(Mailbox::default());
        let log: Arc<dyn EventLog> = Arc::new(ProcessLog::new(desk.clone(), Arc::clone(&mailbox)));
        let is_late = self.world().may(10, "catalogue came late");
        let mut known = catalogue();
        if is_late {
            known.services.values_mut().for_each(|service| drop(service.meters.remove("peak")));
        }
        let (known, reload) = (Arc::new(ArcSwap::from_pointee(known)), Arc::new(Notify::new()));
        let (file, asked) = (Arc::clone(&known), Arc::clone(&reload));
        tokio::spawn(async move {
            // It is looked at now and then, and soon when somebody asks.
            let _ = tokio::time::timeout(Duration::from_secs(20), asked.notified()).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            file.store(Arc::new(catalogue()));
        });
        let config = Config { horizon_months: self.world().scene.horizon, ..Config::new(now) };
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        let aggregator = Aggregator::new(config, log, Arc::new(Seam::new(desk)), known, reload, metrics);
        (mailbox, is_dead, aggregator)
    }

    /// Every process is stopped, what is left is counted, and the next generation begins.
    async fn begin_generation(&mut self) {
        for process in self.processes.drain(..) {
            process.end().await;
        }
        let generation = self.world().log.generation();
        let partitions = self.world().log.partitions();
        let (mailbox, is_dead, aggregator) = self.aggregator();
        mailbox.assign((0..partitions).collect());
        generation::count_what_is_left(aggregator, now(), |_| {}).await.unwrap();
        let more = partitions + 1 + self.world().random.below(3) as u32;
        let is_same = self.world().random.percent(50);
        if !is_same {
            self.world().log.make_topic(more);
        }
        let plan = Plan { partitions: Some(more), why: "more".into(), at: now(), old_log_is_gone: false };
        let desk = Desk::of_process(&self.world, &is_dead);
        let (seam, log) = (Seam::new(desk.clone()), ProcessLog::new(desk.clone(), Arc::default()));
        let old = ProcessLog::of_generation(desk, generation);
        let old: &dyn EventLog = if is_same { &log } else { &old };
        generation::begin(&seam, &log, Some(old), &plan).await.unwrap();
        self.world().fault("program stopped for another generation");
        self.closer = None;
    }

    /// Nothing goes wrong any more.
    async fn calm(&mut self) {
        let later = self.world().random.below(20) as i64 * DAY;
        set_clock(Instant::from_micros(now().micros() + later));
        self.world().is_faulty = false;
        let partitions = self.world().log.partitions();
        (0..partitions).for_each(|partition| self.world().barrier(partition, Some(CLOSES)));
        if self.processes.is_empty() {
            self.begin_process();
        }
        self.rebalance();
        let mut over = 0;
        for _ in 0..TICKS_MAX {
            self.world().land();
            tokio::time::sleep(Duration::from_secs(2)).await;
            over += usize::from(self.is_over());
            // Some seconds more, for the previews.
            if over == 5 {
                break;
            }
        }
        if over < 5 {
            self.world().differ("never sealed", String::new());
        }
        for process in self.processes.drain(..) {
            process.end().await;
        }
    }

    fn is_over(&self) -> bool {
        let World { tables, random, log, .. } = &mut *self.world();
        let generation = log.generation();
        let ends = log.newest().iter().map(|partition| (partition.start, partition.end()));
        (0..).zip(ends).all(|(of, (start, end))| tables.sealed(generation, of, random).upto.max(start) >= end)
            && !tables.cuts.is_empty_at(&CLOSES)
    }
}

impl Process {
    /// From now on it does nothing any more; what it has under way may still happen.
    fn kill(self) {
        self.is_dead.store(true, Ordering::Relaxed);
    }

    /// Stops it, and waits until it has ended.
    async fn end(self) {
        self.stop.send_replace(true);
        let ended = self.task.await;
        ended.unwrap().unwrap();
    }
}

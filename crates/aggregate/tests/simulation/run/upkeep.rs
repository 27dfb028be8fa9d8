//! What stops everybody who counts: another generation, and the deletion of what is forgotten.

use aggregate::generation::{Plan, begin};
use chrono::Months;
use eventlog::EventLog;

use super::{Run, TICKS_MAX};
use crate::closer::close;
use crate::controls::Control;
use crate::desk::{Desk, Job};
use crate::process_log::ProcessLog;
use crate::scene::now;
use crate::seam::Seam;

/// How many generations a run has at most.
const GENERATIONS_MAX: u16 = 3;

impl Run {
    /// Now and then what is forgotten is deleted, or the next generation begins.
    pub(super) fn step_upkeep(&mut self) {
        let is_short = self.world().scene.horizon < 3 || self.world().breaks(Control::IdentitiesDeletedEarly);
        if is_short && self.percent(2) {
            self.owners.clear();
            let horizon = Months::new(self.world().scene.horizon);
            self.undisturbed(async move |desk| {
                aggregate::upkeep::forget(&Seam::new(desk), now(), horizon).await.unwrap();
            });
        }
        let is_time = !self.pending.is_empty() && self.world().log.generation() < GENERATIONS_MAX;
        if is_time && self.world().random.below(150) == 0 {
            self.begin_generation();
        }
    }

    fn undisturbed(&self, work: impl AsyncFnOnce(Desk) + 'static) {
        let mut job = Job::new(&self.world, |desk| work(desk));
        while !job.step() {}
    }

    /// Everything that is on the log is counted and sealed, then the next generation begins: of the same topic with more
    /// partitions, or of another topic. It may be interrupted, and is done again.
    fn begin_generation(&mut self) {
        let (generation, partitions) = self.topic();
        self.rollups.clear();
        (0..partitions).for_each(|partition| self.world().barrier(partition, None));
        for _ in 0..TICKS_MAX {
            if self.is_sealed(generation, partitions) {
                break;
            }
            self.step_owners();
            self.world().land();
        }
        if !self.is_sealed(generation, partitions) {
            return self.world().differ("never sealed", "before the next generation".to_owned());
        }
        let more = partitions + 1 + self.below(3) as u32;
        let is_same = self.percent(50);
        if is_same {
            // Whoever still read on would count what belongs to the next one, so the program is stopped for this.
            self.owners.clear();
        } else {
            // Of another topic old owners find nothing new. They may repeat what they wrote.
            self.world().log.make_topic(more);
        }
        let plan = Plan { partitions: Some(more), why: "more".into(), at: now(), old_log_is_gone: false };
        let begun = |plan: Plan| {
            async move |desk: Desk| {
                let (seam, log) =
                    (Seam::new(desk.clone()), ProcessLog::new(desk.clone(), Default::default()));
                let old = ProcessLog::of_generation(desk, generation);
                let old: &dyn EventLog = if is_same { &log } else { &old };
                begin(&seam, &log, Some(old), &plan).await.unwrap();
            }
        };
        let mut first = Job::new(&self.world, begun(plan.clone()));
        let steps = self.below(40);
        if !(0..steps).any(|_| first.step()) {
            self.world().fault("begin of a generation interrupted");
        }
        drop(first);
        // It is done when both the store and the log have the next one.
        let recorded = self.world().generations.len();
        if recorded != usize::from(generation) + 1 || self.topic().0 != generation + 1 {
            self.undisturbed(begun(plan));
        }
        let topic = self.topic();
        if topic != (generation + 1, more) {
            self.world().differ("generation", format!("{topic:?} is not the one that was begun"));
        }
        // A close goes on with the new partitions.
        let numbers: Vec<u64> = self.closers.drain(..).map(|(number, _)| number).collect();
        for number in numbers {
            self.closers.push((number, Job::new(&self.world, |desk| close(desk, number))));
        }
    }
}

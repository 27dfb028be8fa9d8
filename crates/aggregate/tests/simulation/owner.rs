//! An owner of a partition: the real counter, and around it the steps of counting §4, any two of which may be its last.

use std::collections::BTreeMap;
use std::sync::Arc;

use aggregate::counter::{Counter, Place};
use aggregate::filter::Filter;
use aggregate::record::{Content, Decoded, decode};
use domain::EventKey;
use store::counting::{Sealed, Step, StoredEvent};
use store::rows::{Effect as Contribution, Position, ProgressRow};

use crate::controls::Control;
use crate::desk::Desk;
use crate::log::Logged;
use crate::rows::{self, Effect, Row};
use crate::scene::catalogue;
use crate::world::World;

/// Counts a partition for ever.
pub(crate) async fn own(desk: Desk, generation: u16, partition: u32) {
    let place = {
        let world = desk.world();
        world.scene.place(generation, partition, world.log.of(generation).len() as u32)
    };
    let mut owner = Owner::begin(desk, place).await;
    loop {
        owner.take().await;
        // One that has nothing to read emits on time.
        let percent = if owner.is_idle() { 50 } else { 30 };
        if owner.counter.has_news() && owner.desk.world().random.percent(percent) {
            owner.emit().await;
        }
        owner.desk.dally(40).await;
    }
}

struct Owner {
    desk: Desk,
    place: Place,
    /// Where it began.
    from: Sealed,
    counter: Counter,
    /// The progress that it wrote last of each window, for the controls that leave out what was listed before.
    listed: BTreeMap<u64, ProgressRow>,
}

impl Owner {
    /// Reads progress first and builds the filter after it.
    async fn begin(desk: Desk, place: Place) -> Self {
        let breaks = desk.world().breaks(Control::FilterBeforeProgress);
        let early = breaks.then(|| filter(&desk.world()));
        if breaks {
            desk.dally(92).await;
        }
        let mut from = {
            let World { tables, random, .. } = &mut *desk.world();
            tables.sealed(place.generation, place.partition, random)
        };
        {
            let mut world = desk.world();
            let start = world.log.of(place.generation)[place.partition as usize].start;
            from.upto = from.upto.max(start);
            if world.breaks(Control::BatchesNotCarried) {
                from.batches.clear();
            }
            // Nobody does that, but it must do no harm while everything is there that was known then.
            if from.upto > start && !world.has_forgotten && world.may(8, "replayed from the start") {
                from = Sealed { upto: start, ..Sealed::default() };
            }
        }
        desk.dally(30).await;
        let filter = early.unwrap_or_else(|| filter(&desk.world()));
        let counter = Counter::new(place, &from, filter);
        Self { desk, place, from, counter, listed: BTreeMap::new() }
    }

    /// Whether everything of the log is counted.
    fn is_idle(&self) -> bool {
        self.next_records(1).is_empty()
    }

    fn next_records(&self, at_most: usize) -> Vec<Arc<Logged>> {
        let world = self.desk.world();
        let log = &world.log.of(self.place.generation)[self.place.partition as usize];
        log.from(self.counter.next_offset()).iter().take(at_most).map(Arc::clone).collect()
    }

    /// Takes a delivery.
    async fn take(&mut self) {
        let some = 1 + self.desk.world().random.below(3);
        let records = self.next_records(some);
        let decoded: Vec<_> =
            records.iter().map(|record| decode(&record.stored, self.place.horizon)).collect();
        assert_eq!(self.counter.unknown_meter(&decoded, &catalogue()), None);
        let wanted = self.counter.wanted(&decoded);
        if !wanted.is_empty() {
            self.desk.dally(30).await;
            let stored = identities(&self.desk.world(), &wanted, self.place, self.from.upto);
            self.counter.learn(&stored);
            self.desk.dally(30).await;
        }
        decoded.iter().for_each(|record| self.counter.count(record));
        if self.desk.world().breaks(Control::EmissionInsideRecord) {
            self.emit_inside_record(&records).await;
        }
    }

    /// Writes what was counted, step by step.
    async fn emit(&mut self) {
        let mut steps = steps(&mut self.counter);
        let control = self.desk.world().control;
        break_rule(control, &mut steps, &mut self.listed);
        for effect in steps.iter().filter(|effect| !effect.is_empty()) {
            self.desk.write_until_done(effect).await;
        }
        self.counter.acknowledged();
    }

    /// What another counter would emit that had taken half of the last record for the whole.
    async fn emit_inside_record(&self, taken: &[Arc<Logged>]) {
        let Some(last) = taken.last().filter(|last| last.items.len() > 1 && !last.is_unreadable) else {
            return;
        };
        if self.desk.world().random.percent(80) {
            return;
        }
        let (some, mut counter) = {
            let world = self.desk.world();
            let log = &world.log.of(self.place.generation)[self.place.partition as usize];
            let some: Vec<_> = log.from(self.from.upto).iter().map(Arc::clone).collect();
            (some, Counter::new(self.place, &self.from, filter(&world)))
        };
        for record in some.iter().filter(|record| record.offset() <= last.offset()) {
            let mut decoded = decode(&record.stored, self.place.horizon);
            if record.offset() == last.offset()
                && let Content::Events(items) = &mut decoded.content
            {
                items.truncate(record.items.len() / 2);
            }
            count_one(&mut counter, &decoded, &self.desk.world());
        }
        for effect in steps(&mut counter).iter().filter(|effect| !effect.is_empty()) {
            self.desk.write_until_done(effect).await;
        }
    }
}

fn count_one(counter: &mut Counter, record: &Decoded<'_>, world: &World) {
    let one = std::slice::from_ref(record);
    assert_eq!(counter.unknown_meter(one, &catalogue()), None);
    let wanted = counter.wanted(one);
    counter.learn(&identities(world, &wanted, counter.place(), 0));
    counter.count(record);
}

fn steps(counter: &mut Counter) -> Vec<Effect> {
    let (batch, dictionary) = counter.emission();
    Step::all(batch.progress.len()).map(|step| rows::of_step(step, batch, dictionary)).collect()
}

/// A filter over all identities that are stored now.
fn filter(world: &World) -> Filter {
    let mut filter = Filter::with_capacity(0);
    world.tables.keys().for_each(|key| filter.add(key));
    filter
}

/// What the store knows of identities.
fn identities(world: &World, wanted: &[EventKey], place: Place, from: u64) -> Vec<StoredEvent> {
    let mut found = world.tables.identities(wanted);
    if world.breaks(Control::BoundAtRestart) {
        found.retain(|event| event.position.offset() < from);
    }
    if world.breaks(Control::EarlierGenerationsIgnored) {
        found.retain(|event| event.generation == place.generation);
    }
    if world.breaks(Control::NoPositionBound) {
        found.iter_mut().for_each(|event| (event.generation, event.position) = (0, Position::default()));
    }
    found
}

/// Changes what an emission writes, as an owner would that has the rule wrong.
fn break_rule(control: Option<Control>, steps: &mut [Effect], listed: &mut BTreeMap<u64, ProgressRow>) {
    let is_superseded = |row: &Row| matches!(row, Row::Event(_, event) if event.effect == Contribution::None && !event.retracted);
    match control {
        Some(Control::ProgressFirst) => {
            let is_progress = |effect: &Effect| matches!(effect.first(), Some(Row::Progress(..)));
            steps.sort_by_key(|effect| !is_progress(effect));
        }
        Some(Control::ZeroCellsSkipped) => {
            steps.iter_mut().for_each(|rows| rows.retain(|row| !matches!(row, Row::Cell(_, _, 0))));
        }
        Some(Control::SupersededNotStored) => {
            steps.iter_mut().for_each(|rows| rows.retain(|row| !is_superseded(row)));
        }
        Some(Control::CarryNotListed | Control::MonthsNotCumulative | Control::OutcomesNotCumulative) => {
            for row in steps.iter_mut().flatten() {
                let Row::Progress(_, _, row) = row else { continue };
                let before = listed.insert(row.window, (**row).clone());
                match (control, before) {
                    (Some(Control::CarryNotListed), _) => {
                        row.touched.iter_mut().for_each(|touched| touched.carries = false);
                    }
                    (Some(Control::MonthsNotCumulative), Some(before)) => {
                        row.touched.retain(|touched| !before.touched.contains(touched));
                    }
                    (Some(Control::OutcomesNotCumulative), Some(before)) => since(row, &before),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Leaves only the outcomes since an earlier row.
fn since(row: &mut ProgressRow, before: &ProgressRow) {
    for (source, day, outcome, events) in &mut row.outcomes {
        let same = |of: &&(String, i32, &'static str, u64)| (&of.0, of.1, of.2) == (source, *day, *outcome);
        *events -= before.outcomes.iter().find(same).map_or(0, |(.., events)| *events);
    }
    row.outcomes.retain(|(.., events)| *events > 0);
}

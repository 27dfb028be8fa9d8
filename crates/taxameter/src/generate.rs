//! seed + catalogue + planned volumes → a year of events, as collectors would have sent them (domain §5).
//!
//! The year is a function of the seed: every number is drawn from a hash of what it is about (service, customer,
//! object, day), never from a sequence, so a sample has the same objects as the whole, and a month is the same whether
//! the months before it were generated or not. Growth and seasons are normalised, so that the year averages the planned
//! volumes. A day is held in memory at a time, however large the sample.
//!
//! Start with [`Generator`]; [`Account`] tells exactly what it injected.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use domain::catalogue::Catalogue;
use domain::{Instant, Month, Quantity};

mod account;
mod command;
mod day;
mod days;
mod faults;
mod flow;
mod group;
mod habit;
mod inject;
mod population;
mod random;
mod shape;
mod spec;
mod write;

pub use account::{Account, Kind, Outcome, Outcomes};
pub use command::{Args, catalogue_and_plan, print_account, run};
pub use faults::Faults;

use days::Days;
use faults::Fates;
use flow::Flows;
use population::Population;
use spec::Spec;

/// How long after a month's end it is closed, in the generated year: what is late by at most ten days is in time.
const CLOSE_AFTER: i64 = 12 * days::DAY;

/// When the generated year's senders expect a month to be closed. What is [`Kind::AfterClose`] arrives later.
pub fn close_of(month: Month) -> Instant {
    Instant::from_micros(month.end().micros() + CLOSE_AFTER)
}

/// How much of the municipality is generated, in millionths: objects and events, never the size of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample(u32);

impl Sample {
    /// All of it: about four and a half million events a month.
    pub const FULL: Self = Self(flow::FULL);
    /// One in a hundred.
    pub const HUNDREDTH: Self = Self(flow::FULL / 100);
    /// One in a thousand: the least.
    pub const THOUSANDTH: Self = Self(flow::FULL / 1000);

    /// In millionths, from 1,000 to 1,000,000.
    pub fn from_millionths(millionths: u32) -> Option<Self> {
        (Self::THOUSANDTH.0..=Self::FULL.0).contains(&millionths).then_some(Self(millionths))
    }

    /// In millionths.
    pub const fn millionths(self) -> u32 {
        self.0
    }
}

impl std::str::FromStr for Sample {
    type Err = String;

    /// Reads `1%`, `0.1%` or `0.01`, with a decimal point or comma.
    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || format!("{text:?} is no sample: write 0.1% to 100%, or 0.001 to 1");
        let (number, unit) = match text.trim().strip_suffix('%') {
            Some(number) => (number.trim(), 100),
            None => (text.trim(), 1),
        };
        let parsed = Quantity::parse(&number.replace(',', ".")).map_err(|_| wanted())?;
        let millionths = parsed.micros() / unit;
        u32::try_from(millionths).ok().and_then(Self::from_millionths).ok_or_else(wanted)
    }
}

/// What is generated.
#[derive(Debug, Clone)]
pub struct GeneratorConfig {
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// How much of it.
    pub sample: Sample,
    /// The first month.
    pub from: Month,
    /// The last month, of the same year.
    pub to: Month,
    /// What goes wrong.
    pub faults: Faults,
}

/// A planned volume: so many units in an average month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The values of the rating dimensions joined by `/`; empty for a meter without.
    pub class: String,
    /// The average month's quantity.
    pub volume: Quantity,
}

/// A generated event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its JSON, without a line end.
    pub bytes: Vec<u8>,
    /// When its collector sends it. Items come in this order.
    pub arrives: Instant,
    /// The month that it is about.
    pub month: Month,
    /// Why it is as it is.
    pub kind: Kind,
    /// What must become of it.
    pub outcome: Outcome,
}

/// Everything that does not change while a year is generated.
#[derive(Debug)]
struct World {
    sample: u32,
    days: Days,
    flows: Flows,
    population: Population,
    fates: Fates,
    /// The flow whose first event of some days shows a fault.
    shown: Option<usize>,
    /// The flow that gives a company credit.
    credited: Option<usize>,
}

/// Generates a year, or some months of it.
#[derive(Debug)]
pub struct Generator {
    world: World,
    year: i32,
    /// The index of the next day to make, and of the first that is not made.
    next: usize,
    end: usize,
    /// The month (from 0) that the counts are of, and each flow's counts on its days.
    counted: Option<usize>,
    counts: Vec<Vec<u32>>,
    today: std::vec::IntoIter<Spec>,
    /// What arrives on a later day.
    later: BinaryHeap<Reverse<Later>>,
    account: Account,
    /// The number that the last displaced event got: what arrives at one instant keeps its order.
    displaced: u64,
}

/// A displaced event, ordered by arrival.
#[derive(Debug)]
struct Later {
    arrives: i64,
    order: u64,
    spec: Spec,
}

impl Generator {
    /// Prepares the months of `config`. Months of more than one year are cut at the first year's end.
    pub fn new(config: &GeneratorConfig, catalogue: &Catalogue, plan: &[Planned]) -> Self {
        let year = config.from.year();
        let days = Days::of(year);
        let sample = config.sample.millionths();
        let flows = Flows::new(config.seed, catalogue, plan, &days, sample);
        let population = Population::new(catalogue, config.from.first_day(), flows.school_share);
        let last = if config.to.year() > year { 12 } else { config.to.number() as usize };
        let (next, end) = (days.month(config.from.number() as usize - 1).start, days.month(last - 1).end);
        let shown = flows.flows.iter().position(|flow| flow.habit.revised && flow.id_prefix == "teams");
        let credited = flows.flows.iter().position(|flow| flow.negative);
        let fates = Fates::new(config.faults, flows.expected());
        Self {
            world: World { sample, days, flows, population, fates, shown, credited },
            year,
            next,
            end,
            counted: None,
            counts: Vec::new(),
            today: Vec::new().into_iter(),
            later: BinaryHeap::new(),
            account: Account::default(),
            displaced: 0,
        }
    }

    /// What was generated so far.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// About how many events there will be: for a progress bar.
    pub fn expected(&self) -> u64 {
        let days = self.end.saturating_sub(self.next) as u64;
        let (monthly, _) = self.world.flows.expected();
        monthly * days * u64::from(self.world.sample) / 30 / u64::from(flow::FULL)
    }

    /// Makes the next day and takes up what arrives on it. False when nothing is left.
    fn open_day(&mut self) -> bool {
        let mut specs = Vec::new();
        let until = if self.next < self.end {
            self.make_day(&mut specs);
            self.next += 1;
            self.world.days.day(self.next).start
        } else {
            i64::MAX
        };
        let mut today = Vec::with_capacity(specs.len());
        while let Some(Reverse(later)) = self.later.peek()
            && later.arrives < until
        {
            today.extend(self.later.pop().map(|Reverse(later)| later.spec));
        }
        for spec in specs {
            if spec.arrives < until {
                today.push(spec);
            } else {
                self.displaced += 1;
                self.later.push(Reverse(Later { arrives: spec.arrives, order: self.displaced, spec }));
            }
        }
        if today.is_empty() && until == i64::MAX {
            return false;
        }
        today.sort_by_key(|spec| spec.arrives);
        self.today = today.into_iter();
        true
    }

    fn make_day(&mut self, specs: &mut Vec<Spec>) {
        let world = &self.world;
        let month = world.days.day(self.next).month;
        if self.counted != Some(month) {
            let counts = |flow: &flow::Flow| flow.month_counts(month, &world.days, world.sample);
            self.counts = world.flows.flows.iter().map(counts).collect();
            self.counted = Some(month);
        }
        let mut day = day::Day { world, at: self.next, counts: &self.counts, specs, missing: 0 };
        day.make();
        self.account.missing_snapshots += day.missing;
    }

    fn item(&mut self, spec: &Spec) -> Item {
        let world = &self.world;
        let mut bytes = Vec::with_capacity(640);
        write::write(spec, &world.flows, &world.population, &world.days, &mut bytes);
        let source = match spec.form {
            spec::Form::Marker { .. } => world.flows.groups[usize::from(spec.flow)].source,
            spec::Form::Observation | spec::Form::Happening => {
                world.flows.flows[usize::from(spec.flow)].source
            }
        };
        self.account.add(&world.flows.sources[usize::from(source)], spec.kind, spec.outcome, bytes.len());
        let month = Month::new(self.year, world.days.day(usize::from(spec.day)).month as u32 + 1);
        Item {
            bytes,
            arrives: Instant::from_micros(spec.arrives),
            month: month.unwrap_or_else(|| unreachable!("a day of the year is in one of its months")),
            kind: spec.kind,
            outcome: spec.outcome,
        }
    }
}

impl Iterator for Generator {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(spec) = self.today.next() {
                return Some(self.item(&spec));
            }
            if !self.open_day() {
                return None;
            }
        }
    }
}

impl PartialEq for Later {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Later {}

impl PartialOrd for Later {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Later {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.arrives, self.order).cmp(&(other.arrives, other.order))
    }
}

//! The catalogue and the planned volumes → flows: one meter, class and source, with what its events have in common.

use std::collections::BTreeMap;

use domain::catalogue::{Catalogue, Meter, Service};
use domain::event::DATASCHEMA;
use domain::usage::MeterKind;

use super::Planned;
use super::days::{Days, HOUR, MINUTE};
use super::group::Group;
use super::habit::{self, Habit, REGISTER};
use super::population::push_json;
use super::random::{below, mix, of_text, purpose};
use super::shape::{self, LEVEL_ONE};

/// The divisor of a sample: a sample of [`FULL`] is everything.
pub(super) const FULL: u32 = 1_000_000;

/// One meter and class as one source reports it.
#[derive(Debug)]
pub(super) struct Flow {
    /// Stands for the flow in every hash; depends on its names and the seed, never on its place in the catalogue.
    pub(super) key: u64,
    pub(super) kind: MeterKind,
    pub(super) habit: Habit,
    /// The average month at full scale, in millionths of the unit.
    pub(super) volume: i128,
    /// What quantities are whole multiples of, in millionths.
    grain: i64,
    /// Of readings: the sums of the weights before each object, and after the last.
    weights: Vec<u64>,
    levels: Vec<i64>,
    /// Whether negative quantities are taken.
    pub(super) negative: bool,
    pub(super) id_prefix: &'static str,
    /// The index of its source.
    pub(super) source: u16,
    /// The JSON between the id and the subject.
    pub(super) head: String,
    /// The JSON between the time and the quantity.
    pub(super) middle: String,
    /// The JSON between the quantity and what follows it.
    pub(super) unit: String,
    /// The rating dimensions as JSON, without braces.
    pub(super) dims: String,
    /// Other dimensions with the values that they may have.
    pub(super) extra: Vec<(String, Vec<String>)>,
    /// Platform services are ordered by an object.
    pub(super) ordered_by_object: bool,
}

/// All flows, grouped by source and meter.
#[derive(Debug, Default)]
pub(super) struct Flows {
    pub(super) flows: Vec<Flow>,
    pub(super) groups: Vec<Group>,
    pub(super) sources: Vec<String>,
    /// The part of the planned turnover, in millionths, that only schools use.
    pub(super) school_share: u64,
}

impl Flows {
    pub(super) fn new(seed: u64, catalogue: &Catalogue, plan: &[Planned], days: &Days, sample: u32) -> Self {
        let mut volumes: BTreeMap<(&str, &str), Vec<(&str, i128)>> = BTreeMap::new();
        for row in plan {
            let key = (row.service.as_str(), row.meter.as_str());
            volumes.entry(key).or_default().push((&row.class, row.volume.micros()));
        }
        let mut made = Self::default();
        for service in catalogue.services.values() {
            for meter in service.meters.values().filter(|meter| meter.kind != MeterKind::Fixed) {
                let unplanned = || unplanned_classes(meter);
                let classes = volumes.get(&(service.slug.as_str(), meter.slug.as_str()));
                let classes: Vec<(String, i128)> = classes.map_or_else(unplanned, |rows| {
                    rows.iter().map(|(class, volume)| ((*class).to_owned(), *volume)).collect()
                });
                made.add_meter(seed, service, meter, &classes, days, sample);
            }
        }
        made.school_share = school_share(catalogue, plan);
        made
    }

    fn add_meter(
        &mut self,
        seed: u64,
        service: &Service,
        meter: &Meter,
        classes: &[(String, i128)],
        days: &Days,
        sample: u32,
    ) {
        let sources = habit::of(&service.slug, meter.kind, "").from;
        for from in sources {
            let source = self.sources.iter().position(|known| known == from.0).unwrap_or_else(|| {
                self.sources.push(from.0.to_owned());
                self.sources.len() - 1
            }) as u16;
            let first = self.flows.len();
            for (class, volume) in classes {
                let habit = habit::of(&service.slug, meter.kind, class);
                let volume = volume * i128::from(from.2) / 100;
                let flow = Flow::new(seed, service, meter, class, volume, *from, habit, days, sample);
                self.flows.push(Flow { source, ..flow });
            }
            let at_source = of_text(1, from.0);
            self.groups.push(Group {
                source,
                flows: first..self.flows.len(),
                snapshot: meter.kind == MeterKind::AvgDaily || meter.kind.is_series(),
                yesterday: *from == REGISTER,
                poll: HOUR + below(at_source, 240) as i64 * MINUTE,
                id_prefix: from.1,
                key: of_text(of_text(mix(seed, at_source), &service.slug), &meter.slug),
                service: service.slug.clone(),
                meter: meter.slug.clone(),
            });
        }
    }

    /// How many events a month has at full scale, in all and of what is not part of a snapshot.
    pub(super) fn expected(&self) -> (u64, u64) {
        self.flows.iter().map(Flow::expected).fold((0, 0), |(all, apart), (count, in_snapshot)| {
            (all + count, apart + if in_snapshot { 0 } else { count })
        })
    }
}

fn unplanned_classes(meter: &Meter) -> Vec<(String, i128)> {
    let rating: Vec<&Vec<String>> = meter.dimensions.iter().filter(|d| d.rating).map(|d| &d.values).collect();
    let mut classes = vec![String::new()];
    for (at, values) in rating.iter().enumerate() {
        let glue = if at == 0 { "" } else { "/" };
        classes = classes
            .iter()
            .flat_map(|c| values.iter().map(move |value| format!("{c}{glue}{value}")))
            .collect();
    }
    let volume = habit::unplanned_volume(meter.kind) / classes.len().max(1) as i128;
    classes.into_iter().map(|class| (class, volume)).collect()
}

fn school_share(catalogue: &Catalogue, plan: &[Planned]) -> u64 {
    let (mut all, mut schools) = (0_i128, 0_i128);
    for row in plan {
        let Some(meter) = catalogue.meter(&row.service, &row.meter) else { continue };
        let prices = catalogue.prices.iter();
        let price = prices
            .filter(|p| p.service == row.service && p.meter == row.meter && p.class == row.class)
            .map(|p| p.price)
            .next();
        let Some(amount) = price.and_then(|price| price.times(row.volume)) else { continue };
        all += i128::from(amount.ore());
        if habit::of(&row.service, meter.kind, &row.class).schools {
            schools += i128::from(amount.ore());
        }
    }
    u64::try_from(schools * 1_000_000 / all.max(1)).unwrap_or(0)
}

impl Flow {
    #[expect(clippy::too_many_arguments, reason = "called once, by the loop that has them all at hand")]
    fn new(
        seed: u64,
        service: &Service,
        meter: &Meter,
        class: &str,
        volume: i128,
        from: habit::From,
        habit: Habit,
        days: &Days,
        sample: u32,
    ) -> Self {
        let key =
            [from.0, &service.slug, &meter.slug, class].iter().fold(seed, |key, text| of_text(key, text));
        let objects = (u64::from(habit.objects) * u64::from(sample)).div_ceil(u64::from(FULL));
        let mut weights = vec![0];
        if meter.kind.is_series() {
            for object in 0..objects {
                // Sizes differ by two orders of magnitude, and small ones are common.
                let size = 10 + below(mix(mix(key, purpose::WEIGHT), object), 30);
                weights.push(weights[object as usize] + size * size * size);
            }
        }
        let mut dims = String::new();
        for (dimension, value) in meter.dimensions.iter().filter(|d| d.rating).zip(class.split('/')) {
            if !dims.is_empty() {
                dims.push(',');
            }
            push_json(&mut dims, &dimension.name, value);
        }
        let mut extra = Vec::new();
        for dimension in meter.dimensions.iter().filter(|d| !d.rating) {
            let open = habit::dimension_values(&dimension.name).iter().map(|value| (*value).to_owned());
            let values = if dimension.values.is_empty() { open.collect() } else { dimension.values.clone() };
            if !values.is_empty() {
                extra.push((dimension.name.clone(), values));
            }
        }
        let event_type = meter.event_type.as_deref().unwrap_or_default();
        Self {
            key,
            kind: meter.kind,
            habit,
            volume,
            grain: if meter.unit == "vcpu" { 1_000_000 } else { 1 },
            weights,
            levels: shape::levels(habit.growth, days),
            negative: meter.negative && meter.kind == MeterKind::Sum,
            id_prefix: from.1,
            source: 0,
            head: format!("\",\"source\":\"{}\",\"type\":\"{event_type}\",\"subject\":\"", from.0),
            middle: format!(
                "\",\"dataschema\":\"{DATASCHEMA}\",\"datacontenttype\":\"application/json\",\"data\":{{\"service\":\"{}\",\"meter\":\"{}\",\"quantity\":\"",
                service.slug, meter.slug
            ),
            unit: format!("\",\"unit\":\"{}\",", meter.unit),
            dims,
            extra,
            ordered_by_object: service.product == "P",
        }
    }

    fn expected(&self) -> (u64, bool) {
        let units = self.volume / 1_000_000;
        let (count, in_snapshot) = match self.kind {
            MeterKind::AvgDaily => (units * 30, true),
            MeterKind::TimeWeighted | MeterKind::Peak | MeterKind::Latest => {
                (i128::from(self.habit.objects) * 30, true)
            }
            MeterKind::Unique => (units * i128::from(self.habit.each), false),
            MeterKind::Sum | MeterKind::Count => (self.volume / i128::from(self.habit.each), false),
            MeterKind::Fixed => (0, false),
        };
        (u64::try_from(count).unwrap_or(0), in_snapshot)
    }

    /// How many objects there are on each day of a month, events on each day, or subjects in the month (the same
    /// number for each day). Roundings are carried on through the year, so that it adds up to the sample of the plan,
    /// however small; never to nothing.
    pub(super) fn month_counts(&self, month: usize, days: &Days, sample: u32) -> Vec<u32> {
        let range = days.month(month);
        let phase = mix(self.key, purpose::PHASE);
        let planned = self.volume * i128::from(sample) / i128::from(FULL);
        match self.kind {
            MeterKind::AvgDaily => {
                let daily: Vec<i128> = self.levels.iter().map(|level| planned * i128::from(*level)).collect();
                at_least_one(spread(&daily, 1_000_000 * i128::from(LEVEL_ONE), phase))[range].to_vec()
            }
            MeterKind::Sum | MeterKind::Count => {
                let total = i128::from(self.monthly(planned, i128::from(self.habit.each))[month]);
                let weights: Vec<i128> =
                    range.map(|at| i128::from(shape::day_weight(days.day(at).weekend))).collect();
                let daily: Vec<i128> = weights.iter().map(|weight| total * weight).collect();
                spread(&daily, weights.iter().sum(), mix(phase, month as u64))
            }
            MeterKind::Unique => vec![self.monthly(planned, 1_000_000)[month]; range.len()],
            MeterKind::TimeWeighted | MeterKind::Peak | MeterKind::Latest => {
                vec![self.weights.len() as u32 - 1; range.len()]
            }
            MeterKind::Fixed => vec![0; range.len()],
        }
    }

    /// How many of `unit` each month of the year has.
    fn monthly(&self, planned: i128, unit: i128) -> Vec<u32> {
        let weights = self.habit.season.weights();
        let all: i64 = weights.iter().sum();
        let months = weights.map(|weight| planned * i128::from(weight) * 12);
        at_least_one(spread(&months, unit * i128::from(all), mix(self.key, purpose::PHASE)))
    }

    /// What all objects hold together on a day, in grains.
    pub(super) fn level(&self, at: usize, sample: u32) -> i128 {
        let planned = self.volume * i128::from(sample) * i128::from(self.levels[at]);
        let unit = i128::from(self.grain) * i128::from(FULL) * i128::from(LEVEL_ONE);
        let phase = below(mix(mix(self.key, purpose::PHASE), at as u64), 1 << 32);
        (planned + unit * i128::from(phase) / (1 << 32)) / unit
    }

    /// What one object holds when all hold `level` together, in millionths. The objects add up to the level exactly.
    pub(super) fn reading(&self, object: u32, level: i128) -> i64 {
        let all = i128::from(self.weights[self.weights.len() - 1].max(1));
        let upto = |at: usize| level * i128::from(self.weights[at]) / all;
        let grains = upto(object as usize + 1) - upto(object as usize);
        i64::try_from(grains).unwrap_or(i64::MAX) * self.grain
    }
}

/// Whole numbers whose running sums follow those of `parts / unit`, so that together they are off by less than one. The
/// phase decides where the roundings fall, so that not all flows are rounded on the same day.
fn spread(parts: &[i128], unit: i128, phase: u64) -> Vec<u32> {
    let mut sum = unit * i128::from(below(phase, 1 << 32)) / (1 << 32);
    let mut before = 0;
    let next = |part: &i128| {
        sum += part;
        let upto = sum / unit;
        let count = upto - before;
        before = upto;
        u32::try_from(count).unwrap_or(u32::MAX)
    };
    parts.iter().map(next).collect()
}

/// One in the first place when there is nothing at all: no meter goes without.
fn at_least_one(mut counts: Vec<u32>) -> Vec<u32> {
    if counts.iter().all(|count| *count == 0) {
        counts[0] = 1;
    }
    counts
}

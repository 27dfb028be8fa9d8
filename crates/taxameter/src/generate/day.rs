//! A day of the year → the events that are about it, in any order.

use super::World;
use super::account::{Kind, Outcome};
use super::days::{DAY, HOUR, MINUTE, SECOND};
use super::faults::Fate;
use super::flow::Flow;
use super::group::Group;
use super::habit::{CMDB, REGISTER};
use super::random::{below, mix, purpose};
use super::spec::{Form, Spec};
use domain::usage::MeterKind;

/// The days of the month (from 0) on which the first meeting that Teams reports shows one fault each, so that every
/// sample has all of them.
const SHOWN: [(usize, Fate); 4] =
    [(14, Fate::Retracted), (15, Fate::RetractedBefore), (16, Fate::Conflict), (17, Fate::Revised)];

/// The events of one day, as they are made.
pub(super) struct Day<'w> {
    pub(super) world: &'w World,
    /// The day's index in the year.
    pub(super) at: usize,
    /// Of each flow: how many on each day of the month.
    pub(super) counts: &'w [Vec<u32>],
    pub(super) specs: &'w mut Vec<Spec>,
    /// Snapshots left out by an outage.
    pub(super) missing: u64,
}

impl Day<'_> {
    pub(super) fn make(&mut self) {
        for (at, group) in self.world.flows.groups.iter().enumerate() {
            if self.outage(group) {
                self.missing += u64::from(group.snapshot);
                continue;
            }
            let poll = self.poll(group);
            let (mut count, mut refused) = (0, 0);
            for flow in group.flows.clone() {
                if group.snapshot {
                    let (some, bad) = self.observations(flow, poll);
                    count += some;
                    refused += bad;
                } else {
                    self.happenings(flow);
                }
            }
            if group.snapshot {
                self.marker(at, group, poll, count, refused);
            }
        }
        self.credit();
    }

    fn outage(&self, group: &Group) -> bool {
        let days = &self.world.days;
        let within =
            |month, first, last| (days.index(month, first)..=days.index(month, last)).contains(&self.at);
        let source = self.world.flows.sources[usize::from(group.source)].as_str();
        let out = (source == CMDB.0 && within(2, 9, 10)) || (source == REGISTER.0 && within(10, 18, 22));
        self.world.fates.faults.outages && out
    }

    fn poll(&self, group: &Group) -> i64 {
        let days = &self.world.days;
        if group.yesterday {
            days.day(self.at + 1).start + 10 * MINUTE
        } else {
            days.day(self.at).start + group.poll
        }
    }

    fn day_of_month(&self) -> usize {
        self.at - self.world.days.month(self.month()).start
    }

    pub(super) fn month(&self) -> usize {
        self.world.days.day(self.at).month
    }

    /// What identities are drawn from, so that no two years have one in common.
    fn ordinal(&self) -> u64 {
        ordinal(self.world.days.day(self.at).start)
    }

    /// One observation of every object of a flow. Tells how many there are and how many will be refused.
    fn observations(&mut self, at: usize, poll: i64) -> (u32, u32) {
        let world = self.world;
        let flow = &world.flows.flows[at];
        let count = self.counts[at][self.day_of_month()];
        let level = if flow.kind.is_series() { flow.level(self.at, world.sample) } else { 0 };
        let mut refused = 0;
        for object in 0..count {
            let subject = self.object(flow, object, count);
            let quantity = if flow.kind.is_series() { flow.reading(object, level) } else { 1_000_000 };
            let time = poll + i64::from(object % 600) * SECOND;
            let spec = Spec { quantity, ..self.spec(at, Form::Observation, subject, subject, time, MINUTE) };
            let hash = mix(mix(subject, purpose::FAULT), self.at as u64);
            let fate = world.fates.of_observation(hash);
            refused += u32::from(fate == Fate::PersonalData);
            self.apply(spec, fate, hash);
        }
        (count, refused)
    }

    /// An object of a flow: in August, some are replaced by new ones, a few each day.
    fn object(&self, flow: &Flow, object: u32, count: u32) -> u64 {
        let hash = mix(mix(flow.key, purpose::OBJECT), u64::from(object));
        let leaving = u64::from(count) * u64::from(flow.habit.replaced) / 100;
        let from = self.world.days.index(8, 9) + below(mix(hash, purpose::REPLACED), 14) as usize;
        if u64::from(object) < leaving && self.at >= from { mix(hash, purpose::REPLACED) } else { hash }
    }

    fn happenings(&mut self, at: usize) {
        let flow = &self.world.flows.flows[at];
        let count = u64::from(self.counts[at][self.day_of_month()]);
        if flow.kind == MeterKind::Unique {
            for subject in 0..count {
                self.sessions(at, subject);
            }
            return;
        }
        // The same few rooms, printers and extensions all year.
        let planned = flow.volume * i128::from(self.world.sample) / i128::from(flow.habit.each) / 20_000_000;
        let objects = u64::try_from(planned).unwrap_or(0).max(1);
        for n in 0..count {
            let identity = mix(mix(mix(flow.key, purpose::IDENTITY), self.ordinal()), n);
            let object = below(mix(identity, purpose::OBJECT), objects);
            let subject = mix(mix(flow.key, purpose::OBJECT), object);
            let mirrored = n % 2 == 1 || n + 1 < count;
            self.happening(at, identity, subject, self.quantity(flow, n, mirrored), n == 0);
        }
    }

    /// The sessions that somebody has on this day; everybody who is counted in a month has at least one in it.
    fn sessions(&mut self, at: usize, person: u64) {
        let flow = &self.world.flows.flows[at];
        let subject = mix(mix(flow.key, purpose::SUBJECT), person);
        let first = self.world.days.day(self.world.days.month(self.month()).start).start;
        let monthly = mix(mix(subject, purpose::SESSION), ordinal(first));
        let sessions = 1 + below(monthly, 2 * flow.habit.each as u64 - 1);
        let (days, today) = (self.world.days.month(self.month()).len() as u64, self.day_of_month() as u64);
        for session in 0..sessions {
            let hash = mix(monthly, session + 1);
            if below(hash, days) == today {
                self.happening(at, hash, subject, 1_000_000, false);
            }
        }
    }

    /// The n-th quantity of a day. Neighbours mirror each other around the mean, so that a day adds up to its plan.
    fn quantity(&self, flow: &Flow, n: u64, mirrored: bool) -> i64 {
        if flow.kind == MeterKind::Count {
            return 1_000_000;
        }
        let hash = mix(mix(mix(flow.key, purpose::QUANTITY), self.at as u64), n / 2);
        let each = flow.habit.each as u64;
        let step = if flow.habit.whole { 1_000_000 } else { 1 };
        let drawn = (1 + below(hash, 2 * (each / step) - 1)) * step;
        // The last of an odd number has nobody to mirror it and is the mean itself.
        let quantity = match (mirrored, n.is_multiple_of(2)) {
            (false, _) => each,
            (true, true) => drawn,
            (true, false) => 2 * each - drawn,
        };
        quantity as i64
    }

    fn happening(&mut self, at: usize, identity: u64, subject: u64, quantity: i64, first: bool) {
        let world = self.world;
        let flow = &world.flows.flows[at];
        let day = world.days.day(self.at);
        let length = world.days.day(self.at + 1).start - day.start;
        let hash = mix(identity, purpose::TIME);
        // Most of it in office hours; the rest at any time, so that midnights and months' edges have their share.
        let after = if hash.is_multiple_of(32) {
            below(mix(hash, 1), length as u64) as i64
        } else {
            7 * HOUR + below(mix(hash, 1), (10 * HOUR) as u64) as i64
        };
        let time = day.start + after / SECOND * SECOND;
        let wait = 30 * SECOND + below(mix(identity, purpose::ARRIVAL), 570) as i64 * SECOND;
        let spec = Spec { quantity, ..self.spec(at, Form::Happening, identity, subject, time, wait) };
        let hash = mix(identity, purpose::FAULT);
        let shown =
            SHOWN.iter().find(|(day, _)| first && world.shown == Some(at) && *day == self.day_of_month());
        let fate = match shown {
            Some((_, fate)) if world.fates.allows(*fate) => *fate,
            _ => world.fates.of_happening(hash, flow.habit.revised && flow.id_prefix == "teams"),
        };
        self.apply(spec, fate, hash);
    }

    fn spec(&self, at: usize, form: Form, identity: u64, subject: u64, time: i64, wait: i64) -> Spec {
        let flow = &self.world.flows.flows[at];
        let people = &self.world.population;
        Spec {
            arrives: time + wait,
            time,
            quantity: 0,
            identity,
            subject,
            form,
            flow: at as u16,
            day: self.at as u16,
            costcentre: people.costcentre(subject, self.month(), self.day_of_month(), flow.habit.schools),
            seq: 0,
            retracted: false,
            kind: Kind::Plain,
            outcome: Outcome::Metered,
        }
    }

    fn marker(&mut self, at: usize, group: &Group, poll: i64, count: u32, refused: u32) {
        let time = poll + 15 * MINUTE;
        let spec = Spec {
            arrives: time + MINUTE,
            time,
            quantity: 0,
            identity: 0,
            subject: 0,
            form: Form::Marker { count, refused },
            flow: at as u16,
            day: self.at as u16,
            costcentre: 0,
            seq: 0,
            retracted: false,
            kind: Kind::Marker,
            outcome: Outcome::Marker,
        };
        let hash = mix(mix(group.key, purpose::FAULT), self.at as u64);
        let fate = self.world.fates.of_observation(hash);
        self.apply(spec, if fate == Fate::Duplicate { fate } else { Fate::Plain }, hash);
    }

    /// One credit to a company, where negative quantities are taken.
    fn credit(&mut self) {
        let world = self.world;
        let (Some(at), Some(company)) = (world.credited, world.population.company) else { return };
        if !world.fates.faults.credit || self.at != world.days.index(5, 20) {
            return;
        }
        let flow = &world.flows.flows[at];
        let identity = mix(mix(flow.key, purpose::FAULT), self.ordinal());
        let time = world.days.day(self.at).start + 12 * HOUR;
        let quantity = -10 * flow.habit.each;
        let spec = self.spec(at, Form::Happening, identity, identity, time, MINUTE);
        self.specs.push(Spec { quantity, costcentre: company, kind: Kind::Credit, ..spec });
    }
}

/// The number of a day in time, from its first instant.
fn ordinal(start: i64) -> u64 {
    start.div_euclid(DAY).cast_unsigned()
}

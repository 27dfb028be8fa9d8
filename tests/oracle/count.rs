//! Events → exact amounts, one kind of meter at a time (domain §1.1, counting §6).

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::catalogue::Catalogue;
use domain::usage::MeterKind;

use super::read::{Event, Pile, What};
use super::swedish::{self, MonthIndex};
use super::{series, snapshots};

/// A millionth of what one event, subject or object-day adds.
pub(crate) const ONE: i128 = 1_000_000;

/// What an amount is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) month: MonthIndex,
    pub(crate) customer: Option<String>,
    pub(crate) costcentre: String,
    pub(crate) service: String,
    pub(crate) meter: String,
    pub(crate) class: String,
}

/// All amounts of the months asked for.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) amounts: BTreeMap<Cell, i128>,
    /// Of meters that count subjects: how many there are whatever their cost centre.
    pub(crate) distinct: BTreeMap<(MonthIndex, String, String), i128>,
}

/// A part of an amount, of one day.
pub(crate) struct Part {
    pub(crate) day: NaiveDate,
    pub(crate) service: u32,
    pub(crate) meter: u32,
    pub(crate) class: u32,
    pub(crate) costcentre: u32,
    pub(crate) amount: i128,
}

pub(crate) fn count(pile: &Pile<'_>, months: &[MonthIndex]) -> Counted {
    let mut counted = Counted::default();
    let mut parts = Vec::new();
    let mut subjects: BTreeMap<(MonthIndex, u32, u32, u32, u32, u32), NaiveDate> = BTreeMap::new();
    let (mut readings, mut observations) = (Vec::new(), Vec::new());
    for event in pile.newest() {
        let kind = kind_of(pile, event);
        if kind == MeterKind::AvgDaily {
            observations.push(event);
            continue;
        }
        if matches!(kind, MeterKind::TimeWeighted | MeterKind::Peak | MeterKind::Latest) {
            readings.push(event);
            continue;
        }
        let What::Usage { quantity, class, costcentre, retracted: false, .. } = event.what else { continue };
        let (service, meter, day) = (event.service, event.meter, event.day);
        if kind == MeterKind::Unique {
            let key = (swedish::month_of(day), service, meter, class, costcentre, event.subject);
            let first = subjects.entry(key).or_insert(day);
            *first = day.min(*first);
        } else {
            let amount = if kind == MeterKind::Count { ONE } else { quantity };
            parts.push(Part { day, service, meter, class, costcentre, amount });
        }
    }
    let mut everybody: Vec<_> =
        subjects.keys().map(|&(month, s, m, _, _, subject)| (month, s, m, subject)).collect();
    everybody.sort_unstable();
    everybody.dedup();
    for (month, service, meter, _) in everybody {
        let key = (month, pile.names.text(service).to_owned(), pile.names.text(meter).to_owned());
        *counted.distinct.entry(key).or_default() += ONE;
    }
    for ((_, service, meter, class, costcentre, _), day) in subjects {
        parts.push(Part { day, service, meter, class, costcentre, amount: ONE });
    }
    snapshots::count(pile, &observations, &mut parts);
    series::count(pile, &readings, months, &mut parts);
    for part in parts.iter().filter(|part| months.contains(&swedish::month_of(part.day))) {
        let text = |number: u32| pile.names.text(number);
        let place = [text(part.costcentre), text(part.service), text(part.meter), text(part.class)];
        counted.add(pile.catalogue, part.day, place, part.amount);
    }
    agreements(pile.catalogue, months, &mut counted);
    counted.amounts.retain(|_, amount| *amount != 0);
    counted
}

impl Counted {
    /// Adds a day's part: who owns the cost centre on that day pays for it.
    fn add(&mut self, catalogue: &Catalogue, day: NaiveDate, place: [&str; 4], amount: i128) {
        let [costcentre, service, meter, class] = place.map(str::to_owned);
        let customer = owner(catalogue, &costcentre, day);
        let cell = Cell { month: swedish::month_of(day), customer, costcentre, service, meter, class };
        *self.amounts.entry(cell).or_default() += amount;
    }
}

fn owner(catalogue: &Catalogue, costcentre: &str, day: NaiveDate) -> Option<String> {
    let owners = &catalogue.costcentres.get(costcentre)?.owners;
    let now = |from: NaiveDate, to: Option<NaiveDate>| from <= day && to.is_none_or(|to| to >= day);
    owners.iter().find(|owner| now(owner.from, owner.to)).map(|owner| owner.customer.clone())
}

/// One per agreement and day, out of the days of the month.
fn agreements(catalogue: &Catalogue, months: &[MonthIndex], counted: &mut Counted) {
    for agreement in &catalogue.agreements {
        for month in months {
            for offset in 0..swedish::days_in(*month) {
                let day = swedish::after(swedish::first_day(*month), offset as u64);
                if day < agreement.from || agreement.to.is_some_and(|to| day > to) {
                    continue;
                }
                let place = [&agreement.costcentre, &agreement.service, &agreement.meter, &agreement.class];
                counted.add(catalogue, day, place.map(String::as_str), agreement.quantity.micros());
            }
        }
    }
}

fn kind_of(pile: &Pile<'_>, event: &Event) -> MeterKind {
    let (service, meter) = (pile.names.text(event.service), pile.names.text(event.meter));
    pile.catalogue.services[service].meters[meter].kind
}

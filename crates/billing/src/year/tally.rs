//! Lines and usage → the groups of a year.

use std::collections::BTreeMap;

use domain::catalogue::Catalogue;
use domain::rating::{Payer, Rated, Tariff};
use domain::usage::MeterKind;
use domain::year::{YearTotals, volume};
use domain::{Month, Quantity};

use super::quality::Quality;
use super::{YearCustomer, YearGrouping, YearItem, YearMeter};
use crate::bill::Bill;

/// Customer, product and service; what is not told apart is left out.
type Key = (Option<YearCustomer>, String, Option<String>);

pub(super) struct Tally<'c> {
    year: i32,
    by: YearGrouping,
    catalogue: &'c Catalogue,
    groups: BTreeMap<Key, Group>,
}

#[derive(Default)]
struct Group {
    name: String,
    totals: YearTotals,
    meters: BTreeMap<String, Measured>,
}

/// A meter of a group: its money, and its exact amounts by month.
struct Measured {
    name: String,
    kind: MeterKind,
    unit: String,
    totals: YearTotals,
    amounts: BTreeMap<Month, i128>,
}

impl<'c> Tally<'c> {
    /// Begins. Every service that the catalogue has in the year is reported, used or not.
    pub(super) fn new(year: i32, by: YearGrouping, catalogue: &'c Catalogue) -> Self {
        let mut tally = Self { year, by, catalogue, groups: BTreeMap::new() };
        if by == YearGrouping::Service {
            let begun = |start: chrono::NaiveDate| Month::of(start).year() <= year;
            for service in catalogue.services.values().filter(|service| begun(service.start)) {
                let key = (None, service.product.clone(), Some(service.slug.clone()));
                tally.groups.insert(key, Group { name: service.name.clone(), ..Group::default() });
            }
        }
        tally
    }

    /// Adds a month's lines, as far as they concern the year.
    pub(super) fn bill(&mut self, bill: &Bill) {
        let year = self.year;
        for charge in &bill.charges {
            if charge.month.year() != year && charge.usage_month().year() != year {
                continue;
            }
            let group = self.group(&charge.tariff, Some(&charge.customer));
            group.totals.add(year, charge);
            group.meter(&charge.tariff).totals.add(year, charge);
        }
    }

    /// Adds a month's usage.
    pub(super) fn usage(&mut self, rated: &Rated) {
        for line in rated.lines.iter().chain(&rated.unpriced) {
            let meter = self.group(&line.tariff, line.customer.as_deref()).meter(&line.tariff);
            let sum = meter.amounts.entry(rated.month).or_default();
            *sum = sum.saturating_add(line.amount);
        }
    }

    fn group(&mut self, tariff: &Tariff, payer: Option<&Payer>) -> &mut Group {
        let known = self.catalogue.services.get(&tariff.service);
        let product = known.map_or(&tariff.product, |service| &service.product).clone();
        let name = match self.by {
            YearGrouping::Product => self
                .catalogue
                .products
                .get(&product)
                .map_or_else(|| product.clone(), |known| known.name.clone()),
            YearGrouping::Service | YearGrouping::Customer => {
                known.map_or(&tariff.service_name, |service| &service.name).clone()
            }
        };
        let key = match self.by {
            YearGrouping::Service => (None, product, Some(tariff.service.clone())),
            YearGrouping::Product => (None, product, None),
            YearGrouping::Customer => {
                (payer.map(|payer| self.customer(payer)), product, Some(tariff.service.clone()))
            }
        };
        self.groups.entry(key).or_insert_with(|| Group { name, ..Group::default() })
    }

    /// A payer as the catalogue has it now; one that it has no longer, as it was billed.
    fn customer(&self, payer: &Payer) -> YearCustomer {
        let known = self.catalogue.customers.get(&payer.code);
        YearCustomer {
            code: payer.code.clone(),
            name: known.map_or(&payer.name, |known| &known.name).clone(),
            kind: known.map_or(payer.kind, |known| known.kind),
        }
    }

    /// The groups: their volumes over `months`, the months of the year up to the last that there is.
    pub(super) fn items(
        self,
        months: &[Month],
        distinct: &BTreeMap<(String, String, String), Quantity>,
        quality: &Quality,
    ) -> Vec<YearItem> {
        let by = self.by;
        let item = |((customer, product, service), group): (Key, Group)| {
            let slug = service.clone().unwrap_or_default();
            let code = customer.as_ref().map_or("", |customer| customer.code.as_str());
            let meter = |(meter, measured): (String, Measured)| {
                let counted = || distinct.get(&(slug.clone(), meter.clone(), code.to_owned())).copied();
                let (estimated_days, missing_days) = quality.days(&slug, &meter);
                YearMeter {
                    quantity: volume(measured.kind, months, &measured.amounts).or_else(counted),
                    meter,
                    name: measured.name,
                    kind: measured.kind,
                    unit: measured.unit,
                    totals: measured.totals,
                    estimated_days,
                    missing_days,
                }
            };
            let meters = match by {
                YearGrouping::Product => Vec::new(),
                YearGrouping::Service | YearGrouping::Customer => {
                    group.meters.into_iter().map(meter).collect()
                }
            };
            let missing = match by {
                YearGrouping::Service => quality.missing(&slug).to_vec(),
                YearGrouping::Product | YearGrouping::Customer => Vec::new(),
            };
            YearItem { customer, product, service, name: group.name, totals: group.totals, meters, missing }
        };
        self.groups.into_iter().map(item).collect()
    }
}

impl Group {
    fn meter(&mut self, tariff: &Tariff) -> &mut Measured {
        self.meters.entry(tariff.meter.clone()).or_insert_with(|| Measured {
            name: tariff.meter_name.clone(),
            kind: tariff.kind,
            unit: tariff.unit.clone(),
            totals: YearTotals::default(),
            amounts: BTreeMap::new(),
        })
    }
}

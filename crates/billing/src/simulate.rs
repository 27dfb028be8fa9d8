//! What if: some months as they would be billed with other rates, prices, joint financing and volumes. Nothing is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::Month;
use domain::access::Viewer;
use domain::catalogue::Catalogue;
use domain::charge::{Charge, Totals, charges};
use domain::object::Account;
use domain::rating::rate;
use domain::simulation::{Change, amount_in, changed, usage_as_changed};
use domain::usage::{DailyUsage, MonthlyUsage};

use crate::biller::{Biller, listed};
use crate::error::Error;
use crate::reckoning::{Revisions, off_the_loop};

/// How many months one simulation takes: ten years.
pub const SIMULATED_MONTHS_MAX: usize = 120;

/// A simulation, and what it was made from.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// The months, in order.
    pub months: Vec<SimulatedMonth>,
    /// The sums of each payer (by code) and service, as it is and as it would be.
    pub effects: BTreeMap<(String, String), Effect>,
    /// The sums of all of them.
    pub totals: Effect,
    /// The object's account as it is and as it would be, by year.
    pub object: BTreeMap<i32, (Account, Account)>,
    /// The catalogue in force, and the changed one.
    pub catalogues: (Arc<Catalogue>, Arc<Catalogue>),
}

/// A simulated month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulatedMonth {
    /// The month.
    pub month: Month,
    /// The month whose usage it has; another one when it has none of its own yet.
    pub usage_of: Month,
}

/// Sums as they are and as they would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effect {
    /// With the catalogue in force.
    pub before: Totals,
    /// With the changes.
    pub after: Totals,
}

impl Biller {
    /// What some months would come to with some changes, beside what they come to with the catalogue in force. Both are
    /// reckoned anew from the usage as of now: what was billed for a closed month differs from it by corrections that were
    /// not made yet.
    ///
    /// A month without usage of its own is planned with that of the same month of the last year that has any, else with that
    /// of the last month: its quantities are the same, and whoever owns a cost centre on its last day pays.
    ///
    /// # Errors
    /// [`Error::NothingToSimulate`] without any usage to reckon on.
    pub async fn simulate(&self, from: Month, to: Month, changes: Vec<Change>) -> crate::Result<Simulation> {
        let (ledger, revisions) = self.as_of_now().await?;
        let catalogue = self.catalogue();
        let known = listed(&ledger, &revisions);
        let simulated = {
            let (catalogue, changes) = (Arc::clone(&catalogue), changes.clone());
            off_the_loop(move || Arc::new(changed(&catalogue, &changes))).await
        };
        let changes = Arc::new(changes);
        let mut simulation = Simulation {
            months: Vec::new(),
            effects: BTreeMap::new(),
            totals: Effect::default(),
            object: BTreeMap::new(),
            catalogues: (Arc::clone(&catalogue), Arc::clone(&simulated)),
        };
        for month in from.through(to) {
            let usage_of = basis(month, &known).ok_or(Error::NothingToSimulate)?;
            let agreements = ledger.bills_agreements(month);
            let inputs = Inputs { month, usage_of, agreements };
            let (usage, days) = self.simulated_usage(&simulated, &revisions, inputs).await?;
            let (base, simulated, changes) =
                (Arc::clone(&catalogue), Arc::clone(&simulated), Arc::clone(&changes));
            let (before, after) = off_the_loop(move || {
                let before = charged(&base, month, &usage, &days);
                let usage: Vec<_> = usage.into_iter().map(|row| with_volume(row, &changes)).collect();
                let days: Vec<_> = days.into_iter().map(|row| day_with_volume(row, &changes)).collect();
                (before, charged(&simulated, month, &usage, &days))
            })
            .await;
            simulation.months.push(SimulatedMonth { month, usage_of });
            simulation.add(month, &before, &after);
        }
        Ok(simulation)
    }

    /// The usage of a month, or that of another as it would be in it. Prices and shares of the catalogue do not matter.
    async fn simulated_usage(
        &self,
        catalogue: &Arc<Catalogue>,
        revisions: &Revisions,
        Inputs { month, usage_of, agreements }: Inputs,
    ) -> crate::Result<(Vec<MonthlyUsage>, Vec<DailyUsage>)> {
        if month == usage_of {
            return self.reckoner().usage(catalogue, month, revisions, agreements).await;
        }
        let (usage, _) = self.reckoner().usage(catalogue, usage_of, revisions, false).await?;
        let (mut usage, mut days) = planned_usage(catalogue, usage, month);
        if agreements {
            let (fixed, fixed_days) = domain::rating::agreement_usage(catalogue, month);
            usage.extend(fixed);
            days.extend(fixed_days);
        }
        Ok((usage, days))
    }
}

#[derive(Clone, Copy)]
struct Inputs {
    month: Month,
    usage_of: Month,
    agreements: bool,
}

/// The month whose usage stands for a month's: its own, that of the same month of the last year that has it, or the last.
fn basis(month: Month, known: &[Month]) -> Option<Month> {
    if known.contains(&month) {
        return Some(month);
    }
    let same = known.iter().rev().find(|known| known.number() == month.number());
    same.or(known.last()).copied()
}

/// Usage as it would be in another month. Whoever owns a cost centre on the month's last day pays for all of it.
fn planned_usage(
    catalogue: &Catalogue,
    usage: Vec<MonthlyUsage>,
    month: Month,
) -> (Vec<MonthlyUsage>, Vec<DailyUsage>) {
    let mut days = Vec::new();
    let mut planned = Vec::with_capacity(usage.len());
    for mut row in usage {
        let Some(meter) = catalogue.meter(&row.service, &row.meter) else { continue };
        row.amount = amount_in(meter.kind, row.amount, row.month, month);
        row.month = month;
        if catalogue.payer_of_month(&row.costcentre, month).is_err() {
            days.push(DailyUsage {
                day: month.last_day(),
                service: row.service.clone(),
                meter: row.meter.clone(),
                costcentre: row.costcentre.clone(),
                class: row.class.clone(),
                amount: row.amount,
            });
        }
        planned.push(row);
    }
    (planned, days)
}

fn with_volume(mut row: MonthlyUsage, changes: &[Change]) -> MonthlyUsage {
    row.amount = usage_as_changed(&row, changes);
    row
}

/// The days change as their month does. Each is rounded by itself: where they do not add up to the month any more, the
/// owners of the days share what they come to.
fn day_with_volume(mut row: DailyUsage, changes: &[Change]) -> DailyUsage {
    let DailyUsage { service, meter, costcentre, class, amount, .. } = row.clone();
    let month = Month::of(row.day);
    row.amount =
        usage_as_changed(&MonthlyUsage { month, service, meter, costcentre, class, amount }, changes);
    row
}

fn charged(catalogue: &Catalogue, month: Month, usage: &[MonthlyUsage], days: &[DailyUsage]) -> Vec<Charge> {
    charges(&rate(catalogue, month, usage, days), catalogue.rate(month).map(|rate| rate.rate))
}

impl Simulation {
    /// As far as somebody sees it: the effects on services that are seen whole, and their sums. The object's account is that
    /// of all services, for those who may simulate.
    pub fn seen_by(mut self, viewer: &Viewer) -> Self {
        self.effects.retain(|(_, service), _| viewer.sees_service(service));
        self.totals = Effect::default();
        for effect in self.effects.values() {
            self.totals.before += effect.before;
            self.totals.after += effect.after;
        }
        self
    }

    fn add(&mut self, month: Month, before: &[Charge], after: &[Charge]) {
        let object = self.object.entry(month.year()).or_default();
        object.0.add(&Account::of(before));
        object.1.add(&Account::of(after));
        let key = |charge: &Charge| (charge.customer.code.clone(), charge.tariff.service.clone());
        for charge in before {
            self.effects.entry(key(charge)).or_default().before += charge.totals();
            self.totals.before += charge.totals();
        }
        for charge in after {
            self.effects.entry(key(charge)).or_default().after += charge.totals();
            self.totals.after += charge.totals();
        }
    }
}

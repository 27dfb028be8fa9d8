//! The effect of some changes: before, after and the difference, for all, for each payer and for each service.

use std::collections::BTreeMap;

use billing::simulate::{Effect, Simulation};
use domain::charge::Totals;
use domain::object::{Account, RateBasis};
use domain::{Money, Month};

use super::Words;
use crate::numbers;
use crate::pages::named::Named;
use crate::pages::words;

/// What changes come to.
pub(super) struct Outcome {
    pub(super) totals: Vec<Row>,
    pub(super) payers: Vec<Row>,
    pub(super) services: Vec<Row>,
    pub(super) object: Vec<Row>,
    pub(super) rates: Vec<RateRow>,
    /// The months that have another month's usage.
    pub(super) borrowed: Vec<String>,
}

/// An amount before and after.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) difference: String,
    pub(super) change: String,
    pub(super) is_sum: bool,
}

/// The required rate of a year that is simulated whole.
pub(super) struct RateRow {
    pub(super) year: i32,
    pub(super) need_before: String,
    pub(super) need_after: String,
    pub(super) before: String,
    pub(super) after: String,
    /// That it has no budget, where it has none.
    pub(super) note: Option<String>,
}

/// What is paid: net and surcharge.
fn paid(totals: &Totals) -> Money {
    totals.net + totals.surcharge
}

/// What an effect comes to for those who pay, by something that tells them apart.
fn by<'s>(
    simulation: &'s Simulation,
    key: impl Fn(&'s (String, String)) -> &'s str,
) -> BTreeMap<&'s str, Effect> {
    let mut sums: BTreeMap<&str, Effect> = BTreeMap::new();
    for (who, effect) in &simulation.effects {
        let sum = sums.entry(key(who)).or_default();
        sum.before += effect.before;
        sum.after += effect.after;
    }
    sums
}

impl Outcome {
    /// Writes a simulation.
    pub(super) fn of(simulation: &Simulation, named: Named<'_>, w: &'static Words) -> Self {
        let written = Written { named, w };
        let (mut before, mut after) = (Account::default(), Account::default());
        for (of_year, would_be) in simulation.object.values() {
            before.add(of_year);
            after.add(would_be);
        }
        let payers = by(simulation, |(customer, _)| customer);
        let services = by(simulation, |(_, service)| service);
        Self {
            totals: written.totals(&simulation.totals),
            payers: written.rows(payers, |code| named.customer(code).to_owned()),
            services: written.rows(services, |slug| named.service(slug).to_owned()),
            object: written.object(&before, &after),
            rates: written.rates(simulation),
            borrowed: written.borrowed(simulation),
        }
    }
}

struct Written<'c> {
    named: Named<'c>,
    w: &'static Words,
}

impl Written<'_> {
    fn row(&self, name: &str, before: Money, after: Money, is_sum: bool) -> Row {
        let language = self.named.language;
        let difference = after - before;
        let sign = if difference > Money::ZERO { "+" } else { "" };
        let change = numbers::change(language, before, after);
        Row {
            name: name.to_owned(),
            before: numbers::exact(language, before),
            after: numbers::exact(language, after),
            difference: format!("{sign}{}", numbers::exact(language, difference)),
            change: change.unwrap_or_else(|| "–".to_owned()),
            is_sum,
        }
    }

    fn totals(&self, Effect { before, after }: &Effect) -> Vec<Row> {
        let w = self.w;
        vec![
            self.row(w.gross, before.gross, after.gross, false),
            self.row(w.joint_part, before.joint, after.joint, false),
            self.row(w.net, before.net, after.net, false),
            self.row(w.surcharge_post, before.surcharge, after.surcharge, false),
            self.row(w.to_pay, paid(before), paid(after), true),
        ]
    }

    /// One row for each, the greatest difference first, and their sum.
    fn rows(&self, sums: BTreeMap<&str, Effect>, name: impl Fn(&str) -> String) -> Vec<Row> {
        let mut sums: Vec<(String, Money, Money)> = sums
            .into_iter()
            .map(|(key, effect)| (name(key), paid(&effect.before), paid(&effect.after)))
            .collect();
        sums.sort_by_key(|(name, before, after)| {
            (
                std::cmp::Reverse((*after - *before).ore().unsigned_abs()),
                std::cmp::Reverse(*before),
                name.clone(),
            )
        });
        let total = |pick: fn(&(String, Money, Money)) -> Money| sums.iter().map(pick).sum::<Money>();
        let total = self.row(self.w.to_pay, total(|row| row.1), total(|row| row.2), true);
        let rows = sums.iter().map(|(name, before, after)| self.row(name, *before, *after, false));
        rows.chain([total]).collect()
    }

    fn object(&self, before: &Account, after: &Account) -> Vec<Row> {
        let w = self.w;
        let borne = |account: &Account| account.borne(|_| true);
        vec![
            self.row(w.surcharge_post, before.surcharge, after.surcharge, false),
            self.row(w.contributions, before.contributed(), after.contributed(), false),
            self.row(w.borne, borne(before), borne(after), false),
            self.row(w.turnover, before.turnover, after.turnover, false),
        ]
    }

    /// The required rate of each year that is simulated whole: of a part it would say nothing.
    fn rates(&self, simulation: &Simulation) -> Vec<RateRow> {
        let language = self.named.language;
        let is_whole =
            |year: i32| simulation.months.iter().filter(|month| month.month.year() == year).count() == 12;
        let rate = |(year, (before, after)): (&i32, &(Account, Account))| {
            let budget = simulation.catalogues.0.object.budgets.get(year);
            let (before, after) = (before.rate_basis(budget), after.rate_basis(budget));
            let dash = || "–".to_owned();
            let written = |basis: &RateBasis| {
                let rate = budget.and_then(|_| basis.required_rate());
                rate.map_or_else(dash, |rate| numbers::fraction(language, rate))
            };
            let need =
                |basis: &RateBasis| budget.map_or_else(dash, |_| numbers::exact(language, basis.required()));
            RateRow {
                year: *year,
                need_before: need(&before),
                need_after: need(&after),
                before: written(&before),
                after: written(&after),
                note: budget.is_none().then(|| words::no_budget(language, *year)),
            }
        };
        simulation.object.iter().filter(|(year, _)| is_whole(**year)).map(rate).collect()
    }

    fn borrowed(&self, simulation: &Simulation) -> Vec<String> {
        let name = |month: Month| numbers::long_month(self.named.language, month);
        let months = simulation.months.iter().filter(|month| month.month != month.usage_of);
        months.map(|month| format!("{} ({})", name(month.month), name(month.usage_of))).collect()
    }
}

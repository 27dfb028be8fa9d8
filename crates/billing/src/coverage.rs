//! How far the populations that must have a service are covered (R14).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::catalogue::Catalogue;
use domain::coverage::{Comparison, Coverage, CoverageScope, MeterClasses, SUBJECTS_SHOWN_MIN, shown};
use domain::rating::Rated;
use domain::usage::MeterKind;
use domain::{Month, Quantity};
use store::rollup::SubjectRow;

use crate::biller::{Biller, listed};
use crate::error::storing;
use crate::reckoning::{Revisions, off_the_loop};

/// A scope's coverage in a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeCoverage {
    /// The scope.
    pub scope: CoverageScope,
    /// All of it; none when it is about fewer than five subjects.
    pub total: Option<Coverage>,
    /// By customer; use that nobody pays for has none. No group of fewer than five subjects is here.
    pub groups: BTreeMap<Customer, Coverage>,
    /// What the groups that are not shown come to together.
    pub others: Option<Coverage>,
}

/// A customer's code; none for use that nobody pays for.
type Customer = Option<String>;

impl Biller {
    /// The coverage of every scope that is in force in a month, by code. Nothing of months that are not there. Closed
    /// months have what came later.
    pub async fn coverage(&self, month: Month) -> crate::Result<Vec<ScopeCoverage>> {
        let (ledger, revisions) = self.as_of_now().await?;
        if !listed(&ledger, &revisions).contains(&month) {
            return Ok(Vec::new());
        }
        let catalogue = self.catalogue();
        let agreements = ledger.bills_agreements(month);
        let reckoned = self.reckoner().reckon(&catalogue, month, &revisions, agreements).await?;
        let mut coverages = Vec::new();
        for scope in catalogue.scopes.values().filter(|scope| scope.is_in_force(month)).cloned() {
            let catalogue = Arc::clone(&catalogue);
            coverages.push(match scope.comparison {
                Comparison::Quantities => {
                    let reckoned = Arc::clone(&reckoned);
                    off_the_loop(move || by_quantities(&catalogue, scope, &reckoned.rated)).await
                }
                Comparison::People => {
                    let population = self.subjects(month, &revisions, &scope.population).await?;
                    let having = self.subjects(month, &revisions, &scope.has).await?;
                    off_the_loop(move || by_people(&catalogue, month, scope, &population, &having)).await
                }
            });
        }
        Ok(coverages)
    }

    async fn subjects(
        &self,
        month: Month,
        revisions: &Revisions,
        meter: &MeterClasses,
    ) -> crate::Result<Vec<SubjectRow>> {
        let found = self.store().subjects(month, revisions.as_of, &meter.service, &meter.meter).await;
        let mut found = found.map_err(storing("reading subjects"))?;
        found.retain(|row| meter.takes(&row.service, &row.meter, &row.class));
        Ok(found)
    }
}

/// Cost centre by cost centre. A cost centre that changes hands is one under each of its payers.
fn by_quantities(catalogue: &Catalogue, scope: CoverageScope, rated: &Rated) -> ScopeCoverage {
    let amounts = |meter: &MeterClasses| {
        let mut sums: BTreeMap<(Customer, &str), (MeterKind, i128)> = BTreeMap::new();
        for line in rated.lines.iter().chain(&rated.unpriced) {
            let (service, slug, class) = line.tariff.key();
            if meter.takes(service, slug, class) {
                let customer = line.customer.as_ref().map(|payer| payer.code.clone());
                let sum = sums.entry((customer, &*line.costcentre)).or_insert((line.tariff.kind, 0));
                sum.1 = sum.1.saturating_add(line.amount);
            }
        }
        let quantity = |(kind, amount): (MeterKind, i128)| kind.quantity(amount, rated.month);
        sums.into_iter().map(|(key, sum)| (key, quantity(sum))).collect::<BTreeMap<_, _>>()
    };
    let (mut population, having) = (amounts(&scope.population), amounts(&scope.has));
    population.retain(|(customer, _), _| is_in_scope(catalogue, &scope, customer));
    let places: BTreeSet<_> = population.keys().chain(having.keys()).collect();
    let mut groups: BTreeMap<Customer, Coverage> = BTreeMap::new();
    for place in places {
        let of = |quantities: &BTreeMap<_, Quantity>| quantities.get(place).copied().unwrap_or_default();
        let group = groups.entry(place.0.clone()).or_default();
        *group = group.plus(Coverage::of_quantities(of(&population), of(&having)));
    }
    let total = groups.values().fold(Coverage::default(), |sum, group| sum.plus(*group));
    let (groups, others) = shown(&groups);
    guarded(ScopeCoverage { scope, total: Some(total), groups, others })
}

/// Person by person. Whoever is under cost centres of several customers is in the group of each and once in the total.
fn by_people(
    catalogue: &Catalogue,
    month: Month,
    scope: CoverageScope,
    population: &[SubjectRow],
    having: &[SubjectRow],
) -> ScopeCoverage {
    let under = |rows: &[SubjectRow]| {
        let mut people: BTreeMap<u128, BTreeSet<Customer>> = BTreeMap::new();
        for row in rows {
            let customer = catalogue.payer(&row.costcentre, month.last_day()).map(str::to_owned);
            people.entry(row.subject).or_default().insert(customer);
        }
        people
    };
    let (mut population, having) = (under(population), under(having));
    for customers in population.values_mut() {
        customers.retain(|customer| is_in_scope(catalogue, &scope, customer));
    }
    population.retain(|_, customers| !customers.is_empty());
    let count = |wanted: &dyn Fn(&Customer) -> bool| {
        let mut coverage = Coverage::default();
        let one = |quantity: &mut Quantity| {
            *quantity = Quantity::from_micros(quantity.micros() + MeterKind::one());
        };
        for (subject, _) in population.iter().filter(|(_, customers)| customers.iter().any(wanted)) {
            one(&mut coverage.in_scope);
            if having.contains_key(subject) {
                one(&mut coverage.covered);
            }
        }
        for (subject, customers) in &having {
            if !population.contains_key(subject) && customers.iter().any(wanted) {
                one(&mut coverage.outside);
            }
        }
        coverage
    };
    let customers: BTreeSet<&Customer> = population.values().chain(having.values()).flatten().collect();
    let all = customers.into_iter().map(|customer| (customer.clone(), count(&|other| other == customer)));
    let mut all: BTreeMap<Customer, Coverage> = all.collect();
    all.retain(|_, coverage| *coverage != Coverage::default());
    let (mut groups, others) = shown(&all);
    // Groups overlap, so those that are not shown are counted anew: the same people may be in all of them. While they are too
    // few even so, the smallest of the others joins them.
    let mut others = others.map(|_| count(&|customer| !groups.contains_key(customer)));
    while others.is_some_and(|others| others.subjects() < SUBJECTS_SHOWN_MIN) {
        let smallest = groups.iter().min_by_key(|(customer, group)| (group.subjects(), *customer));
        let Some(smallest) = smallest.map(|(customer, _)| customer.clone()) else { break };
        groups.remove(&smallest);
        others = Some(count(&|customer| !groups.contains_key(customer)));
    }
    let total = Some(count(&|_| true));
    guarded(ScopeCoverage { scope, total, groups, others })
}

fn is_in_scope(catalogue: &Catalogue, scope: &CoverageScope, customer: &Customer) -> bool {
    customer.as_deref().is_some_and(|customer| scope.takes_customer(catalogue, customer))
}

/// Shows nothing of a scope that is about one to four subjects.
fn guarded(coverage: ScopeCoverage) -> ScopeCoverage {
    let few = |total: &Coverage| total.subjects() < SUBJECTS_SHOWN_MIN && *total != Coverage::default();
    if coverage.total.as_ref().is_some_and(few) {
        return ScopeCoverage { total: None, groups: BTreeMap::new(), others: None, ..coverage };
    }
    coverage
}

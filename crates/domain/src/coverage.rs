//! Coverage: how many of those who must have a service have it (R14). It decides nothing about money.

use std::collections::BTreeMap;

use crate::calendar::Month;
use crate::catalogue::Catalogue;
use crate::event::CustomerKind;
use crate::quantity::{Quantity, div_half_away};

/// A group with fewer subjects than this is never shown on its own (§2.7).
pub const SUBJECTS_SHOWN_MIN: Quantity = Quantity::from_micros(5_000_000);

/// How a population and those who have a service are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comparison {
    /// Person by person: right only where both meters get the same pseudonym for the same person.
    People,
    /// Number against number under each cost centre, the lesser of the two: needs no common pseudonyms.
    Quantities,
}

impl Comparison {
    /// Every comparison.
    pub const ALL: [Comparison; 2] = [Comparison::Quantities, Comparison::People];

    /// As it is written in the catalogue.
    pub const fn name(self) -> &'static str {
        match self {
            Comparison::People => "personer",
            Comparison::Quantities => "antal",
        }
    }

    /// The comparison with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|comparison| comparison.name() == name)
    }
}

/// Some classes of a meter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MeterClasses {
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The classes; empty for all.
    pub classes: Vec<String>,
}

impl MeterClasses {
    /// Whether a class of a meter is meant.
    pub fn takes(&self, service: &str, meter: &str, class: &str) -> bool {
        self.service == service
            && self.meter == meter
            && (self.classes.is_empty() || self.classes.iter().any(|known| known == class))
    }
}

/// That a service is mandatory for a population in a period: `mandatory(s, role, period)` of R14.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageScope {
    /// Its code, a slug.
    pub code: String,
    /// Its name in Swedish.
    pub name: String,
    /// The meter that shows who has the service.
    pub has: MeterClasses,
    /// The reference meter whose subjects must have it.
    pub population: MeterClasses,
    /// Whose cost centres the population is under; empty for all customers.
    pub customers: Vec<String>,
    /// The kinds of customer that the population is under; empty for all.
    pub kinds: Vec<CustomerKind>,
    /// The first month.
    pub valid_from: Month,
    /// The last month; none while it lasts.
    pub valid_to: Option<Month>,
    /// What is compared.
    pub comparison: Comparison,
    /// The decision's reference.
    pub decision: String,
}

impl CoverageScope {
    /// Whether it is in force in a month.
    pub fn is_in_force(&self, month: Month) -> bool {
        self.valid_from <= month && self.valid_to.is_none_or(|to| month <= to)
    }

    /// Whether a customer's cost centres are in it.
    pub fn takes_customer(&self, catalogue: &Catalogue, customer: &str) -> bool {
        let kind = catalogue.customers.get(customer).map(|known| known.kind);
        (self.customers.is_empty() || self.customers.iter().any(|code| code == customer))
            && (self.kinds.is_empty() || kind.is_some_and(|kind| self.kinds.contains(&kind)))
    }
}

/// How far a population is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Those who must have the service.
    pub in_scope: Quantity,
    /// Those of them who have it.
    pub covered: Quantity,
    /// Use by others.
    pub outside: Quantity,
}

impl Coverage {
    /// One cost centre, compared by number: what exceeds its population is use outside the scope.
    pub fn of_quantities(population: Quantity, having: Quantity) -> Self {
        let covered = population.min(having);
        let outside = Quantity::from_micros(having.micros() - covered.micros());
        Self { in_scope: population, covered, outside }
    }

    /// Two groups together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |a: Quantity, b: Quantity| Quantity::from_micros(a.micros() + b.micros());
        Self {
            in_scope: sum(self.in_scope, other.in_scope),
            covered: sum(self.covered, other.covered),
            outside: sum(self.outside, other.outside),
        }
    }

    /// Covered per cent of the population, with two decimals; none without a population.
    pub fn percent(&self) -> Option<Quantity> {
        let (in_scope, covered) = (self.in_scope.micros(), self.covered.micros());
        (in_scope > 0)
            .then(|| Quantity::from_micros(div_half_away(covered.saturating_mul(10_000), in_scope) * 10_000))
    }

    /// The subjects that its figures are about.
    pub fn subjects(&self) -> Quantity {
        Quantity::from_micros(self.in_scope.micros() + self.outside.micros())
    }
}

/// Groups that may be shown, and what the others come to together. Groups of fewer than [`SUBJECTS_SHOWN_MIN`] are put
/// together; while they are too few even so (the sum of all would give one away), the smallest of the others joins them.
pub fn shown<K: Ord + Clone>(groups: &BTreeMap<K, Coverage>) -> (BTreeMap<K, Coverage>, Option<Coverage>) {
    let mut order: Vec<(&K, &Coverage)> = groups.iter().collect();
    order.sort_by(|a, b| (a.1.subjects(), a.0).cmp(&(b.1.subjects(), b.0)));
    let (mut hidden, mut count) = (Coverage::default(), 0);
    for (_, group) in &order {
        let few = group.subjects() < SUBJECTS_SHOWN_MIN;
        let tells = count > 0 && hidden.subjects() < SUBJECTS_SHOWN_MIN;
        if !few && !tells {
            break;
        }
        hidden = hidden.plus(**group);
        count += 1;
    }
    let shown = order[count..].iter().map(|(key, group)| ((*key).clone(), **group)).collect();
    (shown, (count > 0).then_some(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(number: i128) -> Quantity {
        Quantity::from_micros(number * 1_000_000)
    }

    fn coverage(in_scope: i128, covered: i128, outside: i128) -> Coverage {
        Coverage { in_scope: units(in_scope), covered: units(covered), outside: units(outside) }
    }

    #[test]
    fn what_exceeds_the_population_of_a_cost_centre_is_outside() {
        assert_eq!(Coverage::of_quantities(units(10), units(7)), coverage(10, 7, 0));
        assert_eq!(Coverage::of_quantities(units(10), units(12)), coverage(10, 10, 2));
        assert_eq!(Coverage::of_quantities(units(0), units(3)), coverage(0, 0, 3));
        // Cost centre by cost centre: 5 too many in one do not cover 5 too few in another.
        let both =
            Coverage::of_quantities(units(10), units(15)).plus(Coverage::of_quantities(units(10), units(5)));
        assert_eq!(both, coverage(20, 15, 5));
    }

    #[test]
    fn a_coverage_is_a_percentage_with_two_decimals() {
        let percent = |c: Coverage| c.percent().map(|p| p.to_string());
        assert_eq!(percent(coverage(3, 2, 9)).as_deref(), Some("66.67"));
        assert_eq!(percent(coverage(8, 8, 0)).as_deref(), Some("100"));
        assert_eq!(percent(coverage(0, 0, 3)), None);
    }

    fn show(groups: &[(&str, Coverage)]) -> (Vec<String>, Option<Coverage>) {
        let groups = groups.iter().map(|(name, group)| ((*name).to_owned(), *group)).collect();
        let (shown, hidden) = shown(&groups);
        (shown.into_keys().collect(), hidden)
    }

    #[test]
    fn small_groups_are_never_shown_nor_given_away_by_the_sum() {
        let (a, b) = (("A", coverage(50, 40, 0)), ("B", coverage(5, 1, 0)));
        assert_eq!(show(&[a, b]), (vec!["A".to_owned(), "B".to_owned()], None));
        // One alone is the sum less the others, so the smallest of these joins it.
        let four = ("C", coverage(4, 1, 0));
        assert_eq!(show(&[a, b, four]), (vec!["A".to_owned()], Some(coverage(9, 2, 0))));
        // Two that are one or two subjects together are still too few.
        let (one, two) = (("D", coverage(1, 1, 0)), ("E", coverage(0, 0, 1)));
        assert_eq!(show(&[a, one, two]), (vec![], Some(coverage(51, 41, 1))));
        // Three and two are five.
        let (three, other) = (("F", coverage(3, 1, 0)), ("G", coverage(1, 1, 1)));
        assert_eq!(show(&[a, three, other]), (vec!["A".to_owned()], Some(coverage(4, 2, 1))));
        assert_eq!(show(&[]), (vec![], None));
    }
}

//! The oracle: what a heap of events must come to, reckoned by brute force.
//!
//! It follows `counting.md` and the money rules of `domain.md` from the text alone and shares no code with the program
//! that counts, rates or surcharges: it reads JSON, instants and the catalogue's tables itself. Everything is done in
//! exact integers and divided once. Events are given in the order in which they were sent, because of two with the same
//! identity and `seq` the first one counts.
//!
//! Start with [`Reckoning::of`], then [`Reckoning::compare_usage`] and [`Reckoning::compare_charges`].

#![allow(dead_code, reason = "each test target that includes the oracle asks it something else")]

use std::collections::BTreeMap;

use domain::catalogue::Catalogue;
use rust_decimal::Decimal;

#[path = "oracle/compare.rs"]
pub(crate) mod compare;
#[path = "oracle/count.rs"]
mod count;
#[path = "oracle/pay.rs"]
mod pay;
#[path = "oracle/read.rs"]
mod read;
#[path = "oracle/series.rs"]
mod series;
#[path = "oracle/snapshots.rs"]
mod snapshots;
#[path = "oracle/swedish.rs"]
mod swedish;

/// What tells a line apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// `2021-03`
    pub(crate) month: String,
    /// Who pays; none while nobody does.
    pub(crate) customer: Option<String>,
    pub(crate) costcentre: String,
    pub(crate) service: String,
    pub(crate) meter: String,
    /// Empty for a meter without rating dimensions.
    pub(crate) class: String,
}

/// How much, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) unit: String,
    pub(crate) quantity: Decimal,
    /// Kronor: gross.
    pub(crate) cost: Decimal,
}

/// What is charged for a line, in kronor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) quantity: Decimal,
    pub(crate) unit_price: Decimal,
    pub(crate) gross: Decimal,
    pub(crate) joint: Decimal,
    pub(crate) net: Decimal,
    pub(crate) surcharge: Decimal,
}

/// A month's charges in all, in kronor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Totals {
    pub(crate) gross: Decimal,
    pub(crate) joint: Decimal,
    pub(crate) net: Decimal,
    pub(crate) surcharge: Decimal,
}

/// What becomes of the events in the order sent (counting §3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outcomes {
    pub(crate) metered: u64,
    pub(crate) revised: u64,
    pub(crate) duplicate: u64,
    pub(crate) conflict: u64,
    pub(crate) superseded: u64,
    pub(crate) marker: u64,
    /// Refused for a personal identity number.
    pub(crate) refused: u64,
    /// Parked: the catalogue has no such meter.
    pub(crate) parked: u64,
}

/// Everything that the events come to in some months.
#[derive(Debug, Clone)]
pub(crate) struct Reckoning {
    /// By month, customer, cost centre, service, meter and class.
    pub(crate) usage: BTreeMap<Key, Usage>,
    /// By month, service and meter; set kinds are reckoned anew, not added up.
    pub(crate) monthly: BTreeMap<(String, String, String), Usage>,
    /// What is charged, by the same keys as the usage of those who pay.
    pub(crate) charges: BTreeMap<Key, Charge>,
    /// By month.
    pub(crate) totals: BTreeMap<String, Totals>,
    pub(crate) outcomes: Outcomes,
}

impl Reckoning {
    /// Reckons the months from `first` to `last` (`2021-01`), both included. Agreements of the catalogue count too.
    pub(crate) fn of<E: AsRef<[u8]>>(
        events: impl IntoIterator<Item = E>,
        catalogue: &Catalogue,
        first: &str,
        last: &str,
    ) -> Self {
        let mut pile = read::Pile::new(catalogue);
        for event in events {
            pile.add(event.as_ref());
        }
        let months = swedish::months(first, last);
        let counted = count::count(&pile, &months);
        pay::pay(&counted, pile.outcomes.clone(), catalogue, &months)
    }

    /// Everything charged in all months: gross, without surcharge.
    pub(crate) fn gross(&self) -> Decimal {
        self.totals.values().map(|totals| totals.gross).sum()
    }
}

//! A month's usage added up over cost centres: a thirtieth of its lines, which most questions are answered from.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::rating::{Line, Payer, Rated, Tariff};
use domain::{Money, Month};
use store::usage::{Gap, GapKind};

use crate::gaps::days_of;

/// What one payer, or nobody, used of one class of one meter on the same terms.
#[derive(Debug)]
pub(crate) struct Sum {
    pub(crate) customer: Option<Arc<Payer>>,
    pub(crate) tariff: Arc<Tariff>,
    /// The exact amount, see [`domain::usage::MeterKind::divisor`].
    pub(crate) amount: i128,
    /// The sum of the rounded lines' gross.
    pub(crate) gross: Money,
}

/// A month's usage, priced or not, by payer and class.
#[derive(Debug)]
pub(crate) struct MonthSums {
    pub(crate) month: Month,
    pub(crate) sums: Vec<Sum>,
    /// On how many days some source's amounts of a meter were carried, by service and meter.
    estimated: BTreeMap<String, BTreeMap<String, u32>>,
}

impl MonthSums {
    /// Adds up a month, in the order of its lines. These share their payers and terms, which are therefore told apart by
    /// where they are: that costs a fraction of comparing their names.
    pub(crate) fn of(rated: &Rated, gaps: &[Gap]) -> Self {
        let mut sums: Vec<Sum> = Vec::new();
        let mut places: BTreeMap<(*const Tariff, Option<*const Payer>), usize> = BTreeMap::new();
        for line in rated.lines.iter().chain(&rated.unpriced) {
            let place = (Arc::as_ptr(&line.tariff), line.customer.as_ref().map(Arc::as_ptr));
            let at = *places.entry(place).or_insert(sums.len());
            match sums.get_mut(at) {
                Some(sum) => sum.add(line),
                None => sums.push(Sum::of(line)),
            }
        }
        let mut estimated: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
        for ((service, meter), days) in days_of(gaps, GapKind::Estimated) {
            estimated.entry(service.to_owned()).or_default().insert(meter.to_owned(), days);
        }
        Self { month: rated.month, sums, estimated }
    }

    /// On how many days some source's amounts of a meter were carried from its last complete snapshot (counting §6).
    pub(crate) fn estimated_days(&self, service: &str, meter: &str) -> u32 {
        self.estimated.get(service).and_then(|meters| meters.get(meter)).copied().unwrap_or_default()
    }
}

impl Sum {
    fn of(line: &Line) -> Self {
        let Line { amount, gross, .. } = *line;
        Self { customer: line.customer.clone(), tariff: Arc::clone(&line.tariff), amount, gross }
    }

    fn add(&mut self, line: &Line) {
        self.amount = self.amount.saturating_add(line.amount);
        self.gross += line.gross;
    }
}

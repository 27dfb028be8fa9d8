//! What a month cost: the sums that pages are made of.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use billing::{Bill, MonthState};
use domain::charge::Totals;
use domain::{Money, Month};

/// What a service, or a month, comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Figures {
    pub(crate) gross: Money,
    pub(crate) net: Money,
    pub(crate) surcharge: Money,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.gross += other.gross;
        self.net += other.net;
        self.surcharge += other.surcharge;
    }
}

/// A month, service by service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MonthFigures {
    pub(crate) month: Month,
    pub(crate) state: MonthState,
    /// The content hash of a closed month.
    pub(crate) hash: Option<String>,
    /// By the service's slug.
    pub(crate) services: BTreeMap<String, Figures>,
}

impl From<Totals> for Figures {
    fn from(totals: Totals) -> Self {
        Self { gross: totals.gross, net: totals.net, surcharge: totals.surcharge }
    }
}

impl MonthFigures {
    /// What a bill comes to, corrections included: what the month's exports add up to.
    pub(crate) fn of(bill: &Bill) -> Self {
        let services = bill.services().into_iter().map(|service| (service.service, service.totals.into()));
        Self {
            month: bill.month,
            state: bill.state,
            hash: bill.frozen.as_ref().map(|frozen| frozen.hash.clone()),
            services: services.collect(),
        }
    }

    /// All services together.
    pub(crate) fn total(&self) -> Figures {
        let mut total = Figures::default();
        for figures in self.services.values() {
            total += *figures;
        }
        total
    }
}

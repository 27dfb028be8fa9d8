//! What a month cost: the sums that pages are made of.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use domain::{Money, Month};

/// How far a month has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Preliminary,
    Closed,
}

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
    pub(crate) state: State,
    /// The content hash of a closed month.
    pub(crate) hash: Option<String>,
    /// By the service's slug.
    pub(crate) services: BTreeMap<String, Figures>,
}

impl MonthFigures {
    /// All services together.
    pub(crate) fn total(&self) -> Figures {
        let mut total = Figures::default();
        for figures in self.services.values() {
            total += *figures;
        }
        total
    }
}

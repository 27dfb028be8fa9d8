//! Which months and days of a year lack data (R18).

use std::collections::BTreeMap;

use domain::Month;
use domain::catalogue::Catalogue;
use domain::rating::Rated;
use store::usage::{Gap, GapKind};

use crate::gaps::{days_of, without_data};

/// What is known about the data of some months.
#[derive(Debug, Default)]
pub(crate) struct Quality {
    /// By service: the months without data.
    missing: BTreeMap<String, Vec<Month>>,
    /// By service and meter: estimated and missing days.
    days: BTreeMap<(String, String), (u32, u32)>,
}

impl Quality {
    /// Adds a month: its usage and its gaps.
    pub(crate) fn add(&mut self, catalogue: &Catalogue, month: Month, rated: &Rated, gaps: &[Gap]) {
        for service in without_data(catalogue, month, rated) {
            self.missing.entry(service.slug.clone()).or_default().push(month);
        }
        let estimated = days_of(gaps, GapKind::Estimated);
        for ((service, meter), days) in &estimated {
            self.days.entry(((*service).to_owned(), (*meter).to_owned())).or_default().0 += days;
        }
        for ((service, meter), days) in &days_of(gaps, GapKind::Missing) {
            self.days.entry(((*service).to_owned(), (*meter).to_owned())).or_default().1 += days;
        }
    }

    /// The months in which a service lacks data.
    pub(crate) fn missing(&self, service: &str) -> &[Month] {
        self.missing.get(service).map_or(&[], Vec::as_slice)
    }

    /// Estimated and missing days of a meter.
    pub(crate) fn days(&self, service: &str, meter: &str) -> (u32, u32) {
        self.days.get(&(service.to_owned(), meter.to_owned())).copied().unwrap_or_default()
    }
}

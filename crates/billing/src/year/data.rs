//! Which months and days of a year lack data (R18).

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use domain::Month;
use domain::catalogue::{Catalogue, Service};
use domain::rating::Rated;
use domain::usage::MeterKind;
use store::usage::{Gap, GapKind};

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

/// The services that are measured monthly and have no usage at all in a month, though they had begun: a gap, and never
/// zero (R18). Agreements are no measurements.
pub(crate) fn without_data<'c>(catalogue: &'c Catalogue, month: Month, rated: &Rated) -> Vec<&'c Service> {
    let measured = |service: &str, kind: MeterKind| (kind != MeterKind::Fixed).then(|| service.to_owned());
    let with: BTreeSet<String> = rated
        .lines
        .iter()
        .chain(&rated.unpriced)
        .filter_map(|line| measured(&line.tariff.service, line.tariff.kind))
        .collect();
    let wanted = |service: &&Service| {
        service.monthly_measured
            && service.start <= month.first_day()
            && service.meters.values().any(|meter| meter.kind != MeterKind::Fixed)
            && !with.contains(&service.slug)
    };
    catalogue.services.values().filter(wanted).collect()
}

/// How many days of a month each meter has gaps of a kind, whatever sources and subjects they are of.
pub(crate) fn days_of(gaps: &[Gap], kind: GapKind) -> BTreeMap<(&str, &str), u32> {
    let mut days: BTreeMap<(&str, &str), BTreeSet<NaiveDate>> = BTreeMap::new();
    for gap in gaps.iter().filter(|gap| gap.kind == kind) {
        let of_gap = gap.first_day.iter_days().take_while(|day| *day <= gap.last_day);
        days.entry((&gap.service, &gap.meter)).or_default().extend(of_gap);
    }
    days.into_iter().map(|(meter, days)| (meter, u32::try_from(days.len()).unwrap_or(u32::MAX))).collect()
}

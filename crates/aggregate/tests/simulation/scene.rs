//! Where and when a run plays: its months, its catalogue, its clock.

use std::cell::Cell;
use std::collections::BTreeMap;

use aggregate::counter::Place;
use chrono::{Months, NaiveDate};
use domain::catalogue::{Catalogue, Dimension, Meter, Service};
use domain::financing::CostKind;
use domain::usage::MeterKind;
use domain::{Instant, Month};

use crate::random::Random;

pub(crate) const HOUR: i64 = 3_600_000_000;
pub(crate) const DAY: i64 = 24 * HOUR;
/// How many months are used.
pub(crate) const MONTHS: i32 = 3;
/// Shorter than a month, so that readings expire.
pub(crate) const HOLD_DAYS: u16 = 12;
/// The last one is a pseudonym, whose key changes with the year.
pub(crate) const SUBJECTS: [&str; 3] = ["room:s", "room:t", "ps_aaaaaaaaaaaaaaaaaaaaaaaaaa"];

pub(crate) const KINDS: [MeterKind; 7] = [
    MeterKind::Sum,
    MeterKind::Count,
    MeterKind::Unique,
    MeterKind::AvgDaily,
    MeterKind::Peak,
    MeterKind::Latest,
    MeterKind::TimeWeighted,
];

#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene {
    /// The first of [`MONTHS`].
    pub(crate) first: Month,
    /// The identity horizon, in months.
    pub(crate) horizon: u32,
}

impl Scene {
    /// The hours that spring takes and autumn gives, a year's turn, a leap day; and a horizon that matters or does not.
    pub(crate) fn new(random: &mut Random) -> Self {
        let (year, month) = random.pick(&[(2021, 2), (2021, 9), (2020, 11), (2023, 12)]);
        Self { first: Month::new(year, month).unwrap(), horizon: random.pick(&[1, 2, 25, 25, 25]) }
    }

    /// The end of the last month.
    pub(crate) fn end(&self) -> Instant {
        self.first.plus(MONTHS).start()
    }

    pub(crate) fn months(&self) -> impl Iterator<Item = Month> + use<> {
        self.first.through(self.first.plus(MONTHS - 1))
    }

    pub(crate) fn place(&self, generation: u16, partition: u32, partitions: u32) -> Place {
        Place { generation, partition, partitions, horizon: Months::new(self.horizon) }
    }
}

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(0) };
}

/// The clock of the run that this thread is at.
pub(crate) fn now() -> Instant {
    Instant::from_micros(NOW.get())
}

pub(crate) fn set_clock(to: Instant) {
    NOW.set(to.micros());
}

pub(crate) fn catalogue() -> Catalogue {
    let dimension =
        |name: &str, rating| Dimension { name: name.into(), rating, series: !rating, values: vec![] };
    let meter = |kind: MeterKind| Meter {
        slug: kind.name().into(),
        name: kind.name().into(),
        name_en: kind.name().into(),
        kind,
        unit: "x".into(),
        event_type: None,
        dimensions: vec![dimension("class", true), dimension("disk", false)],
        billed: true,
        negative: false,
        hold_days: HOLD_DAYS,
        cost_kind: CostKind::Running,
    };
    let service = Service {
        slug: "s".into(),
        name: "s".into(),
        name_en: "s".into(),
        product: "U".into(),
        start: NaiveDate::from_ymd_opt(2020, 1, 1).unwrap(),
        established_from: None,
        monthly_measured: false,
        meters: KINDS.map(|kind| (kind.name().to_owned(), meter(kind))).into(),
    };
    Catalogue { services: BTreeMap::from([("s".into(), service)]), ..Catalogue::default() }
}

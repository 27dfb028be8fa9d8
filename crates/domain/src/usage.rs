//! What we count: the kinds of meter, and the exact amounts that months are made of.

use chrono::NaiveDate;

use crate::calendar::Month;
use crate::quantity::{MICROS, Quantity};

/// How a meter's events become a month's quantity (domain §1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MeterKind {
    /// The sum of the quantities.
    Sum,
    /// The number of events.
    Count,
    /// The distinct subjects of each day's snapshot, averaged over the days of the month.
    AvgDaily,
    /// The quantity as a step function of time, integrated over the month and divided by its length.
    TimeWeighted,
    /// The distinct subjects of the month. Months, customers and cost centres never add up.
    Unique,
    /// The greatest value of each series at an instant of the month.
    Peak,
    /// The value of each series at the end of the month.
    Latest,
    /// One per active agreement, pro rata by days. Comes from the catalogue and takes no events.
    Fixed,
}

impl MeterKind {
    /// Every kind.
    pub const ALL: [MeterKind; 8] = [
        MeterKind::Sum,
        MeterKind::Count,
        MeterKind::AvgDaily,
        MeterKind::TimeWeighted,
        MeterKind::Unique,
        MeterKind::Peak,
        MeterKind::Latest,
        MeterKind::Fixed,
    ];

    /// As it is written in the catalogue.
    pub const fn name(self) -> &'static str {
        match self {
            MeterKind::Sum => "sum",
            MeterKind::Count => "count",
            MeterKind::AvgDaily => "avg_daily",
            MeterKind::TimeWeighted => "time_weighted",
            MeterKind::Unique => "unique",
            MeterKind::Peak => "peak",
            MeterKind::Latest => "latest",
            MeterKind::Fixed => "fixed",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether its usage is kept as sums over windows of the log (else as observations).
    pub const fn is_summed(self) -> bool {
        matches!(self, MeterKind::Sum | MeterKind::Count)
    }

    /// Whether it reads a step function of each series, with months by `time` instead of by day (counting §6).
    pub const fn is_series(self) -> bool {
        matches!(self, MeterKind::TimeWeighted | MeterKind::Peak | MeterKind::Latest)
    }

    /// Whether amounts of cost centres, or of days, add up to the amount of all of them together.
    pub const fn is_additive(self) -> bool {
        !matches!(self, MeterKind::Unique)
    }

    /// What an amount of this kind is divided by to give the month's quantity in millionths of the unit.
    ///
    /// Amounts are exact integers: millionths of units for sums, counts (a million each), distinct subjects (a million
    /// each), peaks and last values; millionths of object-days for daily averages and agreements; millionths of units
    /// times microseconds for averages over time.
    pub fn divisor(self, month: Month) -> i128 {
        match self {
            MeterKind::Sum | MeterKind::Count | MeterKind::Unique | MeterKind::Peak | MeterKind::Latest => 1,
            MeterKind::AvgDaily | MeterKind::Fixed => i128::from(month.day_count()),
            MeterKind::TimeWeighted => i128::from(month.micros()),
        }
    }

    /// The quantity of an amount of a month: divided once, rounded half away from zero to six decimals (design §6).
    pub fn quantity(self, amount: i128, month: Month) -> Quantity {
        Quantity::divided(amount, self.divisor(month))
    }

    /// The amount that one event, one subject or one object-day adds.
    pub const fn one() -> i128 {
        MICROS
    }
}

/// A month's usage of one meter under one cost centre and class: what rating starts from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonthlyUsage {
    /// The month.
    pub month: Month,
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The cost centre's code, whether the catalogue knows it or not.
    pub costcentre: String,
    /// The values of the meter's rating dimensions, joined by `/`; empty when it has none.
    pub class: String,
    /// The exact amount, see [`MeterKind::divisor`].
    pub amount: i128,
}

/// A day's part of a [`MonthlyUsage`]. The days of a month add up to it exactly, for every kind: a distinct subject
/// counts on the first day that it was seen under the cost centre, a peak and a last value on the day that they hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DailyUsage {
    /// The Swedish day.
    pub day: NaiveDate,
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The cost centre's code.
    pub costcentre: String,
    /// See [`MonthlyUsage::class`].
    pub class: String,
    /// The exact amount, see [`MeterKind::divisor`].
    pub amount: i128,
}

//! A year of a service: its volume by what each kind of meter means, and its money tied to the months' bills (R17).

use std::collections::BTreeMap;
use std::ops::AddAssign;

use crate::calendar::Month;
use crate::charge::{Charge, Totals};
use crate::money::Money;
use crate::quantity::Quantity;
use crate::usage::MeterKind;

/// How a year's volume comes from its months.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// The sum of the months.
    Total,
    /// The mean of the months, each weighing as much as it is long: never their sum.
    Mean,
    /// The greatest month.
    Greatest,
    /// The last month.
    Last,
    /// The distinct subjects of the year, which no sum of months gives.
    Distinct,
}

impl Measure {
    /// What a year of a kind of meter is.
    pub const fn of(kind: MeterKind) -> Self {
        match kind {
            MeterKind::Sum | MeterKind::Count => Measure::Total,
            MeterKind::AvgDaily | MeterKind::TimeWeighted | MeterKind::Fixed => Measure::Mean,
            MeterKind::Peak => Measure::Greatest,
            MeterKind::Latest => Measure::Last,
            MeterKind::Unique => Measure::Distinct,
        }
    }

    /// The stable name, as in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Measure::Total => "total",
            Measure::Mean => "mean",
            Measure::Greatest => "greatest",
            Measure::Last => "last",
            Measure::Distinct => "distinct",
        }
    }
}

/// The volume of a meter over months that follow each other, from its exact amounts by month (see
/// [`MeterKind::divisor`]; a month that is not there has none). The division and the rounding to six decimals are done
/// once: a mean is all object-days by all days, or all unit-microseconds by all microseconds, so that a leap day and the
/// hours of March and October weigh what they should.
///
/// None for distinct subjects, which have to be counted anew, when there are no months, and beyond 38 digits.
pub fn volume(kind: MeterKind, months: &[Month], amounts: &BTreeMap<Month, i128>) -> Option<Quantity> {
    let of = |month: &Month| amounts.get(month).copied().unwrap_or(0);
    let sum = || months.iter().try_fold(0_i128, |sum, month| sum.checked_add(of(month)));
    let last = months.last()?;
    match Measure::of(kind) {
        Measure::Total => Some(kind.quantity(sum()?, *last)),
        Measure::Mean => {
            let divisor = months.iter().map(|month| kind.divisor(*month)).sum();
            Some(Quantity::divided(sum()?, divisor))
        }
        Measure::Greatest => months.iter().map(|month| kind.quantity(of(month), *month)).max(),
        Measure::Last => Some(kind.quantity(of(last), *last)),
        Measure::Distinct => None,
    }
}

/// The money of a year, once by the month of the usage and once by the month that billed it. What makes the two differ
/// are corrections over the year's turn: `usage = billed − earlier + later`, in every sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct YearTotals {
    /// Charges for usage of the year, whenever they were billed.
    pub usage: Totals,
    /// Charges that the year's months billed, whatever they were for.
    pub billed: Totals,
    /// Of `billed`: corrections of earlier years.
    pub earlier: Totals,
    /// Of `usage`: corrections that months after the year billed.
    pub later: Totals,
}

impl YearTotals {
    /// Adds a charge, as far as it concerns the year.
    pub fn add(&mut self, year: i32, charge: &Charge) {
        let totals = charge.totals();
        let (used, billed) = (charge.usage_month().year(), charge.month.year());
        if used == year {
            self.usage += totals;
        }
        if billed == year {
            self.billed += totals;
        }
        if billed == year && used < year {
            self.earlier += totals;
        }
        if used == year && billed > year {
            self.later += totals;
        }
    }

    /// Whether both views come to the same, once the corrections over the year's turn are seen.
    pub fn ties(&self) -> bool {
        let of = |sum: fn(&Totals) -> Money| {
            sum(&self.usage) == sum(&self.billed) - sum(&self.earlier) + sum(&self.later)
        };
        of(|t| t.gross) && of(|t| t.joint) && of(|t| t.net) && of(|t| t.surcharge)
    }
}

impl AddAssign for YearTotals {
    fn add_assign(&mut self, other: Self) {
        self.usage += other.usage;
        self.billed += other.billed;
        self.earlier += other.earlier;
        self.later += other.later;
    }
}

#[cfg(test)]
mod tests;

//! How far the year's collecting has come: what the months brought, beside what the plan asks of them.

use std::collections::BTreeMap;

use billing::object::ObjectYear;
use domain::object::Account;
use domain::trend::forecast::Method;
use domain::trend::{Expected, forecast_hundredths};
use domain::{Money, Month};
use rust_decimal::Decimal;

use super::first_month;
use crate::numbers::Scale;

/// What an account brings the object: the surcharge, and what adjusted prices contribute (R4, R10).
pub(super) fn collected(account: &Account) -> Money {
    account.surcharge + account.contributed()
}

/// A year's collecting.
pub(super) struct Progress {
    /// B + J − C of the plan: what surcharge and contributions are to bring in the year; none without a budget.
    pub(super) need: Option<Money>,
    /// What each month brought, the running one with what it has so far.
    pub(super) months: BTreeMap<Month, Money>,
    /// What the months that are over brought.
    pub(super) over: Account,
    /// The last of them.
    pub(super) last_over: Option<Month>,
    /// The month that runs, when it is one of the year's and has anything.
    pub(super) running: Option<(Month, Money)>,
    /// What the others are expected to bring, and how that was found.
    pub(super) expected: Option<(Method, Vec<Expected>)>,
    year: i32,
}

impl Progress {
    /// Reads a year; `history` is what the months before it collected, in öre.
    pub(super) fn of(year: &ObjectYear, history: &BTreeMap<Month, i64>, now: Month) -> Self {
        let budget = year.catalogue.object.budgets.get(&year.year);
        let mut over = Account::default();
        for month in year.months.iter().filter(|month| month.month < now) {
            over.add(&month.account);
        }
        let months: BTreeMap<Month, Money> =
            year.months.iter().map(|month| (month.month, collected(&month.account))).collect();
        Self {
            need: budget.map(|_| year.plan.required() + year.plan.adjustments),
            over,
            last_over: months.range(..now).next_back().map(|(month, _)| *month),
            running: months.get_key_value(&now).map(|(month, amount)| (*month, *amount)),
            expected: expected(&months, history, now, year.year),
            months,
            year: year.year,
        }
    }

    /// What the months that are over brought.
    pub(super) fn collected(&self) -> Money {
        collected(&self.over)
    }

    /// What the plan asks of the months up to one: a twelfth of the year's amount for each.
    pub(super) fn planned_to(&self, month: Month) -> Option<Money> {
        let months = Decimal::from(month.index() - first_month(self.year).index() + 1);
        let part = self.need?.to_decimal().checked_mul(months)?.checked_div(Decimal::from(12))?;
        Money::rounded(part)
    }

    /// What is still to be brought by the months that are not over; below zero when more came in than was needed.
    pub(super) fn left(&self) -> Option<Money> {
        self.need.map(|need| need - self.collected())
    }

    /// What a month that is not over is expected to bring.
    pub(super) fn expected_of(&self, month: Month) -> Option<Money> {
        let (_, months) = self.expected.as_ref()?;
        let expected = months.iter().find(|expected| expected.month == month)?;
        i64::try_from(expected.mid).ok().map(Money::from_ore)
    }

    /// What the year is expected to bring: the months that are over, and what is expected of the others.
    pub(super) fn expected_year(&self) -> Option<Money> {
        let (_, months) = self.expected.as_ref()?;
        let rest: Option<Money> = months.iter().map(|expected| self.expected_of(expected.month)).sum();
        rest.map(|rest| self.collected() + rest)
    }

    /// The unit of the chart.
    pub(super) fn scale(&self) -> Scale {
        let greatest = self.need.unwrap_or_default().max(self.months.values().copied().sum());
        match Scale::fitting(greatest) {
            Scale::Kronor => Scale::Kronor,
            Scale::Thousands | Scale::Millions => Scale::Thousands,
        }
    }
}

/// What is expected of the year's months that are not over, where all before them are known.
fn expected(
    months: &BTreeMap<Month, Money>,
    history: &BTreeMap<Month, i64>,
    now: Month,
    year: i32,
) -> Option<(Method, Vec<Expected>)> {
    let own = months.iter().map(|(month, amount)| (*month, amount.ore()));
    let whole = history.iter().map(|(month, ore)| (*month, *ore)).chain(own);
    let whole: Vec<(Month, i128)> =
        whole.filter(|(month, _)| *month < now).map(|(month, ore)| (month, i128::from(ore))).collect();
    let (last_known, december) = (whole.iter().map(|(month, _)| *month).max()?, first_month(year).plus(11));
    let ahead = usize::try_from(december.index() - last_known.index()).ok()?;
    if !(1..=12).contains(&ahead) {
        return None;
    }
    let forecast = forecast_hundredths(&whole, ahead)?;
    Some((forecast.method, forecast.months))
}

//! Agreements become usage: one object-day for each active day, so that a month is pro rata by days.

use crate::calendar::Month;
use crate::catalogue::{Agreement, Catalogue};
use crate::usage::{DailyUsage, MonthlyUsage};

/// The usage of the catalogue's agreements in a month, in [`crate::usage::MeterKind::Fixed`]'s amounts: quantity × active
/// days, which rating divides by the days of the month. The days are given for the cost centres that change hands within
/// the month, as [`super::rate`] wants them.
pub fn agreement_usage(catalogue: &Catalogue, month: Month) -> (Vec<MonthlyUsage>, Vec<DailyUsage>) {
    let (mut months, mut days) = (Vec::new(), Vec::new());
    for agreement in &catalogue.agreements {
        let active =
            month.days().filter(|day| agreement.from <= *day && agreement.to.is_none_or(|to| *day <= to));
        let daily: Vec<DailyUsage> = active.map(|day| day_of(agreement, day)).collect();
        if daily.is_empty() {
            continue;
        }
        months.push(MonthlyUsage {
            month,
            service: agreement.service.clone(),
            meter: agreement.meter.clone(),
            costcentre: agreement.costcentre.clone(),
            class: agreement.class.clone(),
            amount: daily.iter().map(|day| day.amount).sum(),
        });
        if catalogue.payer_of_month(&agreement.costcentre, month).is_err() {
            days.extend(daily);
        }
    }
    (months, days)
}

fn day_of(agreement: &Agreement, day: chrono::NaiveDate) -> DailyUsage {
    DailyUsage {
        day,
        service: agreement.service.clone(),
        meter: agreement.meter.clone(),
        costcentre: agreement.costcentre.clone(),
        class: agreement.class.clone(),
        amount: agreement.quantity.micros(),
    }
}

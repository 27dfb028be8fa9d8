//! A service day by day, as far as days of a meter say something by themselves.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::NaiveDate;
use domain::calendar::{next_day, start_of_day};
use domain::catalogue::Service;
use domain::trend::{Anomaly, Limits, anomalies};
use domain::usage::MeterKind;
use domain::{Instant, Month};
use store::AsOf;

use crate::Shared;
use crate::problem::Problem;

/// The first and the last of the days that are asked for have others to be compared with: four weeks of them at least.
const MONTHS_AROUND: i32 = 2;

/// Below ten units a difference is chance (in millionths).
const LEAST: i128 = 10_000_000;

/// The days of some months of a service, by meter.
pub(crate) struct Days {
    first: NaiveDate,
    /// The last day that is asked for and known whole.
    pub(crate) through: NaiveDate,
    /// The last day that is known whole, of those that they are compared with.
    known: NaiveDate,
    /// Each meter's days that have anything, those that are only compared with too, in millionths of its unit.
    pub(crate) meters: BTreeMap<String, Vec<(NaiveDate, i128)>>,
}

impl Days {
    /// Asks for the days of some months. An open month runs to the last whole day.
    pub(crate) async fn load(
        shared: &Shared,
        service: &Service,
        months: RangeInclusive<Month>,
        now: Instant,
    ) -> Result<Self, Problem> {
        let (first, last) = (*months.start(), *months.end());
        let around = first.plus(-MONTHS_AROUND)..=last.plus(MONTHS_AROUND);
        let found = shared.store.day_sums(around, AsOf::Newest, &service.slug).await;
        let mut meters: BTreeMap<String, Vec<(NaiveDate, i128)>> = BTreeMap::new();
        for sum in found.map_err(|error| crate::store_problem(&error))? {
            let Some(meter) = service.meters.get(&sum.meter) else { continue };
            if let Some(value) = of_day(meter.kind, sum.amount, sum.day) {
                meters.entry(sum.meter).or_default().push((sum.day, value));
            }
        }
        let yesterday = now.day().pred_opt().unwrap_or(now.day());
        let known = last.plus(MONTHS_AROUND).last_day().min(yesterday);
        Ok(Self { first: first.first_day(), through: last.last_day().min(yesterday), known, meters })
    }

    /// The days of a meter that stand out.
    pub(crate) fn odd(&self, meter: &str) -> Vec<Anomaly> {
        let days = self.meters.get(meter).map_or(&[][..], Vec::as_slice);
        let found = anomalies(days, self.known, Limits::usual(LEAST)).into_iter();
        found.filter(|odd| odd.last >= self.first && odd.first <= self.through).collect()
    }
}

/// A day's amount in millionths of the meter's unit; none where days of a kind say nothing by themselves.
fn of_day(kind: MeterKind, amount: i128, day: NaiveDate) -> Option<i128> {
    match kind {
        MeterKind::Sum | MeterKind::Count | MeterKind::AvgDaily => Some(amount),
        // A day has 23 to 25 hours.
        MeterKind::TimeWeighted => {
            let length = start_of_day(next_day(day)).micros() - start_of_day(day).micros();
            Some(amount / i128::from(length))
        }
        MeterKind::Unique | MeterKind::Peak | MeterKind::Latest | MeterKind::Fixed => None,
    }
}

#[cfg(test)]
mod tests {
    use domain::calendar::parse_day;

    use super::*;

    #[test]
    fn a_day_of_an_average_over_time_is_its_mean_whatever_its_length() {
        let hour = 3_600_000_000_i128;
        for (day, hours) in [("2021-03-28", 23), ("2021-10-31", 25), ("2021-06-01", 24)] {
            let day = parse_day(day).unwrap();
            assert_eq!(of_day(MeterKind::TimeWeighted, 5_000_000 * hours * hour, day), Some(5_000_000));
        }
        let day = parse_day("2021-06-01").unwrap();
        assert_eq!(of_day(MeterKind::AvgDaily, 7_000_000, day), Some(7_000_000));
        assert_eq!(of_day(MeterKind::Unique, 7_000_000, day), None);
    }
}

//! What each day came to, added up where it lies.

use std::ops::RangeInclusive;

use chrono::NaiveDate;
use clickhouse::Row;
use domain::Month;
use serde::Deserialize;

use super::{AsOf, HEADS, cut_number, first_day};
use crate::client::Store;
use crate::error::asking;
use crate::rows::date_of;

/// A day's amount of one meter, over all classes and cost centres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaySum {
    /// The meter's slug.
    pub meter: String,
    /// The day.
    pub day: NaiveDate,
    /// The exact amount, as [`domain::usage::DailyUsage::amount`].
    pub amount: i128,
}

#[derive(Row, Deserialize)]
struct SumRow {
    meter: String,
    day: i32,
    total: i128,
}

impl Store {
    /// The days of a service in some months that have anything, by meter and day. Of distinct subjects a day has those that
    /// were seen on it for the first time in the month.
    pub async fn day_sums(
        &self,
        months: RangeInclusive<Month>,
        as_of: AsOf,
        service: &str,
    ) -> crate::Result<Vec<DaySum>> {
        let (first, last) = (first_day(*months.start()), first_day(*months.end()));
        let rows = self
            .query(&format!(
                "SELECT meter, day, sum(amount) AS total FROM usage_day FINAL
                 WHERE month BETWEEN toDate32(?) AND toDate32(?) AND {HEADS} AND service = ?
                 GROUP BY meter, day ORDER BY meter, day"
            ))
            .bind(&first)
            .bind(&last)
            .bind(&first)
            .bind(&last)
            .bind(cut_number(as_of))
            .bind(service)
            .fetch_all::<SumRow>()
            .await
            .map_err(asking("the days of a service"))?;
        let sum = |row: SumRow| Ok(DaySum { meter: row.meter, day: date_of(row.day)?, amount: row.total });
        rows.into_iter().map(sum).collect()
    }
}

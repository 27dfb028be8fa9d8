//! Accounting material, which is only ever counted: nothing here removes it.

use chrono::NaiveDate;
use domain::calendar::start_of_day;

use super::{Kept, kept};
use crate::client::Store;

/// The tables that have a month of their own, and the column.
const BY_MONTH: [&str; 5] = ["charges", "months", "documents", "usage_month", "usage_day"];

/// Versions of the catalogue that no month since a day was closed on, nor were in force on it. Bind the instant, the day and
/// the instant.
const VERSIONS: &str = "applied < fromUnixTimestamp64Micro(?, 'UTC')
    AND version NOT IN (SELECT catalogue FROM months WHERE month >= toDate32(?))
    AND version NOT IN (SELECT argMax(version, (applied, version)) FROM catalogue_versions
                        WHERE applied < fromUnixTimestamp64Micro(?, 'UTC'))";

impl Store {
    /// The accounting material. Due is what belongs to months before a day, the first of a financial year that must still
    /// be kept.
    pub async fn accounting_material(&self, before: NaiveDate) -> crate::Result<Kept> {
        let (day, micros) = (before.to_string(), start_of_day(before).micros());
        let mut all = Kept::default();
        for table in BY_MONTH {
            let sql = format!(
                "SELECT count(), toInt64(toInt32(min(month))) * 86400000000, countIf(due), sumIf(bytes, due)
                 FROM (SELECT month, month < toDate32(?) AS due, byteSize(*) AS bytes FROM {table})"
            );
            all = all.and(kept(self.query(&sql).bind(&day), "accounting material").await?);
        }
        let outcomes = self
            .query(
                "SELECT count(), toUnixTimestamp64Micro(min(at)), countIf(due), sumIf(bytes, due)
                 FROM (SELECT at, at < fromUnixTimestamp64Micro(?, 'UTC') AS due, byteSize(*) AS bytes
                       FROM control_outcomes)",
            )
            .bind(micros);
        all = all.and(kept(outcomes, "accounting material").await?);
        let sql = format!(
            "SELECT count(), toUnixTimestamp64Micro(min(applied)), countIf(due), sumIf(bytes, due)
             FROM (SELECT applied, {VERSIONS} AS due, byteSize(*) AS bytes FROM catalogue_versions)"
        );
        let versions = self.query(&sql).bind(micros).bind(&day).bind(micros);
        Ok(all.and(kept(versions, "accounting material").await?))
    }
}

impl Kept {
    /// Both together.
    fn and(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            oldest: self.oldest.into_iter().chain(other.oldest).min(),
            due: self.due + other.due,
            due_bytes: self.due_bytes + other.due_bytes,
        }
    }
}

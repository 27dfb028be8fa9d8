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
            let there = format!("SELECT count(), toInt64(toInt32(min(month))) * 86400000000 FROM {table}");
            let due = format!("SELECT count(), sum(byteSize(*)) FROM {table} WHERE month < toDate32(?)");
            let due = self.query(&due).bind(&day);
            all = all.and(kept(self.query(&there), due, "accounting material").await?);
        }
        let there = "SELECT count(), toUnixTimestamp64Micro(min(at)) FROM control_outcomes";
        let due = "SELECT count(), sum(byteSize(*)) FROM control_outcomes WHERE at < fromUnixTimestamp64Micro(?, 'UTC')";
        let due = self.query(due).bind(micros);
        all = all.and(kept(self.query(there), due, "accounting material").await?);
        let there = "SELECT count(), toUnixTimestamp64Micro(min(applied)) FROM catalogue_versions";
        let due = format!("SELECT count(), sum(byteSize(*)) FROM catalogue_versions WHERE {VERSIONS}");
        let due = self.query(&due).bind(micros).bind(&day).bind(micros);
        Ok(all.and(kept(self.query(there), due, "accounting material").await?))
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

//! What senders say that they were answered as accepted (counting §8).

use std::ops::RangeInclusive;

use chrono::NaiveDate;
use clickhouse::Row;
use domain::Instant;
use serde::Deserialize;

use crate::client::Store;
use crate::error::asking;
use crate::native::Block;
use crate::rows::{date_of, days_of};

/// A sender's own count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SenderCount {
    /// CloudEvents `source`.
    pub source: String,
    /// The Swedish day that they were accepted on.
    pub day: NaiveDate,
    /// How many events were answered as accepted.
    pub events: u64,
}

#[derive(Row, Deserialize)]
struct CountRow {
    source: String,
    day: i32,
    events: u64,
}

impl Store {
    /// Takes senders' counts. The latest `posted` counts for a source and day; the same again changes nothing.
    pub async fn put_sender_counts(&self, counts: &[SenderCount], posted: Instant) -> crate::Result<()> {
        let posted = u64::try_from(posted.micros()).unwrap_or_default().to_le_bytes();
        let mut block = Block::new(counts.len());
        block.strings("source", counts.iter().map(|count| count.source.as_bytes()));
        block.fixed("day", "Date32", counts.iter().map(|count| days_of(count.day).to_le_bytes()));
        block.fixed("events", "UInt64", counts.iter().map(|count| count.events.to_le_bytes()));
        block.fixed("posted", "UInt64", counts.iter().map(|_| posted));
        self.insert("sender_counts", &block.into()).await
    }

    /// The senders' counts of some days, by source and day.
    pub async fn sender_counts(&self, days: RangeInclusive<NaiveDate>) -> crate::Result<Vec<SenderCount>> {
        let rows = self
            .query(
                "SELECT ?fields FROM sender_counts FINAL WHERE day BETWEEN toDate32(?) AND toDate32(?)
                 ORDER BY source, day",
            )
            .bind(days.start().to_string())
            .bind(days.end().to_string())
            .fetch_all::<CountRow>()
            .await
            .map_err(asking("senders' counts"))?;
        rows.into_iter()
            .map(|row| Ok(SenderCount { source: row.source, day: date_of(row.day)?, events: row.events }))
            .collect()
    }
}

//! The books (counting §8) and how far counting is.

use std::ops::RangeInclusive;

use chrono::NaiveDate;
use clickhouse::Row;
use domain::Instant;
use serde::Deserialize;

use super::{AsOf, instant};
use crate::client::Store;
use crate::error::asking;
use crate::rows::date_of;

/// How many events of a source, received on a Swedish day, had an outcome.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutcomeCount {
    /// The events' `source`; empty when it could not be read.
    pub source: String,
    /// The Swedish day that the collector received them.
    pub day: NaiveDate,
    /// The outcome of counting §3: `metered`, `revised`, `duplicate`, `conflict`, `superseded`, `marker`, `quarantined`.
    pub outcome: String,
    /// How many.
    pub events: u64,
}

/// How far a partition of the usage log is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lag {
    /// The generation of the topic.
    pub generation: u16,
    /// The partition.
    pub partition: u32,
    /// The offset after the last counted record.
    pub counted: u64,
    /// The offset after the last sealed window.
    pub sealed: u64,
}

/// Up to when a collector's spool is known to be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The collector.
    pub collector: String,
    /// Everything that it acknowledged before is on the log.
    pub spool_empty_until: Instant,
}

#[derive(Row, Deserialize)]
struct OutcomeRow {
    source: String,
    day: i32,
    outcome: String,
    events: u64,
}

#[derive(Row, Deserialize)]
struct LagRow {
    generation: u16,
    partition: u32,
    counted: u64,
    sealed: u64,
}

#[derive(Row, Deserialize)]
struct MarkRow {
    collector: String,
    spool_empty_until: i64,
}

impl Store {
    /// What became of the events of each source and Swedish day of arrival, as progress has it.
    pub async fn progress_outcomes(
        &self,
        days: RangeInclusive<NaiveDate>,
        as_of: AsOf,
    ) -> crate::Result<Vec<OutcomeCount>> {
        let (bound, condition) = match as_of {
            AsOf::Newest => ("", "true"),
            AsOf::Cut(_) => (
                "WITH (SELECT any(generation) FROM cuts FINAL WHERE cut = ?) AS last_generation,
                      (SELECT any(as_of) FROM cuts FINAL WHERE cut = ?) AS bound",
                "generation < last_generation OR (generation = last_generation AND window < bound[partition + 1])",
            ),
        };
        let sql = format!(
            "{bound}
             SELECT ?fields FROM (
                 SELECT outcome_source AS source, outcome_day AS day, outcome_name AS outcome, sum(outcome_count) AS events
                 FROM (SELECT * FROM progress FINAL WHERE {condition})
                 ARRAY JOIN outcome_source, outcome_day, outcome_name, outcome_count
                 WHERE outcome_day BETWEEN toDate32(?) AND toDate32(?)
                 GROUP BY source, day, outcome)
             ORDER BY source, day, outcome"
        );
        let mut query = self.query(&sql);
        if let AsOf::Cut(offset) = as_of {
            query = query.bind(offset).bind(offset);
        }
        let rows = query
            .bind(days.start().to_string())
            .bind(days.end().to_string())
            .fetch_all::<OutcomeRow>()
            .await
            .map_err(asking("outcomes"))?;
        rows.into_iter()
            .map(|row| {
                Ok(OutcomeCount {
                    source: row.source,
                    day: date_of(row.day)?,
                    outcome: row.outcome,
                    events: row.events,
                })
            })
            .collect()
    }

    /// How far each partition of the newest generation is counted.
    pub async fn lag(&self) -> crate::Result<Vec<Lag>> {
        let rows = self
            .query(
                "SELECT ?fields FROM (
                     SELECT generation, partition, max(upto) AS counted, maxIf(upto, sealed = 1) AS sealed
                     FROM (SELECT generation, partition, upto, sealed FROM progress FINAL
                           WHERE generation = (SELECT max(generation) FROM generations))
                     GROUP BY generation, partition)
                 ORDER BY partition",
            )
            .fetch_all::<LagRow>()
            .await
            .map_err(asking("progress"))?;
        let lag = |row: LagRow| Lag {
            generation: row.generation,
            partition: row.partition,
            counted: row.counted,
            sealed: row.sealed,
        };
        Ok(rows.into_iter().map(lag).collect())
    }

    /// Up to when the spool of each collector that ever wrote a mark is known to be empty.
    pub async fn marks(&self) -> crate::Result<Vec<Mark>> {
        let rows = self
            .query(
                "SELECT ?fields FROM (
                     SELECT collector, max(spool_empty_until) AS spool_empty_until FROM marks FINAL GROUP BY collector)
                 ORDER BY collector",
            )
            .fetch_all::<MarkRow>()
            .await
            .map_err(asking("marks"))?;
        let mark = |row: MarkRow| Mark {
            collector: row.collector,
            spool_empty_until: instant(row.spool_empty_until),
        };
        Ok(rows.into_iter().map(mark).collect())
    }
}

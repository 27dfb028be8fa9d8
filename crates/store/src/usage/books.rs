//! The books (counting §8) and how far counting is.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::NaiveDate;
use clickhouse::Row;
use domain::{Code, Instant};
use serde::Deserialize;

use super::{AsOf, instant};
use crate::client::Store;
use crate::error::{Error, asking};
use crate::rows::date_of;

/// What records' headers say, beside the outcomes of events.
const SAID_BY_HEADERS: [&str; 3] = ["accepted", "resent", "released"];

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

/// The books of a source and a Swedish day of arrival (counting §8): what collectors say that they took in, and what became
/// of it. As long as nothing is lost and nothing made up, [`Books::difference`] is 0, at any barrier vector.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Books {
    /// The events' `source`; empty when it could not be read, `*` for those beyond the first 10,000 of a window of the log.
    pub source: String,
    /// The Swedish day that the collector received them.
    pub day: NaiveDate,
    /// Events of records that came for the first time, and events that were parked, other than by a release.
    pub accepted: u64,
    /// Events of records that a collector put on the usage log again, because it did not know that they were there.
    pub resent: u64,
    /// Events that had been parked and were released, whether to the usage log or back into the quarantine.
    pub released: u64,
    /// Events that lie (or lay) in the quarantine because the catalogue did not know their meter.
    pub parked: u64,
    /// Events that were refused: the sender was told so, and they are in no other number.
    pub refused: u64,
    /// Counting §3: the identity was never seen.
    pub metered: u64,
    /// Counting §3: a higher revision than every earlier one.
    pub revised: u64,
    /// Counting §3: a lower revision than an earlier one.
    pub superseded: u64,
    /// Counting §3: the same revision with the same content came earlier.
    pub duplicate: u64,
    /// Counting §3: the same revision with other content came earlier.
    pub conflict: u64,
    /// Counting §3: the first sight of a marker.
    pub marker: u64,
    /// Counting §3: too old, misrouted or undecodable, and kept in the quarantine.
    pub quarantined: u64,
}

impl Books {
    /// How many events were read from the usage log: each has exactly one outcome.
    pub fn logged(&self) -> u64 {
        self.metered
            + self.revised
            + self.superseded
            + self.duplicate
            + self.conflict
            + self.marker
            + self.quarantined
    }

    /// `accepted + resent + released − logged − parked`: above 0 events were lost, below 0 made up.
    pub fn difference(&self) -> i64 {
        let (taken, found) = (self.accepted + self.resent + self.released, self.logged() + self.parked);
        i64::try_from(i128::from(taken) - i128::from(found)).unwrap_or(i64::MAX)
    }

    fn add(&mut self, outcome: &str, events: u64) -> crate::Result<()> {
        let column = match outcome {
            "accepted" => &mut self.accepted,
            "resent" => &mut self.resent,
            "released" => &mut self.released,
            "metered" => &mut self.metered,
            "revised" => &mut self.revised,
            "superseded" => &mut self.superseded,
            "duplicate" => &mut self.duplicate,
            "conflict" => &mut self.conflict,
            "marker" => &mut self.marker,
            "quarantined" => &mut self.quarantined,
            other => return Err(Error::Unreadable { what: "outcome", value: other.to_owned() }),
        };
        *column += events;
        Ok(())
    }
}

/// How many events of a source, received on a Swedish day, collectors put into the quarantine. A record that was put there
/// twice counts once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuarantineCount {
    /// The events' `source`; empty when it could not be read.
    pub source: String,
    /// The Swedish day that the collector received them.
    pub day: NaiveDate,
    /// Parked for the first time.
    pub parked: u64,
    /// Released and parked again: its meter is still not known.
    pub parked_again: u64,
    /// Refused.
    pub refused: u64,
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
struct QuarantineCountRow {
    source: String,
    day: i32,
    parked: u64,
    parked_again: u64,
    refused: u64,
}

#[derive(Row, Deserialize)]
struct LagRow {
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
    /// The books of each source and Swedish day of arrival, ordered by both.
    ///
    /// What is parked and refused comes from another topic, which has no barriers: as of a cut it may be ahead of the rest,
    /// on both sides of the equation alike.
    pub async fn books(&self, days: RangeInclusive<NaiveDate>, as_of: AsOf) -> crate::Result<Vec<Books>> {
        let mut books: BTreeMap<(String, NaiveDate), Books> = BTreeMap::new();
        let mut of = |source: &str, day: NaiveDate, add: &mut dyn FnMut(&mut Books) -> crate::Result<()>| {
            let empty = || Books { source: source.to_owned(), day, ..Books::default() };
            add(books.entry((source.to_owned(), day)).or_insert_with(empty))
        };
        for row in self.outcome_rows(days.clone(), as_of).await? {
            of(&row.source, row.day, &mut |books| books.add(&row.outcome, row.events))?;
        }
        for row in self.quarantine_by_day(days).await? {
            of(&row.source, row.day, &mut |books| {
                books.accepted += row.parked;
                books.released += row.parked_again;
                books.parked += row.parked + row.parked_again;
                books.refused += row.refused;
                Ok(())
            })?;
        }
        Ok(books.into_values().collect())
    }

    /// What became of the events of each source and Swedish day of arrival, as progress has it: the outcomes of counting §3.
    pub async fn progress_outcomes(
        &self,
        days: RangeInclusive<NaiveDate>,
        as_of: AsOf,
    ) -> crate::Result<Vec<OutcomeCount>> {
        let mut rows = self.outcome_rows(days, as_of).await?;
        rows.retain(|row| !SAID_BY_HEADERS.contains(&row.outcome.as_str()));
        Ok(rows)
    }

    async fn outcome_rows(
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

    /// What collectors put into the quarantine, by source and Swedish day of arrival.
    pub async fn quarantine_by_day(
        &self,
        days: RangeInclusive<NaiveDate>,
    ) -> crate::Result<Vec<QuarantineCount>> {
        let parked: Vec<&str> =
            Code::ALL.into_iter().filter(|code| code.is_parked()).map(Code::name).collect();
        let rows = self
            .query(
                "SELECT ?fields FROM (
                     SELECT source, day, uniqExactIf(record, is_parked AND NOT released) AS parked,
                            uniqExactIf(record, is_parked AND released) AS parked_again,
                            uniqExactIf(record, NOT is_parked) AS refused
                     FROM (SELECT source, day, released, has(?, toString(code)) AS is_parked,
                                  if(collector = '', ('', generation, position), (collector, epoch, batch)) AS record
                           FROM quarantine FINAL
                           WHERE origin = 'quarantine' AND day BETWEEN toDate32(?) AND toDate32(?))
                     GROUP BY source, day)
                 ORDER BY source, day",
            )
            .bind(parked)
            .bind(days.start().to_string())
            .bind(days.end().to_string())
            .fetch_all::<QuarantineCountRow>()
            .await
            .map_err(asking("what was parked and refused"))?;
        rows.into_iter()
            .map(|row| {
                Ok(QuarantineCount {
                    source: row.source,
                    day: date_of(row.day)?,
                    parked: row.parked,
                    parked_again: row.parked_again,
                    refused: row.refused,
                })
            })
            .collect()
    }

    /// How far each partition of the newest generation is counted; empty before the first one began.
    pub async fn lag(&self) -> crate::Result<Vec<Lag>> {
        let Some(newest) = self.generations().await?.pop() else { return Ok(Vec::new()) };
        let rows = self
            .query(
                "SELECT ?fields FROM (
                     SELECT partition, max(upto) AS counted, maxIf(upto, sealed = 1) AS sealed
                     FROM (SELECT partition, upto, sealed FROM progress FINAL WHERE generation = ?)
                     GROUP BY partition)
                 ORDER BY partition",
            )
            .bind(newest.generation)
            .fetch_all::<LagRow>()
            .await
            .map_err(asking("progress"))?;
        let lag = |partition: u32| {
            let row = rows.iter().find(|row| row.partition == partition);
            let start = newest.start(partition);
            Lag {
                generation: newest.generation,
                partition,
                counted: row.map_or(start, |row| row.counted.max(start)),
                sealed: row.map_or(start, |row| row.sealed.max(start)),
            }
        };
        Ok((0..newest.partitions).map(lag).collect())
    }

    /// How many windows of the log are begun and not sealed.
    pub async fn windows_unsealed(&self) -> crate::Result<u64> {
        self.query(
            "SELECT count() FROM (
                 SELECT generation, partition, sealed FROM progress FINAL
                 WHERE generation = (SELECT max(generation) FROM generations))
             WHERE sealed = 0",
        )
        .fetch_one::<u64>()
        .await
        .map_err(asking("windows that are not sealed"))
    }

    /// Up to when the spool of each collector that ever wrote a mark is known to be empty: by its newest mark, because one
    /// that left in order may come back.
    pub async fn marks(&self) -> crate::Result<Vec<Mark>> {
        let rows = self
            .query(
                "SELECT ?fields FROM (
                     SELECT collector, argMax(spool_empty_until, (generation, position)) AS spool_empty_until
                     FROM marks FINAL GROUP BY collector)
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

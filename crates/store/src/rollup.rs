//! What the roll-up reads (progress, cells, observations, markers) and writes (revisions and their heads).

use clickhouse::Row;
use domain::usage::{DailyUsage, MonthlyUsage};
use domain::{EventKey, Instant, Month, Quantity};
use serde::Deserialize;

use crate::client::Store;
use crate::error::{Error, asking};
use crate::rows::{Position, Touched, days_of, month_of, quantity_of};
use crate::usage::{Gap, instant};

mod heads;
mod write;

pub use heads::{Barriers, CutRow, Head};
pub use write::{RevisionRows, SubjectRow};

/// A prefix of the log: earlier generations whole, and of this one what lies before an offset in each partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Prefix {
    /// The generation.
    pub generation: u16,
    /// The offset after the last record, by partition.
    pub as_of: Vec<u64>,
}

impl Prefix {
    /// How far it reaches: of two previews the one that reaches farther is newer.
    pub fn reach(&self) -> u64 {
        self.as_of.iter().sum()
    }
}

/// A touched month, service and meter, and how far in a partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TouchedUpto {
    /// The generation.
    pub generation: u16,
    /// The partition.
    pub partition: u32,
    /// What was touched.
    pub touched: Touched,
    /// The greatest `upto` of a window that touched it.
    pub upto: u64,
}

/// A day's sum under a cost centre and class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellTotal {
    /// The day, in days since 1970.
    pub day: i32,
    /// The cost centre's code.
    pub costcentre: String,
    /// The class.
    pub class: String,
    /// Millionths of units.
    pub amount: i128,
}

/// A signed observation, in the order of source, subject, time, identity, generation, position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedObservation<'a> {
    /// CloudEvents `source`.
    pub source: &'a str,
    /// CloudEvents `subject`.
    pub subject: &'a str,
    /// CloudEvents `time`.
    pub time: Instant,
    /// The identity.
    pub key: EventKey,
    /// The generation of the position.
    pub generation: u16,
    /// The place of the event that brought this row about.
    pub position: Position,
    /// 1 or -1.
    pub sign: i8,
    /// CloudEvents `id`.
    pub id: &'a str,
    /// The revision.
    pub seq: u32,
    /// The series dimensions' values.
    pub series: &'a str,
    /// The day, in days since 1970.
    pub day: i32,
    /// The cost centre's code.
    pub costcentre: &'a str,
    /// The class.
    pub class: &'a str,
    /// How much.
    pub quantity: Quantity,
    /// Whether it takes the observation back: then it only counts for completeness.
    pub retracted: bool,
}

/// A marker that counts: its signs add up to 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marker {
    /// CloudEvents `source`.
    pub source: String,
    /// The day of the snapshot, in days since 1970.
    pub day: i32,
    /// CloudEvents `time`.
    pub time: Instant,
    /// CloudEvents `id`.
    pub id: String,
    /// How many observations the source made.
    pub count: u32,
    /// How many of them were refused.
    pub refused: u32,
}

#[derive(Row, Deserialize)]
struct TouchedRow {
    generation: u16,
    partition: u32,
    month: i32,
    service: String,
    meter: String,
    carries: u8,
    upto: u64,
}

#[derive(Row, Deserialize)]
struct CellTotalRow {
    day: i32,
    costcentre: String,
    class: String,
    amount: i128,
    fits: u8,
}

#[derive(Row, Deserialize)]
struct ObservationRow<'a> {
    source: &'a str,
    subject: &'a str,
    time: i64,
    event_key: u128,
    generation: u16,
    position: u64,
    sign: i8,
    id: &'a str,
    seq: u32,
    series: &'a str,
    day: i32,
    costcentre: &'a str,
    class: &'a str,
    quantity: i128,
    retracted: u8,
}

#[derive(Row, Deserialize)]
struct MarkerRow {
    source: String,
    day: i32,
    time: i64,
    id: String,
    count: u32,
    refused: u32,
}

/// Rows at positions before a prefix's end; `offset` is the expression for a row's offset. Bind with [`bind_prefix`].
fn within(offset: &str) -> String {
    format!("(generation < ? OR (generation = ? AND {offset} < ?[partition + 1]))")
}

fn bind_prefix(query: clickhouse::query::Query, prefix: Option<&Prefix>) -> clickhouse::query::Query {
    match prefix {
        Some(prefix) => query.bind(prefix.generation).bind(prefix.generation).bind(&prefix.as_of),
        None => query,
    }
}

impl Store {
    /// How far each partition of a generation is counted, sealed or not: read before the cells and observations.
    pub async fn counted_prefix(&self, generation: u16, partitions: u32) -> crate::Result<Prefix> {
        let rows = self
            .query("SELECT partition, max(upto) FROM progress WHERE generation = ? GROUP BY partition")
            .bind(generation)
            .fetch_all::<(u32, u64)>()
            .await
            .map_err(asking("progress"))?;
        let mut as_of = vec![0; partitions as usize];
        for (partition, upto) in rows {
            if let Some(slot) = as_of.get_mut(partition as usize) {
                *slot = upto;
            }
        }
        Ok(Prefix { generation, as_of })
    }

    /// What was touched, by windows that end after `since` (all without), and how far.
    pub async fn touched_since(&self, since: Option<&Prefix>) -> crate::Result<Vec<TouchedUpto>> {
        let condition = match since {
            Some(_) => format!("NOT {}", within("upto - 1")),
            None => "true".to_owned(),
        };
        self.touched(&condition, |query| bind_prefix(query, since)).await
    }

    /// What was touched by sealed windows within a prefix; with `but`, only by those that lie in exactly one of both.
    pub async fn touched_within(
        &self,
        prefix: &Prefix,
        but: Option<&Prefix>,
    ) -> crate::Result<Vec<TouchedUpto>> {
        let inside = within("upto - 1");
        match but {
            None => self.touched(&inside, |query| bind_prefix(query, Some(prefix))).await,
            Some(but) => {
                let condition = format!("{inside} != {inside}");
                self.touched(&condition, |query| bind_prefix(bind_prefix(query, Some(prefix)), Some(but)))
                    .await
            }
        }
    }

    async fn touched(
        &self,
        condition: &str,
        bind: impl FnOnce(clickhouse::query::Query) -> clickhouse::query::Query,
    ) -> crate::Result<Vec<TouchedUpto>> {
        let sql = format!(
            "SELECT generation, partition, touched_month AS month, touched_service AS service, touched_meter AS meter,
                    touched_carries AS carries, max(upto) AS upto
             FROM (SELECT * FROM progress FINAL WHERE {condition}) AS windows
             ARRAY JOIN touched_month, touched_service, touched_meter, touched_carries
             GROUP BY generation, partition, month, service, meter, carries
             ORDER BY generation, partition, month, service, meter, carries"
        );
        let rows = bind(self.query(&sql))
            .fetch_all::<TouchedRow>()
            .await
            .map_err(asking("the months that were touched"))?;
        rows.into_iter()
            .map(|row| {
                Ok(TouchedUpto {
                    generation: row.generation,
                    partition: row.partition,
                    touched: Touched {
                        month: month_of(row.month)?,
                        service: row.service,
                        meter: row.meter,
                        carries: row.carries != 0,
                    },
                    upto: row.upto,
                })
            })
            .collect()
    }

    /// The sums of a month of a meter, by day, cost centre and class, within a prefix that ends between windows (all
    /// there is without). Zeros are there too.
    pub async fn cells(
        &self,
        month: Month,
        service: &str,
        meter: &str,
        prefix: Option<&Prefix>,
    ) -> crate::Result<Vec<CellTotal>> {
        let condition = prefix.map_or_else(|| "true".to_owned(), |_| within("window"));
        let sql = format!(
            "SELECT ?fields FROM (
                 SELECT day, toString(costcentre) AS costcentre, toString(class) AS class,
                        sum(toInt256(cells.amount)) AS total, toInt128(total) AS amount,
                        toUInt8(toInt256(amount) = total) AS fits
                 FROM cells FINAL
                 WHERE month = toDate32(?) AND service = ? AND meter = ? AND {condition}
                 GROUP BY day, costcentre, class)
             ORDER BY costcentre, class, day"
        );
        let query = self.query(&sql).bind(month.first_day().to_string()).bind(service).bind(meter);
        let rows = bind_prefix(query, prefix).fetch_all::<CellTotalRow>().await.map_err(asking("cells"))?;
        rows.into_iter()
            .map(|row| match row.fits {
                0 => Err(Error::Overflow { what: "cells" }),
                _ => Ok(CellTotal {
                    day: row.day,
                    costcentre: row.costcentre,
                    class: row.class,
                    amount: row.amount,
                }),
            })
            .collect()
    }

    /// Hands over the signed observations of a meter in `time` (the end is not in it), within a prefix (all there are
    /// without), in the order of source, subject, time, identity, generation, position.
    pub async fn each_observation(
        &self,
        service: &str,
        meter: &str,
        time: std::ops::Range<Instant>,
        prefix: Option<&Prefix>,
        each: &mut (dyn FnMut(&SignedObservation<'_>) + Send),
    ) -> crate::Result<()> {
        let condition = prefix.map_or_else(|| "true".to_owned(), |_| within("bitShiftRight(position, 12)"));
        let sql = format!(
            "SELECT ?fields FROM observations FINAL
             WHERE service = ? AND meter = ? AND time >= fromUnixTimestamp64Micro(?, 'UTC')
               AND time < fromUnixTimestamp64Micro(?, 'UTC') AND {condition}
             ORDER BY service, meter, source, subject, time, event_key, generation, partition, position, sign"
        );
        let failed = asking("observations");
        let query =
            self.query(&sql).bind(service).bind(meter).bind(time.start.micros()).bind(time.end.micros());
        let mut cursor = bind_prefix(query, prefix).fetch::<ObservationRow<'_>>().map_err(&failed)?;
        while let Some(row) = cursor.next().await.map_err(&failed)? {
            each(&SignedObservation {
                source: row.source,
                subject: row.subject,
                time: instant(row.time),
                key: EventKey(row.event_key),
                generation: row.generation,
                position: Position(row.position),
                sign: row.sign,
                id: row.id,
                seq: row.seq,
                series: row.series,
                day: row.day,
                costcentre: row.costcentre,
                class: row.class,
                quantity: quantity_of(row.quantity)?,
                retracted: row.retracted != 0,
            });
        }
        Ok(())
    }

    /// Every marker of a meter that counts within a prefix (within all there is without), by source and day.
    pub async fn markers(
        &self,
        service: &str,
        meter: &str,
        prefix: Option<&Prefix>,
    ) -> crate::Result<Vec<Marker>> {
        let condition = prefix.map_or_else(|| "true".to_owned(), |_| within("bitShiftRight(position, 12)"));
        let sql = format!(
            "SELECT ?fields FROM (
                 SELECT toString(source) AS source, day, time, argMaxIf(id, place, sign = 1) AS id,
                        argMaxIf(count, place, sign = 1) AS count, argMaxIf(refused, place, sign = 1) AS refused
                 FROM (SELECT *, (generation, position) AS place FROM snapshots FINAL
                       WHERE service = ? AND meter = ? AND {condition})
                 GROUP BY source, day, time, event_key HAVING sum(sign) > 0)
             ORDER BY source, day, time, id"
        );
        let query = self.query(&sql).bind(service).bind(meter);
        let rows = bind_prefix(query, prefix).fetch_all::<MarkerRow>().await.map_err(asking("markers"))?;
        let marker = |row: MarkerRow| Marker {
            source: row.source,
            day: row.day,
            time: instant(row.time),
            id: row.id,
            count: row.count,
            refused: row.refused,
        };
        Ok(rows.into_iter().map(marker).collect())
    }
}

//! Which revisions there are, and which cuts.

use std::iter::once;

use clickhouse::Row;
use domain::{Instant, Month};
use serde::Deserialize;

use super::Prefix;
use crate::client::Store;
use crate::error::asking;
use crate::native::Block;
use crate::rows::{days_of, month_of};
use crate::usage::instant;

/// The row that names a revision of a (month, service, meter).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The month.
    pub month: Month,
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The cut that it stands for; none for a preview.
    pub cut: Option<u64>,
    /// The key of its rows.
    pub revision: u128,
    /// What it holds, at least.
    pub prefix: Prefix,
    /// Up to when readings of a month count that has not ended.
    pub until: Instant,
    /// When it was written; for cuts the instant of the barrier, so that two writers write the same.
    pub written: Instant,
}

/// The barriers of one cut, once every partition has sealed its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Barriers {
    /// The offset in the control log that they carry.
    pub cut: u64,
    /// What lies before the first of them in each partition.
    pub prefix: Prefix,
    /// When the last of these was appended.
    pub received: Instant,
}

/// A cut that is rolled up whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutRow {
    /// The offset in the control log.
    pub cut: u64,
    /// What it holds.
    pub prefix: Prefix,
    /// Up to when readings of a month count that has not ended.
    pub until: Instant,
}

#[derive(Row, Deserialize)]
struct HeadRow {
    month: i32,
    service: String,
    meter: String,
    cut: i64,
    revision: u128,
    generation: u16,
    as_of: Vec<u64>,
    until: i64,
    written: i64,
}

#[derive(Row, Deserialize)]
struct BarrierRow {
    barrier: i64,
    generation: u16,
    upto: u64,
    received: i64,
}

#[derive(Row, Deserialize)]
struct CutStored {
    cut: u64,
    generation: u16,
    as_of: Vec<u64>,
    until: i64,
}

impl Store {
    /// The newest preview of each (month, service, meter), or the heads of a cut.
    pub async fn heads(&self, cut: Option<u64>) -> crate::Result<Vec<Head>> {
        let rows = self
            .query(
                "SELECT ?fields FROM revisions FINAL WHERE cut = ?
                 ORDER BY month, service, meter, generation DESC, reach DESC, until DESC, revision DESC
                 LIMIT 1 BY month, service, meter",
            )
            .bind(cut.map_or(-1, |cut| i64::try_from(cut).unwrap_or(i64::MAX)))
            .fetch_all::<HeadRow>()
            .await
            .map_err(asking("heads of revisions"))?;
        rows.into_iter()
            .map(|row| {
                Ok(Head {
                    month: month_of(row.month)?,
                    service: row.service,
                    meter: row.meter,
                    cut: u64::try_from(row.cut).ok(),
                    revision: row.revision,
                    prefix: Prefix { generation: row.generation, as_of: row.as_of },
                    until: instant(row.until),
                    written: instant(row.written),
                })
            })
            .collect()
    }

    /// Names revisions whose rows are all stored.
    pub async fn put_heads(&self, heads: &[Head]) -> crate::Result<()> {
        let mut order: Vec<&Head> = heads.iter().collect();
        order.sort_by(|a, b| (a.month, &a.service, &a.meter).cmp(&(b.month, &b.service, &b.meter)));
        let rows = || order.iter().copied();
        let cut = |head: &Head| head.cut.map_or(-1, |cut| i64::try_from(cut).unwrap_or(i64::MAX));
        let mut block = Block::new(order.len());
        block.fixed("month", "Date32", rows().map(|head| days_of(head.month.first_day()).to_le_bytes()));
        block.strings("service", rows().map(|head| head.service.as_bytes()));
        block.strings("meter", rows().map(|head| head.meter.as_bytes()));
        block.fixed("cut", "Int64", rows().map(|head| cut(head).to_le_bytes()));
        block.fixed("revision", "UInt128", rows().map(|head| head.revision.to_le_bytes()));
        block.fixed("generation", "UInt16", rows().map(|head| head.prefix.generation.to_le_bytes()));
        let offsets = rows().flat_map(|head| head.prefix.as_of.iter().map(|offset| offset.to_le_bytes()));
        block.fixed_arrays("as_of", "Array(UInt64)", rows().map(|head| head.prefix.as_of.len()), offsets);
        block.fixed("reach", "UInt64", rows().map(|head| head.prefix.reach().to_le_bytes()));
        block.fixed("until", "DateTime64(6, 'UTC')", rows().map(|head| head.until.micros().to_le_bytes()));
        block.fixed(
            "written",
            "DateTime64(6, 'UTC')",
            rows().map(|head| head.written.micros().to_le_bytes()),
        );
        self.insert("revisions", &block.into()).await
    }

    /// The cuts whose barriers are all sealed but that are not rolled up yet, in order. The barriers of a cut lie in one
    /// generation; when it was made again in the next one, the first stands.
    pub async fn pending_cuts(&self) -> crate::Result<Vec<Barriers>> {
        let generations = self.generations().await?;
        let rows = self
            .query(
                "SELECT ?fields FROM (
                     SELECT barrier, generation, partition, min(windows.upto) AS upto,
                            argMin(barrier_received, windows.upto) AS received
                     FROM (SELECT * FROM progress FINAL
                           WHERE barrier >= 0 AND sealed = 1
                             AND toUInt64(barrier) NOT IN (SELECT cut FROM cuts)) AS windows
                     GROUP BY barrier, generation, partition)
                 ORDER BY barrier, generation, partition",
            )
            .fetch_all::<BarrierRow>()
            .await
            .map_err(asking("barriers"))?;
        let is_whole = |rows: &&[BarrierRow]| {
            let of = generations.iter().find(|of| of.generation == rows[0].generation);
            of.is_some_and(|of| of.partitions as usize == rows.len())
        };
        let same = |a: &BarrierRow, b: &BarrierRow| (a.barrier, a.generation) == (b.barrier, b.generation);
        let mut cuts: Vec<Barriers> = rows
            .chunk_by(same)
            .filter(is_whole)
            .map(|rows| Barriers {
                cut: rows[0].barrier.unsigned_abs(),
                prefix: Prefix {
                    generation: rows[0].generation,
                    as_of: rows.iter().map(|row| row.upto).collect(),
                },
                received: instant(rows.iter().map(|row| row.received).max().unwrap_or_default()),
            })
            .collect();
        cuts.dedup_by_key(|barriers| barriers.cut);
        Ok(cuts)
    }

    /// The rolled-up cut with the greatest offset in the control log.
    pub async fn last_cut(&self) -> crate::Result<Option<CutRow>> {
        let row = self
            .query("SELECT ?fields FROM cuts FINAL ORDER BY cut DESC LIMIT 1")
            .fetch_optional::<CutStored>()
            .await
            .map_err(asking("the last cut"))?;
        Ok(row.map(|row| CutRow {
            cut: row.cut,
            prefix: Prefix { generation: row.generation, as_of: row.as_of },
            until: instant(row.until),
        }))
    }

    /// Says that a cut is rolled up: after all its heads.
    pub async fn put_cut(&self, cut: &CutRow) -> crate::Result<()> {
        let mut block = Block::new(1);

        block.fixed("cut", "UInt64", once(cut.cut.to_le_bytes()));
        block.fixed("generation", "UInt16", once(cut.prefix.generation.to_le_bytes()));
        let offsets = cut.prefix.as_of.iter().map(|offset| offset.to_le_bytes());
        block.fixed_arrays("as_of", "Array(UInt64)", once(cut.prefix.as_of.len()), offsets);
        block.fixed("until", "DateTime64(6, 'UTC')", once(cut.until.micros().to_le_bytes()));
        self.insert("cuts", &block.into()).await
    }

    /// Deletes previews that were superseded before an instant, and answers with how many. A reader that chose one of them
    /// has long finished. Rows without a head, whose writer died, are never read; they stay.
    pub async fn collect_superseded(&self, before: Instant) -> crate::Result<u64> {
        const SUPERSEDED: &str = "SELECT month, service, meter, revision FROM revisions FINAL
             WHERE cut = -1 AND written < fromUnixTimestamp64Micro(?, 'UTC')
               AND (month, service, meter, revision) NOT IN (
                   SELECT month, service, meter, argMax(revision, (generation, reach, until, revision))
                   FROM revisions FINAL WHERE cut = -1 GROUP BY month, service, meter)";
        let failed = asking("superseded previews");
        let found = self
            .query(&format!("SELECT count() FROM ({SUPERSEDED})"))
            .bind(before.micros())
            .fetch_one::<u64>()
            .await
            .map_err(&failed)?;
        if found == 0 {
            return Ok(0);
        }
        for table in ["usage_month", "usage_day", "usage_subjects", "usage_gaps"] {
            let sql =
                format!("DELETE FROM {table} WHERE (month, service, meter, revision) IN ({SUPERSEDED})");
            self.query(&sql).bind(before.micros()).execute().await.map_err(&failed)?;
        }
        // The heads go last: what is interrupted is found again.
        self.query(&format!(
            "DELETE FROM revisions WHERE cut = -1 AND (month, service, meter, revision) IN ({SUPERSEDED})"
        ))
        .bind(before.micros())
        .execute()
        .await
        .map_err(&failed)?;
        Ok(found)
    }
}

//! Which topics have been counted, and how far (counting §4).

use std::iter::once;

use clickhouse::Row;
use domain::Instant;
use serde::Deserialize;

use crate::client::Store;
use crate::error::asking;
use crate::native::Block;

/// A topic that has been counted, or a part of its life: its partitions were more from some offsets on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Generation {
    /// Its number.
    pub generation: u16,
    /// The topic's id.
    pub topic: String,
    /// The topic's number of partitions.
    pub partitions: u32,
    /// The offset where it begins, by partition; 0 where there is none.
    pub starts: Vec<u64>,
    /// Why it was begun; empty for the first.
    pub why: String,
    /// When it was begun.
    pub begun: Instant,
}

impl Generation {
    /// The offset where it begins in a partition.
    pub fn start(&self, partition: u32) -> u64 {
        self.starts.get(partition as usize).copied().unwrap_or_default()
    }
}

/// Where counting of a partition goes on: what the last sealed window's progress says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sealed {
    /// The start of the first window that is not sealed: everything before it is stored.
    pub upto: u64,
    /// (collector, epoch, greatest batch number) before it.
    pub batches: Vec<(String, u64, u64)>,
}

#[derive(Row, Deserialize)]
struct GenerationRow {
    generation: u16,
    topic: String,
    partitions: u32,
    starts: Vec<u64>,
    why: String,
    begun: i64,
}

#[derive(Row, Deserialize)]
struct SealedRow {
    upto: u64,
    batch_collector: Vec<String>,
    batch_epoch: Vec<u64>,
    batch_greatest: Vec<u64>,
}

impl Store {
    /// The generations, in order.
    pub async fn generations(&self) -> crate::Result<Vec<Generation>> {
        let rows = self
            .query("SELECT ?fields FROM generations FINAL ORDER BY generation")
            .fetch_all::<GenerationRow>()
            .await
            .map_err(asking("generations"))?;
        let generation = |row: GenerationRow| Generation {
            generation: row.generation,
            topic: row.topic,
            partitions: row.partitions,
            starts: row.starts,
            why: row.why,
            begun: Instant::from_micros(row.begun),
        };
        Ok(rows.into_iter().map(generation).collect())
    }

    /// Records a generation, before anything of it is counted.
    pub async fn put_generation(&self, generation: &Generation) -> crate::Result<()> {
        let mut block = Block::new(1);
        block.fixed("generation", "UInt16", once(generation.generation.to_le_bytes()));
        block.strings("topic", once(generation.topic.as_bytes()));
        block.fixed("partitions", "UInt32", once(generation.partitions.to_le_bytes()));
        let starts = generation.starts.iter().map(|offset| offset.to_le_bytes());
        block.fixed_arrays("starts", "Array(UInt64)", once(generation.starts.len()), starts);
        block.strings("why", once(generation.why.as_bytes()));
        block.fixed("begun", "DateTime64(6, 'UTC')", once(generation.begun.micros().to_le_bytes()));
        self.insert("generations", &block.into()).await
    }

    /// The greatest offset of the control log that barriers, cuts or the outcomes of decisions refer to.
    pub async fn last_control_offset(&self) -> crate::Result<Option<u64>> {
        let last = self
            .query(
                "SELECT max(control) FROM (
                     SELECT if(count() = 0, -1, max(barrier)) AS control FROM progress
                     UNION ALL SELECT if(count() = 0, -1, toInt64(max(cut))) FROM cuts
                     UNION ALL SELECT if(count() = 0, -1, toInt64(max(control))) FROM months)",
            )
            .fetch_one::<i64>()
            .await
            .map_err(asking("the last decision"))?;
        Ok(u64::try_from(last).ok())
    }

    /// Where counting of a partition goes on.
    pub async fn sealed(&self, generation: u16, partition: u32) -> crate::Result<Sealed> {
        let row = self
            .query(
                "SELECT ?fields FROM progress FINAL WHERE generation = ? AND partition = ? AND sealed = 1
                 ORDER BY upto DESC LIMIT 1",
            )
            .bind(generation)
            .bind(partition)
            .fetch_optional::<SealedRow>()
            .await
            .map_err(asking("progress"))?;
        Ok(row.map_or_else(Sealed::default, |row| Sealed {
            upto: row.upto,
            batches: row
                .batch_collector
                .into_iter()
                .zip(row.batch_epoch)
                .zip(row.batch_greatest)
                .map(|((collector, epoch), batch)| (collector, epoch, batch))
                .collect(),
        }))
    }
}

//! Collectors: until when each one's spool is known to be empty, and which are not waited for any more.

use std::iter::once as one;

use clickhouse::Row;
use domain::Instant;
use serde::Deserialize;

use crate::client::Store;
use crate::error::asking;
use crate::native::Block;
use crate::usage::instant;

/// A collector that ever wrote a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    /// Its name.
    pub name: String,
    /// Its newest mark: everything that it acknowledged up to then is on the log. The year 2299 when it has left.
    pub spool_empty_until: Instant,
    /// The last decision not to wait for it any more, if there was one.
    pub retired: Option<Retirement>,
}

/// A decision not to wait for a collector any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retirement {
    /// The decision's offset in the control log.
    pub control: u64,
    /// When it was decided.
    pub at: Instant,
    /// Why.
    pub why: String,
}

#[derive(Row, Deserialize)]
struct CollectorRow {
    collector: String,
    spool_empty_until: i64,
    control: u64,
    retired_at: i64,
    why: String,
    is_retired: u8,
}

impl Store {
    /// The collectors that ever wrote a mark, by name.
    pub async fn collectors(&self) -> crate::Result<Vec<Collector>> {
        let rows = self
            .query(
                "SELECT ?fields FROM (
                     SELECT marked.collector AS collector, spool_empty_until, control, retired_at, why, is_retired
                     FROM (SELECT collector, argMax(spool_empty_until, (generation, position)) AS spool_empty_until
                           FROM marks FINAL GROUP BY collector) AS marked
                     LEFT JOIN (
                         SELECT collector, max(control) AS control, argMax(at, collectors_retired.control) AS retired_at,
                                argMax(why, collectors_retired.control) AS why, 1::UInt8 AS is_retired
                         FROM collectors_retired FINAL GROUP BY collector) AS retired
                     ON marked.collector = retired.collector)
                 ORDER BY collector",
            )
            .fetch_all::<CollectorRow>()
            .await
            .map_err(asking("collectors"))?;
        let collector = |row: CollectorRow| Collector {
            name: row.collector,
            spool_empty_until: instant(row.spool_empty_until),
            retired: (row.is_retired == 1).then(|| Retirement {
                control: row.control,
                at: instant(row.retired_at),
                why: row.why,
            }),
        };
        Ok(rows.into_iter().map(collector).collect())
    }

    /// Says that a collector is not waited for any more.
    pub async fn put_retirement(&self, collector: &str, retirement: &Retirement) -> crate::Result<()> {
        let mut block = Block::new(1);
        block.strings("collector", one(collector.as_bytes()));
        block.fixed("control", "UInt64", one(retirement.control.to_le_bytes()));
        block.fixed("at", "DateTime64(6, 'UTC')", one(retirement.at.micros().to_le_bytes()));
        block.strings("why", one(retirement.why.as_bytes()));
        self.insert("collectors_retired", &block.into()).await
    }
}

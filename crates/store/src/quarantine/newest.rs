//! The quarantine as people look through it: the newest first, and what came lately of each reason.

use clickhouse::Row;
use domain::Instant;
use serde::Deserialize;

use super::{ENTRIES, Entry, EntryRow, QuarantineFilter, entry, parse_id};
use crate::client::Store;
use crate::error::asking;
use crate::usage::instant;

/// A reason, and how many entries have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCount {
    /// The stable reason.
    pub code: String,
    /// How many entries there are.
    pub entries: u64,
    /// How many of them came (again) since the asked instant.
    pub lately: u64,
    /// When one was last received.
    pub last_seen: Instant,
}

#[derive(Row, Deserialize)]
struct ReasonRow {
    reason: String,
    entries: u64,
    lately: u64,
    last_seen: i64,
}

impl Store {
    /// The entries, those that were last received first, without their bytes. `after` is the place of the last entry of
    /// the page before: its [`Entry::last_seen`] and its id; [`QuarantineFilter::after`] does not matter here. An entry
    /// that comes again between two pages moves to the front.
    pub async fn quarantine_newest(
        &self,
        filter: &QuarantineFilter,
        after: Option<(Instant, &str)>,
    ) -> crate::Result<Vec<Entry>> {
        let mut inner = String::from("true");
        for (wanted, condition) in
            [(filter.code.is_some(), " AND code = ?"), (filter.source.is_some(), " AND source = ?")]
        {
            if wanted {
                inner.push_str(condition);
            }
        }
        let outer = if after.is_some() {
            "(last_seen, entry) < (fromUnixTimestamp64Micro(?, 'UTC'), ?)"
        } else {
            "true"
        };
        let sql = format!(
            "SELECT ?fields FROM ({ENTRIES} CAST(NULL AS Nullable(String)) AS event
                 FROM (SELECT * FROM quarantine FINAL WHERE {inner}) GROUP BY entry)
             WHERE {outer} ORDER BY last_seen DESC, entry DESC LIMIT ?"
        );
        let mut query = self.query(&sql);
        for text in [&filter.code, &filter.source].into_iter().flatten() {
            query = query.bind(text);
        }
        if let Some((last_seen, id)) = after {
            query = query.bind(last_seen.micros()).bind(parse_id(id)?);
        }
        let rows =
            query.bind(filter.limit).fetch_all::<EntryRow>().await.map_err(asking("the quarantine"))?;
        rows.into_iter().map(entry).collect()
    }

    /// The reasons that entries have, ordered by name, and how many came since an instant.
    pub async fn quarantine_reasons(&self, since: Instant) -> crate::Result<Vec<ReasonCount>> {
        let rows = self
            .query(
                "SELECT ?fields FROM (
                     SELECT toString(code) AS reason, uniqExact(entry) AS entries,
                            uniqExactIf(entry, received >= fromUnixTimestamp64Micro(?, 'UTC')) AS lately,
                            max(received) AS last_seen
                     FROM quarantine GROUP BY code)
                 ORDER BY reason",
            )
            .bind(since.micros())
            .fetch_all::<ReasonRow>()
            .await
            .map_err(asking("the reasons of the quarantine"))?;
        let count = |row: ReasonRow| ReasonCount {
            code: row.reason,
            entries: row.entries,
            lately: row.lately,
            last_seen: instant(row.last_seen),
        };
        Ok(rows.into_iter().map(count).collect())
    }
}

//! What was not counted: refused, parked, conflicting, too old, misrouted, undecodable.

mod newest;

use clickhouse::Row;
use domain::Instant;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::client::Store;
use crate::error::{Error, asking};
use crate::rows::QuarantineRow;
use crate::usage::instant;

pub use newest::ReasonCount;

/// An event in the quarantine. The same event that came again with the same fault is one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What names it, in 32 hexadecimal digits; it does not change.
    pub id: String,
    /// Which topic it was found on: `usage` for what the aggregator judged, `quarantine` for what collectors refused.
    pub origin: String,
    /// The stable reason.
    pub code: String,
    /// The explanation.
    pub detail: String,
    /// CloudEvents `source`, as far as it can be read.
    pub source: String,
    /// CloudEvents `id`, as far as it can be read and is no personal data.
    pub event_id: String,
    /// How often it came.
    pub times: u64,
    /// When it was first received.
    pub first_seen: Instant,
    /// When it was last received.
    pub last_seen: Instant,
    /// Its bytes; absent where they may hold personal data, and in lists.
    pub event: Option<Vec<u8>>,
}

/// Which entries are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuarantineFilter {
    /// Only this reason.
    pub code: Option<String>,
    /// Only this source.
    pub source: Option<String>,
    /// Only the entries after the one with this id, in the list's order: for paging.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
}

#[derive(Row, Deserialize)]
struct EntryRow {
    entry: u128,
    origin: String,
    code: String,
    detail: String,
    source: String,
    id: String,
    times: u64,
    first_seen: i64,
    last_seen: i64,
    event: Option<String>,
}

/// The same for the same event with the same fault, wherever and whenever it came.
pub(crate) fn entry_of(row: &QuarantineRow) -> u128 {
    let mut hasher = Sha256::new();
    for text in [&row.code, &row.source, &row.id, &row.hash] {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize()[..16]);
    u128::from_be_bytes(first)
}

const ENTRIES: &str = "SELECT entry, any(toString(origin)) AS origin, any(toString(code)) AS code, any(detail) AS detail,
    any(source) AS source, any(id) AS id, count() AS times, min(received) AS first_seen, max(received) AS last_seen,";

impl Store {
    /// The entries, ordered by id, without their bytes.
    pub async fn quarantine(&self, filter: &QuarantineFilter) -> crate::Result<Vec<Entry>> {
        let mut inner = String::from("true");
        for (wanted, condition) in [
            (filter.code.is_some(), " AND code = ?"),
            (filter.source.is_some(), " AND source = ?"),
            (filter.after.is_some(), " AND entry > ?"),
        ] {
            if wanted {
                inner.push_str(condition);
            }
        }
        let sql = format!(
            "SELECT ?fields FROM ({ENTRIES} CAST(NULL AS Nullable(String)) AS event
                 FROM (SELECT * FROM quarantine FINAL WHERE {inner}) GROUP BY entry) ORDER BY entry LIMIT ?"
        );
        let mut query = self.query(&sql);
        for text in [&filter.code, &filter.source].into_iter().flatten() {
            query = query.bind(text);
        }
        if let Some(after) = &filter.after {
            query = query.bind(parse_id(after)?);
        }
        let rows =
            query.bind(filter.limit).fetch_all::<EntryRow>().await.map_err(asking("the quarantine"))?;
        rows.into_iter().map(entry).collect()
    }

    /// One entry with its bytes.
    pub async fn quarantine_entry(&self, id: &str) -> crate::Result<Option<Entry>> {
        let Ok(number) = parse_id(id) else { return Ok(None) };
        let sql = format!(
            "SELECT ?fields FROM ({ENTRIES} any(hex(event)) AS event
                 FROM (SELECT * FROM quarantine FINAL WHERE entry = ?) GROUP BY entry)"
        );
        let row = self
            .query(&sql)
            .bind(number)
            .fetch_optional::<EntryRow>()
            .await
            .map_err(asking("an entry of the quarantine"))?;
        row.map(entry).transpose()
    }

    /// How many entries there are for each reason, ordered by reason.
    pub async fn quarantine_counts(&self) -> crate::Result<Vec<(String, u64)>> {
        self.quarantine_counts_of(&QuarantineFilter::default()).await
    }

    /// How many entries that a filter lets through there are for each reason, ordered by reason. Its place and its limit
    /// do not matter.
    pub async fn quarantine_counts_of(&self, filter: &QuarantineFilter) -> crate::Result<Vec<(String, u64)>> {
        let mut condition = String::from("true");
        for (wanted, more) in
            [(filter.code.is_some(), " AND code = ?"), (filter.source.is_some(), " AND source = ?")]
        {
            if wanted {
                condition.push_str(more);
            }
        }
        let sql = format!(
            "SELECT toString(code), uniqExact(entry) FROM quarantine WHERE {condition} GROUP BY code ORDER BY code"
        );
        let mut query = self.query(&sql);
        for text in [&filter.code, &filter.source].into_iter().flatten() {
            query = query.bind(text);
        }
        query.fetch_all::<(String, u64)>().await.map_err(asking("the size of the quarantine"))
    }
}

fn parse_id(id: &str) -> crate::Result<u128> {
    u128::from_str_radix(id, 16)
        .map_err(|_| Error::Unreadable { what: "id of an entry", value: id.to_owned() })
}

fn entry(row: EntryRow) -> crate::Result<Entry> {
    let unreadable =
        |_| Error::Unreadable { what: "event in the quarantine", value: format!("{:032x}", row.entry) };
    let event = row.event.as_ref().map(|hex| data_encoding::HEXUPPER.decode(hex.as_bytes())).transpose();
    Ok(Entry {
        id: format!("{:032x}", row.entry),
        event: event.map_err(unreadable)?,
        origin: row.origin,
        code: row.code,
        detail: row.detail,
        source: row.source,
        event_id: row.id,
        times: row.times,
        first_seen: instant(row.first_seen),
        last_seen: instant(row.last_seen),
    })
}

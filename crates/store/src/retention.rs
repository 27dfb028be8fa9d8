//! What is kept of each class of rows, how much of it has had its time, and how that is removed.
//!
//! Whatever is removed here is found by its own rows, so an interrupted removal is finished by the next one, and one that is
//! finished finds nothing. Counting keeps all that it needs (counting §5): keys, positions, fingerprints, contributions,
//! `time` and `received` stay until the identity is forgotten.

use chrono::NaiveDate;
use clickhouse::query::Query;
use domain::calendar::start_of_day;
use domain::{Instant, Month};

use crate::client::Store;
use crate::error::asking;
use crate::usage::instant;

mod accounting;

/// What there is of a class, and what of it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// How many rows there are.
    pub rows: u64,
    /// The oldest.
    pub oldest: Option<Instant>,
    /// How many rows are due.
    pub due: u64,
    /// How many bytes of them would go, about, before compression.
    pub due_bytes: u64,
}

/// Rows that would be due, if a month were closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The month that they wait for: that of the usage, or that of their arrival when it is later, because the close after
    /// it bills them.
    pub month: Month,
    /// How many.
    pub rows: u64,
}

/// Whether id and subject are details, too: a revision of an observation or a marker subtracts it by its source, subject,
/// time and id (counting §5), one of a sum by the contribution alone.
const SUMMED: &str = "effect IN ('none', 'sum', 'count')";

/// Whether a row has its details: every event of usage names a customer, and all of them go at once. Markers have none.
const HAS_DETAILS: &str = "customer != ''";

/// Binds a day: what was used, and what came, before it.
const BEFORE: &str = "day < toDate32(?) AND time < fromUnixTimestamp64Micro(?, 'UTC')
    AND received < fromUnixTimestamp64Micro(?, 'UTC')";

fn bind_before(query: Query, before: NaiveDate) -> Query {
    let micros = start_of_day(before).micros();
    query.bind(before.to_string()).bind(micros).bind(micros)
}

impl Store {
    /// The events that have details. Due are those whose usage and arrival both lie before a day.
    pub async fn event_details(&self, before: NaiveDate) -> crate::Result<Kept> {
        let all =
            format!("SELECT count(), toUnixTimestamp64Micro(min(time)) FROM events WHERE {HAS_DETAILS}");
        let due = format!(
            "SELECT count(), sum(length(customer) + length(object) + length(dims)
                                 + if({SUMMED}, length(id) + length(subject), 0))
             FROM events WHERE {HAS_DETAILS} AND {BEFORE}"
        );
        kept(self.query(&all), bind_before(self.query(&due), before), "the details of events").await
    }

    /// Events with details that lie before `wanted`, and not before `granted`.
    pub async fn event_details_held(
        &self,
        wanted: NaiveDate,
        granted: NaiveDate,
    ) -> crate::Result<Vec<Held>> {
        let sql = format!(
            "SELECT toYYYYMM(greatest(day, toDate32(toTimeZone(received, 'Europe/Stockholm')))) AS month, count()
             FROM events WHERE {HAS_DETAILS} AND {BEFORE} AND NOT ({BEFORE}) GROUP BY month ORDER BY month"
        );
        let query = bind_before(bind_before(self.query(&sql), wanted), granted);
        let rows = query.fetch_all::<(u32, u64)>().await.map_err(asking("details that are held back"))?;
        let held = |(month, rows): (u32, u64)| {
            let month = Month::new(i32::try_from(month / 100).ok()?, month % 100)?;
            Some(Held { month, rows })
        };
        Ok(rows.into_iter().filter_map(held).collect())
    }

    /// Blanks the details of the events whose usage and arrival lie before a day. Month by month, so that what was begun is
    /// done; the events stay, and so does everything that they are counted by.
    pub async fn erase_event_details(&self, before: NaiveDate) -> crate::Result<()> {
        let failed = asking("the erasure of events' details");
        let due = format!("{HAS_DETAILS} AND {BEFORE}");
        let sql = format!("SELECT DISTINCT toYYYYMM(time) AS part FROM events WHERE {due} ORDER BY part");
        let parts = bind_before(self.query(&sql), before).fetch_all::<u32>().await.map_err(&failed)?;
        for part in parts {
            let sql = format!(
                "ALTER TABLE events UPDATE id = if({SUMMED}, '', id), subject = if({SUMMED}, '', subject),
                     customer = '', object = '', dims = '' IN PARTITION {part} WHERE {due}"
            );
            self.mutate(bind_before(self.query(&sql), before)).await.map_err(&failed)?;
        }
        Ok(())
    }

    /// The entries of the quarantine that have their event. Due are those that came before an instant.
    pub async fn quarantined_events(&self, before: Instant) -> crate::Result<Kept> {
        let all =
            "SELECT count(), toUnixTimestamp64Micro(min(received)) FROM quarantine WHERE event IS NOT NULL";
        let due = "SELECT count(), sum(toUInt64(ifNull(length(event), 0))) FROM quarantine
                   WHERE event IS NOT NULL AND received < fromUnixTimestamp64Micro(?, 'UTC')";
        let due = self.query(due).bind(before.micros());
        kept(self.query(all), due, "the events in the quarantine").await
    }

    /// Takes the events out of the entries of the quarantine that came before an instant. That they came, and why they were
    /// not counted, stays.
    pub async fn erase_quarantined_events(&self, before: Instant) -> crate::Result<()> {
        let sql = "ALTER TABLE quarantine UPDATE event = NULL
                   WHERE event IS NOT NULL AND received < fromUnixTimestamp64Micro(?, 'UTC')";
        let query = self.query(sql).bind(before.micros());
        self.mutate(query).await.map_err(asking("the erasure of the quarantine's events"))
    }

    /// The identities, and how many are beyond the horizon.
    pub async fn identities_kept(&self, before: Instant) -> crate::Result<Kept> {
        let all = "SELECT count(), toUnixTimestamp64Micro(min(greatest(time, received))) FROM events";
        let (rows, oldest) = there(self.query(all), "identities").await?;
        let due = self.forgettable(before).await?;
        let due_bytes = due.saturating_mul(self.row_bytes("events").await?);
        Ok(Kept { rows, oldest, due, due_bytes })
    }

    /// How many bytes a row of a table has on average, before compression.
    async fn row_bytes(&self, table: &str) -> crate::Result<u64> {
        self.query(
            "SELECT toUInt64(if(sum(rows) = 0, 0, intDiv(sum(data_uncompressed_bytes), sum(rows)))) FROM system.parts
             WHERE database = currentDatabase() AND table = ? AND active",
        )
        .bind(table)
        .fetch_one::<u64>()
        .await
        .map_err(asking("the size of a table"))
    }

    /// Changes rows in place, and answers when all replicas have done so.
    async fn mutate(&self, query: Query) -> clickhouse::error::Result<()> {
        query.with_setting("mutations_sync", "2").execute().await
    }
}

/// Asks how many rows there are and which is the oldest, and then how many are due and how many bytes they have.
async fn kept(all: Query, due: Query, what: &'static str) -> crate::Result<Kept> {
    let (rows, oldest) = there(all, what).await?;
    let (due, due_bytes) = due.fetch_one::<(u64, u64)>().await.map_err(asking(what))?;
    Ok(Kept { rows, oldest, due, due_bytes })
}

/// How many rows there are, and the oldest: it is asked for in microseconds.
async fn there(all: Query, what: &'static str) -> crate::Result<(u64, Option<Instant>)> {
    let (rows, oldest) = all.fetch_one::<(u64, i64)>().await.map_err(asking(what))?;
    Ok((rows, (rows > 0).then(|| instant(oldest))))
}

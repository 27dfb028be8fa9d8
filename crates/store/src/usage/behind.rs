//! Which events made a number.

use std::ops::RangeInclusive;

use chrono::NaiveDate;
use clickhouse::Row;
use clickhouse::query::Query;
use domain::{EventKey, Instant, Month, Quantity};
use serde::Deserialize;

use super::instant;
use crate::client::Store;
use crate::error::asking;
use crate::rows::date_of;

/// Which events are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsBehind {
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The cost centre's code.
    pub costcentre: String,
    /// The class; any without.
    pub class: Option<String>,
    /// The days of the usage, both included.
    pub days: RangeInclusive<NaiveDate>,
    /// Only those behind this one in their order; from the first without.
    pub after: Option<EventPlace>,
    /// At most so many.
    pub limit: u32,
}

/// An event's place in the order of events behind a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPlace {
    /// The day that it counts on.
    pub day: NaiveDate,
    /// CloudEvents `time`.
    pub time: Instant,
    /// Its identity.
    pub key: EventKey,
    /// Which of the lives of its identity: it has another when it comes again after it was forgotten.
    pub life: u64,
}

/// An event that counts: the highest revision of its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedEvent {
    /// Its identity.
    pub key: EventKey,
    /// CloudEvents `source`.
    pub source: String,
    /// CloudEvents `id`.
    pub id: String,
    /// Its revision.
    pub seq: u32,
    /// A pseudonym or an object.
    pub subject: String,
    /// CloudEvents `time`.
    pub time: Instant,
    /// When its collector received it.
    pub received: Instant,
    /// The day that it counts on.
    pub day: NaiveDate,
    /// Its class.
    pub class: String,
    /// How much.
    pub quantity: Quantity,
    /// The customer that the sender claims.
    pub customer: String,
    /// The ordering object, empty without.
    pub object: String,
    /// The dimensions, as a JSON object.
    pub dims: String,
    /// Its place in the log: partition, offset, index in the record.
    pub place: (u32, u64, u32),
    /// Which of the lives of its identity.
    pub life: u64,
}

impl CountedEvent {
    /// Its place among the events behind a number.
    pub fn behind(&self) -> EventPlace {
        EventPlace { day: self.day, time: self.time, key: self.key, life: self.life }
    }
}

/// A source of a service's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOf {
    /// CloudEvents `source`.
    pub source: String,
    /// How many rows it wrote.
    pub rows: u64,
    /// When the last of them was received.
    pub last: Instant,
}

#[derive(Row, Deserialize)]
struct SourceRow {
    source: String,
    rows: u64,
    last: i64,
}

#[derive(Row, Deserialize)]
struct EventRow {
    event_key: u128,
    life: u64,
    source: String,
    id: String,
    seq: u32,
    subject: String,
    time: i64,
    received: i64,
    day: i32,
    class: String,
    quantity: i128,
    customer: String,
    object: String,
    dims: String,
    partition: u32,
    position: u64,
}

impl Store {
    /// The events behind a number, by day and time. Series and snapshots may also be shaped by earlier readings and by
    /// markers, which are not listed. The months in question are scanned, so this is for explaining, not for adding up.
    pub async fn events_behind(&self, wanted: &EventsBehind) -> crate::Result<Vec<CountedEvent>> {
        let after = match wanted.after {
            Some(_) => {
                " AND (day, time, event_key, life) > (toDate32(?), fromUnixTimestamp64Micro(?, 'UTC'), ?, ?)"
            }
            None => "",
        };
        let counting = counting("?fields", wanted);
        let sql = format!(
            "{counting}{after} ORDER BY day, time, event_key, life LIMIT 1 BY event_key, life LIMIT ?"
        );
        let mut query = bound(self.query(&sql), wanted);
        if let Some(after) = wanted.after {
            let EventPlace { day, time, key, life } = after;
            query = query.bind(day.to_string()).bind(time.micros()).bind(key.0).bind(life);
        }
        let rows = query
            .bind(wanted.limit)
            .fetch_all::<EventRow>()
            .await
            .map_err(asking("the events behind a number"))?;
        rows.into_iter().map(counted).collect()
    }

    /// Where a service's events of a month come from: each source with how many rows it wrote (revisions and repeats of an
    /// identity are rows of their own) and when the last was received. The month is scanned.
    pub async fn sources_of(&self, month: Month, service: &str) -> crate::Result<Vec<SourceOf>> {
        let first = month.first_day().to_string();
        let rows = self
            .query(
                "SELECT source, count() AS rows, max(received) AS last FROM events
                 WHERE service = ? AND toYYYYMM(time) = toYYYYMM(toDate32(?)) GROUP BY source ORDER BY source",
            )
            .bind(service)
            .bind(&first)
            .fetch_all::<SourceRow>()
            .await
            .map_err(asking("the sources of a service"))?;
        let source =
            |row: SourceRow| SourceOf { source: row.source, rows: row.rows, last: instant(row.last) };
        Ok(rows.into_iter().map(source).collect())
    }

    /// How many subjects (people, devices, rooms) are behind a number, whatever page of its events is wanted.
    pub async fn subjects_behind(&self, wanted: &EventsBehind) -> crate::Result<u64> {
        let query = self.query(&counting("uniqExact(subject)", wanted));
        bound(query, wanted).fetch_one().await.map_err(asking("the subjects behind a number"))
    }
}

/// Selects something of the events that count. The row of an identity that lies in these days may have been revised away from
/// them, in the same life.
fn counting(what: &str, wanted: &EventsBehind) -> String {
    let class = if wanted.class.is_some() { " AND class = ?" } else { "" };
    format!(
        "WITH found AS (
             SELECT event_key, life, seq FROM events FINAL
             WHERE service = ? AND meter = ? AND costcentre = ?{class} AND retracted = 0
               AND effect IN ('sum', 'count', 'observation', 'subject') AND day BETWEEN toDate32(?) AND toDate32(?)
               AND toYYYYMM(time) BETWEEN toYYYYMM(toDate32(?)) AND toYYYYMM(addDays(toDate32(?), 2)))
         SELECT {what} FROM events FINAL
         WHERE (event_key, life, seq) IN (
                 SELECT event_key, life, max(seq) FROM events WHERE event_key IN (SELECT event_key FROM found)
                 GROUP BY event_key, life)
           AND (event_key, life, seq) IN (SELECT event_key, life, seq FROM found)"
    )
}

/// Binds what [`counting`] asks for.
fn bound(query: Query, wanted: &EventsBehind) -> Query {
    let mut query = query.bind(&wanted.service).bind(&wanted.meter).bind(&wanted.costcentre);
    if let Some(class) = &wanted.class {
        query = query.bind(class);
    }
    let (first, last) = (wanted.days.start().to_string(), wanted.days.end().to_string());
    query.bind(&first).bind(&last).bind(&first).bind(&last)
}

fn counted(row: EventRow) -> crate::Result<CountedEvent> {
    let place = crate::rows::Position(row.position);
    Ok(CountedEvent {
        key: EventKey(row.event_key),
        source: row.source,
        id: row.id,
        seq: row.seq,
        subject: row.subject,
        time: instant(row.time),
        received: instant(row.received),
        day: date_of(row.day)?,
        class: row.class,
        quantity: crate::rows::quantity_of(row.quantity)?,
        customer: row.customer,
        object: row.object,
        dims: row.dims,
        place: (row.partition, place.offset(), place.index()),
        life: row.life,
    })
}

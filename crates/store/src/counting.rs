//! What the aggregator writes, in the order of counting §4, and how it looks identities up again.

use clickhouse::Row;
use domain::{EventKey, Fingerprint, Instant};
use serde::Deserialize;

use crate::client::{EncodedBlock, Store};
use crate::error::asking;
use crate::rows::{Batch, Dictionary, Effect, Position, quantity_of};

mod encode;
mod forget;
mod generations;

pub use forget::forgotten_before;
pub use generations::{Generation, Sealed};

/// How many keys one question asks for: the text of the statement stays far below the server's limit.
pub const KEYS_PER_QUERY_MAX: usize = 4_096;

/// A step of an emission. Each is acknowledged before the next begins; progress comes last, window by window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Identities.
    Events,
    /// Observations.
    Observations,
    /// Markers.
    Snapshots,
    /// Cells.
    Cells,
    /// What was not counted.
    Quarantine,
    /// Marks of collectors.
    Marks,
    /// The progress of the window with this index in the batch.
    Progress(usize),
}

impl Step {
    /// The steps of a batch, in order.
    pub fn all(windows: usize) -> impl Iterator<Item = Step> {
        [Step::Events, Step::Observations, Step::Snapshots, Step::Cells, Step::Quarantine, Step::Marks]
            .into_iter()
            .chain((0..windows).map(Step::Progress))
    }
}

/// A revision of an identity, as it is stored: what is needed to compare with it and to subtract it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The identity.
    pub key: EventKey,
    /// The revision.
    pub seq: u32,
    /// The generation of its position.
    pub generation: u16,
    /// Where it was first seen.
    pub position: Position,
    /// The place of the identity's first revision since it was last forgotten; 0 for rows of the first kind of table.
    pub life: u64,
    /// Its content.
    pub fingerprint: Fingerprint,
    /// What it added.
    pub effect: Effect,
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The cost centre's code.
    pub costcentre: String,
    /// The rating dimensions' values.
    pub class: String,
    /// The series dimensions' values.
    pub series: String,
    /// The day that it counts on, in days since 1970.
    pub day: i32,
    /// How much.
    pub quantity: domain::Quantity,
    /// Whether it takes the event back.
    pub retracted: bool,
    /// A marker's count.
    pub count: u32,
    /// A marker's number of refused observations.
    pub refused: u32,
    /// CloudEvents `source`.
    pub source: String,
    /// CloudEvents `id`.
    pub id: String,
    /// CloudEvents `subject`.
    pub subject: String,
    /// CloudEvents `time`.
    pub time: Instant,
    /// When its collector received it.
    pub received: Instant,
}

#[derive(Row, Deserialize)]
struct IdentityRow {
    event_key: u128,
    seq: u32,
    generation: u16,
    position: u64,
    life: u64,
    fingerprint: u128,
    effect: i8,
    service: String,
    meter: String,
    costcentre: String,
    class: String,
    series: String,
    day: i32,
    quantity: i128,
    retracted: u8,
    count: u32,
    refused: u32,
    source: String,
    id: String,
    subject: String,
    time: i64,
    received: i64,
}

impl Store {
    /// Writes one step of a batch. After a failure it is unknown what is stored, and the same step is written again.
    pub async fn write(&self, step: Step, batch: &Batch, dictionary: &Dictionary) -> crate::Result<()> {
        let (table, block): (&'static str, EncodedBlock) = match step {
            Step::Events => ("events", encode::events(batch, dictionary).into()),
            Step::Observations => ("observations", encode::observations(batch, dictionary).into()),
            Step::Snapshots => ("snapshots", encode::snapshots(batch, dictionary).into()),
            Step::Cells => ("cells", encode::cells(batch, dictionary).into()),
            Step::Quarantine => ("quarantine", encode::quarantine("usage", batch).into()),
            Step::Marks => ("marks", encode::marks(batch).into()),
            Step::Progress(window) => ("progress", encode::progress(batch, window).into()),
        };
        self.insert(table, &block).await
    }

    /// Writes what a collector put on the quarantine topic.
    pub async fn write_quarantine(&self, batch: &Batch) -> crate::Result<()> {
        self.insert("quarantine", &encode::quarantine("quarantine", batch).into()).await
    }

    /// Where the reading of a partition of the quarantine topic goes on, by what the newest generation since `first` has of
    /// it: that is the first generation of the log that is there now.
    pub async fn quarantine_offset(&self, first: u16, partition: u32) -> crate::Result<u64> {
        let last = self
            .query(
                "SELECT max(position) FROM quarantine
                 WHERE origin = 'quarantine' AND generation >= ? AND partition = ?
                 GROUP BY generation ORDER BY generation DESC LIMIT 1",
            )
            .bind(first)
            .bind(partition)
            .fetch_optional::<u64>()
            .await
            .map_err(asking("the place in the quarantine topic"))?;
        Ok(last.map_or(0, |position| Position(position).offset() + 1))
    }

    /// Hands over every stored identity, in any order and maybe several times: for the filters of an owner.
    pub async fn each_key(&self, mut each: impl FnMut(EventKey) + Send) -> crate::Result<()> {
        let failed = asking("identities");
        let mut cursor =
            self.query("SELECT event_key FROM events").fetch_bytes("RowBinary").map_err(&failed)?;
        let mut rest: Vec<u8> = Vec::new();
        while let Some(bytes) = cursor.next().await.map_err(&failed)? {
            // A chunk may end inside a key.
            let bytes = if rest.is_empty() { bytes.as_ref() } else { extend(&mut rest, &bytes) };
            let (keys, tail) = bytes.as_chunks::<16>();
            keys.iter().for_each(|key| each(EventKey(u128::from_le_bytes(*key))));
            rest = tail.to_vec();
        }
        Ok(())
    }

    /// How many rows of identities there are, about: for the size of the filters.
    pub async fn count_keys(&self) -> crate::Result<u64> {
        self.query("SELECT count() FROM events")
            .fetch_one::<u64>()
            .await
            .map_err(asking("the number of identities"))
    }

    /// Every stored revision of these identities, of all generations and lives, in any order.
    ///
    /// PREWHERE is said because FINAL does not find it by itself: else every column of each key's granules is read, which
    /// takes eight times as long.
    pub async fn identities(&self, keys: &[EventKey]) -> crate::Result<Vec<StoredEvent>> {
        let mut found = Vec::new();
        for keys in keys.chunks(KEYS_PER_QUERY_MAX) {
            let bytes: Vec<u8> = keys.iter().flat_map(|key| key.0.to_le_bytes()).collect();
            let rows = self
                .query(
                    "SELECT ?fields FROM events FINAL PREWHERE event_key IN (
                         SELECT arrayJoin(arrayMap(
                             n -> reinterpretAsUInt128(substring(keys, n * 16 + 1, 16)), range(intDiv(length(keys), 16))))
                         FROM (SELECT unhex(?) AS keys))",
                )
                .bind(data_encoding::HEXLOWER.encode(&bytes))
                .fetch_all::<IdentityRow>()
                .await
                .map_err(asking("identities by key"))?;
            for row in rows {
                found.push(stored(row)?);
            }
        }
        Ok(found)
    }
}

fn extend<'r>(rest: &'r mut Vec<u8>, bytes: &[u8]) -> &'r [u8] {
    rest.extend_from_slice(bytes);
    rest
}

fn stored(row: IdentityRow) -> crate::Result<StoredEvent> {
    Ok(StoredEvent {
        key: EventKey(row.event_key),
        seq: row.seq,
        generation: row.generation,
        position: Position(row.position),
        life: row.life,
        fingerprint: Fingerprint(row.fingerprint),
        effect: Effect::from_number(row.effect)?,
        service: row.service,
        meter: row.meter,
        costcentre: row.costcentre,
        class: row.class,
        series: row.series,
        day: row.day,
        quantity: quantity_of(row.quantity)?,
        retracted: row.retracted != 0,
        count: row.count,
        refused: row.refused,
        source: row.source,
        id: row.id,
        subject: row.subject,
        time: Instant::from_micros(row.time),
        received: Instant::from_micros(row.received),
    })
}

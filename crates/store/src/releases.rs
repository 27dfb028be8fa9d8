//! Parked events that wait for the catalogue to know their meter.

use clickhouse::Row;
use serde::Deserialize;

use crate::client::Store;
use crate::error::{Error, asking};
use crate::native::Block;

/// A parked event that was not put on the intake since it was parked last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The entry of the quarantine.
    pub entry: u128,
    /// The place of its newest row, as (generation, position) in one number.
    pub upto: u64,
    /// The generation of that row.
    pub generation: u16,
    /// The offset of that row in the quarantine topic.
    pub offset: u64,
    /// CloudEvents `source`.
    pub source: String,
    /// The event's bytes.
    pub event: Vec<u8>,
}

#[derive(Row, Deserialize)]
struct ParkedRow {
    entry: u128,
    upto: u64,
    source: String,
    event: String,
}

/// How many bits of [`Parked::upto`] are the position's; `store::rows::Position` leaves ten for the generation.
const POSITION_BITS: u32 = 54;
/// How many of those are the index in the record.
const INDEX_BITS: u32 = 12;

impl Store {
    /// Parked events that were not released since they were parked last, in the order of their entries, after the one
    /// with this number: at most so many. `codes` are the reasons that wait for the catalogue.
    pub async fn parked(&self, codes: &[&str], after: u128, limit: u32) -> crate::Result<Vec<Parked>> {
        let rows = self
            .query(
                "SELECT ?fields FROM (
                     SELECT parked.entry AS entry, parked.upto AS upto, source, hex(bytes) AS event
                     FROM (SELECT entry, max(bitOr(bitShiftLeft(toUInt64(generation), 54), position)) AS upto,
                                  any(source) AS source, assumeNotNull(any(event)) AS bytes
                           FROM quarantine FINAL
                           WHERE has(?, toString(code)) AND entry > ? AND event IS NOT NULL GROUP BY entry) AS parked
                     LEFT JOIN (SELECT entry, max(upto) AS upto FROM releases GROUP BY entry) AS released
                     ON parked.entry = released.entry
                     WHERE parked.upto > released.upto)
                 ORDER BY entry LIMIT ?",
            )
            .bind(codes)
            .bind(after)
            .bind(limit)
            .fetch_all::<ParkedRow>()
            .await
            .map_err(asking("parked events"))?;
        rows.into_iter().map(parked).collect()
    }

    /// Says that parked events were put on the intake: (entry, [`Parked::upto`]).
    pub async fn put_releases(&self, released: &[(u128, u64)]) -> crate::Result<()> {
        let mut block = Block::new(released.len());
        block.fixed("entry", "UInt128", released.iter().map(|(entry, _)| entry.to_le_bytes()));
        block.fixed("upto", "UInt64", released.iter().map(|(_, upto)| upto.to_le_bytes()));
        self.insert("releases", &block.into()).await
    }
}

fn parked(row: ParkedRow) -> crate::Result<Parked> {
    let event = data_encoding::HEXUPPER.decode(row.event.as_bytes());
    let unreadable = |_| Error::Unreadable { what: "parked event", value: format!("{:032x}", row.entry) };
    Ok(Parked {
        entry: row.entry,
        upto: row.upto,
        // Ten bits are left.
        generation: (row.upto >> POSITION_BITS) as u16,
        offset: (row.upto & ((1 << POSITION_BITS) - 1)) >> INDEX_BITS,
        source: row.source,
        event: event.map_err(unreadable)?,
    })
}

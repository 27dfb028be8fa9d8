//! Where an accepted event that is not counted was lost: on its way to the log, or between the log and the rows.

use std::collections::{BTreeMap, BTreeSet};

use eventlog::EventLog;
use eventlog::kafka::KafkaLog;
use serde_json::Value;

use crate::world::{PARTITIONS, USAGE, World};

/// Source, id and revision.
type Name = (String, String, u64);

/// How much is read of a partition at once.
const READ_BYTES: usize = 4 << 20;
/// More than so many are not named.
const NAMED_MAX: usize = 20;

/// For each event that has no row: what it is, and where it lies on the log.
pub(crate) fn explain(world: &World, acknowledged: &[Vec<u8>]) -> Vec<String> {
    let stored = match stored(world) {
        Ok(stored) => stored,
        Err(why) => return vec![format!("the rows cannot be read: {why}")],
    };
    let mut missing: BTreeMap<Name, &[u8]> =
        acknowledged.iter().map(|event| (name(event), &event[..])).collect();
    missing.retain(|name, _| !stored.contains(name));
    if missing.is_empty() {
        return vec!["every accepted event has a row".to_owned()];
    }
    let places = match logged(world, &missing) {
        Ok(places) => places,
        Err(why) => {
            return vec![format!("{} events have no row; the log cannot be read: {why}", missing.len())];
        }
    };
    let said = |(name, event): (&Name, &&[u8])| {
        let (nowhere, event) = (Vec::new(), String::from_utf8_lossy(event));
        let places = places.get(name).unwrap_or(&nowhere);
        format!("{name:?} has no row; it is on the log at {places:?}: {event}")
    };
    missing.iter().map(said).take(NAMED_MAX).collect()
}

fn name(event: &[u8]) -> Name {
    let event: Value = serde_json::from_slice(event).unwrap_or_default();
    let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
    (text("source"), text("id"), event["data"]["seq"].as_u64().unwrap_or(0))
}

fn stored(world: &World) -> Result<BTreeSet<Name>, String> {
    let query = "SELECT source, id, seq FROM taxameter.events FINAL FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers=0";
    let text = world.store().query(query, crate::world::PASSWORD)?;
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap_or_default();
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        (text("source"), text("id"), row["seq"].as_u64().unwrap_or(0))
    };
    Ok(text.lines().map(row).collect())
}

/// Where these events lie: partition, offset, collector, epoch and batch of their records.
fn logged(world: &World, wanted: &BTreeMap<Name, &[u8]>) -> Result<BTreeMap<Name, Vec<String>>, String> {
    let said = |error: eventlog::Error| format!("{error:?}");
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let log = KafkaLog::open(world.kafka()).map_err(said)?;
        let mut places = BTreeMap::<Name, Vec<String>>::new();
        for partition in 0..PARTITIONS {
            let mut next = log.start_offset(USAGE, partition).await.map_err(said)?;
            loop {
                let records = log.read(USAGE, partition, next, READ_BYTES).await.map_err(said)?;
                let Some(last) = records.last() else { break };
                next = last.offset + 1;
                for record in &records {
                    let Ok(value) = serde_json::from_slice::<Value>(&record.value) else { continue };
                    let events = value.as_array().cloned().unwrap_or_else(|| vec![value]);
                    for event in events {
                        let name = name(event.to_string().as_bytes());
                        if wanted.contains_key(&name) {
                            let by = record.header.as_ref().map(|header| {
                                format!("{} epoch {} batch {}", header.collector, header.epoch, header.batch)
                            });
                            let place = format!("{partition}/{} by {by:?}", record.offset);
                            places.entry(name).or_default().push(place);
                        }
                    }
                }
            }
        }
        Ok(places)
    })
}

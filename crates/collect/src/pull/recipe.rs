//! What a collector is configured to do, and the turn that comes of it: records → events and markers, nothing sent yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::Datelike;
use domain::Instant;
use domain::catalogue::Catalogue;
use domain::event::{DATASCHEMA, SNAPSHOT_COMPLETED};
use serde::Deserialize;
use serde_json::json;

use super::kept::Seal;
use super::mapping::{Making, Mapping, needed};
use super::place::{Events, Turn};
use super::pseudonym::{KeyError, Keys};
use super::schedule::Schedule;
use super::source::renew::{Kept, Renew, Renewed};
use super::source::{Failure, Nature, Record, Source, System};

/// A collector, as the configuration has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// CloudEvents `source` of its events; registered in the catalogue.
    pub source: String,
    /// When it takes its turns.
    pub schedule: Schedule,
    /// What it gathers from.
    pub from: System,
    /// How records become events: one section for each meter.
    pub event: Vec<Mapping>,
    /// How many records a snapshot has at least. A system that answers with fewer is wrong, or asked wrongly: rather a gap
    /// than a bill of nothing.
    #[serde(default = "one")]
    pub least: u64,
}

fn one() -> u64 {
    1
}

impl Config {
    /// What a catalogue says against it, in words; empty when nothing.
    pub fn check(&self, catalogue: &Catalogue) -> Vec<String> {
        let mut found = Vec::new();
        if !catalogue.sources.contains_key(&self.source) {
            found.push(format!("source {} is not registered in the catalogue (kallor.toml)", self.source));
        }
        if self.event.is_empty() {
            found.push("no [[event]] says what its records are".to_owned());
        }
        let is_stream = self.from.nature() == Nature::Stream;
        for mapping in &self.event {
            let name = format!("{}/{}", mapping.service, mapping.meter);
            if let Some(time) = mapping.time.as_ref().filter(|_| !is_stream) {
                found.push(format!(
                    "{name} takes its time from {time}, and a snapshot is of its turn: leave `time` out"
                ));
            }
            let Some(meter) = catalogue.meter(&mapping.service, &mapping.meter) else {
                found.push(format!("meter {name} is not in the catalogue"));
                continue;
            };
            if meter.event_type.is_none() {
                found.push(format!("meter {name} is of agreements: no event feeds it"));
            }
            let known = |dimension: &String| meter.dimensions.iter().any(|known| known.name == *dimension);
            let unknown = mapping.dimensions.keys().filter(|dimension| !known(dimension));
            found.extend(unknown.map(|dimension| format!("meter {name} has no dimension {dimension}")));
            let rating = meter.dimensions.iter().filter(|dimension| dimension.rating);
            let missing = rating.filter(|dimension| !mapping.dimensions.contains_key(&dimension.name));
            found.extend(
                missing.map(|dimension| format!("the price of {name} depends on {}: map it", dimension.name)),
            );
        }
        found
    }
}

/// Why a turn was not taken.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// The system.
    #[error(transparent)]
    Source(#[from] Failure),
    /// A key of pseudonyms or ids.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The collector's own directory.
    #[error(transparent)]
    Place(#[from] super::place::PlaceError),
    /// The catalogue in force does not have the meter.
    #[error("meter {0} is not in the catalogue")]
    Meter(String),
    /// What was read could not be handed over; it lies on the disk and is handed over next.
    #[error("the events could not be handed over: {0}")]
    Deliver(String),
}

/// A turn that was read.
pub(super) struct Taken {
    pub(super) turn: Turn,
    pub(super) events: Events,
    /// The set that the next turn can go on from.
    pub(super) kept: Option<Kept>,
}

/// A collector that can read turns.
pub struct Recipe {
    pub(super) name: String,
    pub(super) config: Config,
    pub(super) source: Box<dyn Source>,
    pub(super) keys: Keys,
    pub(super) catalogue: Arc<ArcSwap<Catalogue>>,
}

impl std::fmt::Debug for Recipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recipe").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Recipe {
    /// A collector of a name and a configuration.
    ///
    /// # Errors
    /// What is configured of its system and cannot be right.
    pub fn new(
        name: &str,
        config: Config,
        keys: Keys,
        catalogue: Arc<ArcSwap<Catalogue>>,
        clock: fn() -> Instant,
    ) -> Result<Self, Failure> {
        let source = config.from.open(clock)?;
        Ok(Self { name: name.to_owned(), config, source, keys, catalogue })
    }

    /// The events of a turn as JSON, without keeping or sending any: those of a stream from its beginning, and at most one
    /// part of it; those of a snapshot from all of its system, whatever set is kept.
    ///
    /// # Errors
    /// See [`TurnError`].
    pub async fn preview(&self, at: Instant) -> Result<Vec<Vec<u8>>, TurnError> {
        let read = self.source.read(at, None).await?;
        Ok(self.make(at, 1, &read.records)?.1)
    }

    /// The last turn at or before an instant.
    pub fn turn_at(&self, now: Instant) -> Instant {
        self.config.schedule.last(now)
    }

    pub(super) fn is_state(&self) -> bool {
        match self.source.nature() {
            Nature::Snapshot | Nature::History => true,
            Nature::Stream => false,
        }
    }

    /// Reads a turn and makes its events. A source that can goes on from a set that was kept, or is told why there is none.
    pub(super) async fn read(
        &self,
        at: Instant,
        cursor: Option<&str>,
        number: u64,
        kept: Result<Kept, String>,
    ) -> Result<Taken, TurnError> {
        if let Some(source) = self.source.renewing() {
            return self.renew(source, at, number, kept).await;
        }
        let read = self.source.read(at, cursor).await?;
        let (turn, events) = self.make(at, number, &read.records)?;
        Ok(Taken { turn: Turn { cursor: read.cursor, more: read.more, ..turn }, events, kept: None })
    }

    async fn renew(
        &self,
        source: &dyn Renew,
        at: Instant,
        number: u64,
        kept: Result<Kept, String>,
    ) -> Result<Taken, TurnError> {
        let mut renewed = source.renew(at, kept).await?;
        let mut fetched = renewed.fetched;
        let few = renewed.records.len();
        if renewed.why_whole.is_none() && (few as u64) < self.config.least {
            renewed = source.renew(at, Err(format!("changes left {few} records"))).await?;
            fetched += renewed.fetched;
        }
        let Renewed { records, mark, whole_at, why_whole, .. } = renewed;
        let collector = &self.name;
        let needed = |(key, record): (&String, &Record)| (key.clone(), needed(&self.config.event, record));
        let kept = match (mark, why_whole) {
            (Err(why), _) => {
                tracing::info!(collector, fetched, why, "read the whole set, as the next turn will");
                None
            }
            (Ok(mark), why_whole) => {
                if let Some(why) = why_whole {
                    tracing::info!(collector, fetched, why, "read the whole set");
                }
                Some(Kept { mark, whole_at, records: records.iter().map(needed).collect() })
            }
        };
        let records: Vec<Record> = records.into_values().collect();
        let (turn, events) = self.make(at, number, &records)?;
        Ok(Taken { turn: Turn { fetched, ..turn }, events, kept })
    }

    /// What seals the sets that this collector keeps in a turn's year. Its configuration and the form of the program's records
    /// are a part of it: a set of another one is none.
    pub(super) fn seal(&self, at: Instant) -> Result<Seal, KeyError> {
        let year = at.day().year();
        let Self { name, config, .. } = self;
        let of = format!("{} {name} {config:?}", env!("CARGO_PKG_VERSION"));
        Ok(Seal::new(year, self.keys.derived(year, "kept")?, &of))
    }

    /// Makes the events of records.
    fn make(&self, at: Instant, number: u64, records: &[Record]) -> Result<(Turn, Events), TurnError> {
        let count = records.len() as u64;
        if self.is_state() && count < self.config.least {
            let what =
                format!("{count} records came and at least {} were expected (`least`)", self.config.least);
            return Err(Failure::Broken(what).into());
        }
        let catalogue = self.catalogue.load_full();
        let making = Making {
            source: &self.config.source,
            kind: self.config.from.kind(),
            at,
            is_state: self.is_state(),
            catalogue: &catalogue,
            keys: &self.keys,
        };
        let mut events = Vec::new();
        let mut subjects: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for mapping in &self.config.event {
            let meter = catalogue.meter(&mapping.service, &mapping.meter);
            let meter =
                meter.ok_or_else(|| TurnError::Meter(format!("{}/{}", mapping.service, mapping.meter)))?;
            let subjects = subjects.entry((mapping.service.clone(), mapping.meter.clone())).or_default();
            for record in records {
                if let Some(made) = mapping.event(record, meter, &making)? {
                    events.push(made.bytes);
                    subjects.insert(made.subject);
                }
            }
        }
        let completes =
            subjects.into_iter().map(|((service, meter), subjects)| (service, meter, subjects.len() as u64));
        let turn = Turn {
            number,
            at: at.micros(),
            cursor: None,
            more: false,
            records: count,
            fetched: count,
            completes: if self.is_state() { completes.collect() } else { Vec::new() },
            events: events.len() as u64,
        };
        Ok((turn, events))
    }

    /// The marker that completes a snapshot (V13).
    pub(super) fn marker(
        &self,
        turn: &Turn,
        completes: &(String, String, u64),
        refused: u64,
    ) -> Result<Vec<u8>, KeyError> {
        let (service, meter, count) = completes;
        let at = Instant::from_micros(turn.at);
        let id = self.keys.event_id(&["snapshot", service, meter, &at.to_string()])?;
        let marker = json!({
            "specversion": "1.0",
            "id": format!("{}:{id}", at.day()),
            "source": self.config.source,
            "type": SNAPSHOT_COMPLETED,
            "subject": format!("snapshot:{service}/{meter}"),
            "time": at.to_string(),
            "dataschema": DATASCHEMA,
            "data": {
                "service": service, "meter": meter, "day": at.day().to_string(), "count": count, "refused": refused,
            },
        });
        Ok(marker.to_string().into_bytes())
    }
}

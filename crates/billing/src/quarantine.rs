//! quarantine → intake: what was refused or parked is judged once more.
//!
//! Only the intake writes to the usage log, so an entry goes where producers of their own put their events, and a
//! collector forwards it. Whatever is put there twice is the same event twice, which counts once.

use std::time::Duration;

use bytes::Bytes;
use domain::catalogue::Catalogue;
use domain::{Code, Instant};
use eventlog::topic::INTAKE;
use eventlog::{Header, Kind, Record, wire};
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::quarantine::Entry;
use store::releases::Parked;

use crate::biller::Biller;
use crate::control::{Carried, Decision, Handler, REFUSED};
use crate::error::{Error, storing};

/// The action of the control log.
pub(crate) const REPLAY: &str = "quarantine.replay";

/// Who writes to the intake on behalf of the quarantine, in the headers of its records.
const COLLECTOR: &str = "quarantine";

/// How many parked events are read and released at once: at most 64 MiB of them.
const RELEASED_AT_ONCE: u32 = 1_000;

/// How long after a change of the catalogue parked events are looked for again: collectors take it up within two
/// seconds. Then twice as long each time, at most so long.
const LOOK_FIRST: Duration = Duration::from_secs(5);
const LOOK_MAX: Duration = Duration::from_secs(3600);

/// The codes of events that wait for the catalogue.
const PARKED: [&str; 2] = [Code::UnknownService.name(), Code::UnknownMeter.name()];

/// What became of a wish to judge an entry once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// It is on its way to the intake, by the decision with this offset in the control log.
    Replayed {
        /// The offset.
        control: u64,
    },
    /// There is no such entry.
    NotFound,
    /// The event was not kept (whole): it seemed to hold personal data, or was too large.
    NotKept,
}

#[derive(Serialize, Deserialize)]
struct ReplayDecision {
    action: String,
    entry: String,
}

impl Biller {
    /// Sends an entry of the quarantine through the intake again. Doing so twice counts nothing twice.
    ///
    /// # Errors
    /// [`Error::NotInTime`] when nobody carried it out in time; asking again is safe.
    pub async fn replay(&self, entry: &str) -> crate::Result<Replay> {
        let reading = storing("reading an entry of the quarantine");
        match self.store().quarantine_entry(entry).await.map_err(reading)? {
            None => return Ok(Replay::NotFound),
            Some(entry) if kept(&entry).is_none() => return Ok(Replay::NotKept),
            Some(_) => {}
        }
        let decision = ReplayDecision { action: REPLAY.to_owned(), entry: entry.to_owned() };
        let ended = self.decide_and_wait(&decision, format!("replay of {entry}")).await?;
        if ended.outcome == REFUSED {
            return Ok(Replay::NotFound);
        }
        Ok(Replay::Replayed { control: ended.control })
    }

    /// Releases the parked events whose meter a catalogue has: puts them on the intake, where a collector takes them for
    /// what they were, accepted. `control` is the decision that brings it about, if one does. Answers with their number.
    pub(crate) async fn release_parked(
        &self,
        catalogue: &Catalogue,
        control: Option<u64>,
    ) -> crate::Result<usize> {
        let (mut released, mut after) = (0, 0);
        loop {
            let parked = self.store().parked(&PARKED, after, RELEASED_AT_ONCE).await;
            let parked = parked.map_err(storing("reading parked events"))?;
            let Some(last) = parked.last() else { return Ok(released) };
            after = last.entry;
            let known: Vec<&Parked> = parked.iter().filter(|parked| is_known(catalogue, parked)).collect();
            if known.is_empty() {
                continue;
            }
            let now = self.now();
            let records = known.iter().map(|parked| (0, release(parked, control, now))).collect();
            self.append_to_intake(records).await?;
            let done: Vec<(u128, u64)> = known.iter().map(|parked| (parked.entry, parked.upto)).collect();
            self.store().put_releases(&done).await.map_err(storing("recording releases"))?;
            released += known.len();
            tracing::info!(
                events = known.len(),
                "parked events were released: the catalogue has their meter"
            );
        }
    }

    async fn append_to_intake(&self, records: Vec<(u32, Record)>) -> crate::Result<()> {
        let appended = self.log().append_batch(INTAKE, records).await;
        appended
            .map_err(|source| Error::Append { what: "events of the quarantine", source: Box::new(source) })?;
        Ok(())
    }
}

/// Releases parked events besides: a collector that had not seen the new catalogue yet has parked them again, or
/// somebody else parked one just then.
pub(crate) struct Releaser {
    biller: Biller,
    /// When is looked next, how long after that, and for which version of the catalogue.
    next: Mutex<Next>,
}

struct Next {
    at: tokio::time::Instant,
    wait: Duration,
    version: String,
}

impl Releaser {
    pub(crate) fn new(biller: Biller) -> Self {
        let next = Next { at: tokio::time::Instant::now(), wait: LOOK_FIRST, version: String::new() };
        Self { biller, next: Mutex::new(next) }
    }

    /// Looks for parked events that the catalogue knows: soon after it changed, and ever more seldom after that.
    pub(crate) async fn release_if_due(&self) -> crate::Result<()> {
        let catalogue = self.biller.catalogue();
        let now = tokio::time::Instant::now();
        {
            let mut next = self.next.lock();
            if next.version != catalogue.version {
                *next = Next { at: now + LOOK_FIRST, wait: LOOK_FIRST, version: catalogue.version.clone() };
            }
            if now < next.at {
                return Ok(());
            }
            next.wait = (next.wait * 2).min(LOOK_MAX);
            next.at = now + next.wait;
        }
        let reading = storing("reading versions of the catalogue");
        let versions = self.biller.store().catalogue_versions().await.map_err(reading)?;
        let control = versions.last().and_then(|version| version.control);
        self.biller.release_parked(&catalogue, control).await?;
        Ok(())
    }
}

/// Carries out replays.
pub(crate) struct Replayer {
    biller: Biller,
}

impl Handler for Replayer {
    fn carry_out<'a>(&'a self, decision: &'a Decision) -> BoxFuture<'a, crate::Result<Carried>> {
        async move {
            let Some(about) = decision.read::<ReplayDecision>() else {
                return Ok(Carried::refused(json!({ "code": "unreadable" })));
            };
            let reading = storing("reading an entry of the quarantine");
            let entry = self.biller.store().quarantine_entry(&about.entry).await.map_err(reading)?;
            let Some((entry, event)) = entry.and_then(|entry| kept(&entry).map(|event| (entry, event)))
            else {
                return Ok(Carried::refused(json!({ "code": "not_found", "entry": about.entry })));
            };
            let parked = PARKED.contains(&entry.code.as_str());
            let header = header(&entry.source, decision.control, 0, decision.at, parked);
            self.biller.append_to_intake(vec![(0, Record { header, value: event })]).await?;
            Ok(Carried { outcome: "replayed", answer: json!({ "entry": about.entry }) })
        }
        .boxed()
    }
}

impl Replayer {
    pub(crate) fn new(biller: Biller) -> Self {
        Self { biller }
    }
}

/// The bytes of an entry's event, when they were kept whole.
fn kept(entry: &Entry) -> Option<Bytes> {
    let event = entry.event.as_ref().filter(|_| entry.code != Code::EventTooLarge.name())?;
    Some(Bytes::from(event.clone()))
}

fn is_known(catalogue: &Catalogue, parked: &Parked) -> bool {
    wire::decode(&parked.event).is_ok_and(|event| catalogue.meter(event.service(), event.meter()).is_some())
}

/// A record that releases a parked event. Its batch is the place where it was parked, so that the same release made
/// twice has the same number.
fn release(parked: &Parked, control: Option<u64>, now: Instant) -> Record {
    let header = header(&parked.source, control.unwrap_or_default(), parked.offset + 1, now, true);
    Record { header, value: Bytes::from(parked.event.clone()) }
}

fn header(source: &str, epoch: u64, batch: u64, at: Instant, released: bool) -> Header {
    let sources = if source.is_empty() { Vec::new() } else { vec![(source.to_owned(), 1)] };
    Header {
        kind: Kind::Events,
        collector: COLLECTOR.to_owned(),
        epoch,
        batch,
        received: at.micros(),
        sources,
        released,
    }
}

//! A collector at work: turns when they are due, each whole, each once, and again after a pause when one fails.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::Instant;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::deliver::{Deliver, Refused};
use super::metrics::Metrics;
use super::place::{Checkpoint, Place, PlaceError, Turn};
use super::recipe::{Recipe, Taken, TurnError};
use super::source::renew::Kept;
use super::source::{Failure, Nature};
use super::status::Status;

/// How many events are handed over at once.
const CHUNK_EVENTS: usize = 1_000;
/// The first pause after a turn that failed, and the longest; each is twice the last.
const PAUSE_FIRST: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// How long one looks forward at most: the clock may be set meanwhile.
const LOOK_MAX: Duration = Duration::from_secs(60);
/// How far back turns are made up for where a system still knows them: what is older is a gap.
const LOOK_BACK_MICROS: i64 = 31 * 24 * 3_600 * 1_000_000;

/// What a turn came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// Records that the system gave.
    pub records: u64,
    /// Events that were taken, markers included.
    pub accepted: u64,
    /// Events that were refused; they lie in the quarantine with their reasons.
    pub refused: u64,
    /// Entries that the system gave for the records: fewer where only changes were asked for.
    pub fetched: u64,
}

/// A collector at work.
pub struct Puller {
    recipe: Recipe,
    place: Place,
    to: Arc<dyn Deliver>,
    metrics: Metrics,
    status: Arc<Mutex<Status>>,
    /// Whether the source was told of what the checkpoint says since the start.
    is_settled: bool,
}

impl std::fmt::Debug for Puller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Puller").field("recipe", &self.recipe).finish_non_exhaustive()
    }
}

impl Puller {
    /// A collector that keeps its place in a directory of its own.
    ///
    /// # Errors
    /// A directory that another process has, or that cannot be read.
    pub fn open(
        recipe: Recipe,
        directory: impl Into<PathBuf>,
        to: Arc<dyn Deliver>,
        metrics: Metrics,
    ) -> Result<Self, PlaceError> {
        let place = Place::open(directory)?;
        metrics.begin(&recipe.name, place.checkpoint.last_turn());
        let status = Arc::new(Mutex::new(Status::new(&recipe, &place.checkpoint)));
        Ok(Self { recipe, place, to, metrics, status, is_settled: false })
    }

    /// How it stands, for those who ask.
    pub fn status(&self) -> Arc<Mutex<Status>> {
        Arc::clone(&self.status)
    }

    /// The last turn that was sent whole.
    pub fn last_turn(&self) -> Option<Instant> {
        self.place.checkpoint.last_turn()
    }

    /// Takes its turns until told to stop.
    pub async fn run(mut self, clock: fn() -> Instant, mut stop: watch::Receiver<bool>) {
        let mut pause = PAUSE_FIRST;
        while !*stop.borrow() {
            let now = clock();
            let wait = match self.due(now) {
                None => until(now, self.recipe.config.schedule.next(now)).min(LOOK_MAX),
                Some(at) => {
                    let taken = tokio::select! {
                        taken = self.turn(at) => taken,
                        // What is not done is done after the next start.
                        _ = stop.wait_for(|stop| *stop) => return,
                    };
                    match taken {
                        Ok(_) => {
                            pause = PAUSE_FIRST;
                            continue;
                        }
                        Err(TurnError::Source(Failure::Later { after, .. })) => after,
                        Err(_) => {
                            let now = pause;
                            pause = (pause * 2).min(PAUSE_MAX);
                            now
                        }
                    }
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// The turn to take now, if one is due.
    pub(super) fn due(&mut self, now: Instant) -> Option<Instant> {
        let schedule = self.recipe.config.schedule;
        let latest = schedule.last(now);
        let Some(done) = self.place.checkpoint.last_turn() else { return Some(latest) };
        if done >= latest {
            return None;
        }
        let first = schedule.next(done);
        let due = match self.recipe.source.nature() {
            Nature::Stream | Nature::Snapshot => latest,
            Nature::History => {
                first.max(schedule.last(Instant::from_micros(now.micros() - LOOK_BACK_MICROS)))
            }
        };
        if self.recipe.is_state() && due > first && self.status.lock().misses(first) {
            let (collector, from, to) = (&self.recipe.name, first.to_string(), due.to_string());
            tracing::warn!(collector, from, to, "turns were missed: their days are gaps");
            self.metrics.missed(&self.recipe.name);
        }
        Some(due)
    }

    /// Takes a turn: first what is left of an earlier one, then this one with all its parts. A turn that was taken before is
    /// not taken again.
    ///
    /// # Errors
    /// See [`TurnError`]; whatever it is, nothing is lost and the same turn can be taken again.
    pub async fn turn(&mut self, at: Instant) -> Result<Sum, TurnError> {
        self.status.lock().begin(at);
        let taken = self.take(at).await;
        match &taken {
            Ok(sum) => {
                tracing::info!(
                    collector = self.recipe.name,
                    turn = %at,
                    records = sum.records,
                    fetched = sum.fetched,
                    accepted = sum.accepted,
                    refused = sum.refused,
                    "gathered"
                );
                let next = self.recipe.config.schedule.next(at);
                self.metrics.succeeded(&self.recipe.name, at);
                self.status.lock().succeed(&self.place.checkpoint, next);
            }
            Err(error) => {
                let said = error.to_string();
                tracing::warn!(collector = self.recipe.name, turn = %at, error = said, "could not gather");
                self.metrics.failed(&self.recipe.name);
                self.status.lock().fail(said);
            }
        }
        taken
    }

    async fn take(&mut self, at: Instant) -> Result<Sum, TurnError> {
        let mut sum = Sum::default();
        if !self.is_settled {
            self.settle().await?;
            self.is_settled = true;
        }
        loop {
            let (turn, events) = match self.place.pending()? {
                Some(pending) => pending,
                None if self.place.checkpoint.last_turn().is_some_and(|done| done >= at) => return Ok(sum),
                None => {
                    let Checkpoint { cursor, number, .. } = &self.place.checkpoint;
                    let kept = self.kept(at);
                    let Taken { turn, events, kept } =
                        self.recipe.read(at, cursor.as_deref(), number + 1, kept).await?;
                    self.place.begin(&turn, &events)?;
                    self.keep(at, kept.as_ref());
                    (turn, events)
                }
            };
            self.send(&turn, &events, &mut sum).await?;
            self.settle().await?;
        }
    }

    /// The set that a turn can go on from, or why there is none.
    fn kept(&self, at: Instant) -> Result<Kept, String> {
        if self.recipe.source.renewing().is_none() {
            return Err("its system cannot say what has changed".to_owned());
        }
        let sealed = self.place.kept()?;
        self.recipe.seal(at).map_err(|error| error.to_string())?.open(&sealed)
    }

    /// Keeps a set for the next turn. It only saves time, so that a turn does not fail for it.
    fn keep(&self, at: Instant, kept: Option<&Kept>) {
        let sealed = kept.map(|kept| self.recipe.seal(at).map_err(|error| error.to_string())?.close(kept));
        let done = sealed
            .transpose()
            .and_then(|sealed| self.place.keep(sealed.as_deref()).map_err(|error| error.to_string()));
        if let Err(error) = done {
            tracing::warn!(collector = self.recipe.name, error, "the set could not be kept");
        }
    }

    /// Tells the source what is durable.
    async fn settle(&self) -> Result<(), TurnError> {
        match &self.place.checkpoint.cursor {
            Some(cursor) => Ok(self.recipe.source.delivered(cursor).await?),
            None => Ok(()),
        }
    }

    /// Hands a turn over, and moves the checkpoint behind it.
    async fn send(&mut self, turn: &Turn, events: &[Vec<u8>], sum: &mut Sum) -> Result<(), TurnError> {
        let (mut accepted, mut refused_markers) = (0, 0);
        let mut refused: BTreeMap<(String, String), u64> = BTreeMap::new();
        for chunk in events.chunks(CHUNK_EVENTS) {
            let delivered = self.to.deliver(chunk).await.map_err(TurnError::Deliver)?;
            accepted += delivered.accepted as u64;
            for event in delivered.refused {
                self.tell(&event);
                let told = chunk.get(event.index).ok_or_else(|| {
                    TurnError::Deliver(format!(
                        "event {} of {} is said to be refused",
                        event.index,
                        chunk.len()
                    ))
                })?;
                *refused.entry(meter_of(told)).or_default() += 1;
            }
        }
        for completes in &turn.completes {
            let (service, meter, _) = completes;
            let of_meter = refused.get(&(service.clone(), meter.clone())).copied().unwrap_or_default();
            let marker = self.recipe.marker(turn, completes, of_meter)?;
            let delivered = self.to.deliver(&[marker]).await.map_err(TurnError::Deliver)?;
            accepted += delivered.accepted as u64;
            refused_markers += delivered.refused.len() as u64;
            for event in &delivered.refused {
                self.tell(event);
            }
        }
        let refused = refused.values().sum::<u64>() + refused_markers;
        let before = &self.place.checkpoint;
        let checkpoint = Checkpoint {
            number: turn.number,
            turn: if turn.more { before.turn } else { Some(turn.at) },
            cursor: turn.cursor.clone().or_else(|| before.cursor.clone()),
            records: turn.records,
            accepted,
            refused,
            fetched: turn.fetched,
        };
        self.place.end(checkpoint)?;
        self.metrics.counted(&self.recipe.name, turn.fetched, accepted, refused);
        sum.records += turn.records;
        sum.fetched += turn.fetched;
        sum.accepted += accepted;
        sum.refused += refused;
        Ok(())
    }

    fn tell(&self, refused: &Refused) {
        let Refused { code, detail, .. } = refused;
        tracing::warn!(collector = self.recipe.name, code, detail, "an event was refused");
    }
}

/// How long it is from one instant to a later one.
fn until(now: Instant, then: Instant) -> Duration {
    Duration::from_micros(u64::try_from(then.micros() - now.micros()).unwrap_or_default())
}

/// The service and the meter of an event that was made here.
fn meter_of(event: &[u8]) -> (String, String) {
    let event: serde_json::Value = serde_json::from_slice(event).unwrap_or_default();
    let text = |name: &str| event["data"][name].as_str().unwrap_or_default().to_owned();
    (text("service"), text("meter"))
}

//! slices of events → judged → packed into records → durable → an answer for each event

pub(crate) mod arrivals;
mod judge;
mod packer;
mod privacy;
mod quarantine;
mod reroute;
mod waiting;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use domain::catalogue::Catalogue;
use domain::rejection::{Code, Rejection};
use domain::{EventKey, Instant};
use eventlog::{EventLog, wire};
use tokio::sync::watch;

pub use self::arrivals::Arrival;
use self::arrivals::Arrivals;
use self::judge::{Judge, Verdict};
use self::packer::{Packer, Placed};
pub use self::quarantine::Place;
use self::quarantine::{Entry, Origin};
use crate::metrics::Metrics;
use crate::outbox::{Outbox, SpoolConfig};

/// After so many events the worker looks at other requests: a full batch must not hold back a single event.
const EVENTS_BETWEEN_YIELDS: usize = 256;

/// What an intake is told about itself.
#[derive(Clone)]
pub struct Config {
    /// The collector's name in the headers of records (counting §8).
    pub collector: String,
    /// Grows with every start of this collector, so that batch numbers may begin anew.
    pub epoch: u64,
    /// The key of the hashes that stand in the quarantine for events that are not stored. Whoever has it could confirm a
    /// guess, so it is a secret; another key only makes old hashes incomparable with new ones.
    pub hash_key: [u8; 32],
    /// Where events are kept while the log is away; none answers "not now" instead. An embedded log needs none: it stands on
    /// the same disk.
    pub spool: Option<SpoolConfig>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("collector", &self.collector)
            .field("epoch", &self.epoch)
            .field("spool", &self.spool)
            .finish_non_exhaustive()
    }
}

/// On whose behalf events are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Any source may be named: the program runs without keys, on loopback only.
    Anyone,
    /// A sender whose key is registered for these sources (V3).
    Sender(Arc<BTreeSet<String>>),
}

impl Principal {
    fn may_send(&self, source: &str) -> bool {
        match self {
            Principal::Anyone => true,
            Principal::Sender(sources) => sources.contains(source),
        }
    }
}

/// What happens to the right events of a batch that also has wrong ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are accepted.
    Each,
    /// Nothing of the batch is taken, and nothing is kept of it.
    Atomic,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// How many events are durable: on the usage log, or parked in the quarantine. Duplicates are not told apart here.
    pub accepted: usize,
    /// How many of them are parked, because the catalogue does not know their meter yet.
    pub parked: usize,
    /// The others, in the order of the batch.
    pub rejected: Vec<Rejected>,
}

/// An event that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// Its id when it can be read, masked when the event seems to hold personal data.
    pub id: Option<String>,
    /// Why.
    pub rejection: Rejection,
}

/// Nothing of the batch may be called accepted; sending it again later is right, and counts nothing twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// More is on its way to the log than it takes at once.
    #[error("the log is overloaded")]
    Overloaded,
    /// The log is away, and the spool holds as much as it may.
    #[error("the log is not available and the spool is full")]
    SpoolFull,
    /// The log cannot confirm that it has the events.
    #[error("the log is not available")]
    Log,
    /// The log's disk is full, or nearly. It goes on by itself when there is room.
    #[error("the disk of the log is full")]
    LogFull,
    /// A write to the log's disk failed. Only a restart of the program goes on.
    #[error("the disk of the log has failed")]
    LogFailed,
}

/// An event as it came.
#[derive(Debug)]
pub(crate) struct Sent<'e> {
    /// Its own bytes.
    pub(crate) bytes: &'e [u8],
    /// Where it was found, if no request brought it.
    pub(crate) place: Option<Place>,
    /// Whether it was accepted before and comes from the quarantine.
    pub(crate) released: bool,
    /// What is already known to be wrong: the bytes are not one event.
    pub(crate) refused: Option<Rejection>,
}

/// Where events come in, whatever brought them.
pub struct Intake {
    packer: Arc<Packer>,
    outbox: Arc<Outbox>,
    arrivals: Arc<Arrivals>,
    name: String,
    epoch: u64,
    catalogue: Arc<ArcSwap<Catalogue>>,
    hash_key: [u8; 32],
    metrics: Metrics,
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").finish_non_exhaustive()
    }
}

impl Intake {
    /// An intake that writes to a log whose topics exist. The catalogue may be swapped at any time; a batch is judged
    /// by the one that was there when it came. With a spool it starts while the log is away, once it has been there.
    pub async fn start(
        config: Config,
        log: Arc<dyn EventLog>,
        catalogue: Arc<ArcSwap<Catalogue>>,
        metrics: Metrics,
    ) -> Result<Self, eventlog::Error> {
        let (outbox, former) = Outbox::open(log, config.spool.as_ref(), metrics.clone()).await?;
        let outbox = Arc::new(outbox);
        let packer = Arc::new(Packer::new(&config, Arc::clone(&outbox), metrics.queued.clone()));
        for former in former {
            reroute::reroute(former, &packer, &config.hash_key).await?;
        }
        let Config { collector: name, epoch, hash_key, .. } = config;
        Ok(Self { packer, outbox, arrivals: Arc::default(), name, epoch, catalogue, hash_key, metrics })
    }

    /// The catalogue in force.
    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.load_full()
    }

    /// Moves what is in the spool to the log until told to stop.
    pub async fn drain(&self, stop: watch::Receiver<bool>) {
        self.outbox.drain(stop).await;
    }

    /// Whether everything that was called durable is on the log, and nothing waits in the spool.
    pub fn is_spool_empty(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Whether there is a spool, with room for what comes while the log is away.
    pub fn has_spool_room(&self) -> bool {
        self.outbox.has_room()
    }

    /// Stamps events that have come. Who keeps that until they are answered sees to it that no mark runs ahead of them.
    pub fn arrive(&self, clock: fn() -> Instant) -> Arrival {
        self.arrivals.arrive(clock)
    }

    pub(crate) fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The collector's name, and the epoch of this run.
    pub(crate) fn writer(&self) -> (&str, u64) {
        (&self.name, self.epoch)
    }

    /// What is counted here.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Takes a batch of events, each in its own bytes, and answers when all that is accepted is durable and all that is
    /// refused or parked is in the quarantine. `received` is the collector's clock when the batch came.
    pub async fn accept(
        &self,
        events: &[&[u8]],
        received: Instant,
        principal: &Principal,
        mode: Mode,
    ) -> Result<Answer, Unavailable> {
        let sent = events.iter().map(|&bytes| Sent { bytes, place: None, released: false, refused: None });
        let sent: Vec<Sent<'_>> = sent.collect();
        self.take(&sent, received, principal, mode).await
    }

    /// [`Intake::accept`] of events from wherever they come.
    pub(crate) async fn take(
        &self,
        events: &[Sent<'_>],
        received: Instant,
        principal: &Principal,
        mode: Mode,
    ) -> Result<Answer, Unavailable> {
        let begun = tokio::time::Instant::now();
        let judged = self.judge(events, received, principal).await;
        if mode == Mode::Atomic && !judged.rejected.is_empty() {
            self.metrics.count_rejected(&judged.rejected);
            return Ok(Answer { rejected: judged.rejected, ..Answer::default() });
        }
        let entries = judged
            .parked
            .iter()
            .chain(judged.rejected.iter().map(|rejected| (&rejected.index, &rejected.rejection)));
        let entries = entries.map(|(index, rejection)| self.entry(&events[*index], rejection)).collect();
        let answer = Answer {
            accepted: judged.placed.len() + judged.parked.len(),
            parked: judged.parked.len(),
            rejected: judged.rejected,
        };
        let (usage, quarantine) = futures::join!(
            self.packer.append(judged.placed, received),
            self.packer.quarantine(entries, received),
        );
        usage.and(quarantine).inspect_err(|_| self.metrics.unavailable.inc())?;
        self.metrics.count_batch(&answer, judged.unattributed, begun.elapsed());
        Ok(answer)
    }

    async fn judge<'e>(&self, events: &[Sent<'e>], received: Instant, principal: &Principal) -> Judged<'e> {
        let catalogue = self.catalogue.load_full();
        let mut judge = Judge::new(&catalogue, received, principal);
        let mut judged = Judged { placed: Vec::with_capacity(events.len()), ..Judged::default() };
        for (index, sent) in events.iter().enumerate() {
            if index > 0 && index % EVENTS_BETWEEN_YIELDS == 0 {
                tokio::task::yield_now().await;
            }
            let (bytes, released) = (sent.bytes, sent.released);
            let decoded = sent.refused.clone().map_or_else(|| wire::decode(bytes), Err);
            match decoded.and_then(|event| Ok((judge.verdict(&event)?, event))) {
                Ok((Verdict::Parked(reason), _)) => {
                    judged.parked.insert(index, reason);
                }
                Ok((Verdict::Counts { attributed }, event)) => {
                    judged.unattributed += u64::from(!attributed);
                    let partition =
                        EventKey::of(&event.source, &event.id).partition(self.packer.partitions());
                    judged.placed.push(Placed { partition, index, bytes, source: event.source, released });
                }
                Err(rejection) => judged.rejected.push(refuse(index, bytes, rejection)),
            }
        }
        judged
    }

    fn entry(&self, sent: &Sent<'_>, rejection: &Rejection) -> Entry {
        let hint = wire::identity_hint(sent.bytes);
        let (place, released) = (sent.place, sent.released);
        let origin = Origin { source: hint.source, id: hint.id, place, released };
        Entry::new(sent.bytes, rejection, origin, &self.hash_key)
    }
}

/// A batch after every event in it was judged.
#[derive(Default)]
struct Judged<'e> {
    placed: Vec<Placed<'e>>,
    parked: BTreeMap<usize, Rejection>,
    rejected: Vec<Rejected>,
    unattributed: u64,
}

/// A wrong event may hold personal data besides: then that is the reason, and nothing of it is repeated or stored.
fn refuse(index: usize, bytes: &[u8], rejection: Rejection) -> Rejected {
    let rejection = match privacy::find(bytes) {
        Some(found) if rejection.code != Code::PersonalData => Rejection::new(
            Code::PersonalData,
            format!(
                "the event seems to hold {}: send a pseudonym or an object's own number",
                found.in_words()
            ),
        ),
        Some(_) | None => rejection,
    };
    let id = if rejection.code == Code::PersonalData {
        Some(Cow::Borrowed(wire::MASKED))
    } else {
        wire::identity_hint(bytes).id.map(Cow::Owned)
    };
    Rejected { index, id: id.map(Cow::into_owned), rejection }
}

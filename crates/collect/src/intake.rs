//! slices of events → judged → packed into records → durable → an answer for each event

mod judge;
mod packer;
mod privacy;
mod quarantine;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use domain::catalogue::Catalogue;
use domain::rejection::{Code, Rejection};
use domain::{EventKey, Instant};
use eventlog::{EventLog, topic, wire};

use self::judge::{Judge, Verdict};
use self::packer::{Packer, Placed};
use self::quarantine::Entry;
use crate::metrics::Metrics;

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
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("collector", &self.collector)
            .field("epoch", &self.epoch)
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

/// Where events come in, whatever brought them.
pub struct Intake {
    packer: Arc<Packer>,
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
    /// by the one that was there when it came.
    pub async fn start(
        config: Config,
        log: Arc<dyn EventLog>,
        catalogue: Arc<ArcSwap<Catalogue>>,
        metrics: Metrics,
    ) -> Result<Self, eventlog::Error> {
        let partitions = log.topic(topic::USAGE).await?.partitions;
        let hash_key = config.hash_key;
        Ok(Self { packer: Arc::new(Packer::new(config, log, partitions)), catalogue, hash_key, metrics })
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
        let entries = entries.map(|(index, rejection)| self.entry(events[*index], rejection)).collect();
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

    async fn judge<'e>(&self, events: &[&'e [u8]], received: Instant, principal: &Principal) -> Judged<'e> {
        let catalogue = self.catalogue.load_full();
        let mut judge = Judge::new(&catalogue, received, principal);
        let mut judged = Judged { placed: Vec::with_capacity(events.len()), ..Judged::default() };
        for (index, bytes) in events.iter().enumerate() {
            if index > 0 && index % EVENTS_BETWEEN_YIELDS == 0 {
                tokio::task::yield_now().await;
            }
            match wire::decode(bytes).and_then(|event| Ok((judge.verdict(&event)?, event))) {
                Ok((Verdict::Parked(reason), _)) => {
                    judged.parked.insert(index, reason);
                }
                Ok((Verdict::Counts { attributed }, event)) => {
                    judged.unattributed += u64::from(!attributed);
                    let partition =
                        EventKey::of(&event.source, &event.id).partition(self.packer.partitions());
                    judged.placed.push(Placed { partition, index, bytes, source: event.source });
                }
                Err(rejection) => judged.rejected.push(refuse(index, bytes, rejection)),
            }
        }
        judged
    }

    fn entry(&self, bytes: &[u8], rejection: &Rejection) -> Entry {
        let hint = wire::identity_hint(bytes);
        Entry::new(bytes, rejection, hint.source, hint.id, &self.hash_key)
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

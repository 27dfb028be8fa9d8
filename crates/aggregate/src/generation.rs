//! Topics that follow one another: more partitions, a topic made anew, another log, a restore (counting §4).
//!
//! A generation begins only when all of the one before is counted and sealed, so that nothing of it is ever counted again.
//! Identities are looked up in all of them.

use std::time::Duration;

use bytes::Bytes;
use domain::Instant;
use eventlog::{EventLog, Header, Kind, Record, topic};
use store::counting::Generation;
use store::rows::Position;
use tokio::sync::watch;

use crate::aggregator::Aggregator;
use crate::error::Error;
use crate::seam::{Revisions, Rows};

/// The number of the first generation.
const FIRST: u16 = 1;

/// How often it is looked how much is left to count.
const POLL: Duration = Duration::from_millis(200);

/// What of a partition is not counted and sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// The partition.
    pub partition: u32,
    /// The start of the first window that is not sealed.
    pub sealed: u64,
    /// The first offset that was not deleted.
    pub start: u64,
    /// The offset after the partition's last record.
    pub end: u64,
}

impl Left {
    /// Whether records that were not counted are gone.
    pub fn is_lost(&self) -> bool {
        self.sealed < self.start
    }
}

/// What becomes of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How many partitions the topic gets; none leaves them as they are.
    pub partitions: Option<u32>,
    /// Why: for those who read it later.
    pub why: String,
    /// When it was decided.
    pub at: Instant,
    /// Records that were not counted are known to be lost: counting goes on at what is left.
    pub old_log_is_gone: bool,
}

/// The generation of the log's topic. The first topic ever is the first one; another one than the last is refused. To finish
/// a generation, its topic may have more partitions by now.
pub(crate) async fn current<S: Rows>(
    rows: &S,
    log: &dyn EventLog,
    to_finish: bool,
) -> Result<Generation, Error> {
    let topic = log.topic(topic::USAGE).await.map_err(looking)?;
    let found = topic.id.to_string();
    match rows.generations().await?.pop() {
        Some(last) if last.topic == found && last.partitions == topic.partitions => Ok(last),
        Some(last) if last.topic == found && to_finish && last.partitions < topic.partitions => Ok(last),
        Some(last) => Err(Error::OtherTopic {
            stored: last.topic,
            stored_partitions: last.partitions,
            found,
            found_partitions: topic.partitions,
        }),
        None => {
            let first = Generation {
                generation: FIRST,
                topic: found,
                partitions: topic.partitions,
                ..Generation::default()
            };
            rows.put_generation(&first).await?;
            Ok(first)
        }
    }
}

/// The first generation of the log that the last one lies on: other topics of it have not changed since.
pub(crate) async fn first_of_log<S: Rows>(rows: &S) -> store::Result<u16> {
    let generations = rows.generations().await?;
    let Some(last) = generations.last() else { return Ok(FIRST) };
    let of_log = generations.iter().rev().take_while(|generation| generation.topic == last.topic);
    Ok(of_log.last().map_or(FIRST, |generation| generation.generation))
}

/// What of a generation is not counted and sealed up to its end. Empty when the next one may begin. The log must be the one
/// that it lies on.
pub async fn left<S: Rows>(rows: &S, log: &dyn EventLog, last: &Generation) -> Result<Vec<Left>, Error> {
    let mut left = Vec::new();
    for partition in 0..last.partitions {
        let end = log.end_offset(topic::USAGE, partition).await.map_err(looking)?;
        let sealed = rows.sealed(last.generation, partition).await?.upto.max(last.start(partition));
        if sealed < end {
            let start = log.start_offset(topic::USAGE, partition).await.map_err(looking)?;
            left.push(Left { partition, sealed, start, end });
        }
    }
    Ok(left)
}

/// Counts everything that is on the log and seals it, and says how much is left now and then. Nobody may append meanwhile.
/// Partitions that records are gone from are left as they are. Waits as long as the store or the log is away, or a meter is
/// not in the catalogue.
pub async fn count_what_is_left<S: Rows + Revisions>(
    aggregator: Aggregator<S>,
    now: Instant,
    mut say: impl FnMut(&[Left]),
) -> Result<(), Error> {
    let (rows, log) = (aggregator.rows(), aggregator.log());
    let Some(last) = rows.generations().await?.pop() else { return Ok(()) };
    // The end of a window where none begins is nothing, so a partition that is sealed gets no barrier.
    let before = left(&*rows, &*log, &last).await?;
    say(&before);
    if before.iter().all(Left::is_lost) && is_quarantine_copied(&*rows, &*log).await? {
        return Ok(());
    }
    let barriers =
        before.iter().filter(|left| !left.is_lost()).map(|left| (left.partition, barrier(now))).collect();
    log.append_batch(topic::USAGE, barriers)
        .await
        .map_err(|error| Error::Log { operation: "append barriers to", source: error.error })?;
    let (stop, stopped) = watch::channel(false);
    let counting = aggregator.finishing().run(stopped);
    let watching = async {
        loop {
            let left = left(&*rows, &*log, &last).await?;
            say(&left);
            if left.iter().all(Left::is_lost) && is_quarantine_copied(&*rows, &*log).await? {
                stop.send_replace(true);
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::pin!(counting);
    tokio::select! {
        counted = &mut counting => counted,
        watched = watching => {
            stop.send_replace(true);
            counting.await.and(watched)
        }
    }
}

/// Whether what collectors put into the quarantine is in its table, where it is when the log is another one.
async fn is_quarantine_copied<S: Rows>(rows: &S, log: &dyn EventLog) -> Result<bool, Error> {
    let looking =
        |source: eventlog::Error| Error::Log { operation: "look at the quarantine topic beside", source };
    let end = log.end_offset(topic::QUARANTINE, 0).await.map_err(looking)?;
    let copied = rows.quarantine_offset(first_of_log(rows).await?, 0).await?;
    Ok(copied >= end)
}

/// Begins a generation on the log's topic. `old` is the log that the last one lies on: the same, or another that everything
/// was counted of; none when it is gone. Doing it again after it was interrupted is right.
pub async fn begin<S: Rows>(
    rows: &S,
    log: &dyn EventLog,
    old: Option<&dyn EventLog>,
    plan: &Plan,
) -> Result<Generation, Error> {
    let found = log.topic(topic::USAGE).await.map_err(looking)?;
    let last = rows.generations().await?.pop();
    let id = found.id.to_string();
    if let Some(last) = last.as_ref().filter(|last| last.topic == id && last.partitions > found.partitions) {
        grow(log, last.partitions).await?;
        return Ok(last.clone());
    }
    let partitions = plan.partitions.unwrap_or(found.partitions);
    if partitions < found.partitions {
        let (topic, wanted, found) = (found.name, partitions, found.partitions);
        return Err(growing(eventlog::Error::OtherPartitions { topic, wanted, found }));
    }
    let mut starts = Vec::new();
    if let Some(last) = &last {
        let left = match old {
            Some(old) => left(rows, old, last).await?,
            None if plan.old_log_is_gone => Vec::new(),
            None => return Err(Error::OldLogMissing { topic: last.topic.clone() }),
        };
        let is_same = last.topic == id;
        for left in &left {
            // What can still be counted is counted: only what was deleted from under it can be given up.
            if !(plan.old_log_is_gone && left.is_lost()) {
                let Left { partition, sealed, end, .. } = *left;
                return Err(Error::NotCounted { partition, sealed, end });
            }
        }
        if is_same {
            for partition in 0..last.partitions {
                let lost = left.iter().any(|left| left.partition == partition);
                let offset = if lost {
                    log.start_offset(topic::USAGE, partition).await
                } else {
                    log.end_offset(topic::USAGE, partition).await
                };
                starts.push(offset.map_err(looking)?);
            }
        }
    }
    for partition in starts.len() as u32..found.partitions {
        starts.push(log.start_offset(topic::USAGE, partition).await.map_err(looking)?);
    }
    starts.resize(partitions as usize, 0);
    let number = last.map_or(FIRST, |last| last.generation + 1);
    if number >= Position::GENERATION_END {
        return Err(Error::TooManyGenerations);
    }
    let generation = Generation {
        generation: number,
        topic: id,
        partitions,
        starts,
        why: plan.why.clone(),
        begun: plan.at,
    };
    // Once this is there, nothing that the topic gets can be counted into the generation before it.
    rows.put_generation(&generation).await?;
    grow(log, partitions).await?;
    Ok(generation)
}

async fn grow(log: &dyn EventLog, partitions: u32) -> Result<(), Error> {
    log.add_partitions(topic::USAGE, partitions).await.map(drop).map_err(growing)
}

/// The end of a window, for no cut.
pub(crate) fn barrier(now: Instant) -> Record {
    let header = Header {
        kind: Kind::Barrier { control: None },
        collector: "aggregate".to_owned(),
        epoch: 0,
        batch: 0,
        received: now.micros(),
        sources: Vec::new(),
        released: false,
    };
    Record { header, value: Bytes::new() }
}

fn looking(source: eventlog::Error) -> Error {
    Error::Log { operation: "look at", source }
}

fn growing(source: eventlog::Error) -> Error {
    Error::Log { operation: "add partitions to", source }
}

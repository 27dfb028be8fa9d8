//! the intake topic → judged like a request → the usage log or the quarantine → deleted from the intake topic
//!
//! Producers of their own put events there with any key and no header (counting §2). The topic's start is the checkpoint:
//! what was forwarded is deleted, and what a crash or another collector forwards twice is a duplicate. Nothing is
//! skipped: what is wrong goes to the quarantine with its bytes and its place, undecodable values among it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::Instant;
use domain::rejection::{Code, Rejection};
use eventlog::{Delivery, Error, EventLog, Kind, Stored, Subscription, topic, wire};
use tokio::sync::watch;

use crate::intake::{Intake, Mode, Place, Principal, Sent};

/// The group in which collectors share the topic.
const GROUP: &str = "taxameter-intake";

/// How long to wait after a failure of the log.
const PAUSE: Duration = Duration::from_secs(1);

/// What is forwarded is deleted no more often than this: deleting asks the brokers (or tidies the disk up), which takes as
/// long as forwarding some hundred records.
const DELETE_EVERY: Duration = Duration::from_secs(1);

/// Takes events over from the intake topic.
pub struct Forwarder {
    intake: Arc<Intake>,
    log: Arc<dyn EventLog>,
    clock: fn() -> Instant,
}

impl std::fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forwarder").finish_non_exhaustive()
    }
}

/// What was forwarded and not deleted yet.
struct Done {
    /// The offset after the last forwarded record of each partition.
    offsets: BTreeMap<u32, u64>,
    /// When something was last deleted, or tried to be.
    deleted_at: tokio::time::Instant,
}

impl Forwarder {
    /// A forwarder into an intake. The clock is the one that requests are stamped by.
    pub fn new(intake: Arc<Intake>, log: Arc<dyn EventLog>, clock: fn() -> Instant) -> Self {
        Self { intake, log, clock }
    }

    /// Forwards until told to stop. Failures of the log are waited out.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let forwarding = async {
            loop {
                let Err(error) = self.follow().await;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the intake topic cannot be followed; it is tried again"
                );
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::select! {
            () = forwarding => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn follow(&self) -> Result<std::convert::Infallible, Error> {
        let mut subscription = self.log.subscribe(topic::INTAKE, GROUP).await?;
        let mut done = Done { offsets: BTreeMap::new(), deleted_at: tokio::time::Instant::now() };
        loop {
            match subscription.next().await {
                Ok(Delivery::Assigned(partitions)) => {
                    for partition in partitions {
                        self.begin(&mut *subscription, partition).await?;
                    }
                }
                // Another forwards them now. What it forwards once more is a duplicate.
                Ok(Delivery::Revoked(partitions)) => {
                    done.offsets.retain(|partition, _| !partitions.contains(partition));
                }
                Ok(Delivery::Records { partition, records }) => {
                    self.forward(partition, &records).await;
                    if let Some(last) = records.last() {
                        done.offsets.insert(partition, last.offset + 1);
                        subscription.commit_for_monitoring(partition, last.offset + 1);
                    }
                    self.delete(&mut done).await?;
                }
                Ok(Delivery::Idle) => self.delete(&mut done).await?,
                // Another collector deleted what this one was about to read: it has forwarded it.
                Err(Error::BelowLogStart { partition, .. }) => {
                    self.begin(&mut *subscription, partition).await?
                }
                Err(error) if error.is_retriable() => {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "the intake topic cannot be read now"
                    );
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Begins to read at the topic's start, which may move meanwhile.
    async fn begin(&self, subscription: &mut dyn Subscription, partition: u32) -> Result<(), Error> {
        let mut start = self.log.start_offset(topic::INTAKE, partition).await?;
        loop {
            match subscription.seek(partition, start).await {
                Err(Error::BelowLogStart { start: moved, .. }) => start = moved,
                // It was taken away again; whoever has it begins.
                Err(Error::NotAssigned { .. }) => return Ok(()),
                sought => return sought,
            }
        }
    }

    /// Forwards records and returns when what became of them is durable.
    async fn forward(&self, partition: u32, records: &[Stored]) {
        let events: Vec<Sent<'_>> = records.iter().flat_map(|record| sent(partition, record)).collect();
        // A delivery is at most 2 MiB, so this bounds what is under way from here, too.
        loop {
            let arrival = self.intake.arrive(self.clock);
            let taken = self.intake.take(&events, arrival.received(), &Principal::Anyone, Mode::Each).await;
            match taken {
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "events of the intake topic wait for the log"
                    );
                    drop(arrival);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        self.intake.metrics().forwarded.inc_by(records.len() as u64);
    }

    async fn delete(&self, done: &mut Done) -> Result<(), Error> {
        if done.offsets.is_empty() || done.deleted_at.elapsed() < DELETE_EVERY {
            return Ok(());
        }
        done.deleted_at = tokio::time::Instant::now();
        for (partition, offset) in std::mem::take(&mut done.offsets) {
            match self.log.delete_before(topic::INTAKE, partition, offset).await {
                Ok(_) => {}
                Err(error) if error.is_retriable() => {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "forwarded records stay for now"
                    );
                    done.offsets.insert(partition, offset);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The events of a record.
fn sent(partition: u32, record: &Stored) -> Vec<Sent<'_>> {
    // Only what our own quarantine puts back has a header that says so.
    let released = record.header.as_ref().is_ok_and(|header| header.kind == Kind::Events && header.released);
    let place = |index| Some(Place { topic: topic::INTAKE, partition, offset: record.offset, index });
    match wire::split(&record.value) {
        Ok(events) => {
            let events = events.into_iter().enumerate();
            events
                .map(|(index, bytes)| Sent { bytes, place: place(index), released, refused: None })
                .collect()
        }
        Err(error) => {
            let detail = format!("record {} of {}/{partition} is {error}", record.offset, topic::INTAKE);
            let refused = Some(Rejection::new(Code::Undecodable, detail));
            vec![Sent { bytes: &record.value, place: place(0), released, refused }]
        }
    }
}

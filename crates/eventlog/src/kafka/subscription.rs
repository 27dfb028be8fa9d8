//! An owner's partitions through a consumer group.
//!
//! librdkafka runs rebalances only while it is polled, so a thread polls it, whatever the owner does; the owner receives
//! through a bounded channel. While the owner is slow the thread waits for room; when that takes longer than
//! [`HOLD`], it pauses all partitions and polls on, so that rebalances and heartbeats never wait for a slow insert. (It does
//! not pause at once, because librdkafka then fetches again what it had fetched ahead.)
//!
//! A partition that was just assigned is paused until its owner seeks. Records that were under way at a seek carry an older
//! number of the partition's seek and are dropped on arrival.

mod poller;

use super::{Config, settings};
use crate::log::{Delivery, IDLE, Subscription};
use crate::{Error, Result, Stored};
use futures::FutureExt;
use futures::future::BoxFuture;
use poller::Poller;
use rdkafka::consumer::BaseConsumer;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Deliveries under way from the thread to the owner: with [`crate::log::DELIVERY_BYTES_MAX`] this bounds their memory.
const DELIVERIES_MAX: usize = 4;

/// How long the thread waits for a slow owner before it pauses the partitions and polls on.
const HOLD: Duration = Duration::from_secs(1);

/// From the owner to the thread.
#[derive(Debug)]
enum Command {
    Seek { partition: u32, offset: u64, seek: u64, answer: oneshot::Sender<Result<()>> },
    Pause(u32),
    Resume(u32),
    Commit { partition: u32, offset: u64 },
}

/// From the thread to the owner.
#[derive(Debug)]
enum Event {
    Assigned(Vec<u32>),
    Revoked(Vec<u32>),
    /// Records with the number of the seek that they follow.
    Records {
        partition: u32,
        seek: u64,
        records: Vec<Stored>,
    },
    Failed(Error),
}

pub(super) struct KafkaSubscription {
    topic: String,
    commands: mpsc::UnboundedSender<Command>,
    events: mpsc::Receiver<Event>,
    /// The assigned partitions.
    partitions: BTreeMap<u32, Owned>,
    /// Counts all seeks, so that records from before one are known.
    seeks: u64,
}

/// What the owner's side knows of a partition.
#[derive(Default)]
struct Owned {
    seek: u64,
    is_paused: bool,
    /// Records that arrived while it was paused.
    held: VecDeque<Vec<Stored>>,
}

impl KafkaSubscription {
    pub(super) fn new(config: &Config, topic: &str, group: &str) -> Result<Self> {
        let refused = |source: Box<dyn std::error::Error + Send + Sync>| Error::Configuration { source };
        let context = poller::Rebalances::default();
        let consumer: BaseConsumer<poller::Rebalances> = settings::subscriber(config, group)
            .create_with_context(context)
            .map_err(|error| refused(Box::new(error)))?;
        // Unbounded, but the owner asks for one thing at a time.
        let (commands, received) = mpsc::unbounded_channel();
        let (sender, events) = mpsc::channel(DELIVERIES_MAX);
        let poller = Poller::new(consumer, topic, config.request_timeout, received, sender)?;
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new()
            .name(format!("eventlog-{topic}"))
            .spawn(move || poller.run(&runtime))
            .map_err(|error| refused(Box::new(error)))?;
        Ok(Self { topic: topic.to_owned(), commands, events, partitions: BTreeMap::new(), seeks: 0 })
    }

    fn owned(&mut self, partition: u32) -> Result<&mut Owned> {
        let topic = &self.topic;
        self.partitions
            .get_mut(&partition)
            .ok_or_else(|| Error::NotAssigned { topic: topic.clone(), partition })
    }

    /// Tells the thread. When it has ended, the next event says why.
    fn tell(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    /// Records that were held back and may go now.
    fn released(&mut self) -> Option<Delivery> {
        self.partitions.iter_mut().filter(|(_, owned)| !owned.is_paused).find_map(|(partition, owned)| {
            owned.held.pop_front().map(|records| Delivery::Records { partition: *partition, records })
        })
    }

    /// What an event means for the owner; `None` for records that it does not want now.
    fn accept(&mut self, event: Event) -> Result<Option<Delivery>> {
        match event {
            Event::Assigned(partitions) => {
                for partition in &partitions {
                    self.partitions.insert(*partition, Owned::default());
                }
                Ok(Some(Delivery::Assigned(partitions)))
            }
            Event::Revoked(partitions) => {
                for partition in &partitions {
                    self.partitions.remove(partition);
                }
                Ok(Some(Delivery::Revoked(partitions)))
            }
            Event::Records { partition, seek, records } => {
                let Some(owned) = self.partitions.get_mut(&partition).filter(|owned| owned.seek == seek)
                else {
                    return Ok(None);
                };
                if !owned.is_paused {
                    return Ok(Some(Delivery::Records { partition, records }));
                }
                // Only now, because a short pause costs nothing as long as librdkafka does not hear of it.
                if owned.held.is_empty() {
                    let _ = self.commands.send(Command::Pause(partition));
                }
                owned.held.push_back(records);
                Ok(None)
            }
            Event::Failed(error) => Err(error),
        }
    }

    fn ended(&self) -> Error {
        Error::Ended { topic: self.topic.clone(), source: "its thread has stopped".into() }
    }
}

impl Subscription for KafkaSubscription {
    fn next(&mut self) -> BoxFuture<'_, Result<Delivery>> {
        async move {
            let deadline = tokio::time::Instant::now() + IDLE;
            loop {
                if let Some(delivery) = self.released() {
                    return Ok(delivery);
                }
                match tokio::time::timeout_at(deadline, self.events.recv()).await {
                    Err(_) => return Ok(Delivery::Idle),
                    Ok(None) => return Err(self.ended()),
                    Ok(Some(event)) => {
                        if let Some(delivery) = self.accept(event)? {
                            return Ok(delivery);
                        }
                    }
                }
            }
        }
        .boxed()
    }

    fn seek(&mut self, partition: u32, offset: u64) -> BoxFuture<'_, Result<()>> {
        async move {
            self.seeks += 1;
            let seek = self.seeks;
            let owned = self.owned(partition)?;
            let was_held = !owned.held.is_empty();
            owned.seek = seek;
            owned.held.clear();
            if was_held && !owned.is_paused {
                self.tell(Command::Resume(partition));
            }
            let (answer, answered) = oneshot::channel();
            self.tell(Command::Seek { partition, offset, seek, answer });
            answered.await.unwrap_or_else(|_| Err(self.ended()))
        }
        .boxed()
    }

    fn pause(&mut self, partition: u32) -> Result<()> {
        self.owned(partition)?.is_paused = true;
        Ok(())
    }

    fn resume(&mut self, partition: u32) -> Result<()> {
        let owned = self.owned(partition)?;
        let was_paused = std::mem::replace(&mut owned.is_paused, false);
        if was_paused && !owned.held.is_empty() {
            self.tell(Command::Resume(partition));
        }
        Ok(())
    }

    fn commit_for_monitoring(&mut self, partition: u32, offset: u64) {
        self.tell(Command::Commit { partition, offset });
    }
}

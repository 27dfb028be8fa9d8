//! One-shot reads: consumers without a group, lent to one read at a time.

use super::{Config, code, offset, settings, signed, stored};
use crate::{Error, Result, Stored};
use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, ClientContext, TopicPartitionList};
use std::time::{Duration, Instant};

/// More idle consumers than this are let go: each has a connection to every broker that it read from.
const IDLE_MAX: usize = 4;

/// Hears what librdkafka reports beside its answers: that a partition's end was reached, every time, and brokers that are away.
/// Whoever asks learns of both by the answer.
struct Reports;

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "a reader's report");
    }
}

impl ConsumerContext for Reports {}

/// A consumer without a group.
type Reader = BaseConsumer<Reports>;

pub(super) struct Readers {
    settings: ClientConfig,
    idle: Mutex<Vec<Reader>>,
    timeout: Duration,
}

impl Readers {
    pub(super) fn new(config: &Config) -> Result<Self> {
        let readers = Self {
            settings: settings::reader(config),
            idle: Mutex::new(Vec::new()),
            timeout: config.request_timeout,
        };
        let first = readers.consumer()?;
        readers.idle.lock().push(first);
        Ok(readers)
    }

    fn consumer(&self) -> Result<Reader> {
        if let Some(consumer) = self.idle.lock().pop() {
            return Ok(consumer);
        }
        self.settings
            .create_with_context(Reports)
            .map_err(|error: KafkaError| Error::Configuration { source: Box::new(error) })
    }

    /// Lends a consumer. One that failed is not lent again.
    fn with<T>(&self, work: impl FnOnce(&Reader) -> Result<T>) -> Result<T> {
        let consumer = self.consumer()?;
        let done = work(&consumer)?;
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_MAX {
            idle.push(consumer);
        }
        Ok(done)
    }

    /// The partition's start and its end; blocks.
    pub(super) fn ends(&self, topic: &str, partition: u32) -> Result<(u64, u64)> {
        self.with(|consumer| ends(consumer, topic, partition, self.timeout))
    }

    /// Reads up to the end as it was when asked; blocks.
    pub(super) fn read(
        &self,
        topic: &str,
        partition: u32,
        from: u64,
        bytes_max: usize,
    ) -> Result<Vec<Stored>> {
        self.with(|consumer| {
            let ends = ends(consumer, topic, partition, self.timeout)?;
            check_range(topic, partition, from, ends)?;
            if from == ends.1 {
                return Ok(Vec::new());
            }
            let reading = Reading::start(consumer, topic, partition, from)?;
            let mut records = Vec::new();
            let mut bytes = 0;
            let deadline = Instant::now() + self.timeout;
            while bytes < bytes_max {
                let Some(record) = reading.next(deadline)? else { break };
                let is_last = record.offset + 1 >= ends.1;
                bytes += record.bytes();
                records.push(record);
                if is_last {
                    break;
                }
            }
            Ok(records)
        })
    }

    /// Waits for a record at the offset or after it; blocks.
    pub(super) fn wait(&self, topic: &str, partition: u32, beyond: u64, timeout: Duration) -> Result<u64> {
        let deadline = Instant::now() + timeout;
        self.with(|consumer| {
            let (_, mut end) = ends(consumer, topic, partition, self.timeout)?;
            if end > beyond {
                return Ok(end);
            }
            // The broker holds the fetch until something comes, so nothing is asked in vain.
            let reading = Reading::start(consumer, topic, partition, end)?;
            while end <= beyond && Instant::now() < deadline {
                if let Some(record) = reading.next_or_end(deadline)? {
                    end = record.offset + 1;
                }
            }
            Ok(end)
        })
    }
}

pub(super) fn ends<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partition: u32,
    timeout: Duration,
) -> Result<(u64, u64)> {
    let started = Instant::now();
    loop {
        match consumer.fetch_watermarks(topic, signed(partition), timeout) {
            Ok((start, end)) => return Ok((start.unsigned_abs(), end.unsigned_abs())),
            // Its leader is being chosen or has moved, or the broker that was asked does not know the topic yet. Each question
            // is a round trip, so this does not spin.
            Err(error) if is_settling(&error) && started.elapsed() < timeout => {}
            Err(error) => return Err(unavailable("reading a partition's ends", topic, error)),
        }
    }
}

/// Whoever reads knows that the topic is there. A broker that has just started may still not know it, until it has read what
/// the controllers say: on a busy machine that takes longer than an answer may, and it passes.
fn unavailable(operation: &'static str, topic: &str, error: KafkaError) -> Error {
    Error::Unavailable { operation, object: topic.to_owned(), source: Box::new(error) }
}

fn is_settling(error: &KafkaError) -> bool {
    matches!(
        code(error),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
        )
    )
}

pub(super) fn check_range(topic: &str, partition: u32, wanted: u64, (start, end): (u64, u64)) -> Result<()> {
    let topic = || topic.to_owned();
    if wanted < start {
        return Err(Error::BelowLogStart { topic: topic(), partition, wanted, start });
    }
    if wanted > end {
        return Err(Error::BeyondLogEnd { topic: topic(), partition, wanted, end });
    }
    Ok(())
}

/// A consumer that has one partition, until this is dropped.
struct Reading<'a> {
    consumer: &'a Reader,
    topic: &'a str,
    partition: u32,
}

impl<'a> Reading<'a> {
    fn start(consumer: &'a Reader, topic: &'a str, partition: u32, from: u64) -> Result<Self> {
        let refused = |error| unavailable("reading records", topic, error);
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(topic, signed(partition), offset(from)).map_err(refused)?;
        consumer.assign(&assignment).map_err(refused)?;
        Ok(Self { consumer, topic, partition })
    }

    /// The next record; `None` at the partition's end.
    fn next(&self, deadline: Instant) -> Result<Option<Stored>> {
        loop {
            match self.poll(deadline)? {
                Polled::Record(record) => return Ok(Some(record)),
                Polled::End => return Ok(None),
                Polled::Nothing if Instant::now() < deadline => {}
                Polled::Nothing => {
                    let error = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
                    return Err(unavailable("reading records", self.topic, error));
                }
            }
        }
    }

    /// The next record; `None` at the end or when the time is up.
    fn next_or_end(&self, deadline: Instant) -> Result<Option<Stored>> {
        match self.poll(deadline)? {
            Polled::Record(record) => Ok(Some(record)),
            Polled::End | Polled::Nothing => Ok(None),
        }
    }

    fn poll(&self, deadline: Instant) -> Result<Polled> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.consumer.poll(left) {
            None => Ok(Polled::Nothing),
            Some(Ok(message)) if message.partition() == signed(self.partition) => {
                Ok(Polled::Record(stored(&message)))
            }
            Some(Ok(_)) => Ok(Polled::Nothing),
            Some(Err(KafkaError::PartitionEOF(partition))) if partition == signed(self.partition) => {
                Ok(Polled::End)
            }
            Some(Err(KafkaError::PartitionEOF(_))) => Ok(Polled::Nothing),
            Some(Err(error)) if is_passing(&error) => Ok(Polled::Nothing),
            Some(Err(error)) => Err(unavailable("reading records", self.topic, error)),
        }
    }
}

enum Polled {
    Record(Stored),
    End,
    Nothing,
}

/// Errors that librdkafka reports and heals by itself.
pub(super) fn is_passing(error: &KafkaError) -> bool {
    matches!(
        code(error),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
        )
    )
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.consumer.unassign() {
            tracing::warn!(topic = self.topic, %error, "a reader kept its partition");
        }
    }
}

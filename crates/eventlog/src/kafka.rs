//! The log on Apache Kafka, through librdkafka.
//!
//! [`settings`] has every setting with its reason. Appends go through one idempotent producer ([`producer`]); an owner's
//! partitions come through a consumer group with a thread of its own ([`subscription`]); one-shot reads borrow a consumer
//! without a group ([`reader`]); topics are made, judged and cut through the admin API ([`admin`]).

mod admin;
mod describe;
mod producer;
mod reader;
mod settings;
mod subscription;

use crate::{AppendError, Error, EventLog, Finding, Record, Result, Stored, Subscription, Topic, TopicSpec};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::RwLock;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::header::{HEADER_NAME, Header, UnreadableHeader};

/// How the brokers are reached.
#[derive(Clone)]
pub struct Config {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// How this process is named in the brokers' logs and quotas.
    pub client_id: String,
    /// With a name of its own, a member that comes back within its session keeps its partitions (static membership).
    pub group_instance_id: Option<String>,
    /// The copies of each partition of the topics that [`EventLog::ensure_topics`] makes.
    pub replication_factor: u32,
    /// How many copies must have a record before it is confirmed.
    pub min_insync_replicas: u32,
    /// How long an append may take before its outcome is [`Error::Unknown`]. Less than the senders' own timeout.
    pub delivery_timeout: Duration,
    /// How long any other question to a broker may take.
    pub request_timeout: Duration,
    /// The most bytes that may be on their way to the brokers; an append beyond it is [`Error::Overloaded`].
    pub queue_bytes_max: u64,
    /// Further librdkafka properties, for TLS, SASL and what an installation needs. They override all others.
    pub properties: BTreeMap<String, String>,
}

impl Config {
    /// The defaults: three copies of which two confirm, 20 s for an append (an HTTP handler has 30 s), 10 s for anything
    /// else, 128 MiB under way.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            client_id: "taxameter".to_owned(),
            group_instance_id: None,
            replication_factor: 3,
            min_insync_replicas: 2,
            delivery_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(10),
            queue_bytes_max: 128 << 20,
            properties: BTreeMap::new(),
        }
    }
}

impl std::fmt::Debug for Config {
    /// Without the values of the further properties: there are passwords among them.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Config")
            .field("brokers", &self.brokers)
            .field("client_id", &self.client_id)
            .field("replication_factor", &self.replication_factor)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// The log on Kafka. Dropping it waits for what is under way.
pub struct KafkaLog {
    shared: Arc<Shared>,
    producer: producer::Producer,
}

struct Shared {
    config: Config,
    admin: admin::Admin,
    readers: reader::Readers,
    /// Topics that were seen, so that an append asks nobody whether its topic is there.
    topics: RwLock<BTreeMap<String, Topic>>,
}

impl std::fmt::Debug for KafkaLog {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KafkaLog").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

impl KafkaLog {
    /// Makes the clients. Connects in the background: brokers that are away show when something is asked of them.
    pub fn open(config: Config) -> Result<Self> {
        let producer = producer::Producer::new(&config)?;
        let shared = Shared {
            admin: admin::Admin::new(&config)?,
            readers: reader::Readers::new(&config)?,
            topics: RwLock::new(BTreeMap::new()),
            config,
        };
        Ok(Self { shared: Arc::new(shared), producer })
    }
}

impl Shared {
    /// The topic as it is now. One that is known to be there is awaited: the controller knows a topic before every broker
    /// does.
    async fn topic(self: &Arc<Self>, name: &str, is_known: bool) -> Result<Topic> {
        let (shared, owned) = (Arc::clone(self), name.to_owned());
        let topic = blocking(move || shared.admin.describe(&owned, is_known)).await?;
        self.topics.write().insert(name.to_owned(), topic.clone());
        Ok(topic)
    }

    /// The number of partitions, as it was when somebody last asked: it only ever grows.
    async fn partitions(self: &Arc<Self>, name: &str) -> Result<u32> {
        if let Some(topic) = self.topics.read().get(name) {
            return Ok(topic.partitions);
        }
        Ok(self.topic(name, false).await?.partitions)
    }

    async fn check_partition(self: &Arc<Self>, topic: &str, partition: u32) -> Result<()> {
        // It may have got more since then, by another process.
        if partition < self.partitions(topic).await? || partition < self.topic(topic, true).await?.partitions
        {
            Ok(())
        } else {
            Err(Error::UnknownPartition { topic: topic.to_owned(), partition })
        }
    }

    /// Runs a question to the brokers that blocks, on a partition that is there.
    async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        topic: &str,
        partition: u32,
        question: impl FnOnce(&Self, &str) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.check_partition(topic, partition).await?;
        let (shared, topic) = (Arc::clone(self), topic.to_owned());
        blocking(move || question(&shared, &topic)).await
    }
}

/// Runs a call of librdkafka that blocks where it may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // The task is never cancelled, so it panicked: a bug, which must not be hidden.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

impl EventLog for KafkaLog {
    fn ensure_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, Result<Vec<Topic>>> {
        async move {
            self.shared.admin.create(specs, &self.shared.config).await?;
            let mut topics = Vec::with_capacity(specs.len());
            for spec in specs {
                let topic = self.shared.topic(&spec.name, true).await?;
                if topic.partitions != spec.partitions {
                    let (wanted, found) = (spec.partitions, topic.partitions);
                    return Err(Error::OtherPartitions { topic: topic.name, wanted, found });
                }
                topics.push(topic);
            }
            Ok(topics)
        }
        .boxed()
    }

    fn check_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, Result<Vec<Finding>>> {
        async move {
            let mut findings = Vec::new();
            for spec in specs {
                let is_known = self.shared.topics.read().contains_key(&spec.name);
                let (shared, name) = (Arc::clone(&self.shared), spec.name.clone());
                let copies = blocking(move || shared.admin.copies(&name, is_known)).await?;
                findings.extend(self.shared.admin.check(spec, copies, &self.shared.config).await?);
            }
            Ok(findings)
        }
        .boxed()
    }

    fn add_partitions<'a>(&'a self, topic: &'a str, partitions: u32) -> BoxFuture<'a, Result<Topic>> {
        async move {
            let found = self.shared.topic(topic, false).await?;
            if partitions < found.partitions {
                let found = found.partitions;
                return Err(Error::OtherPartitions { topic: topic.to_owned(), wanted: partitions, found });
            }
            if partitions > found.partitions {
                self.shared.admin.add_partitions(topic, partitions).await?;
            }
            // The broker that is asked next may not know of them yet; each question is a round trip.
            let began = Instant::now();
            loop {
                let grown = self.shared.topic(topic, true).await?;
                if grown.partitions >= partitions || began.elapsed() > self.shared.config.request_timeout {
                    self.producer.look_at(topic, self.shared.config.request_timeout).await;
                    return Ok(grown);
                }
            }
        }
        .boxed()
    }

    fn topic<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Topic>> {
        self.shared.topic(topic, false).boxed()
    }

    fn append_batch<'a>(
        &'a self,
        topic: &'a str,
        records: Vec<(u32, Record)>,
    ) -> BoxFuture<'a, Result<Vec<u64>, AppendError>> {
        async move {
            let count = records.len();
            let none_in = |error| AppendError::none_in(topic, count, error);
            if let Some(greatest) = records.iter().map(|(partition, _)| *partition).max() {
                let known = self.shared.topics.read().get(topic).map(|topic| topic.partitions);
                self.shared.check_partition(topic, greatest).await.map_err(none_in)?;
                if known.is_some_and(|known| greatest >= known) {
                    self.producer.look_at(topic, self.shared.config.request_timeout).await;
                }
            }
            let mut headers = Vec::with_capacity(count);
            for (_, record) in &records {
                headers.push(record.encoded_header().map_err(none_in)?);
            }
            self.producer.append(topic, records, headers).await
        }
        .boxed()
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        from: u64,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>>> {
        self.shared
            .ask(topic, partition, move |shared, topic| {
                shared.readers.read(topic, partition, from, bytes_max)
            })
            .boxed()
    }

    fn start_offset<'a>(&'a self, topic: &'a str, partition: u32) -> BoxFuture<'a, Result<u64>> {
        self.shared
            .ask(topic, partition, move |shared, topic| Ok(shared.readers.ends(topic, partition)?.0))
            .boxed()
    }

    fn end_offset<'a>(&'a self, topic: &'a str, partition: u32) -> BoxFuture<'a, Result<u64>> {
        self.shared
            .ask(topic, partition, move |shared, topic| Ok(shared.readers.ends(topic, partition)?.1))
            .boxed()
    }

    fn wait_for_more<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        beyond: u64,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<u64>> {
        self.shared
            .ask(topic, partition, move |shared, topic| {
                shared.readers.wait(topic, partition, beyond, timeout)
            })
            .boxed()
    }

    fn delete_before<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        offset: u64,
    ) -> BoxFuture<'a, Result<u64>> {
        async move {
            let ends = move |shared: &Shared, topic: &str| shared.readers.ends(topic, partition);
            let (start, end) = self.shared.ask(topic, partition, ends).await?;
            if offset > end {
                return Err(Error::BeyondLogEnd { topic: topic.to_owned(), partition, wanted: offset, end });
            }
            if offset > start {
                self.shared.admin.delete_before(topic, partition, offset).await?;
            }
            Ok(start.max(offset))
        }
        .boxed()
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a str,
        group: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>>> {
        async move {
            self.shared.partitions(topic).await?;
            let subscription = subscription::KafkaSubscription::new(&self.shared.config, topic, group)?;
            Ok(Box::new(subscription) as Box<dyn Subscription>)
        }
        .boxed()
    }
}

/// A message of librdkafka as a record. The bytes are copied: the message's memory is its fetch buffer's.
fn stored(message: &BorrowedMessage<'_>) -> Stored {
    let mut ours =
        message.headers().into_iter().flat_map(Headers::iter).filter(|header| header.key == HEADER_NAME);
    let header = match (ours.next(), ours.next()) {
        (None, _) => Err(UnreadableHeader::Missing),
        (Some(header), None) => Header::decode(header.value.unwrap_or_default()),
        (Some(_), Some(_)) => Err(UnreadableHeader::Repeated),
    };
    Stored {
        offset: message.offset().unsigned_abs(),
        timestamp: message.timestamp().to_millis().unwrap_or(0).saturating_mul(1000),
        header,
        key: message.key().map(Bytes::copy_from_slice),
        value: message.payload().map(Bytes::copy_from_slice).unwrap_or_default(),
    }
}

/// The code of an error; the library's own answer leaves out the admin API's.
fn code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    if let KafkaError::AdminOp(code) = error { Some(*code) } else { error.rdkafka_error_code() }
}

/// What a refused question means.
fn failed(operation: &'static str, topic: &str, error: KafkaError) -> Error {
    match code(&error) {
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::UnknownTopicId,
        ) => Error::UnknownTopic { topic: topic.to_owned() },
        Some(_) | None => Error::Unavailable { operation, object: topic.to_owned(), source: Box::new(error) },
    }
}

/// librdkafka counts partitions with a sign; no topic has more than two milliards.
fn signed(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

/// Kafka's offsets with a sign; none is beyond what that holds.
fn offset(offset: u64) -> rdkafka::Offset {
    rdkafka::Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX))
}

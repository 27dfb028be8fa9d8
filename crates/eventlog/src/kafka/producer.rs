//! Appends → one idempotent producer → delivery reports, counted per request.
//!
//! Each record carries a handle of its request through librdkafka and back; the last report of a request answers it. There
//! is no future and no channel per record. Nothing waits for room: a request that would put too much under way is refused
//! before any of its records is taken.

use super::{Config, failed, settings, signed};
use crate::header::HEADER_NAME;
use crate::{AppendError, Error, Outcome, Record, Result};
use parking_lot::{Mutex, RwLock};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

pub(super) struct Producer {
    settings: ClientConfig,
    /// Replaced when librdkafka gives one up: an idempotent producer that met a fatal error stays so.
    client: RwLock<Arc<ThreadedProducer<Reports>>>,
    under_way_bytes: Arc<AtomicU64>,
    queue_bytes_max: u64,
    delivery_timeout: Duration,
}

/// Receives librdkafka's delivery reports, on the producer's own thread.
struct Reports;

/// What is left to be said about a request.
struct Request {
    topic: String,
    left: AtomicUsize,
    result: Mutex<Answer>,
    bytes: u64,
    under_way_bytes: Arc<AtomicU64>,
}

struct Answer {
    outcomes: Vec<Outcome>,
    error: Option<Error>,
    to: Option<oneshot::Sender<Result<Vec<u64>, AppendError>>>,
}

/// One record of a request, on its way through librdkafka.
struct Delivery {
    request: Arc<Request>,
    index: usize,
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Delivery>;

    fn delivery(&self, result: &DeliveryResult<'_>, delivery: Box<Delivery>) {
        let Delivery { request, index } = *delivery;
        match result {
            Ok(message) => request.report(index, Outcome::In(message.offset().unsigned_abs()), None),
            Err((error, _)) => {
                let (outcome, error) = undelivered(&request.topic, error.clone());
                request.report(index, outcome, Some(error));
            }
        }
    }
}

/// What a record's failure means for it.
fn undelivered(topic: &str, error: KafkaError) -> (Outcome, Error) {
    match error.rdkafka_error_code() {
        // The broker (or librdkafka) looked at it and refused.
        Some(
            RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidMessageSize
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::PurgeQueue,
        ) => (Outcome::Out, failed("append", topic, error)),
        // Timed out, or lost in the middle of a request: it may be there.
        Some(_) | None => {
            (Outcome::Unknown, Error::Unknown { topic: topic.to_owned(), source: Box::new(error) })
        }
    }
}

impl Request {
    fn report(&self, index: usize, outcome: Outcome, error: Option<Error>) {
        {
            let mut result = self.result.lock();
            result.outcomes[index] = outcome;
            if result.error.is_none() {
                result.error = error;
            }
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        self.under_way_bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        let mut result = self.result.lock();
        let outcomes = std::mem::take(&mut result.outcomes);
        let answer = match result.error.take() {
            None => Ok(outcomes.iter().filter_map(offset_in).collect()),
            Some(error) => Err(AppendError { topic: self.topic.clone(), outcomes, error }),
        };
        if let Some(to) = result.to.take() {
            // A caller that has gone away does not want to know.
            let _ = to.send(answer);
        }
    }
}

fn offset_in(outcome: &Outcome) -> Option<u64> {
    match outcome {
        Outcome::In(offset) => Some(*offset),
        Outcome::Out | Outcome::Unknown => None,
    }
}

impl Producer {
    pub(super) fn new(config: &Config) -> Result<Self> {
        let settings = settings::producer(config);
        Ok(Self {
            client: RwLock::new(Arc::new(client(&settings)?)),
            settings,
            under_way_bytes: Arc::new(AtomicU64::new(0)),
            queue_bytes_max: config.queue_bytes_max,
            delivery_timeout: config.delivery_timeout,
        })
    }

    /// Looks at a topic that has got more partitions. The client refuses records for one that it does not know, and would
    /// look by itself only after minutes. When nobody answers, it refuses them and the sender tries again.
    pub(super) async fn look_at(&self, topic: &str, timeout: Duration) {
        let (client, owned) = (Arc::clone(&self.client.read()), topic.to_owned());
        let looked =
            super::blocking(move || client.client().fetch_metadata(Some(&owned), timeout).map(drop)).await;
        if let Err(error) = looked {
            tracing::warn!(topic, %error, "the producer could not look at a topic's new partitions");
        }
    }

    /// Appends records with their encoded headers.
    pub(super) async fn append(
        &self,
        topic: &str,
        records: Vec<(u32, Record)>,
        headers: Vec<Vec<u8>>,
    ) -> Result<Vec<u64>, AppendError> {
        let count = records.len();
        if count == 0 {
            return Ok(Vec::new());
        }
        let bytes = records.iter().map(|(_, record)| record.value.len() as u64).sum::<u64>()
            + headers.iter().map(|header| header.len() as u64).sum::<u64>();
        let none_in = |error| AppendError::none_in(topic, count, error);
        let client = self.usable_client().map_err(none_in)?;
        let under_way = self.under_way_bytes.fetch_add(bytes, Ordering::AcqRel);
        if under_way > 0 && under_way + bytes > self.queue_bytes_max {
            self.under_way_bytes.fetch_sub(bytes, Ordering::AcqRel);
            return Err(none_in(Error::Overloaded { bytes: under_way }));
        }
        let (to, answered) = oneshot::channel();
        let request = Arc::new(Request {
            topic: topic.to_owned(),
            // Until it was said, nobody knows of any record.
            result: Mutex::new(Answer { outcomes: vec![Outcome::Unknown; count], error: None, to: Some(to) }),
            left: AtomicUsize::new(count),
            bytes,
            under_way_bytes: Arc::clone(&self.under_way_bytes),
        });
        send(&client, &request, records, headers);
        drop(client);
        match answered.await {
            Ok(result) => result,
            // librdkafka reports every record, at the latest when its time is up; this is its end without a report.
            Err(_) => Err(AppendError {
                topic: topic.to_owned(),
                outcomes: vec![Outcome::Unknown; count],
                error: Error::Unknown { topic: topic.to_owned(), source: "the producer has stopped".into() },
            }),
        }
    }

    /// The client, or a new one when it is of no use any more. What the old one had under way keeps being reported by it.
    fn usable_client(&self) -> Result<Arc<ThreadedProducer<Reports>>> {
        let current = Arc::clone(&self.client.read());
        let Some((code, text)) = current.client().fatal_error() else { return Ok(current) };
        let mut slot = self.client.write();
        if Arc::ptr_eq(&slot, &current) {
            tracing::warn!(%code, error = text, "the producer met a fatal error and is replaced");
            *slot = Arc::new(client(&self.settings)?);
        }
        Ok(Arc::clone(&slot))
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let client = self.client.get_mut();
        if let Err(error) = client.flush(self.delivery_timeout) {
            tracing::warn!(%error, left = client.in_flight_count(), "records were still under way");
        }
    }
}

fn client(settings: &ClientConfig) -> Result<ThreadedProducer<Reports>> {
    settings.create_with_context(Reports).map_err(|error| Error::Configuration { source: Box::new(error) })
}

fn send(
    client: &ThreadedProducer<Reports>,
    request: &Arc<Request>,
    records: Vec<(u32, Record)>,
    headers: Vec<Vec<u8>>,
) {
    for (index, ((partition, record), header)) in records.into_iter().zip(headers).enumerate() {
        let delivery = Box::new(Delivery { request: Arc::clone(request), index });
        let message = BaseRecord::<(), [u8], Box<Delivery>>::with_opaque_to(&request.topic, delivery)
            .partition(signed(partition))
            .headers(
                OwnedHeaders::new_with_capacity(1).insert(Header { key: HEADER_NAME, value: Some(&header) }),
            )
            .payload(&record.value);
        if let Err((error, _)) = client.send(message) {
            // It was not taken, so no report will come: this is it.
            let error = match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) => {
                    Error::Overloaded { bytes: request.under_way_bytes.load(Ordering::Acquire) }
                }
                Some(_) | None => failed("append", &request.topic, error),
            };
            request.report(index, Outcome::Out, Some(error));
        }
    }
}

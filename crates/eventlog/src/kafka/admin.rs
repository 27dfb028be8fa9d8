//! Topics: making them, judging their settings, cutting what was counted.

use super::describe::{Description, describe};
use super::settings::{self, TOPIC_SETTINGS};
use super::{Config, failed, offset, signed};
use crate::{Error, Finding, Result, Topic, TopicSpec};
use rdkafka::TopicPartitionList;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::time::{Duration, Instant};

pub(super) struct Admin {
    client: AdminClient<DefaultClientContext>,
    timeout: Duration,
}

impl Admin {
    pub(super) fn new(config: &Config) -> Result<Self> {
        let client = settings::admin(config)
            .create()
            .map_err(|error: KafkaError| Error::Configuration { source: Box::new(error) })?;
        Ok(Self { client, timeout: config.request_timeout })
    }

    /// An answer must be there in time, and a change must have taken effect.
    fn options(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.timeout)).operation_timeout(Some(self.timeout))
    }

    /// The topic as it is now; blocks. One that is known to be there is awaited.
    pub(super) fn describe(&self, topic: &str, is_known: bool) -> Result<Topic> {
        let Description { id, partitions, .. } = self.describe_settled(topic, is_known)?;
        Ok(Topic { name: topic.to_owned(), partitions, id })
    }

    /// The copies of the topic's partition that has the fewest; blocks. As [`Admin::describe`].
    pub(super) fn copies(&self, topic: &str, is_known: bool) -> Result<u32> {
        Ok(self.describe_settled(topic, is_known)?.copies)
    }

    /// A topic that was just made may not have reached the broker that is asked, or have no leaders yet: then it is asked
    /// again until the time is up. Each question is a round trip, so this does not spin.
    fn describe_settled(&self, topic: &str, is_known: bool) -> Result<Description> {
        let started = Instant::now();
        loop {
            let answer = describe(&self.client, topic, self.timeout);
            let is_settling = match &answer {
                Ok(description) => description.partitions == 0,
                Err(KafkaError::AdminOp(
                    RDKafkaErrorCode::LeaderNotAvailable | RDKafkaErrorCode::NotLeaderForPartition,
                )) => true,
                Err(KafkaError::AdminOp(RDKafkaErrorCode::UnknownTopicOrPartition)) => is_known,
                Err(_) => false,
            };
            if is_settling && started.elapsed() < self.timeout {
                continue;
            }
            let description = answer.map_err(|error| failed("describing a topic", topic, error))?;
            if description.partitions == 0 {
                return Err(Error::UnknownTopic { topic: topic.to_owned() });
            }
            return Ok(description);
        }
    }

    /// Makes the topics that are missing.
    pub(super) async fn create(&self, specs: &[TopicSpec], config: &Config) -> Result<()> {
        let min_insync_replicas = config.min_insync_replicas.to_string();
        let mut topics = Vec::with_capacity(specs.len());
        for spec in specs {
            spec.check()?;
            let copies = TopicReplication::Fixed(signed(config.replication_factor));
            let mut topic = NewTopic::new(&spec.name, signed(spec.partitions), copies)
                .set("min.insync.replicas", &min_insync_replicas);
            for (name, value, _) in TOPIC_SETTINGS {
                topic = topic.set(name, value);
            }
            topics.push(topic);
        }
        if topics.is_empty() {
            return Ok(());
        }
        let names = || specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", ");
        let results = self.client.create_topics(&topics, &self.options()).await;
        for result in results.map_err(|error| failed("making topics", &names(), error))? {
            match result {
                Ok(name) => tracing::info!(topic = name, "made the topic"),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => return Err(failed("making a topic", &name, KafkaError::AdminOp(code))),
            }
        }
        Ok(())
    }

    /// Gives a topic more partitions.
    pub(super) async fn add_partitions(&self, topic: &str, partitions: u32) -> Result<()> {
        let refused = |error| failed("adding partitions", topic, error);
        let asked = [NewPartitions::new(topic, partitions as usize)];
        let results = self.client.create_partitions(&asked, &self.options()).await.map_err(refused)?;
        for result in results {
            result.map_err(|(_, code)| refused(KafkaError::AdminOp(code)))?;
        }
        Ok(())
    }

    /// A topic's settings. A broker that does not know the topic yet answers with none: then it is asked again until the time
    /// is up. Each question is a round trip, so this does not spin.
    async fn settings_of(&self, topic: &str) -> Result<ConfigResource> {
        let refused = |error| failed("reading a topic's settings", topic, error);
        let started = Instant::now();
        loop {
            let asked = [ResourceSpecifier::Topic(topic)];
            let answer = self.client.describe_configs(&asked, &self.options()).await.map_err(refused)?;
            match answer.into_iter().next() {
                Some(Ok(resource)) if !resource.entries.is_empty() => return Ok(resource),
                Some(Err(code)) => return Err(refused(KafkaError::AdminOp(code))),
                Some(Ok(_)) | None if started.elapsed() < self.timeout => {}
                Some(Ok(_)) | None => return Err(Error::UnknownTopic { topic: topic.to_owned() }),
            }
        }
    }

    /// Compares a topic's settings with those that counting.md §2 asks for.
    pub(super) async fn check(&self, spec: &TopicSpec, copies: u32, config: &Config) -> Result<Vec<Finding>> {
        let topic = &spec.name;
        let resource = self.settings_of(topic).await?;
        let value = |name: &str| resource.get(name).and_then(|entry| entry.value.clone()).unwrap_or_default();
        let finding = |setting: &str, found: String, advice: String| Finding {
            topic: topic.clone(),
            setting: setting.to_owned(),
            found,
            advice,
        };
        let mut findings = Vec::new();
        for (name, wanted, why) in TOPIC_SETTINGS {
            let found = value(name);
            if found != wanted {
                findings.push(finding(name, found, format!("set it to {wanted}: {why}")));
            }
        }
        let found = value("min.insync.replicas");
        if found.parse::<u32>().unwrap_or(0) < config.min_insync_replicas {
            let advice =
                format!("set it to {}: fewer copies may be lost with one disk", config.min_insync_replicas);
            findings.push(finding("min.insync.replicas", found, advice));
        }
        if copies < config.replication_factor {
            let advice = format!("give each partition {} copies", config.replication_factor);
            findings.push(finding("replication.factor", copies.to_string(), advice));
        }
        Ok(findings)
    }

    pub(super) async fn delete_before(&self, topic: &str, partition: u32, before: u64) -> Result<()> {
        let refused = |error| failed("deleting records", topic, error);
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(topic, signed(partition), offset(before)).map_err(refused)?;
        let deleted = self.client.delete_records(&offsets, &self.options()).await.map_err(refused)?;
        for element in deleted.elements() {
            element.error().map_err(refused)?;
        }
        Ok(())
    }
}

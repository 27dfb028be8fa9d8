//! What operators do to consumer groups.

use super::Cluster;
use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::time::Duration;

/// How long the group's coordinator may take to notice that its last member is gone.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Cluster {
    /// Deletes a group that nobody is in, with its offsets.
    pub fn delete_group(&self, group: &str) -> KafkaResult<()> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT));
        for result in block_on(admin.delete_groups(&[group], &options))? {
            result.map_err(|(_, code)| KafkaError::AdminOp(code))?;
        }
        Ok(())
    }

    /// Sets the offsets of a group that nobody is in to the beginning of a topic.
    pub fn reset_group(&self, group: &str, topic: &str, partitions: u32) -> KafkaResult<()> {
        let consumer: BaseConsumer = self.client().set("group.id", group).create()?;
        let mut offsets = TopicPartitionList::new();
        for partition in (0..partitions).filter_map(|partition| i32::try_from(partition).ok()) {
            offsets.add_partition_offset(topic, partition, Offset::Offset(0))?;
        }
        consumer.commit(&offsets, CommitMode::Sync)?;
        let committed = consumer.committed_offsets(offsets.clone(), TIMEOUT)?;
        match committed == offsets {
            true => Ok(()),
            false => Err(KafkaError::OffsetFetch(rdkafka::types::RDKafkaErrorCode::NoOffset)),
        }
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.brokers()).set("log_level", "0");
        client
    }
}

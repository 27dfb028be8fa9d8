//! Several programs, or tests, on one Kafka: the same log under names of their own.

use crate::{AppendError, EventLog, Finding, Record, Result, Stored, Subscription, Topic, TopicSpec};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// A log whose topics and groups all begin with a prefix that its users do not see.
pub struct Prefixed {
    inner: Arc<dyn EventLog>,
    prefix: String,
}

impl Prefixed {
    /// The log under a prefix such as `taxameter.`.
    pub fn new(inner: Arc<dyn EventLog>, prefix: impl Into<String>) -> Self {
        Self { inner, prefix: prefix.into() }
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn specs(&self, specs: &[TopicSpec]) -> Vec<TopicSpec> {
        specs.iter().map(|spec| TopicSpec { name: self.name(&spec.name), ..spec.clone() }).collect()
    }

    fn bare(&self, topic: Topic) -> Topic {
        let name = topic.name.strip_prefix(&self.prefix).unwrap_or(&topic.name).to_owned();
        Topic { name, ..topic }
    }
}

impl EventLog for Prefixed {
    fn ensure_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, Result<Vec<Topic>>> {
        async move {
            let topics = self.inner.ensure_topics(&self.specs(specs)).await?;
            Ok(topics.into_iter().map(|topic| self.bare(topic)).collect())
        }
        .boxed()
    }

    fn check_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, Result<Vec<Finding>>> {
        async move { self.inner.check_topics(&self.specs(specs)).await }.boxed()
    }

    fn add_partitions<'a>(&'a self, topic: &'a str, partitions: u32) -> BoxFuture<'a, Result<Topic>> {
        async move { Ok(self.bare(self.inner.add_partitions(&self.name(topic), partitions).await?)) }.boxed()
    }

    fn topic<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Topic>> {
        async move { Ok(self.bare(self.inner.topic(&self.name(topic)).await?)) }.boxed()
    }

    fn append_batch<'a>(
        &'a self,
        topic: &'a str,
        records: Vec<(u32, Record)>,
    ) -> BoxFuture<'a, Result<Vec<u64>, AppendError>> {
        async move { self.inner.append_batch(&self.name(topic), records).await }.boxed()
    }

    fn check_writable(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.check_writable()
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        from: u64,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>>> {
        async move { self.inner.read(&self.name(topic), partition, from, bytes_max).await }.boxed()
    }

    fn start_offset<'a>(&'a self, topic: &'a str, partition: u32) -> BoxFuture<'a, Result<u64>> {
        async move { self.inner.start_offset(&self.name(topic), partition).await }.boxed()
    }

    fn end_offset<'a>(&'a self, topic: &'a str, partition: u32) -> BoxFuture<'a, Result<u64>> {
        async move { self.inner.end_offset(&self.name(topic), partition).await }.boxed()
    }

    fn wait_for_more<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        beyond: u64,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<u64>> {
        async move { self.inner.wait_for_more(&self.name(topic), partition, beyond, timeout).await }.boxed()
    }

    fn delete_before<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        offset: u64,
    ) -> BoxFuture<'a, Result<u64>> {
        async move { self.inner.delete_before(&self.name(topic), partition, offset).await }.boxed()
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a str,
        group: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>>> {
        async move { self.inner.subscribe(&self.name(topic), &self.name(group)).await }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::{Config, EmbeddedLog};

    #[tokio::test]
    async fn users_of_two_prefixes_never_meet() {
        let directory = tempfile::tempdir().unwrap();
        let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(Config::new(directory.path())).unwrap());
        let (one, other) = (Prefixed::new(Arc::clone(&log), "a."), Prefixed::new(log, "b."));
        let specs = TopicSpec::standard(1);
        let (first, second) =
            (one.ensure_topics(&specs).await.unwrap(), other.ensure_topics(&specs).await.unwrap());
        assert_eq!(first[0].name, second[0].name);
        assert_ne!(first[0].id, second[0].id);
        let header = crate::Header {
            kind: crate::Kind::Events,
            collector: "c".to_owned(),
            epoch: 1,
            batch: 1,
            received: 1,
            sources: Vec::new(),
            released: false,
        };
        one.append("usage", 0, vec![Record { header, value: "x".into() }]).await.unwrap();
        assert_eq!(
            (one.end_offset("usage", 0).await.unwrap(), other.end_offset("usage", 0).await.unwrap()),
            (1, 0)
        );
    }
}

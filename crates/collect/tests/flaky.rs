//! A log that fails in every way in which a log can fail, over the embedded one, which keeps what arrived.

use std::sync::Arc;
use std::time::Duration;

use eventlog::embedded::EmbeddedLog;
use eventlog::{
    AppendError, Error, EventLog, Finding, Outcome, Record, Result, Stored, Subscription, Topic, TopicSpec,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;

/// What the log does with an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It takes it.
    Up,
    /// It refuses it, and nothing of it arrives. Nothing else can be asked, either.
    Away,
    /// It says that it has too much to do.
    Overloaded,
    /// It takes it and does not say so.
    Unconfirmed,
    /// It neither takes it nor says so.
    Lost,
    /// It takes the first record and loses the others.
    Halved,
    /// It does nothing until it is asked to do something else.
    Hangs,
}

pub(crate) struct Flaky {
    inner: Arc<EmbeddedLog>,
    how: watch::Sender<How>,
}

impl Flaky {
    pub(crate) fn new(inner: Arc<EmbeddedLog>) -> Arc<Self> {
        Arc::new(Self { inner, how: watch::Sender::new(How::Up) })
    }

    pub(crate) fn turn(&self, how: How) {
        self.how.send_replace(how);
    }

    fn unavailable(&self, topic: &str) -> Result<()> {
        match *self.how.borrow() {
            How::Away => Err(away(topic)),
            How::Up | How::Overloaded | How::Unconfirmed | How::Lost | How::Halved | How::Hangs => Ok(()),
        }
    }
}

fn away(topic: &str) -> Error {
    Error::Unavailable { operation: "test", object: topic.to_owned(), source: "it is away".into() }
}

fn unknown(topic: &str) -> Error {
    Error::Unknown { topic: topic.to_owned(), source: "no answer".into() }
}

impl EventLog for Flaky {
    fn ensure_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, Result<Vec<Topic>>> {
        self.inner.ensure_topics(specs)
    }

    fn check_topics<'a>(&'a self, specs: &'a [TopicSpec]) -> BoxFuture<'a, Result<Vec<Finding>>> {
        self.inner.check_topics(specs)
    }

    fn add_partitions<'a>(&'a self, topic: &'a str, partitions: u32) -> BoxFuture<'a, Result<Topic>> {
        self.inner.add_partitions(topic, partitions)
    }

    fn topic<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Topic>> {
        async move {
            self.unavailable(topic)?;
            self.inner.topic(topic).await
        }
        .boxed()
    }

    fn append_batch<'a>(
        &'a self,
        topic: &'a str,
        mut records: Vec<(u32, Record)>,
    ) -> BoxFuture<'a, Result<Vec<u64>, AppendError>> {
        async move {
            let count = records.len();
            let failed = |outcomes, error| Err(AppendError { topic: topic.to_owned(), outcomes, error });
            let how = *self.how.borrow();
            match how {
                How::Up => self.inner.append_batch(topic, records).await,
                How::Away => failed(vec![Outcome::Out; count], away(topic)),
                How::Overloaded => failed(vec![Outcome::Out; count], Error::Overloaded { bytes: 1 }),
                How::Unconfirmed => {
                    self.inner.append_batch(topic, records).await?;
                    failed(vec![Outcome::Unknown; count], unknown(topic))
                }
                How::Lost => failed(vec![Outcome::Unknown; count], unknown(topic)),
                How::Halved => {
                    records.truncate(1);
                    let offsets = self.inner.append_batch(topic, records).await?;
                    let mut outcomes = vec![Outcome::Unknown; count];
                    outcomes[0] = Outcome::In(offsets[0]);
                    failed(outcomes, unknown(topic))
                }
                How::Hangs => {
                    let _ = self.how.subscribe().wait_for(|how| *how != How::Hangs).await;
                    self.inner.append_batch(topic, records).await
                }
            }
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
        async move {
            self.unavailable(topic)?;
            self.inner.read(topic, partition, from, bytes_max).await
        }
        .boxed()
    }

    fn start_offset<'a>(&'a self, topic: &'a str, partition: u32) -> BoxFuture<'a, Result<u64>> {
        self.inner.start_offset(topic, partition)
    }

    fn end_offset<'a>(&'a self, topic: &'a str, partition: u32) -> BoxFuture<'a, Result<u64>> {
        self.inner.end_offset(topic, partition)
    }

    fn wait_for_more<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        beyond: u64,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<u64>> {
        self.inner.wait_for_more(topic, partition, beyond, timeout)
    }

    fn delete_before<'a>(
        &'a self,
        topic: &'a str,
        partition: u32,
        offset: u64,
    ) -> BoxFuture<'a, Result<u64>> {
        self.inner.delete_before(topic, partition, offset)
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a str,
        group: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Subscription>>> {
        self.inner.subscribe(topic, group)
    }
}

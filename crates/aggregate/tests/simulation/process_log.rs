//! The usage log as a process sees it: its subscription gets partitions when it is told so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventlog::log::IDLE;
use eventlog::{
    AppendError, Delivery, Error, EventLog, Finding, Record, Result, Stored, Subscription, Topic, TopicId,
    TopicSpec, topic,
};
use futures::future::{BoxFuture, FutureExt};

use crate::desk::Desk;

/// What a subscription is told next.
#[derive(Default)]
pub(crate) struct Mailbox(Mutex<VecDeque<Delivery>>);

impl Mailbox {
    pub(crate) fn assign(&self, partitions: Vec<u32>) {
        self.0.lock().unwrap().push_back(Delivery::Assigned(partitions));
    }

    pub(crate) fn revoke(&self, partitions: Vec<u32>) {
        self.0.lock().unwrap().push_back(Delivery::Revoked(partitions));
    }
}

pub(crate) struct ProcessLog {
    desk: Desk,
    mailbox: Arc<Mailbox>,
}

impl ProcessLog {
    pub(crate) fn new(desk: Desk, mailbox: Arc<Mailbox>) -> Self {
        Self { desk, mailbox }
    }

    fn end(&self, name: &str, partition: u32) -> u64 {
        let world = self.desk.world();
        if name == topic::USAGE { world.log.newest()[partition as usize].end() } else { 0 }
    }
}

impl EventLog for ProcessLog {
    fn ensure_topics<'a>(&'a self, _: &'a [TopicSpec]) -> BoxFuture<'a, Result<Vec<Topic>>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn check_topics<'a>(&'a self, _: &'a [TopicSpec]) -> BoxFuture<'a, Result<Vec<Finding>>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn topic<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Topic>> {
        async move {
            self.desk.pause().await;
            let world = self.desk.world();
            let id = TopicId(u128::from(world.log.generation()));
            Ok(Topic { name: name.to_owned(), partitions: world.log.partitions(), id })
        }
        .boxed()
    }

    fn append_batch<'a>(
        &'a self,
        _: &'a str,
        records: Vec<(u32, Record)>,
    ) -> BoxFuture<'a, Result<Vec<u64>, AppendError>> {
        async move {
            self.desk.pause().await;
            let mut world = self.desk.world();
            world.fault("barrier of an owner");
            Ok(records
                .into_iter()
                .map(|(partition, record)| world.append(partition, record.header))
                .collect())
        }
        .boxed()
    }

    fn read<'a>(&'a self, _: &'a str, _: u32, _: u64, _: usize) -> BoxFuture<'a, Result<Vec<Stored>>> {
        // Only the quarantine topic is read, and it is empty.
        async { Ok(Vec::new()) }.boxed()
    }

    fn start_offset<'a>(&'a self, _: &'a str, _: u32) -> BoxFuture<'a, Result<u64>> {
        async { Ok(0) }.boxed()
    }

    fn end_offset<'a>(&'a self, name: &'a str, partition: u32) -> BoxFuture<'a, Result<u64>> {
        async move {
            self.desk.pause().await;
            Ok(self.end(name, partition))
        }
        .boxed()
    }

    fn wait_for_more<'a>(
        &'a self,
        name: &'a str,
        partition: u32,
        _: u64,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<u64>> {
        async move {
            tokio::time::sleep(timeout).await;
            Ok(self.end(name, partition))
        }
        .boxed()
    }

    fn delete_before<'a>(&'a self, _: &'a str, _: u32, _: u64) -> BoxFuture<'a, Result<u64>> {
        async { Ok(0) }.boxed()
    }

    fn subscribe<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Box<dyn Subscription>>> {
        let (desk, mailbox) = (self.desk.clone(), Arc::clone(&self.mailbox));
        let subscription = Reading { desk, mailbox, next: BTreeMap::new(), paused: BTreeSet::new() };
        async move { Ok(Box::new(subscription) as Box<dyn Subscription>) }.boxed()
    }
}

/// A subscription.
struct Reading {
    desk: Desk,
    mailbox: Arc<Mailbox>,
    /// Where to read on, of each partition; none before the owner has chosen.
    next: BTreeMap<u32, Option<u64>>,
    paused: BTreeSet<u32>,
}

impl Reading {
    /// What has happened already.
    fn ready(&mut self) -> Option<Delivery> {
        let told = self.mailbox.0.lock().unwrap().pop_front();
        if let Some(delivery) = told {
            match &delivery {
                Delivery::Assigned(partitions) => {
                    self.next.extend(partitions.iter().map(|partition| (*partition, None)));
                }
                Delivery::Revoked(partitions) => {
                    self.next.retain(|partition, _| !partitions.contains(partition));
                }
                Delivery::Records { .. } | Delivery::Idle => {}
            }
            self.paused.retain(|partition| self.next.get(partition).is_some_and(Option::is_some));
            return Some(delivery);
        }
        let mut world = self.desk.world();
        let some = 1 + world.random.below(6);
        let places = self.next.iter().filter(|(partition, _)| !self.paused.contains(partition));
        let more: Vec<(u32, Vec<Stored>)> = places
            .filter_map(|(partition, from)| {
                let records = world.log.newest()[*partition as usize].from((*from)?).iter().take(some);
                Some((*partition, records.map(|logged| logged.stored.clone()).collect::<Vec<_>>()))
            })
            .filter(|(_, records)| !records.is_empty())
            .collect();
        if more.is_empty() {
            return None;
        }
        let chosen = world.random.below(more.len());
        let (partition, records) = more.into_iter().nth(chosen)?;
        let next = records.last().map(|last| last.offset + 1);
        self.next.insert(partition, next);
        Some(Delivery::Records { partition, records })
    }
}

impl Subscription for Reading {
    fn next(&mut self) -> BoxFuture<'_, Result<Delivery>> {
        async move {
            self.desk.pause().await;
            if let Some(delivery) = self.ready() {
                return Ok(delivery);
            }
            tokio::time::sleep(IDLE).await;
            Ok(self.ready().unwrap_or(Delivery::Idle))
        }
        .boxed()
    }

    fn seek(&mut self, partition: u32, offset: u64) -> BoxFuture<'_, Result<()>> {
        async move {
            match self.next.get_mut(&partition) {
                Some(next) => {
                    *next = Some(offset);
                    Ok(())
                }
                None => Err(Error::NotAssigned { topic: topic::USAGE.to_owned(), partition }),
            }
        }
        .boxed()
    }

    fn pause(&mut self, partition: u32) -> Result<()> {
        self.paused.insert(partition);
        self.desk.world().fault("partition paused");
        Ok(())
    }

    fn resume(&mut self, partition: u32) -> Result<()> {
        self.paused.remove(&partition);
        Ok(())
    }

    fn commit_for_monitoring(&mut self, _: u32, _: u64) {}
}

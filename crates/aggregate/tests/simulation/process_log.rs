//! The usage log as a process sees it: its subscription gets partitions when it is told so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventlog::log::IDLE;
use eventlog::{
    AppendError, Delivery, Error, EventLog, Finding, Record, Result, Stored, Subscription, Topic, TopicSpec,
    topic,
};
use futures::future::{BoxFuture, FutureExt};

use crate::desk::Desk;
use crate::log::Partition;

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
    /// The generation whose topic it is; none for the newest.
    of: Option<u16>,
}

impl ProcessLog {
    pub(crate) fn new(desk: Desk, mailbox: Arc<Mailbox>) -> Self {
        Self { desk, mailbox, of: None }
    }

    /// The topic of a generation.
    pub(crate) fn of_generation(desk: Desk, generation: u16) -> Self {
        Self { desk, mailbox: Arc::default(), of: Some(generation) }
    }

    fn ask<T>(&self, name: &str, partition: u32, ask: impl Fn(&Partition) -> T) -> T {
        let world = self.desk.world();
        let of = world.log.of(self.of.unwrap_or_else(|| world.log.generation()));
        let nothing = Partition::default();
        ask(if name == topic::USAGE { &of[partition as usize] } else { &nothing })
    }
}

impl EventLog for ProcessLog {
    fn ensure_topics<'a>(&'a self, _: &'a [TopicSpec]) -> BoxFuture<'a, Result<Vec<Topic>>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn check_topics<'a>(&'a self, _: &'a [TopicSpec]) -> BoxFuture<'a, Result<Vec<Finding>>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn add_partitions<'a>(&'a self, name: &'a str, partitions: u32) -> BoxFuture<'a, Result<Topic>> {
        async move {
            self.desk.pause().await;
            if partitions > self.desk.world().log.partitions() {
                self.desk.world().log.add_partitions(partitions);
            }
            self.topic(name).await
        }
        .boxed()
    }

    fn topic<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Topic>> {
        async move {
            self.desk.pause().await;
            let world = self.desk.world();
            let generation = self.of.unwrap_or_else(|| world.log.generation());
            let id = world.log.generations[usize::from(generation) - 1].topic;
            let partitions = world.log.of(generation).len() as u32;
            Ok(Topic { name: name.to_owned(), partitions, id })
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

    fn read<'a>(
        &'a self,
        name: &'a str,
        partition: u32,
        from: u64,
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>>> {
        async move {
            self.desk.pause().await;
            self.ask(name, partition, |of| {
                is_there(of, partition, from)?;
                Ok(of.from(from).iter().take(3).map(|logged| logged.stored.clone()).collect())
            })
        }
        .boxed()
    }

    fn start_offset<'a>(&'a self, name: &'a str, partition: u32) -> BoxFuture<'a, Result<u64>> {
        async move { Ok(self.ask(name, partition, |of| of.deleted)) }.boxed()
    }

    fn end_offset<'a>(&'a self, name: &'a str, partition: u32) -> BoxFuture<'a, Result<u64>> {
        async move {
            self.desk.pause().await;
            Ok(self.ask(name, partition, Partition::end))
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
            Ok(self.ask(name, partition, Partition::end))
        }
        .boxed()
    }

    fn delete_before<'a>(&'a self, _: &'a str, partition: u32, offset: u64) -> BoxFuture<'a, Result<u64>> {
        async move {
            self.desk.pause().await;
            let mut world = self.desk.world();
            world.fault("old records deleted");
            let of = &mut world.log.newest_mut()[partition as usize];
            of.deleted = offset.max(of.deleted);
            Ok(of.deleted)
        }
        .boxed()
    }

    fn subscribe<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Box<dyn Subscription>>> {
        let (desk, mailbox) = (self.desk.clone(), Arc::clone(&self.mailbox));
        let subscription = Reading { desk, mailbox, next: BTreeMap::new(), paused: BTreeSet::new() };
        async move { Ok(Box::new(subscription) as Box<dyn Subscription>) }.boxed()
    }
}

/// Nothing is read that was deleted.
fn is_there(of: &Partition, partition: u32, wanted: u64) -> Result<()> {
    match wanted < of.deleted {
        true => {
            Err(Error::BelowLogStart { topic: topic::USAGE.to_owned(), partition, wanted, start: of.deleted })
        }
        false => Ok(()),
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
            is_there(&self.desk.world().log.newest()[partition as usize], partition, offset)?;
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

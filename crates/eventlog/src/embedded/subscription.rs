//! The only owner of all partitions of a topic in the embedded log.

use super::{Shared, TopicState, blocking};
use crate::log::{DELIVERY_BYTES_MAX, Delivery, IDLE, Subscription};
use crate::{Error, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

pub(super) struct EmbeddedSubscription {
    shared: Arc<Shared>,
    topic: Arc<TopicState>,
    group: String,
    written: watch::Receiver<u64>,
    is_announced: bool,
    /// Where each partition is read next, once its owner has said where to begin.
    positions: Vec<Option<u64>>,
    paused: Vec<bool>,
    /// The partition to look at first, so that each has its turn.
    turn: usize,
}

impl EmbeddedSubscription {
    pub(super) fn new(shared: &Arc<Shared>, topic: &str, group: &str) -> Result<Self> {
        let state = shared.topic(topic)?;
        if !shared.subscribers.lock().insert((topic.to_owned(), group.to_owned())) {
            return Err(Error::AlreadySubscribed { topic: topic.to_owned(), group: group.to_owned() });
        }
        let partitions = state.partitions.len();
        Ok(Self {
            shared: Arc::clone(shared),
            written: state.written.subscribe(),
            topic: state,
            group: group.to_owned(),
            is_announced: false,
            positions: vec![None; partitions],
            paused: vec![false; partitions],
            turn: 0,
        })
    }

    /// The next partition that has something for its owner, and where.
    fn ready(&self) -> Option<(u32, u64)> {
        let count = self.positions.len();
        (0..count).map(|step| (self.turn + step) % count).find_map(|partition| {
            let position = self.positions[partition].filter(|_| !self.paused[partition])?;
            let has_more = self.topic.partitions[partition].end.load(Ordering::Acquire) > position;
            has_more.then_some((partition as u32, position))
        })
    }

    async fn read(&mut self, partition: u32, position: u64) -> Result<Delivery> {
        let (shared, topic) = (Arc::clone(&self.shared), Arc::clone(&self.topic));
        let records = blocking(move || shared.read(&topic, partition, position, DELIVERY_BYTES_MAX)).await?;
        // Nothing is awaited from here on: a future that is dropped has delivered nothing and moved nothing.
        self.positions[partition as usize] = records.last().map(|last| last.offset + 1).or(Some(position));
        self.turn = (partition as usize + 1) % self.positions.len();
        Ok(Delivery::Records { partition, records })
    }

    fn check(&self, partition: u32) -> Result<()> {
        self.topic.partition(partition).map(drop)
    }
}

impl Subscription for EmbeddedSubscription {
    fn next(&mut self) -> BoxFuture<'_, Result<Delivery>> {
        async move {
            if !self.is_announced {
                self.is_announced = true;
                return Ok(Delivery::Assigned((0..self.topic.topic.partitions).collect()));
            }
            let deadline = tokio::time::Instant::now() + IDLE;
            loop {
                self.written.mark_unchanged();
                if let Some((partition, position)) = self.ready() {
                    return self.read(partition, position).await;
                }
                if tokio::time::timeout_at(deadline, self.written.changed()).await.is_err() {
                    return Ok(Delivery::Idle);
                }
            }
        }
        .boxed()
    }

    fn seek(&mut self, partition: u32, offset: u64) -> BoxFuture<'_, Result<()>> {
        async move {
            self.topic.check_range(partition, offset)?;
            self.positions[partition as usize] = Some(offset);
            Ok(())
        }
        .boxed()
    }

    fn pause(&mut self, partition: u32) -> Result<()> {
        self.check(partition)?;
        self.paused[partition as usize] = true;
        Ok(())
    }

    fn resume(&mut self, partition: u32) -> Result<()> {
        self.check(partition)?;
        self.paused[partition as usize] = false;
        Ok(())
    }

    fn commit_for_monitoring(&mut self, _partition: u32, _offset: u64) {
        // Whoever can read this log's offsets is in the same process, and can ask the owner itself.
    }
}

impl Drop for EmbeddedSubscription {
    fn drop(&mut self) {
        let group = std::mem::take(&mut self.group);
        self.shared.subscribers.lock().remove(&(self.topic.topic.name.clone(), group));
    }
}

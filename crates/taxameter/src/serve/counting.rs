//! Does counting move? Asked by every process that has the store, because the one that counts may be the one that is stuck.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aggregate::lag::{Movement, Standstill};
use eventlog::{EventLog, topic};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::parts::{ANSWER_MAX, Shared};
use crate::config::Config;

/// How often it is looked: often enough for a limit of seconds, and each look costs the store a small question.
const LOOK: Duration = Duration::from_secs(2);

/// What was seen of counting so far.
#[derive(Clone)]
pub(super) struct Counting {
    movement: Arc<Mutex<Movement>>,
    limit: Duration,
}

impl Counting {
    /// Looks from now on, until told to stop.
    pub(super) fn follow(
        config: &Config,
        shared: &Shared,
        tasks: &mut JoinSet<anyhow::Result<()>>,
        stop: &watch::Receiver<bool>,
    ) -> Self {
        let counting = Self { movement: Arc::default(), limit: config.standstill };
        let (movement, shared, mut stop) = (Arc::clone(&counting.movement), shared.clone(), stop.clone());
        tasks.spawn(async move {
            let look = async {
                // A store that does not answer counts nothing either: what it said last stands.
                let mut counted: Vec<(u32, u64)> = Vec::new();
                loop {
                    if let Ok(Ok(lag)) = tokio::time::timeout(ANSWER_MAX, shared.store.lag()).await {
                        counted = lag.into_iter().map(|lag| (lag.partition, lag.counted)).collect();
                    }
                    // Before it said anything, or when nobody has begun to count, everything waits.
                    if counted.is_empty() {
                        counted = starts(&*shared.log).await;
                    }
                    for (partition, upto) in &counted {
                        let end = shared.log.end_offset(topic::USAGE, *partition);
                        let Ok(Ok(end)) = tokio::time::timeout(ANSWER_MAX, end).await else { continue };
                        let now = tokio::time::Instant::now();
                        let mut movement = movement.lock().unwrap_or_else(PoisonError::into_inner);
                        movement.observe(*partition, *upto, end, now);
                    }
                    tokio::time::sleep(LOOK).await;
                }
            };
            tokio::select! {
                () = look => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
            Ok(())
        });
        counting
    }

    /// Whether counting moves, and else for how long it has not.
    pub(super) fn check(&self) -> api::Check {
        let movement = self.movement.lock().unwrap_or_else(PoisonError::into_inner);
        let standstill = movement.standstill(tokio::time::Instant::now());
        let why = standstill.filter(|standstill| standstill.lasted > self.limit).map(|standstill| {
            let Standstill { partition, behind, lasted } = standstill;
            format!(
                "nothing of partition {partition} was counted for {} s while {behind} records wait",
                lasted.as_secs()
            )
        });
        if let Some(why) = &why {
            tracing::warn!(why, "counting stands still");
        }
        api::Check { name: "counting", ok: why.is_none(), cause: why.unwrap_or_default() }
    }
}

/// Where the usage log begins, by partition; empty when it does not answer.
async fn starts(log: &dyn EventLog) -> Vec<(u32, u64)> {
    let mut starts = Vec::new();
    let Ok(Ok(topic)) = tokio::time::timeout(ANSWER_MAX, log.topic(topic::USAGE)).await else {
        return starts;
    };
    for partition in 0..topic.partitions {
        let start = log.start_offset(topic::USAGE, partition);
        if let Ok(Ok(start)) = tokio::time::timeout(ANSWER_MAX, start).await {
            starts.push((partition, start));
        }
    }
    starts
}

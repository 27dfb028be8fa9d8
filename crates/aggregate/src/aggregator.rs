//! All partitions that are assigned to this process: each has an owner; the one of partition 0 also rolls up.

use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::Months;
use domain::Instant;
use domain::catalogue::Catalogue;
use eventlog::{EventLog, topic};
use tokio::sync::{Notify, watch};

use crate::error::Error;
use crate::lag;
use crate::metrics::Metrics;
use crate::owner::Shared;
use crate::retry::stopped;
use crate::seam::{Revisions, Rows};
use crate::upkeep::Kept;

mod work;

use work::{Work, generation};

/// How the aggregator counts.
#[derive(Debug, Clone)]
pub struct Config {
    /// The consumer group.
    pub group: String,
    /// The identity horizon, in months (counting §5): 25 by default.
    pub horizon_months: u32,
    /// How many days records of the usage log are kept that are counted and sealed: 7 by default.
    pub log_keep_days: u16,
    /// The clock: for hourly barriers, and for how far readings of an open month count.
    pub now: fn() -> Instant,
}

impl Config {
    /// The usual group and horizon.
    pub fn new(now: fn() -> Instant) -> Self {
        Self { group: "taxameter-aggregate".to_owned(), horizon_months: 25, log_keep_days: 7, now }
    }
}

/// Counts the usage log.
pub struct Aggregator<S> {
    config: Config,
    shared: Arc<Shared<S>>,
    to_finish: bool,
}

impl<S> std::fmt::Debug for Aggregator<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aggregator").field("config", &self.config).finish_non_exhaustive()
    }
}

impl<S: Rows + Revisions> Aggregator<S> {
    /// An aggregator over a log and a store that is migrated. `reload` is notified when a meter is met that the catalogue
    /// does not know: whoever keeps the catalogue fresh should look again.
    pub fn new(
        config: Config,
        log: Arc<dyn EventLog>,
        store: Arc<S>,
        catalogue: Arc<ArcSwap<Catalogue>>,
        reload: Arc<Notify>,
        metrics: Metrics,
    ) -> Self {
        let now = config.now;
        let (news, room) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        Self {
            config,
            shared: Arc::new(Shared { rows: store, log, catalogue, reload, metrics, now, news, room }),
            to_finish: false,
        }
    }

    /// The same, to count what is left of a generation whose topic may have more partitions by now.
    pub(crate) fn finishing(self) -> Self {
        Self { to_finish: true, ..self }
    }

    pub(crate) fn rows(&self) -> Arc<S> {
        Arc::clone(&self.shared.rows)
    }

    pub(crate) fn log(&self) -> Arc<dyn EventLog> {
        Arc::clone(&self.shared.log)
    }

    /// Counts until told to stop. Answers with an error only when it cannot go on without somebody's doing.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), Error> {
        let mut work = None;
        let result = tokio::select! {
            biased;
            () = stopped(&mut stop) => Ok(()),
            result = self.count(&mut work) => result,
        };
        // What is in memory is not needed: it is counted again from the first unsealed window. But nothing of it may be
        // under way when the log and the store are closed.
        if let Some(work) = work {
            work.end().await;
        }
        result
    }

    async fn count(&self, work: &mut Option<Work<S>>) -> Result<(), Error> {
        let Shared { rows, log, .. } = &*self.shared;
        let generation = generation(&**rows, &**log, self.to_finish).await?;
        let failed = |operation| move |source| Error::Log { operation, source };
        let mut subscription = self
            .shared
            .log
            .subscribe(topic::USAGE, &self.config.group)
            .await
            .map_err(failed("subscribe to"))?;
        let kept =
            Kept { log_days: self.config.log_keep_days, horizon: Months::new(self.config.horizon_months) };
        let work = work.insert(Work::new(Arc::clone(&self.shared), generation, self.to_finish, kept));
        let Shared { log, metrics, now, .. } = &*self.shared;
        let watching = lag::watch(Arc::clone(log), work.counted.clone(), metrics.clone(), *now);
        work.watching = Some(tokio::spawn(watching));
        loop {
            let delivery = tokio::select! {
                biased;
                () = self.shared.room.notified() => None,
                delivery = subscription.next() => Some(delivery),
            };
            work.flush(subscription.as_mut()).await?;
            match delivery {
                None => {}
                Some(Ok(delivery)) => work.handle(delivery, subscription.as_mut()).await?,
                Some(Err(error)) if error.is_retriable() => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "usage log cannot be read; trying again"
                    );
                    tokio::time::sleep(eventlog::log::IDLE).await;
                }
                Some(Err(error)) => return Err(Error::Log { operation: "read", source: error }),
            }
        }
    }
}

//! control log → handlers → outcomes: carries out what was decided, in order, each once.
//!
//! What a decision brings about is a function of the decision and of what the decisions before it brought about. So
//! whoever carries it out again, after a crash or beside another who takes himself for the owner, writes the same rows
//! under the same keys; the row that says how it ended comes last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use eventlog::topic::CONTROL;
use eventlog::{Delivery, EventLog, Stored, Subscription};
use futures::future::BoxFuture;
use serde_json::Value;
use store::Store;
use store::control::ControlOutcome;
use tokio::sync::watch;

use super::chain::{Chain, Judged};
use super::{Carried, Decision};
use crate::error::{Error, chain, logging, storing};
use crate::metrics::Metrics;

/// The group of owners of the control log.
const GROUP: &str = "taxameter-billing";
/// How long is waited after the first failure, and at most: what fails is a server that is away.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Carries out the decisions of some actions.
pub trait Handler: Send + Sync {
    /// Carries one out, and says how it ended. Whatever it writes is a function of the decision and of those before it,
    /// because it may be done again at any time: after a crash, or by another owner.
    ///
    /// # Errors
    /// When something is away: it is tried again until it succeeds. What is wrong with the decision is an outcome.
    fn carry_out<'a>(&'a self, decision: &'a Decision) -> BoxFuture<'a, crate::Result<Carried>>;
}

/// What an owner does besides, while nothing is to be decided.
type Chore = Arc<dyn Fn() -> BoxFuture<'static, crate::Result<()>> + Send + Sync>;

/// Follows the control log and gives each decision to the handler of its action.
pub struct Owner {
    store: Store,
    log: Arc<dyn EventLog>,
    handlers: BTreeMap<&'static str, Arc<dyn Handler>>,
    chores: Vec<Chore>,
    metrics: Option<Metrics>,
}

impl Owner {
    /// An owner that knows no action yet.
    pub fn new(store: Store, log: Arc<dyn EventLog>) -> Self {
        Self { store, log, handlers: BTreeMap::new(), chores: Vec::new(), metrics: None }
    }

    /// Gives the decisions of some actions to a handler.
    #[must_use]
    pub fn handle(mut self, actions: &[&'static str], handler: Arc<dyn Handler>) -> Self {
        self.handlers.extend(actions.iter().map(|action| (*action, Arc::clone(&handler))));
        self
    }

    /// Does something whenever the log has been idle for a moment: by one owner, never beside a decision.
    #[must_use]
    pub(crate) fn chore(mut self, chore: Chore) -> Self {
        self.chores.push(chore);
        self
    }

    /// Counts what it does.
    #[must_use]
    pub fn measured(self, metrics: Metrics) -> Self {
        Self { metrics: Some(metrics), ..self }
    }

    /// Follows the control log until it is told to stop. What fails is tried again; nothing is skipped.
    ///
    /// # Errors
    /// When the control log itself cannot be followed.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> crate::Result<()> {
        let following = logging("following the control log");
        let mut subscription = self.log.subscribe(CONTROL, GROUP).await.map_err(&following)?;
        let mut place: Option<Place> = None;
        loop {
            let delivery = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
                delivery = subscription.next() => delivery,
            };
            match delivery {
                Ok(Delivery::Assigned(partitions)) => {
                    for partition in partitions {
                        let start = match self.begin(&mut *subscription, partition, &mut stop).await {
                            Ok(Some(start)) => start,
                            Ok(None) => return Ok(()),
                            // It was taken away meanwhile, and the next delivery says so.
                            Err(eventlog::Error::NotAssigned { .. }) => continue,
                            Err(error) => return Err(following(error)),
                        };
                        let next = self.next(&mut stop).await;
                        place = Some(Place { chain: Chain::at_start(start), next });
                    }
                }
                Ok(Delivery::Records { records, .. }) => {
                    let Some(place) = &mut place else { continue };
                    for stored in &records {
                        self.take(place, stored, &mut stop).await;
                        if *stop.borrow() {
                            return Ok(());
                        }
                    }
                }
                Ok(Delivery::Revoked(_)) => place = None,
                Ok(Delivery::Idle) if place.is_some() => self.do_chores(&mut stop).await,
                Ok(Delivery::Idle) => {}
                Err(error) if error.is_retriable() => {
                    tracing::warn!(error = chain(&error), "following the control log failed, trying again");
                    pause(RETRY_FIRST, &mut stop).await;
                }
                Err(error) => return Err(following(error)),
            }
        }
    }

    /// Begins to read a partition from its start, because whether a record counts depends on all before it, and answers where
    /// that is; none when told to stop before. The broker that has the log may be away just when it moves here.
    async fn begin(
        &self,
        subscription: &mut dyn Subscription,
        partition: u32,
        stop: &mut watch::Receiver<bool>,
    ) -> eventlog::Result<Option<u64>> {
        let mut wait = RETRY_FIRST;
        while !*stop.borrow() {
            let begun = match self.log.start_offset(CONTROL, partition).await {
                Ok(start) => subscription.seek(partition, start).await.map(|()| start),
                Err(error) => Err(error),
            };
            match begun {
                Err(error) if error.is_retriable() => {
                    tracing::warn!(error = chain(&error), "the control log does not answer, trying again");
                }
                answered => return answered.map(Some),
            }
            pause(wait, stop).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
        Ok(None)
    }

    /// The first offset that was not carried out, once the store answers.
    async fn next(&self, stop: &mut watch::Receiver<bool>) -> u64 {
        let mut wait = RETRY_FIRST;
        loop {
            match self.store.control_next().await {
                Ok(next) => return next,
                Err(_) if *stop.borrow() => return 0,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "reading outcomes failed, trying again")
                }
            }
            pause(wait, stop).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    async fn take(&self, place: &mut Place, stored: &Stored, stop: &mut watch::Receiver<bool>) {
        let judged = place.chain.judge(stored);
        if stored.offset < place.next {
            return;
        }
        let decision = match judged {
            Judged::Valid(decision) => decision,
            Judged::Void(void) => {
                tracing::warn!(control = stored.offset, ?void, "a record of the control log does not count");
                return;
            }
        };
        let mut wait = RETRY_FIRST;
        let began = tokio::time::Instant::now();
        while !*stop.borrow() {
            let done = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                done = self.carry_out(&decision) => done,
            };
            let Err(error) = done else {
                let seconds = began.elapsed().as_secs_f64();
                self.metrics.iter().for_each(|metrics| metrics.decision_seconds.observe(seconds));
                return;
            };
            self.metrics.iter().for_each(|metrics| metrics.failures.inc());
            let (action, control) = (&decision.action, decision.control);
            tracing::error!(action, control, error = chain(&error), "a decision failed, trying again");
            pause(wait, stop).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    async fn carry_out(&self, decision: &Decision) -> crate::Result<()> {
        let Decision { control, at, action, .. } = decision;
        let recording = storing("recording a decision's outcome");
        // A record that counts was written by one of us. One that we do not know was written by a newer program, and
        // nothing after it may be carried out before it is.
        let handler = self.handlers.get(action.as_str());
        let handler = handler.ok_or_else(|| Error::UnknownAction { action: action.clone() })?;
        let Carried { outcome, answer } = handler.carry_out(decision).await?;
        let ended = ControlOutcome {
            control: *control,
            action: action.clone(),
            outcome: outcome.to_owned(),
            at: *at,
            chain: decision.chain.clone(),
            answer: answer.to_string(),
        };
        self.store.put_control_outcome(&ended).await.map_err(recording)?;
        let labels = [action.as_str(), outcome];
        self.metrics.iter().for_each(|metrics| metrics.decisions.with_label_values(&labels).inc());
        let asked_by = decision.content.get("asked_by").and_then(Value::as_str);
        tracing::info!(control, action, outcome, asked_by, "decision carried out");
        Ok(())
    }

    async fn do_chores(&self, stop: &mut watch::Receiver<bool>) {
        for chore in &self.chores {
            let done = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                done = chore() => done,
            };
            if let Err(error) = done {
                tracing::warn!(
                    error = chain(&error),
                    "what the owner of the control log does besides failed"
                );
            }
        }
    }
}

/// How far an owner is.
struct Place {
    chain: Chain,
    /// The first offset that was not carried out when it began.
    next: u64,
}

async fn pause(wait: Duration, stop: &mut watch::Receiver<bool>) {
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        () = tokio::time::sleep(wait) => {}
    }
}

//! Collectors: who must say that all it acknowledged is on the log before a month closes (counting §7), and who is not
//! waited for any more.

mod marks;

use std::time::Duration;

use domain::Instant;
use eventlog::header::LEFT;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::collectors::{Collector, Retirement};

use crate::biller::Biller;
use crate::blocker::Blocker;
use crate::control::{Carried, Decision, Handler, REFUSED};
use crate::error::storing;
use marks::Marks;

/// The action of the control log.
pub(crate) const RETIRE: &str = "collector.retire";

/// How often marks are looked for: a collector writes one soon after the decision.
const MARKS_POLL: Duration = Duration::from_millis(50);

/// A collector marks each minute. One that has not for so long is silent, in microseconds.
const SILENT_AFTER: i64 = 180 * 1_000_000;

/// How a collector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CollectorState {
    /// It has marked lately.
    Present,
    /// It has not: something it acknowledged may be in its spool.
    Silent,
    /// It stopped in order, with nothing in its spool.
    Left,
    /// It is lost, and somebody decided not to wait for it.
    Retired,
}

impl CollectorState {
    /// The stable name, as in answers.
    pub const fn name(self) -> &'static str {
        match self {
            CollectorState::Present => "present",
            CollectorState::Silent => "silent",
            CollectorState::Left => "left",
            CollectorState::Retired => "retired",
        }
    }

    /// How a collector is at an instant.
    pub fn of(collector: &Collector, now: Instant) -> Self {
        if collector.spool_empty_until.micros() == LEFT {
            CollectorState::Left
        } else if is_retired(collector) {
            CollectorState::Retired
        } else if now.micros().saturating_sub(collector.spool_empty_until.micros()) > SILENT_AFTER {
            CollectorState::Silent
        } else {
            CollectorState::Present
        }
    }
}

#[derive(Serialize, Deserialize)]
struct RetireDecision {
    action: String,
    collector: String,
    why: String,
}

impl Biller {
    /// The collectors that ever wrote a mark, by name, and how they are now.
    pub async fn collectors(&self) -> crate::Result<Vec<(Collector, CollectorState)>> {
        let collectors = self.store().collectors().await.map_err(storing("reading collectors"))?;
        let now = self.now();
        Ok(collectors
            .into_iter()
            .map(|collector| {
                let state = CollectorState::of(&collector, now);
                (collector, state)
            })
            .collect())
    }

    /// Decides that a collector is lost: no close waits for it any more, until it marks again. Answers whether there is
    /// such a collector.
    ///
    /// # Errors
    /// [`crate::Error::NotInTime`] when nobody carried it out in time; asking again is safe.
    pub async fn retire_collector(&self, collector: &str, why: &str) -> crate::Result<bool> {
        let collectors = self.store().collectors().await.map_err(storing("reading collectors"))?;
        if !collectors.iter().any(|known| known.name == collector) {
            return Ok(false);
        }
        let (collector, why) = (collector.to_owned(), why.to_owned());
        let what = format!("retirement of {collector}");
        let decision = RetireDecision { action: RETIRE.to_owned(), collector, why };
        let ended = self.decide_and_wait(&decision, what).await?;
        Ok(ended.outcome != REFUSED)
    }

    /// Waits, as long as marks may take, until every collector has marked after a decision: then all that was
    /// acknowledged before it is on the log. Answers with those that have not. Who has never marked is not waited for.
    pub(crate) async fn silent_collectors(&self, decision: &Decision) -> crate::Result<Vec<Blocker>> {
        if self.is_cut(decision.control).await? {
            // They had, or the cut would not have been made.
            return Ok(Vec::new());
        }
        let deadline = tokio::time::Instant::now() + self.marks_wait();
        let mut marks = Marks::new(self.clone());
        loop {
            let collectors = marks.newest().await?;
            let silent: Vec<Blocker> = collectors
                .iter()
                .filter(|collector| !is_retired(collector) && collector.spool_empty_until <= decision.at)
                .map(|collector| Blocker::collector_silent(&collector.name, collector.spool_empty_until))
                .collect();
            if silent.is_empty() || tokio::time::Instant::now() >= deadline {
                return Ok(silent);
            }
            tokio::time::sleep(MARKS_POLL).await;
        }
    }

    /// The collectors that are silent now.
    pub(crate) async fn silent_now(&self) -> crate::Result<Vec<Blocker>> {
        let collectors = self.collectors().await?;
        let silent = collectors.iter().filter(|(_, state)| *state == CollectorState::Silent);
        Ok(silent
            .map(|(collector, _)| Blocker::collector_silent(&collector.name, collector.spool_empty_until))
            .collect())
    }
}

/// Whether nobody waits for it: it was given up, and has not marked since.
fn is_retired(collector: &Collector) -> bool {
    collector.retired.as_ref().is_some_and(|retired| retired.at >= collector.spool_empty_until)
}

/// Carries out decisions about collectors.
pub(crate) struct Retirer {
    biller: Biller,
}

impl Handler for Retirer {
    fn carry_out<'a>(&'a self, decision: &'a Decision) -> BoxFuture<'a, crate::Result<Carried>> {
        async move {
            let Some(about) = decision.read::<RetireDecision>() else {
                return Ok(Carried::refused(json!({ "code": "unreadable" })));
            };
            let retirement = Retirement { control: decision.control, at: decision.at, why: about.why };
            let storing = storing("retiring a collector");
            self.biller.store().put_retirement(&about.collector, &retirement).await.map_err(storing)?;
            Ok(Carried { outcome: "retired", answer: json!({ "collector": about.collector }) })
        }
        .boxed()
    }
}

impl Retirer {
    pub(crate) fn new(biller: Biller) -> Self {
        Self { biller }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_waited_for_until_it_left_or_was_given_up() {
        let at = |minute: i64| Instant::from_micros(minute * 60_000_000);
        let retirement = |minute| Some(Retirement { control: 1, at: at(minute), why: "skrotad".to_owned() });
        let cases = [
            (at(10), None, CollectorState::Present),
            (at(6), None, CollectorState::Silent),
            (Instant::from_micros(LEFT), None, CollectorState::Left),
            (at(6), retirement(9), CollectorState::Retired),
            (at(10), retirement(9), CollectorState::Present),
            (Instant::from_micros(LEFT), retirement(9), CollectorState::Left),
        ];
        for (spool_empty_until, retired, want) in cases {
            let collector = Collector { name: "c1".to_owned(), spool_empty_until, retired };
            assert_eq!(CollectorState::of(&collector, at(10)), want, "{collector:?}");
        }
    }
}

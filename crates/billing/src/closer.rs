//! control log → (barriers, cut) → frozen month: carries out what was decided about months, in order.
//!
//! What a decision brings about is a function of the decision, the cut that it makes, and the months that were closed
//! before. So whoever carries it out again, after a crash or beside another who takes itself for the owner, writes the
//! same rows under the same keys; the row that says how it ended comes last.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::catalogue::Catalogue;
use domain::charge::Totals;
use eventlog::topic::{CONTROL, USAGE};
use eventlog::{Delivery, Kind, Record, Stored};
use store::AsOf;
use store::charges::{MonthRecord, Outcome};
use tokio::sync::watch;

use crate::bill::MonthState;
use crate::biller::Biller;
use crate::blocker::Blocker;
use crate::control::{Action, Decision, header};
use crate::digest::digest;
use crate::error::{Error, logging, storing};
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::reckoning::Revisions;

/// The group of owners of the control log.
const GROUP: &str = "taxameter-billing";
/// How often is asked whether a cut is rolled up: it takes tenths of a second.
const CUT_POLL: Duration = Duration::from_millis(25);
/// How long is waited after the first failure, and at most: what fails is a server that is away.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Carries out decisions about months.
pub struct Closer {
    biller: Biller,
    metrics: Option<Metrics>,
}

impl Closer {
    pub(crate) fn new(biller: Biller) -> Self {
        Self { biller, metrics: None }
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
        let mut subscription = self.biller.log().subscribe(CONTROL, GROUP).await.map_err(&following)?;
        loop {
            let delivery = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
                delivery = subscription.next() => delivery,
            };
            match delivery {
                Ok(Delivery::Assigned(partitions)) => {
                    let from = self.next_control(&mut stop).await;
                    for partition in partitions {
                        let start =
                            self.biller.log().start_offset(CONTROL, partition).await.map_err(&following)?;
                        subscription.seek(partition, from.max(start)).await.map_err(&following)?;
                    }
                }
                Ok(Delivery::Records { records, .. }) => {
                    for stored in &records {
                        self.carry_out_until_done(stored, &mut stop).await;
                        if *stop.borrow() {
                            return Ok(());
                        }
                    }
                }
                Ok(Delivery::Revoked(_) | Delivery::Idle) => {}
                Err(error) if error.is_retriable() => {
                    tracing::warn!(error = chain(&error), "following the control log failed, trying again");
                    pause(RETRY_FIRST, &mut stop).await;
                }
                Err(error) => return Err(following(error)),
            }
        }
    }

    /// Where to go on, once the store answers.
    async fn next_control(&self, stop: &mut watch::Receiver<bool>) -> u64 {
        let mut wait = RETRY_FIRST;
        loop {
            match self.biller.ledger().await {
                Ok(ledger) => return ledger.next_control(),
                Err(_) if *stop.borrow() => return 0,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "reading decided months failed, trying again")
                }
            }
            pause(wait, stop).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    async fn carry_out_until_done(&self, stored: &Stored, stop: &mut watch::Receiver<bool>) {
        let Some(decision) = Decision::read(stored) else { return };
        let mut wait = RETRY_FIRST;
        let began = tokio::time::Instant::now();
        while !*stop.borrow() {
            let done = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                done = self.carry_out(stored.offset, &decision) => done,
            };
            let Err(error) = done else {
                self.metrics
                    .iter()
                    .for_each(|metrics| metrics.decision_seconds.observe(began.elapsed().as_secs_f64()));
                return;
            };
            self.metrics.iter().for_each(|metrics| metrics.failures.inc());
            let (month, control) = (decision.month.to_string(), stored.offset);
            tracing::error!(
                month,
                control,
                error = chain(&error),
                "a decision about a month failed, trying again"
            );
            pause(wait, stop).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    /// Carries out one decision. Doing it again changes nothing.
    async fn carry_out(&self, control: u64, decision: &Decision) -> crate::Result<()> {
        let ledger = self.biller.ledger().await?;
        if ledger.is_carried_out(control) {
            return Ok(());
        }
        if ledger.state(decision.month) == MonthState::Closed {
            return self.put(&record(control, decision, Outcome::Unchanged)).await;
        }
        self.make_cut(control, decision).await?;
        match decision.action {
            Action::Preliminary => self.put(&record(control, decision, Outcome::Preliminary)).await,
            Action::Close => self.close(control, decision, &ledger).await,
        }
    }

    /// Ends every partition's window with a barrier, and waits until everything before them is counted and rolled up.
    async fn make_cut(&self, control: u64, decision: &Decision) -> crate::Result<()> {
        let is_ready =
            || async { self.biller.store().cut_ready(control).await.map_err(storing("waiting for a cut")) };
        if is_ready().await? {
            return Ok(());
        }
        let topic = self.biller.log().topic(USAGE).await.map_err(logging("asking for the usage log"))?;
        let barrier = Record {
            header: header(Kind::Barrier { control: Some(control) }, decision.at),
            value: Bytes::new(),
        };
        let barriers = (0..topic.partitions).map(|partition| (partition, barrier.clone())).collect();
        let appended = self.biller.log().append_batch(USAGE, barriers).await;
        appended.map_err(|source| Error::Append { what: "barriers", source: Box::new(source) })?;
        while !is_ready().await? {
            tokio::time::sleep(CUT_POLL).await;
        }
        Ok(())
    }

    async fn close(&self, control: u64, decision: &Decision, ledger: &Ledger) -> crate::Result<()> {
        let Some(catalogue) = self.catalogue(&decision.catalogue).await? else {
            return self.refuse(control, decision, &[Blocker::catalogue_unknown(&decision.catalogue)]).await;
        };
        let reckoner = self.biller.reckoner();
        let revisions = reckoner.revisions(AsOf::Cut(control)).await?;
        let unchanged = self.unchanged(ledger, &catalogue, &revisions, control).await?;
        let mut bill =
            reckoner.bill(&catalogue, decision.month, ledger, &revisions, unchanged.as_ref()).await?;
        let gaps_accepted = decision.accept_gaps.is_some();
        let blockers =
            self.biller.standing_in_the_way(&catalogue, &bill, ledger, &revisions, gaps_accepted).await?;
        if !blockers.is_empty() {
            return self.refuse(control, decision, &blockers).await;
        }
        bill.state = MonthState::Closed;
        let frozen = MonthRecord {
            rate: bill.rate,
            rate_decision: bill.rate_decision.clone(),
            lines: bill.charges.len() as u64,
            totals: bill.totals,
            hash: digest(&bill, Some(control)),
            ..record(control, decision, Outcome::Closed)
        };
        let freezing = self.biller.store().put_charges(decision.month, control, &bill.charges).await;
        freezing.map_err(storing("freezing charges"))?;
        self.put(&frozen).await
    }

    /// The revisions that the last close was made of. What a later cut lacks of them would be taken back, so it must lack
    /// nothing. None when the catalogue is another one: then every closed month is reckoned anew.
    async fn unchanged(
        &self,
        ledger: &Ledger,
        catalogue: &Catalogue,
        revisions: &Revisions,
        cut: u64,
    ) -> crate::Result<Option<Revisions>> {
        let Some(last) = ledger.closings().last() else { return Ok(None) };
        let then = self.biller.reckoner().revisions(AsOf::Cut(last.control)).await?;
        if let Some(month) = then.months().find(|month| revisions.token(*month) == 0) {
            return Err(Error::IncompleteCut { cut, month });
        }
        Ok((last.catalogue == catalogue.version).then_some(then))
    }

    /// The catalogue of a version: the one in force, or a stored one when it has moved on since the decision.
    async fn catalogue(&self, version: &str) -> crate::Result<Option<Arc<Catalogue>>> {
        let current = self.biller.catalogue();
        if current.version == version {
            return Ok(Some(current));
        }
        let reading = storing("reading a version of the catalogue");
        let versions = self.biller.store().catalogue_versions().await.map_err(&reading)?;
        let Some(stored) = versions.into_iter().find(|stored| stored.version == version) else {
            return Ok(None);
        };
        let mut files = catalog::Files::default();
        for (path, bytes) in self.biller.store().catalogue_files(&stored).await.map_err(&reading)? {
            files.insert(path, bytes);
        }
        Ok(catalog::check(&files).ok().map(|checked| Arc::new(checked.catalogue)))
    }

    async fn refuse(&self, control: u64, decision: &Decision, blockers: &[Blocker]) -> crate::Result<()> {
        #[expect(clippy::expect_used, reason = "strings in structs always become JSON, in memory")]
        let blockers = serde_json::to_string(blockers).expect("blockers are JSON");
        self.put(&MonthRecord { blockers, ..record(control, decision, Outcome::Refused) }).await
    }

    async fn put(&self, record: &MonthRecord) -> crate::Result<()> {
        let (month, outcome) = (record.month.to_string(), record.outcome.name());
        self.biller
            .store()
            .put_month_record(record)
            .await
            .map_err(storing("recording a decision's outcome"))?;
        self.metrics.iter().for_each(|metrics| metrics.decisions.with_label_values(&[outcome]).inc());
        tracing::info!(
            month,
            outcome,
            control = record.control,
            lines = record.lines,
            "decision carried out"
        );
        Ok(())
    }
}

fn record(control: u64, decision: &Decision, outcome: Outcome) -> MonthRecord {
    MonthRecord {
        control,
        month: decision.month,
        outcome,
        at: decision.at,
        catalogue: decision.catalogue.clone(),
        rate: None,
        rate_decision: String::new(),
        accepted_gaps: decision.accept_gaps.clone().unwrap_or_default(),
        blockers: String::new(),
        lines: 0,
        totals: Totals::default(),
        hash: String::new(),
    }
}

async fn pause(wait: Duration, stop: &mut watch::Receiver<bool>) {
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        () = tokio::time::sleep(wait) => {}
    }
}

/// An error and its causes, for the log.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

//! What others ask about months, and how they decide about them.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::catalogue::Catalogue;
use domain::charge::Totals;
use domain::{Instant, Month};
use eventlog::EventLog;
use futures::FutureExt;
use serde::Serialize;
use store::charges::{MonthRecord, Outcome};
use store::control::ControlOutcome;
use store::{AsOf, Store};

use crate::bill::{Bill, Frozen, MonthState, MonthSummary};
use crate::blocker::{self, Blocker};
use crate::catalogue::{self, Applier};
use crate::closer::{Action, Closer, MonthDecision};
use crate::collectors::{self, Retirer};
use crate::control::{ControlLog, Owner};
use crate::digest::digest;
use crate::error::{Error, storing};
use crate::keys::{self, Keeper};
use crate::ledger::Ledger;
use crate::pseudonyms;
use crate::quarantine::{self, Releaser, Replayer};
use crate::reckoning::{Reckoner, Revisions};
use crate::requester::Requester;
use crate::retention::{self, Eraser, Rules};
use crate::signature::Signature;

/// How often a decision's outcome is asked for: a close takes tenths of a second.
const OUTCOME_POLL: Duration = Duration::from_millis(25);

/// How long an identity is known unless it is configured (counting §5), in months.
const HORIZON_MONTHS: u32 = 25;

/// What billing needs to know of its surroundings.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// The clock: when a decision is made.
    pub clock: fn() -> Instant,
    /// How long is waited for what was decided to be carried out. It is carried out even when that takes longer.
    pub wait: Duration,
    /// How long a close waits for the marks of collectors before it takes them for silent (counting §7).
    pub marks_wait: Duration,
    /// How long what is kept.
    pub retention: Rules,
}

impl Config {
    /// The usual rules of retention, with the horizon of counting §5. Waits a minute: a close of a large month takes seconds, unless counting is far behind. Half of it is for marks:
    /// a collector that runs writes one within a second of the decision.
    pub fn new(clock: fn() -> Instant) -> Self {
        let (wait, marks_wait) = (Duration::from_secs(60), Duration::from_secs(30));
        Self { clock, wait, marks_wait, retention: Rules::usual(HORIZON_MONTHS) }
    }
}

/// What is accepted when a month is closed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accept {
    /// Why the month is closed in spite of gaps. Accepts all gaps, and nothing else.
    pub gaps: Option<String>,
    /// Who closes it.
    pub by: Option<Signature>,
}

/// What became of a wish to close a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closing {
    /// It is closed, now or before.
    Closed(MonthSummary),
    /// Something stands in the way; nothing was changed.
    Blocked(Vec<Blocker>),
}

/// The months. A clone shares everything.
#[derive(Clone)]
pub struct Biller {
    inner: Arc<Inner>,
    requester: Requester,
}

/// A decision as it is written down.
#[derive(Serialize)]
struct Requested<'a, D> {
    #[serde(flatten)]
    decision: &'a D,
    asked_by: &'a Requester,
}

struct Inner {
    store: Store,
    log: Arc<dyn EventLog>,
    catalogue: Arc<ArcSwap<Catalogue>>,
    control: ControlLog,
    reckoner: Reckoner,
    config: Config,
}

impl Biller {
    /// Over the store's tables, the control log, and the catalogue in force.
    pub fn new(
        store: Store,
        log: Arc<dyn EventLog>,
        catalogue: Arc<ArcSwap<Catalogue>>,
        config: Config,
    ) -> Self {
        let reckoner = Reckoner::new(store.clone());
        let control = ControlLog::new(Arc::clone(&log));
        let inner = Arc::new(Inner { store, log, catalogue, control, reckoner, config });
        Self { inner, requester: Requester::Local }
    }

    /// The same months, for somebody whose decisions are written down as theirs.
    #[must_use]
    pub fn asked_by(&self, requester: Requester) -> Self {
        Self { requester, ..self.clone() }
    }

    /// Who carries out decisions: about months, the catalogue, the quarantine and collectors. One of them works at a time,
    /// the owner of the control log; while nothing is to be decided it releases parked events.
    pub fn owner(&self) -> Owner {
        let releaser = Arc::new(Releaser::new(self.clone()));
        Owner::new(self.inner.store.clone(), Arc::clone(&self.inner.log))
            .handle(&Action::NAMES, Arc::new(Closer::new(self.clone())))
            .handle(&[catalogue::APPLY], Arc::new(Applier::new(self.clone())))
            .handle(&[quarantine::REPLAY], Arc::new(Replayer::new(self.clone())))
            .handle(&[collectors::RETIRE], Arc::new(Retirer::new(self.clone())))
            .handle(&[pseudonyms::DESTROY], Arc::new(pseudonyms::Ender))
            .handle(&[retention::APPLY], Arc::new(Eraser::new(self.clone())))
            .handle(&keys::ACTIONS, Arc::new(Keeper::new(self.clone())))
            .chore(Arc::new(move || {
                let releaser = Arc::clone(&releaser);
                async move { releaser.release_if_due().await }.boxed()
            }))
    }

    /// A month's charges: the frozen ones when it is closed, else as of now.
    pub async fn charges(&self, month: Month) -> crate::Result<Arc<Bill>> {
        let ledger = self.ledger().await?;
        match ledger.state(month) {
            MonthState::Closed => self.closed(month, &ledger).await,
            MonthState::Open | MonthState::Preliminary => {
                let revisions = self.inner.reckoner.revisions(AsOf::Newest).await?;
                self.inner.reckoner.preview(&self.catalogue(), month, &ledger, &revisions).await
            }
        }
    }

    /// A month reckoned from its usage as of now, whether it is closed or not: of a closed month what its charges and all
    /// their corrections, the coming ones too, add up to. Nothing is stored.
    pub async fn preview(&self, month: Month) -> crate::Result<Arc<Bill>> {
        let (ledger, revisions) = self.as_of_now().await?;
        self.inner.reckoner.preview(&self.catalogue(), month, &ledger, &revisions).await
    }

    /// The months that there are, in order: from the first that was closed (or, before that, the first with usage) to the
    /// last that has usage.
    pub async fn months(&self) -> crate::Result<Vec<MonthSummary>> {
        let bills = self.bills(..).await?;
        Ok(bills.iter().map(|bill| bill.summary()).collect())
    }

    /// What would stand in the way of closing a month, as of now. The close itself looks again, at its own cut.
    pub async fn blockers(&self, month: Month) -> crate::Result<Vec<Blocker>> {
        let ledger = self.ledger().await?;
        if ledger.state(month) == MonthState::Closed {
            return Ok(Vec::new());
        }
        let revisions = self.inner.reckoner.revisions(AsOf::Newest).await?;
        let catalogue = self.catalogue();
        let bill = self.inner.reckoner.preview(&catalogue, month, &ledger, &revisions).await?;
        let rules = &catalogue.closing;
        let mut blockers = Vec::new();
        blockers.extend(blocker::of_time(rules, month, self.now().day()));
        blockers.extend(blocker::of_unannounced(rules, month, ledger.announcement(month)));
        blockers.extend(self.standing_in_the_way(&catalogue, &bill, &ledger, &revisions, false).await?);
        blockers.extend(self.books_in_the_way(AsOf::Newest, self.now()).await?);
        blockers.extend(self.silent_now().await?);
        Ok(blockers)
    }

    /// Announces a month for review. It still changes until it is closed; a closed month stays closed.
    pub async fn preliminary(&self, month: Month, by: Option<Signature>) -> crate::Result<MonthSummary> {
        if self.ledger().await?.state(month) != MonthState::Closed {
            self.decide(Action::Preliminary, month, Accept { gaps: None, by }).await?;
        }
        Ok(self.charges(month).await?.summary())
    }

    /// Closes a month, with everything that was acknowledged before (counting §7). Closing a closed month answers the
    /// same again.
    ///
    /// # Errors
    /// [`Error::NotInTime`] when nobody carried it out in time; asking again is safe.
    pub async fn close(&self, month: Month, accept: Accept) -> crate::Result<Closing> {
        if self.ledger().await?.state(month) != MonthState::Closed {
            let record = self.decide(Action::Close, month, accept).await?;
            if record.outcome == Outcome::Refused {
                let blockers = serde_json::from_str(&record.blockers).map_err(|_| Error::Store {
                    operation: "reading blockers",
                    source: store::Error::Unreadable { what: "list of blockers", value: record.blockers },
                })?;
                return Ok(Closing::Blocked(blockers));
            }
        }
        Ok(Closing::Closed(self.charges(month).await?.summary()))
    }

    /// Puts a decision about a month on the control log and waits until it is carried out.
    async fn decide(&self, action: Action, month: Month, accept: Accept) -> crate::Result<MonthRecord> {
        let catalogue = self.version_in_force().await?;
        let Accept { gaps: accept_gaps, by } = accept;
        let decision = MonthDecision { action, month, catalogue, accept_gaps, by };
        let ended = self.decide_and_wait(&decision, format!("{} of {month}", action.name())).await?;
        let record = self.inner.store.month_record(ended.control).await;
        record
            .map_err(storing("reading a decision's outcome"))?
            .ok_or(Error::UnreadableOutcome { control: ended.control })
    }

    /// Puts a decision on the control log and waits until it is carried out. `what` names it if that takes too long.
    pub(crate) async fn decide_and_wait(
        &self,
        decision: &impl Serialize,
        what: String,
    ) -> crate::Result<ControlOutcome> {
        let Config { clock, wait, .. } = self.inner.config;
        let requested = Requested { decision, asked_by: &self.requester };
        let control = self.inner.control.append(&requested, clock()).await?;
        let outcome = async {
            loop {
                let found = self.inner.store.control_outcome(control).await;
                if let Some(outcome) = found.map_err(storing("reading a decision's outcome"))? {
                    return Ok(outcome);
                }
                tokio::time::sleep(OUTCOME_POLL).await;
            }
        };
        let late = Error::NotInTime { what, control, waited: wait };
        tokio::time::timeout(wait, outcome).await.unwrap_or(Err(late))
    }

    /// What of a bill stands in the way of closing its month.
    pub(crate) async fn standing_in_the_way(
        &self,
        catalogue: &Catalogue,
        bill: &Bill,
        ledger: &Ledger,
        revisions: &Revisions,
        gaps_accepted: bool,
    ) -> crate::Result<Vec<Blocker>> {
        let mut blockers = Vec::new();
        blockers.extend(first_open(ledger, revisions, bill.month).map(Blocker::earlier_month_open));
        if !may_close(ledger, revisions, bill.month) {
            blockers.push(Blocker::no_usage(bill.month));
        }
        if !gaps_accepted {
            let gaps =
                self.inner.store.gaps(bill.month, revisions.as_of).await.map_err(storing("reading gaps"))?;
            blockers.extend(blocker::of_gaps(catalogue, &gaps));
        }
        blockers.extend(blocker::of_bill(bill));
        Ok(blockers)
    }

    /// A closed month. Those before the first that was closed are closed as empty.
    async fn closed(&self, month: Month, ledger: &Ledger) -> crate::Result<Arc<Bill>> {
        if let Some(record) = ledger.closing(month) {
            return self.inner.reckoner.frozen(record).await;
        }
        let first = ledger.closings().next();
        let mut bill = Bill {
            month,
            state: MonthState::Closed,
            catalogue: first.map_or_else(String::new, |record| record.catalogue.clone()),
            rate: None,
            rate_decision: String::new(),
            charges: Vec::new(),
            totals: Totals::default(),
            documents: Vec::new(),
            unattributed: Vec::new(),
            findings: Vec::new(),
            frozen: None,
        };
        let hash = digest(&bill, None);
        let at = first.map_or_else(Instant::default, |record| record.at);
        let (by, chain, accepted_gaps) = (String::new(), String::new(), String::new());
        bill.frozen = Some(Frozen { control: None, at, by, chain, hash, accepted_gaps });
        Ok(Arc::new(bill))
    }

    /// What is decided and what is counted so far, asked for at the same time.
    pub(crate) async fn as_of_now(&self) -> crate::Result<(Ledger, Revisions)> {
        tokio::try_join!(self.ledger(), self.inner.reckoner.revisions(AsOf::Newest))
    }

    pub(crate) async fn ledger(&self) -> crate::Result<Ledger> {
        let records =
            self.inner.store.month_records().await.map_err(storing("reading decisions about months"))?;
        Ok(Ledger::new(records))
    }

    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        self.inner.catalogue.load_full()
    }

    /// Makes a catalogue the one that this process answers from.
    pub(crate) fn put_in_force(&self, catalogue: Catalogue) {
        self.inner.catalogue.store(Arc::new(catalogue));
    }

    pub(crate) fn now(&self) -> Instant {
        (self.inner.config.clock)()
    }

    pub(crate) fn marks_wait(&self) -> Duration {
        self.inner.config.marks_wait
    }

    pub(crate) fn retention_rules(&self) -> Rules {
        self.inner.config.retention
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn log(&self) -> &dyn EventLog {
        &*self.inner.log
    }

    pub(crate) fn reckoner(&self) -> &Reckoner {
        &self.inner.reckoner
    }
}

/// The months that there are.
pub(crate) fn listed(ledger: &Ledger, revisions: &Revisions) -> Vec<Month> {
    let first = ledger.first_closed().or_else(|| revisions.months().next());
    let last = ledger.last_closed().max(revisions.months().next_back());
    first.zip(last).map_or_else(Vec::new, |(first, last)| first.through(last).collect())
}

/// Whether a month is one that can be closed: one that is listed, or the one after the last closed, in which only
/// agreements may be billed. Anything else is a slip that would close years as empty.
fn may_close(ledger: &Ledger, revisions: &Revisions, month: Month) -> bool {
    listed(ledger, revisions).contains(&month)
        || ledger.last_closed().is_some_and(|last| last.next() == month)
}

/// The month that must be closed before another can be; none when it is its turn.
fn first_open(ledger: &Ledger, revisions: &Revisions, month: Month) -> Option<Month> {
    let turn = ledger.last_closed().map(Month::next).or_else(|| revisions.months().next());
    turn.filter(|turn| *turn < month)
}

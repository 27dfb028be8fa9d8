//! Monthly usage + catalogue → a month's charges, with what was reckoned before kept while its origin is the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::catalogue::Catalogue;
use domain::charge::{Charge, charges, corrections};
use domain::rating::{Finding, Line, Rated, agreement_usage, rate};
use domain::usage::{DailyUsage, MonthlyUsage};
use domain::{Month, Rate};
use sha2::{Digest as _, Sha256};
use store::charges::MonthRecord;
use store::usage::DailyFilter;
use store::{AsOf, Store};

use crate::bill::{Bill, Frozen, MonthState};
use crate::digest::digest;
use crate::error::{Error, storing};
use crate::ledger::Ledger;
use crate::slots::Slots;
use crate::sums::SumsKept;

/// How many lines are kept in memory, of each kind. A reckoning holds each line twice (as used and as charged) in about 150
/// bytes, so this is the identity horizon of 25 months of a municipality like Linköping (25,000 lines a month) in at most
/// 200 MB. Of older months the sums and corrections are kept, which are what pages and lists about many months need.
const LINES_KEPT_MAX: usize = 1_400_000;

/// Which revision of each month's usage there is.
#[derive(Debug, Clone)]
pub(crate) struct Revisions {
    pub(crate) as_of: AsOf,
    tokens: BTreeMap<Month, u128>,
}

impl Revisions {
    /// The months that have usage, in order.
    pub(crate) fn months(&self) -> impl DoubleEndedIterator<Item = Month> {
        self.tokens.keys().copied()
    }

    /// What changes when a month's usage changes; 0 without usage.
    pub(crate) fn token(&self, month: Month) -> u128 {
        self.tokens.get(&month).copied().unwrap_or(0)
    }

    /// What changes when the usage of any month up to this one changes.
    pub(crate) fn token_through(&self, month: Month) -> u128 {
        let mut hasher = Sha256::new();
        for (month, token) in self.tokens.range(..=month) {
            hasher.update(month.index().to_le_bytes());
            hasher.update(token.to_le_bytes());
        }
        first_128_bits(hasher)
    }
}

pub(crate) fn first_128_bits(hasher: Sha256) -> u128 {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize()[..16]);
    u128::from_be_bytes(bytes)
}

/// A month's own usage, rated and charged as if nothing had been billed before.
#[derive(Debug)]
pub(crate) struct Reckoned {
    pub(crate) rated: Rated,
    pub(crate) charges: Vec<Charge>,
}

/// What a reckoning was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    catalogue: String,
    token: u128,
    agreements: bool,
}

impl Origin {
    pub(crate) fn of(catalogue: &Catalogue, month: Month, revisions: &Revisions, agreements: bool) -> Self {
        Self { catalogue: catalogue.version.clone(), token: revisions.token(month), agreements }
    }
}

/// What a closed month's corrections were made from: its fresh reckoning, and what was booked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CorrectionOrigin {
    fresh: Origin,
    billed_in: Month,
    booked_to: u64,
}

/// What the usage of a closed month came to since it was billed.
#[derive(Debug)]
struct Corrections {
    charges: Vec<Charge>,
    unattributed: Vec<Line>,
    findings: Vec<Finding>,
}

/// What a preview was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PreviewOrigin {
    catalogue: String,
    token: u128,
    booked_to: u64,
}

/// Reckons months.
pub(crate) struct Reckoner {
    pub(crate) store: Store,
    /// By month, and whether it is of a cut (a close must not throw out what the previews need).
    reckoned: Slots<(Month, bool), Origin, Reckoned>,
    pub(crate) sums: SumsKept,
    corrections: Slots<(Month, bool), CorrectionOrigin, Corrections>,
    frozen: Slots<Month, u64, Bill>,
    previews: Slots<Month, PreviewOrigin, Bill>,
    /// One reckoning at a time: whoever waited finds it done.
    turn: tokio::sync::Mutex<()>,
}

impl Reckoner {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            reckoned: Slots::new(LINES_KEPT_MAX),
            sums: SumsKept::new(),
            corrections: Slots::new(LINES_KEPT_MAX),
            frozen: Slots::new(LINES_KEPT_MAX),
            previews: Slots::new(LINES_KEPT_MAX / 3),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// The revisions that there are now, or those of a cut.
    pub(crate) async fn revisions(&self, as_of: AsOf) -> crate::Result<Revisions> {
        let cut = match as_of {
            AsOf::Newest => None,
            AsOf::Cut(cut) => Some(cut),
        };
        let heads = self.store.heads(cut).await.map_err(storing("reading revisions"))?;
        let mut hashers: BTreeMap<Month, Sha256> = BTreeMap::new();
        // What is only carried beyond the last event's month makes no month to bill of it.
        let last =
            self.store.last_month_touched().await.map_err(storing("reading the last month of an event"))?;
        for head in heads.iter().filter(|head| last.is_none_or(|last| head.month <= last)) {
            let hasher = hashers.entry(head.month).or_default();
            hasher.update(head.service.as_bytes());
            hasher.update([0]);
            hasher.update(head.meter.as_bytes());
            hasher.update(head.revision.to_le_bytes());
        }
        let tokens = hashers.into_iter().map(|(month, hasher)| (month, first_128_bits(hasher))).collect();
        Ok(Revisions { as_of, tokens })
    }

    /// A month's own usage, rated. `agreements` says whether the catalogue's agreements are part of it.
    pub(crate) async fn reckon(
        &self,
        catalogue: &Arc<Catalogue>,
        month: Month,
        revisions: &Revisions,
        agreements: bool,
    ) -> crate::Result<Arc<Reckoned>> {
        let origin = Origin::of(catalogue, month, revisions, agreements);
        let slot = (month, revisions.as_of != AsOf::Newest);
        if let Some(known) = self.reckoned.get(slot, &origin) {
            return Ok(known);
        }
        let _turn = self.turn.lock().await;
        if let Some(known) = self.reckoned.get(slot, &origin) {
            return Ok(known);
        }
        let (usage, days) = self.usage(catalogue, month, revisions, agreements).await?;
        let catalogue = Arc::clone(catalogue);
        let reckoned = off_the_loop(move || {
            let rated = rate(&catalogue, month, &usage, &days);
            let charges = charges(&rated, catalogue.rate(month).map(|rate| rate.rate));
            Reckoned { rated, charges }
        })
        .await;
        let reckoned = Arc::new(reckoned);
        let size = 2 * reckoned.rated.lines.len() + reckoned.rated.unpriced.len();
        self.reckoned.put(slot, origin, size, Arc::clone(&reckoned));
        Ok(reckoned)
    }

    /// A month's usage, and the days of the cost centres that change hands within it.
    pub(crate) async fn usage(
        &self,
        catalogue: &Catalogue,
        month: Month,
        revisions: &Revisions,
        agreements: bool,
    ) -> crate::Result<(Vec<MonthlyUsage>, Vec<DailyUsage>)> {
        let (mut usage, mut days) = (Vec::new(), Vec::new());
        if revisions.tokens.contains_key(&month) {
            let read = self.store.monthly_usage(month..=month, revisions.as_of).await;
            usage = read.map_err(storing("reading monthly usage"))?;
            let known: BTreeSet<&str> = usage.iter().map(|row| row.costcentre.as_str()).collect();
            let changing: Vec<String> = known
                .into_iter()
                .filter(|costcentre| catalogue.payer_of_month(costcentre, month).is_err())
                .map(str::to_owned)
                .collect();
            if !changing.is_empty() {
                let filter = DailyFilter { costcentres: Some(changing), ..DailyFilter::default() };
                let read = self.store.daily_usage(month, revisions.as_of, &filter).await;
                days = read.map_err(storing("reading daily usage"))?;
            }
        }
        if agreements {
            let (fixed, fixed_days) = agreement_usage(catalogue, month);
            usage.extend(fixed);
            days.extend(fixed_days);
        }
        Ok((usage, days))
    }

    /// What a month that is not closed would be billed. `unchanged` are the revisions that the last close was made of, when
    /// it was made on the same catalogue: closed months that still have theirs need no correction.
    pub(crate) async fn bill(
        &self,
        catalogue: &Arc<Catalogue>,
        month: Month,
        ledger: &Ledger,
        revisions: &Revisions,
        unchanged: Option<&Revisions>,
    ) -> crate::Result<Bill> {
        let own = self.reckon(catalogue, month, revisions, ledger.bills_agreements(month)).await?;
        let mut charges = own.charges.clone();
        let mut unattributed: Vec<Line> = own.rated.unattributed().cloned().collect();
        let mut findings: Vec<(Month, Finding)> =
            own.rated.findings.iter().map(|f| (month, f.clone())).collect();
        for closed in corrected_in(month, ledger, revisions) {
            if unchanged.is_some_and(|then| then.token(closed) == revisions.token(closed)) {
                continue;
            }
            let later = self.corrections(catalogue, month, closed, ledger, revisions).await?;
            charges.extend(later.charges.iter().cloned());
            unattributed.extend(later.unattributed.iter().cloned());
            findings.extend(later.findings.iter().map(|f| (closed, f.clone())));
        }
        let rate = catalogue.rate(month);
        Ok(Bill {
            month,
            state: ledger.state(month),
            catalogue: catalogue.version.clone(),
            rate: rate.map(|rate| rate.rate),
            rate_decision: rate.map_or_else(String::new, |rate| rate.decision.clone()),
            totals: charges.iter().collect(),
            charges,
            documents: Vec::new(),
            unattributed,
            findings,
            frozen: None,
        })
    }

    /// [`Reckoner::bill`] as of now, kept while nothing changes.
    pub(crate) async fn preview(
        &self,
        catalogue: &Arc<Catalogue>,
        month: Month,
        ledger: &Ledger,
        revisions: &Revisions,
    ) -> crate::Result<Arc<Bill>> {
        let origin = PreviewOrigin {
            catalogue: catalogue.version.clone(),
            token: revisions.token_through(month),
            booked_to: ledger.next_control(),
        };
        if let Some(known) = self.previews.get(month, &origin) {
            return Ok(known);
        }
        let bill = Arc::new(self.bill(catalogue, month, ledger, revisions, None).await?);
        self.previews.put(month, origin, bill.charges.len(), Arc::clone(&bill));
        Ok(bill)
    }

    /// What the month which closes next would bill of a closed one, and what stands in the way of it.
    async fn corrections(
        &self,
        catalogue: &Arc<Catalogue>,
        month: Month,
        closed: Month,
        ledger: &Ledger,
        revisions: &Revisions,
    ) -> crate::Result<Arc<Corrections>> {
        let agreements = ledger.bills_agreements(closed);
        let origin = CorrectionOrigin {
            fresh: Origin::of(catalogue, closed, revisions, agreements),
            billed_in: month,
            booked_to: ledger.next_control(),
        };
        let slot = (closed, revisions.as_of != AsOf::Newest);
        if let Some(known) = self.corrections.get(slot, &origin) {
            return Ok(known);
        }
        let fresh = self.reckon(catalogue, closed, revisions, agreements).await?;
        let mut booked = Vec::new();
        for record in ledger.closings().filter(|record| record.month >= closed) {
            let frozen = self.frozen(record).await?;
            let lines = if record.month == closed { frozen.own() } else { frozen.corrections() };
            booked.extend(lines.iter().filter(|line| line.usage_month() == closed).cloned());
        }
        let rate: Option<Rate> = catalogue.rate(closed).map(|rate| rate.rate);
        let made = off_the_loop(move || Corrections {
            charges: corrections(month, closed, rate, &fresh.charges, &booked),
            unattributed: fresh.rated.unattributed().cloned().collect(),
            findings: fresh.rated.findings.clone(),
        });
        let made = Arc::new(made.await);
        let size = made.charges.len() + made.unattributed.len() + made.findings.len();
        self.corrections.put(slot, origin, size, Arc::clone(&made));
        Ok(made)
    }

    /// A closed month as it was frozen. What is stored must match its hash.
    pub(crate) async fn frozen(&self, record: &MonthRecord) -> crate::Result<Arc<Bill>> {
        if let Some(known) = self.frozen.get(record.month, &record.control) {
            return Ok(known);
        }
        let read = self.store.charges(record.month, record.control).await;
        let charges = read.map_err(storing("reading frozen charges"))?;
        let documents = match record.documents {
            0 => Vec::new(),
            _ => {
                let read = self.store.documents(record.month, record.control).await;
                read.map_err(storing("reading frozen documents"))?
            }
        };
        let bill = Bill {
            month: record.month,
            state: MonthState::Closed,
            catalogue: record.catalogue.clone(),
            rate: record.rate,
            rate_decision: record.rate_decision.clone(),
            totals: charges.iter().collect(),
            charges,
            documents,
            unattributed: Vec::new(),
            findings: Vec::new(),
            frozen: Some(Frozen {
                control: Some(record.control),
                at: record.at,
                by: record.decided_by.clone(),
                chain: record.chain.clone(),
                hash: record.hash.clone(),
                accepted_gaps: record.accepted_gaps.clone(),
            }),
        };
        let bill = off_the_loop({
            let (control, hash) = (record.control, record.hash.clone());
            move || (digest(&bill, Some(control)) == hash).then_some(bill)
        });
        let bill = Arc::new(bill.await.ok_or(Error::NotAsFrozen { month: record.month })?);
        self.frozen.put(record.month, record.control, bill.charges.len(), Arc::clone(&bill));
        Ok(bill)
    }
}

/// The closed months whose corrections a month bills: all of them, when it is the one that closes next.
fn corrected_in(month: Month, ledger: &Ledger, revisions: &Revisions) -> Vec<Month> {
    let Some(last) = ledger.last_closed().filter(|last| last.next() == month) else { return Vec::new() };
    let closed: BTreeSet<Month> = revisions
        .months()
        .filter(|m| *m <= last)
        .chain(ledger.closings().map(|record| record.month))
        .collect();
    closed.into_iter().collect()
}

/// Runs a reckoning where it does not hold up other requests.
pub(crate) async fn off_the_loop<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => futures::future::pending().await,
        },
    }
}

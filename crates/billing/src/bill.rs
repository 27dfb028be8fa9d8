//! A month as it is billed: its charges, its sums and where they come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::access::Viewer;
use domain::charge::{Charge, Totals};
use domain::document::Document;
use domain::rating::{Finding, Line, Payer};
use domain::{Instant, Month, Rate};

/// How far a month is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MonthState {
    /// It still changes.
    Open,
    /// It was announced for review; it still changes.
    Preliminary,
    /// It is frozen.
    Closed,
}

impl MonthState {
    /// As it is written in answers and files.
    pub const fn name(self) -> &'static str {
        match self {
            MonthState::Open => "open",
            MonthState::Preliminary => "preliminary",
            MonthState::Closed => "closed",
        }
    }
}

/// A month's charges. Of a closed month they are the frozen ones; else they are as of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// The month.
    pub month: Month,
    /// How far it is.
    pub state: MonthState,
    /// The version of the catalogue that it was reckoned on.
    pub catalogue: String,
    /// The surcharge rate in force in the month (R7).
    pub rate: Option<Rate>,
    /// The rate's decision; empty without a rate.
    pub rate_decision: String,
    /// The month's own charges by payer, cost centre, service, meter and class, then the corrections by corrected month.
    pub charges: Vec<Charge>,
    /// The sums of all charges.
    pub totals: Totals,
    /// What each company is invoiced or credited, by number. Empty until it is closed: numbers are given out then.
    pub documents: Vec<Document>,
    /// Usage that nobody pays for, of this month and of closed ones that it would correct. Empty when it is closed.
    pub unattributed: Vec<Line>,
    /// What else stands in the way of closing, by the month of the usage. Empty when it is closed.
    pub findings: Vec<(Month, Finding)>,
    /// How it was frozen; none until then.
    pub frozen: Option<Frozen>,
}

/// How a month was frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// The decision's offset in the control log: the cut of the usage that was billed. None for a month before the first
    /// that was closed: it is closed as empty, without a decision of its own.
    pub control: Option<u64>,
    /// When it was decided.
    pub at: Instant,
    /// Who decided, as he signed it; empty when nobody did.
    pub by: String,
    /// The chain of the decision in the control log: whoever keeps it outside can tell later that the log before it was not
    /// changed. Empty where there is none.
    pub chain: String,
    /// The hash of what was frozen: 64 hexadecimal digits.
    pub hash: String,
    /// Why it was closed in spite of gaps; empty when it was not.
    pub accepted_gaps: String,
}

/// A month in a list of months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthSummary {
    /// The month.
    pub month: Month,
    /// How far it is.
    pub state: MonthState,
    /// Its sums, corrections of earlier months included.
    pub totals: Totals,
    /// The hash of what was frozen; none until then.
    pub hash: Option<String>,
}

/// What one payer is billed in a month, corrections included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayerTotal {
    /// The payer.
    pub customer: Arc<Payer>,
    /// Its sums. The surcharge is reckoned on the payer's month and spread over its lines.
    pub totals: Totals,
    /// How many lines.
    pub lines: usize,
}

/// What one service brings in a month, corrections included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceTotal {
    /// The service's slug.
    pub service: String,
    /// Its name in Swedish.
    pub name: String,
    /// The code of its object product.
    pub product: String,
    /// Its sums.
    pub totals: Totals,
    /// How many lines.
    pub lines: usize,
}

impl Frozen {
    /// `CONTROL:CHAIN`, as exports print it and `audit verify` takes it; none where there is none.
    pub fn anchor(&self) -> Option<String> {
        let control = self.control.filter(|_| !self.chain.is_empty())?;
        Some(format!("{control}:{}", self.chain))
    }
}

impl Bill {
    /// A month in a list of months.
    pub fn summary(&self) -> MonthSummary {
        MonthSummary {
            month: self.month,
            state: self.state,
            totals: self.totals,
            hash: self.frozen.as_ref().map(|frozen| frozen.hash.clone()),
        }
    }

    /// The charges of the month's own usage.
    pub fn own(&self) -> &[Charge] {
        &self.charges[..self.first_correction()]
    }

    /// The corrections of closed months.
    pub fn corrections(&self) -> &[Charge] {
        &self.charges[self.first_correction()..]
    }

    fn first_correction(&self) -> usize {
        self.charges.partition_point(|charge| charge.corrects.is_none())
    }

    /// What one payer sees of it: its own charges, sums and documents.
    pub fn of_payer(&self, code: &str) -> Bill {
        let own = |charge: &&Charge| charge.customer.code == code;
        let charges: Vec<Charge> = self.charges.iter().filter(own).cloned().collect();
        let documents = self.documents.iter().filter(|document| document.customer.code == code);
        Bill {
            totals: charges.iter().collect(),
            charges,
            documents: documents.cloned().collect(),
            unattributed: Vec::new(),
            findings: Vec::new(),
            catalogue: self.catalogue.clone(),
            rate_decision: self.rate_decision.clone(),
            // Why gaps were accepted may name others.
            frozen: self.frozen.clone().map(|frozen| Frozen { accepted_gaps: String::new(), ..frozen }),
            ..*self
        }
    }

    /// What somebody sees of it: the charges in their scope and the sums of these. Documents, which show all of a payer, and
    /// hindrances, which may name others, are seen only by those who see everything.
    pub fn seen_by(self: &Arc<Self>, viewer: &Viewer) -> Arc<Bill> {
        if viewer.sees_all() {
            return Arc::clone(self);
        }
        let charges: Vec<Charge> =
            self.charges.iter().filter(|charge| viewer.sees(charge.belongs())).cloned().collect();
        let unattributed = self.unattributed.iter().filter(|line| viewer.sees(line.belongs()));
        Arc::new(Bill {
            totals: charges.iter().collect(),
            charges,
            unattributed: unattributed.cloned().collect(),
            documents: Vec::new(),
            findings: Vec::new(),
            catalogue: self.catalogue.clone(),
            rate_decision: self.rate_decision.clone(),
            frozen: self.frozen.clone().map(|frozen| Frozen { accepted_gaps: String::new(), ..frozen }),
            ..**self
        })
    }

    /// The charge with this id.
    pub fn charge(&self, id: &str) -> Option<&Charge> {
        self.charges.iter().find(|charge| charge.id() == id)
    }

    /// What each payer is billed, by code. Adds up to [`Bill::totals`].
    pub fn payers(&self) -> Vec<PayerTotal> {
        let mut payers: BTreeMap<&str, PayerTotal> = BTreeMap::new();
        for charge in &self.charges {
            let payer = payers.entry(&charge.customer.code).or_insert_with(|| PayerTotal {
                customer: Arc::clone(&charge.customer),
                totals: Totals::default(),
                lines: 0,
            });
            payer.totals += charge.totals();
            payer.lines += 1;
        }
        payers.into_values().collect()
    }

    /// What each service brings, by slug. Adds up to [`Bill::totals`].
    pub fn services(&self) -> Vec<ServiceTotal> {
        let mut services: BTreeMap<&str, ServiceTotal> = BTreeMap::new();
        for charge in &self.charges {
            let service = services.entry(&charge.tariff.service).or_insert_with(|| ServiceTotal {
                service: charge.tariff.service.clone(),
                name: charge.tariff.service_name.clone(),
                product: charge.tariff.product.clone(),
                totals: Totals::default(),
                lines: 0,
            });
            service.totals += charge.totals();
            service.lines += 1;
        }
        services.into_values().collect()
    }
}

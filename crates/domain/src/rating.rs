//! Usage becomes lines: monthly usage + catalogue → lines with gross, joint part and net (R11).
//!
//! A line is what one payer's cost centre used of one class of one meter in a month. Its quantity is divided once, its
//! gross is rounded once, its joint part is rounded once (domain rules, §2.6); nothing else here rounds. Where a price
//! holds for all that a payer uses (steps, packages, allowance, minimum), the payer's gross is rounded once and spread.

mod agreements;
mod payers;
mod tariff;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use agreements::agreement_usage;
pub use tariff::{JointTerms, Payer, PriceTerms, Tariff};

use crate::access::Belongs;
use crate::calendar::Month;
use crate::catalogue::Catalogue;
use crate::money::{Money, UnitPrice};
use crate::quantity::Quantity;
use crate::usage::{DailyUsage, MonthlyUsage};

/// The greatest gross of a line: 10¹² kronor. What is beyond is a mistake, not a bill, and as many such lines as a month
/// could have still add up within [`Money`].
pub const LINE_GROSS_MAX: Money = Money::from_ore(100_000_000_000_000);

/// The greatest quantity that is priced, in millionths: what is beyond does not fit a decimal.
const LINE_MICROS_MAX: i128 = 1_000_000_000_000_000_000_000_000_000;

/// What one cost centre of one payer used of one class of one meter in a month, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The month of the usage.
    pub month: Month,
    /// Who pays; none while nobody owns the cost centre: such a line is shown, never charged.
    pub customer: Option<Arc<Payer>>,
    /// The cost centre's code.
    pub costcentre: Arc<str>,
    /// What was used, and on which terms.
    pub tariff: Arc<Tariff>,
    /// The exact amount, see [`crate::usage::MeterKind::divisor`].
    pub amount: i128,
    /// The amount divided once and rounded to six decimals.
    pub quantity: Quantity,
    /// G = öre(quantity × price).
    pub gross: Money,
    /// J = öre(share × G): posted to the object's ledger.
    pub joint: Money,
    /// N = G − J: what the payer is invoiced.
    pub net: Money,
}

impl Line {
    /// What orders lines and tells them apart within a month: customer, cost centre, service, meter, class.
    pub fn key(&self) -> (Option<&str>, &str, &str, &str, &str) {
        let (service, meter, class) = self.tariff.key();
        (self.customer.as_deref().map(|c| c.code.as_str()), &self.costcentre, service, meter, class)
    }

    /// Whose it is.
    pub fn belongs(&self) -> Belongs<'_> {
        let customer = self.customer.as_deref().map(|payer| payer.code.as_str());
        Belongs { service: &self.tariff.service, customer, costcentre: &self.costcentre }
    }

    /// Sets what it costs: the joint part is rounded here (R11).
    fn charge(&mut self, gross: Money) {
        self.gross = gross;
        self.joint = self.tariff.joint.as_ref().map_or(Money::ZERO, |terms| terms.share.of(gross));
        self.net = gross - self.joint;
    }

    /// Kronor per unit, see [`Tariff::unit_price`].
    pub fn unit_price(&self) -> Option<UnitPrice> {
        self.tariff.unit_price()
    }
}

/// A month's usage, rated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rated {
    /// The month.
    pub month: Month,
    /// The priced usage, ordered by [`Line::key`]: one line for each key.
    pub lines: Vec<Line>,
    /// The usage without a price, in the same order: of meters that only show a trend, and of billed meters whose
    /// price is missing (each of which is a finding too).
    pub unpriced: Vec<Line>,
    /// What stands in the way of a bill, ordered.
    pub findings: Vec<Finding>,
}

impl Rated {
    /// The usage that nobody pays for, priced or not.
    pub fn unattributed(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().chain(&self.unpriced).filter(|line| line.customer.is_none())
    }
}

/// Usage that cannot be billed as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// The catalogue has no such meter.
    UnknownMeter {
        /// The service's slug.
        service: String,
        /// The meter's slug.
        meter: String,
    },
    /// The meter is billed, but no decided price is in force for the class.
    Unpriced {
        /// The service's slug.
        service: String,
        /// The meter's slug.
        meter: String,
        /// The class.
        class: String,
        /// How much was used, over all cost centres.
        quantity: Quantity,
    },
    /// The amount or its price is beyond what a line may be.
    TooLarge {
        /// The service's slug.
        service: String,
        /// The meter's slug.
        meter: String,
        /// The class.
        class: String,
        /// The cost centre's code.
        costcentre: String,
    },
    /// A cost centre changed hands, and the days that decide who pays do not add up to its month.
    DaysDiffer {
        /// The service's slug.
        service: String,
        /// The meter's slug.
        meter: String,
        /// The class.
        class: String,
        /// The cost centre's code.
        costcentre: String,
    },
}

/// Rates a month's usage. `days` holds the daily usage of at least the cost centres that change hands within the month
/// (see [`Catalogue::payer_of_month`]): the owner on a day pays for that day. The order of the rows does not matter,
/// nor whether an amount comes in one row or several.
pub fn rate(catalogue: &Catalogue, month: Month, usage: &[MonthlyUsage], days: &[DailyUsage]) -> Rated {
    let mut rating = Rating::new(catalogue, month);
    for row in usage.iter().filter(|row| row.month == month && row.amount != 0) {
        rating.add_month(row);
    }
    for row in days.iter().filter(|row| Month::of(row.day) == month && row.amount != 0) {
        rating.add_day(row);
    }
    rating.finish()
}

/// A part of a line: what came in one row.
struct Part {
    customer: Option<Arc<Payer>>,
    costcentre: Arc<str>,
    tariff: Arc<Tariff>,
    amount: i128,
}

impl Part {
    fn key(&self) -> (Option<&str>, &str, &str, &str, &str) {
        let (service, meter, class) = self.tariff.key();
        (self.customer.as_deref().map(|c| c.code.as_str()), &self.costcentre, service, meter, class)
    }
}

/// The payer of a cost centre in a month.
#[derive(Clone, Copy)]
enum Owner<'a> {
    Whole(Option<&'a str>),
    Changes,
}

/// Service, meter, class.
type Class<'a> = (&'a str, &'a str, &'a str);

struct Rating<'a> {
    catalogue: &'a Catalogue,
    month: Month,
    /// By class, and by payer where the terms depend on who pays.
    tariffs: BTreeMap<(Class<'a>, Option<&'a str>), Option<Arc<Tariff>>>,
    financed_by_payer: BTreeMap<&'a str, bool>,
    payers: BTreeMap<&'a str, Arc<Payer>>,
    owners: BTreeMap<&'a str, (Arc<str>, Owner<'a>)>,
    parts: Vec<Part>,
    /// Month − days of the cost centres that change hands: all zero when the days are complete.
    balance: BTreeMap<(&'a str, &'a str, &'a str, &'a str), i128>,
    findings: Vec<Finding>,
}

impl<'a> Rating<'a> {
    fn new(catalogue: &'a Catalogue, month: Month) -> Self {
        Self {
            catalogue,
            month,
            tariffs: BTreeMap::new(),
            financed_by_payer: BTreeMap::new(),
            payers: BTreeMap::new(),
            owners: BTreeMap::new(),
            parts: Vec::new(),
            balance: BTreeMap::new(),
            findings: Vec::new(),
        }
    }

    fn add_month(&mut self, row: &'a MonthlyUsage) {
        let (costcentre, owner) = self.owner(&row.costcentre);
        match owner {
            Owner::Whole(customer) => {
                let class = (row.service.as_str(), row.meter.as_str(), row.class.as_str());
                self.add(class, customer, costcentre, row.amount);
            }
            Owner::Changes => self.weigh((&row.service, &row.meter, &row.class, &row.costcentre), row.amount),
        }
    }

    fn add(&mut self, class: Class<'a>, customer: Option<&'a str>, costcentre: Arc<str>, amount: i128) {
        let Some(tariff) = self.tariff(class, customer) else { return };
        let customer = customer.map(|code| self.payer(code));
        self.parts.push(Part { customer, costcentre, tariff, amount });
    }

    fn add_day(&mut self, row: &'a DailyUsage) {
        let (costcentre, owner) = self.owner(&row.costcentre);
        match owner {
            Owner::Whole(_) => {}
            Owner::Changes => {
                self.weigh((&row.service, &row.meter, &row.class, &row.costcentre), -row.amount);
                let class = (row.service.as_str(), row.meter.as_str(), row.class.as_str());
                self.add(class, self.catalogue.payer(&row.costcentre, row.day), costcentre, row.amount);
            }
        }
    }

    fn weigh(&mut self, key: (&'a str, &'a str, &'a str, &'a str), amount: i128) {
        let balance = self.balance.entry(key).or_default();
        // Amounts beyond this are found as too large when the line is made.
        *balance = balance.saturating_add(amount);
    }

    fn tariff(&mut self, class: Class<'a>, payer: Option<&'a str>) -> Option<Arc<Tariff>> {
        let (catalogue, month, findings) = (self.catalogue, self.month, &mut self.findings);
        let (service, meter, _) = class;
        let by_payer =
            self.financed_by_payer.entry(service).or_insert_with(|| catalogue.finances_by_payer(service));
        let payer = payer.filter(|_| *by_payer);
        let made = self.tariffs.entry((class, payer)).or_insert_with(|| {
            let tariff = Tariff::of(catalogue, class, payer, month).map(Arc::new);
            if tariff.is_none() {
                findings.push(Finding::UnknownMeter { service: service.to_owned(), meter: meter.to_owned() });
            }
            tariff
        });
        made.clone()
    }

    fn owner(&mut self, costcentre: &'a str) -> (Arc<str>, Owner<'a>) {
        if let Some(known) = self.owners.get(costcentre) {
            return known.clone();
        }
        let owner = match self.catalogue.payer_of_month(costcentre, self.month) {
            Ok(customer) => Owner::Whole(customer),
            Err(_changes) => Owner::Changes,
        };
        let known = (Arc::from(costcentre), owner);
        self.owners.insert(costcentre, known.clone());
        known
    }

    fn payer(&mut self, code: &'a str) -> Arc<Payer> {
        let catalogue = self.catalogue;
        Arc::clone(self.payers.entry(code).or_insert_with(|| Arc::new(Payer::of(catalogue, code))))
    }

    fn finish(mut self) -> Rated {
        for ((service, meter, class, costcentre), _) in
            self.balance.iter().filter(|(_, balance)| **balance != 0)
        {
            self.findings.push(Finding::DaysDiffer {
                service: (*service).to_owned(),
                meter: (*meter).to_owned(),
                class: (*class).to_owned(),
                costcentre: (*costcentre).to_owned(),
            });
        }
        self.parts.sort_by(|a, b| a.key().cmp(&b.key()));
        let (mut lines, mut unpriced) = (Vec::new(), Vec::new());
        for parts in self.parts.chunk_by(|a, b| a.key() == b.key()) {
            match line(self.month, parts) {
                Some(line) if line.amount == 0 => {}
                Some(line) if line.tariff.price.is_some() => lines.push(line),
                Some(line) => unpriced.push(line),
                None => self.findings.push(too_large(&parts[0].tariff, &parts[0].costcentre)),
            }
        }
        self.findings.extend(payers::price(&mut lines));
        self.findings.extend(missing_prices(self.month, &unpriced));
        self.findings.sort();
        self.findings.dedup();
        Rated { month: self.month, lines, unpriced, findings: self.findings }
    }
}

/// The line of all parts with one key; none when it is beyond what a line may be.
fn line(month: Month, parts: &[Part]) -> Option<Line> {
    let Part { customer, costcentre, tariff, .. } = &parts[0];
    let amount = parts.iter().try_fold(0_i128, |sum, part| sum.checked_add(part.amount))?;
    let quantity = tariff.kind.quantity(amount, month);
    if quantity.micros().unsigned_abs() > LINE_MICROS_MAX.unsigned_abs() {
        return None;
    }
    let mut line = Line {
        month,
        customer: customer.clone(),
        costcentre: Arc::clone(costcentre),
        tariff: Arc::clone(tariff),
        amount,
        quantity,
        gross: Money::ZERO,
        joint: Money::ZERO,
        net: Money::ZERO,
    };
    if let Some(price) = tariff.unit_price() {
        line.charge(price.times(quantity).filter(|gross| gross.ore().abs() <= LINE_GROSS_MAX.ore())?);
    }
    Some(line)
}

fn too_large(tariff: &Tariff, costcentre: &str) -> Finding {
    let (service, meter, class) = tariff.key();
    Finding::TooLarge {
        service: service.to_owned(),
        meter: meter.to_owned(),
        class: class.to_owned(),
        costcentre: costcentre.to_owned(),
    }
}

/// One finding for each class of a billed meter that was used without a price.
fn missing_prices(month: Month, unpriced: &[Line]) -> Vec<Finding> {
    let mut amounts: BTreeMap<(&str, &str, &str), (&Tariff, i128)> = BTreeMap::new();
    for line in unpriced.iter().filter(|line| line.tariff.billed) {
        let (_, amount) = amounts.entry(line.tariff.key()).or_insert((&line.tariff, 0));
        *amount = amount.saturating_add(line.amount);
    }
    let finding = |((service, meter, class), (tariff, amount)): ((&str, &str, &str), (&Tariff, i128))| {
        Finding::Unpriced {
            service: service.to_owned(),
            meter: meter.to_owned(),
            class: class.to_owned(),
            quantity: tariff.kind.quantity(amount, month),
        }
    };
    amounts.into_iter().map(finding).collect()
}

#[cfg(test)]
pub(crate) mod tests;

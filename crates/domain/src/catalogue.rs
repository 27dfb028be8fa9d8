//! What is delivered, what it costs, who pays: the catalogue that the municipality decides.
//!
//! A [`Catalogue`] here has been checked by the `catalog` crate: its references resolve and its validities do not
//! overlap. Everything that changes over time is dated, by month where money depends on it.

mod closing;
mod invoicing;

use std::collections::BTreeMap;

use chrono::NaiveDate;

pub use closing::ClosingRules;
pub use invoicing::{Address, Contact, Invoicing};

use crate::calendar::Month;
use crate::coverage::CoverageScope;
use crate::event::CustomerKind;
use crate::financing::{CostKind, JointShare};
use crate::focus::ServiceSubcategory;
use crate::money::{Rate, UnitPrice};
use crate::object::ObjectPlan;
use crate::posting::PostingMap;
use crate::price::PriceModel;
use crate::quantity::Quantity;
use crate::usage::MeterKind;

/// Everything that was decided, as of one version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalogue {
    /// The content hash of the files that it was read from: 64 hexadecimal digits.
    pub version: String,
    /// Who delivers and bills.
    pub organisation: Organisation,
    /// What closing a month requires.
    pub closing: ClosingRules,
    /// How companies are invoiced.
    pub invoicing: Invoicing,
    /// How finance books what the others are charged; empty where the catalogue does not say.
    pub posting: PostingMap,
    /// The object products, by code (`U`, `P`).
    pub products: BTreeMap<String, Product>,
    /// The services, by slug.
    pub services: BTreeMap<String, Service>,
    /// What services are in FOCUS, by slug, where the catalogue says; else their events tell.
    pub focus: BTreeMap<String, ServiceSubcategory>,
    /// What values of a meter's dimensions are called, by service, meter and value, where the catalogue says.
    pub value_names: BTreeMap<(String, String, String), ValueName>,
    /// The customers (payers), by code.
    pub customers: BTreeMap<String, Customer>,
    /// The cost centres, by code.
    pub costcentres: BTreeMap<String, CostCentre>,
    /// The price list, ordered by (service, meter, class, valid_from).
    pub prices: Vec<PriceRow>,
    /// The surcharge rates (R7), ordered by valid_from.
    pub rates: Vec<SurchargeRate>,
    /// The joint financing (R11–R13), ordered by (service, part, payers, valid_from).
    pub joint_shares: Vec<JointShare>,
    /// The agreements that are billed without events, ordered by id.
    pub agreements: Vec<Agreement>,
    /// The volumes that the year was planned with, in the file's order.
    pub volumes: Vec<PlannedVolume>,
    /// The object's own economy.
    pub object: ObjectPlan,
    /// How rows of CSV become events, by name.
    pub csv: BTreeMap<String, CsvMapping>,
    /// The decisions that all of this refers to, by reference; empty where they are kept elsewhere.
    pub decisions: BTreeMap<String, Decision>,
    /// The registered sources of events, by their `source`.
    pub sources: BTreeMap<String, Source>,
    /// For whom services are mandatory (R14), by code.
    pub scopes: BTreeMap<String, CoverageScope>,
}

/// Who delivers and bills.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Organisation {
    /// The municipality's name.
    pub name: String,
    /// The delivering unit's name.
    pub unit: String,
    /// The organisation number, `212000-0449`.
    pub number: String,
}

/// An object product: a group of services within the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its name in Swedish.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
}

/// A service that is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its slug.
    pub slug: String,
    /// Its name in Swedish, as the object plan writes it.
    pub name: String,
    /// A short explanation in English.
    pub name_en: String,
    /// The code of its object product.
    pub product: String,
    /// The first day that it may be used.
    pub start: NaiveDate,
    /// The first month in which it is established and bears the surcharge (R4); none while it is under development.
    pub established_from: Option<Month>,
    /// Whether a month without data is a gap (R18).
    pub monthly_measured: bool,
    /// Its meters, by slug.
    pub meters: BTreeMap<String, Meter>,
}

/// One way in which the use of a service is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// Its slug within the service.
    pub slug: String,
    /// Its name in Swedish.
    pub name: String,
    /// Its name in English.
    pub name_en: String,
    /// How events become a month's quantity. Never changes.
    pub kind: MeterKind,
    /// The unit of its quantities, as events must write it. Never changes.
    pub unit: String,
    /// The event type that feeds it; none for agreements.
    pub event_type: Option<String>,
    /// Its dimensions, in the catalogue's order. Which of them rate never changes.
    pub dimensions: Vec<Dimension>,
    /// Whether it is priced; else it only shows a trend.
    pub billed: bool,
    /// Whether negative quantities are taken (V7). Never for readings.
    pub negative: bool,
    /// How many days a reading holds when no other comes (counting §6).
    pub hold_days: u16,
    /// What its cost is for (R13): joint financing may depend on it.
    pub cost_kind: CostKind,
}

/// A dimension that events of a meter may carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// Its name in `dims`.
    pub name: String,
    /// Whether the price depends on it: then events must have it, with one of the values.
    pub rating: bool,
    /// Whether readings with different values are different series.
    pub series: bool,
    /// The values that are known; empty when any is taken (never for a rating dimension).
    pub values: Vec<String>,
}

/// What people call a value of a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueName {
    /// In Swedish.
    pub name: String,
    /// In English.
    pub name_en: String,
}

/// A payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// An administration or a company.
    pub kind: CustomerKind,
    /// The organisation number of a company, where it is known.
    pub number: Option<String>,
    /// What its invoices are found by (BT-10), where it has said; else its code is.
    pub reference: Option<String>,
    /// Where it is (BG-8), where that is known.
    pub address: Option<Address>,
}

/// A cost centre: what usage is counted under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostCentre {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Who pays for it and since when, ordered, without overlap.
    pub owners: Vec<Ownership>,
}

/// That a customer pays for a cost centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// The customer's code.
    pub customer: String,
    /// The first day.
    pub from: NaiveDate,
    /// The last day; none while it lasts.
    pub to: Option<NaiveDate>,
}

/// How a price row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PriceState {
    /// Somebody's sketch.
    Draft,
    /// Proposed for a decision.
    Proposed,
    /// Decided: in force within its validity. Only such rows bill.
    Decided,
}

/// A row of the price list (R19).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceRow {
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The values of the rating dimensions joined by `/`; empty for a meter without.
    pub class: String,
    /// The first month.
    pub valid_from: Month,
    /// The last month; none while it lasts.
    pub valid_to: Option<Month>,
    /// Kronor without VAT: per unit, or what its model says.
    pub price: UnitPrice,
    /// How the price makes an amount of a quantity.
    pub model: PriceModel,
    /// What a unit costs to deliver, when the decided price was adjusted (R10).
    pub cost_price: Option<UnitPrice>,
    /// How it stands.
    pub state: PriceState,
    /// The decision's reference.
    pub decision: String,
}

/// A surcharge rate in force (R4–R7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurchargeRate {
    /// The first month.
    pub valid_from: Month,
    /// The fraction of the invoiced net.
    pub rate: Rate,
    /// The decision's reference.
    pub decision: String,
    /// The role that decided.
    pub decided_by: String,
}

/// An agreement that is billed by the month, without events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// Its id.
    pub id: String,
    /// The service's slug.
    pub service: String,
    /// The meter's slug; its kind is fixed.
    pub meter: String,
    /// The class (level), as in the price list.
    pub class: String,
    /// The paying cost centre.
    pub costcentre: String,
    /// How many, usually one.
    pub quantity: Quantity,
    /// The first day.
    pub from: NaiveDate,
    /// The last day; none while it lasts.
    pub to: Option<NaiveDate>,
}

/// How the rows of a CSV file become events of one meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvMapping {
    /// The events' source.
    pub source: String,
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The columns that together tell a row from every other one, in all files of the source.
    pub id: Vec<String>,
    /// The column of the time: RFC 3339, or a Swedish wall-clock time or day.
    pub time: String,
    /// What comes before the subject's column, such as `printer:`.
    pub subject_prefix: String,
    /// The column of the subject.
    pub subject: String,
    /// The column of the cost centre.
    pub costcentre: String,
    /// The column of the quantity; none when each row is one.
    pub quantity: Option<String>,
    /// The dimensions, by name.
    pub dimensions: BTreeMap<String, CsvDimension>,
}

/// Where a dimension's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvDimension {
    /// The column.
    pub column: String,
    /// What its values mean; a value that is not here is taken as it is.
    pub values: BTreeMap<String, String>,
}

/// A decision: who made it, and when (R7, R19).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// When it was made.
    pub day: NaiveDate,
    /// The role or body that made it; never a person.
    pub by: String,
    /// What it is about.
    pub about: String,
}

/// A planned volume: the average of the year's months.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedVolume {
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The class, as in the price list.
    pub class: String,
    /// Units per month.
    pub volume: Quantity,
}

/// A registered source of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The events' `source`.
    pub source: String,
    /// What it is, in Swedish.
    pub name: String,
}

impl Catalogue {
    /// A meter, when both the service and the meter exist.
    pub fn meter(&self, service: &str, meter: &str) -> Option<&Meter> {
        self.services.get(service)?.meters.get(meter)
    }

    /// Who pays for a cost centre on a day; none when it is unattributed.
    pub fn payer(&self, costcentre: &str, day: NaiveDate) -> Option<&str> {
        let owners = &self.costcentres.get(costcentre)?.owners;
        owners.iter().find(|o| o.from <= day && o.to.is_none_or(|to| day <= to)).map(|o| o.customer.as_str())
    }

    /// The payer of a cost centre for all of a month, when nobody else has any day of it. `Err` when it changes hands
    /// within the month, or is without a payer for a part of it: then the days decide.
    pub fn payer_of_month(&self, costcentre: &str, month: Month) -> Result<Option<&str>, OwnerChanges> {
        let Some(known) = self.costcentres.get(costcentre) else { return Ok(None) };
        let (first, last) = (month.first_day(), month.last_day());
        let mut touching =
            known.owners.iter().filter(|o| o.from <= last && o.to.is_none_or(|to| to >= first));
        let Some(owner) = touching.next() else { return Ok(None) };
        let whole = owner.from <= first && owner.to.is_none_or(|to| to >= last);
        if whole { Ok(Some(&owner.customer)) } else { Err(OwnerChanges) }
    }

    /// The decided price in force in a month.
    pub fn price(&self, service: &str, meter: &str, class: &str, month: Month) -> Option<&PriceRow> {
        let key = (service, meter, class);
        let at = self
            .prices
            .partition_point(|row| (row.service.as_str(), row.meter.as_str(), row.class.as_str()) < key);
        self.prices[at..]
            .iter()
            .take_while(|row| (row.service.as_str(), row.meter.as_str(), row.class.as_str()) == key)
            .find(|row| {
                row.state == PriceState::Decided
                    && row.valid_from <= month
                    && row.valid_to.is_none_or(|to| month <= to)
            })
    }

    /// The surcharge rate in force in a month.
    pub fn rate(&self, month: Month) -> Option<&SurchargeRate> {
        self.rates.iter().rev().find(|rate| rate.valid_from <= month)
    }

    /// Whether a service bears the surcharge in a month (R4).
    pub fn bears_surcharge(&self, service: &str, month: Month) -> bool {
        self.services.get(service).and_then(|s| s.established_from).is_some_and(|from| from <= month)
    }
}

/// A cost centre changes hands within a month, so its days decide who pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnerChanges;

impl Meter {
    /// The class of a usage: the values of the rating dimensions in the catalogue's order, joined by `/`. `None` when
    /// one of them is missing.
    pub fn class<'d>(&self, dim: impl Fn(&str) -> Option<&'d str>) -> Option<String> {
        let mut class = String::new();
        for (n, dimension) in self.dimensions.iter().filter(|d| d.rating).enumerate() {
            if n > 0 {
                class.push('/');
            }
            class.push_str(dim(&dimension.name)?);
        }
        Some(class)
    }

    /// What tells a usage's series apart besides source and subject: the values of the series dimensions, joined by
    /// `/`. A missing value is empty.
    pub fn series<'d>(&self, dim: impl Fn(&str) -> Option<&'d str>) -> String {
        let values = self.dimensions.iter().filter(|d| d.series).map(|d| dim(&d.name).unwrap_or(""));
        values.collect::<Vec<_>>().join("/")
    }
}

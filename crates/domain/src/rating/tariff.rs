//! The terms of a line: who pays, what a unit costs and which decisions say so.
//!
//! They carry the names too, because a frozen month must read the same when the catalogue has moved on.

use crate::calendar::Month;
use crate::catalogue::Catalogue;
use crate::event::CustomerKind;
use crate::financing::Phase;
use crate::money::{Rate, UnitPrice};
use crate::price::PriceModel;
use crate::usage::MeterKind;

/// A payer, as it was when the line was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Payer {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// An administration pays without VAT, a company with (§2.3).
    pub kind: CustomerKind,
}

impl Payer {
    /// The customer with this code; one that the catalogue does not describe is named by its code.
    pub fn of(catalogue: &Catalogue, code: &str) -> Self {
        match catalogue.customers.get(code) {
            Some(known) => Self { code: known.code.clone(), name: known.name.clone(), kind: known.kind },
            None => Self { code: code.to_owned(), name: code.to_owned(), kind: CustomerKind::Forvaltning },
        }
    }
}

/// What one class of one meter costs in a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tariff {
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The values of the rating dimensions joined by `/`; empty for a meter without.
    pub class: String,
    /// The unit of its quantities.
    pub unit: String,
    /// How amounts become quantities.
    pub kind: MeterKind,
    /// The service's name in Swedish.
    pub service_name: String,
    /// The meter's name in Swedish.
    pub meter_name: String,
    /// The code of the service's object product.
    pub product: String,
    /// Whether the meter is priced; else it only shows a trend.
    pub billed: bool,
    /// Whether the service bears the object's surcharge in the month (R4).
    pub bears_surcharge: bool,
    /// The price in force; none for a trend, and where it is missing.
    pub price: Option<PriceTerms>,
    /// The joint financing in force.
    pub joint: Option<JointTerms>,
}

/// A price in force and where it comes from (R19).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceTerms {
    /// Kronor without VAT: per unit, or what the model says.
    pub price: UnitPrice,
    /// How the price makes an amount of a quantity.
    pub model: PriceModel,
    /// What a unit costs to deliver, when the decided price was adjusted (R10).
    pub cost_price: Option<UnitPrice>,
    /// The first month of the price row.
    pub valid_from: Month,
    /// The decision's reference.
    pub decision: String,
}

/// A share that is financed jointly, and where it comes from (R11–R13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JointTerms {
    /// The jointly financed fraction of the gross.
    pub share: Rate,
    /// The first month of the share.
    pub valid_from: Month,
    /// The phase of the service's life that the decision names.
    pub phase: Phase,
    /// Who bears it instead of the object (R22); none when it is the object.
    pub bearer: Option<String>,
    /// The decision's reference.
    pub decision: String,
}

impl Tariff {
    /// The terms of a class for a payer (by code; none while nobody pays) in a month; none when the catalogue has no such
    /// meter.
    pub fn of(
        catalogue: &Catalogue,
        (service, meter, class): (&str, &str, &str),
        payer: Option<&str>,
        month: Month,
    ) -> Option<Self> {
        let payer = payer.and_then(|code| catalogue.customers.get(code));
        let known = catalogue.services.get(service)?;
        let measured = known.meters.get(meter)?;
        let price = measured.billed.then(|| catalogue.price(service, meter, class, month)).flatten();
        Some(Self {
            service: service.to_owned(),
            meter: meter.to_owned(),
            class: class.to_owned(),
            unit: measured.unit.clone(),
            kind: measured.kind,
            service_name: known.name.clone(),
            meter_name: measured.name.clone(),
            product: known.product.clone(),
            billed: measured.billed,
            bears_surcharge: catalogue.bears_surcharge(service, month),
            price: price.map(|row| PriceTerms {
                price: row.price,
                model: row.model.clone(),
                cost_price: row.cost_price,
                valid_from: row.valid_from,
                decision: row.decision.clone(),
            }),
            joint: catalogue.joint_share(service, measured, class, payer, month).map(|row| JointTerms {
                share: row.share,
                valid_from: row.valid_from,
                phase: row.phase,
                bearer: row.bearer.clone(),
                decision: row.decision.clone(),
            }),
        })
    }

    /// Kronor per unit; none for usage that has no price, and where a payer's amount is spread over its cost centres.
    pub fn unit_price(&self) -> Option<UnitPrice> {
        self.price.as_ref().filter(|terms| terms.model.is_plain()).map(|terms| terms.price)
    }

    /// What tells tariffs of a month apart: service, meter, class.
    pub fn key(&self) -> (&str, &str, &str) {
        (&self.service, &self.meter, &self.class)
    }
}

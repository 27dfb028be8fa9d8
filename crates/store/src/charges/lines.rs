//! The rows of frozen lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use clickhouse::Row;
use domain::charge::{Charge, Reason};
use domain::event::CustomerKind;
use domain::financing::Phase;
use domain::rating::{JointTerms, Payer, PriceTerms, Tariff};
use domain::usage::MeterKind;
use domain::{Money, Month, PriceModel, Quantity, UnitPrice};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{number, rate_number, rate_of};
use crate::error::Error;
use crate::native::Block;
use crate::rows::{days_of, month_of};

/// What stands for "no price": prices are never negative.
const NO_PRICE: i64 = -1_000_000;

#[derive(Row, Deserialize)]
pub(super) struct LineRow {
    month: i32,
    usage_month: i32,
    reason: String,
    customer: String,
    customer_name: String,
    customer_kind: String,
    costcentre: String,
    service: String,
    service_name: String,
    product: String,
    meter: String,
    meter_name: String,
    kind: String,
    class: String,
    unit: String,
    quantity: i128,
    billed_before: i128,
    unit_price: i64,
    cost_price: i64,
    price_model: String,
    price_from: i32,
    price_decision: String,
    joint_share: i64,
    joint_from: i32,
    joint_phase: String,
    joint_bearer: String,
    joint_decision: String,
    bears_surcharge: u8,
    gross: i64,
    joint: i64,
    net: i64,
    surcharge: i64,
}

pub(super) fn block(month: Month, cut: u64, charges: &[Charge]) -> Block {
    let mut block = Block::new(charges.len());
    let rows = || charges.iter();
    let day = |month: Month| days_of(month.first_day()).to_le_bytes();
    block.fixed("month", "Date32", rows().map(|_| day(month)));
    block.fixed("cut", "UInt64", rows().map(|_| cut.to_le_bytes()));
    block.fixed("line", "UInt32", (0_u32..).map(u32::to_le_bytes).take(charges.len()));
    block.fixed("usage_month", "Date32", rows().map(|line| day(line.usage_month())));
    block.strings("reason", rows().map(|line| line.reason.map_or("", Reason::name).as_bytes()));
    block.strings("customer", rows().map(|line| line.customer.code.as_bytes()));
    block.strings("customer_name", rows().map(|line| line.customer.name.as_bytes()));
    block.strings("customer_kind", rows().map(|line| line.customer.kind.name().as_bytes()));
    block.strings("costcentre", rows().map(|line| line.costcentre.as_bytes()));
    terms(&mut block, charges);
    let quantity = |quantity: Quantity| quantity.micros().to_le_bytes();
    let money = |amount: Money| amount.ore().to_le_bytes();
    block.fixed("quantity", "Decimal(38, 6)", rows().map(|line| quantity(line.quantity)));
    block.fixed("billed_before", "Decimal(38, 6)", rows().map(|line| quantity(line.billed_before)));
    block.fixed("gross", "Decimal(18, 2)", rows().map(|line| money(line.gross)));
    block.fixed("joint", "Decimal(18, 2)", rows().map(|line| money(line.joint)));
    block.fixed("net", "Decimal(18, 2)", rows().map(|line| money(line.net)));
    block.fixed("surcharge", "Decimal(18, 2)", rows().map(|line| money(line.surcharge)));
    block
}

fn terms(block: &mut Block, charges: &[Charge]) {
    let rows = || charges.iter().map(|line| &*line.tariff);
    block.strings("service", rows().map(|t| t.service.as_bytes()));
    block.strings("service_name", rows().map(|t| t.service_name.as_bytes()));
    block.strings("product", rows().map(|t| t.product.as_bytes()));
    block.strings("meter", rows().map(|t| t.meter.as_bytes()));
    block.strings("meter_name", rows().map(|t| t.meter_name.as_bytes()));
    block.strings("kind", rows().map(|t| t.kind.name().as_bytes()));
    block.strings("class", rows().map(|t| t.class.as_bytes()));
    block.strings("unit", rows().map(|t| t.unit.as_bytes()));
    block.fixed("bears_surcharge", "UInt8", rows().map(|t| [u8::from(t.bears_surcharge)]));
    let price = |price: Option<UnitPrice>| price.map_or(NO_PRICE, |p| number(p.kronor(), 6)).to_le_bytes();
    let from = |month: Option<Month>| month.map_or(0, |m| days_of(m.first_day())).to_le_bytes();
    let prices = || rows().map(|t| t.price.as_ref());
    block.fixed("unit_price", "Decimal(18, 6)", prices().map(|p| price(p.map(|p| p.price))));
    block.fixed("cost_price", "Decimal(18, 6)", prices().map(|p| price(p.and_then(|p| p.cost_price))));
    let model = |price: Option<&PriceTerms>| price.map_or_else(String::new, |price| price.model.to_string());
    block.strings("price_model", prices().map(model).collect::<Vec<_>>().iter().map(String::as_bytes));
    block.fixed("price_from", "Date32", prices().map(|p| from(p.map(|p| p.valid_from))));
    block.strings("price_decision", prices().map(|p| p.map_or("", |p| &p.decision).as_bytes()));
    let joints = || rows().map(|t| t.joint.as_ref());
    block.fixed(
        "joint_share",
        "Decimal(18, 8)",
        joints().map(|j| j.map_or(0, |j| rate_number(j.share)).to_le_bytes()),
    );
    block.fixed("joint_from", "Date32", joints().map(|j| from(j.map(|j| j.valid_from))));
    block.strings("joint_phase", joints().map(|j| j.map_or("", |j| j.phase.name()).as_bytes()));
    let bearer =
        |joint: Option<&JointTerms>| joint.and_then(|joint| joint.bearer.clone()).unwrap_or_default();
    block.strings("joint_bearer", joints().map(bearer).collect::<Vec<_>>().iter().map(String::as_bytes));
    block.strings("joint_decision", joints().map(|j| j.map_or("", |j| &j.decision).as_bytes()));
}

/// Makes charges of rows; what they have in common is made once.
#[derive(Default)]
pub(super) struct Reader {
    payers: BTreeMap<String, Vec<Arc<Payer>>>,
    costcentres: BTreeMap<String, Arc<str>>,
    tariffs: BTreeMap<(String, String, String, i32), Vec<Arc<Tariff>>>,
}

impl Reader {
    pub(super) fn charge(&mut self, row: LineRow) -> Result<Charge, Error> {
        let month = month_of(row.month)?;
        let usage_month = month_of(row.usage_month)?;
        let costcentre = match self.costcentres.get(&row.costcentre) {
            Some(known) => Arc::clone(known),
            None => {
                let made: Arc<str> = Arc::from(row.costcentre.as_str());
                self.costcentres.insert(row.costcentre.clone(), Arc::clone(&made));
                made
            }
        };
        Ok(Charge {
            month,
            corrects: (usage_month != month).then_some(usage_month),
            reason: reason_of(&row.reason)?,
            costcentre,
            quantity: Quantity::from_micros(row.quantity),
            billed_before: Quantity::from_micros(row.billed_before),
            gross: Money::from_ore(row.gross),
            joint: Money::from_ore(row.joint),
            net: Money::from_ore(row.net),
            surcharge: Money::from_ore(row.surcharge),
            customer: self.payer(&row)?,
            tariff: self.tariff(row)?,
        })
    }

    fn payer(&mut self, row: &LineRow) -> Result<Arc<Payer>, Error> {
        let kind = CustomerKind::from_name(&row.customer_kind).ok_or_else(|| Error::Unreadable {
            what: "kind of customer",
            value: row.customer_kind.clone(),
        })?;
        let payer = Payer { code: row.customer.clone(), name: row.customer_name.clone(), kind };
        Ok(one_of(self.payers.entry(row.customer.clone()).or_default(), payer))
    }

    fn tariff(&mut self, row: LineRow) -> Result<Arc<Tariff>, Error> {
        let key = (row.service.clone(), row.meter.clone(), row.class.clone(), row.usage_month);
        let kind = MeterKind::from_name(&row.kind)
            .ok_or_else(|| Error::Unreadable { what: "kind of meter", value: row.kind.clone() })?;
        let price = match price_of(row.unit_price)? {
            Some(price) => Some(PriceTerms {
                price,
                model: model_of(row.price_model)?,
                cost_price: price_of(row.cost_price)?,
                valid_from: month_of(row.price_from)?,
                decision: row.price_decision,
            }),
            None => None,
        };
        let joint = match row.joint_from {
            0 => None,
            from => Some(JointTerms {
                share: rate_of(row.joint_share)?,
                valid_from: month_of(from)?,
                phase: Phase::from_name(&row.joint_phase)
                    .ok_or(Error::Unreadable { what: "phase of joint financing", value: row.joint_phase })?,
                bearer: Some(row.joint_bearer).filter(|bearer| !bearer.is_empty()),
                decision: row.joint_decision,
            }),
        };
        let tariff = Tariff {
            service: row.service,
            meter: row.meter,
            class: row.class,
            unit: row.unit,
            kind,
            service_name: row.service_name,
            meter_name: row.meter_name,
            product: row.product,
            billed: true,
            bears_surcharge: row.bears_surcharge != 0,
            price,
            joint,
        };
        Ok(one_of(self.tariffs.entry(key).or_default(), tariff))
    }
}

fn one_of<T: PartialEq>(known: &mut Vec<Arc<T>>, made: T) -> Arc<T> {
    if let Some(same) = known.iter().find(|other| ***other == made) {
        return Arc::clone(same);
    }
    let made = Arc::new(made);
    known.push(Arc::clone(&made));
    made
}

fn reason_of(name: &str) -> Result<Option<Reason>, Error> {
    let unreadable = || Error::Unreadable { what: "reason of a correction", value: name.to_owned() };
    (!name.is_empty()).then(|| Reason::from_name(name).ok_or_else(unreadable)).transpose()
}

fn model_of(text: String) -> Result<PriceModel, Error> {
    text.parse().map_err(|_| Error::Unreadable { what: "price model", value: text })
}

fn price_of(number: i64) -> Result<Option<UnitPrice>, Error> {
    if number < 0 {
        return Ok(None);
    }
    let text = Decimal::new(number, 6).to_string();
    text.parse().map(Some).map_err(|_| Error::Unreadable { what: "price", value: text })
}

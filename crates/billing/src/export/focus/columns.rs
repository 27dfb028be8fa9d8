//! The one table of columns, which every writer follows: those of FOCUS 1.2 by name, then our own, which begin with `x_`.

mod texts;

use std::borrow::Cow;

use domain::Instant;
use domain::catalogue::Product;
use domain::event::CustomerKind;
use domain::usage::MeterKind;
use rust_decimal::Decimal;

use self::texts::{description, price_details, price_id, sub_account_name, unless_empty};
use super::ascii::ascii;
use super::category::category;
use super::pricing::Pricing;
use super::row::{Part, Row};
use super::unit::unit;
use crate::bill::{Bill, MonthState};

type Text<'a> = Option<Cow<'a, str>>;
type TextOf = for<'a> fn(&Row<'a>) -> Text<'a>;
pub(super) type NumberOf = fn(&Row<'_>) -> Option<Decimal>;
pub(super) type TimeOf = fn(&Row<'_>) -> Instant;

/// A column.
pub(super) struct Column {
    /// Its id in FOCUS, or ours.
    pub(super) name: &'static str,
    /// How its value is read from a row.
    pub(super) read: Read,
}

/// How a value is read from a row. What is none has no value, and is never written as an empty text or a zero.
pub(super) enum Read {
    /// A text, as [`Column::text`] writes it.
    Text(TextOf),
    /// A number, with at most so many decimals.
    Number {
        /// The decimals that it may need.
        #[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "CSV writes those that it has"))]
        scale: u32,
        /// The number.
        of: NumberOf,
    },
    /// A time, which every row has.
    Time(TimeOf),
}

impl Column {
    /// The text of a row: in ASCII where FOCUS defines the column (StringHandling, as its validator reads it).
    pub(super) fn text<'a>(&self, row: &Row<'a>) -> Text<'a> {
        let Read::Text(of) = self.read else { return None };
        let value = of(row)?;
        if self.name.starts_with("x_") {
            return Some(value);
        }
        Some(match value {
            Cow::Borrowed(value) => ascii(value),
            Cow::Owned(value) => Cow::Owned(ascii(&value).into_owned()),
        })
    }
}

/// The columns of a month: one that is not closed says so on every row.
pub(super) fn columns(bill: &Bill) -> Vec<&'static Column> {
    let state = (bill.state != MonthState::Closed).then_some(&STATE);
    COLUMNS.iter().chain(state).collect()
}

const fn text(name: &'static str, of: TextOf) -> Column {
    Column { name, read: Read::Text(of) }
}

/// A column that nothing here has a value for.
const fn nothing(name: &'static str) -> Column {
    text(name, |_| None)
}

const fn number(name: &'static str, scale: u32, of: NumberOf) -> Column {
    Column { name, read: Read::Number { scale, of } }
}

const fn time(name: &'static str, of: TimeOf) -> Column {
    Column { name, read: Read::Time(of) }
}

const fn fixed<'a>(value: &'static str) -> Text<'a> {
    Some(Cow::Borrowed(value))
}

/// Öre.
const MONEY: u32 = 2;
/// What quantities and unit prices may have.
const FINE: u32 = 6;
/// A quantity times a unit price.
const PRODUCT: u32 = 2 * FINE;

const SEK: &str = "SEK";

/// All but [`STATE`].
static COLUMNS: [Column; 69] = [
    nothing("AvailabilityZone"),
    number("BilledCost", MONEY, |row| Some(row.billed().to_decimal())),
    text("BillingAccountId", |row| Some(Cow::Borrowed(&row.charge.customer.code))),
    text("BillingAccountName", |row| Some(Cow::Borrowed(&row.charge.customer.name))),
    text("BillingAccountType", |row| fixed(account_type(row.charge.customer.kind))),
    text("BillingCurrency", |_| fixed(SEK)),
    time("BillingPeriodEnd", |row| row.bill.month.end()),
    time("BillingPeriodStart", |row| row.bill.month.start()),
    nothing("CapacityReservationId"),
    nothing("CapacityReservationStatus"),
    text("ChargeCategory", |row| fixed(charge_category(row.part))),
    text("ChargeClass", |row| row.charge.corrects.and(fixed("Correction"))),
    text("ChargeDescription", |row| Some(Cow::Owned(description(row)))),
    text("ChargeFrequency", |row| fixed(frequency(row.tariff().kind))),
    time("ChargePeriodEnd", |row| row.charge.usage_month().end()),
    time("ChargePeriodStart", |row| row.charge.usage_month().start()),
    nothing("CommitmentDiscountCategory"),
    nothing("CommitmentDiscountId"),
    nothing("CommitmentDiscountName"),
    number("CommitmentDiscountQuantity", FINE, |_| None),
    nothing("CommitmentDiscountStatus"),
    nothing("CommitmentDiscountType"),
    nothing("CommitmentDiscountUnit"),
    number("ConsumedQuantity", FINE, |row| row.usage().map(|()| row.charge.quantity.to_decimal())),
    text("ConsumedUnit", |row| row.usage().map(|()| unit(&row.tariff().unit))),
    number("ContractedCost", PRODUCT, |row| cost(row, |priced| priced.cost)),
    number("ContractedUnitPrice", FINE, |row| row.pricing().map(|priced| priced.price)),
    number("EffectiveCost", MONEY, |row| Some(row.billed().to_decimal())),
    text("InvoiceId", |row| row.invoice()),
    text("InvoiceIssuerName", |row| unless_empty(&row.catalogue.organisation.name)),
    number("ListCost", PRODUCT, |row| cost(row, |priced| priced.list_cost)),
    number("ListUnitPrice", FINE, |row| row.pricing().map(|priced| priced.list_price)),
    text("PricingCategory", |row| row.usage().and(fixed("Standard"))),
    text("PricingCurrency", |_| fixed(SEK)),
    number("PricingCurrencyContractedUnitPrice", FINE, |row| row.pricing().map(|priced| priced.price)),
    number("PricingCurrencyEffectiveCost", MONEY, |row| Some(row.billed().to_decimal())),
    number("PricingCurrencyListUnitPrice", FINE, |row| row.pricing().map(|priced| priced.list_price)),
    number("PricingQuantity", FINE, |row| row.pricing().map(|priced| priced.quantity)),
    text("PricingUnit", |row| row.pricing().map(|priced| pricing_unit(row, &priced))),
    text("ProviderName", |row| unless_empty(&row.catalogue.organisation.name)),
    text("PublisherName", |row| {
        let organisation = &row.catalogue.organisation;
        unless_empty(&organisation.unit).or_else(|| unless_empty(&organisation.name))
    }),
    nothing("RegionId"),
    nothing("RegionName"),
    nothing("ResourceId"),
    nothing("ResourceName"),
    nothing("ResourceType"),
    text("ServiceCategory", |row| fixed(category(row.catalogue, &row.tariff().service).0)),
    text("ServiceName", |row| Some(Cow::Borrowed(&row.tariff().service))),
    text("ServiceSubcategory", |row| fixed(category(row.catalogue, &row.tariff().service).1)),
    text("SkuId", |row| row.usage().map(|()| Cow::Borrowed(row.tariff().service.as_str()))),
    text("SkuMeter", |row| row.usage().map(|()| Cow::Borrowed(row.tariff().meter.as_str()))),
    text("SkuPriceDetails", |row| row.usage().and_then(|()| price_details(row.tariff())).map(Cow::Owned)),
    text("SkuPriceId", |row| row.usage().map(|()| Cow::Owned(price_id(row.charge)))),
    text("SubAccountId", |row| Some(Cow::Owned(format!("KST-{}", row.charge.costcentre)))),
    text("SubAccountName", |row| Some(sub_account_name(row))),
    text("SubAccountType", |_| fixed("Cost Centre")),
    nothing("Tags"),
    text("x_BillingAccountName", |row| Some(Cow::Borrowed(&row.charge.customer.name))),
    text("x_ChargeId", |row| Some(Cow::Owned(row.charge.id()))),
    text("x_CorrectedMonth", |row| row.charge.corrects.map(|month| Cow::Owned(month.to_string()))),
    text("x_Decision", |row| row.decision().map(Cow::Borrowed)),
    number("x_GrossCost", MONEY, |row| row.usage().map(|()| row.charge.gross.to_decimal())),
    number("x_JointCost", MONEY, |row| row.usage().map(|()| row.charge.joint.to_decimal())),
    text("x_JointDecision", |row| {
        row.usage().and(row.tariff().joint.as_ref()).and_then(|terms| unless_empty(&terms.decision))
    }),
    text("x_ObjectProduct", |row| unless_empty(&row.tariff().product)),
    text("x_ObjectProductName", |row| {
        let product: Option<&Product> = row.catalogue.products.get(&row.tariff().product);
        product.and_then(|product| unless_empty(&product.name))
    }),
    text("x_ServiceName", |row| unless_empty(&row.tariff().service_name)),
    text("x_SkuMeterName", |row| unless_empty(&row.tariff().meter_name)),
    text("x_SubAccountName", |row| Some(sub_account_name(row))),
];

/// What only a month that is not closed has.
static STATE: Column = text("x_State", |row| fixed(row.bill.state.name()));

const fn account_type(kind: CustomerKind) -> &'static str {
    match kind {
        CustomerKind::Forvaltning => "Administration",
        CustomerKind::Bolag => "Municipal Company",
        CustomerKind::Objekt => "Object",
    }
}

/// A surcharge is no purchase: FOCUS wants the EffectiveCost of those to be nothing.
const fn charge_category(part: Part) -> &'static str {
    match part {
        Part::Usage => "Usage",
        Part::Surcharge => "Adjustment",
    }
}

const fn frequency(kind: MeterKind) -> &'static str {
    match kind {
        MeterKind::Fixed => "Recurring",
        MeterKind::Sum
        | MeterKind::Count
        | MeterKind::AvgDaily
        | MeterKind::TimeWeighted
        | MeterKind::Unique
        | MeterKind::Peak
        | MeterKind::Latest => "Usage-Based",
    }
}

/// What usage comes to at a price, or the surcharge itself.
fn cost(row: &Row<'_>, of: fn(Pricing) -> Decimal) -> Option<Decimal> {
    Some(row.pricing().map_or_else(|| row.billed().to_decimal(), of))
}

fn pricing_unit<'a>(row: &Row<'a>, priced: &Pricing) -> Cow<'a, str> {
    if priced.by_unit { unit(&row.tariff().unit) } else { Cow::Borrowed("Months") }
}

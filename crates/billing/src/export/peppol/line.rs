//! Charges → the lines of a document (BG-25), in the document's sign: those of a credit note are turned.
//!
//! A line says quantity × price where that is how its gross came about, to the öre. Where it is not (steps, packages, what
//! is spread over cost centres, differences of rounded amounts) the amount itself is the price of one, and the metered
//! quantity stands among the item's properties. Prices are never negative (BR-27): quantities are. What is financed jointly
//! is an allowance on the line.

use std::collections::BTreeMap;

use domain::charge::Charge;
use domain::document::DocumentType;
use domain::{Money, Month, Quantity, Rate};
use rust_decimal::Decimal;

use crate::export::words;

/// UN/ECE Recommendation 20: one.
const ONE: &str = "C62";

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// BT-129.
    pub(super) quantity: Quantity,
    /// BT-130.
    pub(super) unit: &'static str,
    /// BT-146: kronor per unit, never negative.
    pub(super) price: Decimal,
    /// BT-136, or BT-141 when it is negative: what is financed jointly.
    pub(super) allowance: Money,
    /// Why there is an allowance (BT-139, BT-144).
    pub(super) allowance_reason: String,
    /// BT-131 = öre(quantity × price) − allowance.
    pub(super) amount: Money,
    /// BT-133.
    pub(super) costcentre: Option<String>,
    /// BT-153.
    pub(super) name: String,
    /// BT-154.
    pub(super) description: String,
    /// BT-155.
    pub(super) item: String,
    /// BG-32.
    pub(super) properties: Vec<(&'static str, String)>,
}

/// The lines of one company's charges: those with a net, and after them the surcharge of each month of usage. `rate` says
/// what it was reckoned with. Never empty when a charge has a net or a surcharge (BR-16).
pub(super) fn lines(
    kind: DocumentType,
    charges: &[&Charge],
    rate: impl Fn(Month) -> Option<Rate>,
) -> Vec<Line> {
    let billed = charges.iter().filter(|charge| charge.net != Money::ZERO);
    let mut lines: Vec<Line> = billed.map(|charge| of_charge(kind, charge)).collect();
    let mut surcharges: BTreeMap<(Option<Month>, Month), Money> = BTreeMap::new();
    for charge in charges.iter().filter(|charge| charge.surcharge != Money::ZERO) {
        *surcharges.entry((charge.corrects, charge.usage_month())).or_default() += charge.surcharge;
    }
    let surcharge = |((corrects, month), amount)| of_surcharge(kind, (corrects, month), amount, rate(month));
    lines.extend(surcharges.into_iter().map(surcharge));
    lines
}

/// An amount in a document's sign.
pub(super) fn turned(kind: DocumentType, amount: Money) -> Money {
    match kind {
        DocumentType::Invoice => amount,
        DocumentType::CreditNote => -amount,
    }
}

fn of_charge(kind: DocumentType, charge: &Charge) -> Line {
    let (service, meter, class) = charge.tariff.key();
    let (quantity, unit, price) = measure(kind, charge);
    let share = charge.tariff.joint.as_ref().map(|terms| format!(" {}", percent(terms.share)));
    let class_text = |before: &str, after: &str| match class {
        "" => String::new(),
        class => format!("{before}{class}{after}"),
    };
    Line {
        quantity,
        unit,
        price,
        allowance: turned(kind, charge.joint),
        allowance_reason: format!("Gemensamt finansierat{}", share.unwrap_or_default()),
        amount: turned(kind, charge.net),
        costcentre: Some(charge.costcentre.to_string()),
        name: format!(
            "{}: {}{}",
            charge.tariff.service_name,
            charge.tariff.meter_name,
            class_text(" (", ")")
        ),
        description: description(charge),
        item: format!("{service}/{meter}{}", class_text("/", "")),
        properties: properties(charge),
    }
}

/// Quantity, unit and price whose product is the gross.
fn measure(kind: DocumentType, charge: &Charge) -> (Quantity, &'static str, Decimal) {
    if let Some(price) = charge.unit_price()
        && price.times(charge.quantity) == Some(charge.gross)
    {
        let quantity = match kind {
            DocumentType::Invoice => charge.quantity,
            DocumentType::CreditNote => Quantity::from_micros(-charge.quantity.micros()),
        };
        return (quantity, unit_code(&charge.tariff.unit), price.kronor());
    }
    of_amount(turned(kind, charge.gross))
}

/// One of what costs so much; minus one of what is given back.
fn of_amount(amount: Money) -> (Quantity, &'static str, Decimal) {
    let quantity =
        if amount < Money::ZERO { Quantity::from_micros(-Quantity::ONE.micros()) } else { Quantity::ONE };
    (quantity, ONE, amount.to_decimal().abs())
}

fn of_surcharge(
    kind: DocumentType,
    (corrects, month): (Option<Month>, Month),
    amount: Money,
    rate: Option<Rate>,
) -> Line {
    let amount = turned(kind, amount);
    let (quantity, unit, price) = of_amount(amount);
    let rate = rate.map(|rate| format!(" {}", percent(rate))).unwrap_or_default();
    Line {
        quantity,
        unit,
        price,
        allowance: Money::ZERO,
        allowance_reason: String::new(),
        amount,
        costcentre: None,
        name: format!("Påslag IKT-objektet{rate}"),
        description: match corrects {
            Some(corrected) => format!("Rättelse av {corrected}"),
            None => format!("Användning {month}"),
        },
        item: "paslag".to_owned(),
        properties: Vec::new(),
    }
}

fn description(charge: &Charge) -> String {
    let Some(corrected) = charge.corrects else { return format!("Användning {}", charge.month) };
    let why = charge.reason.map(|reason| format!(": {}", words::reason(reason))).unwrap_or_default();
    format!("Rättelse av {corrected}{why}")
}

/// How the charge came about, as it was reckoned: never turned.
fn properties(charge: &Charge) -> Vec<(&'static str, String)> {
    let mut properties = vec![
        ("Rad-id", charge.id()),
        ("Kvantitet", swedish(charge.quantity.to_string())),
        ("Enhet", words::unit(&charge.tariff).to_owned()),
    ];
    if charge.corrects.is_some() {
        let after = Quantity::from_micros(charge.billed_before.micros() + charge.quantity.micros());
        properties.push(("Kvantitet före", swedish(charge.billed_before.to_string())));
        properties.push(("Kvantitet efter", swedish(after.to_string())));
    }
    if let Some(terms) = &charge.tariff.price {
        properties.push(("Pris, kr", swedish(terms.price.to_string())));
        properties.extend(words::model(terms).map(|model| ("Prismodell", model)));
    }
    properties
}

/// Units that UN/ECE Recommendation 20 has a code for and that mean the same there; what else is counted is one.
fn unit_code(unit: &str) -> &'static str {
    match unit {
        "GB" => "E34",
        "h" => "HUR",
        "min" => "MIN",
        _ => ONE,
    }
}

/// With a decimal comma.
fn swedish(number: String) -> String {
    number.replace('.', ",")
}

/// `3,00 %`
fn percent(rate: Rate) -> String {
    let mut percent = (rate.fraction() * Decimal::ONE_HUNDRED).normalize();
    percent.rescale(percent.scale().max(2));
    format!("{} %", swedish(percent.to_string()))
}

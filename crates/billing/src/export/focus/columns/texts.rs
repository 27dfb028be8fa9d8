//! Texts that are put together from several parts of a charge.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use domain::charge::Charge;
use domain::rating::Tariff;
use rust_decimal::Decimal;

use super::super::row::{Part, Row};

/// A text that says something.
pub(super) fn unless_empty(text: &str) -> Option<Cow<'_, str>> {
    (!text.trim().is_empty()).then_some(Cow::Borrowed(text))
}

/// The cost centre's name; its code when the catalogue does not know it any more.
pub(super) fn sub_account_name<'a>(row: &Row<'a>) -> Cow<'a, str> {
    let known = row.catalogue.costcentres.get(&*row.charge.costcentre);
    known.and_then(|known| unless_empty(&known.name)).unwrap_or(Cow::Borrowed(&*row.charge.costcentre))
}

/// What is charged, in a line: `Correction of 2021-02: Surcharge of 3 % on E-möten: Deltagartimmar`.
pub(super) fn description(row: &Row<'_>) -> String {
    let mut text = String::new();
    if let Some(month) = row.charge.corrects {
        let _ = write!(text, "Correction of {month}: ");
    }
    if row.part == Part::Surcharge {
        text.push_str("Surcharge ");
        if let Some((rate, _)) = row.surcharge_terms() {
            let percent = (rate.fraction() * Decimal::ONE_HUNDRED).normalize();
            let _ = write!(text, "of {percent} % ");
        }
        text.push_str("on ");
    }
    let tariff = row.tariff();
    let name = |name: &str, slug: &str| unless_empty(name).map_or(slug.to_owned(), Cow::into_owned);
    text.push_str(&name(&tariff.service_name, &tariff.service));
    text.push_str(": ");
    text.push_str(&name(&tariff.meter_name, &tariff.meter));
    if !tariff.class.is_empty() {
        let _ = write!(text, " ({})", tariff.class);
    }
    text
}

/// The row of the price list: service, meter and class as in ids of charges, and the first month of the price.
pub(super) fn price_id(charge: &Charge) -> String {
    let id = charge.id();
    let mut key: Vec<&str> = id.rsplit('.').take(3).collect();
    key.reverse();
    match &charge.tariff.price {
        Some(terms) => format!("{}.{}", key.join("."), terms.valid_from),
        None => key.join("."),
    }
}

/// What the price depends on, as a JSON object of texts (KeyValueFormat); none when it depends on nothing.
pub(super) fn price_details(tariff: &Tariff) -> Option<String> {
    let mut details = BTreeMap::new();
    if !tariff.class.is_empty() {
        details.insert("x_Class", tariff.class.clone());
    }
    if let Some(terms) = &tariff.price {
        details.insert("x_ValidFrom", terms.valid_from.to_string());
        if !terms.model.is_plain() {
            details.insert("x_PriceModel", terms.model.to_string());
            details.insert("x_Price", terms.price.to_string());
        }
    }
    let json = serde_json::to_string(&details).ok()?;
    (!details.is_empty()).then(|| escaped(&json))
}

/// JSON in ASCII: its own escapes lose nothing, so a class is read as it is.
fn escaped(json: &str) -> String {
    let mut written = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            written.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(written, "\\u{unit:04x}");
            }
        }
    }
    written
}

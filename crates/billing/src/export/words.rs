//! Words and numbers for people, in Swedish: the same in workbooks, invoices and reports.

use domain::catalogue::Catalogue;
use domain::charge::Reason;
use domain::event::CustomerKind;
use domain::price::{Shape, Step};
use domain::rating::{Payer, PriceTerms, Tariff};
use domain::{Money, Quantity, UnitPrice};

/// Between groups of digits and before a unit: a line must not break there.
pub(super) const SPACE: char = '\u{a0}';

/// Why a closed month is corrected.
pub(super) const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Usage => "användningen har ändrats",
        Reason::Payer => "kostnadsstället har bytt betalare",
        Reason::Spread => "fördelningen mellan kostnadsställen har ändrats",
        Reason::Terms => "villkoren har ändrats",
    }
}

/// What a payer is.
pub(super) const fn kind(kind: CustomerKind) -> &'static str {
    match kind {
        CustomerKind::Forvaltning => "förvaltning",
        CustomerKind::Bolag => "bolag",
        CustomerKind::Objekt => "objekt",
    }
}

/// A payer's code and name: `KLF Kommunledningsförvaltningen`.
pub(super) fn payer(payer: &Payer) -> String {
    if payer.name == payer.code { payer.code.clone() } else { format!("{} {}", payer.code, payer.name) }
}

/// Who delivers: `LKDATA, Linköpings kommun, 212000-0449`.
pub(super) fn supplier(catalogue: &Catalogue) -> String {
    let of = &catalogue.organisation;
    let parts = [&of.unit, &of.name, &of.number].map(String::as_str);
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// A cost centre's name; none that the catalogue does not know any more, or has no name for.
pub(super) fn costcentre<'a>(catalogue: &'a Catalogue, code: &str) -> Option<&'a str> {
    let known = catalogue.costcentres.get(code).map(|of| of.name.as_str());
    known.filter(|name| !name.trim().is_empty())
}

/// The name of the unit that a tariff's quantities are in; one that is not in the closed table is as it is.
pub(super) fn unit(tariff: &Tariff) -> &str {
    catalog::unit(&tariff.unit).map_or(tariff.unit.as_str(), |unit| unit.name)
}

/// What a tariff's class is called: `Personal`. Values that the catalogue has no name for are as they are.
pub(super) fn class(catalogue: &Catalogue, tariff: &Tariff) -> String {
    let (service, meter, class) = tariff.key();
    let named = class.split('/').map(|value| {
        let key = (service.to_owned(), meter.to_owned(), value.to_owned());
        catalogue.value_names.get(&key).map_or(value, |name| name.name.as_str())
    });
    named.collect::<Vec<_>>().join(", ")
}

/// How a price makes an amount of a payer's quantity ([`domain::price::PriceModel`]); none where it is quantity × price.
///
/// `trappa: till 100 à 0,40 kr, till 500 à 0,333333 kr, därefter à 0,20 kr`
pub(super) fn model(terms: &PriceTerms) -> Option<String> {
    let model = &terms.model;
    if model.is_plain() {
        return None;
    }
    let mut text = String::new();
    if model.free > Quantity::ZERO {
        text = format!("de första {} fria, sedan ", quantity(model.free));
    }
    text += &shape(&model.shape, terms.price);
    if model.minimum > Money::ZERO {
        text += &format!("; minst {} i en månad med användning", kronor(&model.minimum.to_string()));
    }
    Some(text)
}

fn shape(shape: &Shape, first: UnitPrice) -> String {
    let each = |price: UnitPrice| format!("à {}", kronor(&price.to_string()));
    match shape {
        Shape::PerUnit => each(first),
        Shape::Graduated(steps) => {
            let last = steps.last().map_or(first, |step| step.price);
            format!("trappa: {}därefter {}", below(first, steps, &each), each(last))
        }
        Shape::Volume(steps) => {
            let until =
                steps.first().map(|step| format!("till {} ", quantity(step.above))).unwrap_or_default();
            let above = |step: &Step| format!(", över {} alla {}", quantity(step.above), each(step.price));
            format!("volym: {until}alla {}{}", each(first), steps.iter().map(above).collect::<String>())
        }
        Shape::Package(size) => {
            let price = kronor(&first.to_string());
            format!("paket: {price} för varje påbörjat paket om {}", quantity(*size))
        }
        Shape::Flat => format!("fast: {} för månaden", kronor(&first.to_string())),
    }
}

/// What units cost up to each step.
fn below(first: UnitPrice, steps: &[Step], each: &dyn Fn(UnitPrice) -> String) -> String {
    let prices = std::iter::once(first).chain(steps.iter().map(|step| step.price));
    let up_to =
        |(step, price): (&Step, UnitPrice)| format!("till {} {}, ", quantity(step.above), each(price));
    steps.iter().zip(prices).map(up_to).collect()
}

fn quantity(quantity: Quantity) -> String {
    number(&quantity.to_string())
}

fn kronor(plain: &str) -> String {
    format!("{}{SPACE}kr", number(plain))
}

/// A plain decimal number, `-1234.5`, as `−1 234,5`.
pub(super) fn number(plain: &str) -> String {
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |rest| ("−", rest));
    let (whole, decimals) =
        digits.split_once('.').map_or((digits, None), |(whole, decimals)| (whole, Some(decimals)));
    let mut text = sign.to_owned();
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(SPACE);
        }
        text.push(digit);
    }
    if let Some(decimals) = decimals {
        text.push(',');
        text.push_str(decimals);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::fixtures::{seller, tariff};

    fn model_of(price: &str, model: &str) -> Option<String> {
        let tariff = tariff("", price, model);
        super::model(&tariff.price.unwrap()).map(|text| text.replace(SPACE, " "))
    }

    #[test]
    fn a_price_model_is_told_in_words() {
        for (price, model, words) in [
            (
                "0.4",
                "trappa 100:0.333333 5000:0.2",
                "trappa: till 100 à 0,40 kr, till 5 000 à 0,333333 kr, därefter à 0,20 kr",
            ),
            (
                "2",
                "volym 1000:1.2 5000:0.9",
                "volym: till 1 000 alla à 2,00 kr, över 1 000 alla à 1,20 kr, över 5 000 alla à 0,90 kr",
            ),
            ("9", "paket 100", "paket: 9,00 kr för varje påbörjat paket om 100"),
            ("1250", "fast", "fast: 1 250,00 kr för månaden"),
            ("0.5", "fritt 2.5", "de första 2,5 fria, sedan à 0,50 kr"),
            ("0.5", "minst 500", "à 0,50 kr; minst 500,00 kr i en månad med användning"),
            (
                "1",
                "trappa 10:0.5 fritt 50 minst 3",
                "de första 50 fria, sedan trappa: till 10 à 1,00 kr, därefter à 0,50 kr; minst 3,00 kr i en månad med \
                 användning",
            ),
        ] {
            assert_eq!(model_of(price, model).as_deref(), Some(words), "{model}");
        }
        assert_eq!(model_of("0.4", ""), None);
    }

    #[test]
    fn who_delivers_and_who_pays_are_named_once() {
        assert_eq!(supplier(&seller()), "LKDATA, Linköpings kommun, 212000-0449");
        assert_eq!(supplier(&Catalogue::default()), "");
        let of = |name: &str| Payer {
            code: "KLF".to_owned(),
            name: name.to_owned(),
            kind: CustomerKind::Forvaltning,
        };
        assert_eq!(payer(&of("Kommunledningsförvaltningen")), "KLF Kommunledningsförvaltningen");
        assert_eq!(payer(&of("KLF")), "KLF");
    }

    #[test]
    fn a_class_is_called_what_the_catalogue_calls_its_values() {
        let catalogue = catalog::check(&catalog::linkoping()).unwrap().catalogue;
        let mut pages = tariff("colour/x", "1", "");
        (pages.service, pages.meter) = ("skrivare-mfp".to_owned(), "page".to_owned());
        assert_eq!(class(&catalogue, &pages), "Färg, x");
        assert_eq!(class(&catalogue, &tariff("", "1", "")), "");
    }
}

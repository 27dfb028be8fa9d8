//! The form: what was filled in, what is wrong with it, and the changes that it asks for.

use std::collections::BTreeMap;

use billing::simulate::SIMULATED_MONTHS_MAX;
use domain::access::Viewer;
use domain::catalogue::Catalogue;
use domain::simulation::{Change as Simulated, Percent};
use domain::{Month, Rate, UnitPrice};
use rust_decimal::Decimal;

use crate::language::Language;
use crate::pages::words;
use crate::query::Params;
use crate::simulations::changes::Change;

/// The form's fields.
pub(super) const NAMES: [&str; 9] =
    ["from", "to", "rate", "of", "price", "price_percent", "joint", "phase", "volume_percent"];

/// The form as it was sent.
pub(super) struct Form {
    texts: BTreeMap<&'static str, String>,
}

/// What is asked for, where everything can be read.
pub(super) struct Question {
    pub(super) from: Month,
    pub(super) to: Month,
    /// One for each filled field; none when nothing is to change.
    pub(super) changes: Vec<Simulated>,
}

/// A field that cannot be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) field: &'static str,
    pub(super) text: String,
}

/// A service, a meter of it and a class of that, as one value of the form: `slug`, `slug/meter`, `slug/meter/class`. Slugs
/// have no slash.
pub(crate) fn selection(service: &str, meter: Option<&str>, class: Option<&str>) -> String {
    match (meter, class.filter(|class| !class.is_empty())) {
        (None, _) => service.to_owned(),
        (Some(meter), None) => format!("{service}/{meter}"),
        (Some(meter), Some(class)) => format!("{service}/{meter}/{class}"),
    }
}

impl Question {
    /// Whether it changes a service that somebody does not see whole: its outcome would tell what others pay for it.
    pub(super) fn is_foreign(&self, viewer: &Viewer) -> bool {
        self.changes.iter().filter_map(|change| change.what.service()).any(|slug| !viewer.sees_service(slug))
    }
}

/// A number as people write it: decimal comma or point, any minus, with or without the unit.
fn number(text: &str) -> Option<Decimal> {
    let plain: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '%' && *c != '+')
        .map(|c| match c {
            ',' => '.',
            '\u{2212}' => '-',
            c => c,
        })
        .collect();
    Decimal::from_str_exact(&plain).ok()
}

/// What is wrong with a field, in Swedish and in English.
type Wrong = (&'static str, &'static str);

impl Form {
    /// Reads the form; without months it is about the calendar year of now.
    pub(super) fn read(params: &Params, now: Month) -> Self {
        let mut texts: BTreeMap<&'static str, String> =
            NAMES.into_iter().filter_map(|name| Some((name, params.get(name)?.trim().to_owned()))).collect();
        let year = now.year();
        texts.entry("from").or_insert_with(|| format!("{year}-01"));
        texts.entry("to").or_insert_with(|| format!("{year}-12"));
        Self { texts }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// What is asked for, or everything that is wrong with it.
    pub(super) fn question(
        &self,
        catalogue: &Catalogue,
        language: Language,
    ) -> Result<Question, Vec<Refused>> {
        let mut refused = Vec::new();
        let mut refuse = |field: &'static str, sv: &str, en: &str| {
            refused.push(Refused { field, text: words::of(language, sv, en).to_owned() });
        };
        let month = |name| self.get(name).and_then(|text| text.parse::<Month>().ok());
        let (from, to) = (month("from"), month("to"));
        for (name, month) in [("from", from), ("to", to)] {
            if month.is_none() {
                refuse(name, "skriv en månad som 2021-03", "write a month like 2021-03");
            }
        }
        if let (Some(from), Some(to)) = (from, to) {
            let months = usize::try_from(to.index() - from.index() + 1).unwrap_or(0);
            if !(1..=SIMULATED_MONTHS_MAX).contains(&months) {
                refuse(
                    "to",
                    "ska vara samma månad som den första eller senare, högst tio år",
                    "must be the same month as the first or later, at most ten years",
                );
            }
        }
        if self.get("price").is_some() && self.get("price_percent").is_some() {
            refuse(
                "price_percent",
                "ange antingen ett nytt pris eller en ändring i procent",
                "give either a new price or a change in per cent",
            );
        }
        let (service, meter, class) = self.of();
        let names_service = ["price", "price_percent", "joint", "volume_percent"];
        if service.is_none() && names_service.iter().any(|name| self.get(name).is_some()) {
            refuse("of", "välj vilken tjänst det gäller", "choose the service that it is about");
        }
        let mut changes = Vec::new();
        for (field, change) in self.changes() {
            match change {
                Ok(change) => changes.push((field, change)),
                Err((sv, en)) => refuse(field, sv, en),
            }
        }
        let (Some(from), Some(to), true) = (from, to, refused.is_empty()) else { return Err(refused) };
        let mut read = Vec::new();
        for (field, mut change) in changes {
            if field != "rate" {
                (change.service, change.meter, change.class) =
                    (service.clone(), meter.clone(), class.clone());
            }
            match change.read(&|name| name.to_owned(), catalogue, (from, to)) {
                Ok(change) => read.push(change),
                // What the select offers is there; a link may name what is not.
                Err(problem) => {
                    let said = problem.said(language);
                    let (name, text) = said.split_once(": ").unwrap_or((field, &said));
                    let is_selection = ["service", "meter", "class"].contains(&name);
                    let own = NAMES.into_iter().find(|own| *own == name).unwrap_or(field);
                    let refusal =
                        Refused { field: if is_selection { "of" } else { own }, text: text.to_owned() };
                    if !refused.contains(&refusal) {
                        refused.push(refusal);
                    }
                }
            }
        }
        if refused.is_empty() { Ok(Question { from, to, changes: read }) } else { Err(refused) }
    }

    /// The chosen service, meter and class.
    pub(super) fn of(&self) -> (Option<String>, Option<String>, Option<String>) {
        let mut parts = self.get("of").unwrap_or_default().splitn(3, '/').map(str::to_owned);
        let service = parts.next().filter(|slug| !slug.is_empty());
        (service, parts.next(), parts.next())
    }

    /// Each filled field as a change without its selection, or what is wrong with it in both languages.
    fn changes(&self) -> Vec<(&'static str, Result<Change, Wrong>)> {
        let fraction = |text: &str| {
            let fraction = number(text)?.checked_div(Decimal::ONE_HUNDRED)?.normalize().to_string();
            fraction.parse::<Rate>().ok().map(|rate| rate.to_string())
        };
        let percent = |text: &str| {
            let number = number(text)?;
            Percent::new(number).map(|_| number.normalize().to_string())
        };
        let price = |text: &str| {
            let price = number(text.trim_end_matches("kr"))?.normalize().to_string();
            price.parse::<UnitPrice>().ok().map(|_| price)
        };
        let phase = || self.get("phase").map(str::to_owned);
        let wrong_fraction = (
            "skriv procent från 0 till 100 med högst sex decimaler, till exempel 3,5",
            "write per cent from 0 to 100 with at most six decimals, for example 3.5",
        );
        let wrong_percent = (
            "skriv procent från −100 till 1000 med högst fyra decimaler, till exempel 10",
            "write per cent from −100 to 1000 with at most four decimals, for example 10",
        );
        let wrong_price = (
            "skriv kronor med högst sex decimaler, till exempel 105,50",
            "write kronor with at most six decimals, for example 105.50",
        );
        let field = |name: &'static str, read: &dyn Fn(&str) -> Option<Change>, wrong| {
            let text = self.get(name)?;
            Some((name, read(text).ok_or(wrong)))
        };
        let fields = [
            field(
                "rate",
                &|text| Some(Change { rate: Some(fraction(text)?), ..Change::default() }),
                wrong_fraction,
            ),
            field(
                "price",
                &|text| Some(Change { price: Some(price(text)?), ..Change::default() }),
                wrong_price,
            ),
            field(
                "price_percent",
                &|text| Some(Change { price_percent: Some(percent(text)?), ..Change::default() }),
                wrong_percent,
            ),
            field(
                "joint",
                &|text| Some(Change { joint: Some(fraction(text)?), phase: phase(), ..Change::default() }),
                wrong_fraction,
            ),
            field(
                "volume_percent",
                &|text| Some(Change { volume_percent: Some(percent(text)?), ..Change::default() }),
                wrong_percent,
            ),
        ];
        fields.into_iter().flatten().collect()
    }
}

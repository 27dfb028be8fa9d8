//! The lines of a payer's month: chosen by service and cost centre, a hundred at a time.

use std::collections::BTreeMap;

use billing::Bill;
use domain::Month;
use domain::charge::{Charge, Totals};

use crate::numbers;
use crate::pages::visit::Visit;
use crate::pages::words;
use crate::problem::Problem;

/// How many lines a page has.
const LINES: usize = 100;

/// The chosen lines, and what can be chosen.
pub(super) struct Lines {
    pub(super) services: Vec<Choice>,
    pub(super) costcentres: Vec<Choice>,
    pub(super) rows: Vec<Row>,
    pub(super) sum: Amounts,
    pub(super) count: String,
    pub(super) page: usize,
    pub(super) pages: usize,
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
}

/// Something that a form offers.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) is_chosen: bool,
}

/// A line.
pub(super) struct Row {
    pub(super) href: String,
    pub(super) costcentre: String,
    pub(super) service: String,
    pub(super) what: String,
    pub(super) corrects: Option<Month>,
    pub(super) quantity: String,
    pub(super) price: String,
    pub(super) amounts: Amounts,
}

/// Amounts to the öre.
pub(super) struct Amounts {
    pub(super) gross: String,
    pub(super) joint: String,
    pub(super) net: String,
    pub(super) surcharge: String,
}

impl Amounts {
    fn of(visit: &Visit, totals: Totals) -> Self {
        let exact = |amount| numbers::exact(visit.language, amount);
        Self {
            gross: exact(totals.gross),
            joint: exact(totals.joint),
            net: exact(totals.net),
            surcharge: exact(totals.surcharge),
        }
    }
}

/// The lines of a payer that were chosen.
pub(super) fn lines(visit: &Visit, code: &str, month: Month, bill: Option<&Bill>) -> Result<Lines, Problem> {
    let (service, costcentre) = (visit.params.get("service"), visit.params.get("costcentre"));
    let sees_all = visit.viewer.sees_all();
    let charges = bill.map_or(&[][..], |bill| &bill.charges).iter();
    let own: Vec<&Charge> = charges
        .filter(|charge| charge.customer.code == code)
        .filter(|charge| sees_all || visit.viewer.sees(charge.belongs()))
        .collect();
    let mut services: BTreeMap<&str, &str> = BTreeMap::new();
    let mut costcentres: BTreeMap<&str, &str> = BTreeMap::new();
    for charge in &own {
        services.insert(&charge.tariff.service, visit.named().service(&charge.tariff.service));
        let centre = visit.catalogue.costcentres.get(&*charge.costcentre);
        costcentres.insert(&charge.costcentre, centre.map_or("", |centre| centre.name.as_str()));
    }
    let chosen: Vec<&&Charge> = own
        .iter()
        .filter(|charge| service.is_none_or(|slug| charge.tariff.service == slug))
        .filter(|charge| costcentre.is_none_or(|code| *charge.costcentre == *code))
        .collect();
    let pages = chosen.len().div_ceil(LINES).max(1);
    let page = match visit.params.get("page") {
        None => 1,
        Some(text) => text.parse().ok().filter(|page| (1..=pages).contains(page)).ok_or_else(|| {
            Problem::invalid_parameter(
                "page",
                &format!("ska vara 1 till {pages}"),
                &format!("must be 1 to {pages}"),
            )
        })?,
    };
    let mut sum = Totals::default();
    chosen.iter().for_each(|charge| sum += charge.totals());
    let at = |page: usize| {
        let mut href = format!("/payers/{code}?month={month}");
        for (name, value) in [("service", service), ("costcentre", costcentre)] {
            if let Some(value) = value {
                href.push_str(&format!("&{name}={value}"));
            }
        }
        format!("{href}&page={page}#lines")
    };
    let choice = |chosen: Option<&str>, value: &str, label: String| Choice {
        is_chosen: chosen == Some(value),
        value: value.to_owned(),
        label,
    };
    let mut by_name: Vec<(&str, &str)> = services.into_iter().map(|(slug, name)| (name, slug)).collect();
    by_name.sort_unstable();
    Ok(Lines {
        services: by_name.into_iter().map(|(name, slug)| choice(service, slug, name.to_owned())).collect(),
        costcentres: costcentres
            .into_iter()
            .map(|(code, name)| choice(costcentre, code, format!("{code} {name}")))
            .collect(),
        rows: chosen.iter().skip((page - 1) * LINES).take(LINES).map(|charge| row(visit, charge)).collect(),
        sum: Amounts::of(visit, sum),
        count: numbers::whole(visit.language, i64::try_from(chosen.len()).unwrap_or(i64::MAX)),
        page,
        pages,
        previous: (page > 1).then(|| at(page - 1)),
        next: (page < pages).then(|| at(page + 1)),
    })
}

fn row(visit: &Visit, charge: &Charge) -> Row {
    let tariff = &charge.tariff;
    Row {
        href: format!("/lines/{}", charge.id()),
        costcentre: charge.costcentre.to_string(),
        service: visit.named().service(&tariff.service).to_owned(),
        what: visit.named().class(&tariff.service, &tariff.meter, &tariff.class),
        corrects: charge.corrects,
        quantity: words::amount(visit.language, charge.quantity, &tariff.unit),
        price: charge
            .unit_price()
            .map_or_else(|| "–".to_owned(), |price| numbers::unit_price(visit.language, price)),
        amounts: Amounts::of(visit, charge.totals()),
    }
}

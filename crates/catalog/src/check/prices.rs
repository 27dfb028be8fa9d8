//! `priser.csv`: the price list, and whether it covers every billed meter.

use std::collections::BTreeSet;

use domain::catalogue::{Meter, PriceRow, PriceState, Service};
use domain::{Month, PriceModel};

use super::{Draft, classes};
use crate::finding::{Code, Place, say};
use crate::rows::{Object, price_key};
use crate::sheet::{Column, fold, needed, optional};
use crate::table::{Cell, Table};
use crate::values::{self, Validity, overlaps};

const FILE: &str = "priser.csv";
const COLUMNS: &[Column] = &[
    needed("tjänst"),
    needed("mätare"),
    needed("klass"),
    needed("från"),
    needed("till"),
    needed("pris"),
    optional("modell"),
    optional("självkostnad"),
    needed("status"),
    needed("beslut"),
];

pub(super) fn read(draft: &mut Draft) {
    let Some(rows) = draft.sheet(FILE, COLUMNS) else { return };
    let mut prices: Vec<(PriceRow, Place)> = Vec::new();
    // Meters with a row that is wrong: what it was meant to cover is not known.
    let mut doubtful: BTreeSet<(String, String)> = BTreeSet::new();
    for row in &rows {
        match read_price(draft, row) {
            Some(price) => prices.push((price, row.place.clone())),
            None => {
                let name = |field| row.cell(field).map(|cell| cell.text.clone()).unwrap_or_default();
                doubtful.insert((name("tjanst"), name("matare")));
            }
        }
    }
    find_overlaps(draft, &prices);
    prices.sort_by(|(a, _), (b, _)| order(a).cmp(&order(b)));
    let services: Vec<Service> = draft.catalogue.services.values().cloned().collect();
    for service in &services {
        for meter in service.meters.values().filter(|meter| meter.billed) {
            if !draft.is_damaged(FILE) && !doubtful.contains(&(service.slug.clone(), meter.slug.clone())) {
                find_gaps(draft, service, meter, &prices);
            }
        }
    }
    for (price, place) in prices {
        draft.places.insert((Object::Price, price_key(&price)), place);
        draft.catalogue.prices.push(price);
    }
}

fn order(price: &PriceRow) -> (&str, &str, &str, Month, PriceState) {
    (&price.service, &price.meter, &price.class, price.valid_from, price.state)
}

fn read_price(draft: &mut Draft, row: &Table) -> Option<PriceRow> {
    let meter = draft.meter(row);
    let validity = values::months(row, &mut draft.findings);
    let price = row.required("pris", &mut draft.findings).cloned();
    let price = price.and_then(|cell| values::price(&cell, &mut draft.findings));
    let model = row.cell("modell").map(|cell| values::price_model(cell, &mut draft.findings));
    let cost_price = row.cell("sjalvkostnad").map(|cell| values::price(cell, &mut draft.findings));
    let state = row.required("status", &mut draft.findings).cloned();
    let state = state.and_then(|cell| state_of(draft, &cell));
    let decision = match state {
        Some(PriceState::Decided) => draft.decision(row),
        Some(PriceState::Draft | PriceState::Proposed) | None => {
            Some(row.cell("beslut").map(|cell| cell.text.clone()).unwrap_or_default())
        }
    };
    let (service, meter) = meter?;
    let class = draft.class(row, &meter);
    if !meter.billed {
        let name = &meter.slug;
        draft.find(
            Code::PriceOfTrend,
            &row.place,
            say(format!("mätaren {name} debiteras inte"), format!("meter {name} is not billed")),
            say(
                "ta bort raden, eller debiteras = false i tjänsten",
                "remove the row, or debiteras = false in the service",
            ),
        );
    }
    let validity = validity?;
    Some(PriceRow {
        service,
        meter: meter.slug,
        class: class?,
        valid_from: validity.from,
        valid_to: validity.to,
        price: price?,
        model: match model {
            Some(model) => model?,
            None => PriceModel::default(),
        },
        cost_price: match cost_price {
            Some(price) => Some(price?),
            None => None,
        },
        state: state?,
        decision: decision?,
    })
}

fn state_of(draft: &mut Draft, cell: &Cell) -> Option<PriceState> {
    match fold(&cell.text).as_str() {
        "utkast" => Some(PriceState::Draft),
        "foreslagen" | "foreslaget" => Some(PriceState::Proposed),
        "beslutad" | "beslutat" => Some(PriceState::Decided),
        other => {
            draft.find(
                Code::UnknownPriceState,
                &cell.place,
                say(format!("{other:?} är ingen status"), format!("{other:?} is not a state of a price")),
                say("skriv utkast, föreslagen eller beslutad", "write utkast, föreslagen or beslutad"),
            );
            None
        }
    }
}

fn find_overlaps(draft: &mut Draft, prices: &[(PriceRow, Place)]) {
    let decided = prices.iter().filter(|(price, _)| price.state == PriceState::Decided);
    let rows = decided.map(|(price, place)| {
        let key = (price.service.as_str(), price.meter.as_str(), price.class.as_str());
        let validity = Validity { from: price.valid_from, to: price.valid_to };
        (key, validity.days(), place.clone())
    });
    for ((service, meter, _), later, first) in overlaps(rows) {
        let line = first.number();
        draft.find(
            Code::PricesOverlap,
            &later,
            say(
                format!("{service}/{meter} har redan ett beslutat pris för samma månader på rad {line}"),
                format!("{service}/{meter} already has a decided price for the same months on line {line}"),
            ),
            say(
                format!("låt rad {line} sluta månaden innan den här börjar"),
                format!("let line {line} end the month before this one begins"),
            ),
        );
    }
}

/// Finds the classes of a billed meter without a price, and the months from the service's start that none covers.
fn find_gaps(draft: &mut Draft, service: &Service, meter: &Meter, prices: &[(PriceRow, Place)]) {
    let name = format!("{}/{}", service.slug, meter.slug);
    let of_meter = |price: &PriceRow| {
        price.service == service.slug && price.meter == meter.slug && price.state == PriceState::Decided
    };
    let rows: Vec<&(PriceRow, Place)> = prices.iter().filter(|(price, _)| of_meter(price)).collect();
    let at = draft.places.get(&(Object::Meter, name.clone())).cloned().unwrap_or_default();
    let Some(last) = rows.iter().map(|(_, place)| place).max().cloned() else {
        draft.find(
            Code::MeterWithoutPrice,
            &at,
            say(
                format!("{name} debiteras men saknar beslutat pris"),
                format!("{name} is billed but has no decided price"),
            ),
            say(
                format!("lägg till en rad i {FILE}, eller skriv debiteras = false"),
                format!("add a row to {FILE}, or write debiteras = false"),
            ),
        );
        return;
    };
    for class in classes(meter) {
        let rows: Vec<_> = rows.iter().filter(|(price, _)| price.class == class).collect();
        if rows.is_empty() {
            draft.find(
                Code::ClassWithoutPrice,
                &last,
                say(
                    format!("{name} saknar pris för klassen {class}"),
                    format!("{name} has no price for class {class}"),
                ),
                say(format!("lägg till en rad för {class}"), format!("add a row for {class}")),
            );
        }
        let mut next = Some(Month::of(service.start));
        for (price, place) in rows.iter().copied() {
            if let Some(missing) = next.filter(|next| *next < price.valid_from) {
                let until = price.valid_from.previous();
                draft.find(
                    Code::PriceGap,
                    place,
                    say(
                        format!("{name} saknar pris från {missing} till {until}"),
                        format!("{name} has no price from {missing} to {until}"),
                    ),
                    say(
                        format!("låt raden gälla från {}, eller lägg till en rad", missing.first_day()),
                        format!("let the row be valid from {}, or add a row", missing.first_day()),
                    ),
                );
            }
            next = price.valid_to.map(Month::next);
        }
        if let (Some(from), Some((_, place))) = (next, rows.last()) {
            draft.find(
                Code::PriceEnds,
                place,
                say(format!("{name} har inget pris från {from}"), format!("{name} has no price from {from}")),
                say(
                    "lägg till nästa pris, eller lämna till tomt",
                    "add the next price, or leave the last day empty",
                ),
            );
        }
    }
}

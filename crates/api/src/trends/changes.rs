//! `GET /v1/changes`: why the cost of a month differs from that of another, to the öre.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use billing::Bill;
use domain::access::Viewer;
use domain::trend::{Driver, Grain, LineOf, Parts, Side, drivers};
use serde::Serialize;

use crate::Shared;
use crate::cursor;
use crate::list::{Cell, Format, Table, kronor, quantity};
use crate::problem::{Kind, Problem};
use crate::query::Params;

/// What one class of one meter adds to the change. The order of its fields is that of the CSV's columns.
#[derive(Debug, Serialize)]
struct Item {
    service: String,
    meter: String,
    class: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    costcentre: Option<String>,
    before: Option<Amounts>,
    after: Option<Amounts>,
    #[serde(flatten)]
    parts: Split,
}

/// The month's own usage and its cost.
#[derive(Debug, Serialize)]
struct Amounts {
    quantity: String,
    cost: String,
}

/// The parts of a change, which add up to it.
#[derive(Debug, Serialize)]
struct Split {
    change: String,
    volume: String,
    price: String,
    new: String,
    ended: String,
    corrections: String,
    rounding: String,
}

#[derive(Debug, Serialize)]
struct Answer {
    month: String,
    against: String,
    before: String,
    after: String,
    totals: Split,
    items: Vec<Item>,
    next: Option<String>,
}

const PARTS: [&str; 7] = ["change", "volume", "price", "new", "ended", "corrections", "rounding"];

/// `GET /v1/changes`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Extension(viewer): Extension<Viewer>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = ["month", "against", "by", "service", "customer", "limit", "cursor", "format"];
    let params = Params::read(&uri, &known)?;
    let month = params.required_month("month")?;
    let against = params.month("against")?.unwrap_or_else(|| month.previous());
    let grain = match params.one_of("by", &["class", "customer", "costcentre"])? {
        Some("customer") => Grain::Payer,
        Some("costcentre") => Grain::Costcentre,
        Some(_) | None => Grain::Class,
    };
    let format = Format::of(&params, &headers)?;
    let mut bills: BTreeMap<_, Arc<Bill>> = BTreeMap::new();
    for asked in [against, month] {
        let found = shared.biller.bills(asked..=asked).await;
        let bill = found.map_err(|error| crate::billing_problem(&error))?.pop().ok_or_else(|| {
            Problem::new(Kind::NotFound)
                .detail(format!("det finns ingen månad {asked}"), format!("there is no month {asked}"))
        })?;
        bills.insert(asked, bill.seen_by(&viewer));
    }
    let (earlier, later) = (lines(&bills[&against], &params), lines(&bills[&month], &params));
    let found = drivers(&earlier, &later, grain, usize::MAX);
    // The greatest change comes first, so an item's place is its rank.
    let ranked: Vec<(usize, Item)> = found.top.iter().map(|driver| item(driver, grain)).enumerate().collect();
    let (items, next) = cursor::page(uri.path(), &params, ranked, |(rank, _): &(usize, Item)| {
        vec![Some(format!("{rank:08}"))]
    })?;
    let items: Vec<Item> = items.into_iter().map(|(_, item)| item).collect();
    match format {
        Format::Json => Ok(Json(Answer {
            month: month.to_string(),
            against: against.to_string(),
            before: kronor(found.before),
            after: kronor(found.after),
            totals: split(&found.parts),
            items,
            next,
        })
        .into_response()),
        Format::Csv => {
            let mut columns = vec!["service", "meter", "class"];
            columns.extend(
                [("customer", grain != Grain::Class), ("costcentre", grain == Grain::Costcentre)]
                    .into_iter()
                    .filter_map(|(name, told)| told.then_some(name)),
            );
            columns.extend(["quantity_before", "cost_before", "quantity_after", "cost_after"]);
            columns.extend(PARTS);
            let mut table = Table::new(&columns)?;
            for item in &items {
                table.row(&item.cells())?;
            }
            table.respond(&format!("changes-{against}-{month}"), next)
        }
    }
}

/// The charges of a bill that are asked for.
fn lines<'b>(bill: &'b Bill, params: &Params) -> Vec<LineOf<'b>> {
    let charges = bill.charges.iter();
    let picked = charges
        .filter(|charge| params.get("service").is_none_or(|slug| charge.tariff.service == slug))
        .filter(|charge| params.get("customer").is_none_or(|code| charge.customer.code == code));
    picked.map(LineOf::from).collect()
}

fn item(driver: &Driver<'_>, grain: Grain) -> Item {
    let amounts = |side: Side| Amounts { quantity: quantity(side.quantity), cost: kronor(side.amount) };
    Item {
        service: driver.key.service.to_owned(),
        meter: driver.key.meter.to_owned(),
        class: driver.key.class.to_owned(),
        customer: (grain != Grain::Class).then(|| driver.key.payer.to_owned()),
        costcentre: (grain == Grain::Costcentre).then(|| driver.key.costcentre.to_owned()),
        before: driver.before.map(amounts),
        after: driver.after.map(amounts),
        parts: split(&driver.parts),
    }
}

fn split(parts: &Parts) -> Split {
    Split {
        change: kronor(parts.total()),
        volume: kronor(parts.volume),
        price: kronor(parts.price),
        new: kronor(parts.new),
        ended: kronor(parts.ended),
        corrections: kronor(parts.corrections),
        rounding: kronor(parts.rounding),
    }
}

impl Item {
    fn cells(&self) -> Vec<Cell<'_>> {
        let mut cells = vec![Cell::Text(&self.service), Cell::Text(&self.meter), Cell::Text(&self.class)];
        cells.extend([&self.customer, &self.costcentre].into_iter().flatten().map(|code| Cell::Text(code)));
        for side in [&self.before, &self.after] {
            match side {
                Some(side) => cells.extend([Cell::Number(&side.quantity), Cell::Number(&side.cost)]),
                None => cells.extend([Cell::Empty, Cell::Empty]),
            }
        }
        let Split { change, volume, price, new, ended, corrections, rounding } = &self.parts;
        cells.extend(
            [change, volume, price, new, ended, corrections, rounding].map(|part| Cell::Number(part)),
        );
        cells
    }
}

//! `GET /v1/charges`: what a month is billed, line by line.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::access::Viewer;
use domain::charge::{Charge, Totals};
use serde::Serialize;

use crate::Shared;
use crate::cursor::{self, Key};
use crate::list::{Cell, Format, Table, kronor, quantity};
use crate::problem::Problem;
use crate::query::Params;

/// A charge as programs read it. The order of its fields is that of the CSV's columns.
#[derive(Debug, Serialize)]
pub(crate) struct Item {
    id: String,
    month: String,
    corrects: Option<String>,
    customer: String,
    costcentre: String,
    service: String,
    meter: String,
    class: String,
    unit: String,
    quantity: String,
    unit_price: Option<String>,
    gross: String,
    joint: String,
    net: String,
    surcharge: String,
}

const COLUMNS: [&str; 15] = [
    "id",
    "month",
    "corrects",
    "customer",
    "costcentre",
    "service",
    "meter",
    "class",
    "unit",
    "quantity",
    "unit_price",
    "gross",
    "joint",
    "net",
    "surcharge",
];

#[derive(Debug, Serialize)]
struct Sums {
    gross: String,
    joint: String,
    net: String,
    surcharge: String,
}

#[derive(Debug, Serialize)]
struct ChargePage {
    items: Vec<Item>,
    totals: Sums,
    next: Option<String>,
}

/// `GET /v1/charges`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Extension(viewer): Extension<Viewer>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["month", "customer", "limit", "cursor", "format"])?;
    let month = params.required_month("month")?;
    let format = Format::of(&params, &headers)?;
    let bill = shared.biller.charges(month).await.map_err(|error| crate::billing_problem(&error))?;
    let bill = bill.seen_by(&viewer);
    let of_payer = |charge: &&Charge| params.get("customer").is_none_or(|code| code == charge.customer.code);
    let charges: Vec<&Charge> = bill.charges.iter().filter(of_payer).collect();
    let (charges, next) = cursor::page(uri.path(), &params, charges, |charge| key(charge))?;
    let items: Vec<Item> = charges.into_iter().map(item).collect();
    match format {
        Format::Json => Ok(Json(ChargePage { items, totals: sums(&bill.totals), next }).into_response()),
        Format::Csv => {
            let mut table = Table::new(&COLUMNS)?;
            for item in &items {
                table.row(&item.cells())?;
            }
            table.respond(&format!("charges-{month}"), next)
        }
    }
}

/// A charge's place in the bill: the month's own first, then the corrections by corrected month.
fn key(charge: &Charge) -> Key {
    let (customer, costcentre, service, meter, class) = charge.key();
    let parts = [customer, costcentre, service, meter, class].map(|part| Some(part.to_owned()));
    std::iter::once(charge.corrects.map(|month| month.to_string())).chain(parts).collect()
}

pub(crate) fn item(charge: &Charge) -> Item {
    Item {
        id: charge.id(),
        month: charge.month.to_string(),
        corrects: charge.corrects.map(|month| month.to_string()),
        customer: charge.customer.code.clone(),
        costcentre: charge.costcentre.to_string(),
        service: charge.tariff.service.clone(),
        meter: charge.tariff.meter.clone(),
        class: charge.tariff.class.clone(),
        unit: charge.tariff.unit.clone(),
        quantity: quantity(charge.quantity),
        unit_price: charge.unit_price().map(|price| price.kronor().normalize().to_string()),
        gross: kronor(charge.gross),
        joint: kronor(charge.joint),
        net: kronor(charge.net),
        surcharge: kronor(charge.surcharge),
    }
}

fn sums(totals: &Totals) -> Sums {
    Sums {
        gross: kronor(totals.gross),
        joint: kronor(totals.joint),
        net: kronor(totals.net),
        surcharge: kronor(totals.surcharge),
    }
}

impl Item {
    fn cells(&self) -> [Cell<'_>; 15] {
        [
            Cell::Text(&self.id),
            Cell::Number(&self.month),
            self.corrects.as_deref().map_or(Cell::Empty, Cell::Number),
            Cell::Text(&self.customer),
            Cell::Text(&self.costcentre),
            Cell::Text(&self.service),
            Cell::Text(&self.meter),
            Cell::Text(&self.class),
            Cell::Text(&self.unit),
            Cell::Number(&self.quantity),
            self.unit_price.as_deref().map_or(Cell::Empty, Cell::Number),
            Cell::Number(&self.gross),
            Cell::Number(&self.joint),
            Cell::Number(&self.net),
            Cell::Number(&self.surcharge),
        ]
    }
}

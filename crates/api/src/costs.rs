//! `GET /v1/costs`: what each service costs in each month, as billed. The chart and the table of the first page as data.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::access::Viewer;
use serde::Serialize;

use crate::Shared;
use crate::cursor;
use crate::list::{Cell, Format, Page, Table, kronor};
use crate::problem::Problem;
use crate::query::Params;

/// A service's sums in a month, corrections included. The order of its fields is that of the CSV's columns.
#[derive(Debug, Serialize)]
struct Item {
    month: String,
    state: &'static str,
    service: String,
    product: String,
    gross: String,
    joint: String,
    net: String,
    surcharge: String,
}

const COLUMNS: [&str; 8] = ["month", "state", "service", "product", "gross", "joint", "net", "surcharge"];

/// `GET /v1/costs`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Extension(viewer): Extension<Viewer>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["from", "to", "service", "limit", "cursor", "format"])?;
    let (from, to) = params.months()?;
    let format = Format::of(&params, &headers)?;
    let bills = shared.biller.bills(from..=to).await.map_err(|error| crate::billing_problem(&error))?;
    let mut items = Vec::new();
    for bill in bills.iter().map(|bill| bill.seen_by(&viewer)) {
        let of_month = bill.services().into_iter().map(|service| Item {
            month: bill.month.to_string(),
            state: bill.state.name(),
            gross: kronor(service.totals.gross),
            joint: kronor(service.totals.joint),
            net: kronor(service.totals.net),
            surcharge: kronor(service.totals.surcharge),
            service: service.service,
            product: service.product,
        });
        items.extend(of_month.filter(|item| params.get("service").is_none_or(|slug| slug == item.service)));
    }
    let key = |item: &Item| vec![Some(item.month.clone()), Some(item.service.clone())];
    let (items, next) = cursor::page(uri.path(), &params, items, key)?;
    match format {
        Format::Json => Ok(Json(Page { items, next }).into_response()),
        Format::Csv => {
            let mut table = Table::new(&COLUMNS)?;
            for item in &items {
                table.row(&[
                    Cell::Number(&item.month),
                    Cell::Text(item.state),
                    Cell::Text(&item.service),
                    Cell::Text(&item.product),
                    Cell::Number(&item.gross),
                    Cell::Number(&item.joint),
                    Cell::Number(&item.net),
                    Cell::Number(&item.surcharge),
                ])?;
            }
            table.respond(&format!("costs-{from}-{to}"), next)
        }
    }
}

//! `GET /v1/anomalies`: days of a month on which a service was used unlike such days are, or not at all.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::Quantity;
use domain::access::Viewer;
use domain::catalogue::{Meter, Service};
use domain::trend::Anomaly;
use serde::Serialize;

use super::days::Days;
use crate::Shared;
use crate::cursor;
use crate::list::{Cell, Format, Page, Table, quantity};
use crate::problem::Problem;
use crate::query::Params;

/// A day, or days of silence, that stand out. The order of its fields is that of the CSV's columns.
#[derive(Debug, Serialize)]
struct Item {
    service: String,
    meter: String,
    first_day: String,
    last_day: String,
    kind: &'static str,
    quantity: String,
    expected: String,
    unit: String,
    provisional: bool,
}

const COLUMNS: [&str; 9] =
    ["service", "meter", "first_day", "last_day", "kind", "quantity", "expected", "unit", "provisional"];

/// `GET /v1/anomalies`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Extension(viewer): Extension<Viewer>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["month", "service", "limit", "cursor", "format"])?;
    let month = params.required_month("month")?;
    let format = Format::of(&params, &headers)?;
    let (catalogue, now) = (shared.catalogue.load_full(), (shared.now)());
    let mut items = Vec::new();
    for service in catalogue.services.values() {
        let is_asked = params.get("service").is_none_or(|slug| slug == service.slug);
        // Of a part of a service, a day could be one person's.
        if !is_asked || !viewer.sees_service(&service.slug) {
            continue;
        }
        let days = Days::load(&shared, service, month..=month, now).await?;
        for slug in days.meters.keys() {
            let Some(meter) = service.meters.get(slug) else { continue };
            items.extend(days.odd(slug).iter().map(|odd| item(service, meter, odd)));
        }
    }
    let key =
        |item: &Item| [&item.service, &item.meter, &item.first_day].map(|text| Some(text.clone())).to_vec();
    let (items, next) = cursor::page(uri.path(), &params, items, key)?;
    match format {
        Format::Json => Ok(Json(Page { items, next }).into_response()),
        Format::Csv => {
            let mut table = Table::new(&COLUMNS)?;
            for item in &items {
                table.row(&[
                    Cell::Text(&item.service),
                    Cell::Text(&item.meter),
                    Cell::Number(&item.first_day),
                    Cell::Number(&item.last_day),
                    Cell::Text(item.kind),
                    Cell::Number(&item.quantity),
                    Cell::Number(&item.expected),
                    Cell::Text(&item.unit),
                    Cell::Text(if item.provisional { "true" } else { "false" }),
                ])?;
            }
            table.respond(&format!("anomalies-{month}"), next)
        }
    }
}

fn item(service: &Service, meter: &Meter, odd: &Anomaly) -> Item {
    Item {
        service: service.slug.clone(),
        meter: meter.slug.clone(),
        first_day: odd.first.to_string(),
        last_day: odd.last.to_string(),
        kind: odd.kind.name(),
        quantity: quantity(Quantity::from_micros(odd.value)),
        expected: quantity(Quantity::from_micros(odd.expected)),
        unit: meter.unit.clone(),
        provisional: odd.provisional,
    }
}

//! `GET /v1/days`: a service day by day. The charts of days as data.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::Quantity;
use domain::access::Viewer;
use serde::Serialize;

use super::days::Days;
use crate::Shared;
use crate::cursor;
use crate::list::{Cell, Format, Page, Table, quantity};
use crate::problem::{Kind, Problem};
use crate::query::Params;

/// A day of a meter. The order of its fields is that of the CSV's columns.
#[derive(Debug, Serialize)]
struct Item {
    service: String,
    meter: String,
    day: String,
    quantity: String,
    unit: String,
}

const COLUMNS: [&str; 5] = ["service", "meter", "day", "quantity", "unit"];

/// `GET /v1/days`
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
    let slug = params.get("service").unwrap_or_default();
    // Of a part of a service, a day could be one person's.
    let service = catalogue.services.get(slug).filter(|service| viewer.sees_service(&service.slug));
    let service = service.ok_or_else(|| {
        let shown: String = slug.chars().take(60).collect();
        Problem::new(Kind::NotFound)
            .detail(format!("ingen tjänst {shown} att visa"), format!("no service {shown} to show"))
    })?;
    let days = Days::load(&shared, service, month..=month, now).await?;
    let mut items = Vec::new();
    for (slug, of_meter) in &days.meters {
        let unit = service.meters.get(slug).map_or("", |meter| meter.unit.as_str());
        let of_month = of_meter.iter().filter(|(day, _)| domain::Month::of(*day) == month);
        items.extend(of_month.map(|(day, value)| Item {
            service: service.slug.clone(),
            meter: slug.clone(),
            day: day.to_string(),
            quantity: quantity(Quantity::from_micros(*value)),
            unit: unit.to_owned(),
        }));
    }
    let key = |item: &Item| vec![Some(item.meter.clone()), Some(item.day.clone())];
    let (items, next) = cursor::page(uri.path(), &params, items, key)?;
    match format {
        Format::Json => Ok(Json(Page { items, next }).into_response()),
        Format::Csv => {
            let mut table = Table::new(&COLUMNS)?;
            for item in &items {
                table.row(&[
                    Cell::Text(&item.service),
                    Cell::Text(&item.meter),
                    Cell::Number(&item.day),
                    Cell::Number(&item.quantity),
                    Cell::Text(&item.unit),
                ])?;
            }
            table.respond(&format!("days-{slug}-{month}"), next)
        }
    }
}

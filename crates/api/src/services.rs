//! `GET /v1/services`: what can be measured, in which units, and what it costs.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use domain::Month;
use domain::catalogue::{Catalogue, Meter, PriceState, Service};
use serde::Serialize;

use crate::Shared;
use crate::cursor;
use crate::list::Page;
use crate::problem::Problem;
use crate::query::Params;

#[derive(Debug, Serialize)]
pub(crate) struct ServiceItem {
    slug: String,
    name: String,
    name_en: String,
    product: String,
    start: String,
    established_from: Option<String>,
    monthly_measured: bool,
    meters: Vec<MeterItem>,
}

#[derive(Debug, Serialize)]
struct MeterItem {
    slug: String,
    name: String,
    name_en: String,
    kind: &'static str,
    unit: String,
    event_type: Option<String>,
    billed: bool,
    dimensions: Vec<DimensionItem>,
    prices: Vec<PriceItem>,
}

#[derive(Debug, Serialize)]
struct DimensionItem {
    name: String,
    rating: bool,
    values: Vec<String>,
}

#[derive(Debug, Serialize)]
struct PriceItem {
    class: String,
    unit_price: String,
    valid_from: String,
    valid_to: Option<String>,
}

/// `GET /v1/services`
pub(crate) async fn get(State(shared): State<Shared>, uri: Uri) -> Result<Json<Page<ServiceItem>>, Problem> {
    let params = Params::read(&uri, &["month", "limit", "cursor"])?;
    let month = params.month("month")?.unwrap_or_else(|| (shared.now)().month());
    let catalogue = shared.catalogue.load_full();
    let items = catalogue.services.values().map(|service| item(&catalogue, service, month)).collect();
    let (items, next) =
        cursor::page(uri.path(), &params, items, |item: &ServiceItem| vec![Some(item.slug.clone())])?;
    Ok(Json(Page { items, next }))
}

fn item(catalogue: &Catalogue, service: &Service, month: Month) -> ServiceItem {
    ServiceItem {
        slug: service.slug.clone(),
        name: service.name.clone(),
        name_en: service.name_en.clone(),
        product: service.product.clone(),
        start: service.start.to_string(),
        established_from: service.established_from.map(|month| month.to_string()),
        monthly_measured: service.monthly_measured,
        meters: service.meters.values().map(|meter| meter_item(catalogue, service, meter, month)).collect(),
    }
}

fn meter_item(catalogue: &Catalogue, service: &Service, meter: &Meter, month: Month) -> MeterItem {
    let dimensions = meter.dimensions.iter().map(|dimension| DimensionItem {
        name: dimension.name.clone(),
        rating: dimension.rating,
        values: dimension.values.clone(),
    });
    let in_force = catalogue.prices.iter().filter(|row| {
        row.service == service.slug
            && row.meter == meter.slug
            && row.state == PriceState::Decided
            && row.valid_from <= month
            && row.valid_to.is_none_or(|to| month <= to)
    });
    let prices = in_force.map(|row| PriceItem {
        class: row.class.clone(),
        unit_price: row.price.kronor().normalize().to_string(),
        valid_from: row.valid_from.to_string(),
        valid_to: row.valid_to.map(|month| month.to_string()),
    });
    MeterItem {
        slug: meter.slug.clone(),
        name: meter.name.clone(),
        name_en: meter.name_en.clone(),
        kind: meter.kind.name(),
        unit: meter.unit.clone(),
        event_type: meter.event_type.clone(),
        billed: meter.billed,
        dimensions: dimensions.collect(),
        prices: prices.collect(),
    }
}

//! `GET /v1/forecasts`: what the coming months of a service are expected to be.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use billing::UsageQuery;
use domain::access::Viewer;
use domain::quantity::div_half_away;
use domain::trend::{Expected, forecast_hundredths};
use domain::{Money, Month, Quantity};
use serde::Serialize;

use super::KNOWN;
use crate::Shared;
use crate::cursor;
use crate::list::{Cell, Format, Page, Table, kronor, quantity};
use crate::problem::Problem;
use crate::query::Params;

/// How many months are expected when nothing is said, and at most.
const AHEAD_DEFAULT: usize = 3;
const AHEAD_MAX: usize = 12;

/// What a month is expected to be. The order of its fields is that of the CSV's columns.
#[derive(Debug, Serialize)]
struct Item {
    month: String,
    service: String,
    /// Null for the service's cost.
    meter: Option<String>,
    unit: String,
    expected: String,
    low: Option<String>,
    high: Option<String>,
    method: &'static str,
    backtests: usize,
}

const COLUMNS: [&str; 9] =
    ["month", "service", "meter", "unit", "expected", "low", "high", "method", "backtests"];

/// What is forecast: a cost in öre, or the quantity of a meter in hundredths of its unit.
type Series = BTreeMap<(String, Option<String>, String), BTreeMap<Month, i128>>;

/// `GET /v1/forecasts`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Extension(viewer): Extension<Viewer>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["service", "customer", "ahead", "limit", "cursor", "format"])?;
    let format = Format::of(&params, &headers)?;
    let ahead = match params.get("ahead") {
        None => AHEAD_DEFAULT,
        Some(text) => text.parse().ok().filter(|ahead| (1..=AHEAD_MAX).contains(ahead)).ok_or_else(|| {
            Problem::invalid_parameter("ahead", "ska vara 1 till 12 månader", "must be 1 to 12 months")
        })?,
    };
    let view = shared.view().await?;
    let last = last_whole(view.known_months(), (shared.now)().month());
    let query = UsageQuery {
        service: params.text("service"),
        customer: params.text("customer"),
        viewer,
        ..UsageQuery::of(last.plus(1 - KNOWN), last)
    };
    let usage = view.usage_items(&query).await.map_err(|error| crate::billing_problem(&error))?;
    let mut series = Series::new();
    for item in &usage {
        let service = item.tariff.service.clone();
        let cost = series.entry((service.clone(), None, "SEK".to_owned())).or_default();
        *cost.entry(item.month).or_default() += i128::from(item.cost.ore());
        let meter = (service, Some(item.tariff.meter.clone()), item.tariff.unit.clone());
        let volume = series.entry(meter).or_default().entry(item.month).or_default();
        *volume += div_half_away(item.quantity.micros(), 10_000);
    }
    let mut items = Vec::new();
    for (what, history) in series {
        let history: Vec<(Month, i128)> = history.into_iter().collect();
        let Some(found) = forecast_hundredths(&history, ahead) else { continue };
        let (method, backtests) = (found.method.name(), found.backtests);
        items.extend(found.months.iter().map(|expected| item(&what, expected, method, backtests)));
    }
    let key = |item: &Item| vec![Some(item.service.clone()), item.meter.clone(), Some(item.month.clone())];
    let (items, next) = cursor::page(uri.path(), &params, items, key)?;
    match format {
        Format::Json => Ok(Json(Page { items, next }).into_response()),
        Format::Csv => {
            let mut table = Table::new(&COLUMNS)?;
            for item in &items {
                table.row(&[
                    Cell::Number(&item.month),
                    Cell::Text(&item.service),
                    item.meter.as_deref().map_or(Cell::Empty, Cell::Text),
                    Cell::Text(&item.unit),
                    Cell::Number(&item.expected),
                    item.low.as_deref().map_or(Cell::Empty, Cell::Number),
                    item.high.as_deref().map_or(Cell::Empty, Cell::Number),
                    Cell::Text(item.method),
                    Cell::Number(&item.backtests.to_string()),
                ])?;
            }
            table.respond("forecasts", next)
        }
    }
}

/// The last month to reckon from: the newest with usage, or the one before the running month, which is not whole and the
/// first that is expected.
fn last_whole(known: Option<(Month, Month)>, running: Month) -> Month {
    let over = running.previous();
    known.map_or(over, |(_, newest)| newest.min(over))
}

fn item(
    (service, meter, unit): &(String, Option<String>, String),
    expected: &Expected,
    method: &'static str,
    backtests: usize,
) -> Item {
    let write = |value: i128| match meter {
        None => kronor(Money::from_ore(i64::try_from(value).unwrap_or(i64::MAX))),
        Some(_) => quantity(Quantity::from_micros(value.saturating_mul(10_000))),
    };
    Item {
        month: expected.month.to_string(),
        service: service.clone(),
        meter: meter.clone(),
        unit: unit.clone(),
        expected: write(expected.mid),
        low: expected.band.map(|band| write(band.low)),
        high: expected.band.map(|band| write(band.high)),
        method,
        backtests,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_usage_is_forecast_from_where_it_ends() {
        let month = |text: &str| text.parse::<Month>().unwrap();
        let known = |last: &str| Some((month("2019-01"), month(last)));
        for (known, running, last) in [
            (known("2021-12"), "2026-11", "2021-12"),
            (known("2021-12"), "2021-12", "2021-11"),
            (known("2021-11"), "2021-12", "2021-11"),
            (None, "2026-11", "2026-10"),
        ] {
            assert_eq!(last_whole(known, month(running)), month(last), "{known:?} in {running}");
        }
    }
}

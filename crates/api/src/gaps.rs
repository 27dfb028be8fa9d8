//! `GET /v1/gaps`: what a month's data lacks, and what was decided about it (R18).

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use billing::{GapDecision, MonthGap};
use domain::Month;
use domain::access::Viewer;
use serde::Serialize;

use crate::Shared;
use crate::cursor::{self, Key};
use crate::list::{Cell, Format, Page, Table};
use crate::problem::Problem;
use crate::query::Params;

/// A gap. The order of its fields is that of the CSV's columns.
#[derive(Debug, Serialize)]
struct Item {
    month: String,
    service: String,
    meter: Option<String>,
    kind: &'static str,
    source: String,
    subject: String,
    series: String,
    first_day: String,
    last_day: String,
    count: u64,
    decision: &'static str,
    reason: Option<String>,
}

const COLUMNS: [&str; 12] = [
    "month",
    "service",
    "meter",
    "kind",
    "source",
    "subject",
    "series",
    "first_day",
    "last_day",
    "count",
    "decision",
    "reason",
];

/// `GET /v1/gaps`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Extension(viewer): Extension<Viewer>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["month", "limit", "cursor", "format"])?;
    let month = params.required_month("month")?;
    let format = Format::of(&params, &headers)?;
    let view = shared.view().await?;
    let mut gaps = view.gaps(month..=month).await.map_err(|error| crate::billing_problem(&error))?;
    gaps.retain(|gap| viewer.covers_service(&gap.service));
    let (gaps, next) = cursor::page(uri.path(), &params, gaps, key)?;
    let items: Vec<Item> = gaps.into_iter().map(|gap| item(month, gap)).collect();
    match format {
        Format::Json => Ok(Json(Page { items, next }).into_response()),
        Format::Csv => {
            let mut table = Table::new(&COLUMNS)?;
            for item in &items {
                table.row(&[
                    Cell::Number(&item.month),
                    Cell::Text(&item.service),
                    item.meter.as_deref().map_or(Cell::Empty, Cell::Text),
                    Cell::Text(item.kind),
                    Cell::Text(&item.source),
                    Cell::Text(&item.subject),
                    Cell::Text(&item.series),
                    Cell::Number(&item.first_day),
                    Cell::Number(&item.last_day),
                    Cell::Number(&item.count.to_string()),
                    Cell::Text(item.decision),
                    item.reason.as_deref().map_or(Cell::Empty, Cell::Text),
                ])?;
            }
            table.respond(&format!("gaps-{month}"), next)
        }
    }
}

/// The order of the list.
fn key(gap: &MonthGap) -> Key {
    let days = [gap.first_day.to_string(), gap.last_day.to_string()];
    let [first, last] = days.map(Some);
    let text = |text: &String| Some(text.clone());
    vec![
        text(&gap.service),
        gap.meter.clone(),
        text(&gap.source),
        first,
        last,
        text(&gap.subject),
        text(&gap.series),
        Some((gap.kind as u8).to_string()),
    ]
}

fn item(month: Month, gap: MonthGap) -> Item {
    let decision = gap.decision.name();
    let reason = match gap.decision {
        GapDecision::Accepted(why) => Some(why),
        GapDecision::NotNeeded | GapDecision::Needed => None,
    };
    Item {
        month: month.to_string(),
        service: gap.service,
        meter: gap.meter,
        kind: gap.kind.name(),
        source: gap.source,
        subject: gap.subject,
        series: gap.series,
        first_day: gap.first_day.to_string(),
        last_day: gap.last_day.to_string(),
        count: gap.count,
        decision,
        reason,
    }
}

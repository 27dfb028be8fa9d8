//! `GET /v1/coverage`: how far the populations that must have a service are covered (R14).

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use billing::ScopeCoverage;
use domain::access::Viewer;
use domain::coverage::{Coverage, MeterClasses};
use domain::{Month, Quantity};
use serde::Serialize;

use crate::Shared;
use crate::cursor;
use crate::list::{Cell, Format, Page, Table};
use crate::problem::Problem;
use crate::query::Params;

/// How far a population is covered.
#[derive(Debug, Clone, Serialize)]
struct Figures {
    in_scope: String,
    covered: String,
    percent: Option<String>,
    outside: String,
}

#[derive(Debug, Serialize)]
struct Group {
    /// Null for use that nobody pays for.
    customer: Option<String>,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Debug, Serialize)]
struct Item {
    month: String,
    scope: String,
    name: String,
    service: String,
    meter: String,
    population_service: String,
    population_meter: String,
    comparison: &'static str,
    decision: String,
    total: Option<Figures>,
    groups: Vec<Group>,
    others: Option<Figures>,
}

/// One line for each group, one for the others, and one for all.
const COLUMNS: [&str; 11] = [
    "month",
    "scope",
    "service",
    "meter",
    "comparison",
    "group",
    "customer",
    "in_scope",
    "covered",
    "percent",
    "outside",
];

/// `GET /v1/coverage`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Extension(viewer): Extension<Viewer>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["month", "limit", "cursor", "format"])?;
    let month = params.required_month("month")?;
    let format = Format::of(&params, &headers)?;
    let mut found = shared.biller.coverage(month).await.map_err(|error| crate::billing_problem(&error))?;
    found.retain(|found| viewer.covers_service(&found.scope.has.service));
    let key = |found: &ScopeCoverage| vec![Some(found.scope.code.clone())];
    let (found, next) = cursor::page(uri.path(), &params, found, key)?;
    let items: Vec<Item> = found.into_iter().map(|found| item(month, found)).collect();
    match format {
        Format::Json => Ok(Json(Page { items, next }).into_response()),
        Format::Csv => {
            let mut table = Table::new(&COLUMNS)?;
            for item in &items {
                item.write(&mut table)?;
            }
            table.respond(&format!("coverage-{month}"), next)
        }
    }
}

fn figures(coverage: &Coverage) -> Figures {
    let text = |quantity: Quantity| quantity.to_string();
    Figures {
        in_scope: text(coverage.in_scope),
        covered: text(coverage.covered),
        percent: coverage.percent().map(text),
        outside: text(coverage.outside),
    }
}

fn item(month: Month, found: ScopeCoverage) -> Item {
    let ScopeCoverage { scope, total, groups, others } = found;
    let MeterClasses { service, meter, .. } = scope.has;
    let group =
        |(customer, coverage): (Option<String>, Coverage)| Group { customer, figures: figures(&coverage) };
    Item {
        month: month.to_string(),
        scope: scope.code,
        name: scope.name,
        service,
        meter,
        population_service: scope.population.service,
        population_meter: scope.population.meter,
        comparison: scope.comparison.name(),
        decision: scope.decision,
        total: total.as_ref().map(figures),
        groups: groups.into_iter().map(group).collect(),
        others: others.as_ref().map(figures),
    }
}

impl Item {
    fn write(&self, table: &mut Table) -> Result<(), Problem> {
        let groups = self.groups.iter().map(|group| ("customer", group.customer.as_deref(), &group.figures));
        let others = self.others.iter().map(|others| ("others", None, others));
        let total = self.total.iter().map(|total| ("total", None, total));
        for (group, customer, figures) in groups.chain(others).chain(total) {
            table.row(&[
                Cell::Number(&self.month),
                Cell::Text(&self.scope),
                Cell::Text(&self.service),
                Cell::Text(&self.meter),
                Cell::Text(self.comparison),
                Cell::Text(group),
                customer.map_or(Cell::Empty, Cell::Text),
                Cell::Number(&figures.in_scope),
                Cell::Number(&figures.covered),
                figures.percent.as_deref().map_or(Cell::Empty, Cell::Number),
                Cell::Number(&figures.outside),
            ])?;
        }
        Ok(())
    }
}

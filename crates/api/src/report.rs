//! `GET /v1/reports/{year}`: a year's volume and cost, tied to the months that were closed (R17, R18).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use billing::{YearGrouping, YearItem, YearMeter, YearMonth, YearReport};
use domain::charge::Totals;
use domain::year::YearTotals;
use serde::Serialize;

use crate::Shared;
use crate::cursor::{self, Key};
use crate::list::{Cell, Format, Table, kronor, quantity};
use crate::problem::Problem;
use crate::query::{self, Params};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Sums {
    gross: String,
    joint: String,
    net: String,
    surcharge: String,
}

/// The year's money by the month of the usage and by the month that billed it; `usage = billed − earlier + later`.
#[derive(Debug, Clone, Serialize)]
struct YearSums {
    usage: Sums,
    billed: Sums,
    earlier: Sums,
    later: Sums,
}

#[derive(Debug, Serialize)]
struct MonthItem {
    month: String,
    state: &'static str,
    rate: Option<String>,
    #[serde(flatten)]
    sums: Sums,
}

#[derive(Debug, Serialize)]
struct MeterItem {
    meter: String,
    name: String,
    kind: &'static str,
    unit: String,
    measure: &'static str,
    quantity: Option<String>,
    #[serde(flatten)]
    sums: YearSums,
    estimated_days: u32,
    missing_days: u32,
}

#[derive(Debug, Serialize)]
struct Item {
    customer: Option<String>,
    customer_name: Option<String>,
    customer_kind: Option<&'static str>,
    product: String,
    service: Option<String>,
    name: String,
    #[serde(flatten)]
    sums: YearSums,
    meters: Vec<MeterItem>,
    missing_months: Vec<String>,
}

/// Σ of all groups beside Σ of the year's closes.
#[derive(Debug, Serialize)]
struct Control {
    items: Sums,
    closes: Sums,
    ties: bool,
}

#[derive(Debug, Serialize)]
struct Answer {
    year: i32,
    by: &'static str,
    months: Vec<MonthItem>,
    later: Vec<MonthItem>,
    items: Vec<Item>,
    totals: YearSums,
    control: Control,
    next: Option<String>,
}

/// A group's row has one line for each meter, so that its amounts add up; groups without meters have one.
const COLUMNS: [&str; 30] = [
    "customer",
    "customer_name",
    "customer_kind",
    "product",
    "service",
    "name",
    "meter",
    "kind",
    "unit",
    "measure",
    "quantity",
    "usage_gross",
    "usage_joint",
    "usage_net",
    "usage_surcharge",
    "billed_gross",
    "billed_joint",
    "billed_net",
    "billed_surcharge",
    "earlier_gross",
    "earlier_joint",
    "earlier_net",
    "earlier_surcharge",
    "later_gross",
    "later_joint",
    "later_net",
    "later_surcharge",
    "estimated_days",
    "missing_days",
    "missing_months",
];

/// `GET /v1/reports/{year}`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Path(year): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &["by", "limit", "cursor", "format"])?;
    let year = query::year(&year)?;
    let (by, name) = match params.one_of("by", &["service", "product", "customer"])? {
        Some("product") => (YearGrouping::Product, "product"),
        Some("customer") => (YearGrouping::Customer, "customer"),
        Some(_) | None => (YearGrouping::Service, "service"),
    };
    #[cfg(feature = "pdf")]
    if params.one_of("format", &["json", "csv", "pdf"])? == Some("pdf") {
        return crate::pdf::year(&shared, year).await;
    }
    let format = Format::of(&params, &headers)?;
    let report = shared.biller.year_report(year, by).await.map_err(|error| crate::billing_problem(&error))?;
    let ties = report.ties();
    let YearReport { months, later, items, totals, closes, .. } = report;
    let (items, next) = cursor::page(uri.path(), &params, items, key)?;
    let items: Vec<Item> = items.into_iter().map(item).collect();
    match format {
        Format::Json => Ok(Json(Answer {
            year,
            by: name,
            months: months.iter().map(month_item).collect(),
            later: later.iter().map(month_item).collect(),
            items,
            totals: year_sums(&totals),
            control: Control { items: sums(&totals.billed), closes: sums(&closes), ties },
            next,
        })
        .into_response()),
        Format::Csv => {
            let mut table = Table::new(&COLUMNS)?;
            for item in &items {
                item.write(&mut table)?;
            }
            table.respond(&format!("report-{year}-{name}"), next)
        }
    }
}

/// The order of the list.
fn key(item: &YearItem) -> Key {
    let customer = item.customer.as_ref().map(|customer| customer.code.clone());
    vec![customer, Some(item.product.clone()), item.service.clone()]
}

fn sums(totals: &Totals) -> Sums {
    Sums {
        gross: kronor(totals.gross),
        joint: kronor(totals.joint),
        net: kronor(totals.net),
        surcharge: kronor(totals.surcharge),
    }
}

fn year_sums(totals: &YearTotals) -> YearSums {
    YearSums {
        usage: sums(&totals.usage),
        billed: sums(&totals.billed),
        earlier: sums(&totals.earlier),
        later: sums(&totals.later),
    }
}

fn month_item(month: &YearMonth) -> MonthItem {
    MonthItem {
        month: month.month.to_string(),
        state: month.state.name(),
        rate: month.rate.map(|rate| rate.to_string()),
        sums: sums(&month.totals),
    }
}

fn item(found: YearItem) -> Item {
    Item {
        sums: year_sums(&found.totals),
        meters: found.meters.into_iter().map(meter_item).collect(),
        missing_months: found.missing.iter().map(ToString::to_string).collect(),
        customer_kind: found.customer.as_ref().map(|customer| customer.kind.name()),
        customer_name: found.customer.as_ref().map(|customer| customer.name.clone()),
        customer: found.customer.map(|customer| customer.code),
        product: found.product,
        service: found.service,
        name: found.name,
    }
}

fn meter_item(found: YearMeter) -> MeterItem {
    MeterItem {
        measure: found.measure().name(),
        sums: year_sums(&found.totals),
        quantity: found.quantity.map(quantity),
        kind: found.kind.name(),
        meter: found.meter,
        name: found.name,
        unit: found.unit,
        estimated_days: found.estimated_days,
        missing_days: found.missing_days,
    }
}

impl Item {
    fn write(&self, table: &mut Table) -> Result<(), Problem> {
        if self.meters.is_empty() {
            return self.line(None, table);
        }
        self.meters.iter().try_for_each(|meter| self.line(Some(meter), table))
    }

    fn line(&self, meter: Option<&MeterItem>, table: &mut Table) -> Result<(), Problem> {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let days = |days: fn(&MeterItem) -> u32| meter.map(|meter| days(meter).to_string());
        let names = [
            text(self.customer.as_deref()),
            text(self.customer_name.as_deref()),
            text(self.customer_kind),
            self.product.clone(),
            text(self.service.as_deref()),
            self.name.clone(),
            text(meter.map(|meter| meter.meter.as_str())),
            text(meter.map(|meter| meter.kind)),
            text(meter.map(|meter| meter.unit.as_str())),
            text(meter.map(|meter| meter.measure)),
        ];
        let YearSums { usage, billed, earlier, later } = meter.map_or(&self.sums, |meter| &meter.sums);
        let amounts = [usage, billed, earlier, later]
            .map(|sums| [&sums.gross, &sums.joint, &sums.net, &sums.surcharge]);
        let days = [days(|meter| meter.estimated_days), days(|meter| meter.missing_days)];
        let missing = self.missing_months.join(" ");
        let number = |value: Option<&'_ str>| value.map(str::to_owned).unwrap_or_default();
        let quantity = number(meter.and_then(|meter| meter.quantity.as_deref()));
        let mut cells: Vec<Cell<'_>> = names.iter().map(|name| Cell::Text(name)).collect();
        cells.push(Cell::Number(&quantity));
        cells.extend(amounts.iter().flatten().map(|amount| Cell::Number(amount)));
        cells.extend(days.iter().map(|days| days.as_deref().map_or(Cell::Empty, Cell::Number)));
        cells.push(Cell::Number(&missing));
        table.row(&cells)
    }
}

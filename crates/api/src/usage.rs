//! `GET /v1/usage`: monthly usage and its cost, in the groups that are asked for.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use billing::{UsageItem, UsageQuery};
use domain::access::Viewer;
use domain::catalogue::Catalogue;
use domain::event::CustomerKind;
use serde::Serialize;

use crate::Shared;
use crate::cursor::{self, Key};
use crate::list::{Cell, Format, Page, Table, kronor, quantity};
use crate::problem::Problem;
use crate::query::Params;

/// What usage is grouped by besides month, service and meter, which always are in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Groups {
    class: bool,
    customer: bool,
    costcentre: bool,
    product: bool,
    object: bool,
    dims: bool,
}

/// Usage as programs read it. The order of its fields is that of the CSV's columns, all but the last; what is not asked for
/// is left out.
#[derive(Debug, Serialize)]
struct Item {
    month: String,
    service: String,
    meter: String,
    unit: String,
    quantity: String,
    cost: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    /// Null, and not left out, for usage that nobody pays for.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    costcentre: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    /// The object that ordered it; null for everybody else's usage.
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dims: Option<BTreeMap<String, String>>,
    /// Left out where nothing is estimated. No column of the CSV, whose columns callers know; `/v1/gaps` has the days.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_days: Option<u32>,
}

const PARAMETERS: [&str; 11] = [
    "from",
    "to",
    "group_by",
    "service",
    "meter",
    "customer",
    "costcentre",
    "product",
    "limit",
    "cursor",
    "format",
];

/// `GET /v1/usage`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Extension(viewer): Extension<Viewer>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(&uri, &PARAMETERS)?;
    let (from, to) = params.months()?;
    let groups = Groups::read(&params)?;
    let format = Format::of(&params, &headers)?;
    let query = UsageQuery {
        from,
        to,
        by_class: groups.class || groups.dims,
        by_customer: groups.customer,
        by_object: groups.object,
        by_costcentre: groups.costcentre,
        service: params.text("service"),
        meter: params.text("meter"),
        customer: params.text("customer"),
        costcentre: params.text("costcentre"),
        product: params.text("product"),
        viewer,
    };
    let items = shared.biller.usage_items(&query).await.map_err(|error| crate::billing_problem(&error))?;
    let (items, next) = cursor::page(uri.path(), &params, items, key)?;
    let catalogue = shared.catalogue.load_full();
    let items: Vec<Item> = items.into_iter().map(|found| item(found, groups, &catalogue)).collect();
    match format {
        Format::Json => Ok(Json(Page { items, next }).into_response()),
        Format::Csv => {
            let columns = groups.columns();
            let mut table = Table::new(&columns)?;
            for item in &items {
                item.write(groups, &mut table)?;
            }
            table.respond(&format!("usage-{from}-{to}"), next)
        }
    }
}

impl Groups {
    fn read(params: &Params) -> Result<Self, Problem> {
        const KNOWN: &str = "month, service, meter, class, customer, costcentre, product, object, dims";
        let mut groups = Self::default();
        for word in params.words("group_by").unwrap_or_default() {
            match word.trim() {
                "month" | "service" | "meter" => {}
                "class" => groups.class = true,
                "customer" => groups.customer = true,
                "costcentre" => groups.costcentre = true,
                "product" => groups.product = true,
                "dims" => groups.dims = true,
                "object" => groups.object = true,
                _ => {
                    let (sv, en) = (format!("ska vara något av {KNOWN}"), format!("must be some of {KNOWN}"));
                    return Err(Problem::invalid_parameter("group_by", &sv, &en));
                }
            }
        }
        Ok(groups)
    }

    fn columns(self) -> Vec<&'static str> {
        let always = ["month", "service", "meter", "unit", "quantity", "cost"].map(|name| (name, true));
        let asked = [
            ("class", self.class),
            ("customer", self.customer),
            ("costcentre", self.costcentre),
            ("product", self.product),
            ("object", self.object),
            ("dims", self.dims),
        ];
        always.into_iter().chain(asked).filter(|(_, wanted)| *wanted).map(|(name, _)| name).collect()
    }
}

/// The order of the list: that of the groups.
fn key(item: &UsageItem) -> Key {
    vec![
        Some(item.month.to_string()),
        Some(item.tariff.service.clone()),
        Some(item.tariff.meter.clone()),
        item.class.clone(),
        item.customer.clone(),
        item.costcentre.clone(),
    ]
}

fn item(found: UsageItem, groups: Groups, catalogue: &Catalogue) -> Item {
    let tariff = &found.tariff;
    let dims =
        found.class.as_deref().map(|class| dimensions(catalogue, &tariff.service, &tariff.meter, class));
    // Another object orders platform services and pays for them as a customer of its own.
    let is_object = |code: &String| {
        catalogue.customers.get(code).is_some_and(|customer| customer.kind == CustomerKind::Objekt)
    };
    let object = found.customer.clone().filter(is_object);
    Item {
        month: found.month.to_string(),
        unit: tariff.unit.clone(),
        quantity: quantity(found.quantity),
        cost: kronor(found.cost),
        class: found.class.filter(|_| groups.class),
        customer: groups.customer.then_some(found.customer),
        costcentre: found.costcentre.filter(|_| groups.costcentre),
        product: groups.product.then(|| tariff.product.clone()),
        object: groups.object.then_some(object),
        dims: dims.filter(|_| groups.dims),
        estimated_days: Some(found.estimated_days).filter(|days| *days > 0),
        service: tariff.service.clone(),
        meter: tariff.meter.clone(),
    }
}

/// The values of a class by the names of the dimensions that the price depends on.
fn dimensions(catalogue: &Catalogue, service: &str, meter: &str, class: &str) -> BTreeMap<String, String> {
    let Some(meter) = catalogue.meter(service, meter) else { return BTreeMap::new() };
    let names =
        meter.dimensions.iter().filter(|dimension| dimension.rating).map(|dimension| dimension.name.clone());
    names.zip(class.split('/').map(str::to_owned)).collect()
}

impl Item {
    fn write(&self, groups: Groups, table: &mut Table) -> Result<(), Problem> {
        let dims = self.dims.as_ref().map(|dims| dims.iter().map(|(name, value)| format!("{name}={value}")));
        let dims = dims.map(|dims| dims.collect::<Vec<_>>().join(";"));
        let text = |value: Option<&'_ str>| value.map_or(String::new(), str::to_owned);
        let asked = [
            (groups.class, text(self.class.as_deref())),
            (groups.customer, text(self.customer.as_ref().and_then(|customer| customer.as_deref()))),
            (groups.costcentre, text(self.costcentre.as_deref())),
            (groups.product, text(self.product.as_deref())),
            (groups.object, text(self.object.as_ref().and_then(|object| object.as_deref()))),
            (groups.dims, text(dims.as_deref())),
        ];
        let mut cells = vec![
            Cell::Number(&self.month),
            Cell::Text(&self.service),
            Cell::Text(&self.meter),
            Cell::Text(&self.unit),
            Cell::Number(&self.quantity),
            Cell::Number(&self.cost),
        ];
        cells.extend(asked.iter().filter(|(wanted, _)| *wanted).map(|(_, value)| Cell::Text(value)));
        table.row(&cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(text: &str) -> Result<Groups, Problem> {
        Groups::read(&Params::read(&format!("/x?group_by={text}").parse().unwrap(), &["group_by"]).unwrap())
    }

    #[test]
    fn month_service_and_meter_are_always_in_a_group() {
        assert_eq!(groups("month,service,meter"), Ok(Groups::default()));
        assert_eq!(groups("customer"), groups("month,service,meter,customer"));
        assert_eq!(groups("class,dims").unwrap().columns().last(), Some(&"dims"));
        for wrong in ["subject", "month,,meter"] {
            assert!(groups(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unattributed_customer_is_null_and_an_unasked_one_is_left_out() {
        let mut item = Item {
            month: "2021-03".to_owned(),
            service: "e-moten".to_owned(),
            meter: "participant_hour".to_owned(),
            unit: "h".to_owned(),
            quantity: "1.5".to_owned(),
            cost: "0.72".to_owned(),
            class: None,
            customer: Some(None),
            costcentre: None,
            product: None,
            object: None,
            dims: None,
            estimated_days: None,
        };
        let json = |item: &Item| serde_json::to_string(item).unwrap();
        assert!(json(&item).ends_with(r#""cost":"0.72","customer":null}"#), "{}", json(&item));
        item.customer = None;
        assert!(json(&item).ends_with(r#""cost":"0.72"}"#), "{}", json(&item));
        item.estimated_days = Some(3);
        assert!(json(&item).ends_with(r#""cost":"0.72","estimated_days":3}"#), "{}", json(&item));
    }
}

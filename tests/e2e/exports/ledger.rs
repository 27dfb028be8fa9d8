//! What a closed month's workbooks must say, from everywhere but the exports: its charges, the audit log, the catalogue.

use domain::catalogue::Catalogue;
use serde_json::{Map, Value, json};

use crate::program::Program;

/// The ledger as `tests/validators/sheets/check.py` reads it. `catalogue` is the one that the month was closed on.
pub(super) fn of(program: &Program, month: &str, catalogue: &Catalogue) -> Value {
    let charges = |month: &str| program.list(&format!("/v1/charges?month={month}"));
    let months = program.list("/v1/months");
    let earlier = months.iter().filter_map(|other| other["month"].as_str()).filter(|other| *other < month);
    let billed = charges(month);
    let organisation = &catalogue.organisation;
    json!({
        "month": decided(program, &months, month, catalogue),
        "supplier": format!("{}, {}, {}", organisation.unit, organisation.name, organisation.number),
        "payers": named(&catalogue.customers, |payer| json!({"name": payer.name, "kind": payer.kind.name()})),
        "costcentres": named(&catalogue.costcentres, |costcentre| json!(costcentre.name)),
        "services": named(&catalogue.services, |service| json!({
            "name": service.name,
            "product": service.product,
            "established": service.established_from.map(|month| month.to_string()),
            "meters": named(&service.meters, |meter| json!({
                "name": meter.name,
                "values": values(catalogue, &service.slug, &meter.slug),
            })),
        })),
        "units": catalog::UNITS.iter().map(|unit| (unit.code.to_owned(), json!(unit.name))).collect::<Map<_, _>>(),
        "prices": catalogue.prices.iter().map(|row| json!({
            "key": [row.service, row.meter, row.class],
            "from": row.valid_from.to_string(),
            "to": row.valid_to.map(|month| month.to_string()),
            "price": row.price.to_string(),
            "model": row.model.to_string(),
        })).collect::<Vec<Value>>(),
        "corrections": corrections(program, &billed),
        "charges": billed,
        "earlier": earlier.flat_map(charges).collect::<Vec<Value>>(),
    })
}

/// What values of a meter's dimensions are called.
fn values(catalogue: &Catalogue, service: &str, meter: &str) -> Map<String, Value> {
    let of = |(named, at, _): &&(String, String, String)| named == service && at == meter;
    let values = catalogue.value_names.keys().filter(of);
    values.map(|key| (key.2.clone(), json!(catalogue.value_names[key].name))).collect()
}

/// Reason and rate of each correction, as its explanation says.
fn corrections(program: &Program, charges: &[Value]) -> Map<String, Value> {
    let corrections = charges.iter().filter(|charge| !charge["corrects"].is_null());
    let explained = corrections.map(|charge| {
        let id = charge["id"].as_str().unwrap();
        let correction = program.get(&format!("/v1/charges/{id}/explain"))["correction"].clone();
        (id.to_owned(), json!({"reason": correction["reason"], "rate": correction["rate"]}))
    });
    explained.collect()
}

fn decided(program: &Program, months: &[Value], month: &str, catalogue: &Catalogue) -> Value {
    let closed = |record: &&Value| {
        record["action"] == "month.close"
            && record["decision"]["month"] == month
            && record["outcome"] == "closed"
    };
    let audit = program.list("/v1/audit");
    let record = audit.iter().find(closed).unwrap_or_else(|| panic!("{month} was not closed: {audit:?}"));
    let rate = catalogue.rate(month.parse().unwrap()).unwrap();
    assert_eq!(record["decision"]["catalogue"], *catalogue.version);
    json!({
        "month": month,
        "hash": months.iter().find(|item| item["month"] == month).unwrap()["hash"],
        "closed": record["at"],
        "by": record["decision"]["by"],
        "anchor": format!("{}:{}", record["control"], record["chain"].as_str().unwrap()),
        "gaps": record["decision"]["accept_gaps"],
        "catalogue": catalogue.version,
        "rate": rate.rate.fraction().to_string(),
        "rate_decision": rate.decision,
    })
}

fn named<'a, T: 'a>(
    of: impl IntoIterator<Item = (&'a String, &'a T)>,
    names: impl Fn(&T) -> Value,
) -> Map<String, Value> {
    of.into_iter().map(|(code, named)| (code.clone(), names(named))).collect()
}

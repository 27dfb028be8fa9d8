//! What a closed month's workbooks must say, from everywhere but the exports: its charges, the audit log, the catalogue.

use domain::catalogue::Catalogue;
use serde_json::{Map, Value, json};

use crate::program::Program;

/// The ledger as `tests/validators/sheets/check.py` reads it. `catalogue` is the one that the month was closed on.
pub(super) fn of(program: &Program, month: &str, catalogue: &Catalogue) -> Value {
    let charges = |month: &str| program.list(&format!("/v1/charges?month={month}"));
    let months = program.list("/v1/months");
    let earlier = months.iter().filter_map(|other| other["month"].as_str()).filter(|other| *other < month);
    json!({
        "month": decided(program, &months, month, catalogue),
        "payers": named(&catalogue.customers, |payer| json!({"name": payer.name, "kind": payer.kind.name()})),
        "services":
            named(&catalogue.services, |service| json!({"name": service.name, "product": service.product})),
        "charges": charges(month),
        "earlier": earlier.flat_map(charges).collect::<Vec<Value>>(),
    })
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

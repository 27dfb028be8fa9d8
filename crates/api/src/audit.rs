//! `GET /v1/audit`: the control log, record by record, and what is wrong with it.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use billing::AuditRecord;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Shared;
use crate::cursor;
use crate::list::Page;
use crate::problem::Problem;
use crate::query::Params;

#[derive(Debug, Serialize)]
pub(crate) struct Item {
    control: u64,
    state: &'static str,
    problem: Option<&'static str>,
    at: Option<String>,
    action: String,
    asked_by: Option<String>,
    decision: Map<String, Value>,
    chain: Option<String>,
    outcome: Option<String>,
}

/// `GET /v1/audit`
pub(crate) async fn get(State(shared): State<Shared>, uri: Uri) -> Result<Json<Page<Item>>, Problem> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let limit = params.limit()?;
    let after = cursor::after(uri.path(), &params)?.and_then(|key| key.into_iter().next().flatten());
    let from = after.and_then(|after| after.parse::<u64>().ok()).map_or(0, |after| after.saturating_add(1));
    let page = shared.biller.audit(from, limit).await.map_err(|error| crate::billing_problem(&error))?;
    let last = page.records.last().filter(|_| page.more);
    let next = last.map(|last| cursor::next(uri.path(), &params, vec![Some(last.control.to_string())]));
    Ok(Json(Page { items: page.records.into_iter().map(item).collect(), next }))
}

fn item(mut record: AuditRecord) -> Item {
    // Whoever may read decisions need not have the hashes of keys.
    if let Some(made) = record.content.get_mut("made").and_then(Value::as_object_mut) {
        made.remove("hash");
    }
    let asked_by = record.content.remove("asked_by");
    Item {
        asked_by: asked_by.as_ref().and_then(Value::as_str).map(str::to_owned),
        control: record.control,
        state: record.state.name(),
        problem: record.problem,
        at: record.at.map(|at| at.to_string()),
        action: record.action,
        decision: record.content,
        chain: (!record.chain.is_empty()).then_some(record.chain),
        outcome: record.outcome,
    }
}

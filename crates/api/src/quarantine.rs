//! `GET /v1/quarantine`: what was not counted, and why.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use store::quarantine::QuarantineFilter;

use crate::Shared;
use crate::cursor;
use crate::list::Page;
use crate::problem::Problem;
use crate::query::Params;

#[derive(Debug, Serialize)]
pub(crate) struct Item {
    id: String,
    code: String,
    detail: String,
    source: String,
    event_id: String,
    origin: String,
    times: u64,
    first_seen: String,
    last_seen: String,
}

/// `GET /v1/quarantine`
pub(crate) async fn get(State(shared): State<Shared>, uri: Uri) -> Result<Json<Page<Item>>, Problem> {
    let params = Params::read(&uri, &["code", "source", "limit", "cursor"])?;
    let limit = params.limit()?;
    let after = cursor::after(uri.path(), &params)?.and_then(|key| key.into_iter().next().flatten());
    let filter = QuarantineFilter {
        code: params.text("code"),
        source: params.text("source"),
        after,
        // One more than the page has shows whether there is another. The limit is far below what u32 holds.
        limit: u32::try_from(limit + 1).unwrap_or(u32::MAX),
    };
    let mut entries = shared.store.quarantine(&filter).await.map_err(|error| crate::store_problem(&error))?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().filter(|_| more);
    let next = last.map(|entry| cursor::next(uri.path(), &params, vec![Some(entry.id.clone())]));
    let items = entries.into_iter().map(|entry| Item {
        id: entry.id,
        code: entry.code,
        detail: entry.detail,
        source: entry.source,
        event_id: entry.event_id,
        origin: entry.origin,
        times: entry.times,
        first_seen: entry.first_seen.to_string(),
        last_seen: entry.last_seen.to_string(),
    });
    Ok(Json(Page { items: items.collect(), next }))
}

//! `/v1/collectors`: whose acknowledged events a close waits for, and the decision that one of them is lost.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use billing::CollectorState;
use serde::{Deserialize, Serialize};
use store::collectors::Collector;

use crate::Shared;
use crate::body::{self, BODY_BYTES_MAX};
use crate::cursor;
use crate::list::Page;
use crate::problem::{Kind, Problem};
use crate::query::Params;
use crate::session::Deciding;

#[derive(Debug, Serialize)]
pub(crate) struct Item {
    collector: String,
    state: &'static str,
    /// Everything that it acknowledged up to then is on the log; null when it has left.
    spool_empty_until: Option<String>,
    /// Why nobody waits for it any more; null unless that was decided.
    retired: Option<Retired>,
}

#[derive(Debug, Serialize)]
struct Retired {
    at: String,
    why: String,
    control: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Retire {
    why: String,
}

/// `GET /v1/collectors`
pub(crate) async fn get(State(shared): State<Shared>, uri: Uri) -> Result<Json<Page<Item>>, Problem> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let collectors = shared.biller.collectors().await.map_err(|error| crate::billing_problem(&error))?;
    let items = collectors.into_iter().map(item).collect();
    let key = |item: &Item| vec![Some(item.collector.clone())];
    let (items, next) = cursor::page(uri.path(), &params, items, key)?;
    Ok(Json(Page { items, next }))
}

/// `POST /v1/collectors/{collector}/retire`
pub(crate) async fn retire(
    State(shared): State<Shared>,
    Deciding(biller): Deciding,
    Path(collector): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Item>, Problem> {
    Params::read(&uri, &[])?;
    let Retire { why } = body::read(&headers, &body, BODY_BYTES_MAX)?;
    if why.trim().is_empty() {
        return Err(Problem::new(Kind::InvalidBody).detail("why ska säga varför", "why must say why"));
    }
    let failed = |error: billing::Error| crate::billing_problem(&error);
    biller.retire_collector(&collector, &why).await.map_err(failed)?;
    let collectors = shared.biller.collectors().await.map_err(failed)?;
    let found = collectors.into_iter().find(|(known, _)| known.name == collector);
    found.map(|found| Json(item(found))).ok_or_else(|| {
        Problem::new(Kind::NotFound).detail(
            "ingen insamlare med det namnet har hörts av",
            "no collector of this name was ever heard of",
        )
    })
}

fn item((collector, state): (Collector, CollectorState)) -> Item {
    let Collector { name, spool_empty_until, retired } = collector;
    Item {
        collector: name,
        state: state.name(),
        spool_empty_until: (state != CollectorState::Left).then(|| spool_empty_until.to_string()),
        retired: retired.map(|retired| Retired {
            at: retired.at.to_string(),
            why: retired.why,
            control: retired.control,
        }),
    }
}

//! `/v1/pull-collectors` and `/v1/pseudonyms`: how the collectors of this process stand, and the end of a year's pseudonyms.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Shared;
use crate::body::{self, BODY_BYTES_MAX};
use crate::cursor;
use crate::list::Page;
use crate::problem::{Kind, Problem};
use crate::query::Params;
use crate::session::Deciding;

/// What a process knows of the collectors that it runs; the binary puts it together.
#[derive(Clone)]
pub struct Gathering {
    /// How each collector stands: objects with a `name`, in its order.
    pub statuses: Arc<dyn Fn() -> Vec<Value> + Send + Sync>,
    /// Destroys the key of a year, and says whether there was one.
    pub destroy: Arc<dyn Fn(i32) -> std::io::Result<bool> + Send + Sync>,
}

impl std::fmt::Debug for Gathering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gathering").finish_non_exhaustive()
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Destroyed {
    year: i32,
    /// Whether there was a key: none was made if nothing of the year was gathered here.
    was_there: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Destroy {
    why: String,
}

/// `GET /v1/pull-collectors`
pub(crate) async fn get(State(shared): State<Shared>, uri: Uri) -> Result<Json<Page<Value>>, Problem> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let items = shared.gathering.map_or_else(Vec::new, |gathering| (gathering.statuses)());
    let key = |item: &Value| vec![item["name"].as_str().map(str::to_owned)];
    let (items, next) = cursor::page(uri.path(), &params, items, key)?;
    Ok(Json(Page { items, next }))
}

/// `POST /v1/pseudonyms/{year}/destroy`: the decision first, so that no key goes without one.
pub(crate) async fn destroy(
    State(shared): State<Shared>,
    Deciding(biller): Deciding,
    Path(year): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Destroyed>, Problem> {
    Params::read(&uri, &[])?;
    let Destroy { why } = body::read(&headers, &body, BODY_BYTES_MAX)?;
    if why.trim().is_empty() {
        return Err(Problem::new(Kind::InvalidBody).detail("why ska säga varför", "why must say why"));
    }
    let no_keys = || {
        Problem::new(Kind::NotFound)
            .detail("här finns inga nycklar till pseudonymer", "there are no keys of pseudonyms here")
    };
    let year: i32 = year.parse().ok().filter(|year| (1970..=9999).contains(year)).ok_or_else(no_keys)?;
    let gathering = shared.gathering.as_ref().ok_or_else(no_keys)?;
    let decided = biller.decide_pseudonyms_end(year, &why).await;
    if !decided.map_err(|error| crate::billing_problem(&error))? {
        return Err(Problem::new(Kind::InvalidBody).detail(
            format!("året {year} är inte slut: dess händelser kommer ännu"),
            format!("the year {year} is not over: its events are still to come"),
        ));
    }
    let was_there = (gathering.destroy)(year).map_err(|error| Problem::internal(&error))?;
    Ok(Json(Destroyed { year, was_there }))
}

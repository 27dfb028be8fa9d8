//! `/v1/quarantine`: what was not counted, and why; and how it is judged once more.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use billing::Replay;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use store::quarantine::{Entry, QuarantineFilter};

use crate::Shared;
use crate::body::{self, BODY_BYTES_MAX};
use crate::cursor;
use crate::problem::{Kind, Problem};
use crate::query::Params;
use crate::session::Deciding;

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

/// How many entries of a reason there are.
#[derive(Debug, Serialize)]
pub(crate) struct Count {
    code: String,
    entries: u64,
}

/// A page of entries, and how many there are of each reason on all pages.
#[derive(Debug, Serialize)]
pub(crate) struct List {
    items: Vec<Item>,
    counts: Vec<Count>,
    next: Option<String>,
}

/// An entry with its event: as text when it is UTF-8, else in base64; neither when it was not kept.
#[derive(Debug, Serialize)]
pub(crate) struct Whole {
    #[serde(flatten)]
    item: Item,
    text: Option<String>,
    base64: Option<String>,
}

/// An entry that is on its way to be judged once more.
#[derive(Debug, Serialize)]
pub(crate) struct Replayed {
    id: String,
    control: u64,
    state: &'static str,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// `GET /v1/quarantine`
pub(crate) async fn get(State(shared): State<Shared>, uri: Uri) -> Result<Json<List>, Problem> {
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
    let failed = |error: store::Error| crate::store_problem(&error);
    let mut entries = shared.store.quarantine(&filter).await.map_err(failed)?;
    let counts = shared.store.quarantine_counts_of(&filter).await.map_err(failed)?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().filter(|_| more);
    let next = last.map(|entry| cursor::next(uri.path(), &params, vec![Some(entry.id.clone())]));
    let counts = counts.into_iter().map(|(code, entries)| Count { code, entries });
    Ok(Json(List { items: entries.into_iter().map(item).collect(), counts: counts.collect(), next }))
}

/// `GET /v1/quarantine/{id}`
pub(crate) async fn entry(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Whole>, Problem> {
    Params::read(&uri, &[])?;
    let found = shared.store.quarantine_entry(&id).await.map_err(|error| crate::store_problem(&error))?;
    let mut entry = found.ok_or_else(|| not_found(&id))?;
    let (text, base64) = match entry.event.take().map(String::from_utf8) {
        None => (None, None),
        Some(Ok(text)) => (Some(text), None),
        Some(Err(bytes)) => (None, Some(BASE64.encode(bytes.as_bytes()))),
    };
    Ok(Json(Whole { item: item(entry), text, base64 }))
}

/// `POST /v1/quarantine/{id}/replay`
pub(crate) async fn replay(
    Deciding(biller): Deciding,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Replayed>, Problem> {
    Params::read(&uri, &[])?;
    if !body.is_empty() {
        body::read::<Nothing>(&headers, &body, BODY_BYTES_MAX)?;
    }
    match biller.replay(&id).await.map_err(|error| crate::billing_problem(&error))? {
        Replay::Replayed { control } => Ok(Json(Replayed { id, control, state: "replayed" })),
        Replay::NotFound => Err(not_found(&id)),
        Replay::NotKept => Err(Problem::new(Kind::NotReplayable).detail(
            "händelsen finns inte hel: den såg ut att innehålla personuppgifter, var för stor eller har gallrats",
            "the event is not kept whole: it seemed to hold personal data, was too large, or had its time",
        )),
    }
}

fn item(entry: Entry) -> Item {
    Item {
        id: entry.id,
        code: entry.code,
        detail: entry.detail,
        source: entry.source,
        event_id: entry.event_id,
        origin: entry.origin,
        times: entry.times,
        first_seen: entry.first_seen.to_string(),
        last_seen: entry.last_seen.to_string(),
    }
}

pub(crate) fn not_found(id: &str) -> Problem {
    let shown: String = id.chars().take(40).collect();
    Problem::new(Kind::NotFound)
        .detail(format!("karantänen har inte {shown}"), format!("the quarantine has no {shown}"))
}

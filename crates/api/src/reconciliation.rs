//! `/v1/reconciliation`: what became of every event, by source and Swedish day of arrival (counting §8), and what
//! senders say about it.

use std::collections::BTreeSet;

use axum::Extension;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use billing::BooksLine;
use chrono::NaiveDate;
use domain::calendar;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::AsOf;
use store::keys::RegisteredSources;
use store::senders::SenderCount;

use crate::Shared;
use crate::body;
use crate::cursor;
use crate::list::Page;
use crate::problem::{Kind, Problem};
use crate::query::Params;

/// How many days are asked for at most: a leap year and a month.
const DAYS_MAX: i64 = 400;

/// The largest body of counts: a year of days of some sources.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// A source is as long as in an event at most.
const SOURCE_BYTES_MAX: usize = 200;

/// A line of the books.
#[derive(Debug, Serialize)]
pub(crate) struct Item {
    source: String,
    day: String,
    accepted: u64,
    resent: u64,
    released: u64,
    logged: u64,
    parked: u64,
    metered: u64,
    revised: u64,
    superseded: u64,
    duplicate: u64,
    conflict: u64,
    marker: u64,
    quarantined: u64,
    refused: u64,
    difference: i64,
    sent: Option<u64>,
    sent_difference: Option<i64>,
}

/// What a sender counted: one source and day, or several under `items`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Counts {
    Many(Many),
    One(Count),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Many {
    items: Vec<Count>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    source: String,
    day: String,
    count: u64,
}

/// `GET /v1/reconciliation`
pub(crate) async fn get(State(shared): State<Shared>, uri: Uri) -> Result<Json<Page<Item>>, Problem> {
    let params = Params::read(&uri, &["from", "to", "source", "limit", "cursor"])?;
    let (from, to) = (params.required_day("from")?, params.required_day("to")?);
    if from > to || (to - from).num_days() >= DAYS_MAX {
        return Err(Problem::invalid_parameter(
            "to",
            "ska vara samma dag som from eller senare, högst 400 dagar",
            "must be the same day as from or later, at most 400 days",
        ));
    }
    let lines = shared.biller.books(from..=to, AsOf::Newest).await;
    let lines = lines.map_err(|error| crate::billing_problem(&error))?;
    let wanted = |line: &BooksLine| params.get("source").is_none_or(|source| source == line.source);
    let items: Vec<Item> = lines.into_iter().filter(wanted).map(item).collect();
    let key = |item: &Item| vec![Some(item.source.clone()), Some(item.day.clone())];
    let (items, next) = cursor::page(uri.path(), &params, items, key)?;
    Ok(Json(Page { items, next }))
}

/// `POST /v1/reconciliation/counts`
pub(crate) async fn counts(
    State(shared): State<Shared>,
    registered: Option<Extension<RegisteredSources>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    Params::read(&uri, &[])?;
    let counts = match body::read::<Counts>(&headers, &body, BODY_BYTES_MAX)? {
        Counts::One(count) => vec![count],
        Counts::Many(many) => many.items,
    };
    let counts: Vec<SenderCount> = counts.into_iter().map(count).collect::<Result<_, _>>()?;
    // Without keys there is nobody to hold to anything.
    let registered = registered.map(|Extension(registered)| registered).unwrap_or_default();
    if let Some(foreign) = counts.iter().find(|count| !registered.has(&count.source)) {
        let source = &foreign.source;
        return Err(Problem::new(Kind::NotAllowed).detail(
            format!("nyckeln är inte registrerad för källan {source}"),
            format!("the key is not registered for the source {source}"),
        ));
    }
    let keys: BTreeSet<(&str, NaiveDate)> = counts.iter().map(|c| (c.source.as_str(), c.day)).collect();
    if keys.len() < counts.len() {
        return Err(wrong("en källa och dag står två gånger", "a source and day is there twice"));
    }
    shared.biller.put_sender_counts(&counts).await.map_err(|error| crate::billing_problem(&error))?;
    Ok(Json(json!({ "taken": counts.len() })))
}

fn count(Count { source, day, count }: Count) -> Result<SenderCount, Problem> {
    if source.is_empty() || source.len() > SOURCE_BYTES_MAX {
        return Err(wrong("source ska ha 1–200 tecken", "source must have 1 to 200 characters"));
    }
    let is_kept = |day: &NaiveDate| (1970..=2299).contains(&chrono::Datelike::year(day));
    let day = calendar::parse_day(&day)
        .filter(is_kept)
        .ok_or_else(|| wrong("day ska vara en dag som 2021-03-31", "day must be a day like 2021-03-31"))?;
    Ok(SenderCount { source, day, events: count })
}

fn wrong(sv: &str, en: &str) -> Problem {
    Problem::new(Kind::InvalidBody).detail(sv, en)
}

fn item(line: BooksLine) -> Item {
    let (logged, difference) = (line.logged(), line.difference());
    let BooksLine { books, sent, sent_difference } = line;
    Item {
        source: books.source,
        day: books.day.to_string(),
        accepted: books.accepted,
        resent: books.resent,
        released: books.released,
        logged,
        parked: books.parked,
        metered: books.metered,
        revised: books.revised,
        superseded: books.superseded,
        duplicate: books.duplicate,
        conflict: books.conflict,
        marker: books.marker,
        quarantined: books.quarantined,
        refused: books.refused,
        difference,
        sent,
        sent_difference,
    }
}

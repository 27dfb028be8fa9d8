//! `GET /v1/reconciliation`: what became of every event, by source and Swedish day of arrival (counting §8).

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use store::AsOf;

use crate::Shared;
use crate::cursor;
use crate::list::Page;
use crate::problem::Problem;
use crate::query::Params;

/// How many days are asked for at most: a leap year and a month.
const DAYS_MAX: i64 = 400;

/// A line of the books. What collectors count is null as long as their own counts are not in the books.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Item {
    source: String,
    day: String,
    accepted: Option<u64>,
    resent: Option<u64>,
    released: Option<u64>,
    /// What was read from the log: every event that has an outcome.
    logged: u64,
    parked: Option<u64>,
    metered: u64,
    revised: u64,
    superseded: u64,
    duplicate: u64,
    conflict: u64,
    marker: u64,
    quarantined: u64,
    refused: Option<u64>,
    difference: Option<i64>,
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
    let outcomes = shared.store.progress_outcomes(from..=to, AsOf::Newest).await;
    let outcomes = outcomes.map_err(|error| crate::store_problem(&error))?;
    let mut items: BTreeMap<(String, String), Item> = BTreeMap::new();
    for outcome in outcomes
        .into_iter()
        .filter(|outcome| params.get("source").is_none_or(|source| source == outcome.source))
    {
        let key = (outcome.source, outcome.day.to_string());
        let item =
            items.entry(key.clone()).or_insert_with(|| Item { source: key.0, day: key.1, ..Item::default() });
        item.count(&outcome.outcome, outcome.events);
    }
    let items: Vec<Item> = items.into_values().collect();
    let key = |item: &Item| vec![Some(item.source.clone()), Some(item.day.clone())];
    let (items, next) = cursor::page(uri.path(), &params, items, key)?;
    Ok(Json(Page { items, next }))
}

impl Item {
    fn count(&mut self, outcome: &str, events: u64) {
        self.logged += events;
        let column = match outcome {
            "metered" => &mut self.metered,
            "revised" => &mut self.revised,
            "superseded" => &mut self.superseded,
            "duplicate" => &mut self.duplicate,
            "conflict" => &mut self.conflict,
            "marker" => &mut self.marker,
            // Too old, misrouted, undecodable: all lie in the quarantine.
            _ => &mut self.quarantined,
        };
        *column += events;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_is_counted_once_and_in_all() {
        let mut item = Item::default();
        for (outcome, events) in [("metered", 5), ("duplicate", 2), ("marker", 1), ("quarantined", 3)] {
            item.count(outcome, events);
        }
        assert_eq!(
            (item.logged, item.metered, item.duplicate, item.marker, item.quarantined),
            (11, 5, 2, 1, 3)
        );
    }
}

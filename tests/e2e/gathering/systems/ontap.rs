//! `/storage/volumes` of ONTAP.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Ask;
use crate::gathering::world::{World, day_of, on};

const PAGE: usize = 25;

pub(super) fn answer(world: &World, now: DateTime<Utc>, ask: &Ask) -> Result<Value, StatusCode> {
    if ask.path != "/api/storage/volumes" {
        return Err(StatusCode::NOT_FOUND);
    }
    let day = day_of(now);
    let there: Vec<Value> = world
        .volumes
        .iter()
        .filter(|volume| volume.days.contains(&day))
        .map(|volume| {
            json!({
                "uuid": volume.uuid,
                "name": "gemensam",
                "type": "rw",
                "state": "online",
                "svm": {"name": on(&volume.svm, day)},
                "space": {"size": 5_000_000_000_000_u64, "used": volume.used(day)},
            })
        })
        .collect();
    let from = ask.number("start.index");
    let until = there.len().min(from + PAGE);
    let mut page = json!({"records": there[from..until], "num_records": until - from});
    if until < there.len() {
        page["_links"] = json!({"next": {"href": ask.next("start.index", until)}});
    }
    Ok(page)
}

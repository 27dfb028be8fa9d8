//! `/v1/months`: which months there are, how far they are, and what moves them on.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri, header};
use billing::{Accept, Blocker, Closing, MonthSummary};
use domain::Month;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Shared;
use crate::cursor;
use crate::list::{Page, kronor};
use crate::problem::{Kind, Problem};
use crate::query::{self, Params};

/// The largest body of a decision: an explanation of some pages.
const BODY_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug, Serialize)]
pub(crate) struct Item {
    month: String,
    state: &'static str,
    net: String,
    surcharge: String,
    hash: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseRequest {
    #[serde(default)]
    accept: Accepted,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    gaps: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// `GET /v1/months`
pub(crate) async fn get(State(shared): State<Shared>, uri: Uri) -> Result<Json<Page<Item>>, Problem> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let months = shared.biller.months().await.map_err(|error| crate::billing_problem(&error))?;
    let items = months.iter().map(item).collect();
    let (items, next) =
        cursor::page(uri.path(), &params, items, |item: &Item| vec![Some(item.month.clone())])?;
    Ok(Json(Page { items, next }))
}

/// `POST /v1/months/{month}/preliminary`
pub(crate) async fn preliminary(
    State(shared): State<Shared>,
    Path(month): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Item>, Problem> {
    Params::read(&uri, &[])?;
    let month = query::month("month", &month)?;
    if !body.is_empty() {
        read::<Nothing>(&headers, &body)?;
    }
    let summary = shared.biller.preliminary(month).await.map_err(|error| crate::billing_problem(&error))?;
    Ok(Json(item(&summary)))
}

/// `POST /v1/months/{month}/close`
pub(crate) async fn close(
    State(shared): State<Shared>,
    Path(month): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Item>, Problem> {
    Params::read(&uri, &[])?;
    let month = query::month("month", &month)?;
    let request: CloseRequest = read(&headers, &body)?;
    if request.accept.gaps.as_ref().is_some_and(|why| why.trim().is_empty()) {
        return Err(
            Problem::new(Kind::InvalidBody).detail("accept.gaps ska säga varför", "accept.gaps must say why")
        );
    }
    let accept = Accept { gaps: request.accept.gaps };
    let closing = shared.biller.close(month, accept).await.map_err(|error| crate::billing_problem(&error))?;
    match closing {
        Closing::Closed(summary) => Ok(Json(item(&summary))),
        Closing::Blocked(blockers) => Err(blocked(month, &blockers)),
    }
}

fn blocked(month: Month, blockers: &[Blocker]) -> Problem {
    let wire = blockers.iter().map(|blocker| {
        json!({
            "code": blocker.code.name(),
            "service": blocker.service,
            "meter": blocker.meter,
            "detail": blocker.detail,
        })
    });
    let count = blockers.len();
    Problem::new(Kind::CloseBlocked)
        .detail(format!("{count} hinder för {month}"), format!("{count} blockers of {month}"))
        .with("blockers", wire.collect())
}

fn item(summary: &MonthSummary) -> Item {
    Item {
        month: summary.month.to_string(),
        state: summary.state.name(),
        net: kronor(summary.totals.net),
        surcharge: kronor(summary.totals.surcharge),
        hash: summary.hash.clone(),
    }
}

/// Reads a decision. Only `application/json` is taken: a form of another site cannot send that without being asked.
fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if content_type.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Problem::new(Kind::UnsupportedMediaType)
            .detail("ska vara application/json", "must be application/json"));
    }
    if body.len() > BODY_BYTES_MAX {
        return Err(Problem::new(Kind::BodyTooLarge).detail("högst 64 KiB", "at most 64 KiB"));
    }
    // What serde says names fields and places of the caller's own text, nothing of ours.
    let wrong = |error: serde_json::Error| {
        Problem::new(Kind::InvalidBody).detail(error.to_string(), error.to_string())
    };
    // By way of an object: serde alone would take an array for the fields in their order.
    let object: Map<String, Value> = serde_json::from_slice(body).map_err(wrong)?;
    T::deserialize(Value::Object(object)).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_reason_for_gaps_can_be_accepted() {
        let headers = HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        )]);
        let read = |body: &str| read::<CloseRequest>(&headers, body.as_bytes());
        assert_eq!(read("{}").unwrap().accept.gaps, None);
        assert_eq!(
            read(r#"{"accept":{"gaps":"leverantören var nere"}}"#).unwrap().accept.gaps.unwrap(),
            "leverantören var nere"
        );
        for wrong in ["", "[]", "null", "{", r#"{"accept":{"unattributed":"x"}}"#, r#"{"force":true}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(super::read::<CloseRequest>(&HeaderMap::new(), b"{}").is_err());
    }
}

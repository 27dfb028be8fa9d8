//! `/v1/months`: which months there are, how far they are, and what moves them on.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::{Extension, Json};
use billing::export::Lacking;
use billing::{Accept, Blocker, Closing, MonthSummary, Signature};
use domain::Month;
use domain::access::Viewer;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Shared;
use crate::body::{self, BODY_BYTES_MAX};
use crate::cursor;
use crate::list::{Page, kronor};
use crate::problem::{Kind, Problem};
use crate::query::{self, Params};
use crate::session::{Caller, Deciding, Session};

#[derive(Debug, Serialize)]
pub(crate) struct Item {
    month: String,
    state: &'static str,
    net: String,
    surcharge: String,
    hash: Option<String>,
}

/// A month that was announced or closed, and what it cannot be had as.
#[derive(Debug, Serialize)]
pub(crate) struct Decided {
    #[serde(flatten)]
    month: Item,
    warnings: Vec<Warning>,
}

#[derive(Debug, Serialize)]
struct Warning {
    format: &'static str,
    /// In Swedish.
    text: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseRequest {
    #[serde(default)]
    accept: Accepted,
    by: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    gaps: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PreliminaryRequest {
    by: Option<String>,
}

/// `GET /v1/months`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Extension(viewer): Extension<Viewer>,
    uri: Uri,
) -> Result<Json<Page<Item>>, Problem> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let bills = shared.biller.bills(..).await.map_err(|error| crate::billing_problem(&error))?;
    let items = bills.iter().map(|bill| item(&bill.seen_by(&viewer).summary())).collect();
    let (items, next) =
        cursor::page(uri.path(), &params, items, |item: &Item| vec![Some(item.month.clone())])?;
    Ok(Json(Page { items, next }))
}

/// `POST /v1/months/{month}/preliminary`
pub(crate) async fn preliminary(
    State(shared): State<Shared>,
    Deciding(biller): Deciding,
    caller: Caller,
    Path(month): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Decided>, Problem> {
    Params::read(&uri, &[])?;
    let month = query::month("month", &month)?;
    let request = match body.is_empty() {
        true => PreliminaryRequest::default(),
        false => body::read(&headers, &body, BODY_BYTES_MAX)?,
    };
    let by = signature(request.by, &caller)?;
    let summary = biller.preliminary(month, by).await.map_err(|error| crate::billing_problem(&error))?;
    decided(&shared, &summary).await
}

/// `POST /v1/months/{month}/close`
pub(crate) async fn close(
    State(shared): State<Shared>,
    Deciding(biller): Deciding,
    caller: Caller,
    Path(month): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Decided>, Problem> {
    Params::read(&uri, &[])?;
    let month = query::month("month", &month)?;
    let request: CloseRequest = body::read(&headers, &body, BODY_BYTES_MAX)?;
    if request.accept.gaps.as_ref().is_some_and(|why| why.trim().is_empty()) {
        return Err(
            Problem::new(Kind::InvalidBody).detail("accept.gaps ska säga varför", "accept.gaps must say why")
        );
    }
    let accept = Accept { gaps: request.accept.gaps, by: signature(request.by, &caller)? };
    let closing = biller.close(month, accept).await.map_err(|error| crate::billing_problem(&error))?;
    match closing {
        Closing::Closed(summary) => decided(&shared, &summary).await,
        Closing::Blocked(blockers) => Err(blocked(month, &blockers)),
    }
}

/// The month with what the catalogue lacks for its files: while it is open, that can still be mended.
async fn decided(shared: &Shared, summary: &MonthSummary) -> Result<Json<Decided>, Problem> {
    let lacking = shared.biller.lacking(summary.month).await;
    let lacking = lacking.map_err(|error| crate::billing_problem(&error))?;
    let warning = |lacking: Lacking| Warning { format: lacking.format, text: lacking.swedish };
    Ok(Json(Decided { month: item(summary), warnings: lacking.into_iter().map(warning).collect() }))
}

/// Who decides: as the caller says or, if he does not, as he has logged in.
fn signature(by: Option<String>, Caller(session): &Caller) -> Result<Option<Signature>, Problem> {
    let wrong = |_| {
        Problem::new(Kind::InvalidBody).detail(
            "by ska vara en roll eller signatur på 1 till 60 synliga tecken",
            "by must be a role or a signature of 1 to 60 printable characters",
        )
    };
    match by {
        Some(by) => Signature::try_from(by).map(Some).map_err(wrong),
        None => Ok(session.as_ref().and_then(Session::signature)),
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

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};

    use super::*;

    #[test]
    fn only_a_reason_for_gaps_can_be_accepted() {
        let headers = HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        )]);
        let read = |body: &str| body::read::<CloseRequest>(&headers, body.as_bytes(), BODY_BYTES_MAX);
        assert_eq!(read("{}").unwrap().accept.gaps, None);
        assert_eq!(
            read(r#"{"accept":{"gaps":"leverantören var nere"}}"#).unwrap().accept.gaps.unwrap(),
            "leverantören var nere"
        );
        assert_eq!(read(r#"{"by":"ekonom 2"}"#).unwrap().by.unwrap(), "ekonom 2");
        for wrong in ["", "[]", "null", "{", r#"{"accept":{"unattributed":"x"}}"#, r#"{"force":true}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(body::read::<CloseRequest>(&HeaderMap::new(), b"{}", BODY_BYTES_MAX).is_err());
    }
}

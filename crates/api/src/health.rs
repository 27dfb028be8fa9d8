//! `/livez`, `/readyz`, `/metrics` and `/openapi.json`: what operators and tools ask.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use prometheus::TextEncoder;
use serde_json::{Map, Value};

use crate::Shared;
use crate::problem::{Kind, Problem};

/// Asks whether the program can take events and count them; the binary knows which parts that needs.
pub type Ready = Arc<dyn Fn() -> BoxFuture<'static, Vec<Check>> + Send + Sync>;

/// One part that must work, and whether it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The part, as in `log` or `store`.
    pub name: &'static str,
    /// Whether it works.
    pub ok: bool,
    /// What is wrong with it, in the words of the error; empty when it works.
    pub cause: String,
}

/// The committed description of everything that is answered.
pub(crate) const OPENAPI: &str = include_str!("../../../schemas/openapi/taxameter.json");

/// `GET /livez`: the process runs.
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// `GET /readyz`
pub(crate) async fn readyz(State(shared): State<Shared>) -> Result<Response, Problem> {
    let checks = (shared.ready)().await;
    let named: Map<String, Value> =
        checks.iter().map(|check| (check.name.to_owned(), check.ok.into())).collect();
    if checks.iter().all(|check| check.ok) {
        return Ok(axum::Json(serde_json::json!({ "ready": true, "checks": named })).into_response());
    }
    let away = || checks.iter().filter(|check| !check.ok);
    let list = away().map(|check| check.name).collect::<Vec<_>>().join(", ");
    let causes: Map<String, Value> =
        away().map(|check| (check.name.to_owned(), check.cause.as_str().into())).collect();
    Err(Problem::new(Kind::Unavailable)
        .detail(format!("inte redo: {list}"), format!("not ready: {list}"))
        .with("checks", named.into())
        .with("causes", causes.into()))
}

/// `GET /metrics`, in Prometheus's text format.
pub(crate) async fn metrics(State(shared): State<Shared>) -> Result<Response, Problem> {
    let text = TextEncoder::new()
        .encode_to_string(&shared.registry.gather())
        .map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// `GET /openapi.json`
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

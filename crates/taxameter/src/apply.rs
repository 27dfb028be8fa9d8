//! `POST /v1/catalogue`: files of a catalogue → the version in force, unless it would change a closed month.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use billing::{Biller, MonthState};
use catalog::{Finding, Language};
use serde::Deserialize;
use serde_json::json;

use crate::catalogue;
use crate::serve::now;
use crate::serve::parts::Shared;

/// The largest catalogue: Linköping's has about 200 kB.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(Clone)]
struct Applier {
    shared: Shared,
    biller: Biller,
}

/// The files of a catalogue, each in base64 under its path.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Application {
    files: BTreeMap<String, String>,
}

/// The route.
pub(crate) fn router(shared: Shared, biller: Biller) -> Router {
    Router::new()
        .route("/v1/catalogue", post(apply))
        .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Applier { shared, biller })
}

async fn apply(State(applier): State<Applier>, Json(application): Json<Application>) -> Response {
    applier.apply(&application).await.unwrap_or_else(|problem| problem)
}

impl Applier {
    async fn apply(&self, application: &Application) -> Result<Response, Response> {
        let bad = |error: &anyhow::Error| {
            problem(StatusCode::BAD_REQUEST, "invalid_catalogue", &format!("{error:#}"))
        };
        let files = catalogue::decode(&application.files).map_err(|error| bad(&error))?;
        let checked = catalog::check(&files).map_err(|findings| refused("invalid_catalogue", &findings))?;
        let internal = |error: anyhow::Error| {
            tracing::error!(error = format!("{error:#}"), "a catalogue could not be applied");
            problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "try again later")
        };
        let months = self.biller.months().await.map_err(|error| internal(error.into()))?;
        let last_closed =
            months.iter().rev().find(|month| month.state == MonthState::Closed).map(|month| month.month);
        let current = self.shared.catalogue.load_full();
        let findings = catalog::changes_closed_month(&current, &checked, last_closed);
        if !findings.is_empty() {
            return Err(refused("changes_closed_month", &findings));
        }
        let changes: Vec<String> = (catalog::diff(&current, &checked.catalogue).iter())
            .map(|change| change.render(Language::default()))
            .collect();
        let version = checked.catalogue.version.clone();
        if version != current.version {
            let files: Vec<_> = files.iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec())).collect();
            self.shared
                .store
                .catalogue_put(&version, &files, now())
                .await
                .map_err(|error| internal(error.into()))?;
            self.shared.catalogue.store(Arc::new(checked.catalogue));
            tracing::info!(version, changes = changes.len(), "a catalogue was applied");
        }
        Ok(Json(json!({ "version": version, "changes": changes })).into_response())
    }
}

fn refused(code: &str, findings: &[Finding]) -> Response {
    let lines: Vec<String> = findings.iter().map(|finding| finding.render(Language::default())).collect();
    problem(StatusCode::UNPROCESSABLE_ENTITY, code, &lines.join("\n"))
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let title = match code {
        "changes_closed_month" => "Katalogen ändrar en stängd månad",
        "invalid_catalogue" => "Katalogen har fel",
        _ => "Katalogen kunde inte tillämpas",
    };
    let body = json!({"type": "about:blank", "title": title, "status": status.as_u16(), "code": code, "detail": detail});
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

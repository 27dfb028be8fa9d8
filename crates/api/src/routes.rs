//! Every route, and what goes around all of them.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::problem::{Kind, Problem};
use crate::{
    Shared, assets, audit, catalogue, charges, collectors, costs, coverage, documents, explain, exports,
    gaps, gathering, health, keys, metrics, months, object, pages, problem, quarantine, reconciliation,
    report, retention, services, simulations, trends, usage,
};

/// Every method and path, as the OpenAPI document writes them, and who answers.
pub(crate) fn table() -> Vec<(Method, &'static str, MethodRouter<Shared>)> {
    vec![
        (Method::GET, "/", get(pages::overview::get)),
        (Method::GET, "/services", get(pages::service::list)),
        (Method::GET, "/services/{slug}", get(pages::service::get)),
        (Method::GET, "/services/{slug}/sources", get(pages::service::sources)),
        (Method::GET, "/payers", get(pages::payer::list)),
        (Method::GET, "/payers/{code}", get(pages::payer::get)),
        (Method::GET, "/lines/{id}", get(pages::line::get)),
        (Method::GET, "/object", get(pages::object::newest)),
        (Method::GET, "/object/{year}", get(pages::object::get)),
        (Method::GET, "/prices", get(pages::prices::get)),
        (Method::GET, "/simulate", get(pages::simulate::get)),
        (Method::GET, "/operations", get(pages::operations::get)),
        (Method::GET, "/operations/quarantine", get(pages::operations::quarantine::get)),
        (Method::GET, "/operations/quarantine/{id}", get(pages::operations::entry::get)),
        (Method::POST, "/operations/quarantine/{id}/replay", post(pages::operations::entry::replay)),
        (Method::GET, "/v1/usage", get(usage::get)),
        (Method::GET, "/v1/costs", get(costs::get)),
        (Method::GET, "/v1/changes", get(trends::changes)),
        (Method::GET, "/v1/forecasts", get(trends::forecasts)),
        (Method::GET, "/v1/anomalies", get(trends::anomalies)),
        (Method::GET, "/v1/days", get(trends::daily)),
        (Method::GET, "/v1/reports/{year}", get(report::get)),
        (Method::GET, "/v1/coverage", get(coverage::get)),
        (Method::GET, "/v1/gaps", get(gaps::get)),
        (Method::GET, "/v1/charges", get(charges::get)),
        (Method::GET, "/v1/charges/{id}/explain", get(explain::get)),
        (Method::GET, "/v1/months", get(months::get)),
        (Method::POST, "/v1/months/{month}/preliminary", post(months::preliminary)),
        (Method::POST, "/v1/months/{month}/close", post(months::close)),
        (Method::GET, "/v1/months/{month}/documents", get(documents::get)),
        (Method::GET, "/v1/exports/{month}/{format}", get(exports::get)),
        (Method::GET, "/v1/services", get(services::get)),
        (Method::GET, "/v1/object/{year}", get(object::get)),
        (Method::POST, "/v1/simulations", post(simulations::post)),
        (Method::GET, "/v1/reconciliation", get(reconciliation::get)),
        (Method::POST, "/v1/reconciliation/counts", post(reconciliation::counts)),
        (Method::GET, "/v1/quarantine", get(quarantine::get)),
        (Method::GET, "/v1/quarantine/{id}", get(quarantine::entry)),
        (Method::POST, "/v1/quarantine/{id}/replay", post(quarantine::replay)),
        (Method::GET, "/v1/collectors", get(collectors::get)),
        (Method::POST, "/v1/collectors/{collector}/retire", post(collectors::retire)),
        (Method::GET, "/v1/pull-collectors", get(gathering::get)),
        (Method::POST, "/v1/pseudonyms/{year}/destroy", post(gathering::destroy)),
        (Method::GET, "/v1/retention", get(retention::get)),
        (Method::POST, "/v1/retention", post(retention::apply)),
        (Method::GET, "/v1/audit", get(audit::get)),
        (Method::GET, "/v1/keys", get(keys::get)),
        (Method::POST, "/v1/keys", post(keys::create)),
        (Method::POST, "/v1/keys/{id}/rotate", post(keys::rotate)),
        (Method::POST, "/v1/keys/{id}/revoke", post(keys::revoke)),
        (Method::POST, "/v1/catalogue", apply()),
        (Method::GET, "/openapi.json", get(health::openapi)),
        (Method::GET, "/livez", get(health::livez)),
        (Method::GET, "/readyz", get(health::readyz)),
        (Method::GET, "/metrics", get(health::metrics)),
        (Method::GET, "/assets/{name}", get(assets::get)),
    ]
}

/// What a process answers that has not the role `api`: whoever watches it asks it like any other, and what it gathers is its own.
const OWN: [&str; 5] =
    ["/livez", "/readyz", "/metrics", "/v1/pull-collectors", "/v1/pseudonyms/{year}/destroy"];

/// A catalogue is larger than what is taken elsewhere.
fn apply() -> MethodRouter<Shared> {
    post(catalogue::apply).layer(DefaultBodyLimit::max(catalogue::BODY_BYTES_MAX))
}

/// The routes of queries, exports, health and pages. Access is checked around them, by whoever joins the routers.
pub fn router(shared: Shared) -> Router {
    routes(shared, |_| true)
}

/// The routes of what is a process's own, its health above all, for one that answers no queries.
pub fn health_router(shared: Shared) -> Router {
    routes(shared, |path| OWN.contains(&path))
}

fn routes(shared: Shared, is_answered: impl Fn(&str) -> bool) -> Router {
    let metrics = shared.metrics.clone();
    let answered = table().into_iter().filter(|(_, path, _)| is_answered(path));
    let all = answered.fold(Router::new(), |router, (_, path, handler)| router.route(path, handler));
    all.method_not_allowed_fallback(|| async { Problem::new(Kind::MethodNotAllowed) })
        .fallback(|| async { Problem::new(Kind::NotFound) })
        .with_state(shared)
        .layer(CatchPanicLayer::custom(|_| Problem::new(Kind::Internal).into_response()))
        .layer(middleware::from_fn(problem::localise))
        .layer(middleware::from_fn(protect))
        .layer(CompressionLayer::new().gzip(true))
        .layer(middleware::from_fn_with_state(metrics, metrics::time))
}

/// What browsers must not do with our answers: run scripts, frame them, guess their type, or tell others where they were.
/// To ourselves they may say it: with `no-referrer` a form would be sent with the origin `null` (Fetch §3.2).
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not no-referrer: with that, browsers say `Origin: null` of the forms of our own pages (Fetch §3.2).
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

pub(crate) async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    shield(response.headers_mut());
    response
}

/// Tells browsers what they must not do with an answer.
pub(crate) fn shield(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Figures change and belong to the one who asked; what may be kept says so itself.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::problem::Kind;

    fn document() -> Value {
        serde_json::from_str(health::OPENAPI).unwrap()
    }

    #[test]
    fn the_document_has_every_route_and_no_other() {
        let routed = table().into_iter().map(|(method, path, _)| format!("{method} {path}"));
        // The intake and the login answer these; they are described here because callers see one program.
        let intake = ["POST /v1/events", "POST /api/v1/events"].map(str::to_owned);
        let login = ["GET /login", "GET /login/callback", "GET /logout", "POST /logout"].map(str::to_owned);
        let routed: BTreeSet<String> = routed.chain(intake).chain(login).collect();
        let document = document();
        let described = document["paths"].as_object().unwrap().iter().flat_map(|(path, operations)| {
            operations
                .as_object()
                .unwrap()
                .keys()
                .map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        assert_eq!(routed, described.collect());
    }

    #[test]
    fn the_document_has_every_problem_code() {
        let document = document();
        let codes =
            document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"].as_array().unwrap();
        for kind in Kind::ALL {
            assert!(codes.contains(&kind.code().into()), "{}", kind.code());
        }
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        fn references<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
            match value {
                Value::Object(members) => {
                    found.extend(members.get("$ref").and_then(Value::as_str));
                    members.values().for_each(|value| references(value, found));
                }
                Value::Array(values) => values.iter().for_each(|value| references(value, found)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let document = document();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 20);
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }
}

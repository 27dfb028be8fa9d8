//! Every route, and what goes around all of them.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::problem::{Kind, Problem};
use crate::{Shared, assets, health, metrics, problem, quarantine, reconciliation, services};

/// Every method and path, as the OpenAPI document writes them, and who answers.
pub(crate) fn table() -> Vec<(Method, &'static str, MethodRouter<Shared>)> {
    vec![
        (Method::GET, "/v1/services", get(services::get)),
        (Method::GET, "/v1/reconciliation", get(reconciliation::get)),
        (Method::GET, "/v1/quarantine", get(quarantine::get)),
        (Method::GET, "/openapi.json", get(health::openapi)),
        (Method::GET, "/livez", get(health::livez)),
        (Method::GET, "/readyz", get(health::readyz)),
        (Method::GET, "/metrics", get(health::metrics)),
        (Method::GET, "/assets/{name}", get(assets::get)),
    ]
}

/// The routes of queries, exports, health and pages. Access is checked around them, by whoever joins the routers.
pub fn router(shared: Shared) -> Router {
    let metrics = shared.metrics.clone();
    let all = table().into_iter().fold(Router::new(), |router, (_, path, handler)| router.route(path, handler));
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
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Figures change and belong to the one who asked; what may be kept says so itself.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

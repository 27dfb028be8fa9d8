//! How long requests take, by route and outcome.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus::{HistogramOpts, HistogramVec, Registry};

/// What this crate counts.
#[derive(Debug, Clone)]
pub struct Metrics {
    request_seconds: HistogramVec,
}

impl Metrics {
    /// Makes the metrics known to a registry.
    ///
    /// # Errors
    /// When the registry has a metric of the same name.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let options = HistogramOpts::new(
            "taxameter_api_request_seconds",
            "time until the answer began, by route and status",
        )
        .buckets(vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0]);
        let request_seconds = HistogramVec::new(options, &["route", "status"])?;
        registry.register(Box::new(request_seconds.clone()))?;
        Ok(Self { request_seconds })
    }
}

/// Times a request. Only known routes are labels: a path that somebody made up is `none`.
pub(crate) async fn time(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let seconds = metrics.request_seconds.with_label_values(&[route, response.status().as_str()]);
    seconds.observe(started.elapsed().as_secs_f64());
    response
}

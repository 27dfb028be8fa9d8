//! request → within its limits → router → answer

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, Version, header};
use collect::http::problem::{Language, Problem, Reason};
use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::activity::{Activity, Handling};
use super::connection::Common;
use super::limits::Limits;
use super::metrics::Limit;
use super::pace::{Late, Pace};

/// What answers the requests of one connection.
pub(super) struct Answering {
    common: Arc<Common>,
    activity: Arc<Activity>,
}

impl Answering {
    pub(super) fn new(common: Arc<Common>, activity: Arc<Activity>) -> Self {
        Self { common, activity }
    }
}

impl Service<Request<Incoming>> for Answering {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let handling = self.activity.begin(request.version());
        if handling.count == self.common.limits.streams {
            self.common.metrics.reach(Limit::Streams);
        }
        answer(Arc::clone(&self.common), request, handling).map(Ok).boxed()
    }
}

/// For a year, a browser that was answered over TLS asks this host in no other way (RFC 6797).
const TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000");

async fn answer(common: Arc<Common>, request: Request<Incoming>, _handling: Handling) -> Response<Body> {
    let mut response = answer_or_refuse(&common, request).await;
    if common.tls.is_some() {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, TRANSPORT_SECURITY);
    }
    response
}

async fn answer_or_refuse(common: &Common, request: Request<Incoming>) -> Response<Body> {
    let language = Language::of(request.headers());
    let version = request.version();
    match within(common, request).await {
        Ok(response) => response,
        Err((limit, problem)) => {
            common.metrics.reach(limit);
            let mut response = problem.respond(language);
            // What may still come of the request is not waited for. HTTP/2 resets the stream instead (RFC 9113 §8.2.2).
            if version < Version::HTTP_2 {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }
}

/// Answers a request unless it reaches a limit first.
async fn within(common: &Common, request: Request<Incoming>) -> Result<Response<Body>, (Limit, Problem)> {
    let limits = &common.limits;
    if header_bytes(&request) > limits.header_bytes {
        let detail = format!("at most {} bytes are taken, the address among them", limits.header_bytes);
        return Err((Limit::HeaderBytes, Problem::new(Reason::HeadersTooLarge, detail)));
    }
    let time = time(limits, request.method(), request.uri().path());
    let (head, body) = request.into_parts();
    let (body, pace) = Pace::of(body);
    let handled = TowerToHyperService::new(common.router.clone()).call(Request::from_parts(head, body));
    let late = async {
        match pace.wait(limits).await {
            Ok(()) => tokio::time::sleep(time).await,
            Err(late) => return late,
        }
        Late::Answer
    };
    tokio::select! {
        biased;
        Ok(response) = handled => Ok(response),
        late = late => Err(refusal(late, limits, time)),
    }
}

/// What is answered when the body or the answer did not come in time.
fn refusal(late: Late, limits: &Limits, handler: Duration) -> (Limit, Problem) {
    let seconds = |time: Duration| time.as_secs_f64();
    let (limit, reason, detail) = match late {
        Late::Body => {
            let detail = format!("all of it must come within {} s", seconds(limits.body_time));
            (Limit::BodyTime, Reason::BodyTimeout, detail)
        }
        Late::Rate => {
            let (grace, rate) = (seconds(limits.body_grace), limits.body_rate);
            let detail = format!("after {grace} s, it must have come with {rate} bytes a second at least");
            (Limit::BodyRate, Reason::BodyTimeout, detail)
        }
        Late::Answer => {
            let detail = format!("there was no answer within {} s", seconds(handler));
            (Limit::HandlerTime, Reason::HandlerTimeout, detail)
        }
    };
    (limit, Problem::new(reason, detail))
}

/// The size of a request's headers, as HTTP/1.1 writes them: `name: value` and a line end.
fn header_bytes<B>(request: &Request<B>) -> usize {
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let address = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    headers.sum::<usize>() + address
}

/// How long the answer to a request may take: what is decided waits until it is carried out.
fn time(limits: &Limits, method: &Method, path: &str) -> Duration {
    const DECISIONS: [&str; 7] = [
        "/v1/months/",
        "/v1/catalogue",
        "/v1/quarantine/",
        "/v1/collectors/",
        "/v1/keys",
        "/v1/pseudonyms/",
        "/v1/retention",
    ];
    let is_decision = method == Method::POST && DECISIONS.iter().any(|start| path.starts_with(start));
    // What is due is looked for in all that is kept.
    if is_decision || path == "/v1/retention" { limits.decision_time } else { limits.handler_time }
}

//! What systems answer: JSON within limits, or why there is none.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use url::Url;

use crate::pull::source::Failure;

/// The most bytes of one answer: a page of 10,000 records of 3 kB.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// The most bytes of an answer that says what is wrong with a request.
const REASON_BYTES_MAX: usize = 64 << 10;
/// How much of what it says is passed on.
const REASON_CHARACTERS_MAX: usize = 200;
/// How long to wait when a system asks for patience and does not say how much.
const PATIENCE: Duration = Duration::from_secs(30);
/// The shortest patience, and the longest that a system may make a collector wait.
const PATIENCE_MIN: Duration = Duration::from_secs(1);
const PATIENCE_MAX: Duration = Duration::from_secs(3600);
/// Google answers 403 to who asks too often (Directory API, "Limits and quotas").
const OVER_QUOTA: [&str; 3] = ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"];

/// Whether an answer can be read.
pub(super) async fn check(url: &Url, response: Response) -> Result<Response, Failure> {
    let status = response.status();
    let what = format!("{} answered {status}", place(url));
    let asked = patience(&response);
    let refused = |what| Failure::Refused(format!("{what}: check the credentials and what they may read"));
    match status {
        StatusCode::OK => Ok(response),
        StatusCode::TOO_MANY_REQUESTS => Err(Failure::Later { what, after: asked.unwrap_or(PATIENCE) }),
        StatusCode::SERVICE_UNAVAILABLE => match asked {
            Some(after) => Err(Failure::Later { what, after }),
            None => Err(Failure::Away(what)),
        },
        StatusCode::UNAUTHORIZED => Err(refused(what)),
        StatusCode::FORBIDDEN => {
            let is_over_quota = said(response).await.is_some_and(|said| is_over_quota(&said));
            let later = |what| Failure::Later { what, after: asked.unwrap_or(PATIENCE) };
            Err(if is_over_quota { later(what) } else { refused(what) })
        }
        _ if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => Err(Failure::Away(what)),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            let said = said(response).await.unwrap_or_default();
            let reason = reason(&said).map_or(String::new(), |reason| format!(": {reason}"));
            Err(Failure::Refused(format!("{what}{reason}")))
        }
        _ => Err(Failure::Refused(what)),
    }
}

/// What a system says in an answer that is none.
async fn said(mut response: Response) -> Option<Value> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > REASON_BYTES_MAX {
            return None;
        }
    }
    serde_json::from_slice(&body).ok()
}

/// What is wrong with a request: `error`, or `message` in it.
fn reason(said: &Value) -> Option<String> {
    let error = said.get("error")?;
    let reason = error.as_str().or_else(|| error.get("message")?.as_str())?;
    Some(reason.chars().filter(|character| !character.is_control()).take(REASON_CHARACTERS_MAX).collect())
}

fn is_over_quota(said: &Value) -> bool {
    let errors = said["error"]["errors"].as_array();
    let mut reasons = errors.into_iter().flatten().filter_map(|error| error["reason"].as_str());
    reasons.any(|reason| OVER_QUOTA.contains(&reason))
}

/// Retry-After in seconds (RFC 9110 §10.2.3); its other form, a date, is taken as not said.
fn patience(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).clamp(PATIENCE_MIN, PATIENCE_MAX))
}

pub(super) async fn json(url: &Url, mut response: Response) -> Result<Value, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| away(url, &error))? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            let what =
                format!("{} answered more than {ANSWER_BYTES_MAX} bytes: ask for smaller pages", place(url));
            return Err(Failure::Broken(what));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body)
        .map_err(|error| Failure::Broken(format!("{} did not answer with JSON: {error}", place(url))))
}

pub(super) fn away(url: &Url, error: &reqwest::Error) -> Failure {
    let mut why = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        why = format!(": {error}");
        cause = error.source();
    }
    Failure::Away(format!("{} does not answer{why}", place(url)))
}

/// An address without its query, which may name a person, and without a user or a password.
pub(super) fn place(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

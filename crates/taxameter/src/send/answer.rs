//! What the program's answer to a batch means: done, later, or never.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde::Deserialize;

use super::Error;

/// How much of an unexpected answer is shown.
const SHOWN_CHARS: usize = 300;

/// A 202.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub(super) accepted: u64,
    pub(super) rejected: Vec<Rejected>,
}

/// An event that was refused.
#[derive(Debug, Deserialize)]
pub(super) struct Rejected {
    pub(super) id: Option<String>,
    pub(super) code: String,
    #[serde(default)]
    pub(super) detail: String,
}

/// How one attempt ended.
#[derive(Debug)]
pub(super) enum Attempt {
    /// The program has the batch.
    Answered(Answer),
    /// Worth another try: it is about the program or the way to it, not about the batch.
    Later {
        /// What happened.
        last: String,
        /// When the program asked to be tried again.
        after: Option<Duration>,
    },
    /// Never: the batch will not be taken as it is.
    Fatal(Error),
}

impl Attempt {
    pub(super) fn later(last: String) -> Self {
        Self::Later { last, after: None }
    }
}

/// Reads an answer to a batch of so many events.
pub(super) async fn read(response: reqwest::Response, events: usize) -> Attempt {
    let status = response.status();
    let seconds =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let after = seconds.map(Duration::from_secs);
    let body = match response.bytes().await {
        Ok(body) => body,
        // The program may well have the batch; sent again, its events are duplicates.
        Err(error) => return Attempt::later(format!("the answer broke off: {error}")),
    };
    let shown = || String::from_utf8_lossy(&body).chars().take(SHOWN_CHARS).collect::<String>();
    if status == StatusCode::ACCEPTED {
        return match serde_json::from_slice::<Answer>(&body) {
            Ok(answer) if answer.accepted + answer.rejected.len() as u64 == events as u64 => {
                Attempt::Answered(answer)
            }
            Ok(_) | Err(_) => Attempt::Fatal(Error::Answer { status: status.as_u16(), body: shown() }),
        };
    }
    let transient = status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT;
    if transient {
        return Attempt::Later { last: format!("{status}: {}", shown()), after };
    }
    Attempt::Fatal(Error::Refused { status: status.as_u16(), body: shown() })
}

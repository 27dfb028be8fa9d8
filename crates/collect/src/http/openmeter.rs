//! POST /api/v1/events: what OpenMeter's SDKs and collectors send, answered as OpenMeter answers it.
//!
//! All or nothing: 204 when every event is accepted, else 400 and nothing is. An event without `dataschema` gets ours, which
//! those SDKs do not set by themselves. One without `time` is refused: a time made here would make another event of every
//! retry.

use std::borrow::Cow;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::event::DATASCHEMA;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::problem::{self, Problem, Reason};
use super::{Shared, WireRejected, receive};
use crate::intake::Mode;

pub(super) async fn events(State(shared): State<Shared>, request: Request) -> Response {
    let language = problem::Language::of(request.headers());
    match take(&shared, request).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(problem) => shared.refuse(problem, language),
    }
}

async fn take(shared: &Shared, request: Request) -> Result<(), Problem> {
    let answer = receive(shared, request, Mode::Atomic, with_schema).await?;
    if answer.rejected.is_empty() {
        return Ok(());
    }
    let rejected = answer.rejected.into_iter().map(WireRejected::from).collect();
    Err(Problem { rejected: Some(rejected), ..Reason::InvalidEvents.into() })
}

/// The event with a `dataschema`.
fn with_schema(event: &[u8]) -> Cow<'_, [u8]> {
    #[derive(Deserialize)]
    struct Peek<'e> {
        #[serde(borrow)]
        dataschema: Option<&'e RawValue>,
    }
    // What cannot be read is refused by whoever reads it whole.
    let lacks_it = serde_json::from_slice::<Peek<'_>>(event).is_ok_and(|peek| peek.dataschema.is_none());
    let members = event.trim_ascii().strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    match members {
        Some(members) if lacks_it && members != b"}" => {
            let head = format!("{{\"dataschema\":\"{DATASCHEMA}\",");
            Cow::Owned([head.as_bytes(), members].concat())
        }
        Some(_) | None => Cow::Borrowed(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_event_without_a_schema_gets_ours() {
        let given =
            |event: &'static str| String::from_utf8(with_schema(event.as_bytes()).into_owned()).unwrap();
        let ours = format!("{{\"dataschema\":\"{DATASCHEMA}\",\"id\":\"1\"}}");
        assert_eq!(given("{\"id\":\"1\"}"), ours);
        assert_eq!(given(" {  \"id\":\"1\"} "), ours);
        for same in
            ["{\"dataschema\":\"x\"}", "{\"dataschema\":null,\"dataschema\":1}", "{}", "{ }", "7", "{\"id\":"]
        {
            assert_eq!(given(same), same);
        }
    }
}

//! Bodies of requests that decide something: JSON objects, from nobody but the caller himself.

use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::problem::{Kind, Problem};

/// The largest body of a decision: an explanation of some pages.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// Reads a decision. Only `application/json` is taken: a form of another site cannot send that without being asked.
pub(crate) fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: &[u8],
    bytes_max: usize,
) -> Result<T, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if content_type.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Problem::new(Kind::UnsupportedMediaType)
            .detail("ska vara application/json", "must be application/json"));
    }
    if body.len() > bytes_max {
        let kib = bytes_max / 1024;
        return Err(
            Problem::new(Kind::BodyTooLarge).detail(format!("högst {kib} KiB"), format!("at most {kib} KiB"))
        );
    }
    // What serde says names fields and places of the caller's own text, nothing of ours.
    let wrong = |error: serde_json::Error| {
        Problem::new(Kind::InvalidBody).detail(error.to_string(), error.to_string())
    };
    // By way of an object: serde alone would take an array for the fields in their order.
    let object: Map<String, Value> = serde_json::from_slice(body).map_err(wrong)?;
    T::deserialize(Value::Object(object)).map_err(wrong)
}

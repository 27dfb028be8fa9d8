//! content type and encoding → how a body is read → slices of events

use std::fmt;

use axum::http::{HeaderMap, header};
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::problem::{Problem, Reason};

/// The content types that a write may have (contract, "Access"): no form of a foreign page can send them.
pub const WRITE_TYPES: [&str; 5] = [JSON, EVENT, BATCH, LINES, CSV];

const JSON: &str = "application/json";
const EVENT: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";
const LINES: &str = "application/x-ndjson";
const CSV: &str = "text/csv";

/// How the events stand in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One object.
    One,
    /// An array of objects.
    Batch,
    /// One object, or an array of them.
    Either,
    /// An object on each line; blank lines do not count.
    Lines,
    /// A row for each, as a mapping of the catalogue says.
    Csv,
    /// The attributes in headers, the data in the body (CloudEvents HTTP binding §3.1).
    Binary,
}

impl Form {
    /// As the headers say.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let content_type = essence(headers).ok_or(Reason::UnsupportedMediaType)?;
        match content_type.as_str() {
            EVENT => Ok(Form::One),
            BATCH => Ok(Form::Batch),
            LINES => Ok(Form::Lines),
            CSV => Ok(Form::Csv),
            JSON if headers.keys().any(|name| name.as_str().starts_with("ce-")) => Ok(Form::Binary),
            JSON => Ok(Form::Either),
            _ => Err(Problem::new(
                Reason::UnsupportedMediaType,
                format!("one of {} is taken", WRITE_TYPES.join(", ")),
            )),
        }
    }

    /// The events of a body, each as it was written; at most `max`.
    pub fn events(self, body: &[u8], max: usize) -> Result<Vec<&[u8]>, Problem> {
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        let events = match self {
            Form::Lines => body
                .split(|byte| *byte == b'\n')
                .map(<[u8]>::trim_ascii)
                .filter(|l| !l.is_empty())
                .take(max + 1)
                .collect(),
            Form::Batch | Form::Either if first == Some(&b'[') => elements(body, max)?,
            Form::One | Form::Either | Form::Binary if first == Some(&b'{') => vec![one(body)?],
            // Rows are no slices of events.
            Form::Csv => {
                return Err(Problem::new(Reason::UnsupportedMediaType, "text/csv is not taken here"));
            }
            Form::Batch => return Err(Problem::new(Reason::InvalidBody, "the body must be a JSON array")),
            Form::One | Form::Binary => {
                return Err(Problem::new(Reason::InvalidBody, "the body must be a JSON object"));
            }
            Form::Either => {
                return Err(Problem::new(Reason::InvalidBody, "the body must be a JSON object or array"));
            }
        };
        if events.len() > max {
            return Err(Problem::new(
                Reason::TooManyEvents,
                format!("at most {max} events are taken in one request"),
            ));
        }
        Ok(events)
    }
}

/// The content type without its parameters, in lower case; none when it is missing, repeated, or of another character
/// set than UTF-8.
pub fn essence(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let mut parts = value.to_str().ok()?.split(';').map(|part| part.trim().to_ascii_lowercase());
    let essence = parts.next()?;
    let is_utf8 =
        |part: String| part.strip_prefix("charset=").is_none_or(|name| name.trim_matches('"') == "utf-8");
    parts.all(is_utf8).then_some(essence)
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Encoding {
    /// As the headers say: at most one layer.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(value) = values.next() else { return Ok(Encoding::Identity) };
        let name = value.to_str().unwrap_or_default().trim().to_ascii_lowercase();
        match (name.as_str(), values.next()) {
            ("identity" | "", None) => Ok(Encoding::Identity),
            ("gzip" | "x-gzip", None) => Ok(Encoding::Gzip),
            ("zstd", None) => Ok(Encoding::Zstd),
            _ => Err(Problem::new(Reason::UnsupportedEncoding, "one of gzip and zstd is taken, once")),
        }
    }
}

/// The one value that a body is.
pub fn one(body: &[u8]) -> Result<&[u8], Problem> {
    let value: &RawValue = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    Ok(value.get().as_bytes())
}

fn unreadable(error: &serde_json::Error) -> Problem {
    Problem::new(
        Reason::InvalidBody,
        format!("the body is not JSON (line {}, column {})", error.line(), error.column()),
    )
}

/// The elements of an array; stops reading when there are more than `max`, so that a body of commas takes no memory.
fn elements(body: &[u8], max: usize) -> Result<Vec<&[u8]>, Problem> {
    struct Elements {
        max: usize,
    }

    impl<'de> Visitor<'de> for Elements {
        type Value = Vec<&'de [u8]>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut elements = Vec::new();
            while let Some(element) = seq.next_element::<&RawValue>()? {
                elements.push(element.get().as_bytes());
                if elements.len() > self.max {
                    return Err(A::Error::custom(TOO_MANY));
                }
            }
            Ok(elements)
        }
    }

    const TOO_MANY: &str = "too many elements";
    let mut json = serde_json::Deserializer::from_slice(body);
    let elements = json.deserialize_seq(Elements { max }).and_then(|elements| json.end().map(|()| elements));
    elements.map_err(|error| {
        if error.is_data() && error.to_string().starts_with(TOO_MANY) {
            return Problem::new(
                Reason::TooManyEvents,
                format!("at most {max} events are taken in one request"),
            );
        }
        unreadable(&error)
    })
}

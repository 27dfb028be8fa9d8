//! The one wire format: CloudEvents 1.0 in JSON's structured mode, as senders write it and as the usage log holds it.
//!
//! Bytes → [`Event`] or [`Rejection`]. An event is read in place: its text is borrowed from the bytes unless it holds
//! an escape. What can be wrong with an event without asking the catalogue or a clock is found here.

mod fields;

use std::borrow::Cow;

use domain::event::{DATASCHEMA, EVENT_BYTES_MAX, SNAPSHOT_COMPLETED, refuse_personal_data};
use domain::rejection::{Code, Rejection};
use domain::{Event, Instant, personal_data};
use serde_json::value::RawValue;

use self::fields::Fields;

/// How deep objects and arrays may be nested.
pub const DEPTH_MAX: usize = 32;

/// What stands in an answer and in a log instead of an id that seems to hold personal data.
pub const MASKED: &str = "[masked]";

/// The bytes are neither one JSON object nor an array, so no event in them can be told from another.
#[derive(Debug, thiserror::Error)]
#[error("neither a JSON object nor an array of objects")]
pub struct Undecodable(#[from] serde_json::Error);

/// The events in a body or a record's value: one object, or the elements of an array, each as it was written.
pub fn split(value: &[u8]) -> Result<Vec<&[u8]>, Undecodable> {
    let bracket = value.iter().find(|byte| !byte.is_ascii_whitespace());
    if bracket == Some(&b'[') {
        let elements: Vec<&RawValue> = serde_json::from_slice(value)?;
        return Ok(elements.into_iter().map(|element| element.get().as_bytes()).collect());
    }
    let one: &RawValue = serde_json::from_slice(value)?;
    Ok(vec![one.get().as_bytes()])
}

/// Reads one event and checks all that can be seen in it alone (V1, V2, V4, V5, V7, V9–V11).
pub fn decode(bytes: &[u8]) -> Result<Event<'_>, Rejection> {
    if bytes.len() > EVENT_BYTES_MAX {
        let detail = format!("the event has {} bytes; at most {EVENT_BYTES_MAX} are taken", bytes.len());
        return Err(Rejection::new(Code::EventTooLarge, detail));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|e| Rejection::new(Code::InvalidJson, format!("byte {} is not UTF-8", e.valid_up_to())))?;
    match envelope(text) {
        Err(rejection) if depth(bytes) > DEPTH_MAX && rejection.code != Code::DuplicateKey => {
            Err(Rejection::new(Code::TooDeep, format!("nested more than {DEPTH_MAX} deep")))
        }
        result => result?.check(),
    }
}

fn envelope(text: &str) -> Result<Event<'_>, Rejection> {
    let attributes = Fields::read(text, "")?;
    let specversion = attributes.text("specversion")?;
    if specversion != "1.0" {
        let detail = format!("specversion is {:?}; this program reads \"1.0\"", shortened(&specversion));
        return Err(Rejection::new(Code::UnsupportedSpecversion, detail));
    }
    if attributes.text("dataschema")? != DATASCHEMA {
        return Err(Rejection::new(Code::UnsupportedDataschema, format!("dataschema must be {DATASCHEMA}")));
    }
    if let Some(content_type) = attributes.text_if_any("datacontenttype")? {
        check_content_type(&content_type)?;
    }
    for (name, value) in attributes.others(&ATTRIBUTES) {
        check_extension(name, value)?;
    }
    let event_type = attributes.text("type")?;
    let time = instant(&attributes, "time")?.ok_or_else(|| {
        Rejection::new(Code::MissingField, "time is missing: a time made here would break retries")
    })?;
    let data = Fields::read(attributes.raw("data")?, "data.")?;
    let (source, id) = (attributes.text("source")?, attributes.text("id")?);
    let marker = event_type == SNAPSHOT_COMPLETED;
    let subject = if marker {
        attributes.text_if_any("subject")?.unwrap_or_default()
    } else {
        attributes.text("subject")?
    };
    let body = if marker { fields::marker(&data, time)? } else { fields::usage(&data, time)? };
    Ok(Event { source, id, event_type, subject, time, body })
}

/// The attributes of CloudEvents 1.0 §3.1 that the contract uses; any other name is an extension.
const ATTRIBUTES: [&str; 9] =
    ["specversion", "id", "source", "type", "subject", "time", "dataschema", "datacontenttype", "data"];

fn check_content_type(content_type: &str) -> Result<(), Rejection> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || essence == "text/json" || essence.ends_with("+json") {
        return Ok(());
    }
    Err(Rejection::new(Code::UnsupportedContentType, "datacontenttype must be application/json"))
}

/// Extensions are ignored, but their names must be such (CloudEvents 1.0 §3.1) and they may not smuggle anything in.
fn check_extension(name: &str, value: &str) -> Result<(), Rejection> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        let detail = format!(
            "{:?} is no attribute: extension names are lower-case letters and digits",
            shortened(name)
        );
        return Err(Rejection::new(Code::UnknownField, detail));
    }
    refuse_personal_data("the name of an extension", name)?;
    match value.as_bytes().first() {
        Some(b'{' | b'[') => {
            let detail = format!("extension {} must be a string, a number or true/false", shortened(name));
            Err(Rejection::new(Code::WrongType, detail))
        }
        Some(b'"') => refuse_personal_data(&shortened(name), &fields::string(|| name.to_owned(), value)?),
        // A number is a token as well, whether or not it stands between quotes.
        _ => refuse_personal_data(&shortened(name), value),
    }
}

fn instant(fields: &Fields<'_>, name: &str) -> Result<Option<Instant>, Rejection> {
    let Some(text) = fields.text_if_any(name)? else { return Ok(None) };
    match Instant::parse_rfc3339(&text) {
        Some(time) => Ok(Some(time)),
        None => {
            let detail = format!(
                "{} must be RFC 3339 with an offset, such as 2021-01-15T09:00:12+01:00",
                fields.path(name)
            );
            Err(Rejection::new(Code::InvalidTime, detail))
        }
    }
}

/// A name for an error message: enough to find it, never a flood.
fn shortened(name: &str) -> Cow<'_, str> {
    if name.chars().count() <= 40 {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(name.chars().take(40).chain(['…']).collect())
    }
}

/// How deep the brackets go, strings left out. Only asked when an event was refused, to say the better reason.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// What can be said of which event was refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hint {
    /// Its `source`, when it can be read and holds no personal data.
    pub source: Option<String>,
    /// Its `id`, when it can be read; [`MASKED`] when it seems to hold personal data.
    pub id: Option<String>,
}

/// Reads only `source` and `id`, however wrong the rest of an event is. Both are cut at 200 characters.
pub fn identity_hint(bytes: &[u8]) -> Hint {
    let Some(attributes) = std::str::from_utf8(bytes).ok().and_then(|text| Fields::read(text, "").ok())
    else {
        return Hint::default();
    };
    let read = |name| {
        let text = attributes.text_if_any(name).ok().flatten()?;
        if personal_data::find(&text).is_some() {
            return Some(MASKED.to_owned());
        }
        Some(text.chars().take(domain::event::ID_CHARS_MAX).collect())
    };
    Hint { source: read("source"), id: read("id") }
}

#[cfg(test)]
mod tests;

//! headers and data of binary mode → the same event in structured mode (CloudEvents HTTP binding 1.0.2 §3.1)

use axum::http::{HeaderMap, header};

use super::media;
use super::problem::{Problem, Reason};

/// What the header of an attribute begins with.
const PREFIX: &str = "ce-";

/// The event as structured JSON. The data must be one JSON value: it is copied as it is, so nothing else may follow it.
pub fn structured(headers: &HeaderMap, body: &[u8]) -> Result<Vec<u8>, Problem> {
    let data = media::one(body)?;
    let mut event = Vec::with_capacity(data.len() + 512);
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix(PREFIX) else { continue };
        let text = value.to_str().ok().and_then(decoded).ok_or_else(|| {
            Problem::new(
                Reason::InvalidHeader,
                format!("{name} must be ASCII with everything else percent-encoded as UTF-8"),
            )
        })?;
        // Neither `data` nor the content type comes in a header; each would be there twice, and be refused for that.
        field(&mut event, attribute, &text);
    }
    if let Some(content_type) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) {
        field(&mut event, "datacontenttype", content_type);
    }
    event.extend_from_slice(b",\"data\":");
    event.extend_from_slice(data);
    event.push(b'}');
    event[0] = b'{';
    Ok(event)
}

fn field(event: &mut Vec<u8>, name: &str, value: &str) {
    event.push(b',');
    for (text, after) in [(name, b":".as_slice()), (value, b"")] {
        #[expect(clippy::expect_used, reason = "a string always becomes JSON, in memory")]
        serde_json::to_writer(&mut *event, text).expect("a string is JSON");
        event.extend_from_slice(after);
    }
}

/// §3.1.3.2: double quotes are undone first, then one round of percent-encoding. None when that is not UTF-8.
fn decoded(value: &str) -> Option<String> {
    let unquoted = match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => {
            let mut chars = inner.chars();
            let mut text = String::with_capacity(inner.len());
            while let Some(char) = chars.next() {
                text.push(if char == '\\' { chars.next()? } else { char });
            }
            text
        }
        None => value.to_owned(),
    };
    let mut bytes = Vec::with_capacity(unquoted.len());
    let mut rest = unquoted.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (byte, after) {
            (b'%', [high, low, after @ ..]) => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high * 16 + low);
                    rest = after;
                    continue;
                }
                _ => bytes.push(byte),
            },
            _ => bytes.push(byte),
        }
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn header_values_are_unquoted_and_decoded_once() {
        let cases = [
            ("plain", Some("plain")),
            // The binding's own example.
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", Some("Euro € 😀")),
            ("%2520", Some("%20")),
            ("100%", Some("100%")),
            ("50%x1", Some("50%x1")),
            ("\"a \\\"b\\\" %41\"", Some("a \"b\" A")),
            ("a+b", Some("a+b")),
            ("%ff", None),
        ];
        for (value, want) in cases {
            assert_eq!(decoded(value).as_deref(), want, "{value}");
        }
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn headers_and_data_become_one_event() {
        let headers = headers(&[
            ("ce-id", "a%22b"),
            ("ce-specversion", "1.0"),
            ("content-type", "application/json"),
            ("x", "y"),
        ]);
        let event = structured(&headers, b" {\"a\": 1} ").unwrap();
        let value: serde_json::Value = serde_json::from_slice(&event).unwrap();
        let want = serde_json::json!({"id": "a\"b", "specversion": "1.0", "datacontenttype": "application/json", "data": {"a": 1}});
        assert_eq!(value, want);
    }

    #[test]
    fn data_cannot_add_attributes() {
        for body in [r#"{},"id":"other""#, "{}}", "", "{"] {
            let refused = structured(&headers(&[("ce-id", "a")]), body.as_bytes()).unwrap_err();
            assert_eq!(refused.reason, Reason::InvalidBody, "{body}");
        }
    }
}

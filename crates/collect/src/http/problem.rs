//! What is answered when a request is refused whole: problem details (RFC 9457) with a stable code.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::WireRejected;

/// Why a request is refused whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The body, or its outer array, cannot be read.
    InvalidBody,
    /// A `ce-` header of binary mode cannot be read.
    InvalidHeader,
    /// A parameter of the address has an unknown value.
    InvalidQuery,
    /// Nobody said on whose behalf the request comes.
    NotAuthenticated,
    /// The key does not allow it.
    NotAllowed,
    /// The `Host` is not this machine's own address.
    HostNotAllowed,
    /// The request comes from a page of another site.
    OriginNotAllowed,
    /// The request comes with a login, and without the token that its pages have.
    CsrfRefused,
    /// The headers are too large.
    HeadersTooLarge,
    /// The body did not come in time, or too slowly.
    BodyTimeout,
    /// The body is too large, as it came or decompressed.
    BodyTooLarge,
    /// There are too many events in the request.
    TooManyEvents,
    /// The content type is missing or none of those that are taken.
    UnsupportedMediaType,
    /// The content encoding is none of those that are taken, or there is more than one.
    UnsupportedEncoding,
    /// All or nothing was asked for, and an event is wrong.
    AtomicRefused,
    /// An event is wrong, where every one must be right.
    InvalidEvents,
    /// The key makes more requests than it may.
    RateLimited,
    /// Too much is under way.
    Overloaded,
    /// The answer was not ready in time.
    HandlerTimeout,
    /// The log is away, and the spool holds as much as it may.
    SpoolFull,
    /// The log does not confirm that it has the events.
    LogUnavailable,
}

impl Reason {
    /// The stable code.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// Code, status, title in Swedish and in English.
    const fn row(self) -> (&'static str, StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Reason::InvalidBody => {
                ("invalid_body", S::BAD_REQUEST, "Innehållet går inte att läsa", "The body cannot be read")
            }
            Reason::InvalidHeader => (
                "invalid_header",
                S::BAD_REQUEST,
                "Ett ce-huvud går inte att läsa",
                "A ce- header cannot be read",
            ),
            Reason::InvalidQuery => (
                "invalid_query",
                S::BAD_REQUEST,
                "En parameter i adressen är fel",
                "A parameter of the address is wrong",
            ),
            Reason::NotAuthenticated => {
                ("not_authenticated", S::UNAUTHORIZED, "Avsändaren är inte känd", "The sender is not known")
            }
            Reason::NotAllowed => (
                "not_allowed",
                S::FORBIDDEN,
                "Behörigheten räcker inte till det",
                "Your role does not allow that",
            ),
            Reason::HostNotAllowed => (
                "host_not_allowed",
                S::FORBIDDEN,
                "Utan nycklar svarar programmet bara på den egna datorns adress",
                "Without keys the program answers on this machine's own address only",
            ),
            Reason::OriginNotAllowed => (
                "origin_not_allowed",
                S::FORBIDDEN,
                "Anropet kommer från en annan webbplats",
                "The request comes from another site",
            ),
            Reason::CsrfRefused => (
                "csrf_refused",
                S::FORBIDDEN,
                "Sidan gäller inte längre: ladda om den och försök igen",
                "The page does not hold any more: load it again and try anew",
            ),
            Reason::HeadersTooLarge => (
                "headers_too_large",
                S::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Anropets huvuden är för stora",
                "The headers of the request are too large",
            ),
            Reason::BodyTimeout => (
                "body_timeout",
                S::REQUEST_TIMEOUT,
                "Innehållet kom inte i tid",
                "The body did not come in time",
            ),
            Reason::BodyTooLarge => {
                ("body_too_large", S::PAYLOAD_TOO_LARGE, "Innehållet är för stort", "The body is too large")
            }
            Reason::TooManyEvents => (
                "too_many_events",
                S::PAYLOAD_TOO_LARGE,
                "För många händelser i ett anrop",
                "Too many events in one request",
            ),
            Reason::UnsupportedMediaType => (
                "unsupported_media_type",
                S::UNSUPPORTED_MEDIA_TYPE,
                "Innehållstypen tas inte emot",
                "The content type is not taken",
            ),
            Reason::UnsupportedEncoding => (
                "unsupported_encoding",
                S::UNSUPPORTED_MEDIA_TYPE,
                "Innehållets kodning tas inte emot",
                "The content encoding is not taken",
            ),
            Reason::AtomicRefused => (
                "atomic_refused",
                S::UNPROCESSABLE_ENTITY,
                "En händelse är fel, så ingen togs emot",
                "An event is wrong, so none was taken",
            ),
            Reason::InvalidEvents => (
                "invalid_events",
                S::BAD_REQUEST,
                "En händelse är fel, så ingen togs emot",
                "An event is wrong, so none was taken",
            ),
            Reason::RateLimited => (
                "rate_limited",
                S::TOO_MANY_REQUESTS,
                "Nyckeln har gjort för många anrop",
                "The key has made too many requests",
            ),
            Reason::Overloaded => (
                "overloaded",
                S::SERVICE_UNAVAILABLE,
                "För mycket är på väg in just nu",
                "Too much is on its way in right now",
            ),
            Reason::HandlerTimeout => (
                "handler_timeout",
                S::SERVICE_UNAVAILABLE,
                "Svaret blev inte klart i tid",
                "The answer was not ready in time",
            ),
            Reason::SpoolFull => (
                "spool_full",
                S::SERVICE_UNAVAILABLE,
                "Loggen är borta och mellanlagret är fullt",
                "The log is away and the spool is full",
            ),
            Reason::LogUnavailable => (
                "log_unavailable",
                S::SERVICE_UNAVAILABLE,
                "Händelserna kunde inte sparas säkert",
                "The events could not be stored safely",
            ),
        }
    }

    /// After how many seconds to come again: at once when others are merely ahead, later when something is broken, and much
    /// later when it has been broken for so long that the spool is full.
    const fn retry_after(self) -> Option<&'static str> {
        match self {
            Reason::Overloaded => Some("1"),
            Reason::HandlerTimeout | Reason::LogUnavailable => Some("5"),
            Reason::SpoolFull => Some("30"),
            Reason::InvalidBody
            | Reason::InvalidHeader
            | Reason::InvalidQuery
            | Reason::NotAuthenticated
            | Reason::NotAllowed
            | Reason::HostNotAllowed
            | Reason::OriginNotAllowed
            | Reason::CsrfRefused
            | Reason::HeadersTooLarge
            | Reason::BodyTimeout
            | Reason::BodyTooLarge
            | Reason::TooManyEvents
            | Reason::UnsupportedMediaType
            | Reason::UnsupportedEncoding
            | Reason::AtomicRefused
            | Reason::InvalidEvents
            | Reason::RateLimited => None,
        }
    }
}

/// How a caller may show its key (RFC 6750, RFC 7617): browsers know the second way only, with the key as the password.
const CHALLENGE: &str = "Bearer realm=\"taxameter\", Basic realm=\"taxameter\", charset=\"UTF-8\"";

/// A refusal of a whole request.
#[derive(Debug)]
pub struct Problem {
    /// Why.
    pub reason: Reason,
    /// What exactly, where the title does not say it all.
    pub detail: Option<String>,
    /// The wrong events, when they are the reason.
    pub rejected: Option<Vec<WireRejected>>,
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Self {
        Self { reason, detail: None, rejected: None }
    }
}

#[derive(Serialize)]
struct Wire<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<Vec<WireRejected>>,
}

impl Problem {
    /// A refusal with its explanation.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..reason.into() }
    }

    /// The answer, with its title in the language of the caller.
    pub fn respond(self, language: Language) -> Response {
        let (code, status, swedish, english) = self.reason.row();
        let title = match language {
            Language::Swedish => swedish,
            Language::English => english,
        };
        let wire = Wire {
            r#type: format!("urn:taxameter:problem:{code}"),
            title,
            status: status.as_u16(),
            code,
            detail: self.detail,
            accepted: self.rejected.is_some().then_some(0),
            rejected: self.rejected,
        };
        let mut response = (status, axum::Json(wire)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        if let Some(seconds) = self.reason.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if self.reason == Reason::NotAuthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        if self.reason == Reason::UnsupportedEncoding {
            // RFC 9110 §15.5.16: tells this 415 from that of a content type.
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"));
        }
        response
    }
}

/// The languages that titles are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// The users' own, and what is answered when nothing is asked for.
    Swedish,
    /// For senders elsewhere.
    English,
}

impl Language {
    const fn tag(self) -> &'static str {
        match self {
            Language::Swedish => "sv",
            Language::English => "en",
        }
    }

    /// The one of them that `Accept-Language` weighs highest; Swedish when it names neither, or both alike.
    pub fn of(headers: &HeaderMap) -> Self {
        let text =
            headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let weight = |wanted: &str| -> u32 {
            let of_range = |range: &str| {
                let mut parts = range.split(';').map(str::trim);
                let primary = parts.next()?.split('-').next()?.to_ascii_lowercase();
                let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1_000, thousandths);
                (primary == wanted).then_some(weight)
            };
            text.split(',').filter_map(of_range).max().unwrap_or(0)
        };
        if weight("en") > weight("sv") { Language::English } else { Language::Swedish }
    }
}

/// A weight of RFC 9110 §12.4.2 (`0.8`) in thousandths; what is none is 0.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    whole
        .parse::<u32>()
        .ok()
        .zip(digits.parse::<u32>().ok())
        .map_or(0, |(whole, rest)| whole.min(1) * 1_000 + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_is_in_the_language_that_weighs_most() {
        let cases = [
            ("", Language::Swedish),
            ("de", Language::Swedish),
            ("en", Language::English),
            ("en-GB,en;q=0.9", Language::English),
            ("sv,en;q=0.9", Language::Swedish),
            ("sv;q=0.5,en;q=0.75", Language::English),
            ("sv-SE, en", Language::Swedish),
        ];
        for (text, want) in cases {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_str(text).unwrap())]);
            assert_eq!(Language::of(&headers), want, "{text}");
        }
        assert_eq!(Language::of(&HeaderMap::new()), Language::Swedish);
    }
}

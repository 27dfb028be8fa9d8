//! What went wrong, as RFC 9457 problem details: a stable code for programs, a title for people in their language.
//!
//! A handler returns a [`Problem`]; [`localise`] writes it out, because only the request knows the language. What
//! caused an internal problem is logged here and never leaves.

use std::error::Error;

use askama::Template;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::access::Viewer;
use serde_json::{Map, Value};

use crate::language::Language;
use crate::pages::frame::Frame;
use crate::texts::Texts;

/// A kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    UnknownParameter,
    InvalidParameter,
    InvalidCursor,
    InvalidBody,
    NotAllowed,
    NotFound,
    MethodNotAllowed,
    MonthOpen,
    NotExportable,
    CloseBlocked,
    NotReplayable,
    NotRemovable,
    ChangesClosedMonth,
    InvalidCatalogue,
    KeyRefused,
    BodyTooLarge,
    UnsupportedMediaType,
    Internal,
    Unavailable,
}

impl Kind {
    /// Every kind, for the test that holds the OpenAPI document to this list.
    #[cfg(test)]
    pub(crate) const ALL: [Kind; 19] = [
        Kind::UnknownParameter,
        Kind::InvalidParameter,
        Kind::InvalidCursor,
        Kind::InvalidBody,
        Kind::NotAllowed,
        Kind::NotFound,
        Kind::MethodNotAllowed,
        Kind::MonthOpen,
        Kind::NotExportable,
        Kind::CloseBlocked,
        Kind::NotReplayable,
        Kind::NotRemovable,
        Kind::ChangesClosedMonth,
        Kind::InvalidCatalogue,
        Kind::KeyRefused,
        Kind::BodyTooLarge,
        Kind::UnsupportedMediaType,
        Kind::Internal,
        Kind::Unavailable,
    ];

    /// The stable code.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Kind::UnknownParameter => "unknown_parameter",
            Kind::InvalidParameter => "invalid_parameter",
            Kind::InvalidCursor => "invalid_cursor",
            Kind::InvalidBody => "invalid_body",
            Kind::NotAllowed => "not_allowed",
            Kind::NotFound => "not_found",
            Kind::MethodNotAllowed => "method_not_allowed",
            Kind::MonthOpen => "month_open",
            Kind::NotExportable => "not_exportable",
            Kind::CloseBlocked => "close_blocked",
            Kind::NotReplayable => "not_replayable",
            Kind::NotRemovable => "not_removable",
            Kind::ChangesClosedMonth => "changes_closed_month",
            Kind::InvalidCatalogue => "invalid_catalogue",
            Kind::KeyRefused => "key_refused",
            Kind::BodyTooLarge => "body_too_large",
            Kind::UnsupportedMediaType => "unsupported_media_type",
            Kind::Internal => "internal",
            Kind::Unavailable => "unavailable",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Kind::UnknownParameter | Kind::InvalidParameter | Kind::InvalidCursor | Kind::InvalidBody => {
                StatusCode::BAD_REQUEST
            }
            Kind::NotAllowed => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Kind::MonthOpen
            | Kind::NotExportable
            | Kind::CloseBlocked
            | Kind::NotReplayable
            | Kind::NotRemovable
            | Kind::KeyRefused => StatusCode::CONFLICT,
            Kind::ChangesClosedMonth | Kind::InvalidCatalogue => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn title(self) -> Text<&'static str> {
        let (sv, en) = match self {
            Kind::UnknownParameter => ("Okänd parameter", "Unknown parameter"),
            Kind::InvalidParameter => ("Ogiltig parameter", "Invalid parameter"),
            Kind::InvalidCursor => ("Ogiltig sidmarkör", "Invalid cursor"),
            Kind::InvalidBody => ("Ogiltigt innehåll", "Invalid body"),
            Kind::NotAllowed => ("Behörigheten räcker inte till det", "Your role does not allow that"),
            Kind::NotFound => ("Finns inte", "Not found"),
            Kind::MethodNotAllowed => ("Metoden stöds inte här", "Method not allowed"),
            Kind::MonthOpen => ("Månaden är inte stängd", "The month is not closed"),
            Kind::NotExportable => ("Månaden kan inte hämtas så", "The month cannot be had in that format"),
            Kind::CloseBlocked => ("Månaden kan inte stängas än", "The month cannot be closed yet"),
            Kind::NotReplayable => ("Händelsen finns inte kvar", "The event was not kept"),
            Kind::NotRemovable => ("Det gallras inte så", "That is not removed so"),
            Kind::ChangesClosedMonth => {
                ("Katalogen ändrar en stängd månad", "The catalogue changes a closed month")
            }
            Kind::InvalidCatalogue => ("Katalogen har fel", "The catalogue has errors"),
            Kind::KeyRefused => ("Det går inte att göra med nyckeln", "That cannot be done with the key"),
            Kind::BodyTooLarge => ("För stort innehåll", "Body too large"),
            Kind::UnsupportedMediaType => ("Innehållstypen stöds inte", "Unsupported media type"),
            Kind::Internal => ("Internt fel", "Internal error"),
            Kind::Unavailable => ("Inte tillgängligt just nu", "Not available right now"),
        };
        Text { sv, en }
    }
}

/// The same text in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Text<T> {
    sv: T,
    en: T,
}

impl<T> Text<T> {
    fn read(self, language: Language) -> T {
        match language {
            Language::Swedish => self.sv,
            Language::English => self.en,
        }
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    page: Frame,
    t: &'static Texts,
    title: &'static str,
    detail: String,
    code: &'static str,
}

/// Something that stops a request from being answered as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    kind: Kind,
    detail: Option<Text<String>>,
    more: Map<String, Value>,
}

impl Problem {
    /// A problem of a kind.
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, detail: None, more: Map::new() }
    }

    /// Says what exactly is wrong and what would be right.
    pub(crate) fn detail(mut self, sv: impl Into<String>, en: impl Into<String>) -> Self {
        self.detail = Some(Text { sv: sv.into(), en: en.into() });
        self
    }

    /// What exactly is wrong, for a page that says it itself.
    pub(crate) fn said(&self, language: Language) -> String {
        let title = self.kind.title().read(language);
        self.detail.clone().map_or_else(|| title.to_owned(), |detail| detail.read(language))
    }

    /// Adds a member for programs.
    pub(crate) fn with(mut self, member: &str, value: Value) -> Self {
        self.more.insert(member.to_owned(), value);
        self
    }

    /// A parameter that cannot be read; `wanted` says what it should be.
    pub(crate) fn invalid_parameter(name: &str, sv: &str, en: &str) -> Self {
        Self::new(Kind::InvalidParameter)
            .detail(format!("{name}: {sv}"), format!("{name}: {en}"))
            .with("parameter", Value::from(name))
    }

    /// An operation of ours failed. The cause is logged with all its sources; the caller only learns that it happened.
    pub(crate) fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = chain(error), "request failed");
        Self::new(Kind::Internal)
    }

    /// Something we depend on is away for now.
    pub(crate) fn unavailable(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = chain(error), "request could not be served");
        Self::new(Kind::Unavailable)
    }

    /// As a page; none when even that cannot be written.
    fn page(&self, language: Language, viewer: Option<&Viewer>) -> Option<String> {
        let page = ProblemPage {
            page: Frame::bare(language, viewer),
            t: Texts::of(language),
            title: self.kind.title().read(language),
            detail: self.detail.clone().map(|detail| detail.read(language)).unwrap_or_default(),
            code: self.kind.code(),
        };
        page.render().ok()
    }

    fn body(&self, language: Language) -> Vec<u8> {
        let mut body = Map::new();
        body.insert("type".to_owned(), format!("urn:taxameter:problem:{}", self.kind.code()).into());
        body.insert("title".to_owned(), self.kind.title().read(language).into());
        body.insert("status".to_owned(), self.kind.status().as_u16().into());
        body.insert("code".to_owned(), self.kind.code().into());
        if let Some(detail) = &self.detail {
            body.insert("detail".to_owned(), detail.clone().read(language).into());
        }
        body.extend(self.more.clone());
        Value::Object(body).to_string().into_bytes()
    }
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Whether a person asks for a page, and not a program for data.
fn is_page(request: &Request) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let path = request.uri().path();
    accept.is_some_and(|accept| accept.contains("text/html"))
        && !["/v1/", "/api/"].iter().any(|prefix| path.starts_with(prefix))
}

/// The language of a page that could not be made: `?lang=`, as far as it can be read, else as of any page.
fn asked(request: &Request) -> Language {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let lang = url::form_urlencoded::parse(query).find(|(name, _)| name == "lang");
    let lang = lang.and_then(|(_, tag)| Language::from_tag(&tag));
    lang.unwrap_or_else(|| Language::chosen(request.headers()))
}

/// Writes out the problem of a response in the language of its request: as a page to people, as problem details
/// (RFC 9457) to programs.
pub(crate) async fn localise(request: Request, next: Next) -> Response {
    let is_page = is_page(&request);
    let language = if is_page { asked(&request) } else { Language::accepted(request.headers()) };
    let viewer = request.extensions().get::<Viewer>().cloned();
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let (media_type, body) = match is_page.then(|| problem.page(language, viewer.as_ref())).flatten() {
        Some(html) => ("text/html; charset=utf-8", html.into_bytes()),
        None => ("application/problem+json", problem.body(language)),
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept, accept-language, cookie"));
    if problem.kind == Kind::Unavailable {
        // Long enough for a restarted engine, short enough for a person who waits.
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    *response.body_mut() = body.into();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_code_of_its_own_and_two_titles() {
        let codes: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert_ne!(kind.title().sv, kind.title().en);
            assert!(kind.status().is_client_error() || kind.status().is_server_error());
        }
    }

    #[test]
    fn a_cause_never_leaves() {
        let cause = std::io::Error::other("password=hunter2");
        let body = String::from_utf8(Problem::internal(&cause).body(Language::Swedish)).unwrap();
        assert_eq!(
            body,
            r#"{"code":"internal","status":500,"title":"Internt fel","type":"urn:taxameter:problem:internal"}"#
        );
    }
}

//! What keeps other sites from acting in a login: a browser sends its cookie whoever asked it to, but only our own pages know
//! the token that goes with it (OWASP, synchronizer token).

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use collect::guard;
use collect::http::problem::{Problem, Reason};
use sha2::{Digest, Sha256};

/// The header of requests that are no forms.
const HEADER: &str = "x-csrf-token";
/// The field of forms.
const FIELD: &str = "csrf";
/// The largest form: a reason of some pages.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// Lets a request through that changes nothing, or that comes from a page of ours with the session's token. A form's body is
/// there to be read again.
pub(super) async fn check(request: &mut Request, csrf: &str) -> Result<(), Problem> {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method()) {
        return Ok(());
    }
    let is_form = is_form(request.headers());
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    if is_form {
        guard::no_foreign_origin(method, uri, headers)?;
    } else {
        guard::no_foreign_page(method, uri, headers)?;
    }
    let shown = match request.headers().get(HEADER) {
        Some(token) => token.to_str().ok().map(str::to_owned),
        None if is_form => in_form(request).await?,
        None => None,
    };
    let is_right = shown.is_some_and(|shown| Sha256::digest(shown) == Sha256::digest(csrf));
    if is_right { Ok(()) } else { Err(Reason::CsrfRefused.into()) }
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn in_form(request: &mut Request) -> Result<Option<String>, Problem> {
    let body = std::mem::take(request.body_mut());
    let bytes = to_bytes(body, FORM_BYTES_MAX).await.map_err(|_| Reason::BodyTooLarge)?;
    *request.body_mut() = Body::from(bytes.clone());
    let mut fields = url::form_urlencoded::parse(&bytes).filter(|(name, _)| name == FIELD);
    let first = fields.next().map(|(_, value)| value.into_owned());
    Ok(first.filter(|_| fields.next().is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";
    const FORM: &str = "application/x-www-form-urlencoded";

    async fn judged(pairs: &[(&str, &str)], body: &str) -> (Result<(), Reason>, String) {
        let mut request = Request::post("/v1/months/2021-03/close").header("host", "taxameter.example.org");
        for (name, value) in pairs {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        let judged = check(&mut request, TOKEN).await.map_err(|problem| problem.reason);
        let rest = to_bytes(request.into_body(), usize::MAX).await.unwrap();
        (judged, String::from_utf8(rest.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_change_needs_the_token_and_a_page_of_ours() {
        let json = ("content-type", "application/json");
        let form = ("content-type", FORM);
        let own = ("origin", "https://taxameter.example.org");
        let foreign = ("origin", "https://evil.example");
        let right = ("x-csrf-token", TOKEN);
        let field = format!("a=1&csrf={TOKEN}");
        type Case<'c> = (&'c [(&'c str, &'c str)], &'c str, Result<(), Reason>);
        let cases: [Case<'_>; 11] = [
            (&[json, own, right], "{}", Ok(())),
            (&[json, right], "{}", Ok(())),
            (&[json, own], "{}", Err(Reason::CsrfRefused)),
            (&[json, own, ("x-csrf-token", "0123456789abcdee")], "{}", Err(Reason::CsrfRefused)),
            (&[json, foreign, right], "{}", Err(Reason::OriginNotAllowed)),
            (&[("content-type", "text/plain"), own, right], "{}", Err(Reason::UnsupportedMediaType)),
            (&[form, own], &field, Ok(())),
            (&[form, foreign], &field, Err(Reason::OriginNotAllowed)),
            (&[form, ("origin", "null")], &field, Err(Reason::OriginNotAllowed)),
            (&[form, own], "a=1", Err(Reason::CsrfRefused)),
            (&[form, own], &format!("{field}&csrf={TOKEN}"), Err(Reason::CsrfRefused)),
        ];
        for (headers, body, want) in cases {
            let (judged, rest) = judged(headers, body).await;
            assert_eq!((judged, rest.as_str()), (want, body), "{headers:?}");
        }
        let large = format!("csrf={TOKEN}&a={}", "a".repeat(FORM_BYTES_MAX));
        assert_eq!(judged(&[form, own], &large).await.0, Err(Reason::BodyTooLarge));
    }

    #[tokio::test]
    async fn what_changes_nothing_needs_no_token() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let mut request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
            check(&mut request, TOKEN).await.unwrap();
        }
    }
}

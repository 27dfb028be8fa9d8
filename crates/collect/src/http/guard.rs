//! What keeps the pages of other sites from writing here and, without keys, other machines from being answered (contract,
//! "Access").

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use super::media::{WRITE_TYPES, essence};
use super::problem::{Language, Problem, Reason};
use crate::intake::Principal;

/// What the forms of pages send.
const FORM: &str = "application/x-www-form-urlencoded";

/// Whether a request comes from a page of the same origin, as the browser knows (Fetch Metadata, W3C).
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Lets through what comes from this machine's own programs and pages, on anybody's behalf. It goes around every
/// router of a program without keys: a foreign `Host` would be a foreign name that resolves to this machine, whose page
/// may read what this answers, so reads are guarded too.
pub async fn loopback_only(mut request: Request, next: Next) -> Response {
    match check(request.method(), request.uri(), request.headers()) {
        Ok(()) => {
            request.extensions_mut().insert(Principal::Anyone);
            next.run(request).await
        }
        Err(problem) => problem.respond(Language::of(request.headers())),
    }
}

fn check(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    authority(uri, headers).filter(is_loopback).ok_or(Reason::HostNotAllowed)?;
    no_foreign_page(method, uri, headers)
}

/// Refuses what only a page of another site would send: a browser adds the key that it knows, whoever asked it to.
///
/// # Errors
/// A write whose origin is another one than the host that it was sent to, or with a content type that forms can send. A
/// form of this program's own pages is let through, when the browser says that one of them sent it.
pub fn no_foreign_page(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    no_foreign_origin(method, uri, headers)?;
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) {
        return Ok(());
    }
    let essence = essence(headers).unwrap_or_default();
    if essence == FORM && !is_for_programs(uri.path()) {
        return if is_from_own_page(headers) { Ok(()) } else { Err(Reason::OriginNotAllowed.into()) };
    }
    if !WRITE_TYPES.contains(&essence.as_str()) {
        return Err(Problem::new(
            Reason::UnsupportedMediaType,
            format!("one of {} is taken", WRITE_TYPES.join(", ")),
        ));
    }
    Ok(())
}

/// Refuses what says that it comes from another site, whatever it holds: for forms that bring a token of their own.
///
/// # Errors
/// A write whose origin is another one than the host that it was sent to.
pub fn no_foreign_origin(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) {
        return Ok(());
    }
    let host = authority(uri, headers).ok_or(Reason::HostNotAllowed)?;
    for origin in headers.get_all(header::ORIGIN) {
        let own = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.parse::<Uri>().ok())
            .and_then(|origin| origin.into_parts().authority);
        if own.as_ref() != Some(&host) {
            return Err(Reason::OriginNotAllowed.into());
        }
    }
    Ok(())
}

/// Whether a path is asked by programs: no page of ours has a form for it.
fn is_for_programs(path: &str) -> bool {
    ["/v1/", "/api/"].iter().any(|prefix| path.starts_with(prefix))
}

/// Whether the browser says that a page of ours sends this: by the origin, which was found to be the host's own where
/// there is one, and by Fetch Metadata. A browser that says neither is too old to be believed; pages can set neither.
fn is_from_own_page(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter().peekable();
    let is_told = sites.peek().is_some() || headers.contains_key(header::ORIGIN);
    is_told && sites.all(|site| site == "same-origin")
}

/// Where the caller thinks it is: `Host` in HTTP/1.1, the address itself in HTTP/2.
fn authority(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok()?.parse().ok(),
        (None, _) => uri.authority().cloned(),
        (Some(_), Some(_)) => None,
    }
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let is_plain = !authority.as_str().contains('@');
    let is_address = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_plain && (is_address || host.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn judge(method: Method, pairs: &[(header::HeaderName, &str)]) -> Option<Reason> {
        let headers =
            pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect();
        check(&method, &Uri::from_static("/v1/events"), &headers).err().map(|problem| problem.reason)
    }

    #[test]
    fn only_this_machines_own_address_is_answered() {
        for host in ["127.0.0.1:8321", "127.8.9.1", "localhost:8321", "LOCALHOST", "[::1]:8321"] {
            assert_eq!(judge(Method::GET, &[(header::HOST, host)]), None, "{host}");
        }
        for host in [
            "example.org",
            "127.0.0.1.example.org",
            "localhost.example.org",
            "10.0.0.1",
            "a@127.0.0.1",
            "[::2]",
            "",
        ] {
            assert_eq!(judge(Method::GET, &[(header::HOST, host)]), Some(Reason::HostNotAllowed), "{host}");
        }
        assert_eq!(judge(Method::GET, &[]), Some(Reason::HostNotAllowed));
    }

    #[test]
    fn a_page_of_another_site_cannot_write() {
        let write = |origin: &str, content_type: &str| {
            let pairs = [
                (header::HOST, "localhost:8321"),
                (header::ORIGIN, origin),
                (header::CONTENT_TYPE, content_type),
            ];
            judge(Method::POST, &pairs)
        };
        assert_eq!(write("http://localhost:8321", "application/json; charset=utf-8"), None);
        for origin in ["http://localhost:3000", "https://example.org", "null", ""] {
            assert_eq!(write(origin, "application/json"), Some(Reason::OriginNotAllowed), "{origin}");
        }
        for content_type in [
            "text/plain",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
            "application/json; charset=utf-7",
            "",
        ] {
            assert_eq!(
                write("http://localhost:8321", content_type),
                Some(Reason::UnsupportedMediaType),
                "{content_type}"
            );
        }
    }
    #[test]
    fn a_form_is_taken_from_our_own_pages_only() {
        let form = |path: &str, pairs: &[(&str, &str)]| {
            let own = [("host", "localhost:8321"), ("content-type", "application/x-www-form-urlencoded")];
            let headers = own.iter().chain(pairs).map(|(name, value)| {
                let name = header::HeaderName::from_bytes(name.as_bytes()).unwrap();
                (name, HeaderValue::from_str(value).unwrap())
            });
            let judged = check(&Method::POST, &path.parse().unwrap(), &headers.collect());
            judged.err().map(|problem| problem.reason)
        };
        let page = "/operations/quarantine/1/replay";
        let (own, same) = (("origin", "http://localhost:8321"), ("sec-fetch-site", "same-origin"));
        for told in [&[own, same][..], &[own], &[same]] {
            assert_eq!(form(page, told), None, "{told:?}");
            let program = form("/v1/quarantine/1/replay", told);
            assert_eq!(program, Some(Reason::UnsupportedMediaType), "{told:?}");
        }
        for foreign in [
            &[][..],
            &[("origin", "null"), same],
            &[("origin", "https://example.org"), same],
            &[own, ("sec-fetch-site", "cross-site")],
            &[own, ("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
        ] {
            assert_eq!(form(page, foreign), Some(Reason::OriginNotAllowed), "{foreign:?}");
        }
    }
}

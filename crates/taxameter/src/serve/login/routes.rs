//! `/login`, `/login/callback` and `/logout`.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use api::login::Notice;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use collect::http::problem::Language;

use super::cookie::Name;
use super::flow::{Begun, SECONDS_MAX};
use super::provider::{Identity, Refusal};
use super::sessions::Person;
use super::{People, csrf, granted, place, roles};
use crate::serve::{now, random};

impl People {
    /// The way in and out.
    pub(in crate::serve) fn routes(self: &Arc<Self>) -> Router {
        let router = Router::new()
            .route("/login", get(login))
            .route("/login/callback", get(callback))
            .route("/logout", get(logged_out).post(logout))
            .with_state(Arc::clone(self));
        api::login::surround(router)
    }
}

/// `GET /login`: sends the browser to the provider.
async fn login(State(people): State<Arc<People>>, uri: Uri, headers: HeaderMap) -> Response {
    let asked = parameters(&uri);
    let to = place::of_this_site(&people.login.public_url, asked.get("to").map(String::as_str));
    match begun(&people, to).await {
        Ok((address, cookie)) => gone(&address, [cookie]),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "no login can be begun");
            people.count("failed");
            people.notice(&headers, None, Notice::Failed)
        }
    }
}

async fn begun(people: &People, to: String) -> anyhow::Result<(String, Option<HeaderValue>)> {
    let beginning = people.provider.begin().await?;
    let begun = Begun {
        state: beginning.state,
        nonce: beginning.nonce,
        verifier: beginning.verifier,
        to,
        at: now().micros(),
    };
    let sealed = begun.sealed(&people.seal).context("could not seal a login")?;
    Ok((beginning.address.into(), people.cookies.set(Name::Login, &sealed, Some(SECONDS_MAX))))
}

/// `GET /login/callback`: the browser is back, with a code or an error.
async fn callback(State(people): State<Arc<People>>, uri: Uri, headers: HeaderMap) -> Response {
    let answer = parameters(&uri);
    let sealed = people.cookies.get(&headers, Name::Login);
    let begun = sealed.and_then(|sealed| Begun::opened(&people.seal, sealed, now()));
    let Some(begun) = begun.filter(|begun| is_answer(&people, begun, &answer)) else {
        if people.person(&headers).is_some() {
            // Another window was faster: whoever is logged in needs no other login.
            return gone(people.login.public_url.as_str(), []);
        }
        people.count("stale");
        return people.notice(&headers, None, Notice::Stale);
    };
    let over = people.cookies.clear(Name::Login);
    let mut response = match finished(&people, &headers, begun, &answer).await {
        Ok(response) => response,
        Err(notice) => people.notice(&headers, None, notice),
    };
    if let Some(over) = over {
        response.headers_mut().append(header::SET_COOKIE, over);
    }
    response
}

/// Whether an answer is that to a login, and the provider's own (RFC 9207).
fn is_answer(people: &People, begun: &Begun, answer: &BTreeMap<String, String>) -> bool {
    let is_ours = answer.get("state").is_some_and(|state| *state == begun.state);
    is_ours && answer.get("iss").is_none_or(|issuer| *issuer == people.login.issuer_text)
}

async fn finished(
    people: &People,
    headers: &HeaderMap,
    begun: Begun,
    answer: &BTreeMap<String, String>,
) -> Result<Response, Notice> {
    let Some(code) = answer.get("code") else {
        people.count("refused");
        return Err(Notice::Refused(error_code(answer.get("error").map_or("", String::as_str))));
    };
    let identity = match people.provider.finish(code.clone(), begun.verifier, begun.nonce).await {
        Ok(identity) => identity,
        Err(Refusal::Code(code)) => {
            people.count("refused");
            tracing::warn!(code, "the provider does not take a code");
            return Err(Notice::Refused(error_code(&code)));
        }
        Err(Refusal::Failed(error)) => {
            people.count("failed");
            tracing::error!(error = format!("{error:#}"), "a login failed");
            return Err(Notice::Failed);
        }
    };
    let cookie = entered(people, headers, identity)?;
    let address = people.login.public_url.join(&begun.to).map_or_else(|_| "/".to_owned(), String::from);
    Ok(gone(&address, [cookie]))
}

/// Begins the session of somebody whose groups give a role; under a new id, and in the place of the one before.
fn entered(people: &People, headers: &HeaderMap, identity: Identity) -> Result<Option<HeaderValue>, Notice> {
    let Some(viewer) = granted(&people.login, &identity.groups()) else {
        people.count("not_granted");
        tracing::warn!(person = identity.pseudonym, "none of the groups of who logged in gives a role");
        let groups = people.login.grants.iter().map(|(group, grant)| (group.clone(), grant.role));
        return Err(Notice::NotGranted { groups: groups.collect(), has_too_many: identity.has_too_many });
    };
    if let Some(before) = people.cookies.session(headers) {
        people.sessions.end(before);
    }
    let failed = |error: anyhow::Error| {
        people.count("failed");
        tracing::error!(error = format!("{error:#}"), "no session can be begun");
        Notice::Failed
    };
    let roles = roles(&viewer);
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    tracing::info!(person = identity.pseudonym, roles = names.join(","), "logged in");
    let session = api::Session {
        name: identity.name,
        roles,
        csrf: data_encoding::HEXLOWER.encode(&random().map_err(failed)?),
        pseudonym: identity.pseudonym,
    };
    let person = Person { viewer, session, id_token: Some(identity.id_token) };
    let id = people.sessions.begin(person, now()).map_err(failed)?;
    people.count("granted");
    Ok(people.cookies.set(Name::Session, &id, None))
}

/// `GET /logout`: where the provider sends the browser when it has logged out too. It ends nothing.
async fn logged_out(State(people): State<Arc<People>>, headers: HeaderMap) -> Response {
    people.notice(&headers, None, Notice::LoggedOut(None))
}

/// `POST /logout`: ends the session, and sends the browser on to end the provider's.
async fn logout(State(people): State<Arc<People>>, mut request: Request) -> Response {
    let headers = request.headers().clone();
    let Some(person) = people.person(&headers) else {
        return people.notice(&headers, None, Notice::LoggedOut(None));
    };
    if let Err(problem) = csrf::check(&mut request, &person.session.csrf).await {
        return problem.respond(Language::of(&headers));
    }
    if let Some(id) = people.cookies.session(&headers) {
        people.sessions.end(id);
    }
    tracing::info!(person = person.session.pseudonym, "logged out");
    let next = people.provider.logout(person.id_token.as_deref()).await;
    let mut response = people.notice(&headers, None, Notice::LoggedOut(next));
    if let Some(cookie) = people.cookies.clear(Name::Session) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Sends a browser elsewhere.
fn gone<const N: usize>(address: &str, cookies: [Option<HeaderValue>; N]) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    if let Ok(address) = HeaderValue::from_str(address) {
        headers.insert(header::LOCATION, address);
    }
    for cookie in cookies.into_iter().flatten() {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

/// The parameters of an address; of one that is there twice, neither.
fn parameters(uri: &Uri) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let entry = found.entry(name.into_owned());
        entry.and_modify(|value| *value = None).or_insert(Some(value.into_owned()));
    }
    found.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// An error code as a page may show it: what the provider, or whoever made the address, says is not ours.
fn error_code(code: &str) -> String {
    let is_known = code.len() <= 64 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if is_known && !code.is_empty() { code.to_owned() } else { "unknown_error".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_there_twice_is_not_there() {
        let of = |query: &str| parameters(&format!("/login/callback?{query}").parse().unwrap());
        assert_eq!(of("code=a%20b&state=c")["code"], "a b");
        let twice = of("code=a&state=c&state=d&code=a&code=b");
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn an_error_is_shown_only_if_it_is_a_code() {
        assert_eq!(error_code("access_denied"), "access_denied");
        for other in ["", "Ring 013-000 000 nu!", "ACCESS", &"a".repeat(65)] {
            assert_eq!(error_code(other), "unknown_error", "{other}");
        }
    }
}

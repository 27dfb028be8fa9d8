//! Login of people by OpenID Connect: browser → provider → groups → session.
//!
//! [`provider`] speaks to the provider, [`flow`] keeps what a login must bring back, [`sessions`] what has come of it;
//! [`routes`] joins them, and [`People`] is what stands in the way of every other request.

mod cookie;
mod csrf;
mod flow;
mod place;
mod provider;
mod routes;
mod sessions;

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use billing::Requester;
use collect::Principal;
use collect::http::problem::{Problem, Reason};
use domain::access::{Grant, Permission, Role, Viewer};
use domain::catalogue::Catalogue;
use prometheus::{IntCounterVec, Opts, Registry};
use store::keys::RegisteredSources;

use self::cookie::Cookies;
use self::provider::Provider;
use self::sessions::{Person, Sessions};
use super::now;
use crate::config::{Config, Login, Role as Part};

/// Whoever has logged in, and the way in.
pub(super) struct People {
    login: Login,
    provider: Provider,
    cookies: Cookies,
    sessions: Sessions,
    /// Seals what a browser keeps while it is at the provider; drawn anew at each start.
    seal: [u8; 32],
    catalogue: Arc<ArcSwap<Catalogue>>,
    outcomes: IntCounterVec,
}

/// A page that somebody asked for, remembered in case that the answer is a refusal.
pub(super) struct Asked {
    place: String,
    headers: HeaderMap,
    person: Option<Arc<Person>>,
}

impl People {
    /// What the configuration says of login, where pages are answered. The provider is asked for nothing yet: it may be away when the program starts.
    pub(super) fn start(
        config: &Config,
        catalogue: &Arc<ArcSwap<Catalogue>>,
        registry: &Registry,
    ) -> anyhow::Result<Option<Arc<Self>>> {
        let Some(login) = config.login.as_ref().filter(|_| config.runs(Part::Api)) else { return Ok(None) };
        let opts =
            Opts::new("taxameter_logins_total", "Logins that came back from the provider, by outcome.");
        let outcomes = IntCounterVec::new(opts, &["outcome"])?;
        registry.register(Box::new(outcomes.clone()))?;
        Ok(Some(Arc::new(Self {
            provider: Provider::new(login)?,
            cookies: Cookies { is_secure: login.is_secure() },
            sessions: Sessions::new(login),
            seal: super::random()?,
            catalogue: Arc::clone(catalogue),
            outcomes,
            login: login.clone(),
        })))
    }

    /// Whether the provider answers and can do what is needed, for `taxameter check`.
    pub(super) async fn check(config: &Config) -> Option<anyhow::Result<String>> {
        let login = config.login.as_ref()?;
        let answer = async { Provider::new(login)?.check().await }.await;
        Some(answer.map(|()| format!("the provider of [login] answers: {}", login.issuer)))
    }

    /// Who has logged in, if the request shows a session that holds. A key goes before it.
    fn person(&self, headers: &HeaderMap) -> Option<Arc<Person>> {
        if headers.contains_key(header::AUTHORIZATION) {
            return None;
        }
        self.sessions.of(self.cookies.session(headers)?, now())
    }

    /// Lets a request of somebody through who has logged in, with the name that its allowance goes by; none where nobody has.
    pub(super) async fn admit(
        &self,
        permission: Permission,
        request: &mut Request,
    ) -> Option<Result<String, Problem>> {
        let person = self.person(request.headers())?;
        Some(admit(&person, permission, request).await)
    }

    /// What to remember of a request for a page.
    pub(super) fn asked(&self, request: &Request) -> Option<Asked> {
        let headers = request.headers();
        let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let is_page = request.method() == Method::GET
            && accepts.contains("text/html")
            && !headers.contains_key(header::AUTHORIZATION);
        is_page.then(|| Asked {
            place: request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            headers: headers.clone(),
            person: self.person(headers),
        })
    }

    /// What a person gets who asked for a page and may not have it: the way to log in, or a page that says why.
    pub(super) fn instead(&self, asked: &Asked, refusal: &Problem) -> Option<Response> {
        if refusal.reason == Reason::NotAuthenticated {
            let to: String = url::form_urlencoded::byte_serialize(asked.place.as_bytes()).collect();
            let place = [(header::LOCATION, format!("/login?to={to}"))];
            let unkept = [(header::CACHE_CONTROL, "no-store")];
            return Some((StatusCode::SEE_OTHER, place, unkept).into_response());
        }
        let person = asked.person.as_ref().filter(|_| refusal.reason == Reason::NotAllowed)?;
        Some(self.notice(&asked.headers, Some(person), api::login::Notice::NotAllowed))
    }

    fn notice(&self, headers: &HeaderMap, person: Option<&Person>, notice: api::login::Notice) -> Response {
        let asker = person.map(|person| (&person.viewer, &person.session));
        api::login::notice(headers, &self.catalogue.load(), now(), asker, notice)
    }

    fn count(&self, outcome: &str) {
        self.outcomes.with_label_values(&[outcome]).inc();
    }
}

async fn admit(person: &Person, permission: Permission, request: &mut Request) -> Result<String, Problem> {
    if !person.viewer.may(permission) {
        let roles: Vec<&str> = person.session.roles.iter().map(|role| role.name()).collect();
        return Err(Problem::new(
            Reason::NotAllowed,
            format!("the login has the roles {}", roles.join(", ")),
        ));
    }
    csrf::check(request, &person.session.csrf).await?;
    let extensions = request.extensions_mut();
    extensions.insert(Principal::Anyone);
    extensions.insert(RegisteredSources(None));
    extensions.insert(person.viewer.clone());
    extensions.insert(Requester::Login(person.session.pseudonym.clone()));
    extensions.insert(person.session.clone());
    Ok(format!("person {}", person.session.pseudonym))
}

/// What somebody's groups come to.
fn granted(login: &Login, groups: &BTreeSet<String>) -> Option<Viewer> {
    let of_groups = login.grants.iter().filter(|(group, _)| groups.contains(group));
    let grants: Vec<Grant> = of_groups.map(|(_, grant)| grant.clone()).collect();
    (!grants.is_empty()).then(|| Viewer::new(grants))
}

/// The roles of a viewer, each once.
fn roles(viewer: &Viewer) -> Vec<Role> {
    let roles: BTreeSet<Role> = viewer.grants().map(|grant| grant.role).collect();
    roles.into_iter().collect()
}

#[cfg(test)]
mod tests;

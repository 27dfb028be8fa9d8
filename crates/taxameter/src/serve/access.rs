//! Who may do what: without keys this machine alone, with keys by their roles (contract, "Access"), and people who have
//! logged in by theirs.

mod limit;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use arc_swap::ArcSwap;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use billing::Requester;
use billing::keys::{KeyRing, hash};
use collect::Principal;
use collect::guard;
use collect::http::problem::{Language, Problem, Reason};
use domain::access::{Grant, Permission, Role, Viewer};
use prometheus::{IntCounterVec, Opts, Registry};
use store::Store;
use store::keys::{Key, RegisteredSources};

use limit::{Allowance, Limiter};

use super::login::People;
use super::now;
use super::parts::Stop;
use crate::config::Config;

/// How often the keys are read again: so long a revoked key may still be taken by another process than the one that revoked
/// it.
const REFRESH: Duration = Duration::from_secs(5);

/// What stands in the way of a request.
pub(crate) struct Access {
    store: Store,
    ring: ArcSwap<KeyRing>,
    /// The hash of the key that holds for this run alone.
    own: Option<String>,
    /// Those who log in; none where nobody does.
    people: Option<Arc<People>>,
    limiter: Limiter,
    refused: IntCounterVec,
}

impl Access {
    /// Reads the keys. A program that asks for none answers this machine only.
    pub(super) async fn load(
        config: &Config,
        store: &Store,
        registry: &Registry,
        people: Option<Arc<People>>,
    ) -> anyhow::Result<Arc<Self>> {
        let (listen, own) = (config.listen, config.own_key.as_deref().map(hash));
        let keys = store.keys().await.context("could not read the keys")?;
        let ring = KeyRing::new(keys);
        if !ring.is_asked_for() && people.is_none() {
            if !listen.ip().is_loopback() {
                bail!(
                    "refusing to listen on {listen}: there are no keys, so anybody who reaches it could send events and \
                     close months. Make one with `taxameter keys create Drift --role admin --data DIR`, or listen on 127.0.0.1"
                );
            }
            tracing::info!("there are no keys: only this machine is answered, and may do everything");
        }
        let refused = IntCounterVec::new(
            Opts::new(
                "taxameter_access_refused_total",
                "Requests without a key that allows them, by reason.",
            ),
            &["reason"],
        )?;
        registry.register(Box::new(refused.clone()))?;
        let limiter = Limiter::new(config.limits);
        Ok(Arc::new(Self {
            store: store.clone(),
            ring: ArcSwap::from_pointee(ring),
            own,
            people,
            limiter,
            refused,
        }))
    }

    /// Reads the keys again and again until told to stop. While the store is away those that were read last hold.
    pub(super) async fn follow(self: Arc<Self>, mut stop: Stop) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
                () = tokio::time::sleep(REFRESH) => {}
            }
            self.refresh().await;
        }
    }

    async fn refresh(&self) {
        match self.store.keys().await {
            Ok(keys) => match self.ring.load().renewed(keys) {
                Some(ring) => self.ring.store(Arc::new(ring)),
                None => tracing::error!("the store has no keys any more: those that were read last hold"),
            },
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the keys could not be read again");
            }
        }
    }

    /// Whether callers must say who they are.
    fn is_asked_for(&self) -> bool {
        self.people.is_some() || self.ring.load().is_asked_for()
    }

    /// Lets a request through, with what its key or login may still do; none where neither is asked for.
    async fn admit(&self, request: &mut Request) -> Result<Option<Allowance>, Problem> {
        let Some(permission) = permission(request.method(), request.uri().path()) else { return Ok(None) };
        if let Some(people) = &self.people
            && let Some(admitted) = people.admit(permission, request).await
        {
            return admitted.map(|name| Some(self.limiter.take(&name)));
        }
        let shown = shown(request.headers()).ok_or(Reason::NotAuthenticated)?;
        if self.own.as_ref().is_some_and(|own| *own == hash(&shown)) {
            request.extensions_mut().insert(Principal::Anyone);
            request.extensions_mut().insert(Viewer::admin());
            request.extensions_mut().insert(Requester::Local);
            return Ok(None);
        }
        let ring = self.ring.load();
        let key = ring.holder(&shown, now()).ok_or(Reason::NotAuthenticated)?;
        if !key.role.may(permission) {
            return Err(Problem::new(
                Reason::NotAllowed,
                format!("the key {} has the role {}", key.id, key.role.name()),
            ));
        }
        guard::no_foreign_page(request.method(), request.uri(), request.headers())?;
        request.extensions_mut().insert(principal(key));
        request.extensions_mut().insert(registered(key));
        request.extensions_mut().insert(Requester::Key(key.id.clone()));
        request.extensions_mut().insert(Viewer::new([Grant { role: key.role, scope: key.scope.clone() }]));
        Ok(Some(self.limiter.take(&key.id)))
    }
}

/// Goes around every router: lets a request through that its key allows or, without keys, one of this machine.
pub(super) async fn guarded(State(access): State<Arc<Access>>, mut request: Request, next: Next) -> Response {
    let changes_keys = request.method() == Method::POST && request.uri().path().starts_with("/v1/keys");
    let response = if access.is_asked_for() {
        admitted(&access, request, next).await
    } else {
        request.extensions_mut().insert(Viewer::admin());
        request.extensions_mut().insert(Requester::Local);
        guard::loopback_only(request, next).await
    };
    if changes_keys && response.status().is_success() {
        access.refresh().await;
    }
    response
}

/// Answers a request that its key, or the login that it comes with, allows.
async fn admitted(access: &Access, mut request: Request, next: Next) -> Response {
    let language = Language::of(request.headers());
    let asked = access.people.as_ref().and_then(|people| people.asked(&request));
    let (admitted, allowance) = match access.admit(&mut request).await {
        Ok(Some(allowance)) if !allowance.is_taken() => (Err(Reason::RateLimited.into()), Some(allowance)),
        Ok(allowance) => (Ok(()), allowance),
        Err(problem) => (Err(problem), None),
    };
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(problem) => {
            let problem: Problem = problem;
            access.refused.with_label_values(&[problem.reason.name()]).inc();
            let page = access
                .people
                .as_ref()
                .zip(asked)
                .and_then(|(people, asked)| people.instead(&asked, &problem));
            page.unwrap_or_else(|| problem.respond(language))
        }
    };
    if let Some(allowance) = allowance {
        access.limiter.tell(allowance, response.headers_mut());
    }
    response
}

/// What a sender is held to, for those who answer anything but events.
fn registered(key: &Key) -> RegisteredSources {
    RegisteredSources((key.role == Role::Collector).then(|| key.scope.sources.clone()))
}

/// On whose behalf events come.
fn principal(key: &Key) -> Principal {
    match key.role {
        Role::Collector => Principal::Sender(Arc::new(key.scope.sources.iter().cloned().collect())),
        Role::Payer | Role::ObjectLeader | Role::Operator | Role::Finance | Role::Auditor | Role::Admin => {
            Principal::Anyone
        }
    }
}

/// The key that a caller shows: a bearer token (RFC 6750), or the password of basic authentication (RFC 7617), whoever it
/// says it is.
fn shown(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, credentials) = value.to_str().ok()?.split_once(' ')?;
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = data_encoding::BASE64.decode(credentials.as_bytes()).ok()?;
    let (_, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(password.to_owned())
}

/// What a request needs; none for what anybody may ask who watches the program. What is not known needs everything.
fn permission(method: &Method, path: &str) -> Option<Permission> {
    let is_read = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    let noun = path.strip_prefix("/v1/").unwrap_or(path).split('/').next().unwrap_or_default();
    let permission = match (path, noun) {
        ("/livez" | "/readyz", _) => return None,
        // Whoever has no session yet, or will soon have none, and is asked for its token there.
        ("/login" | "/login/callback" | "/logout", _) => return None,
        (path, _) if is_read && path.starts_with("/assets/") => return None,
        ("/v1/events" | "/api/v1/events" | "/v1/reconciliation/counts", _) => Permission::Send,
        // Nothing is written.
        ("/v1/simulations", _) => Permission::Object,
        (_, "keys") => Permission::Admin,
        (path, _) if is_read && is_under(path, &["/services", "/payers", "/lines", "/prices"]) => {
            Permission::Figures
        }
        (path, _) if is_read && is_under(path, &["/object", "/simulate"]) => Permission::Object,
        (path, _) if is_under(path, &["/operations"]) => {
            if is_read {
                Permission::Operations
            } else {
                Permission::Operate
            }
        }
        ("/openapi.json", _) if is_read => Permission::Any,
        ("/" | "/v1/usage" | "/v1/costs" | "/v1/charges" | "/v1/months" | "/v1/services", _) if is_read => {
            Permission::Figures
        }
        (_, "charges" | "changes" | "forecasts" | "anomalies" | "days") if is_read => Permission::Figures,
        (_, "object") if is_read => Permission::Object,
        ("/v1/coverage" | "/v1/gaps", _) if is_read => Permission::Quality,
        (_, "exports" | "reports" | "months") if is_read => Permission::Books,
        ("/metrics", _)
        | (_, "quarantine" | "collectors" | "pull-collectors" | "reconciliation" | "retention")
            if is_read =>
        {
            Permission::Operations
        }
        ("/v1/audit", _) if is_read => Permission::Audit,
        (_, "months") => Permission::Finance,
        (_, "quarantine" | "collectors") => Permission::Operate,
        _ => Permission::Admin,
    };
    Some(permission)
}

/// Whether a path is one of some pages, or below one.
fn is_under(path: &str, pages: &[&str]) -> bool {
    pages
        .iter()
        .any(|page| path.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operation and every role: what the document says is what is asked for.
    #[test]
    fn the_document_names_the_roles_that_an_operation_is_for() {
        let document = include_str!("../../../../schemas/openapi/taxameter.json");
        let document: serde_json::Value = serde_json::from_str(document).unwrap();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let asked =
                    permission(&method.to_uppercase().parse().unwrap(), &path.replace(['{', '}'], ""));
                let Some(asked) = asked else {
                    assert!(operation.get("x-roles").is_none(), "{method} {path}");
                    continue;
                };
                let roles = Role::ALL.into_iter().filter(|role| role.may(asked)).map(Role::name);
                assert_eq!(operation["x-roles"], roles.collect::<serde_json::Value>(), "{method} {path}");
                let answers = |status: &str| operation["responses"].get(status).is_some();
                assert!(["401", "403", "429"].into_iter().all(answers), "{method} {path}");
            }
        }
    }

    #[test]
    fn what_is_not_known_needs_everything() {
        for (method, path) in [
            ("DELETE", "/v1/charges"),
            ("POST", "/v1/catalogue"),
            ("GET", "/v1/other"),
            ("POST", "/"),
            ("POST", "/v1/pseudonyms/2021/destroy"),
            ("GET", "/v1/keys"),
        ] {
            assert_eq!(
                permission(&method.parse().unwrap(), path),
                Some(Permission::Admin),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn a_key_is_shown_as_a_bearer_token_or_as_a_password() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            shown(&headers)
        };
        assert_eq!(of("Bearer tm_1_x").as_deref(), Some("tm_1_x"));
        assert_eq!(of("bearer  tm_1_x ").as_deref(), Some("tm_1_x"));
        // anybody:tm_1_x
        assert_eq!(of("Basic YW55Ym9keTp0bV8xX3g=").as_deref(), Some("tm_1_x"));
        for none in ["tm_1_x", "Digest x", "Basic ???", "Basic dG1fMV94"] {
            assert_eq!(of(none), None, "{none}");
        }
        let mut twice = HeaderMap::new();
        twice.append(header::AUTHORIZATION, "Bearer a".parse().unwrap());
        twice.append(header::AUTHORIZATION, "Bearer b".parse().unwrap());
        assert_eq!((shown(&twice), shown(&HeaderMap::new())), (None, None));
    }
}

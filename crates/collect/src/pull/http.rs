//! Requests of collectors: to one system, within limits, and to no other address.

mod answer;
mod auth;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION};
use reqwest::{Certificate, Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use self::answer::{away, check, json, place};
use self::auth::Credentials;
pub use self::auth::{Auth, secret};
use super::guard::{self, CONNECT_TIMEOUT, Network};
use super::source::{Clock, Failure};

/// How long an answer may take, with its body.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// How long to wait before a request is tried again whose system is away: so many times, as all requests only read.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];
/// The longest patience that a request has; for more the turn fails, and is taken again after it.
const REQUEST_PATIENCE_MAX: Duration = Duration::from_secs(60);

/// Where a system is and how it lets us in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Where its interface begins: `https://cl01.example.org/`. No other host or port is asked, whatever it links to, but
    /// where tokens are given. It has no user and no password: those are for `auth`.
    pub url: Url,
    /// Whether `http://` is right, here and where tokens are given: then nothing is encrypted.
    #[serde(default)]
    pub plain_http: bool,
    /// Networks that are not public and that it may be in.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// The certificate of the authority that it has its own from (PEM), beside those that the machine trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// How it lets us in.
    #[serde(default)]
    pub auth: Auth,
}

/// Asks one system.
pub struct Client {
    http: reqwest::Client,
    base: Url,
    plain_http: bool,
    networks: Arc<[Network]>,
    credentials: Credentials,
    clock: Clock,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client for a system.
    ///
    /// # Errors
    /// An address that no collector may speak to, and files that cannot be read.
    pub fn new(connection: &Connection, clock: Clock) -> Result<Self, Failure> {
        let refused = |why: String| Failure::Refused(format!("{}: {why}", place(&connection.url)));
        let networks: Arc<[Network]> = connection.networks.clone().into();
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .dns_resolver(Arc::new(Resolver(Arc::clone(&networks))))
            .user_agent(concat!("taxameter/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &connection.ca_file {
            let pem = std::fs::read(path)
                .map_err(|error| refused(format!("{} cannot be read: {error}", path.display())))?;
            let authorities = Certificate::from_pem_bundle(&pem)
                .map_err(|error| refused(format!("{} has no certificate: {error}", path.display())))?;
            builder = builder.tls_certs_merge(authorities);
        }
        let http = builder.build().map_err(|error| refused(error.to_string()))?;
        let credentials = Credentials::new(connection.auth.clone(), clock.now);
        let (base, plain_http) = (directory(connection.url.clone()), connection.plain_http);
        let client = Self { http, base, plain_http, networks, credentials, clock };
        client.permit(&connection.url)?;
        Ok(client)
    }

    /// An address of the system: a path is taken from where its interface begins, and a whole address (a link to the next
    /// page) must be of the same system.
    ///
    /// # Errors
    /// An address elsewhere.
    pub fn address(&self, path: &str) -> Result<Url, Failure> {
        let base = || self.base.origin().ascii_serialization();
        let url = self
            .base
            .join(path)
            .map_err(|error| Failure::Broken(format!("what {} linked to is no address: {error}", base())))?;
        if url.origin() != self.base.origin() || names_somebody(&url) {
            let (place, base) = (place(&url), base());
            return Err(Failure::Broken(format!(
                "{place} was linked to, which is not of {base}: it is not asked"
            )));
        }
        Ok(url)
    }

    /// Gets JSON; see [`Client::address`] for the path. A token that has run out is renewed once. While the system is away or
    /// asks for at most a minute of patience, the request is tried again, so that a long list is not read from its beginning.
    ///
    /// # Errors
    /// Whatever is no 200 with JSON within the limits.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        let mut url = self.address(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        for pause in PAUSES {
            let pause = match self.ask(&url).await {
                Err(Failure::Away(_)) => pause,
                Err(Failure::Later { after, .. }) if after <= REQUEST_PATIENCE_MAX => after,
                answered => return answered,
            };
            (self.clock.wait)(pause).await;
        }
        self.ask(&url).await
    }

    async fn ask(&self, url: &Url) -> Result<Value, Failure> {
        json(url, self.send(url).await?).await
    }

    async fn send(&self, url: &Url) -> Result<Response, Failure> {
        let first = self.request(url, false).await?;
        if first.status() == StatusCode::UNAUTHORIZED && self.credentials.can_renew() {
            return check(url, self.request(url, true).await?).await;
        }
        check(url, first).await
    }

    async fn request(&self, url: &Url, renew: bool) -> Result<Response, Failure> {
        let authorization = self.credentials.authorization(self, url, renew).await?;
        let mut request = self.http.request(Method::GET, url.clone()).header(ACCEPT, "application/json");
        for (name, value) in authorization {
            request = request.header(name, value);
        }
        request.send().await.map_err(|error| away(url, &error))
    }

    /// Posts a form to where tokens are given, which may be another system.
    async fn post_form(
        &self,
        url: &Url,
        form: String,
        authorization: Option<String>,
    ) -> Result<Value, Failure> {
        self.permit(url)?;
        let mut request = self
            .http
            .post(url.clone())
            .header(ACCEPT, "application/json")
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let response = request.send().await.map_err(|error| away(url, &error))?;
        json(url, check(url, response).await?).await
    }

    /// Judges an address: how it is spoken to, and where it is if that is written as numbers; names are judged when they are
    /// resolved.
    fn permit(&self, url: &Url) -> Result<(), Failure> {
        let refused = |why: String| Failure::Refused(format!("{}: {why}", place(url)));
        if names_somebody(url) {
            return Err(refused("a user or a password stands in the address: it is for `auth`".to_owned()));
        }
        check_scheme(url, self.plain_http).map_err(refused)?;
        let ip = match url.host() {
            Some(url::Host::Ipv4(ip)) => ip.into(),
            Some(url::Host::Ipv6(ip)) => ip.into(),
            Some(url::Host::Domain(_)) => return Ok(()),
            None => return Err(refused("no host is named".to_owned())),
        };
        guard::check(ip, &self.networks).map_err(refused)
    }
}

/// Whether an address has a user or a password.
fn names_somebody(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// An address under which paths are found: with a slash at its end, or its last part would be left out of them.
fn directory(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

fn check_scheme(url: &Url, plain_http: bool) -> Result<(), String> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if plain_http => Ok(()),
        "http" => Err("nothing would be encrypted: use https, or say `plain_http = true`".to_owned()),
        scheme => Err(format!("{scheme} is not spoken here: use https")),
    }
}

/// Resolves names to addresses that were judged; the connection is made to exactly these.
struct Resolver(Arc<[Network]>);

impl reqwest::dns::Resolve for Resolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let networks = Arc::clone(&self.0);
        Box::pin(async move {
            let found = guard::resolve(name.as_str(), 0, &networks).await?;
            Ok(Box::new(found.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::Instant;

    use super::*;

    fn client(connection: &str) -> Result<Client, Failure> {
        Client::new(&toml::from_str(connection).unwrap(), Clock::new(|| Instant::from_micros(0)))
    }

    #[test]
    fn paths_are_those_of_the_system_and_links_lead_nowhere_else() {
        for url in ["https://graph.example.org/v1.0", "https://graph.example.org/v1.0/"] {
            let client = client(&format!("url = \"{url}\"")).unwrap();
            let users = client.address("users").unwrap();
            assert_eq!(users.as_str(), "https://graph.example.org/v1.0/users");
            client.address("https://graph.example.org/v1.0/users?page=2").unwrap();
            for elsewhere in [
                "https://example.org/v1.0/users",
                "http://graph.example.org/v1.0/users",
                "https://graph.example.org:444/users",
                "https://a@graph.example.org/users",
                "//example.org/users",
                "https://:hemligt@graph.example.org/users?filter=anna",
                "https://anna:hemligt@graph.example.org:x/users?filter=anna",
            ] {
                let Err(Failure::Broken(why)) = client.address(elsewhere) else { panic!("{elsewhere}") };
                assert!(!why.contains("hemligt") && !why.contains("anna"), "{why}");
            }
        }
    }

    #[test]
    fn addresses_that_no_collector_may_speak_to_are_refused_however_they_are_written() {
        for url in [
            "http://example.org/",
            "ftp://example.org/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://169.254.169.254/latest",
            "https://10.0.0.1/",
        ] {
            assert!(matches!(client(&format!("url = \"{url}\"")), Err(Failure::Refused(_))), "{url}");
        }
        for url in [
            "https://anna:hemligt@example.org/",
            "https://:hemligt@example.org/",
            "ftp://:hemligt@example.org/",
        ] {
            let Err(Failure::Refused(why)) = client(&format!("url = \"{url}\"")) else { panic!("{url}") };
            assert!(
                why.contains("example.org") && why.contains("`auth`") && !why.contains("hemligt"),
                "{why}"
            );
        }
        client("url = \"http://10.0.0.1/\"\nplain_http = true\nnetworks = [\"10.0.0.0/8\"]").unwrap();
    }
}

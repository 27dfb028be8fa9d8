//! Requests of collectors: to one system, within limits, and to no other address.

mod auth;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::Instant;
use reqwest::header::{ACCEPT, AUTHORIZATION, RETRY_AFTER};
use reqwest::{Certificate, Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use self::auth::Credentials;
pub use self::auth::{Auth, secret};
use super::guard::{self, CONNECT_TIMEOUT, Network};
use super::source::Failure;

/// How long an answer may take, with its body.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// The most bytes of one answer: a page of 10,000 records of 3 kB.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// The most bytes of an answer that says what is wrong with a request.
const REASON_BYTES_MAX: usize = 64 << 10;
/// How much of what it says is passed on.
const REASON_CHARACTERS_MAX: usize = 200;
/// How long to wait when a system asks for patience and does not say how much.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest that a system may make a collector wait.
const PATIENCE_MAX: Duration = Duration::from_secs(3600);

/// Where a system is and how it lets us in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Where its interface begins: `https://cl01.example.org/`. Nothing outside it is asked, whatever it links to.
    pub url: Url,
    /// Whether `http://` is right: then nothing is encrypted.
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
    networks: Arc<[Network]>,
    credentials: Credentials,
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
    pub fn new(connection: &Connection, clock: fn() -> Instant) -> Result<Self, Failure> {
        let refused = |why: String| Failure::Refused(format!("{}: {why}", connection.url));
        check_scheme(&connection.url, connection.plain_http).map_err(refused)?;
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
        let credentials = Credentials::new(connection.auth.clone(), clock);
        let client = Self { http, base: directory(connection.url.clone()), networks, credentials };
        client.permit(&connection.url)?;
        Ok(client)
    }

    /// An address of the system: a path is taken from where its interface begins, and a whole address (a link to the next
    /// page) must be of the same system.
    ///
    /// # Errors
    /// An address elsewhere.
    pub fn address(&self, path: &str) -> Result<Url, Failure> {
        let url = self.base.join(path).map_err(|error| Failure::Broken(format!("{path}: {error}")))?;
        if url.origin() != self.base.origin() || !url.username().is_empty() {
            let base = self.base.origin().ascii_serialization();
            return Err(Failure::Broken(format!(
                "{url} was linked to, which is not of {base}: it is not asked"
            )));
        }
        Ok(url)
    }

    /// Gets JSON; see [`Client::address`] for the path. A token that has run out is renewed once.
    ///
    /// # Errors
    /// Whatever is no 200 with JSON within the limits.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Failure> {
        let mut url = self.address(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let response = self.send(&url).await?;
        json(&url, response).await
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

    /// Judges an address that is written as numbers; names are judged when they are resolved.
    fn permit(&self, url: &Url) -> Result<(), Failure> {
        let ip = match url.host() {
            Some(url::Host::Ipv4(ip)) => ip.into(),
            Some(url::Host::Ipv6(ip)) => ip.into(),
            Some(url::Host::Domain(_)) => return Ok(()),
            None => return Err(Failure::Refused(format!("{url} names no host"))),
        };
        guard::check(ip, &self.networks).map_err(|why| Failure::Refused(format!("{url}: {why}")))
    }
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

/// Whether an answer can be read.
async fn check(url: &Url, response: Response) -> Result<Response, Failure> {
    let status = response.status();
    let what = || format!("{} answered {status}", place(url));
    match status {
        StatusCode::OK => Ok(response),
        StatusCode::TOO_MANY_REQUESTS => {
            Err(Failure::Later { what: what(), after: patience(&response).unwrap_or(PATIENCE) })
        }
        StatusCode::SERVICE_UNAVAILABLE => match patience(&response) {
            Some(after) => Err(Failure::Later { what: what(), after }),
            None => Err(Failure::Away(what())),
        },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(Failure::Refused(format!("{}: check the credentials and what they may read", what())))
        }
        _ if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => Err(Failure::Away(what())),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            let what = what();
            let reason = reason(response).await.map_or(String::new(), |reason| format!(": {reason}"));
            Err(Failure::Refused(format!("{what}{reason}")))
        }
        _ => Err(Failure::Refused(what())),
    }
}

/// What a system says is wrong with a request: `error`, or `message` in it.
async fn reason(mut response: Response) -> Option<String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > REASON_BYTES_MAX {
            return None;
        }
    }
    let answer: Value = serde_json::from_slice(&body).ok()?;
    let error = answer.get("error")?;
    let reason = error.as_str().or_else(|| error.get("message")?.as_str())?;
    Some(reason.chars().filter(|character| !character.is_control()).take(REASON_CHARACTERS_MAX).collect())
}

/// Retry-After in seconds (RFC 9110 §10.2.3); its other form, a date, is taken as not said.
fn patience(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(PATIENCE_MAX))
}

async fn json(url: &Url, mut response: Response) -> Result<Value, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| away(url, &error))? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            let what =
                format!("{} answered more than {ANSWER_BYTES_MAX} bytes: ask for smaller pages", place(url));
            return Err(Failure::Broken(what));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body)
        .map_err(|error| Failure::Broken(format!("{} did not answer with JSON: {error}", place(url))))
}

fn away(url: &Url, error: &reqwest::Error) -> Failure {
    let mut why = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        why = format!(": {error}");
        cause = error.source();
    }
    Failure::Away(format!("{} does not answer{why}", place(url)))
}

/// An address without its query, which may name a person.
fn place(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(connection: &str) -> Result<Client, Failure> {
        Client::new(&toml::from_str(connection).unwrap(), || Instant::from_micros(0))
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
            ] {
                assert!(matches!(client.address(elsewhere), Err(Failure::Broken(_))), "{elsewhere}");
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
        client("url = \"http://10.0.0.1/\"\nplain_http = true\nnetworks = [\"10.0.0.0/8\"]").unwrap();
    }
}

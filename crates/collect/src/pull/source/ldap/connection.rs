//! A connection to a directory: to an address that was judged, encrypted, and bound as the account that reads.

use std::sync::Arc;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, StdStream};
use rustls::ClientConfig;
use tokio::task::JoinSet;
use url::{Host, Url};

use super::super::Failure;
use super::Config;
use super::search::answered;
use crate::pull::guard::{self, CONNECT_TIMEOUT};
use crate::pull::http::secret;
use crate::pull::tls;

/// How long a step may take: the handshake, the bind, the next entry of a page.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// How a directory is connected to.
#[derive(Debug)]
pub(super) struct Connection {
    config: Config,
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
}

/// A connection that is bound. It ends when it is dropped.
pub(super) struct Session {
    pub(super) ldap: Ldap,
    /// What moves the bytes; dropping it stops that.
    _driver: JoinSet<()>,
}

impl Connection {
    /// # Errors
    /// An address that cannot be right, and certificates that cannot be read.
    pub(super) fn new(config: &Config) -> Result<Self, Failure> {
        let refused = |why: String| Failure::Refused(format!("{}: {why}", config.url));
        let default_port = check(config).map_err(refused)?;
        let host = config.url.host_str().unwrap_or_default().to_owned();
        if let Ok(ip) = host.trim_matches(['[', ']']).parse() {
            guard::check(ip, &config.networks).map_err(refused)?;
        }
        let tls = if config.plain {
            None
        } else {
            Some(Arc::new(tls::client(config.ca_file.as_deref()).map_err(refused)?))
        };
        let port = config.url.port().unwrap_or(default_port);
        Ok(Self { config: config.clone(), host, port, tls })
    }

    /// # Errors
    /// A directory that is away, that cannot be trusted, or that does not let us in.
    pub(super) async fn open(&self) -> Result<Session, Failure> {
        let url = &self.config.url;
        let password = secret(&self.config.password_file)?;
        let stream = guard::connect(&self.host, self.port, &self.config.networks)
            .await
            .map_err(|why| Failure::Away(format!("{url}: {why}")))?;
        let stream =
            stream.into_std().map_err(|error| Failure::Away(format!("{url} cannot be used: {error}")))?;
        let mut settings = LdapConnSettings::new()
            .set_conn_timeout(CONNECT_TIMEOUT)
            .set_starttls(self.config.starttls)
            .set_std_stream(StdStream::Tcp(stream));
        if let Some(tls) = &self.tls {
            settings = settings.set_config(Arc::clone(tls));
        }
        let (driver, mut ldap) = LdapConnAsync::from_url_with_settings(settings, url)
            .await
            .map_err(|error| failed(url, &error))?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // Whoever waits for an answer is told of the end of the connection by the end of the channel.
            let _ = driver.drive().await;
        });
        let result = ldap
            .with_timeout(ANSWER_TIMEOUT)
            .simple_bind(&self.config.bind_dn, &password)
            .await
            .map_err(|error| failed(url, &error))?;
        answered(&self.config, &format!("{} cannot bind", self.config.bind_dn), &result)?;
        Ok(Session { ldap, _driver: tasks })
    }
}

impl Session {
    /// Says goodbye. Whether that arrives does not matter: everything has been read.
    pub(super) async fn close(mut self) {
        let _ = self.ldap.with_timeout(ANSWER_TIMEOUT).unbind().await;
    }
}

/// Judges the address and gives the port that it means if it names none.
fn check(config: &Config) -> Result<u16, String> {
    let url = &config.url;
    let port = match (url.scheme(), config.starttls, config.plain) {
        ("ldaps", false, false) => 636,
        ("ldap", true, false) | ("ldap", false, true) => 389,
        ("ldap", false, false) => {
            let what = "nothing would be encrypted: use ldaps, or say `starttls = true` or `plain = true`";
            return Err(what.to_owned());
        }
        ("ldaps" | "ldap", _, _) => {
            return Err("`ldaps`, `starttls` and `plain` exclude each other: say one of them".to_owned());
        }
        (scheme, _, _) => return Err(format!("{scheme} is not spoken here: use ldaps")),
    };
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !is_bare || !url.username().is_empty() || url.password().is_some() {
        return Err("only a host and a port belong there; the rest has settings of its own".to_owned());
    }
    if matches!(url.host(), Some(Host::Ipv6(_))) && !config.plain {
        return Err("name the host: its certificate is compared with that".to_owned());
    }
    if url.host_str().is_none_or(str::is_empty) { Err("it names no host".to_owned()) } else { Ok(port) }
}

/// A failure of the connection, before or after it was made.
pub(super) fn failed(url: &Url, error: &LdapError) -> Failure {
    if let LdapError::Io { source } = error {
        let tls = source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(error @ rustls::Error::InvalidCertificate(_)) = tls {
            let what = "check `ca_file`, and that the address has the name of the certificate";
            return Failure::Refused(format!("{url} cannot be trusted: {error}: {what}"));
        }
    }
    if let LdapError::LdapResult { result } = error {
        return Failure::Refused(format!("{url} does not begin TLS: {result}"));
    }
    Failure::Away(format!("{url} does not answer: {error}"))
}

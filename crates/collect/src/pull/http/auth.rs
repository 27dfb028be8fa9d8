//! How systems let a collector in: passwords, tokens that are asked for, and signed requests.

mod jwt;
mod s3;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::BASE64;
use domain::Instant;
use reqwest::header::{AUTHORIZATION, HeaderName};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use url::{Url, form_urlencoded};

use super::Client;
use crate::pull::source::Failure;

/// A token is renewed so long before it runs out, longer than any request takes to arrive; one that lives shorter, after half
/// of its life.
const RENEW_BEFORE: Duration = Duration::from_secs(120);
/// How long a token is used when its issuer does not say.
const TOKEN_LIFE: Duration = Duration::from_secs(300);

/// How a system lets a collector in. Secrets stand in files of their own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, tag = "kind")]
pub enum Auth {
    /// Anybody may ask.
    #[default]
    None,
    /// User and password (RFC 7617).
    Basic {
        /// The user.
        user: String,
        /// The file with the password.
        password_file: PathBuf,
    },
    /// A token that somebody gave (RFC 6750).
    Bearer {
        /// The file with the token.
        token_file: PathBuf,
    },
    /// A token that is asked for (RFC 6749 §4.4): Microsoft Graph, Jamf Pro, Zoom.
    ClientCredentials {
        /// Where tokens are given.
        token_url: Url,
        /// The client.
        client_id: String,
        /// The file with its secret.
        client_secret_file: PathBuf,
        /// Whether the client is named in the header instead of in the form, as Zoom wants it.
        #[serde(default)]
        basic: bool,
        /// Further fields of the form, such as `scope`; they win over `grant_type`, too.
        #[serde(default)]
        parameters: BTreeMap<String, String>,
    },
    /// A token for a signed claim (RFC 7523): Google.
    ServiceAccount {
        /// The file of the service account's key, as Google gives it (JSON).
        key_file: PathBuf,
        /// What may be read.
        scope: String,
        /// On behalf of whom.
        #[serde(default)]
        subject: Option<String>,
    },
    /// Signed requests (AWS Signature Version 4): the admin interface of Ceph's RADOS gateway.
    S3 {
        /// The access key.
        access_key: String,
        /// The file with the secret key.
        secret_key_file: PathBuf,
        /// The region that is signed for.
        #[serde(default = "default_region")]
        region: String,
    },
}

fn default_region() -> String {
    "us-east-1".to_owned()
}

/// What lets a client in, and the token that it has.
pub(super) struct Credentials {
    auth: Auth,
    clock: fn() -> Instant,
    token: Mutex<Option<Token>>,
}

struct Token {
    value: String,
    until: Instant,
}

type Headers = Vec<(HeaderName, String)>;

impl Credentials {
    pub(super) fn new(auth: Auth, clock: fn() -> Instant) -> Self {
        Self { auth, clock, token: Mutex::new(None) }
    }

    /// Whether what was refused may be let in with a new token.
    pub(super) fn can_renew(&self) -> bool {
        matches!(self.auth, Auth::ClientCredentials { .. } | Auth::ServiceAccount { .. })
    }

    /// The headers that let a request in; with a new token if `renew` says so.
    pub(super) async fn authorization(
        &self,
        client: &Client,
        url: &Url,
        renew: bool,
    ) -> Result<Headers, Failure> {
        let value = match &self.auth {
            Auth::None => return Ok(Vec::new()),
            Auth::Basic { user, password_file } => basic(user, &secret(password_file)?),
            Auth::Bearer { token_file } => format!("Bearer {}", secret(token_file)?),
            Auth::ClientCredentials { .. } | Auth::ServiceAccount { .. } => {
                format!("Bearer {}", self.token(client, renew).await?)
            }
            Auth::S3 { access_key, secret_key_file, region } => {
                let key = s3::Key { access_key, secret_key: &secret(secret_key_file)?, region };
                return Ok(s3::sign(url, &key, (self.clock)().to_utc()));
            }
        };
        Ok(vec![(AUTHORIZATION, value)])
    }

    async fn token(&self, client: &Client, renew: bool) -> Result<String, Failure> {
        let mut held = self.token.lock().await;
        let now = (self.clock)();
        if let Some(token) = held.as_ref().filter(|token| !renew && now < token.until) {
            return Ok(token.value.clone());
        }
        let answer = match &self.auth {
            Auth::ClientCredentials {
                token_url,
                client_id,
                client_secret_file,
                basic: in_header,
                parameters,
            } => {
                let secret = secret(client_secret_file)?;
                let mut fields = BTreeMap::from([("grant_type", "client_credentials")]);
                if !in_header {
                    fields.extend([("client_id", client_id.as_str()), ("client_secret", secret.as_str())]);
                }
                fields.extend(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
                let authorization = in_header.then(|| basic(client_id, &secret));
                client.post_form(token_url, form(fields), authorization).await?
            }
            Auth::ServiceAccount { key_file, scope, subject } => {
                let key = jwt::ServiceAccount::read(key_file)?;
                let assertion = key.assertion(scope, subject.as_deref(), now.to_utc())?;
                let fields = [("grant_type", jwt::GRANT_TYPE), ("assertion", assertion.as_str())];
                client.post_form(&key.token_uri, form(fields), None).await?
            }
            Auth::None | Auth::Basic { .. } | Auth::Bearer { .. } | Auth::S3 { .. } => {
                return Err(Failure::Refused("no token is asked for".to_owned()));
            }
        };
        let value = answer["access_token"].as_str().filter(|value| !value.is_empty());
        let value =
            value.ok_or_else(|| Failure::Broken("the issuer's answer has no access_token".to_owned()))?;
        let life = seconds(&answer["expires_in"]).map_or(TOKEN_LIFE, Duration::from_secs);
        let until = later(now, life - RENEW_BEFORE.min(life / 2));
        let token = held.insert(Token { value: value.to_owned(), until });
        Ok(token.value.clone())
    }
}

fn later(now: Instant, by: Duration) -> Instant {
    let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    Instant::from_micros(now.micros().saturating_add(micros))
}

/// Seconds as a number, or as a text as some issuers write it.
fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}").as_bytes()))
}

fn form<'f>(fields: impl IntoIterator<Item = (&'f str, &'f str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A secret from its file, without the line's end. Read anew each time, so that a new one is used when it is there.
///
/// # Errors
/// A file that cannot be read, or that is empty.
pub fn secret(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::Refused(format!("the secret {} cannot be read: {error}", path.display()))
    })?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Failure::Refused(format!("the secret {} is empty", path.display())));
    }
    Ok(text.to_owned())
}

//! A claim that a service account signs to get a token (RFC 7523), as Google wants it.

use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use chrono::{DateTime, Utc};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::pull::source::Failure;

/// The grant that the claim is for.
pub(super) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long the claim is good, in seconds: an hour is what Google takes at most.
const LIFE_SECONDS: i64 = 3600;

/// The key of a service account. It has no `Debug`: it is a secret.
#[derive(Deserialize)]
pub(super) struct ServiceAccount {
    client_email: String,
    private_key: String,
    pub(super) token_uri: Url,
}

impl ServiceAccount {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        // What serde says of a file that is wrong could repeat some of it.
        let wrong =
            || Failure::Refused(format!("{} is not the key file of a service account", path.display()));
        serde_json::from_str(&super::secret(path)?).map_err(|_| wrong())
    }

    /// The signed claim.
    pub(super) fn assertion(
        &self,
        scope: &str,
        subject: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<String, Failure> {
        let issued = now.timestamp();
        let mut claims = json!({
            "iss": self.client_email,
            "scope": scope,
            "aud": self.token_uri,
            "iat": issued,
            "exp": issued + LIFE_SECONDS,
        });
        if let Some(subject) = subject {
            claims["sub"] = subject.into();
        }
        let header = json!({ "alg": "RS256", "typ": "JWT" });
        let encode = |text: String| BASE64URL_NOPAD.encode(text.as_bytes());
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let wrong =
            || Failure::Refused("the service account's private key is no RSA key in PKCS #8".to_owned());
        let key = RsaKeyPair::from_pkcs8(&der(&self.private_key).ok_or_else(wrong)?).map_err(|_| wrong())?;
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| wrong())?;
        Ok(format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature)))
    }
}

/// The bytes of a key in PEM (RFC 7468).
fn der(pem: &str) -> Option<Vec<u8>> {
    let body =
        pem.trim().strip_prefix("-----BEGIN PRIVATE KEY-----")?.strip_suffix("-----END PRIVATE KEY-----")?;
    let body: String = body.split_whitespace().collect();
    BASE64.decode(body.as_bytes()).ok()
}

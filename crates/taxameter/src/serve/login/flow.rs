//! What a login must bring back from the provider, sealed in the browser's own cookie: the program keeps nothing for those who
//! never come back.

use data_encoding::BASE64URL_NOPAD;
use domain::Instant;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How long somebody may take at the provider: to find the phone for a second factor.
pub(super) const SECONDS_MAX: u32 = 600;

/// A login that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    /// What the provider gives back in the address, so that no other site's answer is taken (RFC 6749 §10.12).
    pub(super) state: String,
    /// What the ID token must hold, so that no other login's is taken (OpenID Connect Core §15.5.2).
    pub(super) nonce: String,
    /// What proves that whoever redeems the code began the login (RFC 7636).
    pub(super) verifier: String,
    /// Where to go afterwards.
    pub(super) to: String,
    /// When, in microseconds since the Unix epoch.
    pub(super) at: i64,
}

impl Begun {
    /// As a cookie's value.
    pub(super) fn sealed(&self, key: &[u8; 32]) -> serde_json::Result<String> {
        let text = BASE64URL_NOPAD.encode(&serde_json::to_vec(self)?);
        let seal = BASE64URL_NOPAD.encode(&mac(key, &text).finalize().into_bytes());
        Ok(format!("{text}.{seal}"))
    }

    /// From a cookie's value, if it was sealed with this key and not too long ago.
    pub(super) fn opened(key: &[u8; 32], value: &str, now: Instant) -> Option<Self> {
        let (text, seal) = value.split_once('.')?;
        let seal = BASE64URL_NOPAD.decode(seal.as_bytes()).ok()?;
        mac(key, text).verify_slice(&seal).ok()?;
        let begun: Self = serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
        let age = now.micros() - begun.at;
        (0..=i64::from(SECONDS_MAX) * 1_000_000).contains(&age).then_some(begun)
    }
}

fn mac(key: &[u8; 32], text: &str) -> Hmac<Sha256> {
    let mut mac = match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes a key of any length"),
    };
    mac.update(text.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn only_what_was_sealed_here_and_lately_is_opened() {
        let at = 1_616_000_000_000_000;
        let text = |text: &str| text.to_owned();
        let begun = Begun { state: text("s"), nonce: text("n"), verifier: text("v"), to: text("/"), at };
        let sealed = begun.sealed(&KEY).unwrap();
        let after = |seconds: i64| Instant::from_micros(at + seconds * 1_000_000);
        assert_eq!(Begun::opened(&KEY, &sealed, after(0)), Some(begun.clone()));
        assert_eq!(Begun::opened(&KEY, &sealed, after(600)), Some(begun.clone()));
        assert_eq!(Begun::opened(&KEY, &sealed, after(601)), None);
        assert_eq!(Begun::opened(&KEY, &sealed, after(-1)), None);
        assert_eq!(Begun::opened(&[8; 32], &sealed, after(0)), None);
        let (_, seal) = sealed.split_once('.').unwrap();
        let other = Begun { to: text("/v1/keys"), ..begun }.sealed(&KEY).unwrap();
        let forged = format!("{}.{seal}", other.split_once('.').unwrap().0);
        for wrong in [forged.as_str(), "", ".", "x", sealed.trim_end_matches(|c| c != '.')] {
            assert_eq!(Begun::opened(&KEY, wrong, after(0)), None, "{wrong}");
        }
    }
}

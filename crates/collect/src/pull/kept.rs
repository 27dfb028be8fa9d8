//! The whole set that a collector keeps, as a file: sealed, so that nobody is in it in clear.
//!
//! A line of JSON about it (year, configuration) → 12 bytes of nonce → the set as JSON, in AES-256-GCM (NIST SP 800-38D)
//! with that line as its associated data.
//!
//! Records are kept as they were read, not as events: an event's id and pseudonyms depend on its turn, and native ids are
//! what they are made of. So the file is sealed with a key that comes of the year's key of pseudonyms: it leads to nobody
//! without that, and is lost when that is destroyed. It is never more than a way to read less. Whatever is wrong with it,
//! the turn reads everything.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use serde::{Deserialize, Serialize};

use super::source::renew::Kept;

/// The file's form. Another one is read anew.
const VERSION: u32 = 1;

/// What a file says of itself in clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    version: u32,
    /// Whose key it is sealed with.
    year: i32,
    /// A hash of the collector's name and configuration.
    of: String,
}

/// What seals and opens a collector's sets of a year.
pub(super) struct Seal {
    head: Head,
    key: [u8; 32],
}

impl Seal {
    /// `of` is all that a set depends on besides its system: the collector and how it is configured.
    pub(super) fn new(year: i32, key: [u8; 32], of: &str) -> Self {
        let of = blake3::hash(of.as_bytes()).to_hex().to_string();
        Self { head: Head { version: VERSION, year, of }, key }
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// In words; nothing that was read is the reason.
    pub(super) fn close(&self, kept: &Kept) -> Result<Vec<u8>, String> {
        let head = serde_json::to_vec(&self.head).map_err(|error| error.to_string())?;
        let mut sealed = serde_json::to_vec(kept).map_err(|error| error.to_string())?;
        let nonce = self.cipher()?.seal_in_place_append_tag(Aad::from(&head), &mut sealed);
        let nonce = nonce.map_err(|_| "it cannot be sealed".to_owned())?;
        Ok([head.as_slice(), b"\n", nonce.as_ref(), &sealed].concat())
    }

    /// The set in a file.
    ///
    /// # Errors
    /// Why it does not hold: it is damaged, of another year, or of another configuration.
    pub(super) fn open(&self, file: &[u8]) -> Result<Kept, String> {
        let damaged = || "the kept set is damaged".to_owned();
        let (head, body) = file.split_at(file.iter().position(|byte| *byte == b'\n').ok_or_else(damaged)?);
        let found: Head = serde_json::from_slice(head).map_err(|_| damaged())?;
        let Head { version, year, of } = &self.head;
        if found.version != *version {
            return Err("the kept set has another form".to_owned());
        }
        if found.year != *year {
            return Err(format!("the kept set is of {}", found.year));
        }
        if found.of != *of {
            return Err("the configuration is not that of the kept set".to_owned());
        }
        let (nonce, sealed) = body[1..].split_at_checked(NONCE_LEN).ok_or_else(damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let mut sealed = sealed.to_vec();
        let opened = self.cipher()?.open_in_place(nonce, Aad::from(head), &mut sealed);
        serde_json::from_slice(opened.map_err(|_| damaged())?).map_err(|_| damaged())
    }

    fn cipher(&self) -> Result<RandomizedNonceKey, String> {
        RandomizedNonceKey::new(&AES_256_GCM, &self.key).map_err(|_| "the key is none of AES-256".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::pull::source::Record;

    fn kept() -> Kept {
        let record = Record::from([("department".to_owned(), "Förskola 441001".to_owned())]);
        Kept { mark: "m".to_owned(), whole_at: 7, records: BTreeMap::from([("guid-1".to_owned(), record)]) }
    }

    #[test]
    fn what_was_sealed_is_opened_and_shows_nothing_in_clear() {
        let seal = Seal::new(2021, [3; 32], "konton");
        let file = seal.close(&kept()).unwrap();
        assert_eq!(seal.open(&file).unwrap(), kept());
        for clear in ["guid-1", "department", "rskola", "441001"] {
            assert!(!file.windows(clear.len()).any(|bytes| bytes == clear.as_bytes()), "{clear}");
        }
        // Two files of the same set have nothing in common but their heads.
        assert_ne!(seal.close(&kept()).unwrap(), file);
    }

    #[test]
    fn whatever_is_not_as_it_was_is_not_opened() {
        let seal = Seal::new(2021, [3; 32], "konton");
        let file = seal.close(&kept()).unwrap();
        for (other, why) in [
            (Seal::new(2022, [3; 32], "konton"), "is of 2021"),
            (Seal::new(2021, [3; 32], "konton, mapped otherwise"), "the configuration"),
            (Seal::new(2021, [4; 32], "konton"), "damaged"),
        ] {
            let said = other.open(&file).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        for index in 0..file.len() {
            let mut damaged = file.clone();
            damaged[index] ^= 1;
            assert!(seal.open(&damaged).is_err(), "byte {index}");
            assert!(seal.open(&file[..index]).is_err(), "{index} bytes");
        }
    }
}

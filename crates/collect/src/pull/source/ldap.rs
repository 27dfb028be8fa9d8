//! A directory: the entries under a place in it (LDAP v3, RFC 4511), as Active Directory and OpenLDAP answer.
//!
//! connection → bind → pages (RFC 2696) → entries → records
//!
//! A day's number of accounts can only be counted in a whole set. An Active Directory is asked for that once and then for what
//! has changed since (`changes.rs`); which changes cannot be seen is in `tracked.rs`. Others are read whole every turn: an
//! OpenLDAP has times of changes (modifyTimestamp), but what was deleted leaves nothing that a reader could ask for, and the
//! protocol that does tell (RFC 4533) needs an overlay that servers need not have.

#[cfg(feature = "ldap")]
mod asked;
#[cfg(feature = "ldap")]
mod changes;
#[cfg(feature = "ldap")]
mod connection;
#[cfg(feature = "ldap")]
mod controller;
#[cfg(feature = "ldap")]
mod directory;
#[cfg(feature = "ldap")]
mod entry;
mod period;
#[cfg(feature = "ldap")]
mod search;
#[cfg(feature = "ldap")]
mod tracked;
#[cfg(feature = "ldap")]
mod value;

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

pub use self::period::Period;
use super::{Failure, Source};
use crate::pull::guard::Network;

/// The user accounts of Active Directory that are not disabled: bit 2 of `userAccountControl`, tested with the rule
/// LDAP_MATCHING_RULE_BIT_AND (MS-ADTS §3.1.1.3.4.4.1).
const ENABLED_USERS: &str =
    "(&(objectCategory=person)(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))";
/// What Active Directory gives at most in a page, unless it is told otherwise (MaxPageSize).
const PAGE_SIZE: u16 = 1000;

/// What is read of a directory.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it is: `ldaps://dc1.example.org`, or `ldap://` with `starttls`. What it is to answer is said below, not here. Of an
    /// Active Directory it names one domain controller: another one numbers changes otherwise and is read whole.
    pub url: Url,
    /// Whether TLS begins after the connection is made (RFC 4513 §3), on the port that is not encrypted.
    #[serde(default)]
    pub starttls: bool,
    /// Whether `ldap://` without `starttls` is right: then nothing is encrypted, the password neither.
    #[serde(default)]
    pub plain: bool,
    /// Networks that are not public and that it may be in.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// The certificate of the authority that it has its own from (PEM), beside those that the machine trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The account that reads: a distinguished name; in Active Directory also `name@domain`. It needs to read and no
    /// more; an Active Directory tells it what has changed if it also sees what was deleted (CN=Deleted Objects).
    /// OpenLDAP gives an account 500 entries unless its `limits` say more.
    pub bind_dn: String,
    /// The file with its password.
    pub password_file: PathBuf,
    /// The place whose entries are read: `OU=Accounts,DC=example,DC=org`.
    pub base: String,
    /// How far below that place.
    #[serde(default)]
    pub scope: Scope,
    /// Which entries (RFC 4515). Without it the user accounts of Active Directory that are not disabled.
    #[serde(default = "enabled_users")]
    pub filter: String,
    /// The attributes that a record has: exactly these are asked for. One with several values has a number for each:
    /// `memberOf.0`. objectGUID is given as Microsoft writes it, times as RFC 3339, and what is no text as base64.
    pub attributes: Vec<String>,
    /// How many entries are asked for at a time.
    #[serde(default = "page_size")]
    pub page_size: u16,
    /// How often an Active Directory is read whole although changes could be asked for: `7d`, `12h`. What an account may read
    /// can change without a trace.
    #[serde(default = "full_every")]
    pub full_every: Period,
}

/// How far below a place entries are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Everything below it, and itself.
    #[default]
    Subtree,
    /// What is directly below it.
    OneLevel,
}

fn enabled_users() -> String {
    ENABLED_USERS.to_owned()
}

fn full_every() -> Period {
    Period::days(7)
}

fn page_size() -> u16 {
    PAGE_SIZE
}

/// A source that reads a directory.
///
/// # Errors
/// What is configured and cannot be right, and a build without LDAP.
#[cfg(feature = "ldap")]
pub fn open(config: &Config) -> Result<Box<dyn Source>, Failure> {
    Ok(Box::new(directory::Directory::new(config)?))
}

/// A source that reads a directory.
///
/// # Errors
/// This build has no LDAP.
#[cfg(not(feature = "ldap"))]
pub fn open(_config: &Config) -> Result<Box<dyn Source>, Failure> {
    Err(Failure::Refused("this build has no LDAP: build it with `--features ldap`".to_owned()))
}

#[cfg(all(test, not(feature = "ldap")))]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_ldap_reads_the_configuration_and_says_so() {
        let config = "url = 'ldaps://dc1.lkdata.test'\nbind_dn = 'x'\npassword_file = 'x'\nbase = 'x'\nattributes = ['x']";
        let config: Config = toml::from_str(config).unwrap();
        let Err(Failure::Refused(why)) = open(&config) else { panic!("it was opened") };
        assert_eq!(why, "this build has no LDAP: build it with `--features ldap`");
    }
}

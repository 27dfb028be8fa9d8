//! Who asked for a decision, as access knows them.

use std::fmt;

use serde::{Serialize, Serializer};

/// Who asked for a decision. Unlike a [`crate::Signature`], which is what they say of themselves, this is what they have
/// shown. It names nobody: a key has its id, a person the pseudonym that is the same at each login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requester {
    /// Somebody at this machine, where no key is asked for or with the key that the program made for its own run.
    Local,
    /// Whoever holds the key of this id.
    Key(String),
    /// The person of this pseudonym, who has logged in.
    Login(String),
}

/// `local`, `key 3f2a91c0`, `login 1f3a9c2d5e6b7a80`: as it stands in the log of decisions.
impl fmt::Display for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Requester::Local => f.write_str("local"),
            Requester::Key(id) => write!(f, "key {id}"),
            Requester::Login(pseudonym) => write!(f, "login {pseudonym}"),
        }
    }
}

impl Serialize for Requester {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

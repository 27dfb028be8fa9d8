//! Keys of callers: who may send, read and decide. Only hashes of them are here.

use std::collections::BTreeSet;
use std::iter::once as one;

use clickhouse::Row;
use domain::Instant;
use domain::access::{Role, Scope};
use serde::Deserialize;

use crate::client::Store;
use crate::error::{Error, asking};
use crate::native::Block;
use crate::usage::instant;

/// The sources that a caller may speak for; none when it may speak for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegisteredSources(pub Option<BTreeSet<String>>);

impl RegisteredSources {
    /// Whether it may speak for a source.
    pub fn has(&self, source: &str) -> bool {
        self.0.as_ref().is_none_or(|sources| sources.contains(source))
    }
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// What it is called in the key itself.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// About what.
    pub scope: Scope,
    /// The hash of the whole key: 64 hexadecimal digits.
    pub hash: String,
    /// When it was made.
    pub created: Instant,
    /// When it stops to hold; none while nothing ends it.
    pub expires: Option<Instant>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// The last decision about it: its offset in the control log.
    pub control: u64,
}

impl Key {
    /// Whether it holds at an instant.
    pub fn holds(&self, now: Instant) -> bool {
        !self.revoked && self.expires.is_none_or(|expires| now < expires)
    }
}

#[derive(Row, Deserialize)]
struct KeyRow {
    id: String,
    name: String,
    role: String,
    sources: Vec<String>,
    services: Vec<String>,
    customers: Vec<String>,
    costcentres: Vec<String>,
    hash: String,
    created: i64,
    expires: i64,
    revoked: u8,
    control: u64,
}

impl Store {
    /// Every key that there ever was, by id.
    pub async fn keys(&self) -> crate::Result<Vec<Key>> {
        let rows = self
            .query("SELECT ?fields FROM keys FINAL ORDER BY id")
            .fetch_all::<KeyRow>()
            .await
            .map_err(asking("keys"))?;
        let key = |row: KeyRow| {
            let role = Role::from_name(&row.role)
                .ok_or_else(|| Error::Unreadable { what: "role of a key", value: row.role.clone() })?;
            Ok(Key {
                id: row.id,
                name: row.name,
                role,
                scope: Scope {
                    sources: row.sources.into_iter().collect(),
                    services: row.services.into_iter().collect(),
                    customers: row.customers.into_iter().collect(),
                    costcentres: row.costcentres.into_iter().collect(),
                },
                hash: row.hash,
                created: instant(row.created),
                expires: (row.expires < i64::MAX).then(|| instant(row.expires)),
                revoked: row.revoked != 0,
                control: row.control,
            })
        };
        rows.into_iter().map(key).collect()
    }

    /// Writes a key as a decision left it.
    pub async fn put_key(&self, key: &Key) -> crate::Result<()> {
        let mut block = Block::new(1);
        block.strings("id", one(key.id.as_bytes()));
        block.strings("name", one(key.name.as_bytes()));
        block.strings("role", one(key.role.name().as_bytes()));
        for (column, codes) in [
            ("sources", &key.scope.sources),
            ("services", &key.scope.services),
            ("customers", &key.scope.customers),
            ("costcentres", &key.scope.costcentres),
        ] {
            block.string_arrays(column, one(codes.len()), codes.iter().map(String::as_bytes));
        }
        block.strings("hash", one(key.hash.as_bytes()));
        block.fixed("created", "DateTime64(6, 'UTC')", one(key.created.micros().to_le_bytes()));
        let expires = key.expires.map_or(i64::MAX, Instant::micros);
        block.fixed("expires", "Int64", one(expires.to_le_bytes()));
        block.fixed("revoked", "UInt8", one([u8::from(key.revoked)]));
        block.fixed("control", "UInt64", one(key.control.to_le_bytes()));
        self.insert("keys", &block.into()).await
    }
}

//! A query of a PostgreSQL database: Bacula's catalogue, FreeRADIUS' accounting, and whatever else keeps its books there.
//!
//! query → rows → records
//!
//! A record has a field for each column that is not null. PostgreSQL itself makes each value a text (`::text`), so that no
//! digit of a `numeric` is lost on the way and every type has a text, also those that extensions bring. Only times with a zone
//! are written otherwise than it writes them: as RFC 3339, in UTC. A `timestamp` without a zone is `YYYY-MM-DD HH:MM:SS`, and
//! what clock it means is for the mapping to say.
//!
//! Everything runs in one transaction that may only read, with limits of time and of rows.

#[cfg(feature = "postgres")]
mod columns;
#[cfg(feature = "postgres")]
mod postgres;

use std::path::PathBuf;

use serde::Deserialize;

use super::{Failure, Source};
use crate::pull::guard::Network;

/// A database and what is asked of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Its host. The certificate is compared with it.
    pub host: String,
    /// Its port.
    #[serde(default = "default_port")]
    pub port: u16,
    /// Networks that are not public and that it may be in.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// The database's name.
    pub database: String,
    /// The user: one that may read what the query needs and nothing else.
    pub user: String,
    /// The file with the user's password.
    pub password_file: PathBuf,
    /// Whether the connection is encrypted.
    #[serde(default)]
    pub tls: Tls,
    /// The certificate of the authority that it has its own from (PEM), beside those that the machine trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A `select`. With `cursor_column` it has to give what comes after `$1`, a text that it casts itself, in the column's
    /// order and not without end: `select … where id > $1::bigint order by id limit 5000`.
    ///
    /// Rows become visible when they are committed, which need not be in the order of their numbers or times: a row that is
    /// committed late, with a number beneath one that was read, is never read. Leave out the newest rows for as long as a
    /// transaction that writes them may take: `and created < now() - interval '10 minutes'`.
    pub query: String,
    /// The column that no two rows have the same value in and that only grows: the rows are then what has happened since
    /// the last read. Without it they are all that there is at a time.
    #[serde(default)]
    pub cursor_column: Option<String>,
    /// What `$1` is in the first read: `"0"`.
    #[serde(default)]
    pub cursor_start: Option<String>,
    /// How many seconds the query may take.
    #[serde(default = "default_timeout")]
    pub statement_timeout_seconds: u32,
}

fn default_port() -> u16 {
    5432
}

fn default_timeout() -> u32 {
    30
}

/// Whether a connection is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// It is, with a certificate that is trusted and has the host's name.
    #[default]
    Require,
    /// It is not: passwords and answers can be read on the way.
    Off,
}

/// A source that asks a database.
///
/// # Errors
/// What cannot be right; and a program that was built without PostgreSQL.
#[cfg(not(feature = "postgres"))]
pub(super) fn open(config: &Config) -> Result<Box<dyn Source>, Failure> {
    let place = format!("{}:{}", config.host, config.port);
    Err(Failure::Refused(format!(
        "{place}: this program was built without PostgreSQL (cargo feature `postgres`)"
    )))
}

/// A source that asks a database.
///
/// # Errors
/// What cannot be right; and a program that was built without PostgreSQL.
#[cfg(feature = "postgres")]
pub(super) fn open(config: &Config) -> Result<Box<dyn Source>, Failure> {
    Ok(Box::new(postgres::Database::new(config)?))
}

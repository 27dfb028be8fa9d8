//! Connecting, and the settings that every statement has.

use std::fmt;

use bytes::Bytes;
use clickhouse::Client;
use clickhouse::query::Query;
use serde::Deserialize;

use crate::error::{Error, asking};
use crate::native::Block;

/// How long the server may take over one insert: far longer than it needs, so that a slow disk is not taken for a lost
/// answer; a lost one is then repeated.
const INSERT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(180);

/// How long the server may take to accept the next piece of an insert.
const SEND_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// What every insert says (counting §5): synchronous, and not thinned out before it is stored. The last one lets a batch
/// of events from many months in: a limit there would stop the log for ever.
const INSERT_SETTINGS: [(&str, &str); 4] = [
    ("async_insert", "0"),
    ("optimize_on_insert", "0"),
    ("input_format_parallel_parsing", "0"),
    ("max_partitions_per_insert_block", "0"),
];

/// Where the database is, and of what kind its tables are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The HTTP interface, `http://127.0.0.1:8123`.
    pub url: String,
    /// The database; made when it is missing.
    #[serde(default = "Config::default_database")]
    pub database: String,
    /// The user; the server's default without.
    #[serde(default)]
    pub user: Option<String>,
    /// The user's password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Of what kind the tables are made.
    #[serde(default)]
    pub engine: Engine,
}

impl Config {
    /// The configuration of the embedded engine at an address.
    pub fn embedded(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            database: Self::default_database(),
            user: None,
            password: None,
            engine: Engine::Embedded,
        }
    }

    fn default_database() -> String {
        "taxameter".to_owned()
    }
}

/// A secret: it is never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Of what kind the tables are made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Engine {
    /// One server with one disk: every insert and merge is on it before it is acknowledged.
    #[default]
    Embedded,
    /// Replicated tables. An insert is acknowledged by a majority, and reads go to the replica that was written to.
    Replicated {
        /// The path in Keeper; `{table}` stands for the table's name. The server's macros may be used.
        path: String,
        /// The replica's name; usually the macro `{replica}`.
        replica: String,
    },
}

/// A connection to the tables; a clone shares it.
#[derive(Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) config: Config,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Store {
    /// Connects, once the server answers. The tables are made by [`Store::migrate`].
    pub async fn connect(config: Config) -> crate::Result<Self> {
        let mut client =
            Client::default().with_url(&config.url).with_compression(clickhouse::Compression::None);
        if let Some(user) = &config.user {
            client = client.with_user(user);
        }
        if let Some(Secret(password)) = &config.password {
            client = client.with_password(password);
        }
        // The database may not exist yet, so the first question is asked outside of it.
        client.query("SELECT 1").fetch_one::<u8>().await.map_err(asking("an answer"))?;
        let client = client.with_database(&config.database);
        Ok(Self { client, config })
    }

    /// A question. Partitions are functions of the key, so equal keys never lie in two of them.
    pub(crate) fn query(&self, sql: &str) -> Query {
        self.client.query(sql).with_setting("do_not_merge_across_partitions_select_final", "1")
    }

    /// Inserts a block. When this fails, any part of it may be stored: the same block is inserted again.
    pub(crate) async fn insert(&self, table: &'static str, block: &EncodedBlock) -> crate::Result<()> {
        if block.rows == 0 {
            return Ok(());
        }
        let failed = |source| Error::Insert { table, rows: block.rows, source };
        let statement = format!("INSERT INTO {table} ({}) FORMAT Native", block.columns);
        let mut insert = self
            .client
            .insert_formatted_with(statement)
            .with_timeouts(Some(SEND_TIMEOUT), Some(INSERT_TIMEOUT));
        for (name, value) in INSERT_SETTINGS {
            insert = insert.with_setting(name, value);
        }
        if matches!(self.config.engine, Engine::Replicated { .. }) {
            insert = insert.with_setting("insert_quorum", "auto");
        }
        for part in &block.parts {
            insert.send(part.clone()).await.map_err(failed)?;
        }
        insert.end().await.map_err(failed)
    }
}

/// Rows as they travel: the same bytes each time that they are sent.
#[derive(Debug, Clone, Default)]
pub struct EncodedBlock {
    /// How many rows.
    pub rows: usize,
    pub(crate) columns: String,
    pub(crate) parts: Vec<Bytes>,
}

impl From<Block> for EncodedBlock {
    fn from(block: Block) -> Self {
        block.encode()
    }
}

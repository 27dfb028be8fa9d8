//! The connection to a PostgreSQL, and a turn on it.

use std::error::Error as _;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use domain::Instant;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use tokio::net::TcpStream;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, IsolationLevel, NoTls, Row, Transaction};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::{Failure, Nature, Read, Record, Source};
use super::columns::{Text, wrap};
use super::{Config, Tls};
use crate::pull::{guard, http, tls};

/// How many rows a read may give. A stream is read again at once; a snapshot is not.
const STREAM_ROWS_MAX: usize = 10_000;
const SNAPSHOT_ROWS_MAX: usize = 100_000;
/// How many bytes the texts of a read may have.
const READ_BYTES_MAX: usize = 64 << 20;
/// How long to wait for a lock: who holds one for longer is changing the table.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// A transaction of ours that does nothing for so long has lost us.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// What connecting and fetching may take besides the query.
const MARGIN: Duration = Duration::from_secs(30);

/// A database that is asked.
pub(super) struct Database {
    config: Config,
    /// The query without the semicolon at its end.
    query: String,
}

impl Database {
    pub(super) fn new(config: &Config) -> Result<Self, Failure> {
        let refused = |what: String| Failure::Refused(format!("{}:{}: {what}", config.host, config.port));
        if let Ok(ip) = config.host.parse::<IpAddr>() {
            guard::check(ip, &config.networks).map_err(refused)?;
        }
        match (&config.cursor_column, &config.cursor_start) {
            (Some(_), Some(_)) if !config.query.contains("$1") => {
                return Err(refused("with `cursor_column` the query must have $1 in it".to_owned()));
            }
            (Some(_), None) => return Err(refused("say with `cursor_start` where to begin".to_owned())),
            (None, Some(_)) => return Err(refused("`cursor_start` needs `cursor_column`".to_owned())),
            (Some(_), Some(_)) | (None, None) => {}
        }
        if config.statement_timeout_seconds == 0 {
            return Err(refused("`statement_timeout_seconds` must be at least 1".to_owned()));
        }
        let query = config.query.trim().trim_end_matches(';').to_owned();
        Ok(Self { config: config.clone(), query })
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.config.statement_timeout_seconds))
    }

    async fn turn(&self, cursor: Option<&str>) -> Result<Read, Failure> {
        let mut client = self.connect().await?;
        let failed = |error: Error| self.asked(&error);
        client.batch_execute(&self.settings()).await.map_err(failed)?;
        let begin =
            client.build_transaction().read_only(true).isolation_level(IsolationLevel::RepeatableRead);
        let transaction = begin.start().await.map_err(failed)?;
        let start = self.config.cursor_start.as_deref();
        let read = self.fetch(&transaction, cursor.or(start)).await?;
        transaction.rollback().await.map_err(failed)?;
        Ok(read)
    }

    fn settings(&self) -> String {
        format!(
            "set session characteristics as transaction read only; \
             set statement_timeout = {}; set lock_timeout = {}; set idle_in_transaction_session_timeout = {}; \
             set time zone 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'iso_8601'; \
             set bytea_output = 'hex'; set extra_float_digits = 1",
            self.timeout().as_millis(),
            LOCK_TIMEOUT.as_millis(),
            IDLE_TIMEOUT.as_millis(),
        )
    }

    async fn fetch(&self, transaction: &Transaction<'_>, after: Option<&str>) -> Result<Read, Failure> {
        let failed = |error: Error| self.asked(&error);
        let types: &[Type] = if after.is_some() { &[Type::TEXT] } else { &[] };
        let statement = transaction.prepare_typed(&self.query, types).await.map_err(failed)?;
        if statement.params().len() != types.len() {
            return Err(Failure::Refused(
                "the query may have $1 with `cursor_column`, and nothing else".to_owned(),
            ));
        }
        let columns = Text::of(statement.columns())?;
        let column = self.config.cursor_column.as_deref();
        if let Some(name) = column.filter(|name| columns.iter().all(|column| column.name != **name)) {
            let all: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let all = all.join(", ");
            return Err(Failure::Refused(format!(
                "the query gives no column {name:?}, the cursor's; it gives {all}"
            )));
        }
        let sql = wrap(&self.query, &columns, column);
        let parameters = after.iter().map(|after| (*after, Type::TEXT));
        let rows = transaction.query_typed_raw(&sql, parameters).await.map_err(failed)?;
        let mut rows = pin!(rows);
        let mut taken = Taken { columns: &columns, column, records: Vec::new(), bytes: 0 };
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            taken.take(&row, after)?;
        }
        Ok(taken.into_read(after))
    }

    async fn connect(&self) -> Result<Client, Failure> {
        let Config { host, port, networks, tls, ca_file, .. } = &self.config;
        let password = http::secret(&self.config.password_file)?;
        let mut options = tokio_postgres::Config::new();
        options.user(&self.config.user).password(password).dbname(&self.config.database);
        options.application_name("taxameter");
        let stream = || async { guard::connect(host, *port, networks).await.map_err(Failure::Away) };
        match tls {
            Tls::Off => {
                options.ssl_mode(tokio_postgres::config::SslMode::Disable);
                self.log_in(&options, stream().await?, NoTls).await
            }
            Tls::Require => {
                options.ssl_mode(tokio_postgres::config::SslMode::Require);
                let config = tls::client(ca_file.as_deref()).map_err(Failure::Refused)?;
                let mut tls = MakeRustlsConnect::new(config);
                let Ok(tls) =
                    <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::make_tls_connect(&mut tls, host);
                self.log_in(&options, stream().await?, tls).await
            }
        }
    }

    async fn log_in<T>(
        &self,
        options: &tokio_postgres::Config,
        stream: TcpStream,
        tls: T,
    ) -> Result<Client, Failure>
    where
        T: TlsConnect<TcpStream> + Send,
        T::Future: Send,
        T::Stream: Send + 'static,
    {
        let connected = options.connect_raw(stream, tls).await;
        let (client, connection) = connected.map_err(|error| self.not_connected(&error))?;
        // It ends with the client. What goes wrong with it is what the client's requests fail with.
        tokio::spawn(connection.map(drop));
        Ok(client)
    }

    fn place(&self) -> String {
        format!("{}:{}", self.config.host, self.config.port)
    }

    fn not_connected(&self, error: &Error) -> Failure {
        let place = self.place();
        if error.as_db_error().is_some() {
            return self.asked(error);
        }
        let cause = error.source();
        let what = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
        let Some(cause) = cause.and_then(|cause| cause.downcast_ref::<io::Error>()) else {
            return Failure::Refused(format!("{place} does not let us in: {what}"));
        };
        let tls = cause.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(error @ rustls::Error::InvalidCertificate(_)) = tls {
            let what = "check `ca_file`, and that `host` is the name in the certificate";
            return Failure::Refused(format!("{place} cannot be trusted: {error}: {what}"));
        }
        Failure::Away(format!("{place} does not answer: {what}"))
    }

    /// What an error says of the server (it is tried again) or of what it was asked (somebody has to do something).
    fn asked(&self, error: &Error) -> Failure {
        let place = self.place();
        let Some(error) = error.as_db_error() else {
            let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
            return Failure::Away(format!("{place} does not answer: {error}{cause}"));
        };
        let (code, message) = (error.code(), error.message());
        if *code == SqlState::QUERY_CANCELED {
            let seconds = self.config.statement_timeout_seconds;
            return Failure::Away(format!(
                "{place}: {message}: the query may take {seconds} s; ask for fewer rows, add an index, or raise \
                 `statement_timeout_seconds`"
            ));
        }
        let what = format!("{place}: {message} (SQLSTATE {})", code.code());
        // Connections, transactions that were rolled back, resources, locks, the operator, the system, the program itself.
        let is_theirs =
            ["08", "40", "53", "55", "57", "58", "XX"].iter().any(|class| code.code().starts_with(class));
        if is_theirs { Failure::Away(what) } else { Failure::Refused(what) }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("place", &self.place()).finish_non_exhaustive()
    }
}

impl Source for Database {
    fn nature(&self) -> Nature {
        if self.config.cursor_column.is_some() { Nature::Stream } else { Nature::Snapshot }
    }

    fn read<'a>(&'a self, _at: Instant, cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>> {
        async move {
            let limit = self.timeout() + MARGIN;
            // A cursor means nothing to a query without a column for it.
            let cursor = cursor.filter(|_| self.config.cursor_column.is_some());
            tokio::time::timeout(limit, self.turn(cursor)).await.unwrap_or_else(|_| {
                Err(Failure::Away(format!("{} took more than {} s", self.place(), limit.as_secs())))
            })
        }
        .boxed()
    }
}

/// The rows that were taken.
struct Taken<'t> {
    columns: &'t [Text],
    /// The cursor's column.
    column: Option<&'t str>,
    records: Vec<Record>,
    bytes: usize,
}

impl Taken<'_> {
    fn take(&mut self, row: &Row, after: Option<&str>) -> Result<(), Failure> {
        let broken = |error: Error| Failure::Broken(format!("a row cannot be read: {error}"));
        let mut record = Record::new();
        for (index, column) in self.columns.iter().enumerate() {
            let Some(text) = row.try_get::<_, Option<&str>>(index).map_err(broken)? else { continue };
            let text = column.value(text)?;
            let is_read = after == Some(text.as_str()) && self.records.is_empty();
            if is_read && self.column == Some(&column.name) {
                return Err(Failure::Refused(format!(
                    "the query gives the row of {text:?} again, which was read: it must ask for what is greater than $1"
                )));
            }
            self.bytes += column.name.len() + text.len();
            record.insert(column.name.clone(), text);
        }
        if let Some(name) = self.column {
            let is_disordered: bool = row.try_get(self.columns.len()).map_err(broken)?;
            if is_disordered || !record.contains_key(name) {
                return Err(Failure::Refused(format!(
                    "the rows do not grow in {name:?}: it must not be null, no two rows may have the same, and the query must \
                     order by it"
                )));
            }
        }
        self.records.push(record);
        let max = if self.column.is_some() { STREAM_ROWS_MAX } else { SNAPSHOT_ROWS_MAX };
        if self.records.len() > max || self.bytes > READ_BYTES_MAX {
            let what =
                if self.column.is_some() { "give it a `limit`" } else { "part it, or count in the query" };
            return Err(Failure::Refused(format!(
                "the query gives more than {max} rows or {READ_BYTES_MAX} bytes: {what}"
            )));
        }
        Ok(())
    }

    fn into_read(self, after: Option<&str>) -> Read {
        let last = self.column.and_then(|name| self.records.last()?.get(name));
        let cursor = last.map(String::as_str).or(after).map(str::to_owned);
        // Only an empty answer says that nothing follows.
        let more = self.column.is_some() && !self.records.is_empty();
        Read { records: self.records, cursor, more }
    }
}

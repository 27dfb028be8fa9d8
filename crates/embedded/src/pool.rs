//! The connections to the engine: who may use which, and what is left on them afterwards.
//!
//! Over HTTP, a setting or a database that a request names holds for that request alone. Connections
//! keep such things, so each idle one is kept together with its *profile*, what was set on it. A request
//! gets a connection with exactly its profile, or a fresh one on which the profile is set (0.6 ms each
//! [measured]). Nothing has to be undone, and the same requests again find their connection ready.
//! A statement that may change the connection itself (SET, USE, temporary tables, …), and one that
//! failed, uses up its connection.
//!
//! A request with a session has the connection of that session; what it sets is undone there.

mod lease;
mod profile;

use std::collections::BTreeMap;
use std::ffi::CString;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::Error;
use crate::exception::{Code, Exception};
use crate::library::{Connection, Library, Parameters};
use crate::lock::DataLock;
use crate::names::Names;
use crate::settings;
use lease::Home;
use profile::run;

pub(crate) use lease::Lease;
pub(crate) use profile::{Profile, assignments};

/// Sessions at a time. Each holds a connection, some 100 kB; a client that opens a session for every
/// request must not grow the process. When there are more, the one that is idle longest goes.
const SESSIONS_MAX: usize = 64;

/// The longest time that an idle session is kept, whatever the client asks for. As in ClickHouse.
const SESSION_TIMEOUT_MAX: Duration = Duration::from_secs(3_600);

/// The session that a request belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) timeout: Duration,
    /// The request fails if the session is not there.
    pub(crate) must_exist: bool,
}

/// A session that is kept: its connection, unless a request is using it, and when it is forgotten.
struct Kept {
    connection: Option<Connection>,
    expires: Instant,
}

#[derive(Default)]
struct Contents {
    /// Idle connections, the latest used last.
    idle: Vec<(Profile, Connection)>,
    sessions: BTreeMap<String, Kept>,
    /// Connections that requests are using.
    leased: usize,
    closed: bool,
}

/// All connections to the engine.
pub(crate) struct Pool {
    library: &'static Library,
    arguments: Vec<CString>,
    /// As many idle connections are kept as there can be requests.
    idle_max: usize,
    contents: Mutex<Contents>,
    returned: Condvar,
    /// Keeps the engine running while no request does, and stops queries.
    control: Mutex<Option<Connection>>,
    /// What the engine's directories are called on the disk.
    names: Names,
    /// Last, so that it is released after every connection is closed.
    _lock: DataLock,
}

impl Pool {
    /// Opens the engine.
    pub(crate) fn open(
        library: &'static Library,
        arguments: Vec<CString>,
        idle_max: usize,
        data_dir: &Path,
        lock: DataLock,
    ) -> Result<Self, Error> {
        let control =
            Connection::open(library, &arguments).ok_or(Error::OpenData { path: data_dir.to_owned() })?;
        let root = settings::engine_directory(data_dir);
        let names = Names::keep_all(&root).map_err(|source| Error::UseFile {
            operation: "sync the directories of",
            path: root,
            source,
        })?;
        Ok(Self {
            library,
            arguments,
            idle_max,
            contents: Mutex::default(),
            returned: Condvar::new(),
            control: Mutex::new(Some(control)),
            names,
            _lock: lock,
        })
    }

    /// The engine's version, as ClickHouse words it.
    pub(crate) fn version(&self) -> Result<String, Exception> {
        let mut control = self.control.lock();
        let connection = control.as_mut().ok_or_else(closed)?;
        let output = connection.query("SELECT version()", "TabSeparatedRaw", &Parameters::default())?;
        Ok(String::from_utf8_lossy(output.data()).trim().to_owned())
    }

    /// Makes durable what a statement, or a merge beside it, has named. Without this, power loss may take the names.
    pub(crate) fn keep_names(&self, is_insert: bool) -> Result<(), Exception> {
        let kept = if is_insert { self.names.after_insert() } else { self.names.after_statement() };
        kept.map_err(|error| {
            tracing::error!(%error, "the engine's directories could not be synced");
            Exception::new(
                Code::UnknownException,
                format!("the engine's directories could not be synced: {error}"),
            )
        })
    }

    /// Takes a connection for one request.
    pub(crate) fn lease(
        self: &Arc<Self>,
        session: Option<&Session>,
        profile: Profile,
    ) -> Result<Lease, Exception> {
        let (connection, home) = match session {
            Some(session) => {
                (self.take_session(session)?, Home::Session { session: session.clone(), restore: Vec::new() })
            }
            None => self.take_shared(&profile)?,
        };
        // From here on the lease's drop keeps the books.
        let mut lease = Lease { pool: Arc::clone(self), connection: Some(connection), home };
        lease.apply(&profile)?;
        Ok(lease)
    }

    fn take_shared(&self, profile: &Profile) -> Result<(Connection, Home), Exception> {
        let (connection, evicted) = {
            let mut contents = self.contents.lock();
            if contents.closed {
                return Err(closed());
            }
            contents.leased += 1;
            let found = contents.idle.iter().rposition(|(idle, _)| idle == profile);
            match found {
                Some(index) => (Some(contents.idle.remove(index).1), None),
                None if contents.idle.len() >= self.idle_max => (None, Some(contents.idle.remove(0))),
                None => (None, None),
            }
        };
        drop(evicted);
        let is_set = connection.is_some();
        match connection.or_else(|| Connection::open(self.library, &self.arguments)) {
            Some(connection) => Ok((connection, Home::Shared { profile: profile.clone(), is_set })),
            None => {
                self.give_back(|contents| contents.leased -= 1);
                Err(cannot_connect())
            }
        }
    }

    fn take_session(&self, session: &Session) -> Result<Connection, Exception> {
        let now = Instant::now();
        let mut contents = self.contents.lock();
        if contents.closed {
            return Err(closed());
        }
        contents.sessions.retain(|_, kept| kept.connection.is_none() || kept.expires > now);
        if let Some(kept) = contents.sessions.get_mut(&session.id) {
            let connection = kept.connection.take().ok_or_else(|| {
                Exception::new(
                    Code::SessionLocked,
                    format!("Session {} is locked by a concurrent client.", session.id),
                )
            })?;
            contents.leased += 1;
            return Ok(connection);
        }
        if session.must_exist {
            return Err(Exception::new(Code::SessionNotFound, format!("Session {} not found", session.id)));
        }
        if contents.sessions.len() >= SESSIONS_MAX {
            let idle = contents.sessions.iter().filter(|(_, kept)| kept.connection.is_some());
            let oldest = idle.min_by_key(|(_, kept)| kept.expires).map(|(id, _)| id.clone());
            let oldest = oldest.ok_or_else(|| {
                Exception::new(Code::TooManyQueries, format!("all {SESSIONS_MAX} sessions are in use"))
            })?;
            contents.sessions.remove(&oldest);
        }
        let connection = Connection::open(self.library, &self.arguments).ok_or_else(cannot_connect)?;
        contents.sessions.insert(session.id.clone(), Kept { connection: None, expires: now });
        contents.leased += 1;
        Ok(connection)
    }

    fn return_session(&self, mut connection: Connection, session: &Session, restore: &[String]) {
        let restored = restore.iter().try_for_each(|statement| run(&mut connection, statement));
        let mut connection = restored.is_ok().then_some(connection);
        let expires = Instant::now() + session.timeout.min(SESSION_TIMEOUT_MAX);
        self.give_back(|contents| {
            contents.leased -= 1;
            match contents.sessions.get_mut(&session.id) {
                Some(kept) if !contents.closed && connection.is_some() => {
                    *kept = Kept { connection: connection.take(), expires };
                }
                Some(_) | None => {
                    contents.sessions.remove(&session.id);
                }
            }
        });
    }

    fn give_back(&self, change: impl FnOnce(&mut Contents)) {
        change(&mut self.contents.lock());
        self.returned.notify_all();
    }

    /// Stops the query that ends in `/*tag*/`, if it is running.
    pub(crate) fn stop_query(&self, tag: &str) {
        self.control_statement(&format!("KILL QUERY WHERE endsWith(query, '/*{tag}*/')"));
    }

    /// Stops every query.
    pub(crate) fn stop_queries(&self) {
        self.control_statement("KILL QUERY WHERE NOT startsWith(query, 'KILL QUERY')");
    }

    fn control_statement(&self, sql: &str) {
        if let Some(connection) = self.control.lock().as_mut()
            && let Err(error) = connection.query(sql, "Null", &Parameters::default())
        {
            tracing::warn!(error = error.message, "a query could not be stopped");
        }
    }

    /// Waits until no request has a connection; false if that takes longer than `limit`.
    pub(crate) fn wait_until_unused(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut contents = self.contents.lock();
        while contents.leased > 0 {
            if self.returned.wait_until(&mut contents, deadline).timed_out() {
                return contents.leased == 0;
            }
        }
        true
    }

    /// Closes every connection that is not in use, and lets no new one be opened. One in use is closed
    /// when its request ends. With the last one the engine stops: leaving one open at the process's exit
    /// may crash it.
    pub(crate) fn close(&self) {
        let (idle, sessions) = {
            let mut contents = self.contents.lock();
            contents.closed = true;
            (std::mem::take(&mut contents.idle), std::mem::take(&mut contents.sessions))
        };
        drop(idle);
        drop(sessions);
        let control = self.control.lock().take();
        drop(control);
    }
}

fn closed() -> Exception {
    Exception::new(Code::UnknownException, "the server is shutting down")
}

fn cannot_connect() -> Exception {
    Exception::new(Code::UnknownException, "the engine opens no further connection")
}

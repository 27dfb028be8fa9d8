//! The server: engine + loopback listener, from start to an orderly end.

mod prompt_socket;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::Error;
use crate::http::{self, State};
use crate::library::Library;
use crate::lock::DataLock;
use crate::pool::Pool;
use crate::settings;
use prompt_socket::PromptSocket;

/// Sockets at a time. Clients keep a handful each; a leak in one of them must not take all of the
/// process's files.
const SOCKETS_MAX: usize = 512;

/// A client has so long to send a request's headers.
const HEADERS: Duration = Duration::from_secs(30);

/// Longest request line and headers together. A statement in a URL may be as long as ClickHouse allows
/// it by default (`http_max_uri_size`, 1 MiB).
const HEADER_BYTES_MAX: usize = (1 << 20) + (64 << 10);

/// When the server goes down, running requests get so long to end by themselves; then they are stopped.
const GRACE: Duration = Duration::from_secs(30);

/// Stopped queries notice within milliseconds; a merge or a large insert's last block takes longer.
const AFTER_STOP: Duration = Duration::from_secs(30);

/// A merge names parts without anybody's asking; the parts that it replaced are deleted after 8 minutes
/// (`old_parts_lifetime`). So often its names are kept, where no insert does it meanwhile.
const KEEP_NAMES_EVERY: Duration = Duration::from_secs(60);

/// Dropping a server without shutting it down blocks for no longer than this.
const DROP_WAIT: Duration = Duration::from_secs(5);

/// What a server needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The library, as [`crate::locate_or_fetch`] returns it.
    pub engine: PathBuf,
    /// Where the data are. It is created if it is not there. One process at a time can have it.
    pub data_dir: PathBuf,
    /// A loopback address, or any when there is a password. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Statements at a time; further ones wait, up to 256. Each runs on up to as many threads as there
    /// are cores, so a few more than cores are enough.
    pub connections: usize,
    /// What the engine may use of the machine's memory, in bytes; a query that would go beyond fails with
    /// code 241. 0 means half of the machine.
    pub memory_bytes_max: u64,
    /// Threads that merge parts in the background.
    pub merge_threads: usize,
    /// If set, every request must bring it: as `X-ClickHouse-Key`, with HTTP basic authentication, or
    /// as `password=`. It keeps other users of the machine out, and other machines when it listens to them.
    pub password: Option<String>,
}

impl Config {
    /// Sensible values for a machine of two to eight cores, on any free port of 127.0.0.1.
    #[must_use]
    pub fn new(engine: PathBuf, data_dir: PathBuf) -> Self {
        Self {
            engine,
            data_dir,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            connections: 8,
            memory_bytes_max: 0,
            merge_threads: 2,
            password: None,
        }
    }
}

/// A running embedded database. There can be one in a process.
///
/// [`Server::shutdown`] ends it in an orderly way. Dropping it does so too, but blocks the thread while
/// running statements are stopped; the process must not exit before either.
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
    stop: watch::Sender<bool>,
    accepting: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Loads the engine, opens the data and listens. Must be called within a tokio runtime with I/O and
    /// time enabled.
    ///
    /// Tables that are created through it are durable without further settings: an insert is answered
    /// after its part is on disk (`fsync_after_insert`, `fsync_part_directory`, and what merging needs,
    /// are server-wide defaults here). The default of `async_insert` is 0 and the time zone is UTC.
    ///
    /// # Errors
    ///
    /// The address is taken, or not a loopback one although there is no password, the data directory is in use or not writable, the
    /// library cannot be loaded, or the engine refuses its data.
    pub async fn start(config: Config) -> Result<Self, Error> {
        if !config.listen.ip().is_loopback() && config.password.is_none() {
            return Err(Error::ChooseAddress { address: config.listen });
        }
        let failed = |source| Error::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let connections = config.connections.max(1);
        let password = config.password.clone();
        let opened = tokio::task::spawn_blocking(move || open(&config)).await;
        let (pool, version) =
            opened.map_err(|_| Error::AskEngine { message: "opening it panicked".into() })??;
        let state = Arc::new(State {
            pool: Arc::new(pool),
            admission: Arc::new(Semaphore::new(connections)),
            waiting: AtomicUsize::new(0),
            version,
            password,
            listens_on_loopback: address.ip().is_loopback(),
        });
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state), stopped));
        tracing::info!(%address, version = state.version, "the embedded database is ready");
        Ok(Self { address, state, stop, accepting: Some(accepting) })
    }

    /// Where it answers, as `http://127.0.0.1:8123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The engine's version, such as `26.7.2.1`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.state.version
    }

    /// Takes no more requests, lets the running ones end (and stops them after 30 s), and closes the
    /// engine. When it returns, the process may exit and another may have the data directory.
    pub async fn shutdown(mut self) {
        // The accepting task may have ended already if the runtime is going down.
        let _ = self.stop.send(true);
        if let Some(mut accepting) = self.accepting.take()
            && tokio::time::timeout(GRACE, &mut accepting).await.is_err()
        {
            tracing::warn!("statements still run after the grace period; they are stopped");
            let state = Arc::clone(&self.state);
            let _ = tokio::task::spawn_blocking(move || state.pool.stop_queries()).await;
            if tokio::time::timeout(AFTER_STOP, &mut accepting).await.is_err() {
                accepting.abort();
            }
        }
        let state = Arc::clone(&self.state);
        let _ = tokio::task::spawn_blocking(move || close(&state, AFTER_STOP)).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            let _ = self.stop.send(true);
            accepting.abort();
            self.state.pool.stop_queries();
            close(&self.state, DROP_WAIT);
        }
    }
}

fn open(config: &Config) -> Result<(Pool, String), Error> {
    let use_file =
        |operation| move |source| Error::UseFile { operation, path: config.data_dir.clone(), source };
    std::fs::create_dir_all(&config.data_dir).map_err(use_file("create the data directory"))?;
    let data_dir: &Path = &config.data_dir.canonicalize().map_err(use_file("find the data directory"))?;
    let lock = DataLock::take(data_dir)?;
    let arguments = settings::prepare(config, data_dir)?;
    let library = Library::load(&config.engine)?;
    let pool = Pool::open(library, arguments, config.connections.max(1), data_dir, lock)?;
    let version = pool.version().map_err(|error| Error::AskEngine { message: error.message })?;
    Ok((pool, version))
}

fn close(state: &State, limit: Duration) {
    state.admission.close();
    if !state.pool.wait_until_unused(limit) {
        tracing::error!("a statement could not be stopped; the engine stays open until the process ends");
    }
    state.pool.close();
}

/// Accepts sockets until it is told to stop, then waits for the requests that run.
async fn accept(listener: TcpListener, state: Arc<State>, mut stopped: watch::Receiver<bool>) {
    let sockets = Arc::new(Semaphore::new(SOCKETS_MAX));
    let mut serving = JoinSet::new();
    let mut keeping = tokio::time::interval(KEEP_NAMES_EVERY);
    loop {
        let Ok(permit) = Arc::clone(&sockets).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told_to_stop(&mut stopped) => break,
            Some(_) = serving.join_next() => continue,
            _ = keeping.tick() => {
                let state = Arc::clone(&state);
                serving.spawn(async move {
                    // A failure is logged there, and tried again with the next statement.
                    let _ = tokio::task::spawn_blocking(move || state.pool.keep_names(true)).await;
                });
                continue;
            }
        };
        match accepted {
            Ok((socket, _)) => {
                let (state, stopped) = (Arc::clone(&state), stopped.clone());
                serving.spawn(async move {
                    serve(socket, state, stopped).await;
                    drop(permit);
                });
            }
            // Out of files, most likely: sockets that end will give some back.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    while serving.join_next().await.is_some() {}
}

/// Ends when the server is to stop, or is gone.
async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn serve(socket: TcpStream, state: Arc<State>, mut stopped: watch::Receiver<bool>) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, std::convert::Infallible>(http::answer(state, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(PromptSocket::new(socket)), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = told_to_stop(&mut stopped) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

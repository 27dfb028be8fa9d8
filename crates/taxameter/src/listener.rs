//! The HTTP listener: connections, their limits and their end.
//!
//! axum's own `serve` sets no timer, so a sender that never finishes its headers would hold a connection for ever;
//! this loop gives hyper one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// How long a sender may take for its headers: a slow network needs one or two seconds, an attack needs minutes.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How many connections are open at once; more wait in the kernel's queue. Each costs some 50 kB at most.
const CONNECTIONS_MAX: usize = 1024;
/// The size of all headers of a request.
const HEADER_BYTES_MAX: usize = 16 * 1024;
/// How many requests an HTTP/2 connection may have under way.
const STREAMS_MAX: u32 = 100;
/// How long requests under way may still take when the program stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait before accepting again when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener that is bound but does not answer yet.
pub(crate) struct Listener {
    socket: TcpListener,
}

impl Listener {
    /// Binds an address; port 0 takes a free one.
    pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let socket = TcpListener::bind(address).await.with_context(|| {
            format!(
                "could not listen on {address}: is another taxameter running? Choose another with --listen"
            )
        })?;
        Ok(Self { socket })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        self.socket.local_addr().context("could not read the listener's address")
    }

    /// Answers until `stop` says so, then lets what is under way finish.
    pub(crate) async fn run(self, router: axum::Router, mut stop: watch::Receiver<bool>) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let graceful = GracefulShutdown::new();
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(HEADER_BYTES_MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(u32::try_from(HEADER_BYTES_MAX).unwrap_or(u32::MAX))
            .keep_alive_interval(Duration::from_secs(30));
        loop {
            let slot = tokio::select! {
                slot = Arc::clone(&slots).acquire_owned() => slot,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a connection could not be accepted"
                    );
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let _ = stream.set_nodelay(true);
            let service = TowerToHyperService::new(router.clone());
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                let _slot = slot;
                if let Err(error) = connection.await {
                    tracing::debug!(
                        error = error.as_ref() as &dyn std::error::Error,
                        "a connection ended early"
                    );
                }
            });
        }
        drop(self.socket);
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests were still under way after {SHUTDOWN_TIMEOUT:?}; they were cut off");
        }
    }
}

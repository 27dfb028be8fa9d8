//! The HTTP listener: connections, their limits and their end.
//!
//! axum's own `serve` sets no limits, so a sender that never finishes its headers would hold a connection for ever. Start
//! with [`Limits`], then [`connection`] (one connection) and [`answering`] (one request).

mod activity;
mod answering;
mod connection;
mod limits;
mod metrics;
mod pace;
#[cfg(test)]
mod tests;
pub(crate) mod tls;
mod watched;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use prometheus::IntGauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use connection::Common;
use tls::Tls;

pub(crate) use limits::Limits;
pub(crate) use metrics::{Limit, Metrics};

/// How long to wait before accepting again when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener that is bound but does not answer yet.
pub(crate) struct Listener {
    socket: TcpListener,
    limits: Limits,
    tls: Option<Arc<Tls>>,
}

impl Listener {
    /// Binds an address; port 0 takes a free one.
    pub(crate) async fn bind(
        address: SocketAddr,
        limits: Limits,
        tls: Option<Arc<Tls>>,
    ) -> anyhow::Result<Self> {
        let socket = TcpListener::bind(address).await.with_context(|| {
            format!(
                "could not listen on {address}: is another taxameter running? Choose another with --listen"
            )
        })?;
        Ok(Self { socket, limits, tls })
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> anyhow::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.address()?))
    }

    /// Its certificate, if it has one.
    pub(crate) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        self.socket.local_addr().context("could not read the listener's address")
    }

    /// Answers until `stop` says so, then lets what is under way finish.
    pub(crate) async fn run(self, router: axum::Router, metrics: Metrics, mut stop: watch::Receiver<bool>) {
        let Self { socket, limits, tls } = self;
        let builder = connection::builder(&limits);
        let slots = Arc::new(Semaphore::new(limits.connections));
        let common = Arc::new(Common { router, limits, metrics, builder, tls });
        loop {
            let next = async {
                let permit = permit(&slots, &common.metrics).await?;
                let stream = accept(&socket).await;
                let connections = common.metrics.connections.clone();
                connections.inc();
                Some((Slot { _permit: permit, connections }, stream))
            };
            let (slot, stream) = tokio::select! {
                Some(next) = next => next,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let _ = stream.set_nodelay(true);
            let (common, stop) = (Arc::clone(&common), stop.clone());
            tokio::spawn(async move {
                let _slot = slot;
                connection::answer(stream, common, stop).await;
            });
        }
        drop(socket);
        let all = u32::try_from(common.limits.connections).unwrap_or(u32::MAX);
        let limit = common.limits.shutdown_time;
        if tokio::time::timeout(limit, slots.acquire_many(all)).await.is_err() {
            tracing::warn!("requests were still under way after {limit:?}; they were cut off");
        }
    }
}

/// What a connection holds while it is open.
struct Slot {
    _permit: OwnedSemaphorePermit,
    connections: IntGauge,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.dec();
    }
}

/// Room for one more connection, as soon as there is some.
async fn permit(slots: &Arc<Semaphore>, metrics: &Metrics) -> Option<OwnedSemaphorePermit> {
    if let Ok(permit) = Arc::clone(slots).try_acquire_owned() {
        return Some(permit);
    }
    metrics.reach(Limit::Connections);
    Arc::clone(slots).acquire_owned().await.ok()
}

/// The next connection.
async fn accept(socket: &TcpListener) -> TcpStream {
    loop {
        match socket.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a connection could not be accepted"
                );
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

//! A listener with a router of its own, and senders that speak plain bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::{get, post};
use prometheus::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::listener::tls::Tls;
use crate::listener::{Limit, Limits, Listener, Metrics};

/// How long anything that is awaited may take on a slow day.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// More than the kernel keeps of an answer that nobody fetches.
pub(super) const LARGE_BYTES: usize = 32 << 20;

pub(super) struct Place {
    pub(super) address: SocketAddr,
    pub(super) registry: Registry,
    /// Dropped, it stops the listener.
    _stop: watch::Sender<bool>,
}

impl Place {
    pub(super) async fn new(limits: Limits) -> Self {
        Self::with(limits, None).await
    }

    pub(super) async fn with(limits: Limits, tls: Option<Arc<Tls>>) -> Self {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), limits, tls).await.unwrap();
        let (address, registry) = (listener.address().unwrap(), Registry::new());
        let metrics = Metrics::register(&registry).unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(listener.run(router(), metrics, stopped));
        Self { address, registry, _stop: stop }
    }

    /// A connection over which this was sent.
    pub(super) async fn send(&self, text: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(text.as_bytes()).await.unwrap();
        socket
    }

    /// How often a limit was reached.
    pub(super) fn reached(&self, limit: Limit) -> u64 {
        self.value("taxameter_limit_reached_total", Some(limit.name()))
    }

    /// How many connections are open.
    pub(super) fn connections(&self) -> u64 {
        self.value("taxameter_connections", None)
    }

    fn value(&self, name: &str, label: Option<&str>) -> u64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name).unwrap();
        let mut metrics = family.get_metric().iter();
        let wanted = metrics.find(|m| label.is_none_or(|label| m.get_label()[0].value() == label)).unwrap();
        (wanted.get_counter().get_value() + wanted.get_gauge().get_value()) as u64
    }
}

fn router() -> Router {
    Router::new()
        .route("/", get(|| async { "here" }))
        .route("/body", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/large", get(|| async { vec![b'x'; LARGE_BYTES] }))
        .route("/never", get(std::future::pending::<StatusCode>))
        .route("/v1/months/2021-03/close", post(std::future::pending::<StatusCode>))
}

/// Everything that comes until the other side closes; a connection that is cut off counts as closed.
pub(super) async fn rest(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(DEADLINE, socket.read_to_end(&mut bytes)).await;
    let _ = read.expect("the connection is closed");
    String::from_utf8(bytes).unwrap()
}

/// Reads until what has come ends so.
pub(super) async fn read_until(socket: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut bytes = [0; 1024];
        let read = tokio::time::timeout(DEADLINE, socket.read(&mut bytes)).await.expect("an answer").unwrap();
        assert!(read > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    text
}

/// Waits until something holds.
pub(super) async fn until(awaited: &str, mut holds: impl FnMut() -> bool) {
    let look = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, look).await.unwrap_or_else(|_| panic!("waited in vain: {awaited}"));
}

pub(super) const GET: &str = "GET / HTTP/1.1\r\nhost: here\r\n\r\n";

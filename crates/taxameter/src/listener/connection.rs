//! One connection, from its handshake to its end.

use std::pin::pin;
use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::activity::{Activity, Expiry};
use super::answering::Answering;
use super::limits::Limits;
use super::metrics::{Limit, Metrics};
use super::tls::Tls;
use super::watched::Watched;

/// What all connections of a listener have in common.
pub(super) struct Common {
    pub(super) router: axum::Router,
    pub(super) limits: Limits,
    pub(super) metrics: Metrics,
    pub(super) builder: auto::Builder<TokioExecutor>,
    pub(super) tls: Option<Arc<Tls>>,
}

/// hyper, within the limits that it can hold itself. It has twice the room for headers: what is over the limit by less is
/// answered as a problem that says so.
pub(super) fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let room = limits.header_bytes.saturating_mul(2);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // The connection's own clock has more to say about headers than hyper's timer.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(room);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(room).unwrap_or(u32::MAX));
    builder
}

/// Shakes hands on a connection where that is asked for, and answers what comes on it.
pub(super) async fn answer(socket: TcpStream, common: Arc<Common>, stop: watch::Receiver<bool>) {
    let Some(tls) = &common.tls else {
        return serve(socket, common, stop).await;
    };
    let handshake = tls.acceptor().accept(socket);
    match tokio::time::timeout(common.limits.header_time, handshake).await {
        Ok(Ok(stream)) => serve(stream, common, stop).await,
        Ok(Err(error)) => tracing::debug!(error = &error as &dyn std::error::Error, "a handshake failed"),
        Err(_) => common.metrics.reach(Limit::HandshakeTime),
    }
}

/// Answers what comes on a stream until one side ends it, it has taken too long for something, or the program stops.
async fn serve<S>(stream: S, common: Arc<Common>, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (limits, metrics) = (&common.limits, &common.metrics);
    let activity = Arc::new(Activity::new());
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&activity)));
    let answering = Answering::new(Arc::clone(&common), Arc::clone(&activity));
    let mut connection = pin!(common.builder.serve_connection(io, answering));
    let (mut is_stopping, mut leave_by) = (false, None);
    loop {
        let left = async {
            match leave_by {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tell(error.as_ref(), metrics);
                }
                return;
            }
            _ = stop.wait_for(|stop| *stop), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            expiry = activity.expired(limits), if leave_by.is_none() => match expiry {
                Expiry::Headers => return metrics.reach(Limit::HeaderTime),
                Expiry::Idle => {
                    metrics.reach(Limit::IdleTime);
                    // Says goodbye where the protocol can (HTTP/2), and waits no longer for an answer to that.
                    connection.as_mut().graceful_shutdown();
                    leave_by = Some(Instant::now() + limits.header_time);
                }
            },
            () = left => return,
        }
    }
}

/// Senders that go away are not worth a line in an ordinary log; headers beyond what hyper reads are a limit reached.
fn tell(error: &(dyn std::error::Error + Send + Sync + 'static), metrics: &Metrics) {
    if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse_too_large) {
        metrics.reach(Limit::HeaderBytes);
    }
    tracing::debug!(error = error as &dyn std::error::Error, "a connection ended early");
}

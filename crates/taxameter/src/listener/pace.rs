//! How fast a body comes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::limits::Limits;

/// How much of a body has come, seen from beside whoever reads it.
#[derive(Debug)]
pub(super) struct Pace {
    came: AtomicU64,
    /// Told once, when the body is whole or nobody reads it any more.
    ended: Notify,
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    /// The whole body.
    Body,
    /// Each part of it.
    Rate,
    /// The answer.
    Answer,
}

/// A body whose coming is told to its [`Pace`].
struct Measured<B> {
    body: B,
    pace: Arc<Pace>,
}

impl Pace {
    /// Measures a body from now on.
    pub(super) fn of<B>(body: B) -> (Body, Arc<Self>)
    where
        B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let pace = Arc::new(Self { came: AtomicU64::new(0), ended: Notify::new() });
        if body.is_end_stream() {
            pace.ended.notify_one();
        }
        (Body::new(Measured { body, pace: Arc::clone(&pace) }), pace)
    }

    /// Waits until the body is here; fails if it comes too slowly.
    pub(super) async fn wait(&self, limits: &Limits) -> Result<(), Late> {
        let began = Instant::now();
        let mut look = limits.body_grace.min(limits.body_time);
        loop {
            tokio::select! {
                biased;
                () = self.ended.notified() => return Ok(()),
                () = tokio::time::sleep_until(began + look) => {}
            }
            if look >= limits.body_time {
                return Err(Late::Body);
            }
            let lasts = lasts(self.came.load(Ordering::Relaxed), limits.body_rate);
            if lasts <= look {
                return Err(Late::Rate);
            }
            look = lasts.min(limits.body_time);
        }
    }
}

/// For how long so many bytes are enough.
fn lasts(bytes: u64, rate: u64) -> Duration {
    Duration::from_millis(bytes.saturating_mul(1_000) / rate.max(1))
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Measured<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.pace.came.fetch_add(bytes as u64, Ordering::Relaxed);
            }
            Poll::Ready(None | Some(Err(_))) => self.pace.ended.notify_one(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Measured<B> {
    fn drop(&mut self) {
        self.pace.ended.notify_one();
    }
}

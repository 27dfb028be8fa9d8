//! A socket that confirms what it receives at once.
//!
//! The official crate leaves Nagle's algorithm on: it sends a request's head and then holds back a short
//! body until the head is confirmed, which a receiver normally puts off for 40 ms in the hope of an
//! answer to send along. Every third one-row insert took 50 ms instead of 6 [measured].

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A sender that gives so much at a time does not wait: the system confirms its data as they come.
const LONG_READ_BYTES: usize = 16 << 10;

pub(super) struct PromptSocket(TcpStream);

impl PromptSocket {
    pub(super) fn new(socket: TcpStream) -> Self {
        // Answers are written in one go; holding them back would only delay them.
        let _ = socket.set_nodelay(true);
        let socket = Self(socket);
        socket.confirm_at_once();
        socket
    }

    /// The system forgets this again after a while, so it is said after every read.
    fn confirm_at_once(&self) {
        #[cfg(target_os = "linux")]
        // Without it things are slower, not wrong.
        let _ = self.0.set_quickack(true);
    }
}

impl AsyncRead for PromptSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.0).poll_read(context, buffer));
        if buffer.filled().len() - before < LONG_READ_BYTES {
            self.confirm_at_once();
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for PromptSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

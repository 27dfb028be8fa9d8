//! A result on its way from the engine's pipe to the client.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

use super::super::State;
use super::encoder::Encoder;
use crate::exception::{Code, Exception};
use crate::library::Counts;

/// A client that takes nothing for so long is given up: it holds a connection to the engine meanwhile.
/// ClickHouse's `http_send_timeout` is 30 s; a person who pages through a result gets more.
const STALLED: Duration = Duration::from_secs(300);

/// After an error in the middle of a body, hyper gets so long to send what was written before the
/// connection is cut.
const BEFORE_CUT: Duration = Duration::from_millis(50);

/// Marks an error in the middle of a body. ClickHouse draws it at random for every response, so that
/// rows cannot imitate it; a counter would do less, so the query's number is mixed with the time.
pub(super) fn exception_tag(began: Instant, tag: &str) -> String {
    let mut seed = began.elapsed().as_nanos() as u64 ^ u64::from(std::process::id()) << 32;
    seed = tag.bytes().fold(seed, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (0..16).map(|index| char::from(b'a' + (seed.rotate_left(index * 4) % 26) as u8)).collect()
}

/// The client is gone or takes nothing.
pub(super) struct ClientGone;

/// Sends what the pipe brings, and how the query ended.
pub(super) async fn send_rest(
    mut pipe: pipe::Receiver,
    start: BytesMut,
    mut encoder: Encoder,
    outcome: tokio::sync::oneshot::Receiver<Result<Counts, Exception>>,
    sender: &mpsc::Sender<io::Result<Bytes>>,
    version: &str,
    exception_tag: &str,
) -> Result<(), ClientGone> {
    let mut piece = start;
    let broken = loop {
        let encoded = match encoder.push(&piece) {
            Ok(encoded) => encoded,
            Err(error) => break Some(error),
        };
        if !encoded.is_empty() {
            send(sender, Ok(encoded.into())).await?;
        }
        piece.clear();
        match pipe.read_buf(&mut piece).await {
            Ok(0) => break None,
            Ok(_) => {}
            Err(error) => break Some(error),
        }
    };
    let outcome = match (broken, outcome.await) {
        (None, Ok(outcome)) => outcome.map(drop),
        (Some(error), _) => Err(Exception::new(Code::UnknownException, format!("the result broke: {error}"))),
        (None, Err(_)) => Err(Exception::new(Code::UnknownException, "the query was dropped")),
    };
    let Err(error) = outcome else {
        let rest = encoder.finish().map_err(|_| ClientGone)?;
        return if rest.is_empty() { Ok(()) } else { send(sender, Ok(rest.into())).await };
    };
    // As ClickHouse marks it since 25.11; then the connection is cut, for those who do not look.
    let text = error.wire_text(version);
    let mark = format!(
        "\r\n__exception__\r\n{exception_tag}\r\n{text}{} {exception_tag}\r\n__exception__\r\n",
        text.len()
    );
    let encoded = encoder.push(mark.as_bytes()).and_then(|start| Ok([start, encoder.finish()?].concat()));
    send(sender, Ok(encoded.map_err(|_| ClientGone)?.into())).await?;
    tokio::time::sleep(BEFORE_CUT).await;
    send(sender, Err(io::Error::other("the query failed"))).await
}

async fn send(sender: &mpsc::Sender<io::Result<Bytes>>, piece: io::Result<Bytes>) -> Result<(), ClientGone> {
    sender.send_timeout(piece, STALLED).await.map_err(|_| ClientGone)
}

/// Stops a query whose result nobody waits for any more.
pub(super) struct StopWhenDropped {
    pub(super) state: Option<Arc<State>>,
    pub(super) tag: String,
}

impl StopWhenDropped {
    pub(super) fn disarm(&mut self) {
        self.state = None;
    }
}

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        let Some(state) = self.state.take() else { return };
        let tag = std::mem::take(&mut self.tag);
        // Without a runtime the server is going down, which stops all queries.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || state.pool.stop_query(&tag));
        }
    }
}

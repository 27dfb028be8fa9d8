//! A request's body: socket → decompression → blocking reader.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use tokio::sync::mpsc;

use super::arguments::header_text;
use crate::exception::{Code, Exception};

/// Frames between socket and engine: a few, so that both can work at the same time. Hyper's frames grow
/// to some 400 kB.
const FRAMES: usize = 4;

/// When the engine has refused an insert, so much of the rest of the body is read and thrown away. A
/// client that is still writing would otherwise see a broken connection instead of the error.
const DRAIN_BYTES_MAX: u64 = 64 << 20;

/// The next frame of data.
pub(super) async fn next_frame(body: &mut Incoming) -> Option<io::Result<Bytes>> {
    loop {
        let frame = std::future::poll_fn(|context: &mut Context<'_>| -> Poll<_> {
            Pin::new(&mut *body).poll_frame(context)
        })
        .await?;
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => return Some(Ok(data)),
            // Trailers mean nothing here.
            Ok(Err(_)) => {}
            Err(error) => return Some(Err(io::Error::other(error))),
        }
    }
}

/// A request's body on its way to a blocking thread.
pub(super) struct EncodedBody {
    frames: Frames,
    encoding: Encoding,
}

#[derive(Clone, Copy)]
enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
    Lz4,
}

impl EncodedBody {
    /// The decoded body. To be called on a blocking thread, because decoders read ahead at once.
    pub(super) fn into_reader(self) -> Box<dyn Read + Send> {
        let Self { frames, encoding } = self;
        match encoding {
            Encoding::Identity => Box::new(frames),
            Encoding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(frames)),
            Encoding::Deflate => Box::new(flate2::read::ZlibDecoder::new(frames)),
            Encoding::Zstd => match zstd::stream::read::Decoder::new(frames) {
                Ok(decoder) => Box::new(decoder),
                Err(error) => Box::new(Broken(Some(error))),
            },
            Encoding::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(frames)),
        }
    }
}

/// A body that cannot be read.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self.0.take().unwrap_or_else(|| io::ErrorKind::InvalidData.into()))
    }
}

/// Begins to receive a body.
pub(super) fn receive(headers: &HeaderMap, mut body: Incoming) -> Result<EncodedBody, Exception> {
    let encoding = header_text(headers, CONTENT_ENCODING.as_str()).unwrap_or_default();
    let encoding = match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Encoding::Identity,
        "gzip" | "x-gzip" => Encoding::Gzip,
        "deflate" => Encoding::Deflate,
        "zstd" => Encoding::Zstd,
        "lz4" => Encoding::Lz4,
        other => {
            let other = other.escape_debug();
            return Err(Exception::new(
                Code::UnknownCompression,
                format!("Unknown compression method '{other}'; gzip, deflate, zstd and lz4 are known"),
            ));
        }
    };
    let (sender, receiver) = mpsc::channel(FRAMES);
    tokio::spawn(async move {
        let mut drained = 0;
        while let Some(frame) = next_frame(&mut body).await {
            let failed = frame.is_err();
            let bytes = frame.as_ref().map_or(0, |data| data.len() as u64);
            if sender.send(frame).await.is_err() {
                drained += bytes;
            }
            if failed || drained > DRAIN_BYTES_MAX {
                break;
            }
        }
    });
    Ok(EncodedBody { frames: Frames { receiver, current: Bytes::new() }, encoding })
}

/// Frames as a reader. An error in the middle stays an error: what was cut is not complete.
struct Frames {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Read for Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(frame) => self.current = frame?,
                None => return Ok(0),
            }
        }
        let bytes = self.current.len().min(buffer.len());
        self.current.copy_to_slice(&mut buffer[..bytes]);
        Ok(bytes)
    }
}

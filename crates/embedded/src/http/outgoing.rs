//! The answer: headers as ClickHouse sends them, and a body that is complete or streamed.

mod body;
mod encoder;
mod stream;

use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

use super::State;
use super::arguments::Arguments;
use crate::exception::{Code, Exception};
use crate::execute::Piped;
use crate::library::Counts;
use encoder::{Encoder, Encoding};
use stream::{StopWhenDropped, exception_tag, send_rest};

pub(crate) use body::Body;

/// Results up to this size are answered in one piece: errors of small queries, also late ones, get their
/// status, and the summary is complete.
const BUFFER_BYTES: usize = 64 << 10;

/// The same with `wait_end_of_query=1`. ClickHouse would go on in a file; here a longer result begins
/// to be sent, and an error after that is marked in the body.
const WAIT_BUFFER_BYTES: usize = 16 << 20;

/// Pieces between pipe and socket.
const PIECES: usize = 4;

/// What of a request its answer needs.
pub(super) struct Outgoing {
    query_id: String,
    wait: bool,
    encoding: Encoding,
    began: Instant,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self { query_id: String::new(), wait: false, encoding: Encoding::Identity, began: Instant::now() }
    }
}

/// A text that ClickHouse answers to those who only knock.
pub(super) fn plain(text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::complete(Bytes::from_static(text.as_bytes())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
    response
}

/// For paths that there are none of.
pub(super) fn not_found() -> Response<Body> {
    let mut response = plain("There is no such handler. Use / for queries and /ping for health checks.\n");
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

impl Outgoing {
    pub(super) fn of(arguments: &Arguments, began: Instant) -> Self {
        Self {
            query_id: arguments.query_id.clone(),
            wait: arguments.wait_end_of_query,
            encoding: Encoding::choose(arguments.accepted_encodings.as_deref()),
            began,
        }
    }

    /// An error, with nothing sent before it.
    pub(super) fn error(&self, state: &State, error: &Exception) -> Response<Body> {
        let mut response =
            self.complete(state, error.wire_text(&state.version).into(), "", Counts::default());
        *response.status_mut() = error.status();
        let headers = response.headers_mut();
        headers.insert("X-ClickHouse-Exception-Code", HeaderValue::from(error.code));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
        if error.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// An error to somebody who may not ask.
    pub(super) fn refusal(&self, state: &State, error: &Exception) -> Response<Body> {
        Self { encoding: Encoding::Identity, query_id: String::new(), ..*self }.error(state, error)
    }

    /// A result that is all there.
    pub(super) fn complete(
        &self,
        state: &State,
        data: Bytes,
        format: &str,
        counts: Counts,
    ) -> Response<Body> {
        if self.encoding == Encoding::Identity {
            return self.with_headers(Body::complete(data), format, counts);
        }
        let mut encoder = Encoder::new(self.encoding);
        match encoder.push(&data).and_then(|start| Ok([start, encoder.finish()?].concat())) {
            Ok(encoded) => self.with_headers(Body::complete(encoded.into()), format, counts),
            Err(error) => {
                let error =
                    Exception::new(Code::UnknownException, format!("the result cannot be packed: {error}"));
                self.refusal(state, &error)
            }
        }
    }

    fn with_headers(&self, body: Body, format: &str, counts: Counts) -> Response<Body> {
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        let mut set = |name: &'static str, value: &str| {
            // A query id may hold what a header cannot; then it is left out.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set("X-ClickHouse-Query-Id", &self.query_id);
        set("X-ClickHouse-Server-Display-Name", "taxameter");
        set("X-ClickHouse-Timezone", "UTC");
        set("X-ClickHouse-Summary", &summary(counts, self.began.elapsed()));
        if !format.is_empty() {
            set("X-ClickHouse-Format", format);
        }
        set(CONTENT_TYPE.as_str(), content_type(format));
        if let Some(name) = self.encoding.name() {
            set(CONTENT_ENCODING.as_str(), name);
        }
        response
    }

    /// A result that comes through a pipe: in one piece if it is small, else as it comes.
    pub(super) async fn stream(self, state: Arc<State>, piped: Piped) -> Response<Body> {
        let Piped { reader, format, outcome, tag } = piped;
        let mut stop = StopWhenDropped { state: Some(Arc::clone(&state)), tag };
        let mut pipe = match open(reader) {
            Ok(pipe) => pipe,
            Err(error) => {
                let error =
                    Exception::new(Code::UnknownException, format!("no pipe for the result: {error}"));
                return self.error(&state, &error);
            }
        };
        let bytes_max = if self.wait { WAIT_BUFFER_BYTES } else { BUFFER_BYTES };
        let mut start = BytesMut::with_capacity(BUFFER_BYTES);
        let at_end = loop {
            match pipe.read_buf(&mut start).await {
                Ok(0) => break true,
                Ok(_) if start.len() >= bytes_max => break false,
                Ok(_) => {}
                Err(error) => {
                    let error =
                        Exception::new(Code::UnknownException, format!("the result's pipe broke: {error}"));
                    return self.error(&state, &error);
                }
            }
        };
        if at_end {
            stop.disarm();
            return match outcome.await {
                Ok(Ok(counts)) => self.complete(&state, start.freeze(), &format, counts),
                Ok(Err(error)) => self.error(&state, &error),
                Err(_) => {
                    self.error(&state, &Exception::new(Code::UnknownException, "the query was dropped"))
                }
            };
        }
        let (sender, receiver) = mpsc::channel(PIECES);
        let exception_tag = exception_tag(self.began, &stop.tag);
        let mut response = self.with_headers(Body::streamed(receiver), &format, Counts::default());
        if let Ok(value) = HeaderValue::from_str(&exception_tag) {
            response.headers_mut().insert("X-ClickHouse-Exception-Tag", value);
        }
        let encoder = Encoder::new(self.encoding);
        tokio::spawn(async move {
            let sent =
                send_rest(pipe, start, encoder, outcome, &sender, &state.version, &exception_tag).await;
            if sent.is_ok() {
                stop.disarm();
            }
        });
        response
    }
}

fn open(reader: PipeReader) -> io::Result<pipe::Receiver> {
    pipe::Receiver::from_owned_fd(OwnedFd::from(reader))
}

fn summary(counts: Counts, elapsed: Duration) -> String {
    let Counts { read_rows, read_bytes, result_rows, result_bytes, written_rows, written_bytes } = counts;
    format!(
        "{{\"read_rows\":\"{read_rows}\",\"read_bytes\":\"{read_bytes}\",\"written_rows\":\"{written_rows}\",\
         \"written_bytes\":\"{written_bytes}\",\"total_rows_to_read\":\"0\",\"result_rows\":\"{result_rows}\",\
         \"result_bytes\":\"{result_bytes}\",\"elapsed_ns\":\"{}\"}}",
        elapsed.as_nanos()
    )
}

fn content_type(format: &str) -> &'static str {
    match format {
        "TabSeparated"
        | "TabSeparatedRaw"
        | "TSV"
        | "TSVRaw"
        | "TabSeparatedWithNames"
        | "TSVWithNames"
        | "TabSeparatedWithNamesAndTypes"
        | "TSVWithNamesAndTypes" => "text/tab-separated-values; charset=UTF-8",
        "CSV" | "CSVWithNames" | "CSVWithNamesAndTypes" => "text/csv; charset=UTF-8; header=present",
        "JSON"
        | "JSONCompact"
        | "JSONStrings"
        | "JSONColumns"
        | "JSONCompactColumns"
        | "JSONColumnsWithMetadata" => "application/json; charset=UTF-8",
        "JSONEachRow" | "JSONLines" | "NDJSON" => "application/x-ndjson; charset=UTF-8",
        "XML" => "application/xml; charset=UTF-8",
        "RowBinary"
        | "RowBinaryWithNames"
        | "RowBinaryWithNamesAndTypes"
        | "Native"
        | "Parquet"
        | "Arrow"
        | "ArrowStream"
        | "ORC"
        | "Avro" => "application/octet-stream",
        _ => "text/plain; charset=UTF-8",
    }
}

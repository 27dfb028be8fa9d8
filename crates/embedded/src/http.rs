//! ClickHouse's HTTP interface: request → admission → execution → response.

mod arguments;
mod guard;
mod incoming;
mod multipart;
mod outgoing;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::exception::{Code, Exception};
use crate::execute::{Finished, Started, execute};
use crate::pool::Pool;
use arguments::Arguments;
use incoming::EncodedBody;
use outgoing::{Body, Outgoing};

/// Requests that wait for a connection. Each holds its socket and a few kilobytes; more of them than
/// this would wait longer than any client does, and are answered "too many queries" at once.
const WAITING_MAX: usize = 256;

/// What all requests share.
pub(crate) struct State {
    pub(crate) pool: Arc<Pool>,
    /// One permit for each statement that may run at a time.
    pub(crate) admission: Arc<Semaphore>,
    pub(crate) waiting: AtomicUsize,
    /// The engine's version.
    pub(crate) version: String,
    /// What a client must know.
    pub(crate) password: Option<String>,
    /// Whether only this machine's own programs can reach the listener.
    pub(crate) listens_on_loopback: bool,
}

/// Answers one request.
pub(crate) async fn answer(state: Arc<State>, request: Request<Incoming>) -> Response<Body> {
    let began = Instant::now();
    if matches!(request.uri().path(), "/ping" | "/replicas_status") {
        return outgoing::plain("Ok.\n");
    }
    let (parts, body) = request.into_parts();
    let mut arguments = match Arguments::of(&parts) {
        Ok(arguments) => arguments,
        Err(error) => return Outgoing::default().error(&state, &error),
    };
    let outgoing = Outgoing::of(&arguments, began);
    let let_in = guard::check(&parts, &arguments, state.password.as_deref(), state.listens_on_loopback);
    if let Err(refusal) = let_in {
        return outgoing.refusal(&state, &refusal);
    }
    if !matches!(parts.uri.path(), "/" | "/query") {
        return outgoing::not_found();
    }
    if parts.method == Method::GET && arguments.query.text.is_empty() {
        return outgoing::plain("Ok.\n");
    }
    let permit = match admit(&state).await {
        Ok(permit) => permit,
        Err(error) => return outgoing.error(&state, &error),
    };
    let body = if let Some(boundary) = multipart::boundary(&parts.headers) {
        match multipart::read_into(&mut arguments, &boundary, body).await {
            Ok(()) => None,
            Err(error) => return outgoing.error(&state, &error),
        }
    } else {
        match incoming::receive(&parts.headers, body) {
            Ok(body) => Some(body),
            Err(error) => return outgoing.error(&state, &error),
        }
    };
    let started = run(&state, arguments, body, permit).await;
    match started {
        Ok(Started::Finished(Ok(Finished { data, format, counts }))) => {
            outgoing.complete(&state, data.into(), &format, counts)
        }
        Ok(Started::Finished(Err(error))) => outgoing.error(&state, &error),
        Ok(Started::Piped(piped)) => outgoing.stream(state, piped).await,
        Err(_) => {
            let error = Exception::new(Code::UnknownException, "the request was dropped");
            outgoing.error(&state, &error)
        }
    }
}

/// Starts the request on a blocking thread. The permit is given back when the statement has ended, also
/// if nobody waits for the answer any more.
fn run(
    state: &Arc<State>,
    arguments: Arguments,
    body: Option<EncodedBody>,
    permit: OwnedSemaphorePermit,
) -> oneshot::Receiver<Started> {
    let (sender, receiver) = oneshot::channel();
    let pool = Arc::clone(&state.pool);
    tokio::task::spawn_blocking(move || {
        let body =
            body.map_or_else(|| Box::new(std::io::empty()) as Box<dyn Read + Send>, EncodedBody::into_reader);
        execute(&pool, arguments.query, body, sender);
        drop(permit);
    });
    receiver
}

async fn admit(state: &State) -> Result<OwnedSemaphorePermit, Exception> {
    /// Counts a request out again, also if its client leaves while it waits.
    struct Waiting<'a>(&'a AtomicUsize);
    impl Drop for Waiting<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let others = state.waiting.fetch_add(1, Ordering::Relaxed);
    let _waiting = Waiting(&state.waiting);
    if others >= WAITING_MAX {
        return Err(Exception::new(
            Code::TooManyQueries,
            format!("Too many simultaneous queries: {WAITING_MAX} are waiting"),
        ));
    }
    let admission = Arc::clone(&state.admission).acquire_owned().await;
    admission.map_err(|_| Exception::new(Code::UnknownException, "the server is shutting down"))
}

//! POST /v1/events (and OpenMeter's path): request → body within its limits → slices of events → [`Intake`] → answer

pub mod binary;
pub mod body;
pub mod guard;
pub mod media;
mod openmeter;
pub mod problem;
pub mod rows;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::Instant;
use serde::Serialize;

use self::body::{Limits, Room};
use self::media::{Encoding, Form};
use self::problem::{Problem, Reason};
use crate::intake::{Answer, Intake, Mode, Principal, Rejected, Unavailable};

/// The most events of one request; senders cut larger batches.
pub const BATCH_EVENTS_MAX: usize = 10_000;

/// How long a request waits for the log before it is told to come again: less than the 30 s that the listener gives an answer,
/// so that the sender learns why.
const DURABLE_WAIT_MAX: Duration = Duration::from_secs(25);

/// What the handler needs.
#[derive(Clone)]
struct Shared {
    intake: Arc<Intake>,
    clock: fn() -> Instant,
    limits: Arc<Limits>,
    room: Arc<Room>,
}

/// The routes of the intake. A [`Principal`] must stand in the request's extensions, put there by what checks access
/// ([`guard::loopback_only`] when there are no keys); without one every request is 401.
pub fn router(intake: Arc<Intake>, clock: fn() -> Instant) -> Router {
    router_within(Limits::default(), intake, clock)
}

/// [`router`] with other limits for bodies.
pub fn router_within(limits: Limits, intake: Arc<Intake>, clock: fn() -> Instant) -> Router {
    let room = Arc::new(Room::new(limits.in_flight_bytes, intake.metrics().in_flight.clone()));
    let shared = Shared { intake, clock, limits: Arc::new(limits), room };
    Router::new()
        .route("/v1/events", post(events))
        .route("/api/v1/events", post(openmeter::events))
        .with_state(shared)
}

impl Shared {
    /// Answers a request that is refused whole, and counts it.
    fn refuse(&self, problem: Problem, language: problem::Language) -> Response {
        let name = problem.reason.name();
        self.intake.metrics().refused_requests.with_label_values(&[name]).inc();
        problem.respond(language)
    }
}

async fn events(State(shared): State<Shared>, request: Request) -> Response {
    let language = problem::Language::of(request.headers());
    match take(&shared, request).await {
        Ok(response) => response,
        Err(problem) => shared.refuse(problem, language),
    }
}

async fn take(shared: &Shared, request: Request) -> Result<Response, Problem> {
    let mode = mode(request.uri())?;
    respond(mode, receive(shared, request, mode, |event| Cow::Borrowed(event)).await?)
}

/// Reads a request within its limits and takes its events, each as `prepare` leaves it.
async fn receive(
    shared: &Shared,
    request: Request,
    mode: Mode,
    prepare: fn(&[u8]) -> Cow<'_, [u8]>,
) -> Result<Answer, Problem> {
    let (head, body) = request.into_parts();
    let principal = head.extensions.get::<Principal>().cloned().ok_or(Reason::NotAuthenticated)?;
    let form = Form::of(&head.headers)?;
    let encoding = Encoding::of(&head.headers)?;
    let mut reservation = shared.room.reservation();
    reservation.take(shared.limits.request_bytes)?;
    let mut bytes = read(shared, body, &head.headers, encoding, &mut reservation).await?;
    shared.intake.metrics().body_bytes.inc_by(bytes.len() as u64);
    if form == Form::Binary {
        bytes = binary::structured(&head.headers, &bytes)?.into();
    }
    let events: Vec<Cow<'_, [u8]>> = if form == Form::Csv {
        let rows = rows::events(
            &bytes,
            parameter(&head.uri, "mapping"),
            &shared.intake.catalogue(),
            BATCH_EVENTS_MAX,
        )?;
        rows.into_iter().map(Cow::Owned).collect()
    } else {
        form.events(&bytes, BATCH_EVENTS_MAX)?.into_iter().map(prepare).collect()
    };
    let events: Vec<&[u8]> = events.iter().map(AsRef::as_ref).collect();
    // Stamped when the body is here: a sender that is slow must not hold back the marks of everybody's events.
    let arrival = shared.intake.arrive(shared.clock);
    let accepted = shared.intake.accept(&events, arrival.received(), &principal, mode);
    let answer = match tokio::time::timeout(DURABLE_WAIT_MAX, accepted).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(Unavailable::Overloaded)) => return Err(Reason::Overloaded.into()),
        Ok(Err(Unavailable::SpoolFull)) => return Err(Reason::SpoolFull.into()),
        Ok(Err(Unavailable::Log)) | Err(_) => return Err(Reason::LogUnavailable.into()),
        Ok(Err(full @ Unavailable::LogFull)) => {
            return Err(Problem::new(Reason::LogUnavailable, full.to_string()));
        }
        Ok(Err(failed @ Unavailable::LogFailed)) => {
            let detail = format!("{failed}; the program must be restarted when the disk is mended");
            return Err(Problem::new(Reason::LogUnavailable, detail));
        }
    };
    drop(arrival);
    Ok(answer)
}

async fn read(
    shared: &Shared,
    body: Body,
    headers: &axum::http::HeaderMap,
    encoding: Encoding,
    reservation: &mut body::Reservation,
) -> Result<bytes::Bytes, Problem> {
    let max = if encoding == Encoding::Identity {
        shared.limits.body_bytes
    } else {
        shared.limits.compressed_bytes
    };
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if length.is_some_and(|length| length > max as u64) {
        return Err(body::too_large(max));
    }
    let bytes = body::read(body, max, reservation).await?;
    body::expand(encoding, bytes, &shared.limits, reservation)
}

fn mode(uri: &Uri) -> Result<Mode, Problem> {
    match parameter(uri, "atomic") {
        None | Some("false") => Ok(Mode::Each),
        Some("true") => Ok(Mode::Atomic),
        Some(_) => Err(Problem::new(Reason::InvalidQuery, "atomic must be true or false")),
    }
}

/// A parameter of the address, as it is written: none of ours needs another encoding.
fn parameter<'u>(uri: &'u Uri, name: &str) -> Option<&'u str> {
    let pairs = uri.query().into_iter().flat_map(|query| query.split('&'));
    pairs.filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// The 202's body.
#[derive(Serialize)]
struct Accepted {
    accepted: usize,
    rejected: Vec<WireRejected>,
}

/// A refused event in an answer.
#[derive(Debug, Serialize)]
pub struct WireRejected {
    index: usize,
    id: Option<String>,
    code: &'static str,
    detail: String,
}

impl From<Rejected> for WireRejected {
    fn from(rejected: Rejected) -> Self {
        let Rejected { index, id, rejection } = rejected;
        Self { index, id, code: rejection.code.name(), detail: rejection.detail }
    }
}

fn respond(mode: Mode, answer: Answer) -> Result<Response, Problem> {
    let rejected: Vec<WireRejected> = answer.rejected.into_iter().map(WireRejected::from).collect();
    if mode == Mode::Atomic && !rejected.is_empty() {
        return Err(Problem { rejected: Some(rejected), ..Reason::AtomicRefused.into() });
    }
    Ok((StatusCode::ACCEPTED, Json(Accepted { accepted: answer.accepted, rejected })).into_response())
}

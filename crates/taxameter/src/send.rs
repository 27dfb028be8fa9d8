//! events → `POST /v1/events`: batches in parallel, tried again until the program has them or the deadline is over.
//!
//! Events of one identity go the same way one after the other, so revisions arrive in the order in which they were
//! given; a batch that was not answered is sent again as it was, which changes nothing (counting §3, `duplicate`).
//!
//! Start with [`send`].

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

mod answer;
mod command;
mod summary;

pub use command::{Args, run};
pub use summary::{Example, Refusals, Summary};

use crate::client::trust::{self, Trust};
use answer::{Answer, Attempt};

/// The first wait before a batch is tried again, and the longest.
const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(10);
/// How long one request may take: a collector answers in milliseconds, or is busy and will say so.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Where and how to send.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program, such as `http://127.0.0.1:8321`.
    pub server: String,
    /// How many events a request has at most.
    pub batch_events: usize,
    /// How many bytes a request has at most, before compression.
    pub batch_bytes: usize,
    /// How many requests are under way at once.
    pub parallel: usize,
    /// Compress requests.
    pub gzip: bool,
    /// How long a batch is tried before the whole fails.
    pub deadline: Duration,
    /// An API key, when the program wants one.
    pub key: Option<String>,
    /// Whose certificates are taken.
    pub trust: Trust,
}

impl Options {
    /// The usual: 1,000 events, four requests at once, five minutes for each.
    pub fn new(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            batch_events: 1_000,
            batch_bytes: 4_000_000,
            parallel: 4,
            gzip: false,
            deadline: Duration::from_secs(300),
            key: None,
            trust: Trust::default(),
        }
    }
}

/// Why sending failed. What was answered before stays sent: sending it all again changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client could not be set up.
    #[error("could not set up an HTTP client")]
    Client(#[source] reqwest::Error),
    /// The certificates of `--ca` cannot be read.
    #[error("could not read the certificates to trust")]
    Trust(#[from] trust::Unreadable),
    /// The program shows a certificate that is not trusted.
    #[error("{message}")]
    Untrusted {
        /// What to do about it.
        message: String,
        /// What is wrong with it.
        #[source]
        source: reqwest::Error,
    },
    /// The program did not take a batch before the deadline.
    #[error("the program at {server} took nothing for {seconds} s; last answer: {last}")]
    Deadline {
        /// Where it should have been.
        server: String,
        /// How long it was tried.
        seconds: u64,
        /// What happened last.
        last: String,
    },
    /// The program refused a whole batch: sending it again would change nothing.
    #[error("the program refused a batch with status {status}: {body}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The start of its answer.
        body: String,
    },
    /// The answer is not the contract's.
    #[error("the program answered {status} with something else than the contract says: {body}")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// The start of its answer.
        body: String,
    },
    /// The events could not be read.
    #[error("could not read the events")]
    Read(#[source] std::io::Error),
    /// Compressing into memory failed.
    #[error("could not compress a batch")]
    Compress(#[source] std::io::Error),
    /// A sending task died.
    #[error("a sending task ended before its work")]
    Task,
}

/// How far it has come: may be read from anywhere while [`send`] runs.
#[derive(Debug, Default)]
pub struct Progress {
    answered: AtomicU64,
}

impl Progress {
    /// How many events have been answered.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

/// Sends every event of a stream and tells what became of them. Fails when a batch is refused as a whole, or not taken
/// before the deadline.
pub async fn send<S>(mut events: S, options: &Options, progress: Arc<Progress>) -> Result<Summary, Error>
where
    S: Stream<Item = std::io::Result<Vec<u8>>> + Unpin,
{
    let began = Instant::now();
    let http = options.trust.client(&options.server)?;
    let http = http.timeout(REQUEST_TIMEOUT).build().map_err(Error::Client)?;
    let options = Arc::new(options.clone());
    let (mut tasks, mut lanes) = (JoinSet::new(), Vec::new());
    for _ in 0..options.parallel.max(1) {
        let (lane, batches) = mpsc::channel::<Batch>(2);
        let worker =
            Worker { http: http.clone(), options: Arc::clone(&options), progress: Arc::clone(&progress) };
        tasks.spawn(worker.run(batches));
        lanes.push((lane, Batch::default()));
    }
    let read = fill(&mut events, &mut lanes, &options).await;
    drop(lanes);
    let mut summary = Summary::default();
    while let Some(done) = tasks.join_next().await {
        summary.add(done.map_err(|_| Error::Task)??);
    }
    read?;
    summary.milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(summary)
}

type Lane = (mpsc::Sender<Batch>, Batch);

/// Packs events into batches, each event in the lane of its identity. Ends early when a lane's worker has failed.
async fn fill<S>(events: &mut S, lanes: &mut [Lane], options: &Options) -> Result<(), Error>
where
    S: Stream<Item = std::io::Result<Vec<u8>>> + Unpin,
{
    while let Some(event) = events.next().await {
        let event = event.map_err(Error::Read)?;
        if event.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let at = lane_of(&event, lanes.len());
        let (lane, batch) = &mut lanes[at];
        if batch.events >= options.batch_events
            || (batch.events > 0 && batch.body.len() + event.len() > options.batch_bytes)
        {
            let full = std::mem::take(batch);
            if lane.send(full).await.is_err() {
                return Ok(());
            }
        }
        batch.push(&event);
    }
    for (lane, batch) in lanes {
        if batch.events > 0 && lane.send(std::mem::take(batch)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Which way an event goes: the same for everything with its identity. What has no readable identity is refused
/// whichever way it goes.
fn lane_of(event: &[u8], lanes: usize) -> usize {
    #[derive(serde::Deserialize)]
    struct Identity<'e> {
        #[serde(borrow)]
        source: std::borrow::Cow<'e, str>,
        #[serde(borrow)]
        id: std::borrow::Cow<'e, str>,
    }
    let hash = |state: u64, text: &str| {
        // FNV-1a: any even spread will do, and it needs no crate.
        text.bytes().fold(state, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    serde_json::from_slice::<Identity<'_>>(event).map_or(0, |identity| {
        let spread = hash(hash(0xcbf2_9ce4_8422_2325, &identity.source), &identity.id);
        ((spread >> 32) % lanes as u64) as usize
    })
}

#[derive(Debug, Default)]
struct Batch {
    body: Vec<u8>,
    events: usize,
}

impl Batch {
    fn push(&mut self, event: &[u8]) {
        self.body.extend_from_slice(event);
        self.body.push(b'\n');
        self.events += 1;
    }
}

struct Worker {
    http: reqwest::Client,
    options: Arc<Options>,
    progress: Arc<Progress>,
}

impl Worker {
    async fn run(self, mut batches: mpsc::Receiver<Batch>) -> Result<Summary, Error> {
        let mut summary = Summary::default();
        while let Some(batch) = batches.recv().await {
            let (events, bytes) = (batch.events as u64, batch.body.len() as u64);
            let answer = self.deliver(batch, &mut summary.retries).await?;
            summary.sent += events;
            summary.bytes += bytes;
            summary.requests += 1;
            summary.take(answer);
            self.progress.answered.fetch_add(events, Ordering::Relaxed);
        }
        Ok(summary)
    }

    /// Sends a batch until it is answered.
    async fn deliver(&self, batch: Batch, retries: &mut u64) -> Result<Answer, Error> {
        let events = batch.events;
        let body = if self.options.gzip {
            gzip(&batch.body).map_err(Error::Compress)?
        } else {
            Bytes::from(batch.body)
        };
        let began = Instant::now();
        let mut wait = WAIT_FIRST;
        loop {
            let (last, asked) = match self.attempt(body.clone(), events).await {
                Attempt::Answered(answer) => return Ok(answer),
                Attempt::Fatal(error) => return Err(error),
                Attempt::Later { last, after } => (last, after),
            };
            let pause = asked.unwrap_or(wait).min(WAIT_MAX);
            if began.elapsed() + pause > self.options.deadline {
                let (server, seconds) = (self.options.server.clone(), began.elapsed().as_secs());
                return Err(Error::Deadline { server, seconds, last });
            }
            *retries += 1;
            tokio::time::sleep(pause).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    async fn attempt(&self, body: Bytes, events: usize) -> Attempt {
        let url = format!("{}/v1/events", self.options.server.trim_end_matches('/'));
        let mut request = self.http.post(url).header("content-type", "application/x-ndjson").body(body);
        if self.options.gzip {
            request = request.header("content-encoding", "gzip");
        }
        if let Some(key) = &self.options.key {
            request = request.bearer_auth(key);
        }
        match request.send().await {
            Ok(response) => answer::read(response, events).await,
            Err(source) => match trust::refused(&self.options.server, &source) {
                Some(message) => Attempt::Fatal(Error::Untrusted { message, source }),
                None => Attempt::later(format!("{:#}", anyhow::Error::new(source))),
            },
        }
    }
}

fn gzip(body: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder =
        flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 8), flate2::Compression::fast());
    encoder.write_all(body)?;
    encoder.finish().map(Bytes::from)
}

#[cfg(test)]
mod tests;

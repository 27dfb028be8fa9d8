//! What a connection and a request may take of the program.

use std::time::Duration;

/// The limits of the listener.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// How many connections are open at once; more wait in the kernel's queue. Each costs some 50 kB at most.
    pub(crate) connections: usize,
    /// How long a sender may take for a handshake, and for the headers of a request: a slow network needs one or two
    /// seconds, an attack needs minutes.
    pub(crate) header_time: Duration,
    /// How long a connection may stand still between requests, or with an answer that nobody fetches: longer than the
    /// pause between two batches of an ordinary sender.
    pub(crate) idle_time: Duration,
    /// The size of all headers of a request, with its address.
    pub(crate) header_bytes: usize,
    /// How many requests an HTTP/2 connection may have under way.
    pub(crate) streams: u32,
    /// How long a body may take to come: 5 MiB in it is 175 kB/s.
    pub(crate) body_time: Duration,
    /// For how long a body may come slower than `body_rate`: a lost packet, or a sender that reads its own disk first.
    pub(crate) body_grace: Duration,
    /// How many bytes a second a body must come with on average, once the grace is over. The slowest mobile network (GPRS) has four times that.
    pub(crate) body_rate: u64,
    /// How long an answer may take once the request is here.
    pub(crate) handler_time: Duration,
    /// The same for what is decided: a close waits up to 30 s for the collectors' marks and 60 s for its outcome, and says
    /// itself when that was not enough.
    pub(crate) decision_time: Duration,
    /// How long requests under way may still take when the program stops.
    pub(crate) shutdown_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            header_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            header_bytes: 16 << 10,
            streams: 100,
            body_time: Duration::from_secs(30),
            body_grace: Duration::from_secs(5),
            body_rate: 1 << 10,
            handler_time: Duration::from_secs(30),
            decision_time: Duration::from_secs(120),
            shutdown_time: Duration::from_secs(30),
        }
    }
}

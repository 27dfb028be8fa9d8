//! What a connection is doing, and since when: from that follows when it has taken too long.
//!
//! hyper has a timer for the headers of HTTP/1.1 only. It has none for the first bytes, from which the version of the
//! protocol is told, nor for a connection that stands still in HTTP/2, nor for an answer that nobody fetches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::Version;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::limits::Limits;

/// What a connection is doing.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
    /// Told when the connection may have to end earlier than was thought.
    sooner: Notify,
}

#[derive(Debug)]
struct State {
    opened: Instant,
    /// How many requests are being handled.
    handling: u32,
    /// Whether a request has come.
    is_used: bool,
    /// Whether requests share the connection, so that bytes that come need not be headers.
    is_shared: bool,
    /// When the first byte of headers came that are not complete.
    heading: Option<Instant>,
    /// When something was last written, or a request ended.
    moved: Instant,
}

/// Why a connection has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    /// Headers did not come in time.
    Headers,
    /// Nothing moved.
    Idle,
}

/// A request that is being handled, until this is dropped.
#[derive(Debug)]
pub(super) struct Handling {
    activity: Arc<Activity>,
    /// How many are being handled on the connection, this one among them.
    pub(super) count: u32,
}

impl Activity {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let state =
            State { opened: now, handling: 0, is_used: false, is_shared: false, heading: None, moved: now };
        Self { state: Mutex::new(state), sooner: Notify::new() }
    }

    /// A panic while the lock was held left a time that is right or a moment old.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes were read.
    pub(super) fn read(&self) {
        let mut state = self.state();
        if state.handling == 0 && state.is_used && !state.is_shared && state.heading.is_none() {
            state.heading = Some(Instant::now());
            self.sooner.notify_one();
        }
    }

    /// Bytes were written. While an answer is fetched, what is read ahead is not late.
    pub(super) fn wrote(&self) {
        let mut state = self.state();
        state.moved = Instant::now();
        state.heading = None;
    }

    /// The headers of a request are here.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> Handling {
        let mut state = self.state();
        state.handling += 1;
        state.is_used = true;
        state.is_shared |= version == Version::HTTP_2;
        state.heading = None;
        Handling { activity: Arc::clone(self), count: state.handling }
    }

    /// Waits until the connection has taken too long for something.
    pub(super) async fn expired(&self, limits: &Limits) -> Expiry {
        loop {
            let due = self.state().due(limits);
            match due {
                None => self.sooner.notified().await,
                Some((at, expiry)) if at <= Instant::now() => return expiry,
                Some((at, _)) => tokio::select! {
                    () = tokio::time::sleep_until(at) => {}
                    () = self.sooner.notified() => {}
                },
            }
        }
    }
}

impl State {
    /// When the connection has to end if nothing happens until then, and why; a request that is handled has limits of its own.
    fn due(&self, limits: &Limits) -> Option<(Instant, Expiry)> {
        if self.handling > 0 {
            return None;
        }
        let headers = if self.is_used { self.heading } else { Some(self.opened) };
        let idle = (self.moved + limits.idle_time, Expiry::Idle);
        Some(headers.map_or(idle, |since| (since + limits.header_time, Expiry::Headers)))
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        state.handling -= 1;
        state.moved = Instant::now();
        self.activity.sooner.notify_one();
    }
}

//! a request's records → done, when the last of them is

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::Unavailable;

/// A request that waits for its records: counts down, and remembers the worst that happened.
pub(super) struct Waiting {
    /// Records that are not done yet, and one more while records are still added.
    left: AtomicUsize,
    worst: AtomicU8,
    done: Notify,
}

const WORST_NONE: u8 = 0;
const WORST_OVERLOADED: u8 = 1;
const WORST_SPOOL: u8 = 2;
const WORST_LOG: u8 = 3;
const WORST_FULL: u8 = 4;
const WORST_FAILED: u8 = 5;

impl Waiting {
    pub(super) fn new() -> Self {
        Self { left: AtomicUsize::new(1), worst: AtomicU8::new(WORST_NONE), done: Notify::new() }
    }

    pub(super) fn one_added(&self) {
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn all_added(&self) {
        self.one_done(Ok(()));
    }

    pub(super) fn one_done(&self, outcome: Result<(), Unavailable>) {
        let worst = match outcome {
            Ok(()) => WORST_NONE,
            Err(Unavailable::Overloaded) => WORST_OVERLOADED,
            Err(Unavailable::SpoolFull) => WORST_SPOOL,
            Err(Unavailable::Log) => WORST_LOG,
            Err(Unavailable::LogFull) => WORST_FULL,
            Err(Unavailable::LogFailed) => WORST_FAILED,
        };
        self.worst.fetch_max(worst, Ordering::AcqRel);
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_one();
        }
    }

    pub(super) async fn wait(&self) -> Result<(), Unavailable> {
        // The permit of an earlier notification is kept, so this cannot miss it.
        self.done.notified().await;
        match self.worst.load(Ordering::Acquire) {
            WORST_NONE => Ok(()),
            WORST_OVERLOADED => Err(Unavailable::Overloaded),
            WORST_SPOOL => Err(Unavailable::SpoolFull),
            WORST_FULL => Err(Unavailable::LogFull),
            WORST_FAILED => Err(Unavailable::LogFailed),
            _ => Err(Unavailable::Log),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_is_done_after_its_last_record_and_as_bad_as_its_worst() {
        let waiting = Waiting::new();
        for _ in 0..3 {
            waiting.one_added();
        }
        waiting.one_done(Err(Unavailable::Log));
        waiting.all_added();
        waiting.one_done(Err(Unavailable::Overloaded));
        assert!(futures::FutureExt::now_or_never(waiting.wait()).is_none());
        waiting.one_done(Ok(()));
        assert_eq!(waiting.wait().await, Err(Unavailable::Log));
    }
}

//! What failed is done again: an error about us is never an error about an event.

use std::future::Future;
use std::time::Duration;

use crate::metrics::Metrics;

/// The first pause; it doubles each time.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause: soon enough after the store is back.
const LONGEST: Duration = Duration::from_secs(5);
/// After so many failures in a row the log says so again: about once a minute.
const SAY_EVERY: u32 = 12;

/// Repeats an operation until it succeeds. Says so at the first failure, then about every minute.
pub(crate) async fn until_done<T, F>(
    metrics: &Metrics,
    what: &'static str,
    mut operation: impl FnMut() -> F,
) -> T
where
    F: Future<Output = store::Result<T>>,
{
    let mut pause = FIRST;
    let mut failures: u32 = 0;
    loop {
        match operation().await {
            Ok(done) => {
                if failures > 0 {
                    tracing::info!(what, failures, "store answers again");
                }
                return done;
            }
            Err(error) => {
                metrics.retries.inc();
                if failures.is_multiple_of(SAY_EVERY) {
                    tracing::warn!(
                        what,
                        failures,
                        error = &error as &dyn std::error::Error,
                        "store failed; repeating"
                    );
                }
                failures += 1;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST);
            }
        }
    }
}

/// Waits until told to stop, or until nobody can tell any more.
pub(crate) async fn stopped(stop: &mut tokio::sync::watch::Receiver<bool>) {
    // An error means that the sender is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}

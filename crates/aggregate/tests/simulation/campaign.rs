//! Many runs, on all cores.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::report::{Difference, Report, Totals};

/// Runs seeds until there are so many with differences, and adds up what they came to.
pub(crate) fn campaign(
    first: u64,
    seeds: u64,
    failures_max: usize,
    run: impl Fn(u64) -> Report + Sync,
) -> Totals {
    let (next, totals) = (AtomicU64::new(first), Mutex::new(Totals::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed - first >= seeds || totals.lock().unwrap().failed.len() >= failures_max {
                        return;
                    }
                    let report = run_caught(seed, &run);
                    totals.lock().unwrap().add(report);
                }
            });
        }
    });
    let mut totals = totals.into_inner().unwrap();
    totals.failed.sort_by_key(|(seed, _)| *seed);
    totals
}

/// A run that panics has found a difference too.
fn run_caught(seed: u64, run: &impl Fn(u64) -> Report) -> Report {
    catch_unwind(AssertUnwindSafe(|| run(seed))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let detail = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default().to_owned();
        Report { seed, differences: vec![Difference { kind: "panic", detail }], ..Report::default() }
    })
}

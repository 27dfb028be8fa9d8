//! What survives when the machine does not: the real program, everything embedded, on a disk that fails in every way that
//! disks do. An event that was acknowledged is counted once, to the last decimal, and a closed month stays as it is.
//!
//! ```sh
//! cargo test -p taxameter --test power                                    # everything, in some minutes
//! cargo test -p taxameter --test power -- losses --losses 200 --seed 7    # one of them, for longer
//! ```
//!
//! It needs Linux, root (it mounts file systems, in a mount namespace of its own), `/dev/fuse` and `strace`. Where
//! something is missing it says so and passes, except on continuous integration (`CI=true`), where it fails.
//! Start reading at [`losses`], and with what a [`disk`] keeps.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot read its own data fails right there")]
#![expect(clippy::print_stdout, reason = "a test program of its own says what it does")]
#![allow(clippy::print_stderr, reason = "a test program of its own says what it does")]

mod oracle;

#[path = "power/disk.rs"]
mod disk;
#[path = "power/fsync_errors.rs"]
mod fsync_errors;
#[path = "power/full_disk.rs"]
mod full_disk;
#[path = "power/kills.rs"]
mod kills;
#[path = "power/log_alone.rs"]
mod log_alone;
#[path = "power/losses.rs"]
mod losses;
#[path = "power/mount.rs"]
mod mount;
#[path = "power/options.rs"]
mod options;
#[path = "power/program.rs"]
mod program;
#[path = "power/random.rs"]
mod random;
#[path = "power/sender.rs"]
mod sender;
#[path = "power/supply.rs"]
mod supply;
#[path = "power/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use options::{Missing, Options};

type Test = fn(&Options);

/// The tests: name, and what it does.
const TESTS: [(&str, Test); 10] = [
    ("what_a_disk_promises", disk::check),
    ("kills_of_the_program", kills::run),
    ("fsync_errors_of_the_log", fsync_errors::of_the_log),
    ("fsync_errors_of_the_store", fsync_errors::of_the_store),
    ("full_disk", full_disk::shared),
    ("full_disk_of_the_store", full_disk::of_the_store),
    ("losses_of_the_log_alone", log_alone::run),
    ("losses", losses::run),
    ("lying_disk_loses_events", losses::lying_disk),
    ("lying_disk_loses_records", log_alone::lying_disk),
];

fn main() -> ExitCode {
    let options = Options::read();
    if let Some(directory) = &options.log_writer {
        return log_alone::write(directory, options.seed);
    }
    if !options.is_inside {
        return match options::missing() {
            Some(Missing(what)) if options::must_run() => {
                eprintln!("power: {what} is missing, and continuous integration must not skip these tests");
                ExitCode::FAILURE
            }
            Some(Missing(what)) => {
                println!("power: SKIPPED, because {what} is missing");
                ExitCode::SUCCESS
            }
            None => options::run_in_own_namespace(),
        };
    }
    let mut failed = Vec::new();
    for (name, test) in TESTS.iter().filter(|(name, _)| options.wants(name)) {
        let began = Instant::now();
        println!("test {name} ... (seed {})", options.seed);
        let is_ok = catch_unwind(AssertUnwindSafe(|| test(&options))).is_ok();
        let (outcome, seconds) = (if is_ok { "ok" } else { "FAILED" }, began.elapsed().as_secs());
        println!("test {name} ... {outcome} ({seconds} s)");
        if !is_ok {
            failed.push(*name);
        }
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("power: failed: {}; again: --seed {} {}", failed.join(", "), options.seed, options.counts());
    ExitCode::FAILURE
}

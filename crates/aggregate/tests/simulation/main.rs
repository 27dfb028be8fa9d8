//! A seed gives one random run, as in the executable model of counting.md: several owners count the same partitions at
//! once, die between any two effects, repeat inserts, leave half of one behind and write late what they had under way,
//! while two roll-ups follow and months are closed. In the end everything must equal a brute-force reckoning of the log:
//! usage at the end and at every cut, closed months with their corrections, outcomes and books, identities, quarantine;
//! and no row was ever rewritten with other content. Decoding, counting, judging, the filter, dirty months, reckoning and
//! the roll-up are the real ones; the log and the tables are in memory, and chance decides who goes on when.
//!
//! ```sh
//! cargo test -p aggregate --test simulation                                     # 1,000 seeds, and every wrong variant
//! cargo test -p aggregate --test simulation -- --seeds 20000 --first 5000       # a long run
//! cargo test -p aggregate --test simulation -- --seeds 200 --control all        # how soon wrong variants are noticed
//! ```
//!
//! Read `run.rs` (who does what when), then `owner.rs`, `seam.rs` and `closer.rs` (the jobs), `oracle.rs` and `check.rs`
//! (what must be there), and `controls.rs` (what is broken on purpose).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "it is its own test runner, so that it can take options")]

mod campaign;
mod check;
mod closer;
mod controls;
mod cuts;
mod desk;
mod driven;
mod events;
mod log;
mod oracle;
mod owner;
mod process_log;
mod random;
mod report;
mod rows;
mod run;
mod runner;
mod scene;
mod seam;
mod seam_rows;
mod tables;
mod world;

fn main() -> std::process::ExitCode {
    runner::main()
}

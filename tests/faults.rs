//! Real processes killed, stopped and cut off while events come in: what was accepted is counted once.
//!
//! ```text
//! load ─► collect ×2 ─► Kafka ×3 (3 copies, 2 confirm) ─► aggregate ×2 ─► store ─► bill, api ─► check against the oracle
//! ```
//!
//! Every process is a real one, in a network namespace of its own where this may make one (root on Linux). Faults come one
//! at a time, dealt by the seed: `SIGKILL` and a new start, `SIGSTOP` for longer than a consumer's session, a network that
//! drops everything. The senders go on all the while: each sends a batch again, to either collector, until it is accepted.
//!
//! ```sh
//! cargo test -p taxameter --features testkit --test faults -- --faults 200 --seed 7
//! ```

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test of its own, which reports as it goes")]

#[path = "oracle.rs"]
mod oracle;

#[path = "faults/api.rs"]
mod api;
#[path = "faults/check.rs"]
mod check;
#[path = "faults/controls.rs"]
mod controls;
#[path = "faults/event.rs"]
mod event;
#[path = "faults/events.rs"]
mod events;
#[path = "faults/fault.rs"]
mod fault;
#[path = "faults/load.rs"]
mod load;
#[path = "faults/missing.rs"]
mod missing;
#[path = "faults/random.rs"]
mod random;
#[path = "faults/run.rs"]
mod run;
#[path = "faults/world.rs"]
mod world;

use std::process::ExitCode;

use clap::Parser;
use eventlog::testkit::network::Network;

/// Kills, stops and cuts off real processes, and checks that every accepted event is counted once.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many faults.
    #[arg(long, default_value_t = 27)]
    faults: usize,
    /// What follows from it: the events, the faults and when they come.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Events per second.
    #[arg(long, default_value_t = 150)]
    rate: u64,
    /// Part of the name of the tests to run, as for any test.
    filter: Vec<String>,
    #[arg(long, hide = true)]
    list: bool,
    #[arg(long, hide = true)]
    exact: bool,
    #[arg(long, hide = true)]
    nocapture: bool,
    #[arg(long, hide = true)]
    ignored: bool,
    #[arg(long, hide = true)]
    include_ignored: bool,
    #[arg(long, short, hide = true)]
    quiet: bool,
    #[arg(long, hide = true)]
    test_threads: Option<usize>,
    #[arg(long, hide = true)]
    skip: Vec<String>,
}

/// The name of the one test of this target.
const NAME: &str = "accepted_is_counted_once_whatever_dies";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let is_named = |part: &String| NAME.contains(part.as_str());
    let is_wanted = arguments.filter.is_empty() || arguments.filter.iter().any(is_named);
    if arguments.list || arguments.ignored || !is_wanted || arguments.skip.iter().any(is_named) {
        if arguments.list {
            println!("{NAME}: test");
        }
        return ExitCode::SUCCESS;
    }
    // What comes from outside is fetched while there is a way to it.
    eventlog::testkit::kafka::fetch().unwrap();
    let engine = taxameter::config::cache_dir().unwrap().join("engine");
    let progress = embedded::engine::on_stderr(embedded::engine::Language::default());
    embedded::locate_or_fetch(&engine, engine_of_environment().as_deref(), &progress).unwrap();
    let network = match Network::start() {
        Ok(network) => Some(network),
        Err(error) => {
            println!(
                "THE NETWORK IS NOT CUT: {error} ({}). It needs root and iproute2; processes are only killed and stopped.",
                std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default()
            );
            if is_continuous_integration() {
                println!("test {NAME} ... FAILED (continuous integration must cut the network)");
                return ExitCode::FAILURE;
            }
            None
        }
    };
    let is_right = run::run(network, arguments.faults, arguments.seed, arguments.rate);
    println!("test {NAME} ... {}", if is_right { "ok" } else { "FAILED" });
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::disallowed_methods, reason = "a test may ask where it runs")]
fn is_continuous_integration() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

#[expect(clippy::disallowed_methods, reason = "the programs that are started take the engine from there too")]
fn engine_of_environment() -> Option<std::path::PathBuf> {
    std::env::var_os("TAXAMETER_ENGINE").map(Into::into)
}

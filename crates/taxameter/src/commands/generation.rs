//! `taxameter generation`: the usage log gets more partitions, or another log takes its place.

use aggregate::generation::{Left, Plan};
use clap::{Args, Subcommand};

use crate::config::{Config, Flags};
use crate::serve;

/// Ends a generation of the usage log and begins the next.
#[derive(Debug, Args)]
pub struct Generation {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Begins a generation: for more partitions, a topic that was made anew, another log, or after a restore.
    ///
    /// Everything that writes to the log or counts it must be stopped before. What is left of the last generation is counted
    /// first; events are told apart across generations, so a duplicate of an earlier one is known.
    Begin(Begin),
}

#[derive(Debug, Args)]
struct Begin {
    /// Why, for those who read it later.
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    why: String,
    /// How many partitions the usage log gets; it can only become more [default: as many as it has].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    partitions: Option<u32>,
    /// Records that were not counted are lost for good: go on with what is left.
    #[arg(long)]
    old_log_is_gone: bool,
    #[command(flatten)]
    flags: Flags,
}

impl Generation {
    /// Carries it out and prints what began.
    #[expect(clippy::print_stdout, reason = "the answer of a command")]
    pub async fn run(self) -> anyhow::Result<()> {
        let Action::Begin(begin) = self.action;
        let config = Config::load(&begin.flags)?;
        let plan = Plan {
            partitions: begin.partitions,
            why: begin.why,
            at: serve::now(),
            old_log_is_gone: begin.old_log_is_gone,
        };
        let mut said = None;
        let begun = serve::generation::begin(&config, &plan, |left| say(left, &mut said)).await?;
        println!(
            "generation {} of the usage log begins: {} partitions of topic {}",
            begun.generation, begun.partitions, begun.topic
        );
        Ok(())
    }
}

/// Says how many records wait, whenever that is another number.
#[expect(clippy::print_stderr, reason = "progress is no part of the answer")]
fn say(left: &[Left], said: &mut Option<u64>) {
    let records = left.iter().filter(|left| !left.is_lost()).map(|left| left.end - left.sealed).sum();
    if said.replace(records) != Some(records) {
        eprintln!("{records} records are left to count and seal");
    }
}

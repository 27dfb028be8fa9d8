//! `taxameter audit`: walks the control log and says what is wrong with it, and where.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::client::Target;

/// The log of decisions, hash-chained.
#[derive(Debug, Args)]
pub struct Audit {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Walks the log of decisions from its start; exit code 1 when something is wrong with it.
    Verify {
        #[command(flatten)]
        target: Target,
    },
}

impl Audit {
    /// Does what was asked.
    #[expect(clippy::print_stdout, reason = "the answer of a command")]
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let Action::Verify { target } = self.action;
        let connection = target.connect().await?;
        let (records, _) = connection.client.list("/v1/audit", &[]).await?;
        connection.close().await?;
        let wrong: Vec<String> = records.iter().filter_map(finding).collect();
        wrong.iter().for_each(|line| println!("{line}"));
        let void = records.iter().filter(|record| record["state"] == "void").count();
        let chain = records.iter().rev().find_map(|record| record["chain"].as_str()).unwrap_or("none");
        println!(
            "{} records, {void} of them void, {} wrong; the chain ends in {chain}",
            records.len(),
            wrong.len()
        );
        Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What is wrong with a record, in a line; none when nothing is.
fn finding(record: &Value) -> Option<String> {
    let problem = record["problem"].as_str()?;
    let explained = match problem {
        "detached" => "the record that it follows is not in the log: one before it was changed or taken out",
        "altered" => "it is not what its chain says: it was changed after it was written",
        "unchained" => "it has no chain, though one before it has: another program wrote it",
        "unreadable" => "it is no decision: another program wrote it, or it was changed",
        "replaced" => "it is not the record that was carried out at its place",
        "carried_out" => "it was carried out, but it does not count (any more)",
        "missing" => "it was carried out, and is not in the log (any more)",
        other => other,
    };
    let action = record["action"].as_str().filter(|action| !action.is_empty()).unwrap_or("?");
    let at = record["at"].as_str().unwrap_or("?");
    Some(format!("record {} ({action}, {at}): {explained} ({problem})", record["control"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let lost_race = json!({"control": 4, "state": "void", "problem": null, "action": "", "at": null});
        assert_eq!(finding(&lost_race), None);
        let altered = json!({"control": 5, "state": "void", "problem": "altered", "action": "", "at": null});
        assert_eq!(
            finding(&altered).unwrap(),
            "record 5 (?, ?): it is not what its chain says: it was changed after it was written (altered)"
        );
    }
}

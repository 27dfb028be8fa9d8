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
        /// A record that must be there with its chain, as the export of a closed month prints it. May be given again.
        #[arg(long, value_name = "CONTROL:CHAIN")]
        anchor: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
}

impl Audit {
    /// Does what was asked.
    #[expect(clippy::print_stdout, reason = "the answer of a command")]
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let Action::Verify { anchor: anchors, target } = self.action;
        let connection = target.connect().await?;
        let (records, _) = connection.client.list("/v1/audit", &[]).await?;
        connection.close().await?;
        let mut wrong: Vec<String> = records.iter().filter_map(finding).collect();
        wrong.extend(anchors.iter().filter(|anchor| !is_anchored(&records, anchor)).map(|anchor| {
            format!("anchor {anchor}: the log has no such record with this chain: it, or one before it, was changed")
        }));
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

/// Whether the log has the record of an anchor, with its chain.
fn is_anchored(records: &[Value], anchor: &str) -> bool {
    let Some((control, chain)) = anchor.split_once(':') else { return false };
    let Ok(control) = control.parse::<u64>() else { return false };
    let is_meant = |record: &Value| record["control"] == control && record["chain"] == chain;
    records.iter().any(|record| is_meant(record) && record["state"] == "valid")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_anchor_holds_while_its_record_counts_with_its_chain() {
        let record = |control: u64, state: &str, chain: &str| json!({"control": control, "state": state, "chain": chain});
        let records = [record(4, "valid", "ab"), record(5, "void", "cd")];
        assert!(is_anchored(&records, "4:ab"));
        for wrong in ["4:ac", "5:cd", "6:ab", "4", ""] {
            assert!(!is_anchored(&records, wrong), "{wrong}");
        }
    }

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

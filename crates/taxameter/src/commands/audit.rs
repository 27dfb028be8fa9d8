//! `taxameter audit`: who decided what, and whether the log of it is whole.

use std::io;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::Target;
use crate::output::{Format, List, text};

/// The log of decisions, hash-chained.
#[derive(Debug, Args)]
pub struct Audit {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the decisions: when each was made, by whom, about what, and how it ended.
    List {
        /// Form of the list.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
        #[command(flatten)]
        target: Target,
    },
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
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::List { output, target } => {
                let rows: Vec<Value> = records(target).await?.iter().map(row).collect();
                let columns = [
                    text("control", "Nr"),
                    text("at", "När"),
                    text("asked_by", "Begärt av"),
                    text("by", "Signatur"),
                    text("action", "Beslut"),
                    text("about", "Om"),
                    text("why", "Varför"),
                    text("outcome", "Utfall"),
                    text("problem", "Fel"),
                ];
                List::of_items(&columns, &rows).print(output, &mut io::stdout().lock())?;
                Ok(ExitCode::SUCCESS)
            }
            Action::Verify { anchor, target } => Ok(verify(&records(target).await?, &anchor)),
        }
    }
}

async fn records(target: Target) -> anyhow::Result<Vec<Value>> {
    let connection = target.connect().await?;
    let (records, _) = connection.client.list("/v1/audit", &[]).await?;
    connection.close().await?;
    Ok(records)
}

/// A record of the log as a row: what every kind of decision has, and what it is about.
fn row(record: &Value) -> Value {
    let decision = &record["decision"];
    let about = ["month", "entry", "collector", "year", "id", "version"];
    let about = about.map(|key| &decision[key]).into_iter().find(|value| !value.is_null());
    let why = [&decision["why"], &decision["accept_gaps"]].into_iter().find(|value| !value.is_null());
    json!({
        "control": record["control"],
        "at": record["at"],
        "asked_by": record["asked_by"],
        "by": decision["by"],
        "action": record["action"],
        "about": about,
        "why": why,
        // A void record without a problem came second, and its writer wrote it again.
        "outcome": if record["state"] == "void" { &record["state"] } else { &record["outcome"] },
        "problem": record["problem"],
    })
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn verify(records: &[Value], anchors: &[String]) -> ExitCode {
    let mut wrong: Vec<String> = records.iter().filter_map(finding).collect();
    wrong.extend(anchors.iter().filter(|anchor| !is_anchored(records, anchor)).map(|anchor| {
        format!(
            "anchor {anchor}: the log has no such record with this chain: it, or one before it, was changed"
        )
    }));
    wrong.iter().for_each(|line| println!("{line}"));
    let void = records.iter().filter(|record| record["state"] == "void").count();
    let chain = records.iter().rev().find_map(|record| record["chain"].as_str()).unwrap_or("none");
    println!(
        "{} records, {void} of them void, {} wrong; the chain ends in {chain}",
        records.len(),
        wrong.len()
    );
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
    fn a_decision_is_a_row_whatever_it_is_about() {
        let close = json!({
            "control": 4, "state": "valid", "problem": null, "at": "2021-04-08T10:00:00Z", "action": "month.close",
            "asked_by": "key 3f2a91c0", "outcome": "closed",
            "decision": {"month": "2021-03", "catalogue": "77ad", "by": "ekonom 2", "accept_gaps": "avbrott"}
        });
        assert_eq!(
            row(&close),
            json!({
                "control": 4, "at": "2021-04-08T10:00:00Z", "asked_by": "key 3f2a91c0", "by": "ekonom 2",
                "action": "month.close", "about": "2021-03", "why": "avbrott", "outcome": "closed", "problem": null
            })
        );
        let second = json!({"control": 5, "state": "void", "outcome": null, "decision": {"id": "3f2a91c0"}});
        assert_eq!((&row(&second)["outcome"], &row(&second)["about"]), (&json!("void"), &json!("3f2a91c0")));
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

//! `taxameter quarantine`: what was not counted, why, and how it is judged once more.

use std::io::{self, Write};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::{Client, Target};
use crate::output::{Format, List, number, text};

/// What was not counted, why, and how it is judged once more.
#[derive(Debug, Args)]
pub struct Quarantine {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the entries. The same event with the same fault is one entry.
    List {
        #[command(flatten)]
        filter: Filter,
        /// Form of the list.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
        #[command(flatten)]
        target: Target,
    },
    /// Shows an entry, and then its event as it was sent.
    Show {
        /// The entry.
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Sends entries through the intake again: what is right now is counted. Doing so twice counts nothing twice.
    Replay {
        /// The entries; all that the filter lets through without any.
        #[arg(value_name = "ID")]
        ids: Vec<String>,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Debug, Clone, Args)]
struct Filter {
    /// Only this reason, such as unknown_meter.
    #[arg(long)]
    code: Option<String>,
    /// Only this source.
    #[arg(long)]
    source: Option<String>,
}

impl Filter {
    async fn items(&self, client: &Client) -> anyhow::Result<(Vec<Value>, Value)> {
        let mut query = Vec::new();
        query.extend(self.code.clone().map(|code| ("code", code)));
        query.extend(self.source.clone().map(|source| ("source", source)));
        client.list("/v1/quarantine", &query).await
    }

    fn is_empty(&self) -> bool {
        self.code.is_none() && self.source.is_none()
    }
}

impl Quarantine {
    /// Does what was asked.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::List { filter, output, target } => {
                let connection = target.connect().await?;
                let (items, page) = filter.items(&connection.client).await?;
                print_list(&items, &page, output)?;
                connection.close().await
            }
            Action::Show { id, target } => {
                let connection = target.connect().await?;
                let entry = connection.client.get(&format!("/v1/quarantine/{id}"), &[]).await?;
                print_entry(&entry, &mut io::stdout().lock())?;
                connection.close().await
            }
            Action::Replay { ids, filter, target } => {
                if ids.is_empty() && filter.is_empty() {
                    bail!("name the entries, or choose them with --code or --source");
                }
                let connection = target.connect().await?;
                let ids = if ids.is_empty() { chosen(&filter, &connection.client).await? } else { ids };
                let failed = replay(&connection.client, &ids).await;
                connection.close().await.and(failed)
            }
        }
    }
}

async fn chosen(filter: &Filter, client: &Client) -> anyhow::Result<Vec<String>> {
    let (items, _) = filter.items(client).await?;
    let ids = items.iter().filter_map(|item| item["id"].as_str().map(str::to_owned));
    Ok(ids.collect())
}

/// Replays one after the other; what cannot be is told, and the rest goes on.
#[expect(clippy::print_stdout, reason = "the answer of a command")]
async fn replay(client: &Client, ids: &[String]) -> anyhow::Result<()> {
    let mut failed = 0;
    for id in ids {
        match client.post(&format!("/v1/quarantine/{id}/replay"), &json!({})).await {
            Ok(_) => println!("{id} replayed: it is judged again"),
            Err(error) => {
                failed += 1;
                println!("{id} not replayed: {error:#}");
            }
        }
    }
    if failed < ids.len() {
        println!("What is still wrong comes back: `taxameter quarantine list` shows it.");
    }
    if failed > 0 {
        bail!("{failed} of {} entries were not replayed", ids.len());
    }
    Ok(())
}

fn print_list(items: &[Value], page: &Value, output: Format) -> anyhow::Result<()> {
    let columns = [
        text("id", "Id"),
        text("code", "Orsak"),
        text("source", "Källa"),
        text("event_id", "Händelse"),
        number("times", "Gånger"),
        text("first_seen", "Först"),
        text("last_seen", "Senast"),
        text("detail", "Förklaring"),
    ];
    let out = &mut io::stdout().lock();
    List::of_items(&columns, items).print(output, out)?;
    if output == Format::Table {
        writeln!(out)?;
        let counts = page["counts"].as_array().map(Vec::as_slice).unwrap_or_default();
        List::of_items(&[text("code", "Orsak"), number("entries", "Poster")], counts).print(output, out)?;
    }
    Ok(())
}

fn print_entry(entry: &Value, out: &mut impl Write) -> anyhow::Result<()> {
    let object = entry.as_object().context("the answer is no entry")?;
    for (name, value) in object.iter().filter(|(name, _)| !matches!(name.as_str(), "text" | "base64")) {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        writeln!(out, "{name:<11} {shown}")?;
    }
    match (entry["text"].as_str(), entry["base64"].as_str()) {
        (Some(event), _) => writeln!(out, "\n{event}")?,
        (None, Some(event)) => writeln!(out, "\nbase64: {event}")?,
        (None, None) => writeln!(
            out,
            "\nThe event is not kept: it seemed to hold personal data, or had its time (taxameter retention)."
        )?,
    }
    Ok(())
}

//! `taxameter collectors`: whose acknowledged events a close waits for.

use std::io;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::Target;
use crate::output::{Format, List, text};

/// Whose acknowledged events a close waits for.
#[derive(Debug, Args)]
pub struct Collectors {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the collectors that were ever heard of.
    List {
        /// Form of the list.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
        #[command(flatten)]
        target: Target,
    },
    /// Decides that a collector is lost: no close waits for it, until it is heard of again.
    Retire {
        /// Its name.
        collector: String,
        /// Why nobody needs to wait for it. What it acknowledged and did not deliver is missing until it is back.
        #[arg(long)]
        why: String,
        #[command(flatten)]
        target: Target,
    },
}

impl Collectors {
    /// Does what was asked.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::List { output, target } => {
                let connection = target.connect().await?;
                let (items, _) = connection.client.list("/v1/collectors", &[]).await?;
                print(&items, output)?;
                connection.close().await
            }
            Action::Retire { collector, why, target } => {
                let connection = target.connect().await?;
                let path = format!("/v1/collectors/{collector}/retire");
                let item = connection.client.post(&path, &json!({ "why": why })).await?;
                print(&[item], Format::Table)?;
                connection.close().await
            }
        }
    }
}

fn print(items: &[Value], output: Format) -> anyhow::Result<()> {
    let columns = [
        text("collector", "Insamlare"),
        text("state", "Läge"),
        text("spool_empty_until", "Allt i loggen till"),
        text("why", "Avskriven för att"),
    ];
    let flat: Vec<Value> = items
        .iter()
        .map(|item| {
            let mut item = item.clone();
            item["why"] = item["retired"]["why"].clone();
            item
        })
        .collect();
    Ok(List::of_items(&columns, &flat).print(output, &mut io::stdout().lock())?)
}

//! `taxameter collectors`: how those stand that gather from systems, and whose acknowledged events a close waits for.

use std::io;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::Target;
use crate::output::{Format, List, number, text};

/// The systems that are gathered from, and whose acknowledged events a close waits for.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Collectors {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    gathering: Gathering,
}

/// How the collectors stand that gather from systems.
#[derive(Debug, Args)]
struct Gathering {
    /// Form of the list.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the processes that ever took events: a close waits for each.
    List {
        /// Form of the list.
        #[arg(long, value_enum, default_value = "table")]
        output: Format,
        #[command(flatten)]
        target: Target,
    },
    /// Destroys the key of a year's pseudonyms: nobody can tell any more whom they were. It cannot be undone.
    DestroyPseudonyms {
        /// The year; it must be over.
        year: i32,
        /// Why it is time.
        #[arg(long)]
        why: String,
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
            None => self.gathering.list().await,
            Some(Action::List { output, target }) => {
                let connection = target.connect().await?;
                let (items, _) = connection.client.list("/v1/collectors", &[]).await?;
                print(&items, output)?;
                connection.close().await
            }
            Some(Action::DestroyPseudonyms { year, why, target }) => {
                let connection = target.connect().await?;
                let path = format!("/v1/pseudonyms/{year}/destroy");
                let item = connection.client.post(&path, &json!({ "why": why })).await?;
                let columns = [text("year", "År"), text("was_there", "Nyckel fanns")];
                List::of_items(&columns, &[item]).print(Format::Table, &mut io::stdout().lock())?;
                connection.close().await
            }
            Some(Action::Retire { collector, why, target }) => {
                let connection = target.connect().await?;
                let path = format!("/v1/collectors/{collector}/retire");
                let item = connection.client.post(&path, &json!({ "why": why })).await?;
                print(&[item], Format::Table)?;
                connection.close().await
            }
        }
    }
}

impl Gathering {
    async fn list(self) -> anyhow::Result<()> {
        let connection = self.target.connect().await?;
        let (items, _) = connection.client.list("/v1/pull-collectors", &[]).await?;
        let columns = [
            text("name", "Insamlare"),
            text("kind", "Slag"),
            text("state", "Läge"),
            text("schedule", "Turer"),
            text("last_turn", "Senaste tur"),
            text("next_turn", "Nästa tur"),
            number("records", "Poster"),
            number("fetched", "Hämtade"),
            number("accepted", "Mottagna"),
            number("refused", "Avvisade"),
            text("error", "Fel"),
        ];
        List::of_items(&columns, &items).print(self.output, &mut io::stdout().lock())?;
        connection.close().await
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

//! `taxameter coverage`: how far those who must have a service have it.

use std::io;

use clap::Args;
use domain::Month;
use serde_json::{Value, json};

use crate::client::Target;
use crate::output::{Format, List, number, text};

/// Shows how far those who must have a service have it, by customer.
#[derive(Debug, Args)]
pub struct Coverage {
    /// The month, such as 2021-03.
    month: Month,
    /// Form of the list.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    target: Target,
}

impl Coverage {
    /// Prints the list.
    pub async fn run(self) -> anyhow::Result<()> {
        let connection = self.target.connect().await?;
        let (items, _) = connection.client.list("/v1/coverage", &[("month", self.month.to_string())]).await?;
        let columns = [
            text("scope", "Omfattning"),
            text("group", "Kund"),
            number("in_scope", "Ska ha"),
            number("covered", "Har"),
            number("percent", "Täckning %"),
            number("outside", "Utanför"),
        ];
        let rows: Vec<Value> = items.iter().flat_map(rows).collect();
        List::of_items(&columns, &rows).print(self.output, &mut io::stdout().lock())?;
        connection.close().await
    }
}

/// A row for each group of a scope, one for those that are too small to be shown, and one for all.
fn rows(item: &Value) -> Vec<Value> {
    let row = |group: &str, of: &Value| {
        json!({
            "scope": item["scope"],
            "group": group,
            "in_scope": of["in_scope"],
            "covered": of["covered"],
            "percent": of["percent"],
            "outside": of["outside"],
        })
    };
    let groups = item["groups"].as_array().into_iter().flatten();
    let mut rows: Vec<Value> =
        groups.map(|group| row(group["customer"].as_str().unwrap_or("(ingen)"), group)).collect();
    if !item["others"].is_null() {
        rows.push(row("(övriga)", &item["others"]));
    }
    // Of fewer than five people nothing is told.
    let all = if item["total"].is_null() { "(färre än fem)" } else { "(alla)" };
    rows.push(row(all, &item["total"]));
    rows
}

//! `taxameter explain`: why a charge is what it is.

use std::io::{self, Write};

use clap::Args;
use serde_json::Value;

use crate::client::Target;
use crate::output::{Format, List, number, text};

/// Why a charge is what it is, to the last öre.
#[derive(Debug, Args)]
pub struct Explain {
    /// The charge, as `bill preview --by line` and the CSV export name it.
    id: String,
    /// At most so many events.
    #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    events: u32,
    /// As a table to read, as JSON, or the events as CSV.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    target: Target,
}

impl Explain {
    /// Prints the explanation.
    pub async fn run(self) -> anyhow::Result<()> {
        let connection = self.target.connect().await?;
        let path = format!("/v1/charges/{}/explain", self.id);
        let explained = connection.client.get(&path, &[("limit", self.events.to_string())]).await?;
        print(&explained, self.output, &mut io::stdout().lock())?;
        connection.close().await
    }
}

fn print(explained: &Value, output: Format, out: &mut impl Write) -> anyhow::Result<()> {
    let rows = |name: &str| explained[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let events = [
        text("day", "Dag"),
        text("time", "Tid"),
        text("source", "Källa"),
        text("id", "Händelse"),
        number("quantity", "Mängd"),
    ];
    match output {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(explained)?)?,
        Format::Csv => List::of_items(&events, rows("events")).print(output, out)?,
        Format::Table => {
            for (title, value) in facts(explained) {
                writeln!(out, "{title:<14} {value}")?;
            }
            writeln!(out)?;
            for step in rows("formula") {
                writeln!(out, "  {}", plain(step))?;
            }
            let handout = plain(&explained["surcharge"]["handout"]["text"]);
            if !handout.is_empty() {
                writeln!(out, "\n{handout}")?;
            }
            if !rows("days").is_empty() {
                writeln!(out)?;
                let days = [text("day", "Dag"), number("quantity", "Mängd")];
                List::of_items(&days, rows("days")).print(output, out)?;
            }
            if !rows("events").is_empty() {
                writeln!(out)?;
                List::of_items(&events, rows("events")).print(output, out)?;
            }
            let removed = plain(&explained["events_removed"]["text"]);
            if !removed.is_empty() {
                writeln!(out, "\n{removed}")?;
            }
            if explained["events_more"] == true {
                writeln!(out, "… och fler: --events visar dem")?;
            }
        }
    }
    Ok(())
}

/// What the line is and what was decided about it; only what there is.
fn facts(explained: &Value) -> Vec<(&'static str, String)> {
    let charge = &explained["charge"];
    let joined = |value: &Value, names: &[&str]| {
        let parts = names.iter().map(|name| plain(&value[*name])).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(", ")
    };
    let facts = [
        ("Rad", plain(&charge["id"])),
        ("Rättar", joined(&explained["correction"], &["month", "rate"])),
        ("Orsak", plain(&explained["correction"]["text"])),
        ("Pris", joined(&explained["price"], &["price", "model", "valid_from", "decision"])),
        ("Självkostnad", plain(&explained["price"]["cost_price"])),
        ("Gemensamt", joined(&explained["joint"], &["share", "phase", "valid_from", "decision"])),
        (
            "Avtal",
            explained["agreements"]
                .as_array()
                .into_iter()
                .flatten()
                .map(plain)
                .collect::<Vec<_>>()
                .join(", "),
        ),
        ("Månaden", state(&explained["state"])),
        ("Stängd", joined(&explained["closed"], &["at", "by", "hash"])),
        ("Katalog", plain(&explained["catalogue"])),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn state(state: &Value) -> String {
    match state.as_str() {
        Some("open") => "öppen".to_owned(),
        Some("preliminary") => "preliminär".to_owned(),
        Some("closed") => "stängd".to_owned(),
        _ => plain(state),
    }
}

/// A value as a person reads it: nothing for null.
fn plain(value: &Value) -> String {
    if value.is_null() {
        return String::new();
    }
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

//! `taxameter object`: the object's own economy in a year.

use std::io::{self, Write};

use clap::Args;
use serde_json::Value;

use crate::client::Target;
use crate::output::{Format, List, kronor, money, percent, text};

/// Shows the object's own economy: budget, surcharge, joint cost, projects, and the rate that this would take.
#[derive(Debug, Args)]
pub struct Object {
    /// The year.
    #[arg(value_parser = clap::value_parser!(i32).range(2000..=9999))]
    year: i32,
    /// As tables to read, as JSON, or the months as CSV.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    target: Target,
}

impl Object {
    /// Prints the year.
    pub async fn run(self) -> anyhow::Result<()> {
        let connection = self.target.connect().await?;
        let year = connection.client.get(&format!("/v1/object/{}", self.year), &[]).await?;
        print(&year, self.output, &mut io::stdout().lock())?;
        connection.close().await
    }
}

fn print(year: &Value, output: Format, out: &mut impl Write) -> anyhow::Result<()> {
    let months = [
        text("month", "Månad"),
        text("state", "Läge"),
        money("turnover", "Underlag"),
        money("surcharge", "Påslag"),
        money("contributions", "Prisjusteringar"),
        money("joint", "Gemensamt"),
    ];
    match output {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(year)?)?,
        Format::Csv => List::of_items(&months, rows(year, "months")).print(output, out)?,
        Format::Table => {
            rates(year, out)?;
            let parts = [
                text("part", "Budgetens del"),
                money("budget", "Budget"),
                money("booked", "Bokfört"),
                money("joint", "Gemensamt"),
                money("left", "Kvar"),
            ];
            let contributions = [text("service", "Prisjusterad tjänst"), money("amount", "Bidrag")];
            let joint = [
                text("service", "Gemensam tjänst"),
                text("phase", "Fas"),
                text("bearer", "Bärs av"),
                money("amount", "Kostnad"),
            ];
            let projects = [
                text("id", "Projekt"),
                text("name", "Namn"),
                text("financier", "Finansiär"),
                money("funds", "Medel"),
                money("booked_in_year", "Under året"),
                money("booked", "Hittills"),
                money("left", "Kvar"),
            ];
            let lists: [(&str, &[_]); 5] = [
                ("parts", &parts),
                ("months", &months),
                ("contributions", &contributions),
                ("joint", &joint),
                ("projects", &projects),
            ];
            for (name, columns) in lists {
                if !rows(year, name).is_empty() {
                    writeln!(out)?;
                    List::of_items(columns, rows(year, name)).print(output, out)?;
                }
            }
        }
    }
    Ok(())
}

fn rows<'v>(year: &'v Value, name: &str) -> &'v [Value] {
    year[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// What is in force, and what the budget would take.
fn rates(year: &Value, out: &mut impl Write) -> io::Result<()> {
    for rate in rows(year, "rates") {
        let field = |name: &str| rate[name].as_str().unwrap_or_default();
        let rate_shown = percent(&rate["rate"]);
        writeln!(
            out,
            "Påslag från {}: {rate_shown} ({}, {})",
            field("from"),
            field("decision"),
            field("decided_by")
        )?;
    }
    // A part of a year has no rate of its own: the budget is that of all of it.
    let is_whole = rows(year, "months").len() == 12;
    let bases = [("plan", "Krävs enligt plan", true), ("outcome", "Krävs enligt utfall", is_whole)];
    for (name, title, _) in bases.into_iter().filter(|(.., is_told)| *is_told) {
        let basis = &year["required_rate"][name];
        let amount = |name: &str| kronor(&basis[name]);
        writeln!(
            out,
            "{title}: {} = ({} budget + {} gemensamt − {} prisjusteringar − {} annat) / {}",
            percent(&basis["rate"]),
            amount("budget"),
            amount("joint"),
            amount("adjustments"),
            amount("from_elsewhere"),
            amount("turnover"),
        )?;
    }
    writeln!(
        out,
        "Påslag hittills: {} kr av {} kr",
        kronor(&year["totals"]["surcharge"]),
        kronor(&year["to_collect"])
    )
}

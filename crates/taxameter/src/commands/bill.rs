//! `taxameter bill`: what a month costs, and its close.

use std::io;

use clap::{Args, Subcommand};
use domain::Month;
use serde_json::{Value, json};

use crate::client::{Connection, Target};
use crate::output::{Format, List, money, number, text};

/// What a month costs, and its close.
#[derive(Debug, Args)]
pub struct Bill {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Shows what a month comes to as it stands, without changing anything.
    Preview(Preview),
    /// Marks a month as preliminary: usage is in, finance looks at it.
    Preliminary(Announce),
    /// Closes a month for ever; later changes become corrections in the next.
    Close(Close),
    /// Lists the months and their states, or a closed month's documents.
    Show(Show),
}

#[derive(Debug, Args)]
struct Preview {
    /// The month, such as 2021-03.
    month: Month,
    /// One row for each of these.
    #[arg(long, value_enum, default_value = "customer")]
    by: By,
    /// Form of the list.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// Payers.
    Customer,
    /// Services.
    Service,
    /// Every line.
    Line,
}

#[derive(Debug, Args)]
struct Announce {
    /// The month, such as 2021-03.
    month: Month,
    /// Who announces it: a role or a signature.
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct Close {
    /// The month, such as 2021-03.
    month: Month,
    /// Accept all gaps in measured usage, for this reason.
    #[arg(long, value_name = "WHY")]
    accept_gaps: Option<String>,
    /// Who closes it: a role or a signature.
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
struct Show {
    /// The documents of this month instead: what each company is invoiced or credited.
    #[arg(long, value_name = "MONTH")]
    documents: Option<Month>,
    /// Form of the list.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    target: Target,
}

impl Bill {
    /// Does what was asked.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Preview(preview) => preview.run().await,
            Action::Preliminary(announce) => announce.run().await,
            Action::Close(close) => close.run().await,
            Action::Show(show) => show.run().await,
        }
    }
}

impl Preview {
    #[expect(clippy::print_stdout, reason = "the answer of a command")]
    async fn run(self) -> anyhow::Result<()> {
        let connection = self.target.connect().await?;
        let (items, page) =
            connection.client.list("/v1/charges", &[("month", self.month.to_string())]).await?;
        self.list(&items)?.print(self.output, &mut io::stdout().lock())?;
        if self.output == Format::Table {
            match items.is_empty() {
                true => println!("{} har ingen användning.", self.month),
                false => print_totals(&connection, self.month, &page),
            }
        }
        connection.close().await
    }

    fn list(&self, charges: &[Value]) -> anyhow::Result<List> {
        let amounts = [
            money("gross", "Brutto"),
            money("joint", "Gemensamt"),
            money("net", "Netto"),
            money("surcharge", "Påslag"),
        ];
        match self.by {
            By::Line => {
                let mut columns = vec![
                    text("customer", "Kund"),
                    text("costcentre", "Ansvar"),
                    text("service", "Tjänst"),
                    text("meter", "Mätare"),
                    text("class", "Klass"),
                    text("corrects", "Rättar"),
                    number("quantity", "Volym"),
                    text("unit", "Enhet"),
                    money("unit_price", "À-pris"),
                ];
                columns.extend(amounts);
                columns.push(text("id", "Rad"));
                Ok(List::of_items(&columns, charges))
            }
            By::Customer => summed("customer", "Kund", &amounts, charges),
            By::Service => summed("service", "Tjänst", &amounts, charges),
        }
    }
}

/// Sums the charges' amounts by one of their fields, exactly.
fn summed(
    key: &'static str,
    title: &'static str,
    amounts: &[crate::output::Column],
    charges: &[Value],
) -> anyhow::Result<List> {
    use std::collections::BTreeMap;

    use anyhow::Context;
    use rust_decimal::Decimal;

    let mut sums: BTreeMap<String, Vec<Decimal>> = BTreeMap::new();
    for charge in charges {
        let group = charge[key].as_str().unwrap_or_default().to_owned();
        let row = sums.entry(group).or_insert_with(|| vec![Decimal::ZERO; amounts.len()]);
        for (sum, column) in row.iter_mut().zip(amounts) {
            let amount =
                charge[column.key].as_str().with_context(|| format!("a charge without {}", column.key))?;
            *sum += Decimal::from_str_exact(amount).with_context(|| format!("{amount:?} is no amount"))?;
        }
    }
    let mut columns = vec![text(key, title)];
    columns.extend_from_slice(amounts);
    let mut list = List::new(&columns);
    for (group, row) in sums {
        list.rows.push(
            [Some(group)].into_iter().chain(row.into_iter().map(|sum| Some(format!("{sum:.2}")))).collect(),
        );
    }
    Ok(list)
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn print_totals(connection: &Connection, month: Month, page: &Value) {
    let total = |name: &str| crate::output::kronor(&page["totals"][name]);
    println!("\n{month}: netto {} kr, påslag {} kr", total("net"), total("surcharge"));
    println!("Alla rader: {}/v1/exports/{month}/xlsx?preliminary=true", connection.client.url());
}

impl Announce {
    async fn run(self) -> anyhow::Result<()> {
        let body = self.by.map_or_else(|| json!({}), |by| json!({ "by": by }));
        decide(&self.target, self.month, "preliminary", &body).await
    }
}

impl Close {
    async fn run(self) -> anyhow::Result<()> {
        let mut body = json!({});
        if let Some(why) = self.accept_gaps {
            body["accept"] = json!({ "gaps": why });
        }
        if let Some(by) = self.by {
            body["by"] = json!(by);
        }
        decide(&self.target, self.month, "close", &body).await
    }
}

/// Moves a month on, and prints it as it is then.
async fn decide(target: &Target, month: Month, action: &str, body: &Value) -> anyhow::Result<()> {
    let connection = target.connect().await?;
    let month = connection.client.post(&format!("/v1/months/{month}/{action}"), body).await?;
    print_months(std::slice::from_ref(&month), Format::Table)?;
    print_warnings(&month);
    connection.close().await
}

/// What the month cannot be had as.
#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn print_warnings(month: &Value) {
    for warning in month["warnings"].as_array().into_iter().flatten() {
        println!("Varning: {}", warning["text"].as_str().unwrap_or_default());
    }
}

impl Show {
    #[expect(clippy::print_stdout, reason = "the answer of a command")]
    async fn run(self) -> anyhow::Result<()> {
        let connection = self.target.connect().await?;
        match self.documents {
            Some(month) => {
                let path = format!("/v1/months/{month}/documents");
                let (items, _) = connection.client.list(&path, &[]).await?;
                print_documents(&items, self.output)?;
                if items.is_empty() && self.output == Format::Table {
                    println!("{month} har inga dokument: den är inte stängd, eller inget bolag debiterades.");
                }
            }
            None => {
                let (items, _) = connection.client.list("/v1/months", &[]).await?;
                print_months(&items, self.output)?;
            }
        }
        connection.close().await
    }
}

fn print_documents(items: &[Value], format: Format) -> anyhow::Result<()> {
    let columns = [
        text("number", "Nummer"),
        text("type", "Typ"),
        text("customer", "Kund"),
        text("customer_name", "Namn"),
        money("net", "Netto"),
        money("surcharge", "Påslag"),
        money("total", "Utan moms"),
    ];
    Ok(List::of_items(&columns, items).print(format, &mut io::stdout().lock())?)
}

fn print_months(items: &[Value], format: Format) -> anyhow::Result<()> {
    let columns = [
        text("month", "Månad"),
        text("state", "Läge"),
        money("net", "Netto"),
        money("surcharge", "Påslag"),
        text("hash", "Kontrollsumma"),
    ];
    Ok(List::of_items(&columns, items).print(format, &mut io::stdout().lock())?)
}

//! `taxameter report`: a year's volume and cost, tied to the closed months.

use std::io;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::export::save;
use crate::client::Target;
use crate::output::{Column, Format, List, kronor, money, number, text};

/// Shows a year: volume and cost of each service, tied to the closed months.
#[derive(Debug, Args)]
pub struct Report {
    /// The calendar year, such as 2021.
    #[arg(value_parser = clap::value_parser!(i32).range(1970..=9999))]
    year: i32,
    /// What is told apart.
    #[arg(long, value_enum, default_value = "service")]
    by: By,
    /// Writes the report to read instead, as PDF, to this file; - is standard output. By service, where the program was
    /// built with it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["by", "output"])]
    pdf: Option<PathBuf>,
    /// Form of the list.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// Services and their meters.
    Service,
    /// Object products.
    Product,
    /// Payers and their services.
    Customer,
}

impl Report {
    /// Prints the report.
    pub async fn run(self) -> anyhow::Result<()> {
        let connection = self.target.connect().await?;
        if let Some(out) = self.pdf {
            let (path, query) = (format!("/v1/reports/{}", self.year), [("format", "pdf".to_owned())]);
            let answer = connection.client.request(Method::GET, &path, &query, None).await?;
            save(answer, &out).await?;
            return connection.close().await;
        }
        let by = self.by.to_possible_value().context("a grouping without a name")?.get_name().to_owned();
        let (items, page) =
            connection.client.list(&format!("/v1/reports/{}", self.year), &[("by", by)]).await?;
        List::of_items(&columns(self.by), &rows(&items)).print(self.output, &mut io::stdout().lock())?;
        if self.output == Format::Table {
            print_control(&page);
        }
        connection.close().await
    }
}

fn columns(by: By) -> Vec<Column> {
    let mut columns = match by {
        By::Service => vec![text("product", "Produkt"), text("service", "Tjänst")],
        By::Product => vec![text("product", "Produkt"), text("name", "Namn")],
        By::Customer => {
            vec![text("customer", "Kund"), text("customer_kind", "Slag"), text("service", "Tjänst")]
        }
    };
    if by != By::Product {
        columns.extend([
            text("meter", "Mätare"),
            number("quantity", "Volym"),
            text("unit", "Enhet"),
            text("measure", "Räknas som"),
        ]);
    }
    columns.extend([
        money("gross", "Kostnad"),
        money("joint", "Gemensamt"),
        money("net", "Netto"),
        money("surcharge", "Påslag"),
        money("billed_net", "Fakturerat netto"),
        money("billed_surcharge", "Fakturerat påslag"),
    ]);
    if by == By::Service {
        columns.push(text("missing_months", "Saknar data"));
    }
    columns
}

/// A row for each meter of a group, or one for a group without.
fn rows(items: &[Value]) -> Vec<Value> {
    let mut rows = Vec::new();
    for item in items {
        match item["meters"].as_array().filter(|meters| !meters.is_empty()) {
            Some(meters) => rows.extend(meters.iter().map(|meter| row(item, meter))),
            None => rows.push(row(item, item)),
        }
    }
    rows
}

/// Names of the group, figures of its meter.
fn row(item: &Value, of: &Value) -> Value {
    let missing: Vec<&str> =
        item["missing_months"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    json!({
        "customer": item["customer"],
        "customer_kind": item["customer_kind"],
        "product": item["product"],
        "service": item["service"],
        "name": item["name"],
        "meter": of["meter"],
        "quantity": of["quantity"],
        "unit": of["unit"],
        "measure": of["measure"],
        "gross": of["usage"]["gross"],
        "joint": of["usage"]["joint"],
        "net": of["usage"]["net"],
        "surcharge": of["usage"]["surcharge"],
        "billed_net": of["billed"]["net"],
        "billed_surcharge": of["billed"]["surcharge"],
        "missing_months": (!missing.is_empty()).then(|| missing.join(" ")),
    })
}

/// The control row, what makes the two views differ, and which months are previews.
#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn print_control(page: &Value) {
    let amount = |sums: &Value, name: &str| kronor(&sums[name]);
    let line =
        |sums: &Value| format!("netto {} kr, påslag {} kr", amount(sums, "net"), amount(sums, "surcharge"));
    let (totals, control) = (&page["totals"], &page["control"]);
    println!("\nÅrets användning: {}", line(&totals["usage"]));
    println!("  rättelser som senare år fakturerar: {}", line(&totals["later"]));
    println!("Fakturerat under året: {}", line(&totals["billed"]));
    println!("  rättelser av tidigare år: {}", line(&totals["earlier"]));
    let verdict = if control["ties"] == true { "stämmer" } else { "STÄMMER INTE" };
    println!("Kontroll: summan av raderna är {}", line(&control["items"]));
    println!("          summan av månadsboksluten är {}: {verdict}", line(&control["closes"]));
    let open: Vec<&str> = (page["months"].as_array().into_iter().flatten())
        .filter(|month| month["state"] != "closed")
        .filter_map(|month| month["month"].as_str())
        .collect();
    if !open.is_empty() {
        println!("Inte stängda: {}", open.join(" "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_a_row_for_each_meter_and_one_without() {
        let sums = |net: &str| json!({ "gross": net, "joint": "0", "net": net, "surcharge": "0" });
        let meter = |name: &str, net: &str| json!({ "meter": name, "quantity": "1", "unit": "h", "measure": "total", "usage": sums(net), "billed": sums(net) });
        let item = json!({
            "product": "U", "service": "s", "name": "S", "usage": sums("3"), "billed": sums("3"),
            "meters": [meter("a", "1"), meter("b", "2")], "missing_months": ["2021-02", "2021-03"],
        });
        let mut lone = item.clone();
        lone["meters"] = json!([]);
        let told: Vec<_> = rows(&[item, lone])
            .iter()
            .map(|row| {
                (row["meter"].as_str().map(str::to_owned), row["net"].clone(), row["missing_months"].clone())
            })
            .collect();
        let missing = json!("2021-02 2021-03");
        let of = |meter: Option<&str>, net: &str| (meter.map(str::to_owned), json!(net), missing.clone());
        assert_eq!(told, [of(Some("a"), "1"), of(Some("b"), "2"), of(None, "3")]);
    }
}

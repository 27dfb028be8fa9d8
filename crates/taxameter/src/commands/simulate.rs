//! `taxameter simulate`: what months would come to with other decisions.

use std::io::{self, Write};

use clap::Args;
use domain::Month;
use serde_json::{Map, Value, json};

use crate::client::Target;
use crate::output::{Format, List, kronor, money, percent, text};

/// Shows what months would come to with another rate, other prices, other joint financing or other volumes.
///
/// Nothing is written. A change holds for all months, or for those behind `@`: `--rate 0.0348@2022-01` or `--price
/// e-moten=+10%@2021-07..2021-12`. Months without usage are planned with that of the same month of the last year that has any.
#[derive(Debug, Args)]
pub struct Simulate {
    /// First month.
    #[arg(long, value_name = "MONTH")]
    from: Month,
    /// Last month.
    #[arg(long, value_name = "MONTH")]
    to: Month,
    /// The surcharge's rate: 0.0348.
    #[arg(long, value_name = "RATE[@MONTHS]")]
    rate: Vec<String>,
    /// A price, in kronor or so many percent more: e-moten/room=550, e-moten=+10%.
    #[arg(long, value_name = "SERVICE[/METER[/CLASS]]=PRICE[@MONTHS]")]
    price: Vec<String>,
    /// The share that is financed jointly: rpa-tjanst=0.5.
    #[arg(long, value_name = "SERVICE[/METER[/CLASS]]=SHARE[@MONTHS]")]
    joint: Vec<String>,
    /// The phase that the joint financing is decided for; permanent enters the required rate.
    #[arg(long, value_name = "PHASE", default_value = "utveckling")]
    phase: String,
    /// So much more use: e-moten=+10%.
    #[arg(long, value_name = "SERVICE[/METER[/CLASS]]=PERCENT[@MONTHS]")]
    volume: Vec<String>,
    /// As tables to read, as JSON, or the differences as CSV.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    target: Target,
}

impl Simulate {
    /// Prints the differences.
    pub async fn run(self) -> anyhow::Result<()> {
        let body =
            json!({ "from": self.from.to_string(), "to": self.to.to_string(), "changes": self.changes()? });
        let connection = self.target.connect().await?;
        let simulation = connection.client.post("/v1/simulations", &body).await?;
        print(&simulation, self.output, &mut io::stdout().lock())?;
        connection.close().await
    }

    fn changes(&self) -> anyhow::Result<Vec<Value>> {
        let mut changes = Vec::new();
        for text in &self.rate {
            let (rate, mut change) = months(text);
            change.insert("rate".to_owned(), rate.into());
            changes.push(change.into());
        }
        for (option, texts) in [("price", &self.price), ("joint", &self.joint), ("volume", &self.volume)] {
            for text in texts {
                let mut change = selected(option, text)?;
                if option == "joint" {
                    change.insert("phase".to_owned(), self.phase.clone().into());
                }
                changes.push(change.into());
            }
        }
        anyhow::ensure!(
            !changes.is_empty(),
            "nothing to simulate: name --rate, --price, --joint or --volume"
        );
        Ok(changes)
    }
}

/// Takes `@FROM`, `@FROM..TO` or `@..TO` off the end.
fn months(text: &str) -> (&str, Map<String, Value>) {
    let mut change = Map::new();
    let Some((value, months)) = text.rsplit_once('@') else { return (text, change) };
    let (from, to) = months.split_once("..").unwrap_or((months, ""));
    for (name, month) in [("from", from), ("to", to)] {
        if !month.is_empty() {
            change.insert(name.to_owned(), month.into());
        }
    }
    (value, change)
}

/// Reads `SERVICE[/METER[/CLASS]]=VALUE[@MONTHS]`.
fn selected(option: &str, text: &str) -> anyhow::Result<Map<String, Value>> {
    let (text, mut change) = months(text);
    let Some((selection, value)) = text.split_once('=') else {
        anyhow::bail!("--{option} {text}: write it as --{option} e-moten=VALUE")
    };
    // A class may have slashes of its own.
    for (name, part) in ["service", "meter", "class"].into_iter().zip(selection.splitn(3, '/')) {
        change.insert(name.to_owned(), part.into());
    }
    let percent = value.strip_suffix('%').map(|percent| percent.strip_prefix('+').unwrap_or(percent));
    let (name, value) = match (option, percent) {
        ("price", Some(percent)) => ("price_percent", percent),
        ("volume", percent) => ("volume_percent", percent.unwrap_or(value)),
        (option, _) => (option, value),
    };
    change.insert(name.to_owned(), value.replace(',', ".").into());
    Ok(change)
}

fn print(simulation: &Value, output: Format, out: &mut impl Write) -> anyhow::Result<()> {
    let columns = [
        text("customer", "Kund"),
        text("service", "Tjänst"),
        money("before", "Netto nu"),
        money("after", "Netto då"),
        money("net", "Skillnad netto"),
        money("joint", "Skillnad gemensamt"),
        money("surcharge", "Skillnad påslag"),
    ];
    let changed =
        simulation["items"].as_array().into_iter().flatten().filter(|item| is_changed(item)).map(row);
    let list = List::of_items(&columns, &changed.collect::<Vec<_>>());
    match output {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(simulation)?)?,
        Format::Csv => list.print(output, out)?,
        Format::Table => {
            list.print(output, out)?;
            let totals = &simulation["totals"]["difference"];
            writeln!(
                out,
                "\nKunderna: netto {} kr, påslag {} kr",
                kronor(&totals["net"]),
                kronor(&totals["surcharge"])
            )?;
            let object = &simulation["object"]["difference"];
            writeln!(
                out,
                "Objektet: påslag {} kr, prisjusteringar {} kr, gemensam kostnad {} kr",
                kronor(&object["surcharge"]),
                kronor(&object["contributions"]),
                kronor(&object["joint"]),
            )?;
            for year in simulation["required_rate"].as_array().into_iter().flatten() {
                let rate = |side: &str| percent(&year[side]["rate"]);
                writeln!(
                    out,
                    "Påslag som krävs {}: {} nu, {} då",
                    year["year"],
                    rate("before"),
                    rate("after")
                )?;
            }
            let planned = simulation["months"].as_array().into_iter().flatten();
            let planned = planned.filter(|month| month["month"] != month["usage_of"]).count();
            if planned > 0 {
                writeln!(out, "Månader utan egen användning, med en annan månads: {planned}")?;
            }
        }
    }
    Ok(())
}

fn is_changed(item: &Value) -> bool {
    ["gross", "joint", "net", "surcharge"].iter().any(|amount| item["difference"][amount] != "0")
}

fn row(item: &Value) -> Value {
    json!({
        "customer": item["customer"],
        "service": item["service"],
        "before": item["before"]["net"],
        "after": item["after"]["net"],
        "net": item["difference"]["net"],
        "joint": item["difference"]["joint"],
        "surcharge": item["difference"]["surcharge"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_as_it_is_written() {
        let read = |option: &str, text: &str| Value::from(selected(option, text).unwrap());
        assert_eq!(read("price", "e-moten=+10%"), json!({"service": "e-moten", "price_percent": "10"}));
        assert_eq!(
            read("price", "e-moten/room=550,50@2021-07..2021-12"),
            json!({"service": "e-moten", "meter": "room", "price": "550.50", "from": "2021-07", "to": "2021-12"})
        );
        assert_eq!(
            read("joint", "rpa/projekt/a/b=0.5@..2021-12"),
            json!({"service": "rpa", "meter": "projekt", "class": "a/b", "joint": "0.5", "to": "2021-12"})
        );
        assert_eq!(
            read("volume", "e-moten=-5%@2022-01"),
            json!({"service": "e-moten", "volume_percent": "-5", "from": "2022-01"})
        );
        assert!(selected("price", "e-moten").unwrap_err().to_string().contains("--price e-moten=VALUE"));
    }
}

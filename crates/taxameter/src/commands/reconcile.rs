//! `taxameter reconcile`: holds what was accepted against what was counted.

use std::io;
use std::process::ExitCode;

use chrono::{Days, NaiveDate};
use clap::Args;
use serde_json::Value;

use crate::client::Target;
use crate::output::{Format, List, number, text};
use crate::serve;

/// How many days are shown when nothing is said: a month and the days in which it is closed.
const DAYS_SHOWN: u64 = 40;

/// Holds what was accepted against what was counted, by source and day; exit code 1 when something differs.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// First day of arrival [default: 40 days before the last].
    #[arg(long, value_name = "DAY")]
    from: Option<NaiveDate>,
    /// Last day of arrival [default: today].
    #[arg(long, value_name = "DAY")]
    to: Option<NaiveDate>,
    /// Only this source.
    #[arg(long)]
    source: Option<String>,
    /// Form of the list.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    target: Target,
}

impl Reconcile {
    /// Prints the books.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let to = self.to.unwrap_or_else(|| serve::now().day());
        let from = self.from.unwrap_or_else(|| to.checked_sub_days(Days::new(DAYS_SHOWN - 1)).unwrap_or(to));
        let mut query = vec![("from", from.to_string()), ("to", to.to_string())];
        query.extend(self.source.map(|source| ("source", source)));
        let connection = self.target.connect().await?;
        let (items, _) = connection.client.list("/v1/reconciliation", &query).await?;
        List::of_items(&columns(), &items).print(self.output, &mut io::stdout().lock())?;
        connection.close().await?;
        let differs = items.iter().filter(|item| differs(item)).count();
        if self.output == Format::Table {
            print_verdict(items.len(), differs);
        }
        Ok(if differs == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn differs(item: &Value) -> bool {
    ["difference", "sent_difference"].iter().any(|name| item[*name].as_i64().unwrap_or_default() != 0)
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn print_verdict(lines: usize, differs: usize) {
    match differs {
        0 if lines == 0 => {
            println!("\nNothing was taken in on those days: a day is the one that events arrived on.")
        }
        0 => println!("\nThe books agree ({lines} lines)."),
        _ => println!("\nThe books DIFFER in {differs} of {lines} lines."),
    }
}

fn columns() -> Vec<crate::output::Column> {
    let mut columns = vec![text("source", "Källa"), text("day", "Dag")];
    columns.extend([
        number("accepted", "Mottaget"),
        number("resent", "Omsänt"),
        number("released", "Släppt"),
        number("logged", "Loggat"),
        number("parked", "Parkerat"),
        number("metered", "Mätt"),
        number("revised", "Reviderat"),
        number("superseded", "Ersatt"),
        number("duplicate", "Dubblett"),
        number("conflict", "Konflikt"),
        number("marker", "Markör"),
        number("quarantined", "Karantän"),
        number("refused", "Avvisat"),
        number("difference", "Differens"),
        number("sent", "Sänt"),
        number("sent_difference", "Mot sänt"),
    ]);
    columns
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn either_difference_is_one() {
        for (item, want) in [
            (json!({"difference": 0, "sent_difference": null}), false),
            (json!({"difference": 0, "sent_difference": 0}), false),
            (json!({"difference": -1, "sent_difference": null}), true),
            (json!({"difference": 0, "sent_difference": 2}), true),
        ] {
            assert_eq!(differs(&item), want, "{item}");
        }
    }
}

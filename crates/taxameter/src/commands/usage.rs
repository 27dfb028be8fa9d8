//! `taxameter usage`: volume and cost per service and meter.

mod trend;

use std::io;

use clap::Args;
use domain::Month;

use crate::client::{Client, Target};
use crate::output::{Column, Format, List, money, number, text};
use crate::serve;

/// Shows volume and cost: as trends of several months, else month by month.
///
/// A table of more than one month has a line for each meter: its shape over the months, the last month that is over, how that
/// changed from the month before, and what is expected of the next (`/v1/forecasts` says how). With `--by`, with `--list`, and
/// as JSON or CSV, there is a line for each month instead.
#[derive(Debug, Args)]
pub struct Usage {
    /// First month [default: the first with usage].
    #[arg(long, value_name = "MONTH")]
    from: Option<Month>,
    /// Last month [default: the last with usage].
    #[arg(long, value_name = "MONTH")]
    to: Option<Month>,
    /// Only this service.
    #[arg(long)]
    service: Option<String>,
    /// Only this customer.
    #[arg(long)]
    customer: Option<String>,
    /// What to tell apart besides month, service and meter: class, customer, costcentre, product, object, dims.
    #[arg(long, value_delimiter = ',', value_name = "WHAT")]
    by: Vec<String>,
    /// A line for each month, also where a table would show trends.
    #[arg(long)]
    list: bool,
    /// List what the data of these months lacks instead: missing, estimated and excess days.
    #[arg(long, conflicts_with_all = ["by", "customer", "list"])]
    gaps: bool,
    /// Form of the list.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    target: Target,
}

impl Usage {
    /// Prints the list.
    pub async fn run(self) -> anyhow::Result<()> {
        if self.gaps {
            return self.list_gaps().await;
        }
        let connection = self.target.connect().await?;
        let mut query = vec![(
            "group_by",
            ["month,service,meter"]
                .into_iter()
                .chain(self.by.iter().map(String::as_str))
                .collect::<Vec<_>>()
                .join(","),
        )];
        let (first, last) = all_months(&connection.client).await?;
        query.push(("from", self.from.map_or(first, |month| month.to_string())));
        query.push(("to", self.to.map_or(last, |month| month.to_string())));
        query.extend(self.service.map(|service| ("service", service)));
        query.extend(self.customer.map(|customer| ("customer", customer)));
        let (items, _) = connection.client.list("/v1/usage", &query).await?;
        let is_single = items.iter().all(|item| item["month"] == items[0]["month"]);
        if self.output == Format::Table && self.by.is_empty() && !self.list && !is_single {
            let trends = trend::trends(&items, serve::now().month());
            List::of_items(&trend::COLUMNS, &trends).print(self.output, &mut io::stdout().lock())?;
            return connection.close().await;
        }
        let mut columns = vec![text("month", "Månad"), text("service", "Tjänst"), text("meter", "Mätare")];
        columns.extend(self.by.iter().filter_map(|by| column(by)));
        columns.extend([text("unit", "Enhet"), number("quantity", "Volym"), money("cost", "Kostnad")]);
        if items.iter().any(|item| item.get("estimated_days").is_some()) {
            columns.push(number("estimated_days", "Uppskattade dagar"));
        }
        List::of_items(&columns, &items).print(self.output, &mut io::stdout().lock())?;
        connection.close().await
    }

    async fn list_gaps(self) -> anyhow::Result<()> {
        let connection = self.target.connect().await?;
        let mut items = Vec::new();
        let (months, _) = connection.client.list("/v1/months", &[]).await?;
        let months = months.iter().filter_map(|month| month["month"].as_str()?.parse::<Month>().ok());
        let wanted = |month: &Month| {
            self.from.is_none_or(|from| from <= *month) && self.to.is_none_or(|to| *month <= to)
        };
        for month in months.filter(wanted) {
            let (of_month, _) = connection.client.list("/v1/gaps", &[("month", month.to_string())]).await?;
            let of_service =
                |gap: &serde_json::Value| self.service.as_deref().is_none_or(|slug| gap["service"] == slug);
            items.extend(of_month.into_iter().filter(of_service));
        }
        let columns = [
            text("month", "Månad"),
            text("service", "Tjänst"),
            text("meter", "Mätare"),
            text("kind", "Slag"),
            text("first_day", "Från"),
            text("last_day", "Till"),
            number("count", "Antal"),
            text("source", "Källa"),
            text("subject", "Objekt"),
            text("decision", "Beslut"),
            text("reason", "Skäl"),
        ];
        List::of_items(&columns, &items).print(self.output, &mut io::stdout().lock())?;
        connection.close().await
    }
}

/// The first and the last month that there are; this month when there is none yet.
async fn all_months(client: &Client) -> anyhow::Result<(String, String)> {
    let (months, _) = client.list("/v1/months", &[]).await?;
    let name = |month: Option<&serde_json::Value>| {
        month
            .and_then(|month| month["month"].as_str())
            .map_or_else(|| serve::now().month().to_string(), str::to_owned)
    };
    Ok((name(months.first()), name(months.last())))
}

fn column(by: &str) -> Option<Column> {
    match by {
        "class" => Some(text("class", "Klass")),
        "customer" => Some(text("customer", "Kund")),
        "costcentre" => Some(text("costcentre", "Ansvar")),
        "product" => Some(text("product", "Objektprodukt")),
        "object" => Some(text("object", "Objekt")),
        "dims" => Some(text("dims", "Dimensioner")),
        _ => None,
    }
}

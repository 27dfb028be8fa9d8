//! The tables of the first page: services by month, and the months with their files.

use std::collections::BTreeMap;

use billing::MonthState;
use domain::{Money, Month};

use super::Figured;
use crate::chart;
use crate::numbers;
use crate::pages::cube::MonthFigures;

/// The head of a month's column.
pub(crate) struct Head {
    pub(crate) label: &'static str,
    pub(crate) year: i32,
    pub(crate) title: String,
    pub(crate) provisional: bool,
}

/// A row of amounts.
pub(crate) struct Row {
    pub(crate) name: String,
    /// The page that tells more; none for sums.
    pub(crate) href: Option<String>,
    pub(crate) spark: String,
    pub(crate) cells: Vec<String>,
    pub(crate) total: String,
    pub(crate) grand: bool,
}

/// A month, its state and its files.
pub(crate) struct MonthRow {
    pub(crate) month: Month,
    pub(crate) name: String,
    pub(crate) state: &'static str,
    pub(crate) class: &'static str,
    pub(crate) net: String,
    pub(crate) surcharge: String,
    pub(crate) hash: Option<String>,
    pub(crate) files: Vec<File>,
}

/// A file to download.
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) href: String,
}

impl Figured<'_> {
    pub(super) fn heads(&self) -> Vec<Head> {
        let head = |month: &Month| Head {
            label: numbers::short_month(self.language, *month),
            year: month.year(),
            title: numbers::long_month(self.language, *month),
            provisional: self.by_month.get(month).is_some_and(|figures| figures.state != MonthState::Closed),
        };
        self.window.iter().map(head).collect()
    }

    /// The services, the costliest first; those without a price come last, by name.
    pub(super) fn rows(&self) -> Vec<Row> {
        let mut totals: BTreeMap<&str, Money> = BTreeMap::new();
        for figures in self.window.iter().filter_map(|month| self.by_month.get(month)) {
            for (service, figures) in &figures.services {
                *totals.entry(service).or_default() += figures.gross;
            }
        }
        let mut services: Vec<(&str, Money)> = totals.into_iter().collect();
        services.sort_by_key(|(service, total)| {
            (std::cmp::Reverse(*total), self.service_name(service).to_owned())
        });
        let row = |(service, _): &(&str, Money)| {
            let cost = |figures: &MonthFigures| figures.services.get(*service).map(|figures| figures.gross);
            Row {
                href: Some(format!("/services/{service}?month={}", self.focus())),
                ..self.row(self.service_name(service), false, cost)
            }
        };
        services.iter().map(row).collect()
    }

    /// The sums: each object product, all services, and the surcharge on top.
    pub(super) fn sums(&self) -> Vec<Row> {
        let product = |(code, name): &(&str, &str)| {
            self.row(name, false, |figures| Some(self.product_cost(figures, code)))
        };
        let mut sums: Vec<Row> = self.products.iter().map(product).collect();
        sums.push(self.row(self.t.all_services, true, |figures| Some(figures.total().gross)));
        sums.push(self.row(self.t.surcharge_row, false, |figures| Some(figures.total().surcharge)));
        sums
    }

    fn row(&self, name: &str, grand: bool, value: impl Fn(&MonthFigures) -> Option<Money>) -> Row {
        let values =
            self.window.iter().map(|month| self.by_month.get(month).and_then(|figures| value(figures)));
        let values: Vec<Option<Money>> = values.collect();
        let written = |value: &Option<Money>| {
            value.map_or_else(|| "–".to_owned(), |value| numbers::scaled(self.language, value, self.scale))
        };
        // A running month is not whole: its fall would be the loudest thing in the line, and mean nothing.
        let whole = self.window.iter().zip(&values).filter(|(month, _)| !self.is_running(**month));
        Row {
            name: name.to_owned(),
            href: None,
            spark: chart::sparkline(&whole.map(|(_, value)| value.map(Money::ore)).collect::<Vec<_>>()),
            cells: values.iter().map(written).collect(),
            total: numbers::scaled(self.language, values.iter().flatten().copied().sum(), self.scale),
            grand,
        }
    }

    /// The shown months that have anything, the newest first.
    pub(super) fn month_rows(&self) -> Vec<MonthRow> {
        let known = self.window.iter().rev().filter_map(|month| self.by_month.get(month));
        known.map(|figures| self.month_row(figures)).collect()
    }

    fn month_row(&self, figures: &MonthFigures) -> MonthRow {
        let (state, class) = match figures.state {
            MonthState::Open => (self.t.open, "info"),
            MonthState::Preliminary => (self.t.preliminary, "warn"),
            MonthState::Closed => (self.t.closed, "good"),
        };
        let month = figures.month;
        let preliminary = if figures.state == MonthState::Closed { "" } else { "preliminary=true" };
        let file = |name, format: &str, dialect: &str| {
            let parameters =
                [dialect, preliminary].into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join("&");
            let mark = if parameters.is_empty() { "" } else { "?" };
            File { name, href: format!("/v1/exports/{month}/{format}{mark}{parameters}") }
        };
        let total = figures.total();
        MonthRow {
            month,
            name: numbers::long_month(self.language, month),
            state,
            class,
            net: numbers::scaled(self.language, total.net, numbers::Scale::Kronor),
            surcharge: numbers::scaled(self.language, total.surcharge, numbers::Scale::Kronor),
            hash: figures.hash.as_ref().map(|hash| hash.chars().take(12).collect()),
            files: if self.input.has_files {
                vec![
                    file(self.t.package, "package.zip", ""),
                    file("XLSX", "xlsx", ""),
                    file("CSV (Excel)", "csv", "dialect=excel-sv"),
                    file("CSV", "csv", ""),
                ]
            } else {
                Vec::new()
            },
        }
    }
}

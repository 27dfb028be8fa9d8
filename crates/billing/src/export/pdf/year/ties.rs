//! The year against its months: what they closed with, what lies between the two views, and the months' hashes.

use domain::charge::Totals;

use super::super::page::{Block, Column, Table};
use super::super::swedish;
use super::{amount_columns, amounts};
use crate::bill::{Bill, MonthState};
use crate::year::{YearMonth, YearReport};

/// The twelve closes beside the sums of the groups.
pub(super) fn closes(report: &YearReport) -> Vec<Block> {
    let mut table = of_months("Månad");
    for month in &report.months {
        table.row(first(month).into_iter().chain(amounts(month.totals)));
    }
    let sum = |name: &str, totals: Totals| {
        [name.to_owned(), String::new(), String::new()].into_iter().chain(amounts(totals))
    };
    table.strong(sum("Summa av boksluten", report.closes));
    table.strong(sum("Summa av tjänsterna", report.totals.billed));
    let verdict = if report.ties() {
        Block::text("Tjänsternas summa stämmer med summan av månadsboksluten, på öret.")
    } else {
        Block::notice("Tjänsternas summa STÄMMER INTE med summan av månadsboksluten.")
    };
    vec![Block::section("Avstämning mot månadsboksluten"), Block::Table(table), verdict]
}

fn of_months(name: &str) -> Table {
    let texts = [Column::text(name, 1), Column::short("Läge"), Column::short("Påslag")];
    Table::new(texts.into_iter().chain(amount_columns()))
}

fn first(month: &YearMonth) -> [String; 3] {
    let rate = month.rate.map_or_else(|| "–".to_owned(), swedish::percent);
    [swedish::month(month.month), state(month.state).to_owned(), rate]
}

const fn state(state: MonthState) -> &'static str {
    match state {
        MonthState::Open => "öppen",
        MonthState::Preliminary => "preliminär",
        MonthState::Closed => "stängd",
    }
}

/// From what the year's months billed to what the year used.
pub(super) fn bridge(report: &YearReport) -> Vec<Block> {
    let mut table =
        Table::new([Column::text("Från fakturerat till använt", 1)].into_iter().chain(amount_columns()));
    let totals = &report.totals;
    let row = |name: &str, totals: Totals| [name.to_owned()].into_iter().chain(amounts(totals));
    table.row(row("Fakturerat av årets månader", totals.billed));
    table.row(row("Avgår: rättelser av tidigare år", totals.earlier));
    table.row(row("Tillkommer: rättelser som senare månader fakturerar", totals.later));
    table.strong(row("Årets användning", totals.usage));
    let mut blocks = vec![Block::subsection("Rättelser över årsskiftet"), Block::Table(table)];
    if !report.later.is_empty() {
        let mut later = of_months("Senare månad");
        for month in &report.later {
            later.row(first(month).into_iter().chain(amounts(month.totals)));
        }
        blocks.push(Block::Table(later));
    }
    blocks
}

/// What each month was frozen as: whole, to be compared with the months' own files.
pub(super) fn hashes(report: &YearReport, bills: &[&Bill]) -> Vec<Block> {
    let mut table = Table::new([
        Column::short("Månad"),
        Column::text("Kontrollsumma (SHA-256), katalogversion och ankare", 1),
    ]);
    for month in &report.months {
        let bill = bills.iter().find(|bill| bill.month == month.month);
        let frozen = bill.and_then(|bill| Some((bill, bill.frozen.as_ref()?)));
        let said = frozen.map_or_else(
            || "inte stängd".to_owned(),
            |(bill, frozen)| {
                let anchor = frozen.anchor().map(|anchor| format!("\nankare {anchor}")).unwrap_or_default();
                format!("{}\nkatalog {}{anchor}", frozen.hash, bill.catalogue)
            },
        );
        table.row([swedish::month(month.month), said]);
    }
    vec![
        Block::section("Månadernas kontrollsummor"),
        Block::text(
            "Samma kontrollsummor ska stå i månadernas underlag. Ett ankare kontrolleras med: \
             taxameter audit verify --anchor ANKARE.",
        ),
        Block::Table(table),
    ]
}

//! The month in a few rows: whose, its state, its sums, and how it was closed.

use crate::blocker::Blocker;
use crate::export::words;

use super::sheet::{Cell, Column, Table};
use super::{Audience, Book, state};

/// How many hindrances are told one by one: of a source that is silent there may be thousands.
const BLOCKERS_MAX: usize = 50;

/// What [`words::model`] leaves out, because it holds for all models (R19).
const ABOUT_MODELS: &str = "gäller allt som en betalare använder av klassen i månaden; beloppet fördelas på betalarens \
                            kostnadsställen efter kvantitet";

pub(super) fn table(book: &Book<'_>) -> Table<'static> {
    let rows = [whose(book), sums(book), closed(book)].concat();
    let columns = vec![Column::text("Uppgift", 36), Column::text("Värde", 70).wrapped()];
    Table { columns, rows: Box::new(rows.into_iter()), has_total: false }
}

fn row(name: &str, value: Cell) -> Vec<Cell> {
    vec![Cell::text(name), value]
}

fn whose(book: &Book<'_>) -> Vec<Vec<Cell>> {
    let month = book.bill.month;
    let mut rows: Vec<_> =
        book.payer().map(|payer| row("Betalare", Cell::Text(words::payer(payer)))).into_iter().collect();
    rows.extend([
        row("Leverantör", Cell::Text(words::supplier(book.catalogue))),
        row("Månad", Cell::text(month)),
        row("Första dag", Cell::Day(month.first_day())),
        row("Sista dag", Cell::Day(month.last_day())),
        row("Läge", Cell::text(state(book.bill))),
    ]);
    rows
}

fn sums(book: &Book<'_>) -> Vec<Vec<Cell>> {
    let bill = book.bill;
    let mut rows = vec![
        row("Brutto, kr", Cell::Money(bill.totals.gross)),
        row("Gemensamt finansierat, kr", Cell::Money(bill.totals.joint)),
        row("Netto, kr (exkl. påslag och moms)", Cell::Money(bill.totals.net)),
        row("Påslag, kr", Cell::Money(bill.totals.surcharge)),
        row(book.due(), Cell::Money(bill.totals.net + bill.totals.surcharge)),
        row("Påslagets sats", bill.rate.map_or_else(|| Cell::text("ingen"), Cell::Rate)),
        row("Beslut om påslaget", Cell::text(&bill.rate_decision)),
        row("Rader", Cell::Count(bill.own().len())),
        row("Rättelserader", Cell::Count(bill.corrections().len())),
    ];
    if bill.charges.iter().any(|charge| super::lines::model(charge).is_some()) {
        rows.push(row("Prismodell", Cell::text(ABOUT_MODELS)));
    }
    rows.push(row("Katalogversion", Cell::text(&bill.catalogue)));
    rows
}

/// How the month was closed, or what stands in the way.
fn closed(book: &Book<'_>) -> Vec<Vec<Cell>> {
    match (&book.bill.frozen, book.audience) {
        (Some(frozen), _) => {
            let anchor = frozen.anchor().unwrap_or_else(|| "–".to_owned());
            let mut rows = vec![
                row("Stängd (UTC)", Cell::Time(frozen.at)),
                row("Kontrollsumma (SHA-256)", Cell::text(&frozen.hash)),
                row("Stängd av", Cell::text(if frozen.by.is_empty() { "–" } else { &frozen.by })),
                row("Beslut i styrloggen (ankare)", Cell::text(anchor)),
            ];
            if !frozen.accepted_gaps.is_empty() {
                rows.push(row("Godtagna luckor", Cell::text(&frozen.accepted_gaps)));
            }
            rows
        }
        (None, Audience::Finance(blockers)) => hindrances(blockers),
        // They may name others.
        (None, Audience::Payer(_)) => Vec::new(),
    }
}

fn hindrances(blockers: &[Blocker]) -> Vec<Vec<Cell>> {
    let mut rows = vec![row("Hinder för stängning", Cell::Count(blockers.len()))];
    let shown = blockers.iter().take(BLOCKERS_MAX);
    rows.extend(shown.map(|blocker| row("Hinder", Cell::text(blocker.swedish()))));
    if let Some(more) = blockers.len().checked_sub(BLOCKERS_MAX).filter(|more| *more > 0) {
        rows.push(row("Hinder", Cell::text(format!("och {more} till"))));
    }
    rows
}

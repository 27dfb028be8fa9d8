//! Every sum twice, from different sheets.

use std::collections::BTreeMap;

use domain::Money;
use domain::charge::Totals;

use super::sheet::{Cell, Column, Table};
use super::{Book, sums};

pub(super) fn table(book: &Book<'_>) -> Table<'static> {
    let columns = vec![
        Column::text("Kontroll", 56),
        Column::number("Värde", 18),
        Column::number("Jämförs med", 18),
        Column::text("Stämmer", 10),
    ];
    Table { columns, rows: Box::new(checks(book).into_iter()), has_total: false }
}

fn sum(parts: impl IntoIterator<Item = Totals>) -> Totals {
    parts.into_iter().fold(Totals::default(), |mut sum, part| {
        sum += part;
        sum
    })
}

fn checks(book: &Book<'_>) -> Vec<Vec<Cell>> {
    let bill = book.bill;
    let lines: Totals = bill.own().iter().chain(bill.corrections()).collect();
    let payers = sum(bill.payers().into_iter().map(|payer| payer.totals));
    let services = sum(bill.services().into_iter().map(|service| service.totals));
    let costcentres = sum(sums::by_costcentre(bill).into_values().map(|(_, _, totals)| totals));
    let mut rows = Vec::new();
    let mut check = |name: String, value: Money, other: Money| {
        rows.push(vec![Cell::Text(name), Cell::Money(value), Cell::Money(other), yes(value == other)]);
    };
    for (against, sums) in [
        ("Per betalare", payers),
        ("Per tjänst", services),
        ("Per kostnadsställe", costcentres),
        ("Sammanfattning", bill.totals),
    ] {
        check(format!("Brutto: Rader + Rättelser mot {against}"), lines.gross, sums.gross);
        check(format!("Gemensamt: Rader + Rättelser mot {against}"), lines.joint, sums.joint);
        check(format!("Netto: Rader + Rättelser mot {against}"), lines.net, sums.net);
        check(format!("Påslag: Rader + Rättelser mot {against}"), lines.surcharge, sums.surcharge);
    }
    check("Brutto − gemensamt mot netto".to_owned(), lines.gross - lines.joint, lines.net);
    // A line's identity tells it apart, so there are as many as there are lines.
    let ids: BTreeMap<String, usize> =
        bill.charges.iter().zip(0..).map(|(charge, n)| (charge.id(), n)).collect();
    let (unique, all) = (ids.len(), bill.charges.len());
    let name = Cell::text("Antal rader mot antal olika rad-id");
    rows.push(vec![name, Cell::Count(all), Cell::Count(unique), yes(unique == all)]);
    rows
}

fn yes(holds: bool) -> Cell {
    Cell::text(if holds { "ja" } else { "NEJ" })
}

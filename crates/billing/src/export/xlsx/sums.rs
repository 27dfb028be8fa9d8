//! The sheets of sums: by payer, by service, by cost centre. Each ends with the sum of all.

use std::collections::BTreeMap;

use domain::charge::{Charge, Totals};
use domain::rating::Payer;

use super::Book;
use super::sheet::{Cell, Column, Table};
use crate::export::words;

const LINES: Column = Column::number("Rader", 9);

const AMOUNTS: [Column; 5] = [
    Column::number("Brutto, kr", 15),
    Column::number("Gemensamt, kr", 15),
    Column::number("Netto, kr", 15),
    Column::number("Påslag, kr", 13),
    Column::number("Summa, kr", 15),
];

fn amounts(totals: Totals) -> [Cell; 5] {
    let Totals { gross, joint, net, surcharge } = totals;
    [gross, joint, net, surcharge, net + surcharge].map(Cell::Money)
}

/// What a row is about, how many lines it sums, and what they come to.
type Sum = (Vec<Cell>, usize, Totals);

pub(super) fn payers(book: &Book<'_>) -> Table<'static> {
    let sums = book.bill.payers().into_iter().map(|payer| {
        let Payer { code, name, kind } = &*payer.customer;
        let about = vec![Cell::text(code), Cell::text(name), Cell::text(words::kind(*kind))];
        (about, payer.lines, payer.totals)
    });
    let columns = [Column::text("Betalare", 12), Column::text("Namn", 44), Column::text("Slag", 14)];
    table(book, columns.to_vec(), sums)
}

pub(super) fn services(book: &Book<'_>) -> Table<'static> {
    let sums = book.bill.services().into_iter().map(|service| {
        let about = vec![Cell::Text(service.service), Cell::Text(service.name), Cell::Text(service.product)];
        (about, service.lines, service.totals)
    });
    let columns = [Column::text("Tjänst", 28), Column::text("Namn", 40), Column::text("Objektprodukt", 14)];
    table(book, columns.to_vec(), sums)
}

pub(super) fn costcentres(book: &Book<'_>) -> Table<'static> {
    let has_payers = book.payer().is_none();
    let sums = by_costcentre(book.bill).into_iter().map(|((_, code), (payer, lines, totals))| {
        let mut about = vec![
            Cell::text(&payer.code),
            Cell::text(&payer.name),
            Cell::text(code),
            Cell::text(words::costcentre(book.catalogue, code).unwrap_or_default()),
        ];
        if !has_payers {
            about.drain(..2);
        }
        (about, lines, totals)
    });
    let mut columns = vec![
        Column::text("Betalare", 10),
        Column::text("Betalarens namn", 32),
        Column::text("Kostnadsställe", 15),
        Column::text("Namn", 36),
    ];
    if !has_payers {
        columns.drain(..2);
    }
    table(book, columns, sums)
}

/// Lines and sums by payer and cost centre: one that changed hands has a row of each payer.
pub(super) type CostCentres<'a> = BTreeMap<(&'a str, &'a str), (&'a Payer, usize, Totals)>;

pub(super) fn by_costcentre(bill: &crate::bill::Bill) -> CostCentres<'_> {
    let mut sums = CostCentres::new();
    for charge in &bill.charges {
        let Charge { customer, costcentre, .. } = charge;
        let new = || (&**customer, 0, Totals::default());
        let (_, lines, totals) = sums.entry((customer.code.as_str(), costcentre)).or_insert_with(new);
        *lines += 1;
        *totals += charge.totals();
    }
    sums
}

fn table(book: &Book<'_>, mut columns: Vec<Column>, sums: impl Iterator<Item = Sum>) -> Table<'static> {
    let mut all = vec![Cell::text("Summa")];
    all.resize(columns.len(), Cell::text(""));
    let row = |(about, lines, totals): Sum| -> Vec<Cell> {
        about.into_iter().chain([Cell::Count(lines)]).chain(amounts(totals)).collect()
    };
    let rows: Vec<_> = sums.chain([(all, book.bill.charges.len(), book.bill.totals)]).map(row).collect();
    columns.extend([LINES].into_iter().chain(AMOUNTS));
    Table { columns, rows: Box::new(rows.into_iter()), has_total: true }
}

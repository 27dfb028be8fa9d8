//! The lines, and the corrections of closed months: one row a charge.
//!
//! The code of the cost centre and the slug of the service stand as they are, for they are what lines are looked up and
//! filtered by. Meter, class and unit are called by their names; their codes are in the line's identity, which is last.

use domain::Quantity;
use domain::charge::Charge;

use super::Book;
use super::sheet::{Cell, Column, Table};
use crate::export::words;

/// A column and what stands in it.
struct Field {
    column: Column,
    cell: fn(&Book<'_>, &Charge) -> Cell,
}

const fn field(column: Column, cell: fn(&Book<'_>, &Charge) -> Cell) -> Field {
    Field { column, cell }
}

/// Told of each row that is made, which it hands on.
type Counted<'a> = &'a mut dyn FnMut(Vec<Cell>) -> Vec<Cell>;

/// The month's own lines.
pub(super) fn own<'a>(book: &'a Book<'_>, counted: Counted<'a>) -> Table<'a> {
    let charges = book.bill.own();
    let fields = what(book).chain([model_of(charges)]).chain(measured()).chain(MONEY).chain([ID]).collect();
    table(book, fields, charges, counted)
}

/// The corrections.
pub(super) fn corrections<'a>(book: &'a Book<'_>, counted: Counted<'a>) -> Table<'a> {
    let charges = book.bill.corrections();
    let fields = what(book).chain(why()).chain([model_of(charges)]).chain(moved()).chain(measured());
    let fields = fields.chain(MONEY).chain([RATE, ID]);
    table(book, fields.collect(), charges, counted)
}

fn table<'a>(
    book: &'a Book<'_>,
    fields: Vec<Field>,
    charges: &'a [Charge],
    counted: Counted<'a>,
) -> Table<'a> {
    let columns = fields.iter().map(|field| field.column).collect();
    let row = move |charge| fields.iter().map(|field| (field.cell)(book, charge)).collect();
    Table { columns, rows: Box::new(charges.iter().map(row).map(counted)), has_total: false }
}

/// What was used, and by whom. In a specification the payer is the same on every row.
fn what(book: &Book<'_>) -> impl Iterator<Item = Field> + use<> {
    let payer = field(Column::text("Betalare", 9).repeated(), |_, charge| Cell::text(&charge.customer.code));
    let payer = book.payer().is_none().then_some(payer);
    payer.into_iter().chain([
        field(Column::text("Kostnadsställe", 16).repeated(), |_, charge| Cell::text(&charge.costcentre)),
        field(Column::text("Tjänst", 25).repeated(), |_, charge| Cell::text(&charge.tariff.service)),
        field(Column::text("Tjänstens namn", 24), |_, charge| Cell::text(&charge.tariff.service_name)),
        field(Column::text("Mätare", 19), |_, charge| Cell::text(&charge.tariff.meter_name)),
        field(Column::text("Klass", 12), |book, charge| {
            Cell::Text(words::class(book.catalogue, &charge.tariff))
        }),
        field(Column::text("Enhet", 13), |_, charge| Cell::text(words::unit(&charge.tariff))),
    ])
}

/// What is corrected, and why.
fn why() -> [Field; 2] {
    [
        field(Column::text("Rättar", 9), |_, charge| Cell::text(charge.usage_month())),
        field(Column::text("Orsak", 30).wrapped(), |_, charge| {
            Cell::text(charge.reason.map(words::reason).unwrap_or_default())
        }),
    ]
}

/// From which quantity to which.
fn moved() -> [Field; 2] {
    [
        field(Column::number("Kvantitet före", 13).on_next_page(), |_, charge| {
            Cell::Quantity(charge.billed_before)
        }),
        field(Column::number("Kvantitet efter", 13), |_, charge| {
            let after = charge.billed_before.micros() + charge.quantity.micros();
            Cell::Quantity(Quantity::from_micros(after))
        }),
    ]
}

fn measured() -> [Field; 2] {
    [
        field(Column::number("Kvantitet", 13), |_, charge| Cell::Quantity(charge.quantity)),
        field(Column::number("Pris, kr", 10), |_, charge| {
            charge.unit_price().map_or_else(|| Cell::text(""), Cell::Price)
        }),
    ]
}

/// As narrow as its title where no line has a model.
fn model_of(charges: &[Charge]) -> Field {
    let width = if charges.iter().any(|charge| model(charge).is_some()) { 36 } else { 12 };
    field(Column::text("Prismodell", width).wrapped(), |_, charge| {
        Cell::Text(model(charge).unwrap_or_default())
    })
}

const MONEY: [Field; 4] = [
    field(Column::number("Brutto, kr", 13), |_, charge| Cell::Money(charge.gross)),
    field(Column::number("Gemensamt, kr", 13), |_, charge| Cell::Money(charge.joint)),
    field(Column::number("Netto, kr", 13), |_, charge| Cell::Money(charge.net)),
    field(Column::number("Påslag, kr", 11), |_, charge| Cell::Money(charge.surcharge)),
];

/// The rate of the surcharge in the corrected month (R7); none of what bears no surcharge.
const RATE: Field = field(Column::number("Sats", 8), |book, charge| {
    let bears = charge.tariff.bears_surcharge || charge.surcharge != domain::Money::ZERO;
    let rate = book.catalogue.rate(charge.usage_month()).filter(|_| bears);
    rate.map_or_else(|| Cell::text(""), |row| Cell::Rate(row.rate))
});

/// To look a line up by, on the screen: it is too long for paper.
const ID: Field = field(Column::text("Rad-id", 60).not_printed(), |_, charge| Cell::Text(charge.id()));

/// How a price that is not for each unit makes the amount.
pub(super) fn model(charge: &Charge) -> Option<String> {
    charge.tariff.price.as_ref().and_then(words::model)
}

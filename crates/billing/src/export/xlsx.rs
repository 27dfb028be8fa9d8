//! The Excel workbook: summary, payers, services, lines, corrections, and a sheet that shows that all of it ties out.
//!
//! Amounts and quantities are real numbers, already rounded; codes are text. There are no formulas and no macros.

mod sheet;

use std::collections::BTreeMap;
use std::io::Write;

use domain::Money;
use domain::charge::{Charge, Totals};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, XlsxError};

use self::sheet::{Cell, Column, Formats, Sheet};
use super::{PROGRESS_LINES, Progress, failed, flush};
use crate::bill::{Bill, MonthState};
use crate::blocker::Blocker;

/// Writes a month as a workbook. Of one that is not closed, `blockers` is what stands in the way; none where that is not
/// told, because it may name others.
///
/// # Errors
/// [`crate::Error::Export`] when `out` does not take it.
pub fn xlsx(
    bill: &Bill,
    blockers: Option<&[Blocker]>,
    mut out: impl Write,
    progress: Progress<'_>,
) -> crate::Result<()> {
    let bytes = workbook(bill, blockers, progress).map_err(|source| failed("xlsx", source))?;
    out.write_all(&bytes).map_err(|source| failed("xlsx", source))?;
    flush("xlsx", &mut out)
}

fn workbook(bill: &Bill, blockers: Option<&[Blocker]>, progress: Progress<'_>) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    workbook.set_properties(
        &DocProperties::new()
            .set_title(format!("Underlag för {} – {}", bill.month, state(bill)))
            .set_author("taxameter")
            .set_creation_datetime(&created(bill)?),
    );
    let formats = Formats::new();
    let footer = format!("&L{} – {}&C&A&RSida &P av &N", bill.month, state(bill));
    let mut add = |name: &str, columns: &[Column], rows: &mut dyn Iterator<Item = Vec<Cell>>| {
        Sheet { name, columns, footer: &footer }.write(workbook.add_worksheet(), &formats, rows)
    };
    add("Sammanfattning", &SUMMARY, &mut summary(bill, blockers).into_iter())?;
    add("Per betalare", &PAYERS, &mut payers(bill).into_iter())?;
    add("Per tjänst", &SERVICES, &mut services(bill).into_iter())?;
    let total = bill.charges.len();
    let mut done = 0;
    let mut counted = |cells: Vec<Cell>| {
        done += 1;
        if done % PROGRESS_LINES == 0 || done == total {
            progress(done, total);
        }
        cells
    };
    add("Rader", &LINES, &mut bill.own().iter().map(line).map(&mut counted))?;
    add("Rättelser", &CORRECTIONS, &mut bill.corrections().iter().map(correction).map(&mut counted))?;
    add("Kontroll", &CHECKS, &mut checks(bill).into_iter())?;
    workbook.save_to_buffer()
}

/// The date that the file says that it was made: when the month was decided on, so that the bytes stay the same. One that
/// is not closed has the month's last day.
fn created(bill: &Bill) -> Result<ExcelDateTime, XlsxError> {
    sheet::excel_time(bill.frozen.as_ref().map_or_else(|| bill.month.end(), |frozen| frozen.at))
}

fn state(bill: &Bill) -> &'static str {
    match bill.state {
        MonthState::Open => "PRELIMINÄR (öppen månad)",
        MonthState::Preliminary => "PRELIMINÄR",
        MonthState::Closed => "stängd",
    }
}

/// How many hindrances are told one by one: of a source that is silent there may be thousands.
const BLOCKERS_MAX: usize = 50;

const SUMMARY: [Column; 2] = [Column::text("Uppgift", 34), Column::text("Värde", 70)];

fn summary(bill: &Bill, blockers: Option<&[Blocker]>) -> Vec<Vec<Cell>> {
    let row = |name: &str, value: Cell| vec![Cell::text(name), value];
    let mut rows = vec![
        row("Månad", Cell::text(bill.month)),
        row("Första dag", Cell::Day(bill.month.first_day())),
        row("Sista dag", Cell::Day(bill.month.last_day())),
        row("Läge", Cell::text(state(bill))),
        row("Brutto, kr", Cell::Money(bill.totals.gross)),
        row("Gemensamt finansierat, kr", Cell::Money(bill.totals.joint)),
        row("Netto, kr (exkl. påslag och moms)", Cell::Money(bill.totals.net)),
        row("Påslag, kr", Cell::Money(bill.totals.surcharge)),
        row("Att fakturera, kr (exkl. moms)", Cell::Money(bill.totals.net + bill.totals.surcharge)),
        row("Påslagets sats", bill.rate.map_or_else(|| Cell::text("ingen"), Cell::Rate)),
        row("Beslut om påslaget", Cell::text(&bill.rate_decision)),
        row("Rader", Cell::Count(bill.own().len())),
        row("Rättelserader", Cell::Count(bill.corrections().len())),
        row("Katalogversion", Cell::text(&bill.catalogue)),
    ];
    if let Some(frozen) = &bill.frozen {
        rows.push(row("Stängd (UTC)", Cell::Time(frozen.at)));
        rows.push(row("Kontrollsumma (SHA-256)", Cell::text(&frozen.hash)));
        rows.push(row("Stängd av", Cell::text(if frozen.by.is_empty() { "–" } else { &frozen.by })));
        let anchor = frozen.anchor().unwrap_or_else(|| "–".to_owned());
        rows.push(row("Beslut i styrloggen (ankare)", Cell::text(anchor)));
        if !frozen.accepted_gaps.is_empty() {
            rows.push(row("Godtagna luckor", Cell::text(&frozen.accepted_gaps)));
        }
    } else if let Some(blockers) = blockers {
        rows.push(row("Hinder för stängning", Cell::Count(blockers.len())));
        let shown = blockers.iter().take(BLOCKERS_MAX);
        rows.extend(shown.map(|blocker| row("Hinder", Cell::text(blocker.swedish()))));
        if let Some(more) = blockers.len().checked_sub(BLOCKERS_MAX).filter(|more| *more > 0) {
            rows.push(row("Hinder", Cell::text(format!("och {more} till"))));
        }
    }
    rows
}

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

const PAYERS: [Column; 9] = with_amounts([
    Column::text("Betalare", 12),
    Column::text("Namn", 44),
    Column::text("Slag", 14),
    Column::number("Rader", 9),
]);

const SERVICES: [Column; 9] = with_amounts([
    Column::text("Tjänst", 28),
    Column::text("Namn", 40),
    Column::text("Objektprodukt", 14),
    Column::number("Rader", 9),
]);

const fn with_amounts(first: [Column; 4]) -> [Column; 9] {
    let [a, b, c, d] = first;
    let [e, f, g, h, i] = AMOUNTS;
    [a, b, c, d, e, f, g, h, i]
}

fn payers(bill: &Bill) -> Vec<Vec<Cell>> {
    let row = |payer: crate::PayerTotal| {
        let first = [
            Cell::text(&payer.customer.code),
            Cell::text(&payer.customer.name),
            Cell::text(payer.customer.kind.name()),
        ];
        first.into_iter().chain([Cell::Count(payer.lines)]).chain(amounts(payer.totals)).collect()
    };
    bill.payers().into_iter().map(row).chain([total(bill)]).collect()
}

fn services(bill: &Bill) -> Vec<Vec<Cell>> {
    let row = |service: crate::ServiceTotal| {
        let first = [Cell::text(&service.service), Cell::text(&service.name), Cell::text(&service.product)];
        first.into_iter().chain([Cell::Count(service.lines)]).chain(amounts(service.totals)).collect()
    };
    bill.services().into_iter().map(row).chain([total(bill)]).collect()
}

fn total(bill: &Bill) -> Vec<Cell> {
    let first = [Cell::text("Summa"), Cell::text(""), Cell::text(""), Cell::Count(bill.charges.len())];
    first.into_iter().chain(amounts(bill.totals)).collect()
}

const LINES: [Column; 15] = [
    Column::text("Rad-id", 44),
    Column::text("Månad", 9),
    Column::text("Betalare", 10),
    Column::text("Kostnadsställe", 14),
    Column::text("Tjänst", 26),
    Column::text("Tjänstens namn", 30),
    Column::text("Mätare", 18),
    Column::text("Klass", 12),
    Column::text("Enhet", 10),
    Column::number("Kvantitet", 16),
    Column::number("Pris, kr", 12),
    Column::number("Brutto, kr", 14),
    Column::number("Gemensamt, kr", 14),
    Column::number("Netto, kr", 14),
    Column::number("Påslag, kr", 12),
];

const CORRECTIONS: [Column; 18] = {
    let [
        id,
        month,
        customer,
        costcentre,
        service,
        name,
        meter,
        class,
        unit,
        quantity,
        price,
        gross,
        joint,
        net,
        surcharge,
    ] = LINES;
    let (corrects, before, after) = (
        Column::text("Rättar", 9),
        Column::number("Kvantitet före", 16),
        Column::number("Kvantitet efter", 16),
    );
    [
        id, month, corrects, customer, costcentre, service, name, meter, class, unit, before, after,
        quantity, price, gross, joint, net, surcharge,
    ]
};

fn line(charge: &Charge) -> Vec<Cell> {
    let mut cells = vec![Cell::text(charge.id()), Cell::text(charge.month)];
    cells.extend(what(charge));
    cells.push(Cell::Quantity(charge.quantity));
    cells.extend(money(charge));
    cells
}

fn correction(charge: &Charge) -> Vec<Cell> {
    let after = domain::Quantity::from_micros(charge.billed_before.micros() + charge.quantity.micros());
    let mut cells = vec![Cell::text(charge.id()), Cell::text(charge.month), Cell::text(charge.usage_month())];
    cells.extend(what(charge));
    cells.extend([charge.billed_before, after, charge.quantity].map(Cell::Quantity));
    cells.extend(money(charge));
    cells
}

fn what(charge: &Charge) -> [Cell; 7] {
    let (customer, costcentre, service, meter, class) = charge.key();
    let name = charge.tariff.service_name.as_str();
    [customer, costcentre, service, name, meter, class, &charge.tariff.unit].map(Cell::text)
}

fn money(charge: &Charge) -> [Cell; 5] {
    let price = charge.unit_price().map_or_else(|| Cell::text(""), Cell::Price);
    let [gross, joint, net, surcharge] =
        [charge.gross, charge.joint, charge.net, charge.surcharge].map(Cell::Money);
    [price, gross, joint, net, surcharge]
}

const CHECKS: [Column; 4] = [
    Column::text("Kontroll", 52),
    Column::number("Värde", 18),
    Column::number("Jämförs med", 18),
    Column::text("Stämmer", 10),
];

/// Every sum twice, from different sheets.
fn checks(bill: &Bill) -> Vec<Vec<Cell>> {
    let lines: Totals = bill.own().iter().chain(bill.corrections()).collect();
    let mut payers = Totals::default();
    bill.payers().iter().for_each(|payer| payers += payer.totals);
    let mut services = Totals::default();
    bill.services().iter().for_each(|service| services += service.totals);
    let mut rows = Vec::new();
    let mut check = |name: String, value: Money, other: Money| {
        rows.push(vec![
            Cell::Text(name),
            Cell::Money(value),
            Cell::Money(other),
            Cell::text(if value == other { "ja" } else { "NEJ" }),
        ]);
    };
    for (against, sums) in
        [("Per betalare", payers), ("Per tjänst", services), ("Sammanfattning", bill.totals)]
    {
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
    rows.push(vec![
        Cell::text("Antal rader mot antal olika rad-id"),
        Cell::Count(all),
        Cell::Count(unique),
        Cell::text(if unique == all { "ja" } else { "NEJ" }),
    ]);
    rows
}

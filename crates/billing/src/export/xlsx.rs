//! The Excel workbook: summary, payers, services, cost centres, lines, corrections, and a sheet that shows that all of it
//! ties out. A payer's own is its specification.
//!
//! Amounts and quantities are real numbers, already rounded; codes are text. There are no formulas and no macros. Names come
//! from the lines, which are frozen with them, and else from the catalogue that the month was reckoned on.

mod checks;
mod lines;
mod page;
mod sheet;
mod summary;
mod sums;

use std::io::Write;

use domain::catalogue::Catalogue;
use domain::event::CustomerKind;
use domain::rating::Payer;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, XlsxError};

use self::sheet::{Cell, Sheet, Styles, Table};
use super::{PROGRESS_LINES, Progress, failed, flush, words};
use crate::bill::{Bill, MonthState};
use crate::blocker::Blocker;

/// Whom a workbook is for.
#[derive(Debug, Clone, Copy)]
pub enum Audience<'a> {
    /// Those who bill: it has all payers, and of a month that is not closed what stands in the way.
    Finance(&'a [Blocker]),
    /// A payer, whose lines are the only ones that the bill has ([`Bill::of_payer`]).
    Payer(&'a Payer),
}

/// Writes a month as a workbook. `catalogue` is the one that the month was reckoned on ([`Bill::catalogue`]): then the bytes
/// are always the same.
///
/// # Errors
/// [`crate::Error::Export`] when `out` does not take it.
pub fn xlsx(
    bill: &Bill,
    catalogue: &Catalogue,
    audience: Audience<'_>,
    mut out: impl Write,
    progress: Progress<'_>,
) -> crate::Result<()> {
    let book = Book { bill, catalogue, audience };
    let bytes = book.workbook(progress).map_err(|source| failed("xlsx", source))?;
    out.write_all(&bytes).map_err(|source| failed("xlsx", source))?;
    flush("xlsx", &mut out)
}

/// What a workbook is made of.
#[derive(Clone, Copy)]
struct Book<'a> {
    bill: &'a Bill,
    catalogue: &'a Catalogue,
    audience: Audience<'a>,
}

impl Book<'_> {
    fn workbook(&self, progress: Progress<'_>) -> Result<Vec<u8>, XlsxError> {
        let bill = self.bill;
        let mut workbook = Workbook::new();
        workbook.set_properties(
            &DocProperties::new()
                .set_title(format!("{} {} – {}", self.title(), bill.month, state(bill)))
                .set_author("taxameter")
                .set_creation_datetime(&created(bill)?),
        );
        let styles = Styles::new();
        let header = page::header(&self.title(), &words::supplier(self.catalogue));
        let footer = page::footer(&format!("{} – {}", bill.month, state(bill)));
        let mut add = |name: &str, table: Table<'_>| {
            Sheet { name, header: &header, footer: &footer }.write(workbook.add_worksheet(), &styles, table)
        };
        add("Sammanfattning", summary::table(self))?;
        add("Per betalare", sums::payers(self))?;
        add("Per tjänst", sums::services(self))?;
        add("Per kostnadsställe", sums::costcentres(self))?;
        let total = bill.charges.len();
        let mut done = 0;
        let mut counted = |cells: Vec<Cell>| {
            done += 1;
            if done % PROGRESS_LINES == 0 || done == total {
                progress(done, total);
            }
            cells
        };
        add("Rader", lines::own(self, &mut counted))?;
        add("Rättelser", lines::corrections(self, &mut counted))?;
        add("Kontroll", checks::table(self))?;
        workbook.save_to_buffer()
    }

    /// The payer whose specification it is.
    fn payer(&self) -> Option<&Payer> {
        match self.audience {
            Audience::Finance(_) => None,
            Audience::Payer(payer) => Some(payer),
        }
    }

    fn title(&self) -> String {
        match self.payer() {
            None => "Debiteringsunderlag".to_owned(),
            Some(payer) => format!("Specifikation för {}", words::payer(payer)),
        }
    }

    /// What becomes of the sum: companies alone are invoiced (domain §2.3), so of everybody it is charged.
    fn due(&self) -> &'static str {
        match self.payer().map(|payer| payer.kind) {
            Some(CustomerKind::Bolag) => "Att fakturera, kr (exkl. moms)",
            Some(CustomerKind::Forvaltning | CustomerKind::Objekt) | None => "Att debitera, kr (exkl. moms)",
        }
    }
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

//! Reports to read: a month for the object's owners, and a year for each service (R17, R18). A4, in Swedish.
//!
//! They are PDF/UA-1 (ISO 14289-1: tagged, so that a screen reader can read them) and PDF/A-2a (ISO 19005-2: whole in
//! themselves, so that an archive can keep them). What is here is text and sums; `report.typ` is how it looks.

mod month;
mod page;
mod swedish;
mod world;
mod year;

use std::io::Write;
use std::sync::Arc;

use domain::catalogue::Catalogue;

use self::page::Pages;
use super::{failed, flush};
use crate::bill::Bill;
use crate::month::MonthReport;
use crate::year::YearReport;

/// Writes a month's report: what it comes to, for whom, what moved, what was corrected and how it is checked.
///
/// # Errors
/// [`crate::Error::Export`] when `out` does not take it.
pub fn month_pdf(report: &MonthReport, out: impl Write) -> crate::Result<()> {
    write(&month::pages(report), out)
}

/// Writes a year's report: `report` told by service, `bills` those of the year's months, as far as there are, and
/// `catalogue` the one in force.
///
/// # Errors
/// [`crate::Error::Export`] when `out` does not take it.
pub fn year_pdf(
    report: &YearReport,
    bills: &[Arc<Bill>],
    catalogue: &Catalogue,
    out: impl Write,
) -> crate::Result<()> {
    write(&year::pages(report, bills, catalogue), out)
}

/// Who delivers and bills.
fn organisation(catalogue: &Catalogue) -> String {
    let names = [&catalogue.organisation.name, &catalogue.organisation.unit];
    names.into_iter().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>().join(", ")
}

fn write(pages: &Pages, mut out: impl Write) -> crate::Result<()> {
    let bytes = world::typeset(pages).map_err(|source| failed("pdf", source))?;
    out.write_all(&bytes).map_err(|source| failed("pdf", source))?;
    flush("pdf", &mut out)
}

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;

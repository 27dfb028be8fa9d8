//! Peppol BIS Billing 3.0: a month's documents as electronic invoices and credit notes (UBL 2.1), in a zip file.
//!
//! What is in one is described in `schemas/exports/peppol.md`. All documents stand in a journal beside them, which says of
//! which companies the catalogue does not know enough: those are invoiced by hand.

mod document;
mod earlier;
mod journal;
mod line;
mod party;
mod xml;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{Cursor, Write};

use domain::catalogue::Catalogue;
use domain::charge::Charge;
use domain::document::{Document, documents};
use domain::event::CustomerKind;
use domain::{Money, Month};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

pub use self::earlier::{EarlierDocuments, Issued, corrected_months, earlier_documents};

use self::document::{Parts, id};
use self::journal::{JOURNAL, journal};
use self::party::{Buyer, Seller};
use super::{Progress, failed, flush};
use crate::bill::{Bill, MonthState};
use crate::error::Error;

/// Writes a month's documents as a zip file: `{number}-{customer}.xml` for each, in the order of their numbers, and last the
/// journal of all of them, those too whose buyer has no organisation number or address in the catalogue. Gives what all of
/// them come to without VAT. A month that is not closed has no numbers: its documents are called `PRELIMINARY-{customer}` and
/// say that they are no invoices.
///
/// `catalogue` is the one that the month was billed on ([`Bill::catalogue`]): then the bytes are always the same.
///
/// # Errors
/// [`Error::NotExportable`] when the catalogue does not say what invoices need of the seller, [`Error::Export`] when `out`
/// does not take it.
pub fn peppol(
    bill: &Bill,
    catalogue: &Catalogue,
    earlier: &EarlierDocuments,
    mut out: impl Write,
    progress: Progress<'_>,
) -> crate::Result<Money> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let take: Take<'_> = &mut |name, bytes, _| add(&mut zip, name, bytes);
    let total = each_document(bill, catalogue, earlier, take, progress)?;
    let bytes = zip.finish().map_err(|source| failed("peppol", source))?.into_inner();
    out.write_all(&bytes).map_err(|source| failed("peppol", source))?;
    flush("peppol", &mut out)?;
    Ok(total)
}

/// Takes a finished file: its name, its bytes, and what it comes to without VAT.
pub(super) type Take<'a> = &'a mut dyn FnMut(&str, &[u8], Money) -> crate::Result<()>;

/// Makes the files of [`peppol`], one after the other, the journal last. It is made even where the catalogue says too little
/// of the seller for anything else.
pub(super) fn each_document(
    bill: &Bill,
    catalogue: &Catalogue,
    earlier: &EarlierDocuments,
    take: Take<'_>,
    progress: Progress<'_>,
) -> crate::Result<Money> {
    let documents = documents_of(bill);
    let seller = Seller::of(catalogue);
    let mut listed: Vec<(&Document, Option<String>)> = Vec::new();
    let (mut done, total) = (0, bill.charges.len());
    for document in documents.iter() {
        let charges = charges_of(bill, document);
        done += charges.len();
        let hindrance = match (&seller, Buyer::of(catalogue, &document.customer)) {
            (Err(missing), _) => Some(format!("saknas om säljaren: {}", missing.join("; "))),
            (Ok(_), Err(missing)) => Some(format!("saknas i kunder.csv: {}", missing.join("; "))),
            (Ok(seller), Ok(buyer)) => {
                let parts = parts((bill, catalogue), (*seller, buyer), earlier, (document, &charges));
                take(&file_name(bill, document), &parts.xml()?, document.total())?;
                None
            }
        };
        listed.push((document, hindrance));
        progress(done, total);
    }
    let total = documents.iter().map(Document::total).sum();
    take(JOURNAL, &journal(bill, catalogue, &listed)?, total)?;
    // Who invoices nobody need not say how.
    match seller {
        Err(missing) if !documents.is_empty() => Err(not_in_catalogue(missing)),
        Ok(_) | Err(_) => Ok(total),
    }
}

/// One document of a month as XML, in UTF-8.
///
/// # Errors
/// [`Error::NotExportable`] when the catalogue does not say what is needed of the seller or the buyer.
pub fn peppol_document(
    bill: &Bill,
    catalogue: &Catalogue,
    earlier: &EarlierDocuments,
    document: &Document,
) -> crate::Result<Vec<u8>> {
    let seller = seller(catalogue)?;
    let code = &document.customer.code;
    let buyer = Buyer::of(catalogue, &document.customer).map_err(|columns| {
        not_in_catalogue(columns.iter().map(|column| format!("kunder.csv {code}: {column}")).collect())
    })?;
    parts((bill, catalogue), (seller, buyer), earlier, (document, &charges_of(bill, document))).xml()
}

/// Why a month's documents cannot be made: what the catalogue lacks of the seller, when there is one to invoice.
pub(super) fn uninvoiceable(bill: &Bill, catalogue: &Catalogue) -> Option<Error> {
    if documents_of(bill).is_empty() { None } else { seller(catalogue).err() }
}

fn seller(catalogue: &Catalogue) -> crate::Result<Seller<'_>> {
    Seller::of(catalogue).map_err(not_in_catalogue)
}

fn not_in_catalogue(missing: Vec<String>) -> Error {
    let missing = missing.join("; ");
    Error::NotExportable {
        format: "peppol",
        swedish: format!("katalogen saknar det som fakturor behöver: {missing}"),
        english: format!("the catalogue lacks what invoices need: {missing}"),
    }
}

fn file_name(bill: &Bill, document: &Document) -> String {
    let id = id(bill, document);
    if is_closed(bill) { format!("{id}-{}.xml", document.customer.code) } else { format!("{id}.xml") }
}

fn is_closed(bill: &Bill) -> bool {
    bill.state == MonthState::Closed
}

/// The documents of a closed month; those that an open one would have.
fn documents_of(bill: &Bill) -> Cow<'_, [Document]> {
    if is_closed(bill) { Cow::Borrowed(&bill.documents) } else { Cow::Owned(documents(&bill.charges, 1)) }
}

fn charges_of<'a>(bill: &'a Bill, document: &Document) -> Vec<&'a Charge> {
    let is_of = |charge: &&Charge| {
        charge.customer.kind == CustomerKind::Bolag && charge.customer.code == document.customer.code
    };
    bill.charges.iter().filter(is_of).collect()
}

fn parts<'a>(
    (bill, catalogue): (&'a Bill, &Catalogue),
    (seller, buyer): (Seller<'a>, Buyer<'a>),
    earlier: &EarlierDocuments,
    (document, charges): (&'a Document, &[&Charge]),
) -> Parts<'a> {
    let corrected: BTreeSet<Month> = charges.iter().filter_map(|charge| charge.corrects).collect();
    let issued = |month: Month| earlier.get(&(month, document.customer.code.clone()));
    let corrected: BTreeSet<Issued> = corrected.into_iter().filter_map(issued).flatten().copied().collect();
    let rate = |month: Month| match month == bill.month {
        true => bill.rate,
        false => catalogue.rate(month).map(|row| row.rate),
    };
    Parts {
        bill,
        document,
        seller,
        buyer,
        corrected: corrected.into_iter().collect(),
        lines: line::lines(document.kind, charges, rate),
    }
}

/// Adds a file. The time is the format's zero: no clock is read.
fn add(zip: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, bytes: &[u8]) -> crate::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    zip.start_file(name, options).map_err(|source| failed("peppol", source))?;
    zip.write_all(bytes).map_err(|source| failed("peppol", source))
}

#[cfg(test)]
mod tests;

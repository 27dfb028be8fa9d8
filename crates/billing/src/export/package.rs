//! A month's whole package: every file that finance books, mails and archives, and a manifest that says what they are.
//!
//! Files are made one after the other and handed on at once, so a package never stands in memory whole.

mod manifest;

use std::io::Write;

use domain::Money;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

pub use manifest::{Left, Manifest, ManifestFile};

use super::{Dialect, Format, Material, Progress, failed, peppol, sie, xlsx};
use crate::bill::{Bill, MonthState};
use crate::error::Error;

/// The manifest's name within the package.
pub const MANIFEST: &str = "manifest.json";

/// Takes a finished file: its name and its bytes.
type Take<'a> = &'a mut dyn FnMut(&str, &[u8]) -> crate::Result<()>;

/// Writes a month's package as a zip file, the manifest last. `progress` is told how many files of how many are there.
///
/// # Errors
/// [`Error::DoesNotTieOut`] when a file's total is not the month's, [`Error::Export`] when `out` does not take it.
pub fn package(material: &Material, out: impl Write, progress: Progress<'_>) -> crate::Result<()> {
    let mut zip = ZipWriter::new_stream(out);
    // No clock is read: zip's own zero, 1980-01-01, stands for every time.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    let mut take = |name: &str, bytes: &[u8]| {
        zip.start_file(name, options).map_err(|source| failed("package", source))?;
        zip.write_all(bytes).map_err(|source| failed("package", source))
    };
    let manifest = files(material, &mut take, progress)?;
    take(MANIFEST, &manifest.to_json())?;
    let mut out = zip.finish().map_err(|source| failed("package", source))?.into_inner();
    out.flush().map_err(|source| failed("package", source))
}

/// The manifest of a month's package, without the package.
///
/// # Errors
/// As [`package`].
pub fn manifest(material: &Material, progress: Progress<'_>) -> crate::Result<Manifest> {
    files(material, &mut |_, _| Ok(()), progress)
}

/// Makes every file, and says what they are.
fn files(material: &Material, take: Take<'_>, progress: Progress<'_>) -> crate::Result<Manifest> {
    let Material { bill, catalogue, earlier } = material;
    let month = bill.month;
    let mark = if bill.state == MonthState::Closed { "" } else { "-preliminary" };
    let payers = bill.payers();
    let mut making =
        Making { manifest: Manifest::of(bill), take, progress, made: 0, total: 6 + payers.len() };
    let whole = bill.totals.net + bill.totals.surcharge;
    let rows = Some(bill.charges.len());
    for (name, format) in [
        (format!("underlag-{month}{mark}.xlsx"), Format::Xlsx),
        (format!("rader-{month}{mark}.csv"), Format::Csv(Dialect::Rfc4180)),
        (format!("rader-excel-{month}{mark}.csv"), Format::Csv(Dialect::ExcelSv)),
    ] {
        making.add(&name, rows, |file| {
            material.write(format, file, &mut |_, _| ())?;
            Ok(whole)
        })?;
    }
    making.add(&format!("focus-{month}{mark}.csv"), None, |file| {
        material.write(Format::Focus, file, &mut |_, _| ())?;
        Ok(whole)
    })?;
    making.add(&format!("kontering-{month}{mark}.si"), None, |file| {
        let booked = sie(bill, catalogue, file, &mut |_, _| ())?;
        tied_out("sie", booked, internal(bill))
    })?;
    making.step(&format!("fakturor-{month}{mark}"), |making| {
        let take: peppol::Take<'_> =
            &mut |name, bytes, total| making.put(&format!("fakturor{mark}/{name}"), bytes, None, total);
        let invoiced = peppol::each_document(bill, catalogue, earlier, take, &mut |_, _| ())?;
        tied_out("peppol", invoiced, whole - internal(bill)).map(drop)
    })?;
    for payer in payers {
        let of = bill.of_payer(&payer.customer.code);
        let name = format!("specifikation/{}-{month}{mark}.xlsx", payer.customer.code);
        making.add(&name, Some(of.charges.len()), |file| {
            xlsx(&of, file, &mut |_, _| ())?;
            Ok(payer.totals.net + payer.totals.surcharge)
        })?;
    }
    Ok(making.manifest)
}

/// What is booked internally: the net and surcharge of everybody but companies.
fn internal(bill: &Bill) -> Money {
    let internal =
        bill.charges.iter().filter(|charge| charge.customer.kind != domain::event::CustomerKind::Bolag);
    internal.map(|charge| charge.net + charge.surcharge).sum()
}

fn tied_out(format: &'static str, total: Money, expected: Money) -> crate::Result<Money> {
    if total == expected { Ok(total) } else { Err(Error::DoesNotTieOut { format, total, expected }) }
}

/// A package in the making.
struct Making<'a> {
    manifest: Manifest,
    take: Take<'a>,
    progress: Progress<'a>,
    made: usize,
    total: usize,
}

impl Making<'_> {
    /// Makes a file.
    fn add(
        &mut self,
        name: &str,
        rows: Option<usize>,
        write: impl FnOnce(&mut Vec<u8>) -> crate::Result<Money>,
    ) -> crate::Result<()> {
        self.step(name, |making| {
            let mut bytes = Vec::new();
            let total = write(&mut bytes)?;
            making.put(name, &bytes, rows, total)
        })
    }

    /// Hands a file on, and notes what it is.
    fn put(&mut self, name: &str, bytes: &[u8], rows: Option<usize>, total: Money) -> crate::Result<()> {
        (self.take)(name, bytes)?;
        self.manifest.files.push(ManifestFile::of(name, bytes, rows, total));
        Ok(())
    }

    /// Makes a part. One that the month cannot be had as is left out, and the manifest says why.
    fn step(&mut self, name: &str, make: impl FnOnce(&mut Self) -> crate::Result<()>) -> crate::Result<()> {
        match make(self) {
            Ok(()) => {}
            Err(Error::NotExportable { swedish, .. }) => {
                self.manifest.left_out.push(Left { name: name.to_owned(), reason: swedish });
            }
            Err(other) => return Err(other),
        }
        self.made += 1;
        (self.progress)(self.made, self.total);
        Ok(())
    }
}

#[cfg(test)]
mod tests;

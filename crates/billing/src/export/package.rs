//! A month's whole package: every file that finance books, mails and archives, and a manifest that says what they are.
//!
//! Files are made one after the other and handed on at once, so a package never stands in memory whole.

mod manifest;

use std::io::Write;

use domain::Money;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

pub use manifest::{Left, Manifest, ManifestFile};

use super::{Audience, Dialect, Format, Material, Progress, failed, peppol, sie, xlsx};
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
    let Material { bill, catalogue, earlier, blockers } = material;
    let month = bill.month;
    let mark = if bill.state == MonthState::Closed { "" } else { "-preliminary" };
    let payers = bill.payers();
    let mut making =
        Making { manifest: Manifest::of(bill), take, progress, made: 0, total: 6 + payers.len() };
    let whole = bill.totals.net + bill.totals.surcharge;
    making.add(&format!("underlag-{month}{mark}.xlsx"), |file| {
        xlsx(bill, catalogue, Audience::Finance(blockers), file, &mut |_, _| ())?;
        Ok((Some(bill.charges.len()), whole))
    })?;
    for (name, format, delimiter, columns) in [
        ("rader", Format::Csv(Dialect::Rfc4180), b',', &["net", "surcharge"][..]),
        ("rader-excel", Format::Csv(Dialect::ExcelSv), b';', &["net", "surcharge"]),
        ("focus", Format::Focus, b',', &["BilledCost"]),
    ] {
        making.add(&format!("{name}-{month}{mark}.csv"), |file| {
            material.write(format, &mut *file, &mut |_, _| ())?;
            let (rows, sum) =
                summed(file, delimiter, columns).map_err(|source| failed(format.name(), source))?;
            Ok((Some(rows), tied_out(format.name(), sum, whole)?))
        })?;
    }
    making.add(&format!("kontering-{month}{mark}.si"), |file| {
        let booked = sie(bill, catalogue, file, &mut |_, _| ())?;
        Ok((None, tied_out("sie", booked, internal(bill))?))
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
        making.add(&name, |file| {
            xlsx(&of, catalogue, Audience::Payer(&payer.customer), file, &mut |_, _| ())?;
            Ok((Some(of.charges.len()), payer.totals.net + payer.totals.surcharge))
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

/// How many rows a finished CSV file has, and what some of its columns come to, read from its own bytes.
fn summed(file: &[u8], delimiter: u8, columns: &[&str]) -> Result<(usize, Money), ::csv::Error> {
    let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter).from_reader(file);
    let titles = reader.headers()?.clone();
    let columns: Vec<usize> =
        columns.iter().filter_map(|column| titles.iter().position(|title| title == *column)).collect();
    let (mut rows, mut sum) = (0, Money::ZERO);
    for row in reader.records() {
        let row = row?;
        rows += 1;
        // A cell that is no amount makes the sum another.
        let amount = |text: &str| text.replace(',', ".").parse().ok().and_then(Money::rounded);
        sum += columns.iter().filter_map(|column| amount(row.get(*column)?)).sum();
    }
    Ok((rows, sum))
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
        write: impl FnOnce(&mut Vec<u8>) -> crate::Result<(Option<usize>, Money)>,
    ) -> crate::Result<()> {
        self.step(name, |making| {
            let mut bytes = Vec::new();
            let (rows, total) = write(&mut bytes)?;
            making.put(name, &bytes, rows, total)
        })
    }

    /// Hands a file on, and notes what it is.
    fn put(&mut self, name: &str, bytes: &[u8], rows: Option<usize>, total: Money) -> crate::Result<()> {
        (self.take)(name, bytes)?;
        self.manifest.files.push(ManifestFile::of(name, bytes, rows, total));
        Ok(())
    }

    fn leave_out(&mut self, name: &str, reason: String, empty: bool) {
        self.manifest.left_out.push(Left { name: name.to_owned(), reason, empty });
    }

    /// Makes a part. One that the month cannot be had as is left out, and the manifest says why.
    fn step(&mut self, name: &str, make: impl FnOnce(&mut Self) -> crate::Result<()>) -> crate::Result<()> {
        match make(self) {
            Ok(()) => {}
            Err(Error::NotExportable { swedish, .. }) => self.leave_out(name, swedish, false),
            Err(Error::NothingToBook { month }) => {
                self.leave_out(name, format!("{month} har inget att bokföra internt"), true);
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

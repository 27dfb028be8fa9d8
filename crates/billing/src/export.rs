//! charges → files for finance: CSV in two dialects, an Excel workbook, a SIE file, electronic invoices, FOCUS,
//! and a package of all of them.
//!
//! A closed month gives the same bytes whenever it is exported. One that is not closed is marked as preliminary inside.
//! Start with [`Format`] and [`Material`], then [`package`].

mod csv;
#[cfg(test)]
mod fixtures;
mod focus;
mod format;
mod lacking;
mod package;
#[cfg(feature = "pdf")]
mod pdf;
mod peppol;
mod sie;
mod words;
mod xlsx;

use std::io::Write;

pub use self::csv::{Dialect, FIELDS, csv};
pub use self::focus::focus;
#[cfg(feature = "parquet")]
pub use self::focus::focus_parquet;
pub use self::format::{Format, Material};
pub use self::lacking::{Lacking, lacking};
pub use self::package::{Left, MANIFEST, Manifest, ManifestFile, manifest, package};
#[cfg(feature = "pdf")]
pub use self::pdf::{month_pdf, year_pdf};
pub use self::peppol::{
    EarlierDocuments, Issued, corrected_months, earlier_documents, peppol, peppol_document,
};
pub use self::sie::sie;
pub use self::xlsx::{Audience, xlsx};

use crate::error::Error;

/// Told how many lines of how many are written, now and then.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize);

/// How many lines are written between two reports of progress: some hundredths of a second's work.
const PROGRESS_LINES: usize = 5_000;

/// An error of a writer.
fn failed(format: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Export { format, source: Box::new(source) }
}

/// Flushes a finished file, so that a full disk is noticed here.
fn flush(format: &'static str, out: &mut impl Write) -> crate::Result<()> {
    out.flush().map_err(|source| failed(format, source))
}

#[cfg(test)]
mod tests;

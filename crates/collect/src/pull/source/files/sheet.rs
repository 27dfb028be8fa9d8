//! A sheet of a workbook → records, from a row on.
//!
//! A number is written with the 15 digits that Excel reckons with, so that 0.1 + 0.2 is `0.3`; a date and time is
//! `YYYY-MM-DD HH:MM:SS` as the sheet shows it, without a zone; a time without a date and a duration are `HH:MM:SS`; what is
//! true or false is `true` or `false`; a formula is the value that was saved with it.

#[cfg(feature = "xlsx")]
mod workbook;

#[cfg(feature = "xlsx")]
pub(super) use self::workbook::read;
#[cfg(not(feature = "xlsx"))]
use super::{Config, Failure, Part, Place, folder::Opened};

/// Reads at most `max` records. Rows before one that is wrong are given; the next read fails at it.
#[cfg(not(feature = "xlsx"))]
pub(super) fn read(file: &Opened, _: &Config, _: Place, _: usize) -> Result<Part, Failure> {
    Err(Failure::Refused(format!(
        "{}: this program was built without XLSX (cargo feature `xlsx`): save the file as CSV",
        file.path.display()
    )))
}

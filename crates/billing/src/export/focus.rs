//! FOCUS 1.2 CostAndUsage: charges → rows → one table of columns → CSV or Parquet.
//!
//! A charge is a row of what it costs net (`Usage`), and one of its surcharge (`Adjustment`) where it has any, so that the
//! BilledCost of all rows is the month's net and surcharge to the öre. `schemas/exports/focus.md` tells what each column
//! means here.

mod ascii;
mod category;
mod columns;
#[cfg(feature = "parquet")]
mod parquet;
mod pricing;
mod row;
mod unit;

use std::io::Write;

use domain::catalogue::Catalogue;
use rust_decimal::Decimal;

#[cfg(feature = "parquet")]
pub use self::parquet::focus_parquet;

use self::columns::{Column, Read, columns};
use self::row::{Row, rows};
use super::csv::text;
use super::{PROGRESS_LINES, Progress, failed, flush};
use crate::bill::Bill;

/// Writes a month as FOCUS 1.2 in CSV: RFC 4180, UTF-8, comma, decimal point, times in UTC.
///
/// Texts are always within quotation marks and numbers never, and what is empty has no value: a reader that heeds it knows
/// the customer `0110` and the invoice `17` for the texts that they are.
///
/// `catalogue` is the version that the month was reckoned on ([`Bill::catalogue`]): names of cost centres and products and
/// the categories of services come from it, all else from the charges.
///
/// # Errors
/// [`crate::Error::Export`] when `out` does not take it.
pub fn focus(
    bill: &Bill,
    catalogue: &Catalogue,
    mut out: impl Write,
    progress: Progress<'_>,
) -> crate::Result<()> {
    let columns = columns(bill);
    let mut line = String::new();
    let heading = columns.iter().map(|column| column.name).collect::<Vec<_>>().join(",");
    out.write_all(format!("{heading}\r\n").as_bytes()).map_err(|source| failed("focus", source))?;
    for (done, charge) in (1..).zip(rows(bill, catalogue)) {
        for row in charge {
            line.clear();
            push_line(&mut line, &columns, &row);
            out.write_all(line.as_bytes()).map_err(|source| failed("focus", source))?;
        }
        if done % PROGRESS_LINES == 0 || done == bill.charges.len() {
            progress(done, bill.charges.len());
        }
    }
    flush("focus", &mut out)
}

fn push_line(line: &mut String, columns: &[&Column], row: &Row<'_>) {
    for (n, column) in columns.iter().enumerate() {
        if n > 0 {
            line.push(',');
        }
        match column.read {
            Read::Text(_) => {
                if let Some(value) = column.text(row) {
                    line.push('"');
                    line.push_str(&text(value).replace('"', "\"\""));
                    line.push('"');
                }
            }
            Read::Number { of, .. } => line.push_str(&of(row).map_or_else(String::new, number)),
            Read::Time(of) => line.push_str(&of(row).to_string()),
        }
    }
    line.push_str("\r\n");
}

/// At least two decimals, also of whole numbers: a column of those alone would be taken for one of integers.
fn number(value: Decimal) -> String {
    let value = value.normalize();
    if value.is_zero() {
        "0.00".to_owned()
    } else if value.scale() < 2 {
        format!("{value:.2}")
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests;

//! The same rows and columns as Parquet: numbers are DECIMAL, times TIMESTAMP in UTC, and what has no value is null.

use std::io::Write;
use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::column::writer::ColumnWriter;
use ::parquet::data_type::{ByteArray, FixedLenByteArray};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::{WriterProperties, WriterVersion};
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::parser::parse_message_type;
use ::parquet::schema::types::Type;
use domain::catalogue::Catalogue;
use rust_decimal::Decimal;

use super::columns::{Column, NumberOf, Read, TimeOf, columns};
use super::row::{Row, rows};
use crate::bill::Bill;
use crate::export::{PROGRESS_LINES, Progress, failed, flush};

/// The digits that 16 bytes hold, and that every reader takes.
const DECIMAL_DIGITS: usize = 38;

/// How many charges go into a row group: some tens of megabytes of them are in memory at a time.
const GROUP_CHARGES: usize = 10 * PROGRESS_LINES;

/// Writes a month as FOCUS 1.2 in Parquet, as [`super::focus`] does in CSV. Texts are as they are: no spreadsheet takes
/// those of this format for formulas.
///
/// # Errors
/// [`crate::Error::Export`] when `out` does not take it.
pub fn focus_parquet(
    bill: &Bill,
    catalogue: &Catalogue,
    mut out: impl Write + Send,
    progress: Progress<'_>,
) -> crate::Result<()> {
    write(bill, catalogue, &mut out, progress).map_err(|source| failed("focus", source))?;
    flush("focus", &mut out)
}

fn write(
    bill: &Bill,
    catalogue: &Catalogue,
    out: impl Write + Send,
    progress: Progress<'_>,
) -> Result<(), ParquetError> {
    let columns = columns(bill);
    let mut file = SerializedFileWriter::new(out, Arc::new(schema(&columns)?), Arc::new(properties()))?;
    let mut charges = rows(bill, catalogue);
    let mut done = 0;
    while done < bill.charges.len() {
        let group: Vec<Row<'_>> = charges.by_ref().take(GROUP_CHARGES).flatten().collect();
        let mut writer = file.next_row_group()?;
        for column in &columns {
            let Some(mut values) = writer.next_column()? else {
                return Err(ParquetError::General(format!("the schema lacks {}", column.name)));
            };
            push_column(&mut values, column, &group)?;
            values.close()?;
        }
        writer.close()?;
        done = (done + GROUP_CHARGES).min(bill.charges.len());
        progress(done, bill.charges.len());
    }
    file.close().map(drop)
}

fn schema(columns: &[&Column]) -> Result<Type, ParquetError> {
    let field = |column: &&Column| {
        let name = column.name;
        match column.read {
            Read::Text(_) => format!("OPTIONAL BYTE_ARRAY {name} (STRING);"),
            Read::Number { scale, .. } => {
                format!("OPTIONAL FIXED_LEN_BYTE_ARRAY(16) {name} (DECIMAL({DECIMAL_DIGITS},{scale}));")
            }
            Read::Time(_) => format!("REQUIRED INT64 {name} (TIMESTAMP(MICROS,true));"),
        }
    };
    let fields: String = columns.iter().map(field).collect();
    parse_message_type(&format!("message cost_and_usage {{ {fields} }}"))
}

/// Nothing that changes with a version: neither the name of the library nor anybody's compression.
fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::UNCOMPRESSED)
        .set_created_by("taxameter".to_owned())
        .build()
}

fn push_column(
    writer: &mut SerializedColumnWriter<'_>,
    column: &Column,
    rows: &[Row<'_>],
) -> Result<(), ParquetError> {
    match (writer.untyped(), &column.read) {
        (ColumnWriter::ByteArrayColumnWriter(writer), Read::Text(_)) => {
            let (values, levels) = present(rows.iter().map(|row| column.text(row)));
            let values: Vec<ByteArray> =
                values.into_iter().map(|text| ByteArray::from(text.into_owned().into_bytes())).collect();
            writer.write_batch(&values, Some(&levels), None)?;
        }
        (ColumnWriter::FixedLenByteArrayColumnWriter(writer), Read::Number { scale, of }) => {
            let (values, levels) = decimals(column.name, *scale, *of, rows)?;
            writer.write_batch(&values, Some(&levels), None)?;
        }
        (ColumnWriter::Int64ColumnWriter(writer), Read::Time(of)) => {
            writer.write_batch(&micros(*of, rows), None, None)?;
        }
        (_, Read::Text(_) | Read::Number { .. } | Read::Time(_)) => {
            return Err(ParquetError::General(format!("{} is of another type in the schema", column.name)));
        }
    }
    Ok(())
}

/// The values that there are, and for every row whether it has one (1) or not (0).
fn present<T>(values: impl Iterator<Item = Option<T>>) -> (Vec<T>, Vec<i16>) {
    let values: Vec<Option<T>> = values.collect();
    let levels = values.iter().map(|value| i16::from(value.is_some())).collect();
    (values.into_iter().flatten().collect(), levels)
}

type Decimals = (Vec<FixedLenByteArray>, Vec<i16>);

fn decimals(name: &str, scale: u32, of: NumberOf, rows: &[Row<'_>]) -> Result<Decimals, ParquetError> {
    let (values, levels) = present(rows.iter().map(of));
    let bytes = |value: Decimal| {
        let unscaled = unscaled(value, scale).ok_or_else(|| {
            ParquetError::General(format!("{value} of {name} is no DECIMAL({DECIMAL_DIGITS},{scale})"))
        })?;
        Ok(FixedLenByteArray::from(unscaled.to_be_bytes().to_vec()))
    };
    Ok((values.into_iter().map(bytes).collect::<Result<_, ParquetError>>()?, levels))
}

/// The number in units of its last decimal; none when it has more decimals, or is beyond what 38 digits hold.
fn unscaled(value: Decimal, scale: u32) -> Option<i128> {
    let value = value.normalize();
    let shift = scale.checked_sub(value.scale())?;
    let unscaled = value.mantissa().checked_mul(10_i128.checked_pow(shift)?)?;
    (unscaled.unsigned_abs() < 10_u128.pow(38)).then_some(unscaled)
}

fn micros(of: TimeOf, rows: &[Row<'_>]) -> Vec<i64> {
    rows.iter().map(|row| of(row).micros()).collect()
}

#[cfg(test)]
mod tests;

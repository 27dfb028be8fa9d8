//! Workbooks, cell by cell: a sheet whose only cells are far apart takes no more room than they do.

mod packed;

use std::io::Cursor;

use calamine::{DataRef, ExcelDateTime, Reader, SheetType, Xlsx, XlsxError};

use super::super::folder::Opened;
use super::super::{Columns, Config, Failure, Fault, Part, Place, Record};

/// A workbook is read into memory as a whole.
const XLSX_BYTES_MAX: usize = 32 << 20;
/// The most cells of a sheet: 100,000 rows of 50 columns.
const CELLS_MAX: usize = 5_000_000;
/// The most bytes of their texts, which many cells may share in the file.
const TEXT_BYTES_MAX: usize = 128 << 20;
/// The most columns that a heading may have.
const COLUMNS_MAX: usize = 1_000;

/// Reads at most `max` records. Rows before one that is wrong are given; the next read fails at it.
pub(in super::super) fn read(
    file: &Opened,
    config: &Config,
    place: Place,
    max: usize,
) -> Result<Part, Failure> {
    let broken = |what: String| Failure::Broken(format!("{}: {what}", file.path.display()));
    if file.length > XLSX_BYTES_MAX as u64 {
        return Err(broken(format!("a workbook may have {XLSX_BYTES_MAX} bytes: save it as CSV")));
    }
    let unreadable = |error: XlsxError| broken(format!("it cannot be read as XLSX: {error}"));
    let bytes = file.bytes(0, XLSX_BYTES_MAX)?;
    packed::check(&bytes).map_err(&broken)?;
    let mut book = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let sheets = book.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let names: Vec<String> = sheets.map(|sheet| sheet.name.clone()).collect();
    let name = config.sheet.as_ref().or(names.first()).filter(|name| names.contains(name));
    let Some(name) = name else {
        let (wanted, all) = (config.sheet.as_deref().unwrap_or("any"), names.join(", "));
        return Err(broken(format!("it has no sheet {wanted:?}; it has: {all}")));
    };
    let mut cells = book.worksheet_cells_reader(name).map_err(unreadable)?;
    let mut rows = Rows::new(config, &file.name, place.at, max);
    let (mut count, mut text_bytes, mut is_end) = (0, 0, true);
    while let Some(cell) = cells.next_cell().map_err(unreadable)? {
        count += 1;
        if count > CELLS_MAX {
            return Err(broken(format!("the sheet has more than {CELLS_MAX} cells: save it as CSV")));
        }
        text_bytes += text_length(cell.get_value());
        if text_bytes > TEXT_BYTES_MAX {
            return Err(broken(format!(
                "the sheet has more than {TEXT_BYTES_MAX} bytes of text: save it as CSV"
            )));
        }
        let (row, column) = cell.get_position();
        match rows.cell(u64::from(row), column as usize, cell.get_value()) {
            Ok(true) => {}
            Ok(false) => {
                is_end = false;
                break;
            }
            Err(fault) => return rows.stop(fault, file),
        }
    }
    if let Err(fault) = rows.end_row() {
        return rows.stop(fault, file);
    }
    if rows.columns.is_none() {
        return Err(broken("the sheet has no heading (see `skip_lines` and `header`)".to_owned()));
    }
    Ok(rows.into_part(is_end))
}

/// Cells that become rows, and rows that become records.
struct Rows<'r> {
    config: &'r Config,
    file: &'r str,
    /// The first row that is wanted, from 0.
    from: u64,
    max: usize,
    columns: Option<Columns>,
    /// The row whose cells come, from 0, and its cells so far.
    row: u64,
    cells: Vec<String>,
    records: Vec<Record>,
}

impl<'r> Rows<'r> {
    fn new(config: &'r Config, file: &'r str, from: u64, max: usize) -> Self {
        let (columns, cells, records) = (None, Vec::new(), Vec::new());
        Self { config, file, from, max, columns, row: 0, cells, records }
    }

    /// Whether more is wanted after this cell.
    fn cell(&mut self, row: u64, column: usize, value: &DataRef<'_>) -> Result<bool, Fault> {
        if row < self.row {
            return Err(Fault::new(row + 1, "the rows of the sheet are not in their order"));
        }
        if row > self.row {
            self.end_row()?;
            self.row = row;
            if self.records.len() >= self.max {
                return Ok(false);
            }
        }
        let is_before = row < self.config.skip_lines as u64 || (self.columns.is_some() && row < self.from);
        let is_beyond = self.columns.as_ref().is_some_and(|columns| column >= columns.names.len());
        if is_before || is_beyond || matches!(value, DataRef::Empty) {
            return Ok(true);
        }
        if column >= COLUMNS_MAX {
            return Err(Fault::new(row + 1, format!("the row has more than {COLUMNS_MAX} cells")));
        }
        let text = text(value).map_err(|error| {
            Fault::new(row + 1, format!("cell {} of the row holds the error {error}", column + 1))
        })?;
        if self.cells.len() <= column {
            self.cells.resize(column + 1, String::new());
        }
        self.cells[column] = text;
        Ok(true)
    }

    /// Makes what the row is of its cells: the heading or a record.
    fn end_row(&mut self) -> Result<(), Fault> {
        let mut cells = std::mem::take(&mut self.cells);
        let line = self.row + 1;
        if self.columns.is_none() {
            let names = match &self.config.header {
                Some(names) => names.clone(),
                None if cells.is_empty() => return Ok(()),
                None => std::mem::take(&mut cells),
            };
            let columns = Columns::new(names, self.config).map_err(|what| Fault::new(line, what))?;
            cells.truncate(columns.names.len());
            self.columns = Some(columns);
        }
        let Some(columns) = &self.columns else { return Ok(()) };
        if self.row < self.from || cells.is_empty() {
            return Ok(());
        }
        cells.resize(columns.names.len(), String::new());
        self.records.extend(columns.record(&cells, self.file, line, &cells.join(";")));
        Ok(())
    }

    /// What there is before a row that is wrong; a failure if that is nothing.
    fn stop(self, fault: Fault, file: &Opened) -> Result<Part, Failure> {
        if self.records.is_empty() { Err(fault.in_file(file)) } else { Ok(self.into_part(false)) }
    }

    fn into_part(self, is_end: bool) -> Part {
        // The row that the last cell is of is the next one, unless it was the last.
        let at = if is_end { self.row + 1 } else { self.row };
        Part { records: self.records, place: Place { at, lines: 0, done: false }, is_end }
    }
}

fn text_length(value: &DataRef<'_>) -> usize {
    match value {
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.len(),
        DataRef::SharedString(text) => text.len(),
        DataRef::Int(_) | DataRef::Float(_) | DataRef::Bool(_) | DataRef::DateTime(_) => 0,
        DataRef::Error(_) | DataRef::Empty => 0,
    }
}

/// A cell's value as text, or the error that it holds.
fn text(value: &DataRef<'_>) -> Result<String, String> {
    Ok(match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => decimal(*number),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(value) => value.to_string(),
        DataRef::DateTime(time) => time_text(time),
        DataRef::Error(error) => return Err(error.to_string()),
        DataRef::Empty => String::new(),
    })
}

/// A number in the 15 digits that Excel reckons with; what a binary fraction has besides is noise.
fn decimal(number: f64) -> String {
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    // Zero has no sign.
    if rounded == 0.0 { "0".to_owned() } else { rounded.to_string() }
}

fn time_text(time: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
    let fraction = if milli == 0 { String::new() } else { format!(".{milli:03}") };
    if time.is_duration() {
        // Whole milliseconds, which is as fine as Excel is.
        let millis = (time.as_f64() * 86_400_000.0).round() as i64;
        let (sign, millis) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
        let (seconds, milli) = (millis / 1000, millis % 1000);
        let fraction = if milli == 0 { String::new() } else { format!(".{milli:03}") };
        return format!("{sign}{:02}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    let clock = format!("{hour:02}:{minute:02}:{second:02}{fraction}");
    if (0.0..1.0).contains(&time.as_f64()) { clock } else { format!("{year:04}-{month:02}-{day:02} {clock}") }
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType;

    use super::*;

    #[test]
    fn numbers_have_the_digits_that_excel_shows() {
        for (number, want) in [
            (0.1 + 0.2, "0.3"),
            (3.0 * 1.1, "3.3"),
            (1234.5, "1234.5"),
            (-0.0, "0"),
            (441_001.0, "441001"),
            (1e15, "1000000000000000"),
            (1e-7, "0.0000001"),
            (123_456_789_012_345.0, "123456789012345"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(decimal(number), want);
        }
    }

    #[test]
    fn times_are_what_the_sheet_shows() {
        let of = |value, kind| time_text(&ExcelDateTime::new(value, kind, false));
        let (at, long) = (ExcelDateTimeType::DateTime, ExcelDateTimeType::TimeDelta);
        assert_eq!(of(44_270.0, at), "2021-03-15 00:00:00");
        assert_eq!(of(44_270.375, at), "2021-03-15 09:00:00");
        assert_eq!(of(44_270.388_888_888_89, at), "2021-03-15 09:20:00");
        assert_eq!(of(0.375, at), "09:00:00");
        assert_eq!(of(1.5, long), "36:00:00");
        assert_eq!(of(0.000_011_574_074_074_074, long), "00:00:01");
    }
}

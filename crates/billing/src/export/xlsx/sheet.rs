//! One sheet: a frozen header, a filter that leaves the sum alone, widths, and what cells look like.

use chrono::{Datelike, NaiveDate, Timelike};
use domain::{Instant, Money, Quantity, Rate, UnitPrice};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use rust_xlsxwriter::{ExcelDateTime, Format, FormatAlign, FormatBorder, IgnoreError, Worksheet, XlsxError};

use super::page;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    title: &'static str,
    /// In characters.
    pub(super) width: u8,
    is_number: bool,
    wraps: bool,
    pub(super) is_printed: bool,
    /// Whether it stands on the second page too, when the sheet is two pages wide. Such columns come first.
    pub(super) is_repeated: bool,
    /// Whether the second page begins with it, when the sheet is two pages wide.
    pub(super) is_on_next_page: bool,
}

impl Column {
    pub(super) const fn text(title: &'static str, width: u8) -> Self {
        Self {
            title,
            width,
            is_number: false,
            wraps: false,
            is_printed: true,
            is_repeated: false,
            is_on_next_page: false,
        }
    }

    pub(super) const fn number(title: &'static str, width: u8) -> Self {
        Self { is_number: true, ..Self::text(title, width) }
    }

    /// Long texts have several lines.
    pub(super) const fn wrapped(self) -> Self {
        Self { wraps: true, ..self }
    }

    /// Only on the screen. Such columns come last.
    pub(super) const fn not_printed(self) -> Self {
        Self { is_printed: false, ..self }
    }

    pub(super) const fn repeated(self) -> Self {
        Self { is_repeated: true, ..self }
    }

    pub(super) const fn on_next_page(self) -> Self {
        Self { is_on_next_page: true, ..self }
    }
}

/// What a sheet has.
pub(super) struct Table<'a> {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Box<dyn Iterator<Item = Vec<Cell>> + 'a>,
    /// Whether the last row is the sum of the others.
    pub(super) has_total: bool,
}

/// What stands in a cell.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Text(String),
    Money(Money),
    Quantity(Quantity),
    Price(UnitPrice),
    Rate(Rate),
    Count(usize),
    Day(NaiveDate),
    /// In UTC, to the second.
    Time(Instant),
}

impl Cell {
    pub(super) fn text(text: impl ToString) -> Self {
        Cell::Text(text.to_string())
    }
}

/// What the cells of all sheets look like.
pub(super) struct Styles {
    header: Format,
    header_number: Format,
    row: Formats,
    total: Formats,
}

impl Styles {
    pub(super) fn new() -> Self {
        let row = Format::new().set_align(FormatAlign::Top);
        let header = Format::new().set_bold().set_border_bottom(FormatBorder::Thin).set_text_wrap();
        Self {
            header_number: header.clone().set_align(FormatAlign::Right),
            header,
            total: Formats::of(&row.clone().set_bold().set_border_top(FormatBorder::Thin)),
            row: Formats::of(&row),
        }
    }
}

/// A row's formats.
struct Formats {
    text: Format,
    wrapped: Format,
    money: Format,
    whole: Format,
    quantity: Format,
    price: Format,
    rate: Format,
    day: Format,
    time: Format,
}

impl Formats {
    fn of(row: &Format) -> Self {
        let number = |code: &str| row.clone().set_num_format(code);
        Self {
            // "@" is text: a code keeps its leading zeros when the cell is edited.
            text: number("@"),
            wrapped: number("@").set_text_wrap(),
            // Excel shows the separators of the reader's country: "1 234,50" in Sweden.
            money: number("#,##0.00"),
            // Where decimals are optional, Excel shows their comma without them too: "1,".
            whole: number("#,##0"),
            quantity: number("#,##0.######"),
            price: number("#,##0.00####"),
            rate: number("0.00####%"),
            day: number("yyyy\\-mm\\-dd").set_align(FormatAlign::Left),
            time: number("yyyy\\-mm\\-dd hh:mm:ss").set_align(FormatAlign::Left),
        }
    }
}

/// A sheet to write.
pub(super) struct Sheet<'a> {
    pub(super) name: &'a str,
    pub(super) header: &'a str,
    pub(super) footer: &'a str,
}

impl Sheet<'_> {
    pub(super) fn write(
        &self,
        sheet: &mut Worksheet,
        styles: &Styles,
        table: Table<'_>,
    ) -> Result<(), XlsxError> {
        let Table { columns, rows, has_total } = table;
        sheet.set_name(self.name)?;
        for (at, column) in (0_u16..).zip(&columns) {
            let format = if column.is_number { &styles.header_number } else { &styles.header };
            sheet.write_string_with_format(0, at, column.title, format)?;
            sheet.set_column_width(at, column.width)?;
        }
        let mut last = 0;
        let mut rows = rows.peekable();
        while let Some(cells) = rows.next() {
            last += 1;
            let is_total = has_total && rows.peek().is_none();
            let formats = if is_total { &styles.total } else { &styles.row };
            for ((at, cell), column) in (0_u16..).zip(&cells).zip(&columns) {
                write(sheet, formats, (last, at), cell, column.wraps)?;
            }
        }
        let end = u16::try_from(columns.len()).unwrap_or(u16::MAX) - 1;
        // The sum is not sorted in among the others, and never filtered away.
        sheet.autofilter(0, 0, last - u32::from(has_total), end)?;
        if last > 0 {
            // Numeric codes are text on purpose.
            sheet.ignore_error_range(1, 0, last, end, IgnoreError::NumberStoredAsText)?;
        }
        sheet.set_freeze_panes(1, 0)?;
        sheet.set_header(self.header).set_footer(self.footer);
        page::set_up(sheet, &columns, last)
    }
}

fn write(
    sheet: &mut Worksheet,
    formats: &Formats,
    (row, at): (u32, u16),
    cell: &Cell,
    wraps: bool,
) -> Result<(), XlsxError> {
    let (number, format) = match cell {
        Cell::Text(text) => {
            let format = if wraps { &formats.wrapped } else { &formats.text };
            sheet.write_string_with_format(row, at, text, format)?;
            return Ok(());
        }
        Cell::Day(day) => {
            sheet.write_datetime_with_format(row, at, &excel_day(*day)?, &formats.day)?;
            return Ok(());
        }
        Cell::Time(time) => {
            sheet.write_datetime_with_format(row, at, &excel_time(*time)?, &formats.time)?;
            return Ok(());
        }
        Cell::Money(amount) => (amount.to_decimal(), &formats.money),
        Cell::Quantity(quantity) => {
            // What no decimal holds is far beyond a line's limit.
            let number = quantity.to_decimal();
            (number, if number.is_integer() { &formats.whole } else { &formats.quantity })
        }
        Cell::Price(price) => (price.kronor(), &formats.price),
        Cell::Rate(rate) => (rate.fraction(), &formats.rate),
        Cell::Count(count) => (Decimal::from(*count), &formats.whole),
    };
    // Excel has no other numbers than floats; an amount with 15 digits comes back as it was.
    let shown = number
        .to_f64()
        .ok_or_else(|| XlsxError::ParameterError(format!("{number} is no number of a workbook")))?;
    sheet.write_number_with_format(row, at, shown, format)?;
    Ok(())
}

/// A day as Excel counts them.
fn excel_day(day: NaiveDate) -> Result<ExcelDateTime, XlsxError> {
    ExcelDateTime::from_ymd(u16::try_from(day.year()).unwrap_or(1970), part(day.month()), part(day.day()))
}

/// An instant as Excel counts them, in UTC.
pub(super) fn excel_time(at: Instant) -> Result<ExcelDateTime, XlsxError> {
    let utc = at.to_utc();
    let hour = u16::try_from(utc.hour()).unwrap_or(0);
    excel_day(utc.date_naive())?.and_hms(hour, part(utc.minute()), utc.second())
}

/// A part of a date or a time, none of which is above 59.
fn part(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(1)
}

//! One sheet: a frozen header, a filter, widths, and a page set-up for A4 landscape with the header on every page.

use chrono::{Datelike, NaiveDate, Timelike};
use domain::{Instant, Money, Quantity, Rate, UnitPrice};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use rust_xlsxwriter::{ExcelDateTime, Format, FormatAlign, FormatBorder, Worksheet, XlsxError};

/// Excel's number for A4.
const PAPER_A4: u8 = 9;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    title: &'static str,
    width: u8,
    is_number: bool,
}

impl Column {
    pub(super) const fn text(title: &'static str, width: u8) -> Self {
        Self { title, width, is_number: false }
    }

    pub(super) const fn number(title: &'static str, width: u8) -> Self {
        Self { title, width, is_number: true }
    }
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

/// The formats of all sheets.
pub(super) struct Formats {
    header: Format,
    header_number: Format,
    text: Format,
    money: Format,
    quantity: Format,
    price: Format,
    rate: Format,
    count: Format,
    day: Format,
    time: Format,
}

impl Formats {
    pub(super) fn new() -> Self {
        let header = Format::new().set_bold().set_border_bottom(FormatBorder::Thin).set_text_wrap();
        let number = |code: &str| Format::new().set_num_format(code);
        Self {
            header_number: header.clone().set_align(FormatAlign::Right),
            header,
            // "@" is text: a code keeps its leading zeros when the cell is edited.
            text: number("@"),
            // Excel shows the separators of the reader's country: "1 234,50" in Sweden.
            money: number("#,##0.00"),
            quantity: number("#,##0.######"),
            price: number("#,##0.00####"),
            rate: number("0.00####%"),
            count: number("#,##0"),
            day: number("yyyy\\-mm\\-dd").set_align(FormatAlign::Left),
            time: number("yyyy\\-mm\\-dd hh:mm:ss").set_align(FormatAlign::Left),
        }
    }
}

/// A sheet to write.
pub(super) struct Sheet<'a> {
    pub(super) name: &'a str,
    pub(super) columns: &'a [Column],
    pub(super) footer: &'a str,
}

impl Sheet<'_> {
    pub(super) fn write(
        &self,
        sheet: &mut Worksheet,
        formats: &Formats,
        rows: &mut dyn Iterator<Item = Vec<Cell>>,
    ) -> Result<(), XlsxError> {
        sheet.set_name(self.name)?;
        for (at, column) in (0_u16..).zip(self.columns) {
            let format = if column.is_number { &formats.header_number } else { &formats.header };
            sheet.write_string_with_format(0, at, column.title, format)?;
            sheet.set_column_width(at, column.width)?;
        }
        let mut last = 0;
        for (row, cells) in (1_u32..).zip(rows) {
            for (at, cell) in (0_u16..).zip(&cells) {
                write(sheet, formats, row, at, cell)?;
            }
            last = row;
        }
        let width = u16::try_from(self.columns.len()).unwrap_or(u16::MAX);
        sheet.autofilter(0, 0, last, width - 1)?;
        sheet.set_freeze_panes(1, 0)?;
        sheet.set_repeat_rows(0, 0)?;
        sheet.set_landscape().set_paper_size(PAPER_A4).set_print_fit_to_pages(1, 0).set_footer(self.footer);
        Ok(())
    }
}

fn write(sheet: &mut Worksheet, formats: &Formats, row: u32, at: u16, cell: &Cell) -> Result<(), XlsxError> {
    let (number, format) = match cell {
        Cell::Text(text) => {
            sheet.write_string_with_format(row, at, text, &formats.text)?;
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
        // What no decimal holds is far beyond a line's limit.
        Cell::Quantity(quantity) => (quantity.to_decimal(), &formats.quantity),
        Cell::Price(price) => (price.kronor(), &formats.price),
        Cell::Rate(rate) => (rate.fraction(), &formats.rate),
        Cell::Count(count) => (Decimal::from(*count), &formats.count),
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

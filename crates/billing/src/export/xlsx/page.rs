//! How a sheet is printed: A4 landscape, its first row on every page, one page wide where that can be read.

use rust_xlsxwriter::{Worksheet, XlsxError};

use super::sheet::Column;

/// Excel's number for A4.
const PAPER_A4: u8 = 9;
/// The margins to the left and right, in inches.
const SIDE_MARGIN: f64 = 0.3;
/// What is left of 297 mm between the margins, in points.
const PAGE_WIDTH: u32 = 798;
/// The least scale, in per cent, with which 11 points become 7.
const SCALE_MIN: u32 = 64;
/// The longest text that is printed above or below: a header has at most 255 characters.
const TEXT_MAX: usize = 100;

/// The printed header: what the workbook is, and who delivers.
pub(super) fn header(title: &str, supplier: &str) -> String {
    format!("&L{}&R{}", plain(title), plain(supplier))
}

/// The printed footer: the month, the sheet's name, the page.
pub(super) fn footer(month: &str) -> String {
    format!("&L{}&C&A&RSida &P av &N", plain(month))
}

/// A text without commands, which begin with `&`.
fn plain(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect::<String>().replace('&', "&&")
}

/// Sets up the page of a sheet whose last row is `last`.
pub(super) fn set_up(sheet: &mut Worksheet, columns: &[Column], last: u32) -> Result<(), XlsxError> {
    sheet.set_landscape().set_paper_size(PAPER_A4).set_repeat_rows(0, 0)?;
    sheet.set_margins(SIDE_MARGIN, SIDE_MARGIN, 0.75, 0.75, 0.3, 0.3);
    let printed: Vec<Column> = columns.iter().copied().filter(|column| column.is_printed).collect();
    if printed.len() < columns.len() {
        sheet.set_print_area(0, 0, last, index(printed.len()) - 1)?;
    }
    match printed.iter().position(|column| column.is_on_next_page) {
        Some(next) if scale(&printed) < SCALE_MIN => {
            let repeated: Vec<Column> =
                printed.iter().copied().take_while(|column| column.is_repeated).collect();
            if let Some(last) = index(repeated.len()).checked_sub(1) {
                sheet.set_repeat_columns(0, last)?;
            }
            let second = [&repeated[..], &printed[next..]].concat();
            let scale = scale(&printed[..next]).min(scale(&second)).min(100);
            // Where Excel's font is missing, another is up to a third wider, and nothing makes it fit.
            let scale = (scale * 3 / 4).max(SCALE_MIN);
            sheet.set_vertical_page_breaks(&[u32::from(index(next))])?;
            sheet.set_print_scale(u16::try_from(scale).unwrap_or(100));
        }
        Some(_) | None => {
            sheet.set_print_fit_to_pages(1, 0);
        }
    }
    Ok(())
}

/// A column's number; a sheet of ours has a few.
fn index(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// With how many per cent of their size columns are as wide as a page. A column is 7 pixels for each character and 5 more
/// in Excel's font; a pixel is ¾ point.
fn scale(columns: &[Column]) -> u32 {
    let pixels: u32 = columns.iter().map(|column| 7 * u32::from(column.width) + 5).sum();
    PAGE_WIDTH * 100 * 4 / (3 * pixels).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_commands_and_fit_above_a_page() {
        assert_eq!(header("Visit & Co", "LKDATA"), "&LVisit && Co&RLKDATA");
        assert!(header(&"&".repeat(300), "LKDATA").replace("&&", "&").len() < 255);
    }

    #[test]
    fn columns_of_a_page_are_printed_as_they_are() {
        let wide = |width| [Column::text("", width)];
        assert_eq!((scale(&wide(151)), scale(&wide(75))), (100, 200));
        assert!(scale(&wide(240)) < SCALE_MIN);
    }
}

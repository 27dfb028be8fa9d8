//! Bytes of a CSV file → records, from a place on.

mod layout;

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

use self::layout::{Charset, Layout};
use super::folder::Opened;
use super::{Config, Encoding, Failure, Fault, Part, Place, Record};
use crate::table::{Row, Rows};

/// How much of a file is read at once.
const READ_BYTES_MAX: usize = 8 << 20;
/// The longest row. What is longer is a quote that was opened by mistake.
const ROW_BYTES_MAX: usize = 1 << 20;
/// The most bytes that the heading and what stands before it may have.
const HEADING_BYTES_MAX: usize = 64 << 10;

/// What the end of a file means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing follows it: the last row may lack the end of its line.
    Last,
    /// More may follow: what has no end yet is left for the next read.
    Open,
    /// More should have followed long ago.
    Overdue,
}

/// Reads at most `max` records. Rows before one that is wrong are given; the next read fails at it.
pub(super) fn read(
    file: &Opened,
    config: &Config,
    end: End,
    place: Place,
    max: usize,
) -> Result<Part, Failure> {
    let heading = file.bytes(0, HEADING_BYTES_MAX)?;
    let is_all = end == End::Last && heading.len() as u64 == file.length;
    let layout = Layout::of(&heading, is_all, config).map_err(|fault| fault.in_file(file))?;
    let Some(layout) = layout else {
        let is_coming = end == End::Open || (end == End::Overdue && heading.is_empty());
        if is_coming && heading.len() < HEADING_BYTES_MAX {
            return Ok(Part { records: Vec::new(), place: Place::default(), is_end: true });
        }
        let what = "the file has no heading (see `skip_lines` and `header`)";
        return Err(Fault::new(1, what).in_file(file));
    };
    let first = if place.at < layout.start { layout.place() } else { place };
    let bytes = file.bytes(first.at, READ_BYTES_MAX)?;
    let is_last = first.at + bytes.len() as u64 >= file.length;
    let block = layout.charset.block(&bytes, is_last && end == End::Last);
    let block = block.map_err(|fault| fault.after(first.lines).in_file(file))?;
    let mut taking =
        Taking { layout: &layout, config, file: &file.name, lines: first.lines, records: Vec::new() };
    let end = if is_last { Some(end) } else { None };
    let (taken, fault) = taking.take(&block.text, end, max);
    let Taking { lines, records, .. } = taking;
    let is_broken = fault.is_some();
    if let Some(fault) = fault.filter(|_| records.is_empty()) {
        return Err(fault.in_file(file));
    }
    let is_full = records.len() >= max && taken < block.text.len();
    let place = Place { at: first.at + block.raw(taken), lines, done: false };
    Ok(Part { records, place, is_end: is_last && !is_broken && !is_full })
}

/// Takes rows from a block.
struct Taking<'t> {
    layout: &'t Layout,
    config: &'t Config,
    file: &'t str,
    /// The line feeds before what is taken next.
    lines: u64,
    records: Vec<Record>,
}

impl Taking<'_> {
    /// How many bytes were taken, and what is wrong with the row that follows them.
    fn take(&mut self, text: &[u8], end: Option<End>, max: usize) -> (usize, Option<Fault>) {
        let mut rows = Rows::new(text, self.layout.delimiter);
        while self.records.len() < max {
            let from = rows.at();
            let Some(row) = rows.next_row() else {
                return self.take_end(text, from, end);
            };
            let line = self.lines + feeds(&text[from..row.start]) + 1;
            match self.record(&row, line) {
                Ok(record) => self.records.extend(record),
                Err(fault) => return (from, Some(fault)),
            }
            self.lines += feeds(&text[from..rows.at()]);
        }
        (rows.at(), None)
    }

    /// What is left when no row is whole any more: line ends, or a part of a row.
    fn take_end(&mut self, text: &[u8], from: usize, end: Option<End>) -> (usize, Option<Fault>) {
        let rest = &text[from..];
        let before = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let part = &rest[before..];
        if part.is_empty() {
            self.lines += feeds(rest);
            return (text.len(), None);
        }
        let what = match end {
            _ if part.len() > ROW_BYTES_MAX => {
                Some("the row has more than a megabyte: is a quote never closed?")
            }
            Some(End::Last) => Some("a quote that is opened in this row is never closed"),
            Some(End::Overdue) => {
                Some("the file ends within this row, and nothing was added for a day: complete it")
            }
            Some(End::Open) if part.contains(&0) => Some(NUL),
            Some(End::Open) | None => None,
        };
        let line = self.lines + feeds(&rest[..before]) + 1;
        (from, what.map(|what| Fault::new(line, what)))
    }

    fn record(&self, row: &Row<'_>, line: u64) -> Result<Option<Record>, Fault> {
        let (text, cells) =
            decode(row, self.layout.charset, self.config.encoding).map_err(|what| Fault::new(line, what))?;
        let columns = self.layout.columns.names.len();
        if cells.len() != columns && cells.iter().any(|cell| !cell.trim().is_empty()) {
            let count = cells.len();
            return Err(Fault::new(
                line,
                format!("the row has {count} cells, and the heading has {columns}"),
            ));
        }
        Ok(self.layout.columns.record(&cells, self.file, line, &text))
    }
}

const NUL: &str = "there is a NUL byte: the file is damaged, or is UTF-16 without a mark at its beginning";

/// The text of a row and its cells. A row is in one encoding, so that it is read alike wherever a read begins.
fn decode(row: &Row<'_>, charset: Charset, encoding: Encoding) -> Result<(String, Vec<String>), String> {
    if row.bytes.contains(&0) {
        return Err(NUL.to_owned());
    }
    let is_utf8 = std::str::from_utf8(row.bytes).is_ok();
    let is_windows = match encoding {
        Encoding::Auto => charset == Charset::Bytes && !is_utf8,
        Encoding::Utf8 => false,
        Encoding::Windows1252 => true,
    };
    if !is_windows && !is_utf8 {
        return Err("the row is not UTF-8: see `encoding`".to_owned());
    }
    // These five bytes mean nothing in Windows-1252.
    let is_nothing = |byte: &&u8| [0x81, 0x8D, 0x8F, 0x90, 0x9D].contains(*byte);
    if let Some(byte) = row.bytes.iter().find(is_nothing).filter(|_| is_windows) {
        return Err(format!("the byte {byte:#04x} is no letter in UTF-8 or Windows-1252: see `encoding`"));
    }
    let text = |bytes: &[u8]| {
        let text = if is_windows {
            WINDOWS_1252.decode_without_bom_handling(bytes).0
        } else {
            String::from_utf8_lossy(bytes)
        };
        Cow::into_owned(text)
    };
    Ok((text(row.bytes), row.cells().map(text).collect()))
}

fn feeds(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

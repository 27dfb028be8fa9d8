//! What the beginning of a CSV file says of the rest: how letters are written, what parts the cells, what the columns are.

use std::borrow::Cow;

use super::super::{Columns, Config, Delimiter, Encoding, Fault, Place};
use super::{decode, feeds};
use crate::table::{Rows, delimiter_of_line};

/// What is the same for all rows of a file.
pub(super) struct Layout {
    pub(super) charset: Charset,
    pub(super) delimiter: u8,
    pub(super) columns: Columns,
    /// Where the first row begins.
    pub(super) start: u64,
    /// The line feeds before it.
    lines: u64,
}

impl Layout {
    /// The layout that a file's beginning says; None when the heading has not ended yet. `is_all` when nothing follows.
    pub(super) fn of(bytes: &[u8], is_all: bool, config: &Config) -> Result<Option<Self>, Fault> {
        let (charset, mark) = Charset::of(bytes, config.encoding);
        let block = charset.block(bytes.get(mark..).unwrap_or_default(), is_all)?;
        let text = &block.text[..];
        let Some(begin) = after_lines(text, config.skip_lines) else { return Ok(None) };
        let rest = &text[begin..];
        let Some(line) = first_line(rest) else { return Ok(None) };
        let delimiter = match config.delimiter {
            Delimiter::Auto => delimiter_of_line(line),
            Delimiter::Semicolon => b';',
            Delimiter::Comma => b',',
            Delimiter::Tab => b'\t',
        };
        let (names, end) = match &config.header {
            Some(names) => (names.clone(), begin),
            None => {
                let mut rows = Rows::new(rest, delimiter);
                let Some(row) = rows.next_row() else { return Ok(None) };
                let line = feeds(&text[..begin + row.start]) + 1;
                let (_, names) =
                    decode(&row, charset, config.encoding).map_err(|what| Fault::new(line, what))?;
                (names, begin + rows.at())
            }
        };
        let lines = feeds(&text[..end]);
        let columns = Columns::new(names, config).map_err(|what| Fault::new(lines.max(1), what))?;
        Ok(Some(Self { charset, delimiter, columns, start: mark as u64 + block.raw(end), lines }))
    }

    pub(super) fn place(&self) -> Place {
        Place { at: self.start, lines: self.lines, done: false }
    }
}

/// Where the text after so many lines begins.
fn after_lines(text: &[u8], count: usize) -> Option<usize> {
    let mut ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    if count == 0 { Some(0) } else { ends.nth(count - 1) }
}

/// The first line that is not empty, if its end is there.
fn first_line(text: &[u8]) -> Option<&[u8]> {
    let begin = text.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let line = &text[begin..];
    line.iter().position(|byte| *byte == b'\n').map(|end| &line[..end])
}

/// How characters become bytes, as far as cells are told apart by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    /// ASCII and something more: UTF-8 or Windows-1252.
    Bytes,
    Utf16Le,
    Utf16Be,
}

/// A part of a file, as bytes in which cells can be told apart.
pub(super) struct Block<'b> {
    pub(super) text: Cow<'b, [u8]>,
    charset: Charset,
    length: usize,
}

impl Charset {
    /// What a file's first bytes say, and how many of them are a mark.
    fn of(bytes: &[u8], encoding: Encoding) -> (Self, usize) {
        match bytes {
            [0xEF, 0xBB, 0xBF, ..] => (Self::Bytes, 3),
            [0xFF, 0xFE, ..] if encoding == Encoding::Auto => (Self::Utf16Le, 2),
            [0xFE, 0xFF, ..] if encoding == Encoding::Auto => (Self::Utf16Be, 2),
            _ => (Self::Bytes, 0),
        }
    }

    /// `is_end` when nothing follows; then the last line gets an end if it lacks one.
    pub(super) fn block(self, bytes: &[u8], is_end: bool) -> Result<Block<'_>, Fault> {
        let mut text = match self {
            Self::Bytes => Cow::Borrowed(bytes),
            Self::Utf16Le => Cow::Owned(utf16(bytes, is_end, u16::from_le_bytes)?),
            Self::Utf16Be => Cow::Owned(utf16(bytes, is_end, u16::from_be_bytes)?),
        };
        if is_end && text.last().is_some_and(|byte| *byte != b'\n') {
            text.to_mut().push(b'\n');
        }
        Ok(Block { text, charset: self, length: bytes.len() })
    }
}

impl Block<'_> {
    /// How many bytes of the file so many bytes of the text are.
    pub(super) fn raw(&self, count: usize) -> u64 {
        let units = |byte: &u8| match byte {
            0x80..=0xBF => 0,
            0xF0.. => 2,
            _ => 1,
        };
        let raw = match self.charset {
            Charset::Bytes => count,
            Charset::Utf16Le | Charset::Utf16Be => 2 * self.text[..count].iter().map(units).sum::<usize>(),
        };
        // The end that the last line was given is not in the file.
        raw.min(self.length) as u64
    }
}

/// UTF-16 as UTF-8. A character that is cut off at the end is left out, unless nothing follows.
fn utf16(bytes: &[u8], is_end: bool, unit: fn([u8; 2]) -> u16) -> Result<Vec<u8>, Fault> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    let is_cut = units.last().is_some_and(|unit| (0xD800..0xDC00).contains(unit));
    if is_cut && !is_end {
        units.pop();
    }
    let mut text = String::with_capacity(units.len());
    for c in char::decode_utf16(units) {
        text.push(c.map_err(|_| Fault::new(feeds(text.as_bytes()) + 1, "the file is not UTF-16"))?);
    }
    if is_end && !odd.is_empty() {
        return Err(Fault::new(feeds(text.as_bytes()) + 1, "the file ends within a character"));
    }
    Ok(text.into_bytes())
}

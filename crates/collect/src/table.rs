//! Tables as text: what the CSV that people send and the CSV that systems leave in folders have in common. RFC 4180, and what
//! Excel saves in Sweden.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// What parts the cells: whichever of semicolon, tab and comma the first line has most of.
pub(crate) fn delimiter(text: &str) -> u8 {
    delimiter_of_line(text.lines().next().unwrap_or_default().as_bytes())
}

/// What parts the cells of a line; what stands in quotes does not count.
pub(crate) fn delimiter_of_line(line: &[u8]) -> u8 {
    let mut is_quoted = false;
    let mut outside = line.iter().filter(|byte| {
        is_quoted ^= **byte == b'"';
        !is_quoted
    });
    let mut counts = [(b',', 0), (b'\t', 0), (b';', 0)];
    outside.by_ref().for_each(|byte| {
        counts.iter_mut().filter(|(delimiter, _)| delimiter == byte).for_each(|(_, count)| *count += 1);
    });
    // The last of those that are as many.
    counts.iter().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter)
}

/// A number as people and Excel write it: `1 234,50` is 1234.50. What could be read in two ways is left as it is, and refused
/// with the row.
pub(crate) fn number(text: &str, has_decimal_comma: bool) -> String {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}')).collect();
    let digits = digits.replace('\u{2212}', "-");
    if has_decimal_comma && !digits.contains('.') { digits.replacen(',', ".", 1) } else { digits }
}

/// The rows of CSV whose end may not be there yet. It works on bytes, so that rows have places in a file.
pub(crate) struct Rows<'b> {
    bytes: &'b [u8],
    at: usize,
    core: Box<Reader>,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

/// A row that is whole.
pub(crate) struct Row<'r> {
    /// Where it begins.
    pub(crate) start: usize,
    /// Its bytes, without the end of its line.
    pub(crate) bytes: &'r [u8],
    cells: &'r [u8],
    ends: &'r [usize],
}

impl Row<'_> {
    /// Its cells without their quotes.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(self.ends).map(|(start, end)| self.cells.get(start..*end).unwrap_or_default())
    }
}

impl<'b> Rows<'b> {
    /// The rows of bytes that begin where a row begins.
    pub(crate) fn new(bytes: &'b [u8], delimiter: u8) -> Self {
        let core = Box::new(ReaderBuilder::new().delimiter(delimiter).build());
        Self { bytes, at: 0, core, cells: vec![0; 1024], ends: vec![0; 64] }
    }

    /// Where the next row, or what there is of it, begins; or the line ends before it.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next row whose end is there. Empty lines are no rows.
    pub(crate) fn next_row(&mut self) -> Option<Row<'_>> {
        let (mut read, mut written, mut ended) = (self.at, 0, 0);
        loop {
            let rest = self.bytes.get(read..).filter(|rest| !rest.is_empty())?;
            let (result, bytes, cells, ends) =
                self.core.read_record(rest, self.cells.get_mut(written..)?, self.ends.get_mut(ended..)?);
            (read, written, ended) = (read + bytes, written + cells, ended + ends);
            match result {
                ReadRecordResult::OutputFull => self.cells.resize(self.cells.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return None,
                ReadRecordResult::Record => break,
            }
        }
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let all = self.bytes.get(self.at..read).unwrap_or_default();
        let start = self.at + all.iter().take_while(|byte| is_end(byte)).count();
        let length =
            self.bytes.get(start..read)?.iter().rposition(|byte| !is_end(byte)).map_or(0, |at| at + 1);
        self.at = read;
        Some(Row {
            start,
            bytes: self.bytes.get(start..start + length)?,
            cells: self.cells.get(..written)?,
            ends: self.ends.get(..ended)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_delimiters_are_those_of_both_dialects() {
        for (text, want) in
            [("1 234,50", "1234.50"), ("1234.5", "1234.5"), ("\u{2212}3", "-3"), ("1.234,5", "1.234,5")]
        {
            assert_eq!(number(text, true), want);
        }
        assert_eq!([number("1,234", true), number("1,234", false)], ["1.234", "1,234"]);
        assert_eq!(
            [delimiter("a;b,c;d"), delimiter("a,b"), delimiter("a\tb"), delimiter("")],
            [b';', b',', b'\t', b';']
        );
        assert_eq!(delimiter("\"a,b,c\";d\n,,,,"), b';');
    }

    fn rows(text: &str) -> (Vec<(usize, String, Vec<String>)>, usize) {
        let mut rows = Rows::new(text.as_bytes(), b';');
        let mut found = Vec::new();
        let string = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        while let Some(row) = rows.next_row() {
            found.push((row.start, string(row.bytes), row.cells().map(string).collect()));
        }
        (found, rows.at())
    }

    #[test]
    fn only_rows_whose_end_is_there_are_given() {
        let row = |start, bytes: &str, cells: &[&str]| {
            (start, bytes.to_owned(), cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>())
        };
        let (found, at) = rows("a;b\r\n\r\n\"c\nd\";\"e\"\"\"\nf;");
        assert_eq!(found, [row(0, "a;b", &["a", "b"]), row(7, "\"c\nd\";\"e\"\"\"", &["c\nd", "e\""])]);
        assert_eq!(at, 19);
        assert_eq!(rows("a;\"b\nc;d\n").0, []);
        assert_eq!(rows(""), (vec![], 0));
        assert_eq!(rows("a;;\n").0, [row(0, "a;;", &["a", "", ""])]);
    }

    #[test]
    fn rows_may_be_long_and_have_many_cells() {
        let long = "x".repeat(100_000);
        assert_eq!(rows(&format!("{long};y\n")).0[0].2, [long, "y".to_owned()]);
        assert_eq!(rows(&format!("{}\n", ";".repeat(999))).0[0].2.len(), 1000);
    }
}

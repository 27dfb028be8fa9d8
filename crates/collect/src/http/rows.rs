//! text/csv → events: one for each row, as a mapping of the catalogue says. RFC 4180, and what Excel saves in Sweden.
//!
//! A row becomes the event that its system could have sent itself, and is judged like any other: what is wrong with it is
//! answered for its row. Only what is wrong with the whole file (no such mapping, a column that is missing, a row with too
//! few cells) refuses all of it.

use std::io::Read;

use chrono::NaiveDate;
use csv::{ReaderBuilder, StringRecord};
use domain::catalogue::{Catalogue, CsvMapping, Meter};
use domain::event::ID_CHARS_MAX;
use serde_json::Value;

use super::problem::{Problem, Reason};
use crate::draft::{Draft, instant_of};
use crate::table::{delimiter, number};

/// How much of a heading an answer repeats.
const COLUMNS_CHARS_MAX: usize = 400;

/// The events of a file, in the order of its rows; at most `max`.
///
/// # Errors
/// What is wrong with the whole file, or with the name of the mapping.
pub fn events(
    body: &[u8],
    mapping: Option<&str>,
    catalogue: &Catalogue,
    max: usize,
) -> Result<Vec<Vec<u8>>, Problem> {
    let name = mapping.unwrap_or_default();
    let Some(mapping) = catalogue.csv.get(name) else {
        let known = catalogue.csv.keys().cloned().collect::<Vec<_>>().join(", ");
        let detail = format!("?mapping= must name a mapping of the catalogue: {known}");
        return Err(Problem::new(Reason::InvalidQuery, detail));
    };
    let Some(meter) = catalogue.meter(&mapping.service, &mapping.meter) else {
        return Err(Problem::new(Reason::InvalidQuery, "the mapping's meter is not in the catalogue"));
    };
    let text =
        std::str::from_utf8(body).map_err(|_| invalid("the file is not UTF-8 (in Excel: CSV UTF-8)"))?;
    if text.contains('\0') {
        return Err(invalid("the file holds NUL characters: it is damaged, or UTF-16 (in Excel: CSV UTF-8)"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(invalid("the file is empty: it has no column"));
    }
    let delimiter = delimiter(text);
    // The lengths of rows are checked here, since the last line that is added has one of its own.
    let mut reader =
        ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes().chain(END));
    let header = reader.headers().map_err(|error| unreadable(&error))?.clone();
    let columns = Columns::of(mapping, &header)?;
    let row = Row { mapping, meter, catalogue, columns, has_decimal_comma: delimiter != b',' };
    let mut events = Vec::new();
    let mut records = reader.records().peekable();
    while let Some(record) = records.next() {
        let record = record.map_err(|error| unreadable(&error))?;
        let number = events.len() + 1;
        if records.peek().is_none() {
            if record.len() == 1 && record.get(0).map(str::as_bytes) == END.strip_prefix(b"\n") {
                return Ok(events);
            }
            return Err(invalid(format!(
                "a quote that is opened in row {number} beneath the heading is never closed"
            )));
        }
        if record.len() != header.len() {
            let (cells, columns) = (record.len(), header.len());
            return Err(invalid(format!(
                "row {number} beneath the heading has {cells} cells, and the heading has {columns}"
            )));
        }
        if events.len() == max {
            let detail = format!("at most {max} rows are taken in one request");
            return Err(Problem::new(Reason::TooManyEvents, detail));
        }
        events.push(row.event(&record).to_string().into_bytes());
    }
    Err(invalid("a quote that is opened in the heading is never closed"))
}

/// A line that is read after the file. A quote that is never closed takes all that follows for one cell, without an error; then
/// this line is not the last row.
const END: &[u8] = b"\n\x03";

/// Why a file cannot be read as rows.
fn unreadable(error: &csv::Error) -> Problem {
    invalid(format!("the file is not CSV: {error}"))
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Reason::InvalidBody, detail)
}

/// Where each column of a mapping stands in a file.
struct Columns {
    id: Vec<usize>,
    time: usize,
    subject: usize,
    costcentre: usize,
    quantity: Option<usize>,
    dimensions: Vec<usize>,
}

impl Columns {
    fn of(mapping: &CsvMapping, header: &StringRecord) -> Result<Self, Problem> {
        let at = |name: &String| {
            let found = header.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
            found.ok_or_else(|| {
                let all = header.iter().collect::<Vec<_>>().join(", ");
                let some: String = all.chars().take(COLUMNS_CHARS_MAX).collect();
                invalid(format!("the file has no column {name:?}; it has {some}"))
            })
        };
        Ok(Self {
            id: mapping.id.iter().map(at).collect::<Result<_, _>>()?,
            time: at(&mapping.time)?,
            subject: at(&mapping.subject)?,
            costcentre: at(&mapping.costcentre)?,
            quantity: mapping.quantity.as_ref().map(at).transpose()?,
            dimensions: mapping.dimensions.values().map(|from| at(&from.column)).collect::<Result<_, _>>()?,
        })
    }
}

/// How a row becomes an event.
struct Row<'c> {
    mapping: &'c CsvMapping,
    meter: &'c Meter,
    catalogue: &'c Catalogue,
    columns: Columns,
    /// Whether a comma in a number parts its decimals; where commas part the cells it may as well part thousands.
    has_decimal_comma: bool,
}

impl Row<'_> {
    fn event(&self, record: &StringRecord) -> Value {
        let cell = |at: usize| record.get(at).unwrap_or_default().trim();
        let (mapping, columns) = (self.mapping, &self.columns);
        let (time, day) = time_of(cell(columns.time));
        let mut dims = Vec::new();
        for ((name, from), at) in mapping.dimensions.iter().zip(&columns.dimensions) {
            let value = cell(*at);
            if !value.is_empty() {
                dims.push((name.as_str(), from.values.get(value).map_or(value, String::as_str).to_owned()));
            }
        }
        let quantity = columns.quantity.map(|at| number(cell(at), self.has_decimal_comma));
        let draft = Draft {
            id: id_of(columns.id.iter().map(|at| cell(*at))),
            source: &mapping.source,
            service: &mapping.service,
            meter: self.meter,
            subject: &format!("{}{}", mapping.subject_prefix, cell(columns.subject)),
            time,
            costcentre: cell(columns.costcentre),
            object: None,
            quantity: quantity.unwrap_or_else(|| "1".to_owned()),
            dims,
            day: None,
            seq: None,
            measured: None,
        };
        draft.json(self.catalogue, day)
    }
}

/// The cells that tell a row from all others, where an id can hold them; else their hash.
fn id_of<'r>(cells: impl Iterator<Item = &'r str>) -> String {
    let joined = cells.collect::<Vec<_>>().join("|");
    let is_plain = joined.len() <= ID_CHARS_MAX && joined.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if is_plain && !joined.is_empty() {
        return joined;
    }
    format!("csv:{}", &blake3::hash(joined.as_bytes()).to_hex()[..32])
}

/// A time as events have it, and its Swedish day. What is no time is left as it is, and refused with the row.
fn time_of(text: &str) -> (String, Option<NaiveDate>) {
    match instant_of(text) {
        Some(instant) => (instant.to_string(), Some(instant.day())),
        None => (text.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_swedish_unless_they_say_their_offset() {
        let of = |text: &str| time_of(text).0;
        assert_eq!(of("2021-03-15 09:00:12"), "2021-03-15T08:00:12Z");
        assert_eq!(of("2021-07-15T09:00"), "2021-07-15T07:00:00Z");
        assert_eq!(of("2021-03-15"), "2021-03-14T23:00:00Z");
        assert_eq!(of("2021-03-15T09:00:12+02:00"), "2021-03-15T07:00:12Z");
        // Skipped in March, shown twice in October: refused with the row.
        for unclear in ["2021-03-28 02:30", "2021-10-31 02:30", "15/3 2021", ""] {
            assert_eq!(time_of(unclear), (unclear.to_owned(), None));
        }
        assert_eq!(of("2021-10-31T02:30:00+01:00"), "2021-10-31T01:30:00Z");
    }

    #[test]
    fn a_row_has_the_same_id_whenever_it_is_sent() {
        let id = |cells: &[&str]| id_of(cells.iter().copied());
        assert_eq!(id(&["2021-03-15 09:00", "prt01", "17"]), "2021-03-15 09:00|prt01|17");
        assert_eq!(id(&["å"]), id(&["å"]));
        assert!(id(&["å"]).starts_with("csv:") && id(&["å"]) != id(&["ä"]));
        assert_eq!(id(&["x".repeat(300).as_str()]).len(), 36);
    }
}

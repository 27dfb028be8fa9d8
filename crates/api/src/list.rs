//! How lists are answered: pages of items as JSON, or as CSV.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use domain::{Money, Quantity};
use serde::Serialize;

use crate::problem::Problem;
use crate::query::Params;

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// The cursor of the next page; null on the last.
    pub(crate) next: Option<String>,
}

/// The form that an answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
}

impl Format {
    /// `?format=` decides, else `Accept`; JSON when neither asks for CSV.
    pub(crate) fn of(params: &Params, headers: &HeaderMap) -> Result<Self, Problem> {
        let accepts = |wanted: &str| {
            let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
            accept.split(',').any(|range| range.split(';').next().is_some_and(|range| range.trim() == wanted))
        };
        Ok(match params.one_of("format", &["json", "csv"])? {
            Some("csv") => Format::Csv,
            None if accepts("text/csv") && !accepts("application/json") => Format::Csv,
            Some(_) | None => Format::Json,
        })
    }
}

/// An amount as programs read it: kronor, without trailing zeros.
pub(crate) fn kronor(amount: Money) -> String {
    amount.to_decimal().normalize().to_string()
}

/// A quantity as programs read it.
pub(crate) fn quantity(quantity: Quantity) -> String {
    quantity.to_string()
}

/// An RFC 4180 table. Text cells that a spreadsheet would take for a formula are disarmed.
pub(crate) struct Table {
    writer: csv::Writer<Vec<u8>>,
}

/// A cell of a table.
pub(crate) enum Cell<'a> {
    /// Text that came from outside.
    Text(&'a str),
    /// A number that we wrote.
    Number(&'a str),
    /// Nothing.
    Empty,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(columns: &[&str]) -> Result<Self, Problem> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        writer.write_record(columns).map_err(|error| Problem::internal(&error))?;
        Ok(Self { writer })
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Problem> {
        let written = cells.iter().map(|cell| match cell {
            Cell::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']) => {
                format!("'{text}")
            }
            Cell::Text(text) | Cell::Number(text) => (*text).to_owned(),
            Cell::Empty => String::new(),
        });
        self.writer.write_record(written.map(String::into_bytes)).map_err(|error| Problem::internal(&error))
    }

    /// The answer: a file with this name; the cursor of the next page in a header, since the table has no room for it.
    pub(crate) fn respond(self, name: &str, next: Option<String>) -> Result<Response, Problem> {
        let body = self.writer.into_inner().map_err(|error| Problem::internal(error.error()))?;
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")),
        ];
        let mut response = (headers, body).into_response();
        if let Some(value) = next.and_then(|next| next.parse().ok()) {
            response.headers_mut().insert("x-next-cursor", value);
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(query: &str, accept: &str) -> Format {
        let params = Params::read(&format!("/x?{query}").parse().unwrap(), &["format"]).unwrap();
        let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
        Format::of(&params, &headers).unwrap()
    }

    #[test]
    fn csv_is_answered_when_it_is_asked_for() {
        assert_eq!(format("", "*/*"), Format::Json);
        assert_eq!(format("", "text/csv"), Format::Csv);
        assert_eq!(format("", "text/csv;q=0.5, application/json"), Format::Json);
        assert_eq!(format("format=csv", "application/json"), Format::Csv);
        assert_eq!(format("format=json", "text/csv"), Format::Json);
    }

    #[test]
    fn amounts_have_no_trailing_zeros() {
        let cases = [(0, "0"), (100, "1"), (150, "1.5"), (-5, "-0.05"), (1_234_567, "12345.67")];
        for (ore, want) in cases {
            assert_eq!(kronor(Money::from_ore(ore)), want);
        }
    }

    #[tokio::test]
    async fn a_cell_is_quoted_and_never_a_formula() {
        let mut table = Table::new(&["a", "b"]).unwrap();
        table.row(&[Cell::Text("=1+1"), Cell::Number("-1.5")]).unwrap();
        table.row(&[Cell::Text("x,\"y\""), Cell::Empty]).unwrap();
        let response = table.respond("t", Some("abc".to_owned())).unwrap();
        assert_eq!(response.headers()["x-next-cursor"], "abc");
        let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
        assert_eq!(body, "a,b\r\n'=1+1,-1.5\r\n\"x,\"\"y\"\"\",\r\n");
    }
}

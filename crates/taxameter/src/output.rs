//! How lists are printed: as a table for people, as JSON or CSV for programs.

use std::io::{self, Write};

use clap::ValueEnum;

/// The form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns.
    Table,
    /// An array of objects.
    Json,
    /// RFC 4180, with a header.
    Csv,
}

/// A column of a list.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name in JSON and CSV.
    pub key: &'static str,
    /// Its heading in a table.
    pub title: &'static str,
    /// What it holds, which decides how a table shows it.
    pub kind: Kind,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, aligned to the left.
    Text,
    /// Decimal numbers, aligned to the right.
    Number,
    /// Kronor, aligned to the right with two decimals.
    Money,
}

/// A column of text.
pub const fn text(key: &'static str, title: &'static str) -> Column {
    Column { key, title, kind: Kind::Text }
}

/// A column of numbers, given as decimal strings.
pub const fn number(key: &'static str, title: &'static str) -> Column {
    Column { key, title, kind: Kind::Number }
}

/// A column of kronor, given as decimal strings.
pub const fn money(key: &'static str, title: &'static str) -> Column {
    Column { key, title, kind: Kind::Money }
}

/// A fraction in percent: `3,486 %`; a dash when there is none.
pub fn percent(rate: &serde_json::Value) -> String {
    let fraction = rate.as_str().and_then(|text| rust_decimal::Decimal::from_str_exact(text).ok());
    let percent =
        fraction.map(|fraction| (fraction * rust_decimal::Decimal::ONE_HUNDRED).normalize().to_string());
    percent.map_or_else(|| "–".to_owned(), |percent| format!("{} %", percent.replace('.', ",")))
}

/// A list: columns and rows of as many cells.
#[derive(Debug, Clone)]
pub struct List {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows; a missing value is `None`.
    pub rows: Vec<Vec<Option<String>>>,
}

impl List {
    /// An empty list with these columns.
    pub fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Takes the rows from JSON objects, as the program's HTTP answers have them.
    pub fn of_items(columns: &[Column], items: &[serde_json::Value]) -> Self {
        let cell = |item: &serde_json::Value, key: &str| match item.get(key) {
            None | Some(serde_json::Value::Null) => None,
            Some(serde_json::Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
        };
        let rows =
            items.iter().map(|item| columns.iter().map(|column| cell(item, column.key)).collect()).collect();
        Self { columns: columns.to_vec(), rows }
    }

    /// Prints it.
    pub fn print(&self, format: Format, out: &mut impl Write) -> io::Result<()> {
        match format {
            Format::Table => self.table(out),
            Format::Json => self.json(out),
            Format::Csv => self.csv(out),
        }
    }

    fn table(&self, out: &mut impl Write) -> io::Result<()> {
        let shown = |column: &Column, cell: &Option<String>| match (cell, column.kind) {
            (None, _) => "–".to_owned(),
            (Some(value), Kind::Text) => value.clone(),
            (Some(value), Kind::Number) => swedish(value),
            (Some(value), Kind::Money) => swedish(&two_decimals(value)),
        };
        let cells: Vec<Vec<String>> = (self.rows.iter())
            .map(|row| self.columns.iter().zip(row).map(|(column, cell)| shown(column, cell)).collect())
            .collect();
        let width = |n: usize, title: &str| {
            cells.iter().map(|row| row[n].chars().count()).chain([title.chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> =
            self.columns.iter().enumerate().map(|(n, column)| width(n, column.title)).collect();
        let mut line = |values: Vec<&str>| -> io::Result<()> {
            let mut text = String::new();
            for ((value, column), width) in values.into_iter().zip(&self.columns).zip(&widths) {
                let padding = " ".repeat(width - value.chars().count());
                let (before, after) =
                    if column.kind == Kind::Text { ("", padding.as_str()) } else { (padding.as_str(), "") };
                text.push_str(before);
                text.push_str(value);
                text.push_str(after);
                text.push_str("  ");
            }
            writeln!(out, "{}", text.trim_end())
        };
        line(self.columns.iter().map(|column| column.title).collect())?;
        let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        line(rules.iter().map(String::as_str).collect())?;
        for row in &cells {
            line(row.iter().map(String::as_str).collect())?;
        }
        Ok(())
    }

    fn json(&self, out: &mut impl Write) -> io::Result<()> {
        let object = |row: &Vec<Option<String>>| -> serde_json::Map<String, serde_json::Value> {
            self.columns
                .iter()
                .zip(row)
                .map(|(column, cell)| (column.key.to_owned(), cell.clone().into()))
                .collect()
        };
        let items: Vec<_> = self.rows.iter().map(object).collect();
        serde_json::to_writer_pretty(&mut *out, &items)?;
        writeln!(out)
    }

    fn csv(&self, out: &mut impl Write) -> io::Result<()> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
        writer.write_record(self.columns.iter().map(|column| column.key))?;
        for row in &self.rows {
            writer.write_record(row.iter().map(|cell| cell.as_deref().unwrap_or("")))?;
        }
        writer.flush()
    }
}

/// An amount with its öre: `26.4` is `26.40`. What is no number, or has more decimals, stays as it is.
fn two_decimals(amount: &str) -> String {
    match amount.split_once('.') {
        None if amount.bytes().any(|b| b.is_ascii_digit()) => format!("{amount}.00"),
        Some((_, decimals)) if decimals.len() == 1 => format!("{amount}0"),
        Some(_) | None => amount.to_owned(),
    }
}

/// An amount in kronor, with its two decimals and without the unit; nothing at all is 0,00.
pub fn kronor(amount: &serde_json::Value) -> String {
    let text = amount.as_str().unwrap_or("0");
    let exact = rust_decimal::Decimal::from_str_exact(text).map(|amount| format!("{amount:.2}"));
    swedish(exact.as_deref().unwrap_or(text))
}

/// A decimal number as Swedish readers write it: groups of three, a decimal comma and a real minus sign.
pub fn swedish(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("−", rest));
    let (whole, decimals) =
        digits.split_once('.').map_or((digits, None), |(whole, decimals)| (whole, Some(decimals)));
    if whole.is_empty() || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return number.to_owned();
    }
    let mut text = sign.to_owned();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    if let Some(decimals) = decimals {
        text.push(',');
        text.push_str(decimals);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(format: Format) -> String {
        let mut list = List::new(&[text("service", "Tjänst"), money("cost", "Kostnad")]);
        list.rows.push(vec![Some("e-moten".into()), Some("1234567.5".into())]);
        list.rows.push(vec![Some("mdm; \"x\"".into()), None]);
        let mut out = Vec::new();
        list.print(format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_table_aligns_its_columns() {
        let want = "Tjänst         Kostnad\n────────  ────────────\ne-moten   1\u{a0}234\u{a0}567,50\nmdm; \"x\"             –\n";
        assert_eq!(printed(Format::Table), want);
    }

    #[test]
    fn programs_get_the_plain_values() {
        assert_eq!(printed(Format::Csv), "service,cost\r\ne-moten,1234567.5\r\n\"mdm; \"\"x\"\"\",\r\n");
        let json: serde_json::Value = serde_json::from_str(&printed(Format::Json)).unwrap();
        assert_eq!(json[0]["cost"], "1234567.5");
        assert!(json[1]["cost"].is_null());
    }

    #[test]
    fn swedish_numbers_keep_every_digit() {
        for (plain, shown) in
            [("0", "0"), ("-1234.5", "−1\u{a0}234,5"), ("100", "100"), ("1000", "1\u{a0}000"), ("x", "x")]
        {
            assert_eq!(swedish(plain), shown);
        }
    }
}

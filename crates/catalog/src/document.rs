//! A TOML file → a [`Table`] with lines.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::finding::{Code, Findings, Place, say};
use crate::table::{Cell, Node, Table};
use crate::text::line_at;

/// Reads a file; none when it is not TOML, with a finding for each syntax error.
pub(crate) fn read(file: &str, text: &str, findings: &mut Findings) -> Option<Table> {
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let place = Place::line(file, line_at(text, error.span().map_or(0, |span| span.start)));
        findings.add(
            Code::InvalidToml,
            &place,
            say(format!("inte giltig TOML: {}", error.message()), format!("not TOML: {}", error.message())),
            say(
                "jämför med raderna omkring: namn = \"värde\", text inom citattecken",
                "compare with the lines around: name = \"value\", text within quotation marks",
            ),
        );
    }
    // What is left of a broken file would only give findings that the first one explains.
    errors.is_empty().then(|| table(file, text, root.get_ref(), Place::file(file)))
}

fn table(file: &str, text: &str, nodes: &DeTable<'_>, place: Place) -> Table {
    let mut table = Table { place, ..Table::default() };
    for (key, value) in nodes {
        let name = key.get_ref().to_string();
        let place = Place::line(file, line_at(text, key.span().start));
        table.nodes.insert(name.clone(), node(file, text, &name, place, value));
    }
    table
}

fn node(file: &str, text: &str, name: &str, place: Place, value: &Spanned<DeValue<'_>>) -> Node {
    match value.get_ref() {
        DeValue::Table(inner) => Node::Table(table(file, text, inner, place)),
        DeValue::Array(items) => {
            let at = |item: &Spanned<DeValue<'_>>| Place::line(file, line_at(text, item.span().start));
            let inner = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
                DeValue::Table(inner) => Some(table(file, text, inner, at(item))),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_) => None,
            };
            let tables: Vec<Table> = items.iter().filter_map(inner).collect();
            if tables.is_empty() {
                Node::List(place, items.iter().map(|item| cell(at(item).field(name), item)).collect())
            } else {
                Node::Tables(place, tables)
            }
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => Node::Cell(cell(place.field(name), value)),
    }
}

fn cell(place: Place, value: &Spanned<DeValue<'_>>) -> Cell {
    let (text, is_number) = match value.get_ref() {
        DeValue::String(text) => (text.trim().to_owned(), false),
        DeValue::Integer(number) => (number.as_str().to_owned(), true),
        DeValue::Float(number) => (number.as_str().to_owned(), true),
        DeValue::Boolean(flag) => (flag.to_string(), false),
        DeValue::Datetime(date) => (date.to_string(), false),
        // Nothing in a catalogue is nested so: it reads as a value that no field takes.
        DeValue::Array(_) | DeValue::Table(_) => ("[…]".to_owned(), false),
    };
    Cell { text, place, is_number }
}

//! What both formats are read into: a table of named nodes, each with its place.

use std::collections::BTreeMap;

use crate::finding::{Code, Findings, Place, say};
use crate::nearest::nearest;

/// A TOML table or a row of CSV.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) place: Place,
    pub(crate) nodes: BTreeMap<String, Node>,
}

/// What stands under a name.
#[derive(Debug)]
pub(crate) enum Node {
    Cell(Cell),
    List(Place, Vec<Cell>),
    Tables(Place, Vec<Table>),
    Table(Table),
}

/// A single value, as text.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) place: Place,
    /// Whether TOML holds it as a number, whose decimals it does not keep.
    pub(crate) is_number: bool,
}

/// Which fields a table takes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fields {
    pub(crate) cells: &'static [&'static str],
    pub(crate) lists: &'static [&'static str],
    pub(crate) tables: &'static [&'static str],
}

impl Node {
    pub(crate) fn place(&self) -> &Place {
        match self {
            Node::Cell(cell) => &cell.place,
            Node::List(place, _) | Node::Tables(place, _) => place,
            Node::Table(table) => &table.place,
        }
    }
}

impl Table {
    /// The value of a field, when it has one.
    pub(crate) fn cell(&self, name: &str) -> Option<&Cell> {
        match self.nodes.get(name) {
            Some(Node::Cell(cell)) if !cell.text.is_empty() => Some(cell),
            Some(Node::Cell(_) | Node::List(..) | Node::Tables(..) | Node::Table(_)) | None => None,
        }
    }

    /// The values of a list; none is the same as an empty one.
    pub(crate) fn list(&self, name: &str) -> &[Cell] {
        match self.nodes.get(name) {
            Some(Node::List(_, cells)) => cells,
            Some(Node::Cell(_) | Node::Tables(..) | Node::Table(_)) | None => &[],
        }
    }

    /// The tables under a name, `[[name]]` or `name = [{ … }]`.
    pub(crate) fn tables(&self, name: &str) -> &[Table] {
        match self.nodes.get(name) {
            Some(Node::Tables(_, tables)) => tables,
            Some(Node::Table(table)) => std::slice::from_ref(table),
            Some(Node::Cell(_) | Node::List(..)) | None => &[],
        }
    }

    /// The value of a field that must have one.
    pub(crate) fn required(&self, name: &str, findings: &mut Findings) -> Option<&Cell> {
        let cell = self.cell(name);
        // A value of the wrong type is a finding of its own.
        if cell.is_none()
            && !matches!(self.nodes.get(name), Some(Node::List(..) | Node::Tables(..) | Node::Table(_)))
        {
            let place = match self.nodes.get(name) {
                Some(node) => node.place().clone(),
                None => self.place.field(name),
            };
            let code =
                if name == "namn" || name == "namn_en" { Code::MissingName } else { Code::MissingField };
            findings.add(
                code,
                &place,
                say("värde saknas", "no value"),
                say(format!("fyll i {name}"), format!("fill in {name}")),
            );
        }
        cell
    }

    /// Finds the fields that the table does not take, and those with another type of value.
    pub(crate) fn expect(&self, fields: Fields, findings: &mut Findings) {
        let known = || fields.cells.iter().chain(fields.lists).chain(fields.tables).copied();
        for (name, node) in &self.nodes {
            let takes = |names: &[&str]| names.contains(&name.as_str());
            if !known().any(|k| k == name) {
                let fix = match nearest(name, known()) {
                    Some(meant) => say(format!("menades {meant}?"), format!("did you mean {meant}?")),
                    None => {
                        let all = known().collect::<Vec<_>>().join(", ");
                        say(format!("ta bort det; här finns {all}"), format!("remove it; there are {all}"))
                    }
                };
                let message = say(format!("okänt fält {name}"), format!("unknown field {name}"));
                findings.add(Code::UnknownField, node.place(), message, fix);
                continue;
            }
            let right = match node {
                Node::Cell(_) => takes(fields.cells),
                // An empty list may be of values or of tables.
                Node::List(_, cells) => takes(fields.lists) || (cells.is_empty() && takes(fields.tables)),
                Node::Tables(..) | Node::Table(_) => takes(fields.tables),
            };
            if !right {
                let fix = if takes(fields.cells) {
                    say(
                        format!("skriv ett enda värde: {name} = \"…\""),
                        format!("write one value: {name} = \"…\""),
                    )
                } else if takes(fields.lists) {
                    say(
                        format!("skriv en lista: {name} = [\"…\"]"),
                        format!("write a list: {name} = [\"…\"]"),
                    )
                } else {
                    say(format!("skriv [[{name}]]"), format!("write [[{name}]]"))
                };
                findings.add(
                    Code::WrongType,
                    node.place(),
                    say("fel sorts värde", "wrong type of value"),
                    fix,
                );
            }
        }
    }
}

//! `csv.toml`: how rows of CSV become events.

use std::collections::BTreeMap;

use domain::catalogue::{CsvDimension, CsvMapping, Meter};

use super::Draft;
use crate::finding::{Code, say};
use crate::rows::Object;
use crate::table::{Fields, Node, Table};
use crate::values;

const FILE: &str = "csv.toml";
const FIELDS: Fields = Fields {
    cells: &[
        "namn",
        "kalla",
        "tjanst",
        "matare",
        "tid",
        "subjekt",
        "subjekt_prefix",
        "kostnadsstalle",
        "antal",
    ],
    lists: &["id"],
    tables: &["dimension"],
};

pub(super) fn read(draft: &mut Draft) {
    let Some(root) = draft.document(FILE) else { return };
    root.expect(Fields { tables: &["csv"], ..Fields::default() }, &mut draft.findings);
    for row in root.tables("csv") {
        let Some((name, mapping)) = read_mapping(draft, row) else { continue };
        if draft.catalogue.csv.contains_key(&name) {
            draft.find(
                Code::CsvTwice,
                &row.place,
                say(format!("{name} finns redan"), format!("{name} is already there")),
                say("ge den ett eget namn", "give it a name of its own"),
            );
            continue;
        }
        draft.places.insert((Object::Csv, name.clone()), row.place.clone());
        draft.catalogue.csv.insert(name, mapping);
    }
}

fn read_mapping(draft: &mut Draft, row: &Table) -> Option<(String, CsvMapping)> {
    row.expect(FIELDS, &mut draft.findings);
    let name = row.required("namn", &mut draft.findings).cloned();
    let name = name.and_then(|cell| values::slug(&cell, &mut draft.findings));
    let mut text = |field| row.required(field, &mut draft.findings).map(|cell| cell.text.clone());
    let (time, subject, costcentre) = (text("tid"), text("subjekt"), text("kostnadsstalle"));
    let id: Vec<String> = row.list("id").iter().map(|cell| cell.text.clone()).collect();
    if id.is_empty() {
        draft.find(
            Code::MissingField,
            &row.place.field("id"),
            say("värde saknas", "no value"),
            say(
                "ange kolumnerna som skiljer en rad från alla andra",
                "name the columns that tell a row from all others",
            ),
        );
    }
    let source = row.required("kalla", &mut draft.findings).cloned();
    let source = source.and_then(|cell| {
        let is_known =
            draft.catalogue.sources.contains_key(&cell.text) || draft.is_broken(Object::Source, &cell.text);
        if !is_known {
            let known: Vec<String> = draft.catalogue.sources.keys().cloned().collect();
            draft.unknown(Code::UnknownSource, &cell, ("källan", "source"), "kallor.toml", &known);
        }
        is_known.then_some(cell.text)
    });
    let (service, meter) = draft.meter(row)?;
    let dimensions = read_dimensions(draft, row, &meter)?;
    let mapping = CsvMapping {
        source: source?,
        service,
        meter: meter.slug,
        time: time?,
        subject_prefix: row.cell("subjekt_prefix").map(|cell| cell.text.clone()).unwrap_or_default(),
        subject: subject?,
        costcentre: costcentre?,
        quantity: row.cell("antal").map(|cell| cell.text.clone()),
        dimensions,
        id,
    };
    Some((name?, mapping)).filter(|(_, mapping)| !mapping.id.is_empty())
}

/// The dimensions; those that the price depends on must be there.
fn read_dimensions(draft: &mut Draft, row: &Table, meter: &Meter) -> Option<BTreeMap<String, CsvDimension>> {
    let mut dimensions = BTreeMap::new();
    for table in row.tables("dimension") {
        table.expect(
            Fields { cells: &["namn", "kolumn"], lists: &[], tables: &["varden"] },
            &mut draft.findings,
        );
        let name = table.required("namn", &mut draft.findings).cloned();
        let column = table.required("kolumn", &mut draft.findings).map(|cell| cell.text.clone());
        let (name, column) = (name?, column?);
        if !meter.dimensions.iter().any(|known| known.name == name.text) {
            let known: Vec<String> = meter.dimensions.iter().map(|known| known.name.clone()).collect();
            draft.unknown(Code::InvalidDimension, &name, ("dimensionen", "dimension"), "tjanster/", &known);
            return None;
        }
        let values = match table.nodes.get("varden") {
            Some(Node::Table(values)) => {
                let cells = values.nodes.iter().filter_map(|(from, node)| match node {
                    Node::Cell(cell) => Some((from.clone(), cell.text.clone())),
                    Node::List(..) | Node::Tables(..) | Node::Table(_) => None,
                });
                cells.collect()
            }
            Some(Node::Cell(_) | Node::List(..) | Node::Tables(..)) | None => BTreeMap::new(),
        };
        dimensions.insert(name.text, CsvDimension { column, values });
    }
    let missing = meter.dimensions.iter().find(|d| d.rating && !dimensions.contains_key(&d.name));
    if let Some(missing) = missing {
        let name = &missing.name;
        draft.find(
            Code::MissingField,
            &row.place.field("dimension"),
            say(format!("priset beror på {name}"), format!("the price depends on {name}")),
            say(
                format!("lägg till [[csv.dimension]] för {name}"),
                format!("add [[csv.dimension]] for {name}"),
            ),
        );
        return None;
    }
    Some(dimensions)
}

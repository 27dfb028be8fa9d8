//! `organisation.toml`: who delivers and bills, how months close, and the object's products.

use domain::catalogue::{Organisation, Product};

use super::Draft;
use crate::finding::Place;
use crate::rows::Object;
use crate::table::{Fields, Node};
use crate::values;

const FILE: &str = "organisation.toml";

pub(super) fn read(draft: &mut Draft) {
    let Some(root) = draft.document(FILE) else { return };
    let findings = &mut draft.findings;
    root.expect(
        Fields { tables: &["organisation", "stangning", "faktura", "produkt"], ..Fields::default() },
        findings,
    );
    match root.nodes.get("organisation") {
        Some(Node::Table(table)) => {
            table.expect(Fields { cells: &["namn", "enhet", "orgnr"], ..Fields::default() }, findings);
            let name = table.required("namn", findings).map(|cell| cell.text.clone());
            let unit = table.required("enhet", findings).map(|cell| cell.text.clone());
            let number = table.required("orgnr", findings);
            let number = number.and_then(|cell| values::organisation_number(cell, findings));
            if let (Some(name), Some(unit), Some(number)) = (name, unit, number) {
                draft.places.insert((Object::Organisation, String::new()), table.place.clone());
                draft.catalogue.organisation = Organisation { name, unit, number };
            }
        }
        Some(Node::Cell(_) | Node::List(..) | Node::Tables(..)) | None => {
            root.required("organisation", findings);
        }
    }
    super::closing::read(draft, &root);
    super::invoicing::read(draft, &root);
    let Some(Node::Table(products)) = root.nodes.get("produkt") else {
        root.required("produkt", &mut draft.findings);
        return;
    };
    for (code, node) in &products.nodes {
        let Node::Table(table) = node else {
            products_shape(draft, node.place(), code);
            continue;
        };
        let findings = &mut draft.findings;
        table.expect(Fields { cells: &["namn", "namn_en"], ..Fields::default() }, findings);
        let name = table.required("namn", findings).map(|cell| cell.text.clone());
        let name_en = table.required("namn_en", findings).map(|cell| cell.text.clone());
        match (name, name_en) {
            (Some(name), Some(name_en)) => {
                draft.places.insert((Object::Product, code.clone()), table.place.clone());
                draft.catalogue.products.insert(code.clone(), Product { name, name_en });
            }
            (None, _) | (_, None) => draft.declare(Object::Product, code),
        }
    }
}

fn products_shape(draft: &mut Draft, place: &Place, code: &str) {
    draft.declare(Object::Product, code);
    draft.find(
        crate::Code::WrongType,
        place,
        crate::finding::say("fel sorts värde", "wrong type of value"),
        crate::finding::say(format!("skriv [produkt.{code}]"), format!("write [produkt.{code}]")),
    );
}

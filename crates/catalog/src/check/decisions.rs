//! `beslut.csv`: who decided what, and when (R7, R19).

use domain::catalogue::Decision;

use super::Draft;
use crate::finding::{Code, say};
use crate::rows::Object;
use crate::sheet::{Column, needed};
use crate::table::{Cell, Table};
use crate::values;

const FILE: &str = "beslut.csv";
const COLUMNS: &[Column] = &[needed("beteckning"), needed("datum"), needed("beslutare"), needed("om")];

/// Reads the decisions, before anything names them.
pub(super) fn read(draft: &mut Draft) {
    let Some(rows) = draft.sheet(FILE, COLUMNS) else { return };
    for row in &rows {
        let reference = row.cell("beteckning").map(|cell| cell.text.clone()).unwrap_or_default();
        let Some(decision) = read_decision(draft, row) else {
            draft.declare(Object::Decision, reference);
            continue;
        };
        if draft.catalogue.decisions.contains_key(&reference) {
            draft.find(
                Code::DecisionTwice,
                &row.place,
                say(
                    format!("beslutet {reference} finns redan"),
                    format!("decision {reference} is already there"),
                ),
                say("ta bort den ena raden", "remove one of the rows"),
            );
            continue;
        }
        draft.places.insert((Object::Decision, reference.clone()), row.place.clone());
        draft.catalogue.decisions.insert(reference, decision);
    }
}

fn read_decision(draft: &mut Draft, row: &Table) -> Option<Decision> {
    let findings = &mut draft.findings;
    let reference = row.required("beteckning", findings).is_some();
    let day = row.required("datum", findings).cloned();
    let day = day.and_then(|cell| values::day(&cell, findings));
    let by = row.required("beslutare", findings).map(|cell| cell.text.clone());
    let about = row.required("om", findings).map(|cell| cell.text.clone());
    Some(Decision { day: day?, by: by?, about: about? }).filter(|_| reference)
}

/// Finds a reference that the register of decisions lacks, where there is one.
pub(super) fn find_unknown(draft: &mut Draft, cell: &Cell) {
    let text = &cell.text;
    let is_known = draft.catalogue.decisions.is_empty()
        || draft.catalogue.decisions.contains_key(text)
        || draft.is_broken(Object::Decision, text)
        || draft.is_damaged(FILE);
    if !is_known {
        draft.find(
            Code::UnknownDecision,
            &cell.place,
            say(
                format!("beslutet {text:?} finns inte i {FILE}"),
                format!("decision {text:?} is not in {FILE}"),
            ),
            say("lägg till det, eller rätta beteckningen", "add it, or correct the reference"),
        );
    }
}

//! `objektets-konto.csv`: what was booked on the budget's parts and on projects (R8, R16).

use domain::object::{BudgetPart, Entry, Post};

use super::Draft;
use crate::finding::{Code, say};
use crate::rows::Object;
use crate::sheet::{Column, needed};
use crate::table::{Cell, Table};
use crate::values;

const FILE: &str = "objektets-konto.csv";
const COLUMNS: &[Column] =
    &[needed("datum"), needed("post"), needed("belopp"), needed("text"), needed("underlag")];

pub(super) fn read(draft: &mut Draft) {
    let Some(rows) = draft.sheet(FILE, COLUMNS) else { return };
    let mut entries: Vec<Entry> = rows.iter().filter_map(|row| read_entry(draft, row)).collect();
    entries.sort_by_key(|entry| entry.day);
    draft.catalogue.object.entries = entries;
}

fn read_entry(draft: &mut Draft, row: &Table) -> Option<Entry> {
    let findings = &mut draft.findings;
    let day = row.required("datum", findings).cloned();
    let day = day.and_then(|cell| values::day(&cell, findings));
    let post = row.required("post", findings).cloned();
    let amount = row.required("belopp", findings).cloned();
    let cost = amount.and_then(|cell| values::money(&cell, findings));
    let text = row.required("text", findings).map(|cell| cell.text.clone());
    let reference = row.required("underlag", findings).map(|cell| cell.text.clone());
    let post = post_of(draft, &post?);
    Some(Entry { day: day?, post: post?, cost: cost?, text: text?, reference: reference? })
}

fn post_of(draft: &mut Draft, cell: &Cell) -> Option<Post> {
    let name = &cell.text;
    if let Some(part) = BudgetPart::from_name(name) {
        return Some(Post::Part(part));
    }
    if draft.catalogue.object.projects.contains_key(name) {
        return Some(Post::Project(name.clone()));
    }
    if !draft.is_broken(Object::Project, name) && !draft.is_damaged("budget.toml") {
        let parts = BudgetPart::ALL.map(BudgetPart::name).into_iter().map(str::to_owned);
        let known: Vec<String> = parts.chain(draft.catalogue.object.projects.keys().cloned()).collect();
        let all = known.join(", ");
        draft.find(
            Code::UnknownPost,
            &cell.place,
            say(format!("{name:?} är ingen post"), format!("{name:?} is not a post")),
            say(
                format!("skriv en del av budgeten eller ett projekt ur budget.toml: {all}"),
                format!("write a part of the budget or a project of budget.toml: {all}"),
            ),
        );
    }
    None
}

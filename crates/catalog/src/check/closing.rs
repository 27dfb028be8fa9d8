//! `[stangning]` of `organisation.toml`: what closing a month requires.

use domain::catalogue::ClosingRules;

use super::Draft;
use crate::finding::{Code, Findings, say};
use crate::rows::Object;
use crate::table::{Cell, Fields, Node, Table};
use crate::values;

/// The longest window: a year. What comes later than that is no late usage.
const WINDOW_DAYS_MAX: u64 = 366;

/// Reads the table; without it its defaults hold.
pub(super) fn read(draft: &mut Draft, root: &Table) {
    if let Some(Node::Table(table)) = root.nodes.get("stangning") {
        draft.catalogue.closing = closing(table, &mut draft.findings);
        draft.places.insert((Object::Closing, String::new()), table.place.clone());
    }
}

fn closing(table: &Table, findings: &mut Findings) -> ClosingRules {
    let cells = &["fyra_ogon", "vantetid_dagar", "vantetid_dagar_december"];
    table.expect(Fields { cells, ..Fields::default() }, findings);
    let four_eyes = table.cell("fyra_ogon").and_then(|cell| values::flag(cell, findings)).unwrap_or(false);
    let mut days = |name: &str| {
        let days = table.cell(name).and_then(|cell| number(cell, 0, WINDOW_DAYS_MAX, findings));
        days.and_then(|days| u16::try_from(days).ok())
    };
    let window_days = days("vantetid_dagar").unwrap_or(0);
    // December waits as long as the other months unless it says otherwise.
    let window_days_december = days("vantetid_dagar_december").unwrap_or(window_days);
    ClosingRules { four_eyes, window_days, window_days_december }
}

/// A whole number within limits.
pub(super) fn number(cell: &Cell, min: u64, max: u64, findings: &mut Findings) -> Option<u64> {
    let number = cell.text.parse().ok().filter(|number| (min..=max).contains(number));
    if number.is_none() {
        let text = &cell.text;
        findings.add(
            Code::NumberOutOfRange,
            &cell.place,
            say(
                format!("{text:?} är inget heltal från {min} till {max}"),
                format!("{text:?} is no whole number from {min} to {max}"),
            ),
            say(
                format!("skriv ett heltal från {min} till {max}"),
                format!("write a whole number from {min} to {max}"),
            ),
        );
    }
    number
}

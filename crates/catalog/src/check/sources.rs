//! `kallor.toml`: the registered sources of events.

use domain::catalogue::Source;
use domain::event::{ID_CHARS_MAX, refuse_personal_data};

use super::Draft;
use crate::finding::{Code, say};
use crate::rows::Object;
use crate::table::{Cell, Fields, Table};

const FILE: &str = "kallor.toml";

pub(super) fn read(draft: &mut Draft) {
    let Some(root) = draft.document(FILE) else { return };
    root.expect(Fields { tables: &["kalla"], ..Fields::default() }, &mut draft.findings);
    for row in root.tables("kalla") {
        read_source(draft, row);
    }
}

fn read_source(draft: &mut Draft, row: &Table) {
    row.expect(Fields { cells: &["source", "namn"], ..Fields::default() }, &mut draft.findings);
    let name = row.required("namn", &mut draft.findings).map(|cell| cell.text.clone());
    let source = row.required("source", &mut draft.findings).cloned();
    let Some(source) = source.and_then(|cell| source_of(draft, &cell)) else { return };
    if let Some(first) = draft.places.get(&(Object::Source, source.clone())) {
        let line = first.number();
        draft.find(
            Code::SourceTwice,
            &row.place,
            say(
                format!("källan {source} finns redan på rad {line}"),
                format!("source {source} is already on line {line}"),
            ),
            say("ta bort den ena", "remove one of them"),
        );
        return;
    }
    draft.places.insert((Object::Source, source.clone()), row.place.clone());
    if let Some(name) = name {
        draft.catalogue.sources.insert(source.clone(), Source { source, name });
    }
}

fn source_of(draft: &mut Draft, cell: &Cell) -> Option<String> {
    let text = &cell.text;
    // What a URI-reference never holds unescaped (RFC 3986 §2), as for the events' own `source`.
    let uri = text.bytes().all(|b| (0x21..0x7f).contains(&b) && !b"\"<>\\^`{|}".contains(&b));
    if uri && text.len() <= ID_CHARS_MAX && refuse_personal_data("source", text).is_ok() {
        return Some(text.clone());
    }
    draft.find(
        Code::InvalidSource,
        &cell.place,
        say(format!("{text:?} är ingen source"), format!("{text:?} is not a source")),
        say(
            "skriv som /lkdata/collector/ad/lkdata.test: högst 200 tecken utan mellanslag, adresser och personuppgifter",
            "write as /lkdata/collector/ad/lkdata.test: at most 200 characters without spaces, addresses and personal data",
        ),
    );
    None
}

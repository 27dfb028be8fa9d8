//! Usage of a meter that the catalogue does not have yet is kept, and counted once it has it.

use std::path::Path;

use serde_json::{Value, json};

use crate::fixtures::write_catalogue;
use crate::program::Program;

/// A meter that Linköping's catalogue lacks, in the middle of the service `e-moten`.
const WEBINAR: &str = "\n[[tjanst.matare]]\nslug = \"webinar\"\nnamn = \"Webbinarier\"\nnamn_en = \"Webinars\"\n\
                       slag = \"count\"\nenhet = \"meeting\"\nhandelse = \"webinar.completed\"\n";

fn webinar(id: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/lkdata/collector/pexip/mgr1",
        "type": "se.linkoping.lkdata.usage.webinar.completed.v1", "subject": "room:kb-101",
        "time": "2021-03-15T09:00:12+01:00", "dataschema": "urn:lkdata:schema:usage:1",
        "data": {"service": "e-moten", "meter": "webinar", "quantity": "1", "unit": "meeting",
            "customer": {"kind": "forvaltning", "code": "KLF", "costcentre": "110200"}}
    })
}

/// Writes Linköping's catalogue with one meter more.
fn with_webinars(directory: &Path) {
    let mut files = catalog::linkoping();
    for (path, bytes) in catalog::linkoping().iter() {
        let mut text = String::from_utf8(bytes.to_vec()).unwrap();
        if let Some(service) = text.find("slug = \"e-moten\"") {
            let end = text[service..].find("\n[[tjanst]]").map_or(text.len(), |end| service + end + 1);
            text.insert_str(end, WEBINAR);
        }
        if path.ends_with("priser.csv") {
            text += "e-moten;webinar;;2020-01-01;;2,50;;beslutad;FIKTIV-2021-001\n";
        }
        if path.ends_with("volymer.csv") {
            text += "e-moten;webinar;;40\n";
        }
        files.insert(path, text);
    }
    write_catalogue(&files, directory);
}

/// (quantity, cost) of the webinars of March.
fn counted(program: &Program) -> Option<(String, String)> {
    let items =
        program.list("/v1/usage?from=2021-03&to=2021-03&group_by=month,service,meter&service=e-moten");
    let item = items.into_iter().find(|item| item["meter"] == "webinar")?;
    Some((item["quantity"].as_str()?.to_owned(), item["cost"].as_str()?.to_owned()))
}

#[test]
fn what_is_parked_is_counted_when_the_catalogue_has_its_meter_and_replaying_it_changes_nothing() {
    let program = Program::embedded();
    program.accept(&[webinar("a"), webinar("b"), webinar("a")]);
    let parked = || program.list("/v1/quarantine?code=unknown_meter");
    let two = |seen: &mut Vec<Value>| {
        *seen = parked();
        seen.len() == 2
    };
    program.until_or("both are in the quarantine", two, &mut Vec::new());
    assert_eq!(counted(&program), None);

    let directory = tempfile::tempdir().unwrap();
    with_webinars(directory.path());
    program.command(&["catalog", "apply", directory.path().to_str().unwrap()]);
    let two_for_five = Some(("2".to_owned(), "5".to_owned()));
    let look = |seen: &mut Option<(String, String)>| {
        *seen = counted(&program);
        *seen == two_for_five
    };
    program.until_or("both are counted", look, &mut None);

    // An entry is released until a collector has heard of the catalogue, so there may be more duplicates than replays.
    for entry in parked().iter().chain(&parked()) {
        program.command(&["quarantine", "replay", entry["id"].as_str().unwrap()]);
    }
    let duplicates = || program.metric("taxameter_aggregate_events_total{outcome=\"duplicate\"}");
    program.until("the replays are judged: duplicates", || (duplicates() >= 4).then_some(()));
    assert_eq!(counted(&program), two_for_five);
    assert_eq!(program.metric("taxameter_aggregate_events_total{outcome=\"metered\"}"), 2);
}

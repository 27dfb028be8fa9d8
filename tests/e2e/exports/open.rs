//! What a package says that is not all there: of a month that is open, or of a catalogue that lacks something.

use std::io::Cursor;
use std::path::Path;

use calamine::{Reader, Xlsx};
use serde_json::{Value, json};

use crate::fixtures::write_catalogue;
use crate::program::Program;

/// An hour of a meeting that KLF pays for.
fn meeting(day: &str) -> Value {
    json!({
        "specversion": "1.0", "id": day, "source": "/lkdata/collector/pexip/mgr1", "subject": "room:kb-101",
        "type": "se.linkoping.lkdata.usage.meeting.participation.v1", "time": format!("{day}T10:00:00+01:00"),
        "dataschema": "urn:lkdata:schema:usage:1",
        "data": {"service": "e-moten", "meter": "participant_hour", "quantity": "1", "unit": "h",
            "customer": {"kind": "forvaltning", "code": "KLF", "costcentre": "110200"}, "dims": {"platform": "pexip"}}
    })
}

/// How many hindrances a workbook tells one by one.
const TOLD: usize = 50;

/// What a workbook's summary says of hindrances: how many, then each, as far as there is room.
fn hindrances(workbook: &Path) -> Vec<(String, String)> {
    let mut workbook = Xlsx::new(Cursor::new(std::fs::read(workbook).unwrap())).unwrap();
    let rows = workbook.worksheet_range("Sammanfattning").unwrap();
    let rows = rows.rows().map(|row| (row[0].to_string(), row[1].to_string()));
    rows.filter(|(title, _)| title.starts_with("Hinder")).collect()
}

#[test]
fn an_open_months_workbook_says_what_hinders_its_close_and_a_payers_says_nothing_of_it() {
    let program = Program::embedded();
    program.accept(&[meeting("2021-01-20"), meeting("2021-02-20")]);
    // A refusal and a workbook made before both months are counted need not be of the same usage.
    let months = || program.get("/v1/months")["items"].as_array().map(Vec::len);
    program.until("both months are counted", || (months() == Some(2)).then_some(()));
    let (status, refused) = program.post("/v1/months/2021-02/close", &json!({}));
    assert_eq!(status, 409, "January is open: {refused}");
    let out = program.directory().join("open");
    program.command(&["export", "2021-02", "--preliminary", "--out", out.to_str().unwrap()]);
    let told: Vec<String> = refused["blockers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|blocker| {
            let detail = blocker["detail"].as_str().unwrap();
            match (blocker["service"].as_str(), blocker["meter"].as_str()) {
                (Some(service), Some(meter)) => format!("{service}/{meter}: {detail}"),
                _ => detail.to_owned(),
            }
        })
        .collect();
    assert!(told.iter().any(|blocker| blocker.starts_with("2021-01 är inte stängd")), "{told:?}");
    let mut want = vec![("Hinder för stängning".to_owned(), told.len().to_string())];
    let more = told.len().checked_sub(TOLD).filter(|more| *more > 0).map(|more| format!("och {more} till"));
    want.extend(told.into_iter().take(TOLD).chain(more).map(|blocker| ("Hinder".to_owned(), blocker)));
    assert_eq!(hindrances(&out.join("underlag-2021-02-preliminary.xlsx")), want);
    assert_eq!(hindrances(&out.join("specifikation/KLF-2021-02-preliminary.xlsx")), []);
}

#[test]
fn an_export_without_all_files_says_which_and_fails() {
    let directory = tempfile::tempdir().unwrap();
    let mut files = catalog::linkoping();
    files.remove("kontering.toml").unwrap();
    write_catalogue(&files, directory.path());
    let program = Program::start(&format!("catalog = {:?}\n", directory.path().to_str().unwrap()));
    program.accept(&[meeting("2021-01-20")]);
    let (status, answer) = program.post("/v1/months/2021-01/close", &json!({"accept": {"gaps": "övning"}}));
    assert_eq!(status, 200, "{answer}");
    let out = program.directory().join("package");
    let lacking = program.run(&["export", "2021-01", "--out", out.to_str().unwrap()]);
    let said = String::from_utf8(lacking.stderr).unwrap();
    assert_eq!(lacking.status.code(), Some(1), "{said}");
    assert!(said.contains("SAKNAS kontering-2021-01.si: ") && said.contains("kontering.toml"), "{said}");
    assert!(out.join("underlag-2021-01.xlsx").is_file() && !out.join("kontering-2021-01.si").exists());
    let zipped = program.directory().join("package.zip");
    let lacking =
        program.run(&["export", "2021-01", "--format", "package", "--out", zipped.to_str().unwrap()]);
    assert_eq!(lacking.status.code(), Some(1));
    assert!(String::from_utf8(lacking.stderr).unwrap().contains("SAKNAS kontering-2021-01.si: "));
    let found = program.command(&["export", "verify", out.to_str().unwrap(), "--output", "csv"]);
    assert!(found.lines().skip(1).all(|line| line.ends_with(",ok")), "{found}");
    program.refused(&["export", "2021-01", "--format", "sie"], "kontering.toml");
}

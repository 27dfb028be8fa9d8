//! Linköping's catalogue with agreements that can be reckoned by hand, before and after the reorganisation.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::events::date;
use super::reckoning::AGREEMENTS;
use crate::fixtures::write_catalogue;

/// Writes the catalogue of the beginning of the year into a directory.
pub(crate) fn write(directory: &Path) {
    let mut agreements = "id;tjänst;mätare;klass;kostnadsställe;antal;från;till\n".to_owned();
    for (n, (service, meter, class, costcentre, from, to)) in AGREEMENTS.into_iter().enumerate() {
        writeln!(agreements, "AV-{n};{service};{meter};{class};{costcentre};1;{from};{to}").unwrap();
    }
    let mut files = catalog::linkoping();
    files.insert("avtal.csv", agreements);
    write_catalogue(&files, directory);
}

/// As `POST /v1/catalogue` takes it.
pub(crate) fn files(directory: &Path) -> Value {
    let files = catalog::Files::read_dir(directory).unwrap();
    let encoded = files.iter().map(|(path, bytes)| (path, data_encoding::BASE64.encode(bytes)));
    json!({ "files": encoded.collect::<BTreeMap<_, _>>() })
}

/// Moves two cost centres: Digitaliseringsstaben from KLF to SOF on a day, and a school from UAF to KLF in the middle of
/// October.
pub(crate) fn reorganise(directory: &Path, day: &str) {
    let path = directory.join("kostnadsstallen.csv");
    let mut text = fs::read_to_string(&path).unwrap();
    for (costcentre, from, to, first) in
        [("110300", "KLF", "SOF", day), ("441004", "UAF", "KLF", "2021-10-16")]
    {
        let row = text.lines().find(|line| line.starts_with(&format!("{costcentre};"))).unwrap().to_owned();
        let name = row.split(';').nth(1).unwrap();
        assert_eq!(row, format!("{costcentre};{name};{from};2019-01-01;"));
        let last = date(first).pred_opt().unwrap();
        let moved = format!("{row}{last}\n{costcentre};{name};{to};{first};");
        text = text.replace(&row, &moved);
    }
    fs::write(path, text).unwrap();
}

//! Workbooks and CSV, opened by LibreOffice and openpyxl.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::python;

/// What openpyxl runs on.
const PYTHON: python::Version = (3, 9);

/// How LibreOffice reads our CSV for Swedish Excel: semicolons, quotation marks, UTF-8, from the first line, the columns of
/// codes as text (2) and the rest as it is understood (1) in Swedish (1053), without turning quoted numbers into text.
fn csv_filter() -> String {
    let is_number =
        |field: &&str| ["quantity", "unit_price", "gross", "joint", "net", "surcharge"].contains(field);
    let columns = (1..).zip(billing::export::FIELDS);
    let formats: Vec<String> =
        columns.map(|(n, field)| format!("{n}/{}", if is_number(&field) { 1 } else { 2 })).collect();
    format!("CSV:59,34,76,1,{},1053,false,false", formats.join("/"))
}

/// Whether every cell of a month's workbooks and of its CSV for Excel, the first of each opened by others too, is what the
/// ledger says, and whether one cell that is changed is noticed; else what is not.
pub(crate) fn check(package: &Path, ledger: &Value) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let month = ledger["month"]["month"].as_str().unwrap();
    let workbook = package.join(format!("underlag-{month}.xlsx"));
    let opened = open(directory.path(), &workbook, None);
    let lines =
        open(directory.path(), &package.join(format!("rader-excel-{month}.csv")), Some(&csv_filter()));
    let specifications = std::fs::read_dir(package.join("specifikation")).unwrap();
    let specifications: Vec<PathBuf> = specifications.map(|entry| entry.unwrap().path()).collect();
    let said = directory.path().join("ledger.json");
    std::fs::write(&said, serde_json::to_vec(ledger).unwrap()).unwrap();
    let compared = [
        ("workbook", vec![workbook.clone()]),
        ("opened", vec![opened]),
        ("specification", specifications),
        ("lines", vec![lines]),
        ("noticed", vec![workbook]),
    ];
    let found = compared
        .map(|(kind, files)| compare(&said, kind, &files).err().map(|found| format!("{kind}: {found}")));
    let found: Vec<String> = found.into_iter().flatten().collect();
    if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
}

/// What LibreOffice makes of a file.
fn open(directory: &Path, file: &Path, filter: Option<&str>) -> PathBuf {
    let mut office = Command::new("soffice");
    // A profile of its own: two LibreOffices of one profile wait for each other.
    office.arg(format!("-env:UserInstallation=file://{}", directory.join("profile").display()));
    office.args(filter.map(|filter| format!("--infilter={filter}")));
    office.args(["--headless", "--convert-to", "xlsx", "--outdir"]).arg(directory).arg(file);
    let said = python::run(&mut office);
    let opened = directory.join(file.with_extension("xlsx").file_name().unwrap());
    assert!(opened.is_file(), "LibreOffice did not open {}: {said}", file.display());
    opened
}

fn compare(ledger: &Path, kind: &str, files: &[PathBuf]) -> Result<(), String> {
    let python = python::interpreter(PYTHON).unwrap();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/validators/sheets");
    let commands = python::environment("sheets", &python, &directory.join("requirements.txt"));
    let mut check = Command::new(commands.join("python"));
    check.arg(directory.join("check.py")).arg(ledger).arg(kind).args(files);
    let output = check.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(()) } else { Err(said(&output.stdout) + &said(&output.stderr)) }
}

//! What programs are given: catalogues and events.

use std::path::Path;
use std::process::Command;

use catalog::Files;
use domain::catalogue::Catalogue;
use rust_decimal::Decimal;
use serde_json::Value;

/// The catalogue that a program has when it is given none.
pub(crate) fn catalogue() -> Catalogue {
    catalog::check(&catalog::linkoping()).map(|checked| checked.catalogue).unwrap()
}

/// Writes a catalogue's files into a directory.
pub(crate) fn write_catalogue(files: &Files, directory: &Path) {
    for (path, bytes) in files.iter() {
        let file = directory.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
}

/// Writes events into a file, one in each line, as `taxameter generate` makes them.
pub(crate) fn generate(file: &Path, options: &[&str]) {
    let mut generate = Command::new(env!("CARGO_BIN_EXE_taxameter"));
    let output = generate.arg("generate").args(options).arg("--out").arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A thousandth of the usage of some months, without faults.
pub(crate) fn generate_small(file: &Path, from: &str, to: &str) {
    generate(file, &["--sample", "0.1%", "--from", from, "--to", to, "--no-faults"]);
}

/// A number as answers have it.
pub(crate) fn decimal(value: &Value) -> Decimal {
    Decimal::from_str_exact(value.as_str().unwrap_or_else(|| panic!("{value} is no decimal string"))).unwrap()
}

//! Electronic invoices as CEN, OpenPEPPOL and OASIS want them: their own rules judge what is exported.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::python;

/// What the validators run on.
const PYTHON: python::Version = (3, 11);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The documents that the crate's own tests compare with what is made.
fn golden() -> PathBuf {
    root().join("crates/billing/src/export/peppol/golden")
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Whether the validators find nothing in a document, or in all of a directory's, not even a warning; else what they say.
pub(crate) fn check(xml: &Path) -> Result<(), String> {
    let directory = root().join("tests/validators/peppol");
    let python = python::interpreter(PYTHON).unwrap();
    let commands = python::environment("peppol", &python, &directory.join("requirements.txt"));
    let output = run(Command::new(commands.join("python")).arg(directory.join("validate.py")).arg(xml));
    if output.status.success() { Ok(()) } else { Err(said(&output)) }
}

/// What the validators say of a golden document after an edit.
fn judged(file: &str, edit: impl Fn(String) -> String) -> String {
    let text = std::fs::read_to_string(golden().join(file)).unwrap();
    let spoiled = edit(text.clone());
    assert_ne!(spoiled, text, "{file} has nothing to spoil");
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(file), spoiled).unwrap();
    check(directory.path()).expect_err("a spoiled document was taken for right")
}

/// The amount of the first element with this name is an öre more.
fn an_ore_more(text: &str, name: &str) -> String {
    let begin = format!("<cbc:{name} currencyID=\"SEK\">");
    let (before, rest) = text.split_once(&begin).unwrap();
    let (amount, after) = rest.split_once('<').unwrap();
    let (kronor, ore) = amount.split_once('.').unwrap();
    let more = format!("{kronor}{ore}").parse::<i64>().unwrap() + 1;
    format!("{before}{begin}{}.{:02}<{after}", more / 100, more % 100)
}

#[test]
fn golden_documents_have_no_error_and_no_warning() {
    check(&golden()).unwrap_or_else(|findings| panic!("{findings}"));
}

#[test]
fn spoiled_documents_are_refused_for_what_was_spoiled() {
    for file in ["invoice.xml", "credit-note.xml"] {
        for (name, rule) in [
            ("PayableAmount", "BR-CO-16"),
            ("TaxInclusiveAmount", "BR-CO-15"),
            ("TaxExclusiveAmount", "BR-CO-13"),
            ("TaxAmount", "BR-CO-14"),
        ] {
            let findings = judged(file, |text| an_ore_more(&text, name));
            assert!(findings.contains(rule), "{file} {name}: {findings}");
        }
        let percent = |text: String| text.replace("<cbc:Percent>25<", "<cbc:Percent>24<");
        assert!(judged(file, percent).contains("SE-R-006"), "24 % is no Swedish rate");
        let number = |text: String| text.replace("2120000449<", "2120000440<");
        assert!(judged(file, number).contains("SE-R-013"), "a check digit is wrong");
        let order = |text: String| {
            let id = text.lines().find(|line| line.starts_with("  <cbc:ID>")).unwrap();
            text.replacen(&format!("{id}\n"), "", 1)
                .replace("  <cbc:DocumentCurrencyCode>", &format!("{id}\n  <cbc:DocumentCurrencyCode>"))
        };
        assert!(judged(file, order).contains("XSD: "), "the number stands too late");
    }
}

#[test]
fn nothing_is_not_taken_for_right() {
    let directory = tempfile::tempdir().unwrap();
    assert!(check(directory.path()).is_err_and(|findings| findings.contains("no document")));
}

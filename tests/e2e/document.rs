//! The OpenAPI document and the program say the same: Schemathesis makes requests from the one and puts them to the other.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::program::Program;
use crate::python;

/// Each operation is asked so many random requests, besides the some hundred that follow from the document alone.
const EXAMPLES: &str = "12";
const SEED: &str = "20210315";

/// The operations on single keys: they may end the one that is used here.
const KEYS: &str = "^/v1/keys/";

/// The command, in a virtual environment of its own in the target directory.
fn schemathesis() -> PathBuf {
    let wanted = root().join("tests/schemathesis/requirements.txt");
    let python = python::interpreter((3, 10)).unwrap_or_else(|missing| panic!("{missing}"));
    python::environment("schemathesis", &python, &wanted).join("schemathesis")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Puts requests to the operations on single keys, or to all others, in a directory that takes what the tool writes.
fn ask(program: &Program, key: &str, which: &str) {
    let directory = tempfile::tempdir().unwrap();
    let examples = ["--phases", "examples,coverage,fuzzing", "--seed", SEED, "--max-examples", EXAMPLES];
    python::run(
        Command::new(schemathesis())
            .arg("--config-file")
            .arg(root().join("tests/schemathesis/schemathesis.toml"))
            .arg("run")
            .arg(root().join("schemas/openapi/taxameter.json"))
            .args(["--url", program.url(), "--header", &format!("Authorization: Bearer {key}")])
            .args(examples)
            .args(["--no-shrink", "--warnings", "off", which, KEYS])
            .current_dir(directory.path()),
    );
}

/// Some usage in each of the first months of a year, and something in the quarantine.
fn usage(number: usize) -> Value {
    let quantity = if number.is_multiple_of(10) { "-1" } else { "0.954167" };
    json!({
        "specversion": "1.0", "id": format!("document-{number}"), "source": "/lkdata/collector/pexip/mgr1",
        "type": "se.linkoping.lkdata.usage.meeting.participation.v1", "subject": "room:kb-101",
        "time": format!("2021-{:02}-15T09:00:12+01:00", number % 5 + 1), "dataschema": "urn:lkdata:schema:usage:1",
        "data": {"service": "e-moten", "meter": "participant_hour", "quantity": quantity, "unit": "h",
            "customer": {"kind": "forvaltning", "code": "KLF", "costcentre": "110200"}, "dims": {"platform": "pexip"}}
    })
}

#[test]
fn no_answer_differs_from_the_document_whatever_is_asked() {
    let program = Program::start("[limits]\nrequests_per_second = 100000\nrequests_burst = 100000\n");
    let events: Vec<Value> = (0..50).map(usage).collect();
    let (status, answer) = program.post("/v1/events", &Value::Array(events));
    assert_eq!((status, &answer["accepted"]), (202, &json!(45)), "{answer}");
    program.until("the months are there", || (program.list("/v1/months").len() >= 5).then_some(()));
    let key = program.command(&["keys", "create", "Drift", "--role", "admin"]).trim().to_owned();
    ask(&program, &key, "--exclude-path-regex");
    // Last, since a key that is taken from the list of keys may be the one that is used here.
    ask(&program, &key, "--include-path-regex");
    program.until("it still answers", || (program.ask("/livez").0 == 200).then_some(()));
    let log = std::fs::read_to_string(program.data().with_file_name("log")).unwrap();
    assert!(!log.contains("panicked"), "a request made the program panic; its log says where");
}

//! The schema, the examples, the page about codes and the intake say the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use collect::{Answer, Mode, Principal};
use domain::Code;

use crate::support::{Stand, now};

/// Codes whose examples the schema may let through: they need the catalogue, a clock, the bytes, or two fields together.
const BEYOND_THE_SCHEMA: [Code; 16] = [
    Code::InvalidJson,
    Code::DuplicateKey,
    Code::EventTooLarge,
    Code::InvalidTime,
    Code::TimeInFuture,
    Code::BeforeServiceStart,
    Code::WrongUnit,
    Code::NegativeQuantity,
    Code::MissingDimension,
    Code::UnknownDimensionValue,
    Code::InvalidDay,
    Code::InvalidInterval,
    Code::InvalidCount,
    Code::TypeNotOfMeter,
    Code::MeterTakesNoEvents,
    Code::PersonalData,
];

/// Codes that no event's bytes can cause: they need a sender with a key, or the aggregator.
const WITHOUT_EXAMPLE: [Code; 5] =
    [Code::SourceNotAllowed, Code::Conflict, Code::TooOld, Code::Misrouted, Code::Undecodable];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/events")
}

/// The names, without `.json`, and bytes of the examples of a folder.
fn examples(folder: &str) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(directory().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut examples: Vec<(String, Vec<u8>)> = files
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap()))
        .collect();
    examples.sort();
    assert!(!examples.is_empty(), "{folder}");
    examples
}

fn code(name: &str) -> Code {
    let code = name.split("--").next().unwrap();
    Code::from_name(code).unwrap_or_else(|| panic!("{name}.json is named after no code"))
}

fn schema() -> jsonschema::Validator {
    let text = std::fs::read(directory().join("usage-event.schema.json")).unwrap();
    let schema = serde_json::from_slice(&text).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// What the schema finds wrong; what is not JSON is wrong.
fn faults(schema: &jsonschema::Validator, bytes: &[u8]) -> Vec<String> {
    match serde_json::from_slice(bytes) {
        Ok(value) => {
            schema.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
        }
        Err(error) => vec![error.to_string()],
    }
}

async fn stand() -> Stand {
    Stand::with(catalog::check(&catalog::linkoping()).unwrap().catalogue).await
}

async fn accept(stand: &Stand, bytes: &[u8]) -> Answer {
    stand.intake.accept(&[bytes], now(), &Principal::Anyone, Mode::Each).await.unwrap()
}

#[tokio::test]
async fn every_valid_example_passes_the_schema_and_the_intake() {
    let (schema, stand) = (schema(), stand().await);
    for (name, bytes) in examples("valid") {
        assert_eq!(faults(&schema, &bytes), Vec::<String>::new(), "{name}");
        assert_eq!(accept(&stand, &bytes).await, Answer { accepted: 1, ..Answer::default() }, "{name}");
    }
}

#[tokio::test]
async fn every_parked_example_passes_the_schema_and_is_parked_with_the_code_of_its_name() {
    let (schema, stand) = (schema(), stand().await);
    for (name, bytes) in examples("parked") {
        assert_eq!(faults(&schema, &bytes), Vec::<String>::new(), "{name}");
        assert_eq!(
            accept(&stand, &bytes).await,
            Answer { accepted: 1, parked: 1, ..Answer::default() },
            "{name}"
        );
        assert_eq!(stand.quarantined().await.last().unwrap()["code"], code(&name).name(), "{name}");
    }
}

#[tokio::test]
async fn every_invalid_example_is_rejected_with_the_code_of_its_name() {
    let (schema, stand) = (schema(), stand().await);
    for (name, bytes) in examples("invalid") {
        let answer = accept(&stand, &bytes).await;
        let codes: Vec<Code> = answer.rejected.iter().map(|rejected| rejected.rejection.code).collect();
        assert_eq!(codes, [code(&name)], "{name}: {answer:?}");
        let has_faults = !faults(&schema, &bytes).is_empty();
        assert!(has_faults || BEYOND_THE_SCHEMA.contains(&code(&name)), "the schema lets {name} through");
    }
}

#[test]
fn every_code_that_bytes_can_cause_has_an_example() {
    let names = examples("invalid").into_iter().chain(examples("parked"));
    let with_example: BTreeSet<Code> = names.map(|(name, _)| code(&name)).collect();
    let without: Vec<Code> = Code::ALL.into_iter().filter(|code| !with_example.contains(code)).collect();
    assert_eq!(without, WITHOUT_EXAMPLE);
}

#[test]
fn the_page_explains_every_code_in_order() {
    let page = std::fs::read_to_string(directory().join("README.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let names: Vec<String> = Code::ALL.iter().map(|code| format!("`{}`", code.name())).collect();
    assert_eq!(rows.iter().map(|row| row[0].to_owned()).collect::<Vec<_>>(), names);
    assert!(rows.iter().all(|row| row.len() == 3 && row.iter().all(|cell| !cell.is_empty())));
}

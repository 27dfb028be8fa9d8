//! The usage log gets more partitions, or is another one.

#[cfg(feature = "testkit")]
#[path = "generations/standstill.rs"]
mod standstill;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::program::Program;

fn meeting(id: &str, costcentre: &str, quantity: &str, more: &[(&str, Value)]) -> Value {
    let mut event = json!({
        "specversion": "1.0", "id": id, "source": "/lkdata/collector/pexip/mgr1",
        "type": "se.linkoping.lkdata.usage.meeting.participation.v1", "subject": "room:kb-101",
        "time": "2021-03-15T09:00:12+01:00", "dataschema": "urn:lkdata:schema:usage:1",
        "data": {"service": "e-moten", "meter": "participant_hour", "quantity": quantity, "unit": "h",
            "customer": {"kind": "forvaltning", "code": "KLF", "costcentre": costcentre}, "dims": {"platform": "pexip"}}
    });
    for (name, value) in more {
        event["data"][name] = value.clone();
    }
    event
}

/// (cost centre, quantity) of March.
fn march(program: &Program) -> Vec<(String, String)> {
    let items = program
        .list("/v1/usage?from=2021-03&to=2021-03&group_by=month,service,meter,costcentre&service=e-moten");
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    items.iter().map(|item| (text(item, "costcentre"), text(item, "quantity"))).collect()
}

fn until_march(program: &Program, want: &[(&str, &str)]) {
    let want: Vec<_> = want.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let look = |seen: &mut Vec<(String, String)>| {
        *seen = march(program);
        *seen == want
    };
    program.until_or("the usage of March", look, &mut Vec::new());
}

fn begin(directory: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_taxameter"))
        .args(["generation", "begin", "--config", "taxameter.toml", "--data", "data"])
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn from_4_to_64_partitions(mut program: Program) {
    let ids: Vec<String> = (0..40).map(|n| format!("m{n}")).collect();
    program.accept(&ids.iter().map(|id| meeting(id, "110200", "1", &[])).collect::<Vec<_>>());
    until_march(&program, &[("110200", "40")]);
    program.while_stopped(|directory| {
        let (done, text) = begin(directory, &["--why", "fewer", "--partitions", "3"]);
        assert!(!done && text.contains("has 4 partitions, not 3"), "{text}");
        let (done, text) = begin(directory, &["--why", "more owners", "--partitions", "64"]);
        assert!(done && text.contains("generation 2 of the usage log begins: 64 partitions"), "{text}");
    });
    let retracted = [("seq", json!(1)), ("retracted", json!(true))];
    program.accept(&ids.iter().map(|id| meeting(id, "110200", "1", &[])).collect::<Vec<_>>());
    program.accept(&[
        meeting("m1", "110300", "2.5", &[("seq", json!(1))]),
        meeting("m2", "110200", "1", &retracted),
        meeting("new", "110200", "1", &[]),
    ]);
    until_march(&program, &[("110200", "39"), ("110300", "2.5")]);
}

#[test]
fn an_embedded_log_goes_from_4_to_64_partitions_and_knows_what_came_before() {
    from_4_to_64_partitions(Program::embedded());
}

#[cfg(feature = "testkit")]
#[test]
fn a_topic_of_kafka_goes_from_4_to_64_partitions_and_what_came_before_is_known() {
    let cluster = eventlog::testkit::kafka::Cluster::start(1).unwrap();
    let brokers = cluster.brokers();
    from_4_to_64_partitions(Program::start(&format!(
        "[kafka]\nbrokers = \"{brokers}\"\ntopic_prefix = \"generations.\"\npartitions = 4\nreplication = 1\n"
    )));
}

/// An embedded log is left for Kafka: what it has is counted first, and known afterwards.
#[cfg(feature = "testkit")]
#[test]
fn an_embedded_log_is_followed_by_kafka() {
    let cluster = eventlog::testkit::kafka::Cluster::start(1).unwrap();
    let kafka = format!(
        "[kafka]\nbrokers = \"{}\"\ntopic_prefix = \"follows.\"\npartitions = 4\nreplication = 1\n",
        cluster.brokers()
    );
    let mut program = Program::embedded();
    program.accept(&[meeting("a", "110200", "1", &[]), meeting("b", "110200", "1", &[])]);
    until_march(&program, &[("110200", "2")]);
    // A decision: it is known by its offset in the control log, which goes along.
    let preliminary = |program: &Program| program.post("/v1/months/2021-03/preliminary", &json!({}));
    assert_eq!(preliminary(&program).0, 200);
    program.while_stopped(|directory| {
        std::fs::write(directory.join("taxameter.toml"), &kafka).unwrap();
        let (done, text) = begin(directory, &["--why", "more machines"]);
        assert!(done && text.contains("generation 2"), "{text}");
    });
    program.accept(&[
        meeting("a", "110200", "1", &[]),
        meeting("b", "110300", "3", &[("seq", json!(1))]),
        meeting("c", "110200", "1", &[]),
    ]);
    until_march(&program, &[("110200", "2"), ("110300", "3")]);
    let months = program.get("/v1/months");
    assert_eq!(months["items"][0]["state"], "preliminary", "{months}");
    let (status, answer) = preliminary(&program);
    assert_eq!(status, 200, "{answer}");
}

/// The disk of the log is lost, that of the store is not: what was counted stays, and is known.
#[test]
fn a_log_that_is_lost_is_followed_by_an_empty_one() {
    let mut program = Program::embedded();
    program.accept(&[meeting("a", "110200", "1", &[]), meeting("b", "110200", "1", &[])]);
    until_march(&program, &[("110200", "2")]);
    assert_eq!(program.post("/v1/months/2021-03/preliminary", &json!({})).0, 200);
    program.while_stopped(|directory| {
        std::fs::remove_dir_all(directory.join("data/log")).unwrap();
        let (done, text) = begin(directory, &["--why", "the disk was lost"]);
        assert!(!done && text.contains("say that it is gone for good"), "{text}");
        let (done, text) = begin(directory, &["--why", "the disk was lost", "--old-log-is-gone"]);
        assert!(done && text.contains("generation 2"), "{text}");
    });
    program.accept(&[
        meeting("a", "110200", "1", &[]),
        meeting("b", "110300", "3", &[("seq", json!(1))]),
        meeting("c", "110200", "1", &[]),
    ]);
    until_march(&program, &[("110200", "2"), ("110300", "3")]);
    let months = program.get("/v1/months");
    assert_eq!(months["items"][0]["state"], "preliminary", "{months}");
    let (status, answer) = program.post("/v1/months/2021-03/close", &json!({"accept": {"gaps": "test"}}));
    assert_eq!(status, 200, "{answer}");
}

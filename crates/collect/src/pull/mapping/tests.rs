use std::sync::LazyLock;

use serde_json::{Value, json};

use super::*;

/// Linköping's.
static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| catalog::check(&catalog::linkoping()).unwrap().catalogue);

struct World {
    _directory: tempfile::TempDir,
    keys: Keys,
}

fn world() -> World {
    let directory = tempfile::tempdir().unwrap();
    let keys = Keys::new(directory.path(), || Ok([7; 32]));
    World { _directory: directory, keys }
}

fn event_at(mapping: &str, record: &[(&str, &str)], at: &str, is_state: bool) -> Option<Value> {
    let mapping: Mapping = toml::from_str(mapping).unwrap();
    let world = world();
    let making = Making {
        source: "/lkdata/collector/ad/lkdata.test",
        kind: "ldap",
        at: Instant::parse_rfc3339(at).unwrap(),
        is_state,
        catalogue: &CATALOGUE,
        keys: &world.keys,
    };
    let record = record.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let meter = CATALOGUE.meter(&mapping.service, &mapping.meter).unwrap();
    let made = mapping.event(&record, meter, &making).unwrap()?;
    Some(serde_json::from_slice(&made.bytes).unwrap())
}

fn event(mapping: &str, record: &[(&str, &str)]) -> Value {
    event_at(mapping, record, "2021-03-15T02:00:00+01:00", true).unwrap()
}

const ACCOUNT: &str = r#"
    service = "it-bastjanst-konto"
    meter = "account"
    id = ["objectGUID"]
    subject = { pseudonym = ["objectGUID"] }
    costcentre = { field = "extensionAttribute1" }
    dimensions = { class = { field = "employeeType", values = { Elev = "pupil" }, otherwise = "staff" } }
    only = [{ field = "employeeType", is_not = ["Robot"] }]
"#;

#[test]
fn an_account_becomes_the_event_that_its_directory_could_have_sent() {
    let record = [("objectGUID", "9f3c"), ("extensionAttribute1", "441001"), ("employeeType", "Elev")];
    let event = event(ACCOUNT, &record);
    let subject = event["subject"].as_str().unwrap();
    assert!(subject.starts_with("ps_") && subject.len() == 29, "{subject}");
    assert!(event["id"].as_str().unwrap().starts_with("2021-03-15:"), "{event}");
    let want = json!({
        "specversion": "1.0", "id": event["id"], "source": "/lkdata/collector/ad/lkdata.test",
        "type": "se.linkoping.lkdata.usage.account.snapshot.v1", "subject": subject,
        "time": "2021-03-15T01:00:00Z", "dataschema": "urn:lkdata:schema:usage:1",
        "data": {
            "service": "it-bastjanst-konto", "meter": "account", "quantity": "1", "unit": "account",
            "customer": { "kind": "forvaltning", "code": "UAF", "costcentre": "441001" },
            "dims": { "class": "pupil" }, "day": "2021-03-15",
        },
    });
    assert_eq!(event, want);
}

#[test]
fn an_event_has_the_same_id_when_it_is_made_again_and_another_on_another_day() {
    let record = [("objectGUID", "9f3c"), ("extensionAttribute1", "441001")];
    let id = |at: &str| event_at(ACCOUNT, &record, at, true).unwrap()["id"].clone();
    assert_eq!(id("2021-03-15T02:00:00+01:00"), id("2021-03-15T01:00:00Z"));
    assert_ne!(id("2021-03-15T02:00:00+01:00"), id("2021-03-16T02:00:00+01:00"));
    // December gathered again in January is December's.
    let subject = |at: &str| event_at(ACCOUNT, &record, at, true).unwrap()["subject"].clone();
    assert_eq!(subject("2021-12-31T23:00:00+01:00"), subject("2021-01-01T00:00:00+01:00"));
}

#[test]
fn what_a_condition_leaves_out_makes_no_event() {
    assert_eq!(
        event_at(ACCOUNT, &[("objectGUID", "1"), ("employeeType", "Robot")], "2021-03-15T02:00:00Z", true),
        None
    );
}

#[test]
fn who_has_no_cost_centre_is_counted_under_one_that_nobody_owns() {
    let costcentre = |value: &str| {
        event(ACCOUNT, &[("objectGUID", "9f3c"), ("extensionAttribute1", value)])["data"]["customer"]["costcentre"].clone()
    };
    assert_eq!(costcentre("441001"), "441001");
    for value in ["", "Barn och ungdom", "441 001", "åäö"] {
        assert_eq!(costcentre(value), NO_COSTCENTRE, "{value:?}");
    }
    // One that looks right is somebody's, even if the catalogue does not know it yet.
    assert_eq!(costcentre("999999"), "999999");
}

#[test]
fn a_cost_centre_can_be_that_of_the_longest_path() {
    let mapping = r#"
        service = "chromebook"
        meter = "device"
        id = ["deviceId"]
        subject = { pseudonym = ["deviceId"] }
        costcentre = { field = "orgUnitPath", by_prefix = true, values = { "/Skola" = "441001", "/Skola/A" = "441002" } }
    "#;
    let costcentre = |path: &str| {
        event(mapping, &[("deviceId", "1"), ("orgUnitPath", path)])["data"]["customer"]["costcentre"].clone()
    };
    assert_eq!(costcentre("/Skola/A/7b"), "441002");
    assert_eq!(costcentre("/Skola/B"), "441001");
    assert_eq!(costcentre("/Annat"), NO_COSTCENTRE);
    // Another school, whose name begins with the same letters.
    assert_eq!(costcentre("/Skola/A2/7b"), "441001");
    assert_eq!(costcentre("/Skolan"), NO_COSTCENTRE);
}

#[test]
fn a_prefix_ends_where_a_part_of_a_path_does_and_anywhere_in_what_is_no_path() {
    for (value, prefix, want) in [
        ("/UAF/Skola 1", "/UAF/Skola 1", true),
        ("/UAF/Skola 1/7b", "/UAF/Skola 1", true),
        ("/UAF/Skola 1/7b", "/UAF/", true),
        ("/UAF/Skola 10/7b", "/UAF/Skola 1", false),
        ("/UAF", "/", true),
        ("/UAF", "", true),
        ("uaf-skola-10", "uaf-skola-1", true),
        ("klf", "uaf", false),
    ] {
        assert_eq!(begins_with(value, prefix), want, "{value} {prefix}");
    }
}

const PARTICIPATION: &str = r#"
    service = "e-moten"
    meter = "participant_hour"
    id = ["call", "participant"]
    subject = { pseudonym = ["participant"] }
    costcentre = { field = "ansvar" }
    quantity = { field = "seconds", divide_by = 3600 }
    time = "start"
    measured = ["start", "end"]
    seq = "version"
    dimensions = { meeting = { field = "call", pseudonym = true }, platform = { otherwise = "teams" } }
"#;

#[test]
fn a_call_has_its_own_time_and_its_version() {
    let record = [
        ("call", "e9883f1d"),
        ("participant", "p1"),
        ("ansvar", "110200"),
        ("seconds", "3435"),
        ("start", "2021-01-15T08:00:12Z"),
        ("end", "2021-01-15T08:57:27Z"),
        ("version", "3"),
    ];
    let event = event_at(PARTICIPATION, &record, "2021-01-15T12:00:00Z", false).unwrap();
    let data = &event["data"];
    assert_eq!(event["time"], "2021-01-15T08:00:12Z");
    assert_eq!([&data["quantity"], &data["measured_to"]], ["0.954167", "2021-01-15T08:57:27Z"]);
    assert_eq!(data["seq"], 3);
    assert_eq!(data["dims"]["platform"], "teams");
    assert!(data["dims"]["meeting"].as_str().unwrap().starts_with("ps_"));
    assert_eq!(data.get("day"), None);
    // The turn that it is found in is no part of what it is.
    let later = event_at(PARTICIPATION, &record, "2021-01-16T12:00:00Z", false).unwrap();
    assert_eq!(later, event);
}

#[test]
fn what_a_record_lacks_is_left_for_the_intake_to_refuse() {
    let event =
        event_at(PARTICIPATION, &[("seconds", "many"), ("start", "soon")], "2021-01-15T12:00:00Z", false)
            .unwrap();
    assert_eq!(event["time"], "soon");
    assert_eq!(event["data"]["quantity"], "many");
    let other =
        event_at(PARTICIPATION, &[("seconds", "some"), ("start", "soon")], "2021-01-15T12:00:00Z", false)
            .unwrap();
    assert_ne!(event["id"], other["id"]);
}

#[test]
fn quantities_are_exact_and_rounded_once() {
    let amount = |text: &str, times: Option<&str>, divide_by: Option<u64>| {
        let amount = Amount { field: "f".to_owned(), times: times.map(|_| "t".to_owned()), divide_by };
        let mut record = Record::from([("f".to_owned(), text.to_owned())]);
        record.extend(times.map(|times| ("t".to_owned(), times.to_owned())));
        amount.of(&record)
    };
    assert_eq!(amount("1834217984512", None, Some(1_000_000_000)), "1834.217985");
    assert_eq!(amount("1.834217984512e+12", None, Some(1_000_000_000)), "1834.217985");
    assert_eq!(amount("12", Some("3"), None), "36");
    assert_eq!(amount("0,5", None, None), "0.5");
    assert_eq!(amount("-1", None, Some(3)), "-0.333333");
    assert_eq!(amount("0.0000005", None, None), "0.000001");
    for wrong in ["", "NaN", "1e400", "1 000", "x"] {
        assert_eq!(amount(wrong, None, Some(2)), wrong);
    }
}

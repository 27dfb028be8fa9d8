//! Keys: whoever has none is not answered, and each role may do what it is for.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::program::Program;

const PEXIP: &str = "/lkdata/collector/pexip/mgr1";

fn meeting(id: &str, source: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": source,
        "type": "se.linkoping.lkdata.usage.meeting.participation.v1", "subject": "room:kb-101",
        "time": "2021-03-15T09:00:12+01:00", "dataschema": "urn:lkdata:schema:usage:1",
        "data": {"service": "e-moten", "meter": "participant_hour", "quantity": "1", "unit": "h",
            "customer": {"kind": "forvaltning", "code": "KLF", "costcentre": "110200"}, "dims": {"platform": "pexip"}}
    })
}

/// What is asked with a key, and how it was answered.
struct Caller<'p> {
    program: &'p Program,
    key: String,
    http: reqwest::blocking::Client,
}

impl<'p> Caller<'p> {
    fn new(program: &'p Program, key: &str) -> Self {
        let http = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
        Self { program, key: key.to_owned(), http }
    }

    fn get(&self, path: &str) -> u16 {
        self.http
            .get(format!("{}{path}", self.program.url()))
            .bearer_auth(&self.key)
            .send()
            .unwrap()
            .status()
            .as_u16()
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.program.url());
        let answer = self.http.post(url).bearer_auth(&self.key).json(body).send().unwrap();
        (answer.status().as_u16(), answer.json().unwrap_or(Value::Null))
    }

    fn make(&self, name: &str, role: &str, sources: &[&str]) -> (String, String) {
        let (status, made) = self.post("/v1/keys", &json!({"name": name, "role": role, "sources": sources}));
        assert_eq!(status, 200, "{made}");
        (made["id"].as_str().unwrap().to_owned(), made["key"].as_str().unwrap().to_owned())
    }
}

/// The program on a data directory, where it cannot listen on the loopback interface only.
fn open_to_all(directory: &Path) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_taxameter"))
        .args(["serve", "--config", "taxameter.toml", "--data", "data", "--listen", "0.0.0.0:0"])
        .current_dir(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_key_makes_no_more_requests_than_it_may() {
    let program = Program::start("[limits]\nrequests_per_second = 1\nrequests_burst = 5\n");
    let first = program.command(&["keys", "create", "Drift", "--role", "admin"]).trim().to_owned();
    let admin = Caller::new(&program, &first);
    let answers: Vec<u16> = (0..8).map(|_| admin.get("/v1/services")).collect();
    assert_eq!(answers[..5], [200; 5], "{answers:?}");
    assert!(answers.contains(&429), "{answers:?}");
    let answer = admin.http.get(format!("{}/v1/services", program.url())).bearer_auth(&first).send().unwrap();
    assert!(answer.headers()["ratelimit-policy"].to_str().unwrap().contains("q=5"), "{answer:?}");
    assert!(answer.headers().contains_key("ratelimit") && admin.get("/readyz") == 200);
}

#[test]
fn with_keys_everybody_is_asked_for_one_and_may_do_what_its_role_is_for() {
    let mut program = Program::embedded();
    program.while_stopped(|directory| {
        let output = open_to_all(directory).wait_with_output().unwrap();
        assert!(!output.status.success() && said(&output).contains("there are no keys"), "{}", said(&output));
    });
    let (status, answer) = program.post("/v1/keys", &json!({"name": "x", "role": "auditor"}));
    assert_eq!(
        (status, &answer["code"]),
        (409, &json!("key_refused")),
        "the first key is an administrator's"
    );
    let first = program.command(&["keys", "create", "Drift", "--role", "admin"]).trim().to_owned();
    assert!(first.starts_with("tm_"), "{first}");

    let nobody = Caller::new(&program, "tm_00000000_x");
    assert_eq!((nobody.get("/v1/months"), nobody.get("/"), nobody.get("/readyz")), (401, 401, 200));
    let answer = nobody.http.get(format!("{}/v1/months", program.url())).send().unwrap();
    assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer realm="));
    let admin = Caller::new(&program, &first);
    assert_eq!(admin.get("/v1/months"), 200);

    let (_, sender) = admin.make("Pexip", "collector", &[PEXIP]);
    let (reader_id, reader) = admin.make("Revision", "auditor", &[]);
    let (_, finance) = admin.make("Ekonomi", "finance", &[]);
    let sender = Caller::new(&program, &sender);
    let (status, answer) =
        sender.post("/v1/events", &json!([meeting("a", PEXIP), meeting("b", "/lkdata/collector/other")]));
    assert_eq!((status, &answer["accepted"]), (202, &json!(1)));
    assert_eq!(answer["rejected"][0]["code"], "source_not_allowed", "{answer}");
    let count = |source: &str| {
        sender
            .post("/v1/reconciliation/counts", &json!({"source": source, "day": "2021-03-15", "count": 1}))
            .0
    };
    assert_eq!(
        (count(PEXIP), count("/lkdata/collector/other")),
        (200, 403),
        "a sender speaks for its own sources"
    );
    assert_eq!((sender.get("/v1/charges?month=2021-03"), sender.get("/metrics")), (403, 403));
    assert_eq!(sender.post("/api/v1/events", &json!([meeting("a", PEXIP)])).0, 204);
    let reader = Caller::new(&program, &reader);
    assert_eq!((reader.get("/v1/months"), reader.post("/v1/months/2021-03/close", &json!({})).0), (200, 403));
    assert_eq!(reader.post("/v1/events", &json!([meeting("c", PEXIP)])).0, 403);
    let finance = Caller::new(&program, &finance);
    program.until("the month is there", || {
        (finance.post("/v1/months/2021-03/preliminary", &json!({})).0 == 200).then_some(())
    });
    assert_eq!((finance.get("/v1/keys"), finance.post("/v1/catalogue", &json!({})).0), (403, 403));

    // Both keys hold while one takes the place of the other; a revoked one ends at once.
    let (status, rotated) = admin.post(&format!("/v1/keys/{reader_id}/rotate"), &json!({"keep_hours": 1}));
    assert_eq!(status, 200, "{rotated}");
    let successor = Caller::new(&program, rotated["key"].as_str().unwrap());
    assert_eq!((reader.get("/v1/months"), successor.get("/v1/months")), (200, 200));
    assert_eq!(admin.post(&format!("/v1/keys/{reader_id}/revoke"), &json!({})).1["state"], "revoked");
    assert_eq!((reader.get("/v1/months"), successor.get("/v1/months")), (401, 200));
    let admin_id = first.split('_').nth(1).unwrap();
    assert_eq!(admin.post(&format!("/v1/keys/{admin_id}/revoke"), &json!({})).1["code"], "key_refused");

    // They hold after a restart, for a program that everybody can reach, and no secret was written down anywhere.
    let keys = [&sender.key, &reader.key, &finance.key, &successor.key, &first].map(Clone::clone);
    program.while_stopped(|directory| {
        let mut child = open_to_all(directory);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("http://0.0.0.0:"), "{line}");
        child.kill().unwrap();
        child.wait().unwrap();
        let log = std::fs::read_to_string(directory.join("log")).unwrap();
        assert!(keys.iter().all(|key| !log.contains(key.as_str())), "a key stands in the log");
    });
    let admin = Caller::new(&program, &first);
    assert_eq!((admin.get("/v1/months"), Caller::new(&program, &keys[1]).get("/v1/months")), (200, 401));
    let audit = admin
        .http
        .get(format!("{}/v1/audit", program.url()))
        .bearer_auth(&first)
        .send()
        .unwrap()
        .text()
        .unwrap();
    assert!(audit.contains("key.rotate") && audit.contains("key.revoke"), "{audit}");
    assert!(keys.iter().all(|key| !audit.contains(key.as_str())), "a key stands in the audit log");
    // Each decision is its key's; the first was made where no key is asked for.
    let audit: Value = serde_json::from_str(&audit).unwrap();
    let asked = |action: &str| -> Vec<&Value> {
        let records = audit["items"].as_array().unwrap().iter();
        records.filter(|record| record["action"] == action).map(|record| &record["asked_by"]).collect()
    };
    let admin_key = format!("key {admin_id}");
    let finance_key = format!("key {}", keys[2].split('_').nth(1).unwrap());
    let created = asked("key.create");
    // One that was refused, and the administrator's.
    assert!(created[..2].iter().all(|by| *by == "local"), "{audit}");
    assert!(created.len() == 5 && created[2..].iter().all(|by| **by == admin_key), "{audit}");
    assert_eq!(
        (asked("key.revoke")[0], asked("month.preliminary")[0]),
        (&json!(admin_key), &json!(finance_key))
    );
}

//! Where counting goes on is known from the store, never from Kafka's consumer group.

use eventlog::testkit::kafka::Cluster;
use serde_json::{Value, json};

use crate::program::Program;

/// The consumer group of the aggregators, with the prefix of the installation.
const GROUP: &str = "groups.taxameter-aggregate";

fn meeting(n: usize) -> Value {
    json!({
        "specversion": "1.0", "id": format!("m{n}"), "source": "/lkdata/collector/pexip/mgr1",
        "type": "se.linkoping.lkdata.usage.meeting.participation.v1", "subject": "room:kb-101",
        "time": "2021-03-15T09:00:12+01:00", "dataschema": "urn:lkdata:schema:usage:1",
        "data": {"service": "e-moten", "meter": "participant_hour", "quantity": "0.25", "unit": "h",
            "customer": {"kind": "forvaltning", "code": "KLF", "costcentre": "110200"}, "dims": {"platform": "pexip"}}
    })
}

fn until_hours(program: &Program, want: &str) {
    let look = |seen: &mut Value| {
        *seen = program.get("/v1/usage?from=2021-03&to=2021-03&group_by=month,service,meter&service=e-moten");
        let mut items = seen["items"].as_array().into_iter().flatten();
        items.any(|item| item["meter"] == "participant_hour" && item["quantity"] == want)
    };
    program.until_or("the hours of March", look, &mut Value::Null);
}

/// (metered, duplicate) in the books of today, whenever today is where the test runs.
#[expect(clippy::disallowed_methods, reason = "the books are kept by the day of receipt, which is today")]
fn judged(program: &Program) -> (u64, u64) {
    let today = chrono::Utc::now().date_naive();
    let (yesterday, tomorrow) = (today - chrono::Days::new(1), today + chrono::Days::new(1));
    let books = program.list(&format!("/v1/reconciliation?from={yesterday}&to={tomorrow}"));
    let sum = |name: &str| books.iter().map(|day| day[name].as_u64().unwrap()).sum();
    (sum("metered"), sum("duplicate"))
}

#[test]
fn a_group_that_is_deleted_or_reset_to_the_beginning_changes_no_total() {
    let cluster = Cluster::start(1).unwrap();
    let mut program = Program::start(&format!(
        "[kafka]\nbrokers = \"{}\"\ntopic_prefix = \"groups.\"\npartitions = 4\nreplication = 1\n",
        cluster.brokers()
    ));
    program.accept(&(0..400).map(meeting).collect::<Vec<_>>());
    until_hours(&program, "100");

    program.while_stopped(|_| cluster.delete_group(GROUP).unwrap());
    program.accept(&[meeting(400)]);
    until_hours(&program, "100.25");
    assert_eq!(judged(&program), (401, 0));

    program.while_stopped(|_| cluster.reset_group(GROUP, "groups.usage", 4).unwrap());
    program.accept(&[meeting(401)]);
    until_hours(&program, "100.5");
    assert_eq!(judged(&program), (402, 0));
}

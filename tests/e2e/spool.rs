//! A real broker goes away, the program goes on taking events, and is killed with them in its spool: all that it
//! acknowledged is on the log afterwards, in order, and counted once.

use std::collections::BTreeMap;
use std::sync::Arc;

use eventlog::kafka::KafkaLog;
use eventlog::prefixed::Prefixed;
use eventlog::testkit::kafka::Cluster;
use eventlog::{EventLog, Header, Kind, Record, Stored, topic, wire};
use serde_json::{Value, json};

use crate::program::Program;

const PARTITIONS: u32 = 3;
/// The events that are revised all the time, so that their order shows.
const IDS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A revision of an event; its quantity is its number and one more.
fn revision(id: &str, seq: u64) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/spool",
        "type": "se.linkoping.lkdata.usage.meeting.participation.v1",
        "subject": "room:kb-101", "time": "2021-01-15T09:00:12+01:00", "dataschema": "urn:lkdata:schema:usage:1",
        "data": {
            "service": "e-moten", "meter": "participant_hour", "quantity": (seq + 1).to_string(), "unit": "h",
            "customer": {"kind": "forvaltning", "code": "KLF", "costcentre": "110200"},
            "dims": {"platform": "pexip"}, "seq": seq
        }
    })
}

/// Sends the next revisions of every event, each in its own request, and counts them.
fn send(program: &Program, next: &mut u64, count: u64) {
    for seq in *next..*next + count {
        program.accept(&IDS.map(|id| revision(id, seq)));
    }
    *next += count;
}

/// The records of a topic, read past the program.
fn records(log: &Arc<dyn EventLog>, runtime: &tokio::runtime::Runtime, partition: u32) -> Vec<Stored> {
    runtime.block_on(async {
        let (mut all, mut from) = (Vec::new(), 0);
        loop {
            let mut records = log.read(topic::USAGE, partition, from, 1 << 20).await.unwrap();
            let Some(last) = records.last() else { return all };
            from = last.offset + 1;
            all.append(&mut records);
        }
    })
}

#[test]
fn what_was_accepted_while_kafka_was_away_is_counted_once_and_in_order() {
    let mut cluster = Cluster::start(1).unwrap();
    let brokers = cluster.brokers();
    let mut program = Program::start(&format!(
        "[kafka]\nbrokers = \"{brokers}\"\ntopic_prefix = \"spool.\"\npartitions = {PARTITIONS}\nreplication = 1\n"
    ));
    let mut next = 0;
    send(&program, &mut next, 5);

    cluster.kill_node(0);
    send(&program, &mut next, 30);
    assert!(program.metric("taxameter_collect_spool_records") > 0);
    program.kill();

    cluster.start_node(0).unwrap();
    cluster.await_nodes(1).unwrap();
    // It drains, and is killed in the middle of it or soon after: then it sends some again.
    program.restart();
    program.kill_and_restart();
    send(&program, &mut next, 5);
    program.until("the spool is drained", || {
        (program.metric("taxameter_collect_spool_records") == 0).then_some(())
    });

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let log: Arc<dyn EventLog> =
        Arc::new(Prefixed::new(Arc::new(KafkaLog::open(cluster.config()).unwrap()), "spool."));
    let mut seen: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for partition in 0..PARTITIONS {
        for record in records(&log, &runtime, partition) {
            if record.header.unwrap().kind != Kind::Events {
                continue;
            }
            for event in wire::split(&record.value).unwrap() {
                let event: Value = serde_json::from_slice(event).unwrap();
                let seqs = seen.entry(event["id"].as_str().unwrap().to_owned()).or_default();
                let seq = event["data"]["seq"].as_i64().unwrap();
                // A repetition comes after its first: what counts is the order of those.
                if !seqs.contains(&seq) {
                    seqs.push(seq);
                }
            }
        }
    }
    let in_order: Vec<i64> = (0..i64::try_from(next).unwrap()).collect();
    let want = IDS.map(|id| (id.to_owned(), in_order.clone()));
    assert_eq!(seen, BTreeMap::from(want));

    // An event of a producer of its own takes the same way from the intake topic.
    let header = Header {
        kind: Kind::Events,
        collector: "producer".to_owned(),
        epoch: 0,
        batch: 0,
        received: 0,
        sources: Vec::new(),
        released: false,
    };
    let value = serde_json::to_vec(&revision("f", next - 1)).unwrap();
    runtime.block_on(log.append(topic::INTAKE, 0, vec![Record { header, value: value.into() }])).unwrap();
    let want = ((IDS.len() as u64 + 1) * next).to_string();
    program.until_or(
        "the last revision of each is counted",
        |seen: &mut Value| {
            *seen =
                program.get("/v1/usage?from=2021-01&to=2021-01&group_by=month,service,meter&service=e-moten");
            let mut items = seen["items"].as_array().into_iter().flatten();
            items.any(|item| {
                item["meter"] == "participant_hour" && item["quantity"] == Value::String(want.clone())
            })
        },
        &mut Value::Null,
    );

    // With an empty spool it says so, and at once when somebody decides something.
    program.post("/v1/months/2021-01/preliminary", &json!({}));
    let marks = || records(&log, &runtime, 0).into_iter().filter_map(|record| record.header.ok());
    let last = marks().filter(|header| header.kind == Kind::Events).map(|header| header.received).max();
    program.until("a mark that is later than everything", || {
        marks().find_map(|header| {
            let Kind::Mark { spool_empty_until } = header.kind else { return None };
            (Some(spool_empty_until) > last).then_some(())
        })
    });
}

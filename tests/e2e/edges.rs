//! Months are Swedish months: events at the edges of March and October, of the year, and on a leap day.

use serde_json::{Value, json};

use crate::program::Program;

fn meeting(id: &str, time: &str, quantity: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/lkdata/collector/pexip/mgr1",
        "type": "se.linkoping.lkdata.usage.meeting.participation.v1", "subject": "room:kb-101", "time": time,
        "dataschema": "urn:lkdata:schema:usage:1",
        "data": {"service": "e-moten", "meter": "participant_hour", "quantity": quantity, "unit": "h",
            "customer": {"kind": "forvaltning", "code": "KLF", "costcentre": "110200"}, "dims": {"platform": "pexip"}}
    })
}

fn storage(id: &str, time: &str, quantity: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/lkdata/collector/ontap/cl01",
        "type": "se.linkoping.lkdata.usage.storage.snapshot.v1", "subject": "vol:edges", "time": time,
        "dataschema": "urn:lkdata:schema:usage:1",
        "data": {"service": "it-bastjanst-lagring", "meter": "storage_gb", "quantity": quantity, "unit": "GB",
            "customer": {"kind": "forvaltning", "code": "SOF", "costcentre": "520310"}, "dims": {"class": "group"}}
    })
}

fn quantities(program: &Program, meter: &str) -> Vec<(String, String)> {
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    let items = program.list("/v1/usage?from=2020-01&to=2024-12&group_by=month,service,meter");
    items.iter().filter(|i| i["meter"] == meter).map(|i| (text(i, "month"), text(i, "quantity"))).collect()
}

#[test]
fn an_event_belongs_to_its_swedish_month_on_both_sides_of_every_edge() {
    let program = Program::embedded();
    program.accept(&[
        meeting("a", "2020-12-31T22:59:59.999999Z", "1"),
        meeting("b", "2020-12-31T23:00:00Z", "2"),
        meeting("c", "2021-03-31T21:59:59Z", "4"),
        meeting("d", "2021-03-31T22:00:00Z", "8"),
        meeting("e", "2021-10-31T22:59:59Z", "16"),
        meeting("f", "2021-10-31T23:00:00Z", "32"),
        meeting("g", "2024-02-28T23:00:00Z", "64"),
        meeting("h", "2024-02-29T22:59:59Z", "128"),
        meeting("i", "2024-02-29T23:00:00Z", "256"),
        // A reading of 743 GB through the first hour of March counts for 1 of its 743 hours.
        storage("s1", "2021-03-01T00:00:00+01:00", "743"),
        storage("s2", "2021-03-01T01:00:00+01:00", "0"),
        // October has 745 hours, one of them twice between two and three.
        storage("s3", "2021-10-31T02:00:00+02:00", "745"),
        storage("s4", "2021-10-31T03:00:00+01:00", "0"),
    ]);
    let pair = |month: &str, quantity: &str| (month.to_owned(), quantity.to_owned());
    let hours = [
        pair("2020-12", "1"),
        pair("2021-01", "2"),
        pair("2021-03", "4"),
        pair("2021-04", "8"),
        pair("2021-10", "16"),
        pair("2021-11", "32"),
        pair("2024-02", "192"),
        pair("2024-03", "256"),
    ];
    program
        .until("the edges are counted", || (quantities(&program, "participant_hour") == hours).then_some(()));
    let stored = |month: &str| {
        quantities(&program, "storage_gb").into_iter().find(|(m, _)| m == month).map(|(_, quantity)| quantity)
    };
    program.until("storage is weighted by time", || {
        (stored("2021-03").as_deref() == Some("1") && stored("2021-10").as_deref() == Some("2")).then_some(())
    });
}

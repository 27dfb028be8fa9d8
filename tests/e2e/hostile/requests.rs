//! Right events at wrong addresses, under wrong names, and in frames that do not fit.

use super::attack::{Attack, Request};
use super::form::{event, pick};
use crate::random::Random;

const JSON: &str = "application/json";

/// A path that is not ours, or that climbs out of where it should be.
pub(super) fn path(random: &mut Random) -> Attack {
    let posted = [
        "/v1/../v1/events",
        "/v1/./events",
        "//v1/events",
        "/v1/events/",
        "/v1//events",
        "/v1/events%00",
        "/v1/events/%00",
        "/v1/events%2f",
        "/v1/events%2f..",
        "/V1/EVENTS",
        "/v1/events;x=1",
        "/v1\\events",
        "/v2/events",
        "/api/v1/events/..",
        "/%2e%2e/v1/events",
        "/v1/quarantine/%2e%2e/replay",
        "/v1/quarantine/..%2f..%2f/replay",
    ];
    let asked = [
        "/../../etc/passwd",
        "/assets/../../../etc/passwd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/assets/%00",
        "/assets/..%5c..%5cwin.ini",
        "/assets//etc/passwd",
        "/v1/exports/..%2f..%2f/csv",
        "/v1/exports/2021-03/..%2fcsv",
        "/v1/exports/2021-03/csv%00",
        "/v1/quarantine/..%2f..%2fetc%2fpasswd",
        "/v1/quarantine/%00",
        "/v1/quarantine/'%20OR%201=1%20--",
        "/v1/charges/%00/explain",
        "/v1/charges/..%2f..%2f/explain",
        "/v1/charges/';DROP%20TABLE%20charges/explain",
        "/v1/charges/%ff/explain",
        "/v1/months/%2e%2e/documents",
        "/v1/reports/99999999999",
        "/v1/object/-1",
        "/.git/config",
        "/taxameter.toml",
        "/data",
    ];
    let allowed = &[400, 403, 404, 405];
    if random.below(2) == 0 {
        let body = event(random);
        return Request::new(format!("POST {}", pick(random, &posted)))
            .header("content-type", JSON)
            .body(body)
            .allow(allowed);
    }
    let mut path = pick(random, &asked).to_owned();
    if random.below(3) == 0 {
        path += &"/..".repeat(random.between(1, 900) as usize);
    }
    Request::new(format!("GET {path}")).allow(allowed)
}

/// A query that means nothing.
pub(super) fn query(random: &mut Random) -> Attack {
    let posted =
        ["atomic=TRUE", "atomic=1", "atomic=%00", "atomic=", "atomic=true%20", "atomic=yes&atomic=true"];
    let asked = [
        "/v1/usage?from=2021-01&to=2021-13",
        "/v1/usage?from=%00&to=2021-01",
        "/v1/usage?from=2021-01&to=2021-01&group_by=month,service,meter,password",
        "/v1/usage?from=2021-01&to=2021-01&limit=-1",
        "/v1/usage?from=2021-01&to=2021-01&limit=99999999999999999999",
        "/v1/usage?from=2021-01&to=2021-01&cursor=../../etc/passwd",
        "/v1/usage?from=2021-01&to=2021-01&cursor=%ff%00",
        "/v1/usage?from=0000-00&to=9999-99",
        "/v1/usage?from=-9999-01&to=2021-01",
        "/v1/charges?month=';%20DROP%20TABLE%20charges%20--",
        "/v1/charges?month=2021-03&month=2021-04",
        "/v1/charges?month=",
        "/v1/coverage?month=%F0%9F%92%A9",
        "/v1/quarantine?limit=1e3",
        "/v1/reconciliation?from=2021-02-30&to=2021-03-31",
        "/v1/reconciliation?from=2021-03-01&to=%27",
        "/v1/exports/2021-03/csv?dialect=excel-xx",
        "/v1/audit?cursor=AAAA&limit=0",
    ];
    if random.below(2) == 0 {
        let body = event(random);
        let target = format!("POST /v1/events?{}", pick(random, &posted));
        return Request::new(target).header("content-type", JSON).body(body).allow(&[400]);
    }
    let mut target = format!("GET {}", pick(random, &asked));
    if random.below(4) == 0 {
        target += &format!("&x={}", "%00".repeat(random.between(1, 3_000) as usize));
    }
    Request::new(target).allow(&[400, 409, 414])
}

/// A right event in a frame whose length is a lie, none, or two at once (RFC 9112 §6).
pub(super) fn framing(random: &mut Random) -> Attack {
    let event = event(random);
    let json = || Request::events(JSON, event.clone());
    let chunked = |body: String| Request::events(JSON, body).header("transfer-encoding", "chunked");
    let length = event.len();
    match random.below(9) {
        0 => {
            let wrong =
                pick(random, &["-1", "1e3", "0x20", "+5", "5, 6", "99999999999999999999999", " ", "ett"]);
            json().header("content-length", wrong).allow(&[400])
        }
        1 => json()
            .header("content-length", length.to_string())
            .header("content-length", (length - 1).to_string())
            .allow(&[400]),
        // Less than there is: the event is cut, and what follows is no request.
        2 => {
            let less = random.between(1, length as u64 - 1);
            json().header("content-length", less.to_string()).allow(&[400])
        }
        // More than there is: the rest never comes.
        3 => {
            let more = length as u64 + random.between(1, 9_000);
            json().header("content-length", more.to_string()).allow(&[400]).hanging_up()
        }
        4 => chunked(format!("{length:x}\r\n{event}\r\n")).allow(&[400]).hanging_up(),
        5 => {
            let size = pick(random, &["zz", "-5", "ffffffffffffffffff", "", "0x10", "5 5"]);
            chunked(format!("{size}\r\n{event}\r\n0\r\n\r\n")).allow(&[400])
        }
        6 => chunked(format!("{:x}\r\n{event}\r\n0\r\n\r\n", length - 1)).allow(&[400]),
        7 => json()
            .header("transfer-encoding", pick(random, &["gzip", "identity", "x", "chunked, gzip"]))
            .allow(&[400, 501]),
        _ => {
            let name = pick(random, &["x y", "x\0", "\u{e5}", "(x)", ""]);
            json().header(name, "1").allow(&[400])
        }
    }
    .may_be_cut()
}

/// A right event for another host, from a page of another site, or with more headers than anybody has.
pub(super) fn foreign(random: &mut Random) -> Attack {
    let json = Request::events(JSON, event(random));
    let many = random.between(110, 400);
    match random.below(4) {
        0 => json.header(
            "host",
            pick(random, &["example.org", "127.0.0.1.example.org", "192.0.2.1", "a@127.0.0.1", "", "[::2]"]),
        ),
        1 => json.header("host", "127.0.0.1").header("host", "localhost"),
        2 => json.header(
            "origin",
            pick(random, &["https://example.org", "null", "", "file://", "http://127.0.0.1:1"]),
        ),
        _ => (0..many).fold(json, |json, n| json.header(format!("x-{n}"), "1")),
    }
    .allow(&[400, 403, 431])
    .may_be_cut()
}

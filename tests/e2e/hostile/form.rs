//! Right and wrong events in the forms of a body: one, an array, lines; plain and compressed.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::attack::{Attack, Request};
use crate::random::Random;

const LINES: &str = "application/x-ndjson";

/// The statuses of a request whose events are all wrong: each refused, or (where the array cannot be read, or all or
/// nothing is asked for) the whole.
const REFUSED: &[u16] = &[202, 400, 422];

/// A right event, if nothing is done to it.
pub(super) fn event(random: &mut Random) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"hostile-{}","source":"/lkdata/collector/pexip/hostile","type":"se.linkoping.lkdata.usage.meeting.participation.v1","subject":"room:kb-{}","time":"2021-03-{:02}T09:00:12+01:00","dataschema":"urn:lkdata:schema:usage:1","data":{{"service":"e-moten","meter":"participant_hour","quantity":"{}","unit":"h","customer":{{"kind":"forvaltning","code":"KLF","costcentre":"110200"}},"dims":{{"platform":"pexip"}}}}}}"#,
        random.below(1_000_000_000),
        random.below(1_000),
        random.between(1, 31),
        random.between(1, 999),
    )
}

/// The event with one thing replaced.
pub(super) fn event_with(random: &mut Random, from: &str, to: &str) -> String {
    let event = event(random);
    assert!(event.contains(from), "{from} is not in {event}");
    event.replacen(from, to, 1)
}

pub(super) fn pick<'a, T: ?Sized>(random: &mut Random, some: &[&'a T]) -> &'a T {
    some[random.below(some.len())]
}

/// A wrong event in any form that a body may have.
pub(super) fn in_any_form(random: &mut Random, event: impl Into<Vec<u8>>) -> Attack {
    let event = event.into();
    let array = || [b"[", event.as_slice(), b"]"].concat();
    let has_line_break = event.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
    let (content_type, body) = match random.below(5) {
        0 => ("application/cloudevents+json; charset=utf-8", event),
        1 => ("application/cloudevents-batch+json", array()),
        2 => ("application/json", array()),
        3 if !has_line_break => (LINES, event),
        _ => ("application/json", event),
    };
    let target = match random.below(6) {
        0 => "POST /v1/events?atomic=true",
        1 if content_type != LINES => "POST /api/v1/events",
        _ => "POST /v1/events",
    };
    let request = Request::new(target).header("content-type", content_type);
    let request = match random.below(4) {
        0 => request.header("content-encoding", "gzip").body(gzip(&body)),
        1 => request.header("content-encoding", "zstd").body(zstd(&body)),
        _ => request.body(body),
    };
    request.allow(REFUSED).refusing(1)
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// With its checksum, so that damage is noticed.
pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Lines each of which is broken in a way of its own.
pub(super) fn broken_lines(random: &mut Random) -> Attack {
    let count = random.between(1, 20) as usize;
    let mut body = Vec::new();
    for _ in 0..count {
        let event = event(random);
        let line = match random.below(8) {
            0 => event[..random.between(1, event.len() as u64 - 1) as usize].to_owned(),
            1 => format!("{event}{event}"),
            2 => format!("{event},"),
            3 => format!("[{event}]"),
            4 => format!("\u{feff}{event}"),
            5 => format!("data: {event}"),
            6 => event.replace('"', "'"),
            _ => event[random.between(1, event.len() as u64 - 1) as usize..].to_owned(),
        };
        body.extend_from_slice(line.as_bytes());
        body.extend_from_slice(pick(random, &["\n", "\r\n", "\n\n \n"]).as_bytes());
    }
    Request::events(LINES, body).allow(&[202]).refusing(count)
}

/// More events than a request may have, or more bytes.
pub(super) fn oversize_batch(random: &mut Random) -> Attack {
    let count = 10_001 + random.below(2_000);
    let over = (16 << 20) + random.between(1, 1 << 30);
    match random.below(12) {
        0 => Request::events(LINES, "{}\n".repeat(count)).allow(&[413]),
        1 => Request::events("application/json", format!("[{}0]", "0,".repeat(count))).allow(&[413]),
        // What is said alone is too much; none of it is read.
        _ => Request::events("application/json", "")
            .header("content-length", over.to_string())
            .allow(&[413])
            .hanging_up(),
    }
}

/// A right event under a content type that is none of those that are taken.
pub(super) fn wrong_content_type(random: &mut Random) -> Attack {
    let kinds = [
        "text/plain",
        "text/html",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
        "application/cloudevents+json; charset=\"utf-7\"",
        "application/cloudevents+avro",
        "application/json, text/plain",
        "json",
        "/",
        "",
        "\"application/json\"",
    ];
    let event = event(random);
    let request = Request::new("POST /v1/events").body(event);
    match random.below(8) {
        0 => request,
        1 => request.header("content-type", "application/json").header("content-type", "application/json"),
        2 => request.header("content-type", [b"application/json; x=\xff".as_slice(), b""].concat()),
        3 => request.header("content-type", "x".repeat(random.between(1, 4_000) as usize)),
        _ => request.header("content-type", pick(random, &kinds)),
    }
    .allow(&[415])
}

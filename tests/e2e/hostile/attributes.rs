//! CloudEvents whose attributes or fields are missing or wrong, in structured and in binary mode.

use serde_json::{Value, json};

use super::attack::{Attack, Request};
use super::form::{event, in_any_form, pick};
use crate::random::Random;

/// What an event must have, by its pointer (RFC 6901). `dataschema` is left out: OpenMeter's path adds it.
const REQUIRED: [&str; 14] = [
    "/specversion",
    "/id",
    "/source",
    "/type",
    "/subject",
    "/time",
    "/data",
    "/data/service",
    "/data/meter",
    "/data/quantity",
    "/data/unit",
    "/data/customer",
    "/data/customer/code",
    "/data/customer/costcentre",
];

/// Values that no event of this meter may have.
const WRONG: [(&str, &str); 40] = [
    ("/specversion", "0.3"),
    ("/specversion", "1.1"),
    ("/specversion", "1"),
    ("/specversion", ""),
    ("/id", ""),
    ("/id", "å"),
    ("/source", ""),
    ("/source", "/a b"),
    ("/source", "/<script>"),
    ("/type", "com.example.usage.v1"),
    ("/type", "se.linkoping.lkdata.usage.meeting.participation.v2"),
    ("/type", "se.linkoping.lkdata.usage.snapshot.completed.v1"),
    ("/type", "se.linkoping.lkdata.usage.storage.snapshot.v1"),
    ("/type", "se.linkoping.lkdata.usage..v1"),
    ("/type", "SE.LINKOPING.LKDATA.USAGE.MEETING.PARTICIPATION.V1"),
    ("/subject", "kb-101"),
    ("/subject", "ps_short"),
    ("/subject", ":"),
    ("/subject", "room:"),
    ("/time", "2021-03-15"),
    ("/time", "2021-03-15T09:00:12"),
    ("/time", "2021-02-30T09:00:12Z"),
    ("/time", "9999-12-31T23:59:59Z"),
    ("/time", "0000-01-01T00:00:00Z"),
    ("/time", "1615795212"),
    ("/time", "2021-03-15T25:00:00Z"),
    ("/time", "2021-03-15T09:00:12Z x"),
    ("/dataschema", "urn:lkdata:schema:usage:2"),
    ("/dataschema", "https://example.org/x"),
    ("/data/service", "../e-moten"),
    ("/data/meter", "participant_hour' OR 1=1 --"),
    ("/data/unit", "H"),
    ("/data/unit", "min"),
    ("/data/customer/kind", "region"),
    ("/data/customer/code", ""),
    ("/data/customer/costcentre", "=cmd|'/C calc'!A0"),
    ("/data/customer/costcentre", "110200 "),
    ("/data/customer/costcentre", "ä"),
    ("/data/dims/platform", ""),
    ("/data/customer/kind", "Forvaltning"),
];

/// Fields that an event may not have besides.
const FURTHER: [(&str, &str); 12] = [
    ("", "Note"),
    ("", "data_base64"),
    ("", "å"),
    ("", ""),
    ("/data", "period"),
    ("/data", "price"),
    ("/data", "__proto__"),
    ("/data", "day"),
    ("/data", "measured_from"),
    ("/data", "retracted"),
    ("/data/customer", "payer"),
    ("/data/dims", "Platform"),
];

fn tree(random: &mut Random) -> Value {
    serde_json::from_str(&event(random)).unwrap()
}

/// Without one or some of its fields.
pub(super) fn missing(random: &mut Random) -> Attack {
    let mut event = tree(random);
    for _ in 0..random.between(1, 3) {
        let (parent, name) = pick(random, &REQUIRED).rsplit_once('/').unwrap();
        if let Some(parent) = event.pointer_mut(parent).and_then(Value::as_object_mut) {
            parent.remove(name);
        }
    }
    in_any_form(random, event.to_string())
}

/// With a value that it may not have, or a field.
pub(super) fn wrong(random: &mut Random) -> Attack {
    let mut event = tree(random);
    if random.below(4) == 0 {
        let (parent, name) = FURTHER[random.below(FURTHER.len())];
        event.pointer_mut(parent).unwrap()[name] = json!("x");
    } else {
        let (pointer, value) = WRONG[random.below(WRONG.len())];
        *event.pointer_mut(pointer).unwrap() = value.into();
    }
    in_any_form(random, event.to_string())
}

/// With something of another type where text, an object or a number should be.
pub(super) fn wrong_type(random: &mut Random) -> Attack {
    let mut event = tree(random);
    let pointer = pick(random, &REQUIRED);
    let others = [json!([]), json!(["x"]), json!(true), json!({"$gt": ""}), json!(null), json!([[{}]])];
    *event.pointer_mut(pointer).unwrap() = others[random.below(others.len())].clone();
    in_any_form(random, event.to_string())
}

/// An event in headers, with something wrong in them or in the data.
pub(super) fn binary(random: &mut Random) -> Attack {
    let event = tree(random);
    let names = ["specversion", "id", "source", "type", "subject", "time", "dataschema"];
    let spoilt = pick(random, &names);
    let way = random.below(12);
    let mut request = Request::new("POST /v1/events").header("content-type", "application/json");
    for name in names {
        let value = event[name].as_str().unwrap();
        let value: Vec<u8> = match (name == spoilt, way) {
            (true, 0) => continue,
            (true, 1) => pick(random, &["%ff", "%c0%af", "%ed%a0%80", "a%00b", "%00", "%0a", ""]).into(),
            (true, 2) => [value.as_bytes(), b"\xff\xfe"].concat(),
            (true, 3) => {
                request = request.header(format!("ce-{name}"), value);
                value.into()
            }
            (true, 4) => vec![b'x'; random.between(201, 12_000) as usize],
            (true, 5) => [b"\"".as_slice(), value.as_bytes(), b"\\\""].concat(),
            _ => value.into(),
        };
        request = request.header(format!("ce-{name}"), value);
    }
    let data = event["data"].to_string();
    let body = match way {
        0..=5 => data,
        6 => event.to_string(),
        7 => format!("{data},\"id\":\"other\""),
        8 => pick(random, &["", "{", "}", "[]", "null", "7", "\"x\"", "{}}"]).to_owned(),
        _ => data,
    };
    let extra = match way {
        9 => pick(random, &["ce-data", "ce-datacontenttype", "ce-data_base64", "ce-", "ce-a-b"]),
        10 => "ce-big",
        11 => "ce-Note_",
        _ => "accept",
    };
    let many = random.between(17_000, 40_000) as usize;
    let value = if way == 10 { "x".repeat(many) } else { "application/json".to_owned() };
    let attack = request.header(extra, value).body(body).allow(&[202, 400, 415, 431]).refusing(1);
    // Headers over the limit are refused before the rest is read.
    if way == 10 { attack.may_be_cut() } else { attack }
}

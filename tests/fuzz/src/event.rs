//! A body of JSON or of lines: whatever it holds, each event in it is told from the others and judged by itself.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use collect::http::binary;
use collect::http::media::Form;
use domain::{Body, Event};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// The most events of a body; small, so that the limit is met.
const EVENTS_MAX: usize = 50;
/// The longest explanation of a rejection: an answer must not grow with what was sent.
const DETAIL_CHARS_MAX: usize = 400;

/// Fails when something does not hold of a body.
pub fn check(body: &[u8]) {
    for form in [Form::One, Form::Batch, Form::Either, Form::Lines] {
        let Ok(events) = form.events(body, EVENTS_MAX) else { continue };
        assert_eq!(events.len(), count(form, body), "{form:?}");
        events.into_iter().for_each(check_event);
    }
    if let Ok(event) = binary::structured(&headers(), body) {
        check_event(&event);
        serde_json::from_slice::<&RawValue>(&event).expect("binary mode becomes JSON");
    }
}

/// How many events a body holds, counted in another way.
fn count(form: Form, body: &[u8]) -> usize {
    match form {
        Form::Lines => body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count(),
        Form::One | Form::Batch | Form::Either | Form::Csv | Form::Binary => {
            serde_json::from_slice::<Vec<&RawValue>>(body).map_or(1, |elements| elements.len())
        }
    }
}

/// The attributes of a right event.
fn headers() -> HeaderMap {
    let pairs = [
        ("ce-specversion", "1.0"),
        ("ce-id", "fuzz"),
        ("ce-source", "/lkdata/collector/pexip/mgr1"),
        ("ce-type", "se.linkoping.lkdata.usage.meeting.participation.v1"),
        ("ce-subject", "room:kb-101"),
        ("ce-time", "2021-01-15T09:00:12+01:00"),
        ("ce-dataschema", "urn:lkdata:schema:usage:1"),
        ("content-type", "application/json"),
    ];
    pairs
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .into_iter()
        .collect()
}

/// Fails unless an event is right and says the same when it is written anew, or is refused in few words.
pub fn check_event(bytes: &[u8]) {
    match eventlog::wire::decode(bytes) {
        Ok(event) => {
            let written = written(&event).to_string();
            let read = eventlog::wire::decode(written.as_bytes());
            assert_eq!(read.as_ref(), Ok(&event), "{written}");
            assert_eq!(
                read.map(|read| (read.key(), read.fingerprint())),
                Ok((event.key(), event.fingerprint()))
            );
        }
        Err(rejection) => {
            assert!(rejection.detail.chars().count() <= DETAIL_CHARS_MAX, "{rejection}");
            let hint = eventlog::wire::identity_hint(bytes);
            assert!([hint.id, hint.source].iter().flatten().all(|text| text.chars().count() <= 200));
        }
    }
}

/// An event as a sender would write it.
fn written(event: &Event<'_>) -> Value {
    let data = match &event.body {
        Body::Usage(usage) => {
            let customer = &usage.customer;
            let mut data = json!({
                "service": usage.service, "meter": usage.meter, "quantity": usage.quantity.to_string(), "unit": usage.unit,
                "customer": {"kind": customer.kind.name(), "code": customer.code, "costcentre": customer.costcentre},
                "day": usage.day.to_string(), "seq": usage.seq, "retracted": usage.retracted,
                "dims": usage.dims.iter().map(|(name, value)| (name.to_string(), json!(value))).collect::<Map<_, _>>(),
            });
            if let Some((from, to)) = usage.measured {
                (data["measured_from"], data["measured_to"]) =
                    (json!(from.to_string()), json!(to.to_string()));
            }
            if let Some(object) = &customer.object {
                data["customer"]["object"] = json!(object);
            }
            data
        }
        Body::SnapshotCompleted(marker) => json!({
            "service": marker.service, "meter": marker.meter, "day": marker.day.to_string(),
            "count": marker.count, "refused": marker.refused,
        }),
    };
    json!({
        "specversion": "1.0", "id": event.id, "source": event.source, "type": event.event_type, "subject": event.subject,
        "time": event.time.to_string(), "dataschema": domain::event::DATASCHEMA, "data": data,
    })
}

//! POST /v1/events as senders see it.

use std::io::Write;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use collect::http::body::Limits;
use flate2::write::GzEncoder;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{Stand, event, event_with};

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: axum::http::HeaderMap,
    pub(crate) body: Value,
}

pub(crate) async fn send(
    stand: &Stand,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    let mut request = Request::post(path).header("host", "127.0.0.1:8321");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = stand.router().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    }
}

async fn post(stand: &Stand, content_type: &str, body: impl Into<Body>) -> Answer {
    send(stand, "/v1/events", &[("content-type", content_type)], body).await
}

/// Status and code of a refusal.
pub(crate) fn refusal(answer: &Answer) -> (u16, &str) {
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{}", answer.body);
    assert_eq!(answer.body["status"], answer.status.as_u16());
    (answer.status.as_u16(), answer.body["code"].as_str().unwrap())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn batch(count: usize) -> String {
    let events: Vec<String> = (0..count).map(|n| event(&n.to_string())).collect();
    format!("[{}]", events.join(","))
}

#[tokio::test]
async fn every_form_is_taken() {
    let stand = Stand::new().await;
    let two = format!(" [{},\n{}] ", event("c"), event("d"));
    let lines = format!("{}\r\n\n  \n{}", event("f"), event("g"));
    let cases = [
        ("application/cloudevents+json; charset=UTF-8", event("a"), 1),
        (JSON, event("b"), 1),
        ("application/cloudevents-batch+json", two.clone(), 2),
        (JSON, two, 2),
        (JSON, "[]".to_owned(), 0),
        (LINES, lines, 2),
        (LINES, String::new(), 0),
    ];
    for (content_type, body, count) in cases {
        let answer = post(&stand, content_type, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body),
            (202, json!({"accepted": count, "rejected": []})),
            "{content_type}"
        );
    }
    assert_eq!(stand.logged().await.len(), 8);
}

#[tokio::test]
async fn binary_mode_becomes_the_same_event() {
    let stand = Stand::new().await;
    let event: Value = serde_json::from_str(&event("å".replace('å', "a b").as_str())).unwrap();
    let attribute = |name: &str| event[name].as_str().unwrap().replace(' ', "%20");
    let names = ["specversion", "id", "source", "type", "subject", "time", "dataschema"];
    let pairs: Vec<(String, String)> =
        names.iter().map(|name| (format!("ce-{name}"), attribute(name))).collect();
    let mut headers: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    headers.push(("content-type", JSON));
    let answer = send(&stand, "/v1/events", &headers, event["data"].to_string()).await;
    assert_eq!((answer.status.as_u16(), answer.body), (202, json!({"accepted": 1, "rejected": []})));
    let logged: Value = serde_json::from_str(&stand.logged().await[0]).unwrap();
    let mut want = event.clone();
    want["datacontenttype"] = json!(JSON);
    assert_eq!(logged, want);

    headers.push(("ce-datacontenttype", JSON));
    let answer = send(&stand, "/v1/events", &headers, event["data"].to_string()).await;
    assert_eq!(answer.body["rejected"][0]["code"], "duplicate_key");
}

#[tokio::test]
async fn a_thousand_events_with_three_wrong_give_three_indexed_errors() {
    let stand = Stand::new().await;
    let mut events: Vec<String> = (0..1_000).map(|n| event(&format!("id-{n}"))).collect();
    events[0] = event_with("id-0", "\"unit\":\"h\"", "\"unit\":\"min\"");
    events[500] = event_with("id-500", "\"unit\"", "\"unit\":\"h\",\"unit\"");
    events[999] = event_with("id-999", "\"time\"", "\"tid\"");
    let answer = post(&stand, JSON, format!("[{}]", events.join(","))).await;
    assert_eq!((answer.status.as_u16(), &answer.body["accepted"]), (202, &json!(997)));
    let named: Vec<_> = answer.body["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (&r["index"], &r["id"], &r["code"]))
        .collect();
    let want = [
        (&json!(0), &json!("id-0"), &json!("wrong_unit")),
        (&json!(500), &json!("id-500"), &json!("duplicate_key")),
        (&json!(999), &json!("id-999"), &json!("missing_field")),
    ];
    assert_eq!(named, want);
    assert_eq!(stand.logged().await.len(), 997);
}

#[tokio::test]
async fn lines_are_judged_one_by_one_and_blank_ones_do_not_count() {
    let stand = Stand::new().await;
    let lines =
        [event("a"), String::new(), "{\"id\":".to_owned(), " ".to_owned(), "\u{e5}".to_owned(), event("b")];
    let mut body = lines.join("\n").into_bytes();
    body.extend_from_slice(b"\n{\"id\":\"\xff\"}\n");
    let answer = post(&stand, LINES, body).await;
    assert_eq!((answer.status.as_u16(), &answer.body["accepted"]), (202, &json!(2)));
    let named: Vec<_> = answer.body["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (&r["index"], &r["id"], &r["code"]))
        .collect();
    let wrong = json!("invalid_json");
    assert_eq!(
        named,
        [
            (&json!(1), &Value::Null, &wrong),
            (&json!(2), &Value::Null, &wrong),
            (&json!(4), &Value::Null, &wrong)
        ]
    );
}

#[tokio::test]
async fn all_rejected_is_still_accepted_as_a_request() {
    let stand = Stand::new().await;
    let answer = post(&stand, JSON, "[1,\"x\",{}]").await;
    assert_eq!((answer.status.as_u16(), &answer.body["accepted"]), (202, &json!(0)));
    let codes: Vec<_> =
        answer.body["rejected"].as_array().unwrap().iter().map(|r| r["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["invalid_json", "invalid_json", "missing_field"]);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_whole() {
    let stand = Stand::new().await;
    let broken = format!("[{},", event("a"));
    let cases = [
        (JSON, String::new()),
        (JSON, "{".to_owned()),
        (JSON, "7".to_owned()),
        (JSON, broken.clone()),
        (JSON, format!("{} {}", event("a"), event("b"))),
        ("application/cloudevents-batch+json", event("a")),
        ("application/cloudevents+json", format!("[{}]", event("a"))),
    ];
    for (content_type, body) in cases {
        let answer = post(&stand, content_type, body.clone()).await;
        assert_eq!(refusal(&answer), (400, "invalid_body"), "{content_type} {body}");
    }
    let answer =
        send(&stand, "/v1/events", &[("content-type", JSON), ("content-encoding", "gzip")], event("a")).await;
    assert_eq!(refusal(&answer), (400, "invalid_body"));
    assert!(stand.logged().await.is_empty() && stand.quarantined().await.is_empty());
    assert_eq!(stand.counted("taxameter_collect_requests_refused_total", Some("invalid_body")), 8);
}

#[tokio::test]
async fn all_or_nothing_is_422_with_the_wrong_events() {
    let stand = Stand::new().await;
    let body = format!("[{},{}]", event("a"), event_with("b", "\"h\"", "\"kWh\""));
    let json = [("content-type", JSON)];
    let answer = send(&stand, "/v1/events?atomic=true", &json, body.clone()).await;
    assert_eq!(refusal(&answer), (422, "atomic_refused"));
    assert_eq!((&answer.body["accepted"], &answer.body["rejected"][0]["index"]), (&json!(0), &json!(1)));
    assert!(stand.logged().await.is_empty());
    let answer = send(&stand, "/v1/events?atomic=maybe", &json, body.clone()).await;
    assert_eq!(refusal(&answer), (400, "invalid_query"));
    let answer = send(&stand, "/v1/events?atomic=false", &json, body).await;
    assert_eq!(answer.body["accepted"], 1);
}

#[tokio::test]
async fn one_layer_of_gzip_or_zstd_is_undone() {
    let stand = Stand::new().await;
    let body = batch(1_000);
    let bodies = [("gzip", gzip(body.as_bytes())), ("zstd", zstd::encode_all(body.as_bytes(), 3).unwrap())];
    for (encoding, body) in bodies {
        let answer =
            send(&stand, "/v1/events", &[("content-type", JSON), ("content-encoding", encoding)], body).await;
        assert_eq!((answer.status.as_u16(), &answer.body["accepted"]), (202, &json!(1_000)), "{encoding}");
    }
    for encodings in [&["gzip, zstd"][..], &["gzip", "gzip"], &["br"], &["deflate"]] {
        let mut headers = vec![("content-type", JSON)];
        headers.extend(encodings.iter().map(|encoding| ("content-encoding", *encoding)));
        let answer = send(&stand, "/v1/events", &headers, "").await;
        assert_eq!(refusal(&answer), (415, "unsupported_encoding"), "{encodings:?}");
        assert_eq!(answer.headers["accept-encoding"], "gzip, zstd");
    }
}

#[tokio::test]
async fn what_grows_too_much_is_refused_within_its_limit() {
    let stand = Stand::new().await;
    let gigabyte = zstd::encode_all(std::io::repeat(b' ').take_bytes(1 << 30), 1).unwrap();
    let megabytes = gzip(&vec![b' '; 2 << 20]);
    let mut noise = gzip(
        &(0..3_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect::<Vec<u8>>(),
    );
    noise.resize(6 << 20, 0);
    for (encoding, body) in [("zstd", gigabyte), ("gzip", megabytes), ("gzip", noise)] {
        let answer =
            send(&stand, "/v1/events", &[("content-type", JSON), ("content-encoding", encoding)], body).await;
        assert_eq!(refusal(&answer), (413, "body_too_large"));
    }
    let answer = post(&stand, JSON, vec![b' '; (16 << 20) + 1]).await;
    assert_eq!(refusal(&answer), (413, "body_too_large"));
    let taken = stand
        .registry
        .gather()
        .iter()
        .filter(|f| f.name() == "taxameter_collect_in_flight_bytes")
        .map(|f| f.get_metric()[0].get_gauge().get_value() as i64)
        .sum::<i64>();
    assert_eq!(taken, 0);
}

/// `Read::take` by another name: `tower`'s extension trait is in scope here too.
trait TakeBytes: std::io::Read + Sized {
    fn take_bytes(self, bytes: u64) -> std::io::Take<Self> {
        std::io::Read::take(self, bytes)
    }
}

impl TakeBytes for std::io::Repeat {}

#[tokio::test]
async fn a_megabyte_of_alike_events_may_compress_better_than_the_limit() {
    let stand = Stand::new().await;
    let body = batch(2_000);
    let compressed = zstd::encode_all(body.as_bytes(), 19).unwrap();
    assert!(
        body.len() < 1 << 20 && compressed.len() * 100 < body.len(),
        "{} {}",
        body.len(),
        compressed.len()
    );
    let answer =
        send(&stand, "/v1/events", &[("content-type", JSON), ("content-encoding", "zstd")], compressed).await;
    assert_eq!(answer.body["accepted"], 2_000);
}

#[tokio::test]
async fn ten_thousand_events_are_taken_and_one_more_is_not() {
    let stand = Stand::new().await;
    assert_eq!(post(&stand, JSON, batch(10_000)).await.body["accepted"], 10_000);
    assert_eq!(refusal(&post(&stand, JSON, batch(10_001)).await), (413, "too_many_events"));
    assert_eq!(refusal(&post(&stand, LINES, "{}\n".repeat(10_001)).await), (413, "too_many_events"));
    let commas = format!("[{}0]", "0,".repeat(4 << 20));
    assert_eq!(refusal(&post(&stand, JSON, commas).await), (413, "too_many_events"));
}

#[tokio::test]
async fn a_content_type_is_required() {
    let stand = Stand::new().await;
    for content_type in [
        "text/plain",
        "application/xml",
        "application/json; charset=iso-8859-1",
        "application/x-www-form-urlencoded",
    ] {
        assert_eq!(
            refusal(&post(&stand, content_type, event("a")).await),
            (415, "unsupported_media_type"),
            "{content_type}"
        );
    }
    assert_eq!(refusal(&send(&stand, "/v1/events", &[], event("a")).await), (415, "unsupported_media_type"));
}

#[tokio::test]
async fn a_log_that_takes_nothing_says_when_to_come_again() {
    let stand = Stand::with_full_disk().await;
    let answer = post(&stand, JSON, batch(10)).await;
    assert_eq!(refusal(&answer), (503, "log_unavailable"));
    assert_eq!(answer.headers["retry-after"], "5");
}

#[tokio::test]
async fn titles_are_swedish_unless_english_is_asked_for() {
    let stand = Stand::new().await;
    let answer = post(&stand, "text/plain", "").await;
    assert_eq!(answer.body["title"], "Innehållstypen tas inte emot");
    let answer = send(&stand, "/v1/events", &[("accept-language", "en")], "").await;
    assert_eq!(answer.body["title"], "The content type is not taken");
}

#[tokio::test]
async fn nobody_sends_without_somebody_having_checked_access() {
    let stand = Stand::new().await;
    let router = collect::router(stand.intake.clone(), crate::support::now);
    let request =
        Request::post("/v1/events").header("content-type", JSON).body(Body::from(event("a"))).unwrap();
    assert_eq!(router.oneshot(request).await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_body_without_room_is_refused_and_what_was_held_is_free_again() {
    let stand = Stand::new().await;
    let limits = Limits { in_flight_bytes: 1_100, request_bytes: 100, ..Limits::default() };
    let guard = axum::middleware::from_fn(collect::guard::loopback_only);
    let router = collect::http::router_within(limits, stand.intake.clone(), crate::support::now).layer(guard);
    let status = async |body: Body| {
        let request =
            Request::post("/v1/events").header("host", "localhost").header("content-type", JSON).body(body);
        router.clone().oneshot(request.unwrap()).await.unwrap().status()
    };
    assert_eq!(status(Body::from(batch(3))).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(status(Body::from(batch(1))).await, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn openmeters_path_takes_all_or_nothing_and_says_nothing_more() {
    let stand = Stand::new().await;
    let batch = "application/cloudevents-batch+json";
    let openmeter = async |content_type: &str, body: String| {
        send(&stand, "/api/v1/events", &[("content-type", content_type)], body).await
    };
    let plain = |id: &str| event(id).replace(r#""dataschema":"urn:lkdata:schema:usage:1","#, "");
    assert!(!plain("a").contains("dataschema"));
    for (content_type, body) in [
        ("application/cloudevents+json", plain("a")),
        (JSON, format!("[{}]", plain("b"))),
        (batch, format!("[{}, {}]", plain("c"), event("d"))),
    ] {
        let answer = openmeter(content_type, body).await;
        assert_eq!((answer.status, answer.body), (StatusCode::NO_CONTENT, Value::Null), "{content_type}");
    }
    assert_eq!(stand.logged().await.len(), 4);
    // A time made by the server would make another event of a retry.
    let timeless: Value = serde_json::from_str(&plain("e")).unwrap();
    let mut timeless = timeless;
    timeless.as_object_mut().unwrap().remove("time");
    let answer =
        openmeter(batch, json!([timeless, serde_json::from_str::<Value>(&event("f")).unwrap()]).to_string())
            .await;
    assert_eq!(refusal(&answer), (400, "invalid_events"));
    assert_eq!(answer.body["rejected"][0]["index"], 0);
    assert_eq!(stand.logged().await.len(), 4, "nothing of a wrong batch is taken");
}

//! Every limit of the intake, reached over a real socket: how it is answered, and where it is counted.

use collect::http::body::Limits;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Stand, event, event_with};

/// Where the intake listens.
async fn listen(stand: &Stand, limits: Limits) -> String {
    let guard = axum::middleware::from_fn(collect::guard::loopback_only);
    let router = collect::http::router_within(limits, stand.intake.clone(), crate::support::now).layer(guard);
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/events", socket.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(socket, router).await });
    url
}

async fn post(url: &str, headers: &[(&str, &str)], body: Vec<u8>) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(url).header("content-type", "application/json").body(body);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn an_event_over_a_limit_is_refused_with_its_code_and_counted() {
    let stand = Stand::new().await;
    let url = listen(&stand, Limits::default()).await;
    let quantity = |text: &str| event_with("a", "\"0.954167\"", text);
    let extensions = |count: usize| {
        let more: String = (0..count).map(|n| format!("\"x{n}\":1,")).collect();
        event_with("a", "\"specversion\"", &format!("{more}\"specversion\""))
    };
    let nested = |depth: usize| {
        let value = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        event_with("a", "\"specversion\"", &format!("\"deep\":{value},\"specversion\""))
    };
    let padded = |bytes: usize| {
        let event = event("a");
        format!("{}{}}}", event.strip_suffix('}').unwrap(), " ".repeat(bytes - event.len()))
    };
    let own = serde_json::from_str::<Value>(&event("a")).unwrap().as_object().unwrap().len();
    let digits = |count: usize| format!("\"{}1\"", "0".repeat(count - 1));
    let cases = [
        (padded(64 << 10), None),
        (padded((64 << 10) + 1), Some("event_too_large")),
        (nested(31), Some("wrong_type")),
        (nested(32), Some("too_deep")),
        (extensions(64 - own), None),
        (extensions(64 - own + 1), Some("unknown_field")),
        (quantity(&digits(38)), None),
        (quantity(&digits(39)), Some("invalid_quantity")),
        (quantity("100000e-5"), None),
        (quantity("0e30"), None),
        (quantity("0e31"), Some("invalid_quantity")),
        (quantity("1e999999999"), Some("invalid_quantity")),
    ];
    for (event, code) in cases {
        let start: String = event.chars().take(60).collect();
        let counted =
            || code.map_or(0, |code| stand.counted("taxameter_collect_events_rejected_total", Some(code)));
        let before = counted();
        let (status, answer) = post(&url, &[], event.into_bytes()).await;
        let found = answer["rejected"].get(0).map(|rejected| rejected["code"].clone());
        assert_eq!((status, found), (202, code.map(|code| json!(code))), "{start} {answer}");
        assert_eq!(counted() - before, u64::from(code.is_some()), "{start}");
    }
}

#[tokio::test]
async fn a_request_over_a_limit_is_refused_whole_and_counted() {
    let stand = Stand::new().await;
    let url = listen(&stand, Limits::default()).await;
    let small = Limits { in_flight_bytes: 100, request_bytes: 100, ..Limits::default() };
    let crowded = listen(&stand, small).await;
    let squeezed = zstd::encode_all(&vec![b' '; 4 << 20][..], 3).unwrap();
    let cases = [
        (&url, &[("content-encoding", "zstd")][..], squeezed, 413, "body_too_large"),
        (&url, &[("content-encoding", "gzip, zstd")][..], vec![b' '], 415, "unsupported_encoding"),
        (&url, &[][..], format!("[{}0]", "0,".repeat(10_000)).into_bytes(), 413, "too_many_events"),
        (&crowded, &[][..], event("a").into_bytes(), 503, "overloaded"),
    ];
    for (url, headers, body, status, code) in cases {
        let refused = || stand.counted("taxameter_collect_requests_refused_total", Some(code));
        let before = refused();
        let (found, answer) = post(url, headers, body).await;
        assert_eq!((found, &answer["code"]), (status, &json!(code)), "{answer}");
        assert_eq!(refused() - before, 1, "{code}");
    }
    assert!(stand.logged().await.is_empty());
}

#[tokio::test]
async fn a_body_that_is_announced_as_too_large_is_not_waited_for() {
    let stand = Stand::new().await;
    let url = listen(&stand, Limits::default()).await;
    let address = url.trim_start_matches("http://").trim_end_matches("/v1/events");
    for (length, encoding) in [((16 << 20) + 1, ""), ((5 << 20) + 1, "content-encoding: gzip\r\n")] {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n{encoding}content-length: \
             {length}\r\nconnection: close\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("body_too_large"), "{answer}");
    }
    assert_eq!(stand.counted("taxameter_collect_requests_refused_total", Some("body_too_large")), 2);
}

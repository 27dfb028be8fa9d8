//! How large headers may be, how slowly a body may come, and how long an answer may take.

use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;

use super::place::{Place, read_until, rest};
use crate::listener::{Limit, Limits};

const SHORT: Duration = Duration::from_millis(50);

/// Status, code and whether the connection was closed for it.
fn problem(answer: &str) -> (u16, String, bool) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    assert!(head.contains("content-type: application/problem+json"), "{answer}");
    let body: Value = serde_json::from_str(body).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    assert_eq!(body["status"], status);
    (status, body["code"].as_str().unwrap().to_owned(), head.contains("connection: close"))
}

fn with_headers(bytes: usize) -> String {
    format!("GET / HTTP/1.1\r\nhost: here\r\nx-large: {}\r\n\r\n", "x".repeat(bytes))
}

#[tokio::test]
async fn headers_over_the_limit_are_431() {
    let place = Place::new(Limits::default()).await;
    let mut socket = place.send(&with_headers((16 << 10) - 100)).await;
    read_until(&mut socket, "here").await;
    let answer = rest(&mut place.send(&with_headers(16 << 10)).await).await;
    assert_eq!(problem(&answer), (431, "headers_too_large".to_owned(), true));
    // Beyond twice the limit they are not even read.
    let answer = rest(&mut place.send(&with_headers(40 << 10)).await).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(place.reached(Limit::HeaderBytes), 2);
}

const BODY: &str = "POST /body HTTP/1.1\r\nhost: here\r\ncontent-length: 100000\r\n\r\n";

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_refused_early() {
    let limits = Limits { body_grace: SHORT, body_rate: 1 << 10, ..Limits::default() };
    let place = Place::new(limits).await;
    let answer = rest(&mut place.send(&format!("{BODY}{}", "x".repeat(10))).await).await;
    assert_eq!(problem(&answer), (408, "body_timeout".to_owned(), true));
    assert!(answer.contains("1024 bytes a second"), "{answer}");
    assert_eq!((place.reached(Limit::BodyRate), place.reached(Limit::BodyTime)), (1, 0));
}

#[tokio::test]
async fn a_body_that_does_not_come_whole_in_time_is_refused() {
    let limits = Limits { body_grace: SHORT, body_rate: 1, body_time: SHORT * 3, ..Limits::default() };
    let place = Place::new(limits).await;
    let answer = rest(&mut place.send(&format!("{BODY}{}", "x".repeat(1_000))).await).await;
    assert_eq!(problem(&answer), (408, "body_timeout".to_owned(), true));
    assert_eq!((place.reached(Limit::BodyRate), place.reached(Limit::BodyTime)), (0, 1));
}

#[tokio::test]
async fn a_body_that_comes_fast_enough_in_pieces_is_taken() {
    let limits = Limits { body_grace: SHORT, body_rate: 10, ..Limits::default() };
    let place = Place::new(limits).await;
    let mut socket = place.send(BODY).await;
    for _ in 0..10 {
        socket.write_all(&[b'x'; 10_000]).await.unwrap();
        // Longer than the grace all in all; the first piece alone lasts for a thousand seconds.
        tokio::time::sleep(SHORT / 5).await;
    }
    read_until(&mut socket, "100000").await;
    assert_eq!(place.reached(Limit::BodyRate), 0);
}

#[tokio::test]
async fn an_answer_that_is_not_ready_in_time_is_503() {
    let limits = Limits { handler_time: SHORT, ..Limits::default() };
    let place = Place::new(limits).await;
    let answer = rest(&mut place.send("GET /never HTTP/1.1\r\nhost: here\r\n\r\n").await).await;
    assert_eq!(problem(&answer), (503, "handler_timeout".to_owned(), true));
    assert!(answer.contains("retry-after: "), "{answer}");
    assert_eq!(place.reached(Limit::HandlerTime), 1);
}

#[tokio::test]
async fn a_decision_has_more_time_than_a_question() {
    const CLOSE: &str = "POST /v1/months/2021-03/close HTTP/1.1\r\nhost: here\r\ncontent-length: 0\r\n\r\n";
    let limits =
        Limits { handler_time: SHORT, decision_time: Duration::from_secs(3_600), ..Limits::default() };
    let place = Place::new(limits).await;
    let _deciding = place.send(CLOSE).await;
    for _ in 0..3 {
        rest(&mut place.send("GET /never HTTP/1.1\r\nhost: here\r\n\r\n").await).await;
    }
    assert_eq!((place.reached(Limit::HandlerTime), place.connections()), (3, 1));
    let limits = Limits { decision_time: SHORT, ..Limits::default() };
    let answer = rest(&mut Place::new(limits).await.send(CLOSE).await).await;
    assert_eq!(problem(&answer).0, 503);
}

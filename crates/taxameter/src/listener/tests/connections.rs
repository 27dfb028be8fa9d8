//! How many connections there may be, and how long each may be slow or still.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::place::{DEADLINE, GET, Place, read_until, rest, until};
use crate::listener::{Limit, Limits};

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn headers_that_do_not_come_end_the_connection() {
    let place = Place::new(Limits { header_time: SHORT, idle_time: LONG, ..Limits::default() }).await;
    // Nothing at all, the start of either protocol's first words, and a request that has no end.
    for text in ["", "PRI * HT", "GET / HT", "GET / HTTP/1.1\r\nhost: here\r\nx-more: "] {
        assert_eq!(rest(&mut place.send(text).await).await, "", "{text:?}");
    }
    assert_eq!(place.reached(Limit::HeaderTime), 4);
    // The second request of a connection has no more time than the first.
    let mut socket = place.send(GET).await;
    read_until(&mut socket, "here").await;
    socket.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert_eq!(rest(&mut socket).await, "");
    assert_eq!((place.reached(Limit::HeaderTime), place.reached(Limit::IdleTime)), (5, 0));
}

#[tokio::test]
async fn a_connection_that_stands_still_is_closed() {
    let place = Place::new(Limits { idle_time: SHORT, ..Limits::default() }).await;
    let mut socket = place.send(GET).await;
    assert!(rest(&mut socket).await.ends_with("here"));
    assert_eq!((place.reached(Limit::IdleTime), place.reached(Limit::HeaderTime)), (1, 0));
}

#[tokio::test]
async fn an_answer_that_nobody_fetches_ends() {
    let limits = Limits { idle_time: SHORT, header_time: SHORT, ..Limits::default() };
    let place = Place::new(limits).await;
    let socket = place.send("GET /large HTTP/1.1\r\nhost: here\r\n\r\n").await;
    until("the connection is given up", || place.reached(Limit::IdleTime) == 1).await;
    until("its place is free again", || place.connections() == 0).await;
    drop(socket);
}

#[tokio::test]
async fn a_request_that_is_handled_is_not_idle() {
    let place = Place::new(Limits { idle_time: SHORT, header_time: SHORT, ..Limits::default() }).await;
    let mut waiting = place.send("GET /never HTTP/1.1\r\nhost: here\r\n\r\n").await;
    // Others come and go by the clock meanwhile.
    for _ in 0..3 {
        assert!(rest(&mut place.send(GET).await).await.ends_with("here"));
    }
    assert_eq!((place.reached(Limit::IdleTime), place.connections()), (3, 1));
    waiting.shutdown().await.unwrap();
    until("a sender that has left is let go", || place.connections() == 0).await;
}

#[tokio::test]
async fn one_connection_too_many_waits_and_is_counted() {
    let place = Place::new(Limits { connections: 2, ..Limits::default() }).await;
    let (first, _second) = (place.send("").await, place.send("").await);
    let mut third = place.send(GET).await;
    until("the third waits", || place.reached(Limit::Connections) == 1).await;
    assert_eq!(place.connections(), 2);
    drop(first);
    read_until(&mut third, "here").await;
}

#[tokio::test]
async fn a_thousand_senders_that_drip_headers_keep_nobody_from_being_answered() {
    let place = Place::new(Limits { header_time: Duration::from_secs(3), ..Limits::default() }).await;
    let mut slow = Vec::new();
    for _ in 0..1_000 {
        slow.push(place.send("GET / HTTP/1.1\r\nhost: here\r\nx-drip: ").await);
    }
    until("all are connected", || place.connections() == 1_000).await;
    let dripping = tokio::spawn(drip(slow));
    let mut answered = 0;
    while !dripping.is_finished() {
        read_until(&mut place.send(GET).await, "here").await;
        answered += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    dripping.await.unwrap();
    assert!(answered > 10, "{answered}");
    assert_eq!(place.reached(Limit::HeaderTime), 1_000);
}

/// A byte of a header from each, again and again, until all of them are cut off.
async fn drip(mut slow: Vec<TcpStream>) {
    let began = tokio::time::Instant::now();
    while !slow.is_empty() {
        assert!(began.elapsed() < DEADLINE, "{} are still there", slow.len());
        let mut left = Vec::new();
        for mut socket in slow {
            if socket.write_all(b"x").await.is_ok() {
                left.push(socket);
            }
        }
        slow = left;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

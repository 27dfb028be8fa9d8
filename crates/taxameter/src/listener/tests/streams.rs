//! HTTP/2: requests that share a connection.

use std::time::Duration;

use axum::http::Request;
use h2::Reason;
use h2::client::{Builder, SendRequest};
use tokio::net::TcpStream;

use super::place::{DEADLINE, Place};
use crate::listener::{Limit, Limits};

/// A sender that opens as many streams as it likes, and what becomes of its connection.
async fn connect(
    place: &Place,
) -> (SendRequest<bytes::Bytes>, tokio::task::JoinHandle<Result<(), h2::Error>>) {
    let socket = TcpStream::connect(place.address).await.unwrap();
    let (sender, connection) =
        Builder::new().initial_max_send_streams(1_000).handshake::<_, bytes::Bytes>(socket).await.unwrap();
    (sender, tokio::spawn(connection))
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://here{path}")).body(()).unwrap()
}

#[tokio::test]
async fn a_connection_has_so_many_requests_under_way_and_the_next_is_refused() {
    let place = Place::new(Limits { streams: 4, ..Limits::default() }).await;
    let (mut sender, _connection) = connect(&place).await;
    let mut answers: Vec<_> = (0..5).map(|_| sender.send_request(get("/never"), true).unwrap().0).collect();
    let fifth = tokio::time::timeout(DEADLINE, answers.remove(4)).await.expect("an answer").unwrap_err();
    assert_eq!(fifth.reason(), Some(Reason::REFUSED_STREAM));
    assert_eq!(place.reached(Limit::Streams), 1);
    // Room comes with every request that ends.
    drop(answers);
    let again = async {
        loop {
            let (answer, _) = sender.clone().ready().await.unwrap().send_request(get("/"), true).unwrap();
            if let Ok(answer) = answer.await {
                return answer.status();
            }
        }
    };
    assert_eq!(tokio::time::timeout(DEADLINE, again).await.expect("an answer"), 200);
}

#[tokio::test]
async fn a_shared_connection_that_stands_still_is_told_to_go() {
    let place = Place::new(Limits { idle_time: Duration::from_millis(50), ..Limits::default() }).await;
    let (mut sender, connection) = connect(&place).await;
    let answer = sender.send_request(get("/"), true).unwrap().0.await.unwrap();
    assert_eq!(answer.status(), 200);
    drop(answer);
    let ended = tokio::time::timeout(DEADLINE, connection).await.expect("an end").unwrap();
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!((place.reached(Limit::IdleTime), place.reached(Limit::HeaderTime)), (1, 0));
}

use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes as Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use super::*;

/// A program that answers as the contract says, after some trouble.
#[derive(Default)]
struct Double {
    /// What to answer before anything is taken.
    trouble: Mutex<Vec<StatusCode>>,
    taken: Mutex<Vec<String>>,
}

impl Double {
    fn answer(&self, headers: &HeaderMap, body: &[u8]) -> Response {
        if let Some(status) = self.trouble.lock().unwrap().pop() {
            return (status, [("retry-after", "0")], "{\"code\":\"trouble\"}").into_response();
        }
        let mut text = String::new();
        if headers.get("content-encoding").is_some() {
            std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(body), &mut text).unwrap();
        } else {
            text = String::from_utf8(body.to_vec()).unwrap();
        }
        let lines: Vec<&str> = text.lines().collect();
        let bad = |line: &&str| line.contains("\"id\":\"bad");
        let rejected: Vec<_> = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| bad(line))
            .map(|(index, _)| serde_json::json!({"index": index, "id": "bad", "code": "invalid_quantity", "detail": "quantity is x"}))
            .collect();
        let accepted = lines.len() - rejected.len();
        self.taken.lock().unwrap().extend(lines.into_iter().map(str::to_owned));
        (StatusCode::ACCEPTED, axum::Json(serde_json::json!({"accepted": accepted, "rejected": rejected})))
            .into_response()
    }
}

async fn start(double: Arc<Double>) -> String {
    let router = Router::new().route(
        "/v1/events",
        post(move |headers: HeaderMap, body: Body| async move { double.answer(&headers, &body) }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn event(id: &str, seq: u32) -> std::io::Result<Vec<u8>> {
    Ok(format!(
        "{{\"specversion\":\"1.0\",\"id\":\"{id}\",\"source\":\"/lkdata/test\",\"data\":{{\"seq\":{seq}}}}}"
    )
    .into_bytes())
}

#[tokio::test]
async fn every_event_arrives_once_and_in_the_order_of_its_identity() {
    let double = Arc::new(Double::default());
    let url = start(Arc::clone(&double)).await;
    let events: Vec<_> = (0..5).flat_map(|seq| (0..40).map(move |n| event(&format!("e{n}"), seq))).collect();
    for gzip in [false, true] {
        double.taken.lock().unwrap().clear();
        let options = Options { batch_events: 7, gzip, ..Options::new(&url) };
        let events: Vec<_> = events.iter().map(|event| Ok(event.as_ref().unwrap().clone())).collect();
        let progress = Arc::new(Progress::default());
        let summary = send(futures::stream::iter(events), &options, Arc::clone(&progress)).await.unwrap();
        assert_eq!(
            (summary.sent, summary.accepted, summary.rejected, progress.answered()),
            (200, 200, 0, 200)
        );
        let taken = double.taken.lock().unwrap();
        for n in 0..40 {
            let mine: Vec<_> =
                taken.iter().filter(|line| line.contains(&format!("\"e{n}\""))).cloned().collect();
            let want: Vec<_> =
                (0..5).map(|seq| String::from_utf8(event(&format!("e{n}"), seq).unwrap()).unwrap()).collect();
            assert_eq!(mine, want);
        }
    }
}

#[tokio::test]
async fn trouble_with_the_program_is_waited_out() {
    let double = Arc::new(Double::default());
    *double.trouble.lock().unwrap() =
        vec![StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY];
    let url = start(Arc::clone(&double)).await;
    let options = Options { parallel: 1, ..Options::new(url) };
    let summary = send(futures::stream::iter([event("a", 0)]), &options, Arc::default()).await.unwrap();
    assert_eq!((summary.sent, summary.retries, summary.requests), (1, 3, 1));
}

#[tokio::test]
async fn refused_events_are_counted_by_code_with_examples() {
    let url = start(Arc::default()).await;
    let events = [event("good", 0), event("bad1", 0), event("bad2", 0), Ok(b"  ".to_vec())];
    let summary = send(futures::stream::iter(events), &Options::new(url), Arc::default()).await.unwrap();
    assert_eq!((summary.sent, summary.accepted, summary.rejected), (3, 1, 2));
    let refusals = &summary.codes["invalid_quantity"];
    assert_eq!((refusals.count, refusals.examples[0].detail.as_str()), (2, "quantity is x"));
}

#[tokio::test]
async fn a_batch_that_is_refused_as_a_whole_ends_it() {
    let double = Arc::new(Double::default());
    *double.trouble.lock().unwrap() = vec![StatusCode::PAYLOAD_TOO_LARGE];
    let url = start(double).await;
    let failed = send(futures::stream::iter([event("a", 0)]), &Options::new(url), Arc::default()).await;
    assert!(matches!(failed, Err(Error::Refused { status: 413, .. })), "{failed:?}");
}

#[tokio::test]
async fn a_program_that_is_away_is_given_up_after_the_deadline() {
    // It has a port, and does not listen on it.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let options =
        Options { deadline: Duration::from_millis(250), ..Options::new(format!("http://{address}")) };
    let failed = send(futures::stream::iter([event("a", 0)]), &options, Arc::default()).await;
    assert!(matches!(failed, Err(Error::Deadline { .. })), "{failed:?}");
}

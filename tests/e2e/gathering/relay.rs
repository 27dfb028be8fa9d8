//! Between the collectors and the program: passes on what is sent, keeps every word of it, and cuts off when it is told to.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::Response;
use parking_lot::Mutex;
use tokio::net::TcpListener;

#[derive(Default)]
pub(crate) struct Relay {
    http: reqwest::Client,
    state: Mutex<Passing>,
}

#[derive(Default)]
struct Passing {
    to: String,
    /// All words (letters and digits) that were sent.
    words: BTreeSet<String>,
    /// The process to kill once it has taken what is sent next, before it is heard.
    victim: Option<String>,
}

impl Relay {
    /// Starts it; where it is.
    pub(crate) async fn start(self: &Arc<Self>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass).with_state(Arc::clone(self));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    /// Passes on to this address from now on.
    pub(crate) fn pass_to(&self, url: &str) {
        self.state.lock().to = url.to_owned();
    }

    /// Kills a process when it has answered the next request, whose sender does not get the answer.
    pub(crate) fn kill_at_next(&self, pid: String) {
        self.state.lock().victim = Some(pid);
    }

    pub(crate) fn words(&self) -> BTreeSet<String> {
        self.state.lock().words.clone()
    }
}

async fn pass(State(relay): State<Arc<Relay>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 64 << 20).await.unwrap();
    let to = {
        let mut state = relay.state.lock();
        let text = std::str::from_utf8(&body).unwrap();
        for word in text.split(|c: char| !c.is_alphanumeric()) {
            if !state.words.contains(word) {
                state.words.insert(word.to_owned());
            }
        }
        format!("{}{}", state.to, head.uri)
    };
    let request = relay.http.request(head.method, to).body(body);
    let content_type = head.headers[header::CONTENT_TYPE].clone();
    let answer = request.header(header::CONTENT_TYPE, content_type).send().await.unwrap();
    let (status, bytes) = (answer.status(), answer.bytes().await.unwrap());
    if let Some(pid) = relay.state.lock().victim.take() {
        assert!(status.is_success(), "{status}");
        assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        let cut = futures::stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("cut"))]);
        return Response::new(Body::from_stream(cut));
    }
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    response.body(Body::from(bytes)).unwrap()
}

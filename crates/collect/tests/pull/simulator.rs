//! Systems whose servers cannot be had here, simulated from their vendors' documentation: addresses, names of fields, paging,
//! ways in, headers. A test through them shows that a source does what is documented, not what a real system does.
//!
//! A [`Vendor`] knows one system. [`Simulator`] is its server on a free port of this machine; it lets in, and it fails as its
//! script says: each fault strikes a request that is numbered from 1, tokens not counted. Nobody waits: how long it would have
//! been is kept.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use collect::pull::source::{Clock, Failure, Read, Record, Source, System};
use domain::Instant;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::form_urlencoded;

/// What a request asks.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// As it was sent, with what is encoded in it.
    pub(crate) path: String,
    pub(crate) raw_query: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// Where this server is: `http://127.0.0.1:1234`.
    pub(crate) server: String,
}

impl Ask {
    pub(crate) fn number(&self, name: &str, default: usize) -> usize {
        self.query.get(name).map_or(default, |text| text.parse().unwrap())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The fields of a form.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

/// What one system answers.
pub(crate) trait Vendor: Send + Sync + 'static {
    /// Answers a request that was let in.
    fn answer(&self, ask: &Ask) -> Result<Value, StatusCode>;

    /// Where the things of a page are, as a JSON pointer.
    fn items(&self) -> &'static str;

    /// Where the link to the next page is, if there are links.
    fn link(&self) -> Option<&'static str> {
        None
    }

    /// Whether what asks at `/token` gets a token; None when the system gives none.
    fn token(&self, _ask: &Ask) -> Option<bool> {
        None
    }

    /// How many seconds a token is good.
    fn token_life(&self) -> u64 {
        3599
    }

    /// Removes the first of all things that are listed.
    fn remove(&self) {
        panic!("nothing can be removed here");
    }

    /// Whether a request is let in, of a system that gives no tokens.
    fn lets_in(&self, _ask: &Ask) -> bool {
        true
    }
}

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 429 with so many seconds in Retry-After.
    Busy(u64),
    /// Another status.
    Status(u16),
    /// 403, as Google answers to who asks too often.
    OverQuota,
    /// The token has run out: it is refused from now on, and only a new one is good.
    Expired,
    /// The connection ends in the middle of the answer.
    Cut,
    /// Half of the answer, as if that were all.
    Half,
    /// An object with nothing in it.
    Empty,
    /// Something was removed since the last answer.
    Removed,
    /// One thing fewer than there is.
    Fewer,
    /// The page that was answered last.
    Repeat,
    /// A link to another host.
    Elsewhere,
}

/// Which fault strikes which request.
pub(crate) type Script = Vec<(usize, Fault)>;

struct Server {
    vendor: Arc<dyn Vendor>,
    script: Script,
    address: SocketAddr,
    state: Mutex<Past>,
}

#[derive(Default)]
struct Past {
    asked: Vec<String>,
    /// How many tokens were given; the last one is good.
    tokens: usize,
    last: Value,
}

/// The server of a simulated system, which ends when this is dropped.
pub(crate) struct Simulator {
    server: Arc<Server>,
    task: JoinHandle<()>,
    /// Where the secrets of configurations are.
    pub(crate) directory: TempDir,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Simulator {
    pub(crate) async fn start(vendor: Arc<dyn Vendor>, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Arc::new(Server { vendor, script, address, state: Mutex::default() });
        WAITED.take();
        let router = Router::new().fallback(serve).with_state(Arc::clone(&server));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("secret"), "hemligt\n").unwrap();
        Self { server, task, directory }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Paths and queries that were asked for, decoded, tokens not counted.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.server.state.lock().asked.clone()
    }

    pub(crate) fn tokens(&self) -> usize {
        self.server.state.lock().tokens
    }

    /// A source as a user would configure it: its own settings, the path where the interface begins, how it lets us in.
    pub(crate) fn open(&self, settings: &str, path: &str, auth: &str) -> Box<dyn Source> {
        self.open_at(settings, path, auth, || at("2021-03-15T12:00:00Z"))
    }

    /// The same by a clock of its own.
    pub(crate) fn open_at(
        &self,
        settings: &str,
        path: &str,
        auth: &str,
        now: fn() -> Instant,
    ) -> Box<dyn Source> {
        let secret = self.directory.path().join("secret");
        let auth = auth.replace("SECRET", secret.to_str().unwrap()).replace("SERVER", &self.url());
        let url = self.url();
        let text = format!(
            "{settings}\n[connection]\nurl = \"{url}{path}\"\nplain_http = true\nnetworks = [\"127.0.0.0/8\"]\n\
             [connection.auth]\n{auth}"
        );
        let system: System = toml::from_str(&text).unwrap();
        let source = system.open_with(Clock { now, wait }).unwrap();
        assert_eq!(system.nature(), source.nature());
        source
    }
}

thread_local! {
    /// A test has a thread of its own.
    static WAITED: RefCell<Vec<Duration>> = const { RefCell::new(Vec::new()) };
}

/// Waits in no time.
pub(crate) fn wait(time: Duration) -> BoxFuture<'static, ()> {
    WAITED.with_borrow_mut(|waited| waited.push(time));
    std::future::ready(()).boxed()
}

/// How many seconds were waited for since the simulator was started.
pub(crate) fn waited() -> Vec<u64> {
    WAITED.take().iter().map(Duration::as_secs).collect()
}

/// Client credentials in the form, as Microsoft and Jamf want them.
pub(crate) const CLIENT: &str = r#"
kind = "client_credentials"
token_url = "SERVER/token"
client_id = "taxameter"
client_secret_file = "SECRET"
"#;

pub(crate) fn at(text: &str) -> Instant {
    Instant::parse_rfc3339(text).unwrap()
}

/// What came of a turn with all that follows it, and what failed on the way: each failure is tried again from where the last
/// read ended, as after a crash.
pub(crate) struct Gathered {
    pub(crate) records: Vec<Record>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) cursor: Option<String>,
    pub(crate) reads: usize,
}

pub(crate) async fn gather(source: &dyn Source, time: &str, cursor: Option<String>) -> Gathered {
    let mut gathered = Gathered { records: Vec::new(), failures: Vec::new(), cursor, reads: 0 };
    loop {
        match source.read(at(time), gathered.cursor.as_deref()).await {
            Ok(Read { records, cursor, more }) => {
                gathered.reads += 1;
                gathered.records.extend(records);
                assert!(!more || cursor != gathered.cursor, "a stream stands still at {cursor:?}");
                gathered.cursor = cursor;
                if !more {
                    return gathered;
                }
            }
            Err(failure) => gathered.failures.push(failure),
        }
        assert!(gathered.failures.len() + gathered.reads < 1000, "{:?}", gathered.failures.last());
    }
}

/// A field of each record, sorted.
pub(crate) fn column<'r>(records: &'r [Record], name: &str) -> Vec<&'r str> {
    let mut column: Vec<&str> =
        records.iter().map(|record| record.get(name).map_or("", String::as_str)).collect();
    column.sort_unstable();
    column
}

/// No record may hold any of these texts.
pub(crate) fn assert_free_of(records: &[Record], texts: &[&str]) {
    assert!(!records.is_empty());
    for (name, value) in records.iter().flatten() {
        for text in texts {
            assert!(!value.contains(text) && !name.contains(text), "{name} = {value} has {text}");
        }
    }
}

async fn serve(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let raw_query = head.uri.query().unwrap_or_default().to_owned();
    let ask = Ask {
        path: head.uri.path().to_owned(),
        query: form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect(),
        raw_query,
        headers: head.headers,
        body: String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap(),
        server: format!("http://{}", server.address),
    };
    let mut past = server.state.lock();
    if ask.path == "/token" {
        return match server.vendor.token(&ask) {
            Some(true) => {
                past.tokens += 1;
                let token = format!("token-{}", past.tokens);
                let life = server.vendor.token_life();
                json(&json!({"access_token": token, "token_type": "Bearer", "expires_in": life}))
            }
            Some(false) => StatusCode::UNAUTHORIZED.into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        };
    }
    let decoded =
        form_urlencoded::parse(format!("{}={}", ask.path, "").as_bytes()).next().unwrap().0.into_owned();
    let query: Vec<String> = ask.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    past.asked.push(format!("{decoded}?{}", query.join("&")));
    let number = past.asked.len();
    let fault = server.script.iter().find(|(struck, _)| *struck == number).map(|(_, fault)| *fault);
    if fault == Some(Fault::Expired) {
        past.tokens += 1;
    }
    let token = format!("Bearer token-{}", past.tokens);
    let is_in = match server.vendor.token(&ask) {
        Some(_) => ask.header("authorization") == token,
        None => server.vendor.lets_in(&ask),
    };
    if !is_in {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    answer(&server, &mut past, &ask, fault)
}

fn answer(server: &Server, past: &mut Past, ask: &Ask, fault: Option<Fault>) -> Response {
    if fault == Some(Fault::Removed) {
        server.vendor.remove();
    }
    let mut page = match server.vendor.answer(ask) {
        Ok(page) => page,
        Err(status) => return status.into_response(),
    };
    match fault {
        Some(Fault::Busy(seconds)) => {
            return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())])
                .into_response();
        }
        Some(Fault::OverQuota) => {
            let error = json!({"code": 403, "message": "Quota exceeded", "errors": [
                {"domain": "usageLimits", "reason": "quotaExceeded", "message": "Quota exceeded"}
            ]});
            return (StatusCode::FORBIDDEN, json!({"error": error}).to_string()).into_response();
        }
        Some(Fault::Status(status)) => return StatusCode::from_u16(status).unwrap().into_response(),
        Some(Fault::Fewer) => {
            page.pointer_mut(server.vendor.items()).unwrap().as_array_mut().unwrap().pop().unwrap();
        }
        Some(Fault::Empty) => page = json!({}),
        Some(Fault::Repeat) => page = past.last.clone(),
        Some(Fault::Elsewhere) => {
            let link = page.pointer_mut(server.vendor.link().unwrap()).unwrap();
            assert!(link.is_string(), "there is no link to lead elsewhere");
            *link = format!("http://127.0.0.2:1{}", ask.path).into();
        }
        Some(Fault::Cut) => {
            let text = page.to_string();
            let half = axum::body::Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
            let broken = futures::stream::iter([Ok(half), Err(std::io::Error::other("cut"))]);
            return Response::new(Body::from_stream(broken));
        }
        Some(Fault::Half) => {
            let text = page.to_string();
            return text[..text.len() / 2].to_owned().into_response();
        }
        Some(Fault::Expired | Fault::Removed) | None => {}
    }
    past.last = page.clone();
    json(&page)
}

fn json(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

//! The systems that are gathered from, simulated from their vendors' documentation: ONTAP's REST API, and of Microsoft Graph
//! v1.0 "List managedDevices" and the call records. They tell of the world what is so now, in pages, to whom they let in.

#[path = "systems/graph.rs"]
mod graph;
#[path = "systems/ontap.rs"]
mod ontap;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use parking_lot::Mutex;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::world::World;

/// What opens them.
pub(crate) const SECRET: &str = "hemligt";
const TOKEN: &str = "Bearer sesam";

/// A request that was let in.
struct Ask {
    server: SocketAddr,
    path: String,
    /// The pairs of the query in their order.
    query: Vec<(String, String)>,
}

impl Ask {
    fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str) -> usize {
        self.value(name).map_or(0, |text| text.parse().unwrap())
    }

    /// The same address with another place in the list.
    fn next(&self, name: &str, place: usize) -> String {
        let mut url = Url::parse(&format!("http://{}{}", self.server, self.path)).unwrap();
        let kept = self.query.iter().filter(|(known, _)| known != name);
        url.query_pairs_mut().extend_pairs(kept).append_pair(name, &place.to_string());
        url.into()
    }
}

/// All of them. They share the world and its time.
pub(crate) struct Systems {
    world: Arc<World>,
    now: Mutex<DateTime<Utc>>,
    /// Collectors whose system is away.
    away: Mutex<BTreeSet<&'static str>>,
}

/// Where they are.
pub(crate) struct Addresses {
    pub(crate) ontap: SocketAddr,
    pub(crate) graph: SocketAddr,
}

impl Systems {
    pub(crate) fn new(world: Arc<World>, now: DateTime<Utc>) -> Self {
        Self { world, now: Mutex::new(now), away: Mutex::default() }
    }

    pub(crate) async fn start(self: &Arc<Self>) -> Addresses {
        let mut addresses = Vec::new();
        for answer in [ontap::answer as Answering, graph::answer as Answering] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let server = listener.local_addr().unwrap();
            let router = Router::new().fallback(serve).with_state((Arc::clone(self), answer, server));
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
            addresses.push(server);
        }
        Addresses { ontap: addresses[0], graph: addresses[1] }
    }

    /// Lets time go on.
    pub(crate) fn set(&self, now: DateTime<Utc>) {
        *self.now.lock() = now;
    }

    /// Takes the system of a collector away, or brings it back.
    pub(crate) fn set_away(&self, collector: &'static str, is_away: bool) {
        let mut away = self.away.lock();
        if is_away {
            away.insert(collector)
        } else {
            away.remove(collector)
        };
    }

    fn is_away(&self, path: &str) -> bool {
        let collector = match path {
            path if path.contains("/storage/") => "lagring",
            path if path.contains("/managedDevices") => "mdm",
            path if path.contains("/callRecords") => "e-moten",
            _ => return false,
        };
        self.away.lock().contains(collector)
    }
}

type Answering = fn(&World, DateTime<Utc>, &Ask) -> Result<Value, StatusCode>;

async fn serve(
    State((systems, answer, server)): State<(Arc<Systems>, Answering, SocketAddr)>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let url = Url::parse(&format!("http://{server}{}", head.uri)).unwrap();
    if url.path() == "/token" {
        return token(&to_bytes(body, 1 << 20).await.unwrap());
    }
    let authorization = head.headers.get(header::AUTHORIZATION).map_or("", |value| value.to_str().unwrap());
    let basic = format!("Basic {}", BASE64.encode(format!("taxameter:{SECRET}").as_bytes()));
    if ![TOKEN, &basic].contains(&authorization) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let ask = Ask { server, path: url.path().to_owned(), query: url.query_pairs().into_owned().collect() };
    let now = *systems.now.lock();
    let page = match answer(&systems.world, now, &ask) {
        Ok(page) => page.to_string(),
        Err(status) => return status.into_response(),
    };
    if systems.is_away(&ask.path) {
        // A later page: the connection ends in the middle of the answer. Else nobody is there to answer.
        if ask.query.iter().any(|(name, place)| name.contains("skip") && place != "0") {
            let half = page.as_bytes()[..page.len() / 2].to_vec();
            let cut = futures::stream::iter([Ok(half), Err(std::io::Error::other("cut"))]);
            return Response::new(Body::from_stream(cut));
        }
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    ([(header::CONTENT_TYPE, "application/json")], page).into_response()
}

/// Entra's answer to client credentials.
fn token(form: &[u8]) -> Response {
    let form = String::from_utf8(form.to_vec()).unwrap();
    let form = Url::parse(&format!("http://localhost/?{form}")).unwrap();
    let fields: BTreeMap<_, _> = form.query_pairs().into_owned().collect();
    let has = |name: &str, value: &str| fields.get(name).is_some_and(|said| said == value);
    if !has("client_secret", SECRET) || !has("scope", "https://graph.microsoft.com/.default") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    axum::Json(json!({"access_token": "sesam", "token_type": "Bearer", "expires_in": 3599})).into_response()
}

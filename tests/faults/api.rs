//! What is asked of the programs over HTTP. Nothing here fails because one of them is away.

use std::time::Duration;

use eventlog::testkit::network::Place;
use reqwest::blocking::Client;
use serde_json::Value;

/// How long an answer may take. Shorter than a pause, so that a sender goes to the other collector while one stands still.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a decision or a whole list may take.
const LONG_TIMEOUT: Duration = Duration::from_secs(120);

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    /// All of it is accepted.
    Accepted,
    /// It is to be sent again.
    NotNow,
    /// It was refused, as no batch of ours may be.
    Refused(String),
}

/// A program, asked from its own place.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    url: String,
    client: Client,
    /// How long an answer to a question may take.
    patience: Duration,
}

impl Api {
    /// The program that listens on an address, asked from a place.
    pub(crate) fn new(place: &Place, address: &str) -> Self {
        let client = || Client::builder().no_proxy().timeout(TIMEOUT).build().expect("a client");
        let client = place.run(client).expect("the place is there");
        Self { url: format!("http://{address}"), client, patience: TIMEOUT }
    }

    /// The same program, asked for whole lists.
    pub(crate) fn patient(self) -> Self {
        Self { patience: LONG_TIMEOUT, ..self }
    }

    /// Sends a batch of so many events.
    pub(crate) fn send(&self, body: &[u8], count: usize) -> Sent {
        let request = self
            .client
            .post(format!("{}/v1/events", self.url))
            .header("content-type", "application/cloudevents-batch+json")
            .body(body.to_vec());
        let Ok(answer) = request.send() else { return Sent::NotNow };
        let status = answer.status();
        // An answer that breaks off is none.
        let Ok(text) = answer.text() else { return Sent::NotNow };
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.as_u16() == 202 && said["accepted"] == count && said["rejected"] == Value::Array(vec![]) {
            return Sent::Accepted;
        }
        if status.is_server_error() || status.as_u16() == 429 || status.as_u16() == 408 {
            return Sent::NotNow;
        }
        Sent::Refused(format!("{status} {text}"))
    }

    /// Whether it answers a path with success.
    pub(crate) fn answers(&self, path: &str) -> bool {
        self.bytes(path).is_ok()
    }

    /// `GET` of bytes.
    pub(crate) fn bytes(&self, path: &str) -> Result<Vec<u8>, String> {
        let request = self.client.get(format!("{}{path}", self.url)).timeout(self.patience);
        let answer = request.send().map_err(|error| format!("{path}: {error}"))?;
        let status = answer.status();
        let bytes = answer.bytes().map_err(|error| format!("{path}: {error}"))?;
        if status.is_success() {
            return Ok(bytes.to_vec());
        }
        Err(format!("{path}: {status} {}", String::from_utf8_lossy(&bytes)))
    }

    /// A query of ClickHouse.
    pub(crate) fn query(&self, sql: &str, password: &str) -> Result<String, String> {
        let request = self.client.post(&self.url).header("x-clickhouse-key", password).timeout(LONG_TIMEOUT);
        let answer = request.body(sql.to_owned()).send().map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.text().map_err(|error| error.to_string())?;
        if status.is_success() { Ok(text) } else { Err(text) }
    }

    /// `GET` of JSON.
    pub(crate) fn get(&self, path: &str) -> Result<Value, String> {
        serde_json::from_slice(&self.bytes(path)?).map_err(|error| format!("{path}: {error}"))
    }

    /// All items of a list, page by page.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<Value>, String> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut page = self.get(&format!("{path}&limit=10000{cursor}"))?;
            items.append(page["items"].as_array_mut().ok_or_else(|| format!("{path}: no items"))?);
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(items),
            }
        }
    }

    /// `POST` of JSON; the status and the answer.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<(u16, String), String> {
        let request = self.client.post(format!("{}{path}", self.url)).timeout(LONG_TIMEOUT).json(body);
        let answer = request.send().map_err(|error| format!("{path}: {error}"))?;
        let status = answer.status().as_u16();
        answer.text().map(|text| (status, text)).map_err(|error| format!("{path}: {error}"))
    }
}

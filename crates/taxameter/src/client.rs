//! How commands reach the program: over HTTP to the one that runs, or by running it themselves on a data directory.

pub mod trust;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::config::{Config, DEFAULT_DATA, DEFAULT_LISTEN, Flags, read_secret};
use crate::serve::{self, Program};
use trust::Trust;

/// How many items a page of a list has when a command reads all of it.
const PAGE: &str = "10000";

/// How long the program may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer, or the next part of one, may be waited for: the program itself ends what takes 120 s.
const READ_TIMEOUT: Duration = Duration::from_secs(150);

/// Which program a command talks to.
#[derive(Debug, Clone, Default, Args)]
pub struct Target {
    /// The running program [default: http://127.0.0.1:8321].
    #[arg(long, env = "TAXAMETER_SERVER", value_name = "URL", conflicts_with = "data")]
    pub server: Option<String>,
    /// A data directory to open when no program runs on it.
    #[arg(long, env = "TAXAMETER_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// A file with a key, when the program asks for one.
    #[arg(long, env = "TAXAMETER_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Whose certificates are taken.
    #[command(flatten)]
    pub trust: Trust,
}

/// A program to talk to, and the one that was started for it, if any.
pub struct Connection {
    /// Talks to it.
    pub client: Client,
    started: Option<Program>,
}

impl Target {
    /// Finds the program, or starts one on the data directory.
    pub async fn connect(&self) -> anyhow::Result<Connection> {
        let key = self.key_file.as_deref().map(read_secret).transpose()?;
        if let Some(server) = &self.server {
            return Ok(Connection { client: Client::new(server, key, &self.trust)?, started: None });
        }
        let data = self.data.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DATA));
        if let Some(url) = serve::running_on(&data) {
            return Ok(Connection { client: Client::new(&url, key, &self.trust)?, started: None });
        }
        if self.data.is_none() {
            let client = Client::new(&format!("http://{DEFAULT_LISTEN}"), key, &self.trust)?;
            if client.answers().await || !data.is_dir() {
                return Ok(Connection { client, started: None });
            }
        }
        Self::start(&data).await
    }

    async fn start(data: &Path) -> anyhow::Result<Connection> {
        if !data.is_dir() {
            bail!(
                "{} is no data directory: start the program with `taxameter serve --data DIR`",
                data.display()
            );
        }
        let flags = Flags {
            data: Some(data.to_owned()),
            listen: Some(([127, 0, 0, 1], 0).into()),
            ..Flags::default()
        };
        // Who can read the data directory can do everything anyway: the program that only he has takes his word.
        let key = data_encoding::HEXLOWER.encode(&serve::random()?);
        let config = Config { own_key: Some(key.clone()), ..Config::load(&flags)? };
        let program = serve::start(config).await?;
        let client = Client::new(program.url(), Some(key), &Trust::default())?;
        Ok(Connection { client, started: Some(program) })
    }
}

impl Connection {
    /// Stops the program if it was started for this connection.
    pub async fn close(self) -> anyhow::Result<()> {
        match self.started {
            Some(program) => program.stop().await,
            None => Ok(()),
        }
    }
}

/// Talks to a program over HTTP.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: Option<store::Secret>,
}

impl Client {
    /// For the program at this URL, with the key that it asks for, if it does.
    pub fn new(url: &str, key: Option<String>, trust: &Trust) -> anyhow::Result<Self> {
        if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
            bail!("{url} is no address of a program: write it as http://127.0.0.1:8321 or https://…");
        }
        let http = trust.client(url)?.connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT);
        let http = http.build().context("could not set up an HTTP client")?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), key: key.map(store::Secret) })
    }

    /// Where the program is.
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn answers(&self) -> bool {
        self.http
            .get(format!("{}/livez", self.url))
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
    }

    /// Sends a request and refuses an answer that is an error, with what the program says about it.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> anyhow::Result<Response> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).query(query);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = &self.key {
            request = request.bearer_auth(&key.0);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let url = &self.url;
                let silent = error.is_timeout() && !error.is_connect();
                let message = trust::refused(url, &error).unwrap_or_else(|| match silent {
                    true => format!(
                        "{url} took the request and did not answer within {} s: see its log, and whether it runs at all",
                        READ_TIMEOUT.as_secs()
                    ),
                    false => format!(
                        "nothing answers at {url}: start the program with `taxameter serve`, or name it with --server"
                    ),
                });
                return Err(anyhow::Error::new(error).context(message));
            }
        };
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(problem(answer).await)
    }

    /// `GET` with a JSON answer.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Value> {
        self.request(Method::GET, path, query, None).await?.json().await.context("the answer is not JSON")
    }

    /// `POST` of JSON with a JSON answer.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.request(Method::POST, path, &[], Some(body))
            .await?
            .json()
            .await
            .context("the answer is not JSON")
    }

    /// All items of a paged list, and the last page (which has what else the list says, such as totals).
    pub async fn list(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<(Vec<Value>, Value)> {
        let mut items = Vec::new();
        let mut cursor = None;
        loop {
            let mut paged = query.to_vec();
            paged.push(("limit", PAGE.to_owned()));
            paged.extend(cursor.map(|cursor| ("cursor", cursor)));
            let mut page = self.get(path, &paged).await?;
            let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) else {
                bail!("{path} has no items")
            };
            items.extend(more);
            match page.get("next").and_then(Value::as_str) {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok((items, page)),
            }
        }
    }
}

/// What the program says of its parameters, in the options of commands that mean the same.
fn in_options(detail: &str) -> String {
    let options = [("preliminary=true", "--preliminary"), ("group_by:", "--by:")];
    options.iter().fold(detail.to_owned(), |detail, (parameter, option)| detail.replace(parameter, option))
}

/// What a refused request was refused for (RFC 9457), in one message.
async fn problem(answer: Response) -> anyhow::Error {
    let status = answer.status();
    let text = answer.text().await.unwrap_or_default();
    let Ok(problem) = serde_json::from_str::<Value>(&text) else {
        return anyhow::anyhow!(
            "the program answered {status}: {}",
            text.chars().take(500).collect::<String>()
        );
    };
    let field = |name| problem.get(name).and_then(Value::as_str);
    let code = field("code").unwrap_or("unknown");
    let mut message = match field("detail").or_else(|| field("title")) {
        Some(detail) => format!("{} ({code})", in_options(detail)),
        None => format!("{} ({code})", status.canonical_reason().unwrap_or("refused")),
    };
    if status == StatusCode::UNAUTHORIZED {
        message.push_str("; name a file with a key by --key-file or TAXAMETER_KEY_FILE");
    }
    if status == StatusCode::CONFLICT
        && let Some(blockers) = problem.get("blockers").and_then(Value::as_array)
    {
        for blocker in blockers {
            let part = |name| blocker.get(name).and_then(Value::as_str).unwrap_or_default();
            message.push_str(&format!(
                "\n  {:<20} {} {} {}",
                part("code"),
                part("service"),
                part("meter"),
                part("detail")
            ));
        }
    }
    anyhow::Error::msg(message)
}

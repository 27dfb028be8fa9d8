//! `taxameter collect`: one turn of a collector, now.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use arc_swap::ArcSwap;
use clap::Args;
use collect::pull::deliver::{Deliver, Delivered, Refused};
use collect::pull::{Metrics, Puller};
use domain::Instant;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use crate::client::Client;
use crate::client::trust::Trust;
use crate::config::{Config, Flags, read_secret};
use crate::serve::{now, pull, running_on};

/// Gathers a turn from a system at once, or shows what would be sent.
///
/// `taxameter serve` takes the turns of every [pull.NAME] of its configuration by itself. This takes one by hand, for a
/// collector that no running program has.
#[derive(Debug, Args)]
pub struct Collect {
    /// The collector: NAME of a [pull.NAME] in the configuration.
    name: String,
    /// Print what would be sent, one event in a line, and send nothing. A stream is read from its beginning.
    #[arg(long)]
    dry_run: bool,
    /// Take the turn of this time instead of now's; a system that only knows the present answers with that.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Instant>,
    /// Configuration file (TOML).
    #[arg(long, env = "TAXAMETER_CONFIG", value_name = "FILE")]
    config: PathBuf,
    /// The data directory, for the collector's place and its keys [default: the configuration's].
    #[arg(long, env = "TAXAMETER_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The program that the events are sent to [default: the one on the data directory].
    #[arg(long, env = "TAXAMETER_SERVER", value_name = "URL")]
    server: Option<String>,
    /// A file with a key, when the program asks for one.
    #[arg(long, env = "TAXAMETER_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Whose certificates are taken.
    #[command(flatten)]
    trust: Trust,
}

fn time(text: &str) -> Result<Instant, String> {
    Instant::parse_rfc3339(text)
        .ok_or_else(|| format!("{text:?} is no time such as 2021-03-01T02:00:00+01:00"))
}

impl Collect {
    /// Does what was asked.
    #[expect(clippy::print_stdout, reason = "the answer of a command")]
    pub async fn run(self) -> anyhow::Result<()> {
        let flags = Flags { config: Some(self.config.clone()), data: self.data.clone(), ..Flags::default() };
        let config = Config::load(&flags)?;
        let catalogue = crate::catalogue::of_directory(config.catalog.as_deref())?;
        let recipe = pull::recipe(&config, &self.name, Arc::new(ArcSwap::from_pointee(catalogue.clone())))?;
        let findings = config.pull[&self.name].check(&catalogue);
        if !findings.is_empty() {
            bail!("[pull.{}] does not fit the catalogue:\n  {}", self.name, findings.join("\n  "));
        }
        let at = recipe.turn_at(self.at.unwrap_or_else(now));
        if self.dry_run {
            let mut out = io::stdout().lock();
            for event in recipe.preview(at).await? {
                out.write_all(&event)?;
                out.write_all(b"\n")?;
            }
            return Ok(());
        }
        let to = ToServer { client: self.client(&config)? };
        let metrics = Metrics::register(&prometheus::Registry::new())?;
        let mut puller = Puller::open(recipe, pull::place(&config, &self.name), Arc::new(to), metrics)?;
        if let Some(last) = puller.last_turn().filter(|last| *last > at) {
            bail!("{} has taken its turn of {last}: the one of {at} cannot be taken any more", self.name);
        }
        let sum = puller.turn(at).await.with_context(|| format!("{} of {at} was not gathered", self.name))?;
        println!(
            "{} {at}: {} poster, {} händelser mottagna, {} avvisade",
            self.name, sum.records, sum.accepted, sum.refused
        );
        Ok(())
    }

    /// Talks to a program that runs: which log a stopped one has stands in a configuration that this need not be.
    fn client(&self, config: &Config) -> anyhow::Result<Client> {
        let server = self.server.clone().or_else(|| running_on(&config.data)).with_context(|| {
            format!(
                "no program runs on {}: start it with `taxameter serve`, or name one with --server",
                config.data.display()
            )
        })?;
        let key = self.key_file.as_deref().map(read_secret).transpose()?;
        Client::new(&server, key, &self.trust)
    }
}

/// A program over HTTP.
struct ToServer {
    client: Client,
}

/// The answer of `POST /v1/events`.
#[derive(Deserialize)]
struct Answer {
    accepted: usize,
    rejected: Vec<Rejected>,
}

#[derive(Deserialize)]
struct Rejected {
    index: usize,
    code: String,
    detail: String,
}

impl ToServer {
    async fn send(&self, events: &[Vec<u8>]) -> anyhow::Result<Delivered> {
        let events =
            events.iter().map(|event| serde_json::from_slice(event)).collect::<Result<Vec<Value>, _>>()?;
        let answer = self.client.post("/v1/events", &Value::Array(events)).await?;
        let answer: Answer =
            serde_json::from_value(answer).context("the program's answer is not that of events")?;
        let refused = answer.rejected.into_iter().map(|Rejected { index, code, detail }| Refused {
            index,
            code,
            detail,
        });
        Ok(Delivered { accepted: answer.accepted, refused: refused.collect() })
    }
}

impl Deliver for ToServer {
    fn deliver<'a>(&'a self, events: &'a [Vec<u8>]) -> BoxFuture<'a, Result<Delivered, String>> {
        async move { self.send(events).await.map_err(|error| format!("{error:#}")) }.boxed()
    }
}

//! `taxameter demo`: everything at work on a small year, through the same doors that everybody uses.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant as Stopwatch;

use anyhow::Context;
use clap::Args;
use domain::Month;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::StatusCode;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::client::Client;
use crate::client::trust::Trust;
use crate::config::{Config, Flags};
use crate::generate::{self, Faults, Generator, GeneratorConfig, Item, Sample};
use crate::output::swedish;
use crate::send::{self, Options, Progress};
use crate::serve;

/// The demo's year, and the month before it, so that the dashboard has thirteen.
const YEAR: i32 = 2021;
/// How many events wait between the generator and the sender.
const QUEUE: usize = 4_096;
/// Why the demo closes a month in spite of the gap that the generated outage leaves.
const GAP_REASON: &str = "demo: avbrott hos källan";

/// The catalogue's file of agreements, and its column (from 0) that says how many.
const AGREEMENTS: &str = "avtal.csv";
const AGREEMENTS_NUMBER: usize = 5;

/// Shows everything at work.
#[derive(Debug, Args)]
pub struct Demo {
    /// Directory to keep the demo's data in [default: a temporary one, removed at the end].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address to listen on.
    #[arg(long, default_value = crate::config::DEFAULT_LISTEN, value_name = "ADDR:PORT")]
    listen: SocketAddr,
    /// How much of the municipality: thousandths of its objects and events.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "THOUSANDTHS")]
    sample: u32,
    /// The generator's seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stop when the year is billed instead of serving it.
    #[arg(long)]
    once: bool,
    /// The ClickHouse engine (libchdb.so) to use instead of fetching it.
    #[arg(long, env = "TAXAMETER_ENGINE", value_name = "FILE", hide = true)]
    engine: Option<PathBuf>,
}

impl Demo {
    /// Runs until it is told to stop (or until the year is billed, with `--once`).
    pub async fn run(self) -> anyhow::Result<()> {
        let began = Stopwatch::now();
        let temporary = match &self.data {
            Some(_) => None,
            None => Some(tempfile::tempdir().context("could not make a temporary directory")?),
        };
        let catalogue = self.catalogue().context("could not write the demo's catalogue")?;
        let data = self.data.clone().or_else(|| temporary.as_ref().map(|t| t.path().to_owned()));
        let flags = Flags {
            data,
            listen: Some(self.listen),
            engine: self.engine.clone(),
            catalog: Some(catalogue.path().to_owned()),
            ..Flags::default()
        };
        let mut program = serve::start(Config::load(&flags)?).await?;
        let url = program.url().to_owned();
        tell(&format!("taxameter lyssnar på {url} – öppna sidan och se månaderna fyllas på"));
        let outcome = tokio::select! {
            outcome = self.play(&url, began) => outcome,
            ended = program.ended() => ended,
            () = serve::told_to_stop() => return program.stop().await,
        };
        if outcome.is_ok() && !self.once {
            tokio::select! {
                ended = program.ended() => ended?,
                () = serve::told_to_stop() => {}
            }
        }
        program.stop().await.and(outcome)
    }

    /// Linköping's catalogue with the sample's part of every agreement, so that what is billed without events keeps its
    /// proportion to what is metered.
    fn catalogue(&self) -> anyhow::Result<tempfile::TempDir> {
        let directory = tempfile::tempdir()?;
        for (path, bytes) in catalog::linkoping().iter() {
            let file = directory.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap_or(directory.path()))?;
            let scaled = (path == AGREEMENTS).then(|| scaled(&String::from_utf8_lossy(bytes), self.sample));
            std::fs::write(file, scaled.as_deref().map_or(bytes, str::as_bytes))?;
        }
        Ok(directory)
    }

    async fn play(&self, url: &str, began: Stopwatch) -> anyhow::Result<()> {
        let client = Client::new(url, None, &Trust::default())?;
        let month = |year, number| Month::new(year, number).context("a month of the demo");
        let (first, last) = (month(YEAR - 1, 12)?, month(YEAR, 12)?);
        let mut player =
            Player { client, next_close: first, last_close: last.previous(), shown: None, began };
        // Usage that nobody pays for blocks a close, so only the month that stays open has some of it.
        let decided = Faults { unknown_costcentres: false, ..Faults::ALL };
        let acts =
            [(first, first, decided), (month(YEAR, 1)?, last.previous(), decided), (last, last, Faults::ALL)];
        let sample =
            Sample::from_millionths(self.sample * 1_000).context("a sample is 1 to 1000 thousandths")?;
        let (mut sent, mut refused) = (0, 0);
        for (from, to, faults) in acts {
            let config = GeneratorConfig { seed: self.seed, sample, from, to, faults };
            let summary = player.act(config).await?;
            sent += summary.0;
            refused += summary.1;
        }
        while player.next_close <= player.last_close {
            player.close_next().await?;
        }
        player.farewell(sent, refused, last).await
    }
}

/// The rows of agreements with so many thousandths of their number.
fn scaled(agreements: &str, thousandths: u32) -> String {
    let mut text = String::with_capacity(agreements.len() * 2);
    for line in agreements.lines() {
        let mut cells: Vec<&str> = line.split(';').collect();
        let part;
        if let Some(number) = cells.get(AGREEMENTS_NUMBER).and_then(|cell| cell.parse::<u64>().ok()) {
            let number = number * u64::from(thousandths);
            part = format!("{},{:03}", number / 1_000, number % 1_000);
            cells[AGREEMENTS_NUMBER] = &part;
        }
        text.push_str(&cells.join(";"));
        text.push_str("\r\n");
    }
    text
}

/// Sends the year, and closes each month when its time has come.
struct Player {
    client: Client,
    next_close: Month,
    last_close: Month,
    /// How long it took until the first figures were on the page.
    shown: Option<std::time::Duration>,
    began: Stopwatch,
}

impl Player {
    /// Sends what one generator makes: how many events were sent, and how many refused.
    async fn act(&mut self, config: GeneratorConfig) -> anyhow::Result<(u64, u64)> {
        let (items, mut generated) = mpsc::channel::<Item>(QUEUE);
        let (catalogue, plan) = generate::catalogue_and_plan(None)?;
        let months = if config.from == config.to {
            config.from.to_string()
        } else {
            format!("{} – {}", config.from, config.to)
        };
        let generator = tokio::task::spawn_blocking(move || {
            for item in Generator::new(&config, &catalogue, &plan) {
                if items.blocking_send(item).is_err() {
                    return;
                }
            }
        });
        let bar = progress_bar();
        bar.set_message(format!("skickar {months}"));
        let (mut sent, mut refused, mut waiting) = (0, 0, None);
        loop {
            let due = (self.next_close <= self.last_close).then(|| generate::close_of(self.next_close));
            let (events, stream) = mpsc::channel(QUEUE);
            let options = Options::new(self.client.url());
            let sending = tokio::spawn(async move {
                send::send(ReceiverStream::new(stream), &options, Arc::new(Progress::default())).await
            });
            let mut finished = false;
            loop {
                let next = match waiting.take() {
                    Some(item) => Some(item),
                    None => generated.recv().await,
                };
                let Some(item) = next else {
                    finished = true;
                    break;
                };
                if due.is_some_and(|due| item.arrives > due) {
                    waiting = Some(item);
                    break;
                }
                bar.inc(1);
                if events.send(Ok(item.bytes)).await.is_err() {
                    break;
                }
            }
            drop(events);
            let summary = sending.await.context("the sender ended early")??;
            sent += summary.sent;
            refused += summary.rejected;
            self.look_at_page().await?;
            if finished {
                break;
            }
            bar.set_message(format!("stänger {}", self.next_close));
            self.close_next().await?;
            bar.set_message(format!("skickar {months}"));
        }
        generator.await.context("the generator ended early")?;
        bar.finish_and_clear();
        Ok((sent, refused))
    }

    /// Closes the next month, and accepts the gap that the generated outage leaves.
    async fn close_next(&mut self) -> anyhow::Result<()> {
        let path = format!("/v1/months/{}/close", self.next_close);
        self.client
            .post(&path, &json!({"accept": {"gaps": GAP_REASON}}))
            .await
            .with_context(|| format!("could not close {}", self.next_close))?;
        self.next_close = self.next_close.next();
        Ok(())
    }

    /// Notes when the page first has figures.
    async fn look_at_page(&mut self) -> anyhow::Result<()> {
        if self.shown.is_some() {
            return Ok(());
        }
        let range =
            [("from", format!("{}-12", YEAR - 1)), ("to", format!("{YEAR}-12")), ("limit", "1".to_owned())];
        let page = self.client.get("/v1/usage", &range).await?;
        if page["items"].as_array().is_some_and(|items| !items.is_empty()) {
            self.shown = Some(self.began.elapsed());
        }
        Ok(())
    }

    async fn farewell(&self, sent: u64, refused: u64, open: Month) -> anyhow::Result<()> {
        let (months, _) = self.client.list("/v1/months", &[]).await?;
        let closed = months.iter().filter(|month| month["state"] == "closed").count();
        let url = self.client.url();
        let page = self.client.request(reqwest::Method::GET, "/", &[], None).await?;
        anyhow::ensure!(page.status() == StatusCode::OK, "the dashboard answered {}", page.status());
        let shown = self.shown.map_or(0, |shown| shown.as_secs());
        tell(&format!(
            "\n{} händelser skickade, {refused} avvisade (med personnummer i), {closed} månader stängda på {} s; de första \
             siffrorna syntes efter {shown} s.\n\n  Sidan                {url}/\n  En månads underlag   \
             {url}/v1/exports/{}/xlsx\n  Volym och kostnad    {url}/v1/usage?from={}&to={open}\n\nPröva sedan, i ett annat \
             fönster (cargo run --release -- …):\n  taxameter usage --service e-moten\n  taxameter bill preview {open}\n  \
             taxameter bill show\n  taxameter export {} --format xlsx\n",
            swedish(&sent.to_string()),
            self.began.elapsed().as_secs(),
            self.last_close,
            self.last_close,
            self.last_close,
        ));
        Ok(())
    }
}

fn progress_bar() -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg:<32} {human_pos} händelser  {per_sec}") {
        bar.set_style(style);
    }
    bar
}

#[expect(clippy::print_stdout, reason = "a demo speaks to who watches it")]
fn tell(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_bills_its_part_of_every_agreement() {
        let (whole, files) = (catalog::linkoping(), catalog::linkoping());
        let text = scaled(&String::from_utf8_lossy(whole.get(AGREEMENTS).unwrap()), 5);
        let mut part = files;
        part.insert(AGREEMENTS, text.into_bytes());
        let (whole, part) =
            (catalog::check(&whole).unwrap().catalogue, catalog::check(&part).unwrap().catalogue);
        assert_eq!(whole.agreements.len(), part.agreements.len());
        for (whole, part) in whole.agreements.iter().zip(&part.agreements) {
            assert_eq!(whole.quantity.micros() * 5, part.quantity.micros() * 1_000, "{}", whole.id);
        }
    }
}

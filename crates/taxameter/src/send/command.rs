//! `taxameter send`: NDJSON from a file or standard input to the program.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::stream;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;

use super::{Options, Progress, Summary, send};
use crate::client::trust::Trust;
use crate::output::{Format, List, number, text};

/// How many lines are read ahead.
const AHEAD_LINES: usize = 4_096;

/// Sends events (NDJSON, one CloudEvent a line) to the program.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file (.gz and .zst are unpacked), or - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The running program.
    #[arg(long, env = "TAXAMETER_SERVER", default_value = "http://127.0.0.1:8321", value_name = "URL")]
    server: String,
    /// A file with an API key, when the program wants one.
    #[arg(long, env = "TAXAMETER_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
    /// How many events a request has at most.
    #[arg(long, default_value_t = 1_000)]
    batch: usize,
    /// How many requests are under way at once.
    #[arg(long, default_value_t = 4)]
    parallel: usize,
    /// Compress requests.
    #[arg(long)]
    gzip: bool,
    /// How many seconds a batch is tried before giving up.
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    deadline: u64,
    /// End with 0 though events were refused; otherwise that is a failure.
    #[arg(long)]
    allow_rejected: bool,
    /// Form of the summary.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
}

/// Sends the file and prints the summary. Fails with 1 when events were refused and that was not allowed.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let key = args
        .key_file
        .as_ref()
        .map(std::fs::read_to_string)
        .transpose()
        .context("could not read the API key")?;
    let options = Options {
        batch_events: args.batch.max(1),
        parallel: args.parallel.max(1),
        gzip: args.gzip,
        deadline: Duration::from_secs(args.deadline),
        key: key.map(|key| key.trim().to_owned()),
        trust: args.trust,
        ..Options::new(args.server)
    };
    let reader = open(&args.file).with_context(|| format!("could not read {}", args.file.display()))?;
    let progress = Arc::new(Progress::default());
    let shown = show(Arc::clone(&progress));
    let lines = lines(reader);
    let events =
        stream::unfold(lines, |mut lines| async move { lines.recv().await.map(|line| (line, lines)) });
    let summary = send(Box::pin(events), &options, progress).await;
    shown.abort();
    let summary = summary?;
    print(&summary, args.output, &mut io::stdout().lock())?;
    let failed = summary.rejected > 0 && !args.allow_rejected;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path)?;
    Ok(match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file))),
        Some("zst") => Box::new(zstd::Decoder::new(file)?),
        _ => Box::new(file),
    })
}

/// Reads lines on a thread of their own, so that a slow disk or pipe never holds up requests.
fn lines(reader: Box<dyn Read + Send>) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (out, lines) = mpsc::channel(AHEAD_LINES);
    tokio::task::spawn_blocking(move || {
        for line in BufReader::with_capacity(1 << 20, reader).split(b'\n') {
            // Nobody wants more once the receiver is gone.
            if out.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Shows the progress until it is aborted; nothing when standard error is no terminal.
fn show(progress: Arc<Progress>) -> tokio::task::JoinHandle<()> {
    let bar = ProgressBar::no_length();
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {human_pos} händelser sända  {per_sec}  {elapsed}")
    {
        bar.set_style(style);
    }
    tokio::spawn(async move {
        loop {
            bar.set_position(progress.answered());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
}

/// Prints what became of the events.
fn print(summary: &Summary, format: Format, out: &mut impl Write) -> io::Result<()> {
    if format == Format::Json {
        serde_json::to_writer_pretty(&mut *out, summary)?;
        return writeln!(out);
    }
    let mut list =
        List::new(&[text("what", "Händelser"), number("count", "Antal"), text("example", "Exempel")]);
    let mut row = |what: &str, count: u64, example: Option<String>| {
        list.rows.push(vec![Some(what.to_owned()), Some(count.to_string()), example]);
    };
    row("sända", summary.sent, None);
    row("mottagna", summary.accepted, None);
    row("avvisade", summary.rejected, None);
    for (code, refusals) in &summary.codes {
        let first = refusals.examples.first();
        row(&format!("  {code}"), refusals.count, first.map(|example| example.detail.clone()));
    }
    list.print(format, out)?;
    if format == Format::Table {
        let seconds = summary.milliseconds / 1_000;
        let (tenths, megabytes) = (summary.milliseconds % 1_000 / 100, summary.bytes / 1_000_000);
        let (rate, retries) = (summary.events_per_second(), summary.retries);
        writeln!(
            out,
            "\n{megabytes} MB på {seconds},{tenths} s: {rate} händelser/s, {retries} omsändningar"
        )?;
    }
    Ok(())
}

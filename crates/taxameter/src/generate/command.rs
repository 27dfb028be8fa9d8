//! `taxameter generate`: the example year as NDJSON, to a file or on standard output.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use domain::Month;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Account, Faults, Generator, GeneratorConfig, Planned, Sample};
use crate::output::{Format, List, number, swedish, text};

/// How often the progress bar is told: often enough to move, seldom enough to cost nothing.
const PROGRESS_EVENTS: u64 = 10_000;

/// Generates the example year: deterministic events of all services, with known faults.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The year.
    #[arg(long, default_value_t = 2021)]
    year: i32,
    /// How much of the municipality: 0.1% to 100%.
    #[arg(long, default_value = "1%")]
    sample: Sample,
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// First month [default: January of the year].
    #[arg(long, value_name = "MONTH")]
    from: Option<Month>,
    /// Last month [default: December of the year].
    #[arg(long, value_name = "MONTH")]
    to: Option<Month>,
    /// Where to write: a file (.gz and .zst are compressed), or - for standard output.
    #[arg(long, default_value = "-", value_name = "FILE")]
    out: PathBuf,
    /// Without duplicates, late events and everything else that goes wrong.
    #[arg(long)]
    no_faults: bool,
    /// Catalogue directory [default: the built-in one, Linköping's].
    #[arg(long, value_name = "DIR")]
    catalog: Option<PathBuf>,
    /// Form of the account, which goes to standard error.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
}

/// Writes the events and prints the account.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let month = |given: Option<Month>, number| given.or_else(|| Month::new(args.year, number));
    let (Some(from), Some(to)) = (month(args.from, 1), month(args.to, 12)) else {
        bail!("{} is not a year that can be generated: 1970 to 9999", args.year);
    };
    if from.year() != to.year() || from > to {
        bail!("{from} to {to} are not months of one year in order: generate each year by itself");
    }
    let (catalogue, plan) = catalogue_and_plan(args.catalog.as_deref())?;
    let faults = if args.no_faults { Faults::NONE } else { Faults::ALL };
    let config = GeneratorConfig { seed: args.seed, sample: args.sample, from, to, faults };
    let generator = Generator::new(&config, &catalogue, &plan);
    let account =
        write_all(generator, &args.out).with_context(|| format!("could not write {}", args.out.display()))?;
    print_account(&account, args.output, &mut io::stderr().lock())?;
    Ok(())
}

/// The catalogue of a directory, or the built-in one, with its planned volumes.
pub fn catalogue_and_plan(
    dir: Option<&Path>,
) -> anyhow::Result<(domain::catalogue::Catalogue, Vec<Planned>)> {
    let files = match dir {
        Some(dir) => catalog::Files::read_dir(dir)
            .with_context(|| format!("could not read the catalogue in {}", dir.display()))?,
        None => catalog::linkoping(),
    };
    let complaint = |findings: Vec<catalog::Finding>| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the catalogue has mistakes:\n{}", lines.join("\n"))
    };
    let checked = catalog::check(&files).map_err(complaint)?;
    let planned = checked.catalogue.volumes.iter().map(|row| Planned {
        service: row.service.clone(),
        meter: row.meter.clone(),
        class: row.class.clone(),
        volume: row.volume,
    });
    let planned = planned.collect();
    Ok((checked.catalogue, planned))
}

fn write_all(mut generator: Generator, out: &Path) -> io::Result<Account> {
    let progress = progress_bar(generator.expected());
    let mut sink = Sink::create(out)?;
    let mut count = 0;
    for item in generator.by_ref() {
        sink.write_all(&item.bytes)?;
        sink.write_all(b"\n")?;
        count += 1;
        if count % PROGRESS_EVENTS == 0 {
            progress.set_position(count);
        }
    }
    sink.finish()?;
    progress.finish_and_clear();
    Ok(generator.account().clone())
}

/// A bar on standard error; nothing when that is no terminal.
pub(crate) fn progress_bar(events: u64) -> ProgressBar {
    let bar = ProgressBar::new(events);
    let template = "{bar:32} {human_pos} av {human_len} händelser  {per_sec}  klart om {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Where the events go. Compressed streams need an end of their own, so it is written, not left to `drop`.
enum Sink {
    Plain(Box<dyn Write>),
    Gzip(flate2::write::GzEncoder<BufWriter<File>>),
    Zstd(zstd::Encoder<'static, BufWriter<File>>),
}

impl Sink {
    fn create(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Plain(Box::new(BufWriter::with_capacity(1 << 20, io::stdout().lock()))));
        }
        let file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        Ok(match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Self::Gzip(flate2::write::GzEncoder::new(file, flate2::Compression::fast())),
            Some("zst") => Self::Zstd(zstd::Encoder::new(file, 1)?),
            _ => Self::Plain(Box::new(file)),
        })
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.write_all(bytes),
            Self::Gzip(out) => out.write_all(bytes),
            Self::Zstd(out) => out.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut out) => out.flush(),
            Self::Gzip(out) => out.finish()?.flush(),
            Self::Zstd(out) => out.finish()?.flush(),
        }
    }
}

/// Prints what was injected, by source, with a line for all of them.
pub fn print_account(account: &Account, format: Format, out: &mut impl Write) -> io::Result<()> {
    if format == Format::Json {
        serde_json::to_writer_pretty(&mut *out, account)?;
        return writeln!(out);
    }
    let mut list = List::new(&[
        text("source", "Källa"),
        number("events", "Händelser"),
        number("metered", "Räknade"),
        number("revised", "Ändrade"),
        number("superseded", "Ersatta"),
        number("duplicate", "Dubbletter"),
        number("conflict", "Konflikter"),
        number("marker", "Markörer"),
        number("refused", "Avvisade"),
    ]);
    let all = account.sources.iter().map(|(source, outcomes)| (source.as_str(), outcomes));
    for (source, o) in all.chain([("Summa", &account.total)]) {
        let counts =
            [o.events, o.metered, o.revised, o.superseded, o.duplicate, o.conflict, o.marker, o.refused];
        let cells = [Some(source.to_owned())].into_iter().chain(counts.map(|count| Some(count.to_string())));
        list.rows.push(cells.collect());
    }
    list.print(format, out)?;
    if format == Format::Table {
        writeln!(out, "\nInlagda fel:")?;
        for (kind, count) in &account.kinds {
            writeln!(out, "  {:>12}  {}", swedish(&count.to_string()), kind.in_swedish())?;
        }
        writeln!(
            out,
            "  {:>12}  ögonblicksbilder som ett avbrott har tagit bort",
            account.missing_snapshots
        )?;
        writeln!(out, "\n{} MB", swedish(&(account.bytes / 1_000_000).to_string()))?;
    }
    Ok(())
}

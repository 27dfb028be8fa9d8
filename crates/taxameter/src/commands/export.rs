//! `taxameter export`: what finance pulls at month end, as a package of all files or one of them.

mod package;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use domain::Month;
use futures::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Method, Response};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::client::Target;

/// Writes what finance needs of a month: a directory with every file and a manifest, or one file alone with --format.
///
/// Ends with exit code 1 also when the package is there but lacks files that the month cannot be had as.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Export {
    #[command(subcommand)]
    verify: Option<Command>,
    /// The month, such as 2021-03.
    #[arg(required = true)]
    month: Option<Month>,
    /// One file alone, in this form.
    #[arg(long, value_enum)]
    format: Option<FileFormat>,
    /// The dialect of a CSV file [default: rfc4180].
    #[arg(long, value_enum, requires = "format")]
    dialect: Option<Dialect>,
    /// The directory of the package [default: taxameter-MONTH], or with --format the file; - is standard output [default:
    /// taxameter-MONTH.FORMAT].
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Also for a month that is not closed; the files say so.
    #[arg(long)]
    preliminary: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Holds a package against the closed month: whether every file is there and is what the program has.
    Verify(verify::Verify),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    /// One row a charge.
    Csv,
    /// A workbook with summary, payers, services, rows, corrections and control sums.
    Xlsx,
    /// Vouchers for the ledger: SIE 4I, of everybody but companies.
    Sie,
    /// Electronic invoices and credit notes of the companies (Peppol BIS Billing 3.0), in a zip file.
    Peppol,
    /// FOCUS 1.2 as CSV: the neutral format of cost and usage tools.
    Focus,
    /// FOCUS 1.2 as Parquet, where the program was built with it.
    FocusParquet,
    /// The report to read, as PDF, where the program was built with it.
    Report,
    /// The package as one zip file.
    Package,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dialect {
    /// Comma, decimal point, UTF-8.
    Rfc4180,
    /// What Swedish Excel opens by double-click: semicolon, decimal comma, UTF-8 with a byte order mark.
    ExcelSv,
}

impl FileFormat {
    /// The last part of the path that it is had from, and how names of its files end: no two alike.
    const fn names(self, dialect: Dialect) -> (&'static str, &'static str) {
        match (self, dialect) {
            (FileFormat::Csv, Dialect::Rfc4180) => ("csv", "csv"),
            (FileFormat::Csv, Dialect::ExcelSv) => ("csv", "excel.csv"),
            (FileFormat::Xlsx, _) => ("xlsx", "xlsx"),
            (FileFormat::Sie, _) => ("sie", "si"),
            (FileFormat::Peppol, _) => ("peppol", "peppol.zip"),
            (FileFormat::Focus, _) => ("focus", "focus.csv"),
            (FileFormat::FocusParquet, _) => ("focus.parquet", "focus.parquet"),
            (FileFormat::Report, _) => ("report.pdf", "pdf"),
            (FileFormat::Package, _) => ("package.zip", "zip"),
        }
    }
}

impl Export {
    /// Writes the package or the file, or holds a package against the month.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(Command::Verify(verify)) = self.verify {
            return verify.run().await.map(|()| ExitCode::SUCCESS);
        }
        let month = self.month.context("which month? such as: taxameter export 2021-03")?;
        if self.dialect.is_some() && self.format != Some(FileFormat::Csv) {
            wrong_use("--dialect is for --format csv");
        }
        if self.format.is_none() && self.out.as_deref().is_some_and(|out| out.as_os_str() == "-") {
            wrong_use("a package is a directory: name it, or choose a file for standard output by --format");
        }
        let mut query = Vec::new();
        let mark = if self.preliminary { "-preliminary" } else { "" };
        if self.preliminary {
            query.push(("preliminary", "true".to_owned()));
        }
        let connection = self.target.connect().await?;
        let done = match self.format {
            None => {
                let out = self.out.unwrap_or_else(|| PathBuf::from(format!("taxameter-{month}{mark}")));
                package::fetch(&connection.client, month, &query, &out).await
            }
            Some(format) => {
                let dialect = self.dialect.unwrap_or(Dialect::Rfc4180);
                if dialect == Dialect::ExcelSv {
                    query.push(("dialect", "excel-sv".to_owned()));
                }
                let (name, suffix) = format.names(dialect);
                let path = format!("/v1/exports/{month}/{name}");
                let answer = connection.client.request(Method::GET, &path, &query, None).await?;
                let out =
                    self.out.unwrap_or_else(|| PathBuf::from(format!("taxameter-{month}{mark}.{suffix}")));
                save(answer, &out).await?;
                if format == FileFormat::Package && out.as_os_str() != "-" {
                    package::fetched(&out)
                } else {
                    Ok(package::Fetched::Whole)
                }
            }
        };
        let fetched = done?;
        connection.close().await?;
        Ok(match fetched {
            package::Fetched::Whole => ExitCode::SUCCESS,
            package::Fetched::Lacking => ExitCode::FAILURE,
        })
    }
}

/// Ends the program as it ends for options that it does not know.
fn wrong_use(message: &str) -> ! {
    clap::Command::new("taxameter export").error(clap::error::ErrorKind::ArgumentConflict, message).exit()
}

/// Writes an answer to a file, or to standard output.
#[expect(clippy::print_stderr, reason = "says where the file is, beside the file itself on standard output")]
pub(super) async fn save(answer: Response, out: &Path) -> anyhow::Result<()> {
    if out.as_os_str() == "-" {
        copy(answer, &mut tokio::io::stdout()).await?;
        return Ok(());
    }
    let writing = || format!("could not write {}", out.display());
    // Where a link leads is where it is written.
    let out = &std::fs::canonicalize(out).unwrap_or_else(|_| out.to_owned());
    if out.is_dir() {
        bail!("{} is a directory: name a file in it", out.display());
    }
    if out.exists() && !out.is_file() {
        // A device or a pipe keeps no part of anything.
        let mut device = tokio::fs::File::options().write(true).open(out).await.with_context(writing)?;
        copy(answer, &mut device).await.with_context(writing)?;
        return Ok(());
    }
    std::fs::create_dir_all(parent(out)).with_context(writing)?;
    // Under another name until it is whole: what stands at its place is never a part.
    let part =
        tempfile::Builder::new().permissions(shared()).tempfile_in(parent(out)).with_context(writing)?;
    let mut file = tokio::fs::File::from_std(part.reopen().with_context(writing)?);
    let bytes = copy(answer, &mut file).await.with_context(writing)?;
    file.sync_all().await.with_context(writing)?;
    part.persist(out).with_context(writing)?;
    eprintln!("{} ({bytes} bytes)", out.display());
    Ok(())
}

/// Where a file stands.
fn parent(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A temporary file is its owner's alone; an export is for whom the user's mask says.
#[cfg(unix)]
fn shared() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

/// Copies an answer, showing how much has come.
async fn copy(answer: Response, out: &mut (impl AsyncWrite + Unpin)) -> anyhow::Result<u64> {
    let bar = ProgressBar::no_length();
    let template = "{spinner} {binary_bytes} på {elapsed}";
    bar.set_style(
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    let mut bytes = 0;
    let mut chunks = answer.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.context("the answer broke off: try again, and see the program's log")?;
        bytes += chunk.len() as u64;
        bar.set_position(bytes);
        out.write_all(&chunk).await?;
    }
    out.flush().await?;
    bar.finish_and_clear();
    Ok(bytes)
}

//! `taxameter export`: a month's charges as a file.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use domain::Month;
use futures::StreamExt;
use reqwest::Method;
use tokio::io::AsyncWriteExt;

use crate::client::Target;

/// Writes a month's charges to a file.
#[derive(Debug, Args)]
pub struct Export {
    /// The month, such as 2021-03.
    month: Month,
    /// The form of the file.
    #[arg(long, value_enum, default_value = "xlsx")]
    format: FileFormat,
    /// The dialect of a CSV file.
    #[arg(long, value_enum, default_value = "rfc4180")]
    dialect: Dialect,
    /// Where to write it; - is standard output [default: taxameter-MONTH.FORMAT].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also for a month that is not closed; the file says so.
    #[arg(long)]
    preliminary: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    /// One row a charge.
    Csv,
    /// A workbook with summary, payers, services, rows, corrections and control sums.
    Xlsx,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dialect {
    /// Comma, decimal point, UTF-8.
    Rfc4180,
    /// What Swedish Excel opens by double-click: semicolon, decimal comma, UTF-8 with a byte order mark.
    ExcelSv,
}

impl Export {
    /// Writes the file.
    #[expect(
        clippy::print_stderr,
        reason = "says where the file is, beside the file itself on standard output"
    )]
    pub async fn run(self) -> anyhow::Result<()> {
        let connection = self.target.connect().await?;
        let (format, mut query) = match self.format {
            FileFormat::Csv => (
                "csv",
                vec![(
                    "dialect",
                    if self.dialect == Dialect::ExcelSv { "excel-sv" } else { "rfc4180" }.to_owned(),
                )],
            ),
            FileFormat::Xlsx => ("xlsx", Vec::new()),
        };
        if self.preliminary {
            query.push(("preliminary", "true".to_owned()));
        }
        let path = format!("/v1/exports/{}/{format}", self.month);
        let answer = connection.client.request(Method::GET, &path, &query, None).await?;
        let out = self.out.unwrap_or_else(|| PathBuf::from(format!("taxameter-{}.{format}", self.month)));
        if out.as_os_str() == "-" {
            copy(answer, &mut tokio::io::stdout()).await?;
        } else {
            let mut file = tokio::fs::File::create(&out)
                .await
                .with_context(|| format!("could not create {}", out.display()))?;
            let bytes = copy(answer, &mut file)
                .await
                .with_context(|| format!("could not write {}", out.display()))?;
            file.sync_all().await.with_context(|| format!("could not write {}", out.display()))?;
            eprintln!("{} ({bytes} bytes)", out.display());
        }
        connection.close().await
    }
}

async fn copy(
    answer: reqwest::Response,
    out: &mut (impl tokio::io::AsyncWrite + Unpin),
) -> anyhow::Result<u64> {
    let mut bytes = 0;
    let mut chunks = answer.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.context("the answer broke off")?;
        bytes += chunk.len() as u64;
        out.write_all(&chunk).await?;
    }
    out.flush().await?;
    Ok(bytes)
}

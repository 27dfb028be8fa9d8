//! `GET /v1/exports/{month}/{format}`: a month's charges as a file, streamed while it is written.
//!
//! Besides the formats there are `package.zip`, all of them at once, and `manifest.json`, what is in it.

use std::io::{self, Write};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use billing::export::{self, Dialect, Format, Material};
use billing::{Bill, MonthState};
use futures::{StreamExt, stream};
use tokio::sync::mpsc;

use crate::Shared;
use crate::problem::{Kind, Problem};
use crate::query::{self, Params};

/// What can be had of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    File(Format),
    Package,
    Manifest,
}

/// How much is written before it is sent on: large enough to compress well.
const CHUNK_BYTES: usize = 64 * 1024;

/// How many chunks may wait for a slow reader.
const CHUNKS_WAITING_MAX: usize = 4;

/// `GET /v1/exports/{month}/{format}`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Path((month, format)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    #[cfg(feature = "pdf")]
    if format == crate::pdf::REPORT {
        let params = Params::read(&uri, &["preliminary"])?;
        let bill = bill(&shared, &month, &params).await?;
        return crate::pdf::month(&shared, bill.month, file_name(&bill, "pdf")).await;
    }
    let wanted = Wanted::read(&format, &uri)?;
    let params = Params::read(&uri, wanted.parameters())?;
    let bill = bill(&shared, &month, &params).await?;
    let material = shared.biller.material(bill).await.map_err(|error| crate::billing_problem(&error))?;
    let name = file_name(&material.bill, wanted.suffix());
    let headers = [
        (header::CONTENT_TYPE, wanted.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, streamed(material, wanted).await?).into_response())
}

/// A month's bill, when it is closed or may be had before.
async fn bill(shared: &Shared, month: &str, params: &Params) -> Result<Arc<Bill>, Problem> {
    let month = query::month("month", month)?;
    let preliminary = params.flag("preliminary")?;
    let bill = shared.biller.charges(month).await.map_err(|error| crate::billing_problem(&error))?;
    if bill.charges.is_empty() && bill.frozen.is_none() {
        let problem = Problem::new(Kind::NotFound);
        return Err(problem.detail(format!("{month} har ingen användning"), format!("{month} has no usage")));
    }
    if bill.frozen.as_ref().is_some_and(|frozen| frozen.control.is_none()) {
        return Err(Problem::new(Kind::NotFound).detail(
            format!("{month} ligger före den första månaden som stängdes: den debiterades aldrig och har inget underlag"),
            format!("{month} lies before the first month that was closed: it was never billed and has no files"),
        ));
    }
    if bill.state != MonthState::Closed && !preliminary {
        return Err(Problem::new(Kind::MonthOpen).detail(
            format!("{month} är inte stängd; hämta den ändå med preliminary=true"),
            format!("{month} is not closed; get it anyway with preliminary=true"),
        ));
    }
    Ok(bill)
}

/// What a browser saves it as.
fn file_name(bill: &Bill, suffix: &str) -> String {
    let mark = if bill.state == MonthState::Closed { "" } else { "-preliminary" };
    format!("taxameter-{}{mark}.{suffix}", bill.month)
}

/// What comes of writing a file: a part of it, or that it is whole.
enum Part {
    Bytes(Bytes),
    End,
}

/// The file as a body. What fails before the first chunk is a problem; when writing fails later, or ends without having
/// said that the file is whole, the connection breaks, so that nobody takes a part for the whole.
async fn streamed(material: Material, wanted: Wanted) -> Result<Body, Problem> {
    let (sender, mut receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let mut chunks = Chunks { buffer: Vec::with_capacity(CHUNK_BYTES), sender: sender.clone() };
        let _ = sender.blocking_send(wanted.write(&material, &mut chunks).map(|()| Part::End));
    });
    let first = match receiver.recv().await {
        Some(Err(error)) => return Err(crate::billing_problem(&error)),
        first => first,
    };
    let chunks = stream::unfold((first, receiver), |(first, mut receiver)| async move {
        let part = match first {
            Some(first) => Some(first),
            None => receiver.recv().await,
        };
        let chunk = match part {
            Some(Ok(Part::End)) => return None,
            Some(Ok(Part::Bytes(bytes))) => Ok(bytes),
            None => Err(broken_off()),
            // The reader is told that it broke off; what it says of the cause is not.
            Some(Err(error)) => {
                drop(Problem::internal(&error));
                Err(broken_off())
            }
        };
        Some((chunk, (None, receiver)))
    });
    // What compresses a body asks once more after its end.
    Ok(Body::from_stream(chunks.fuse()))
}

fn broken_off() -> io::Error {
    io::Error::other("the export broke off")
}

impl Wanted {
    fn read(name: &str, uri: &Uri) -> Result<Self, Problem> {
        match name {
            "package.zip" => return Ok(Wanted::Package),
            export::MANIFEST => return Ok(Wanted::Manifest),
            _ => {}
        }
        match Format::from_name(name) {
            Some(Format::Csv(default)) => {
                let params = Params::read(uri, Wanted::File(Format::Csv(default)).parameters())?;
                let dialect =
                    params.one_of("dialect", &["rfc4180", "excel-sv"])?.and_then(Dialect::from_name);
                Ok(Wanted::File(Format::Csv(dialect.unwrap_or(default))))
            }
            Some(format) => Ok(Wanted::File(format)),
            None if ["focus.parquet", "report.pdf"].contains(&name) => {
                let feature = name.rsplit('.').next().unwrap_or_default();
                Err(Problem::new(Kind::NotFound).detail(
                    format!("programmet är byggt utan {feature}: bygg det med --features {feature}"),
                    format!("the program was built without {feature}: build it with --features {feature}"),
                ))
            }
            None => {
                let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
                #[cfg(feature = "pdf")]
                let names = [&names[..], &[crate::pdf::REPORT]].concat();
                let names = names.join(", ");
                Err(Problem::new(Kind::NotFound).detail(
                    format!("formaten är {names}, package.zip och {}", export::MANIFEST),
                    format!("the formats are {names}, package.zip and {}", export::MANIFEST),
                ))
            }
        }
    }

    const fn parameters(self) -> &'static [&'static str] {
        match self {
            Wanted::File(Format::Csv(_)) => &["preliminary", "dialect"],
            Wanted::File(_) | Wanted::Package | Wanted::Manifest => &["preliminary"],
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Wanted::File(format) => format.media_type(),
            Wanted::Package => "application/zip",
            Wanted::Manifest => "application/json",
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Wanted::File(Format::Csv(Dialect::ExcelSv)) => "excel.csv",
            Wanted::File(format) => format.suffix(),
            Wanted::Package => "zip",
            Wanted::Manifest => "json",
        }
    }

    fn write(self, material: &Material, chunks: &mut Chunks) -> billing::Result<()> {
        match self {
            Wanted::File(format) => material.write(format, chunks, &mut |_, _| ()),
            Wanted::Package => export::package(material, chunks, &mut |_, _| ()),
            Wanted::Manifest => {
                let manifest = export::manifest(material, &mut |_, _| ())?;
                let sent = chunks.write_all(&manifest.to_json()).and_then(|()| chunks.flush());
                sent.map_err(|source| billing::Error::Export { format: "manifest", source: Box::new(source) })
            }
        }
    }
}

/// Writes into the body, a chunk at a time, and waits while the reader is slow.
struct Chunks {
    buffer: Vec<u8>,
    sender: mpsc::Sender<billing::Result<Part>>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK_BYTES));
        self.sender.blocking_send(Ok(Part::Bytes(chunk.into()))).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

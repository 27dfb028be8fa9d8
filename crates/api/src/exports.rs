//! `GET /v1/exports/{month}/{format}`: a month's charges as a file, streamed while it is written.

use std::io::{self, Cursor, Write};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use billing::export::{self, Dialect};
use billing::{Bill, MonthState};
use futures::{StreamExt, stream};
use tokio::sync::mpsc;

use crate::Shared;
use crate::problem::{Kind, Problem};
use crate::query::{self, Params};

/// The formats of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileFormat {
    Csv(Dialect),
    Xlsx,
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
    let format = FileFormat::read(&format, &uri)?;
    let params = Params::read(&uri, format.parameters())?;
    let month = query::month("month", &month)?;
    let preliminary = params.flag("preliminary")?;
    let bill = shared.biller.charges(month).await.map_err(|error| crate::billing_problem(&error))?;
    if bill.charges.is_empty() && bill.frozen.is_none() {
        let problem = Problem::new(Kind::NotFound);
        return Err(problem.detail(format!("{month} har ingen användning"), format!("{month} has no usage")));
    }
    if bill.state != MonthState::Closed && !preliminary {
        return Err(Problem::new(Kind::MonthOpen).detail(
            format!("{month} är inte stängd; hämta den ändå med preliminary=true"),
            format!("{month} is not closed; get it anyway with preliminary=true"),
        ));
    }
    let mark = if bill.state == MonthState::Closed { "" } else { "-preliminary" };
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"taxameter-{month}{mark}.{}\"", format.suffix()),
        ),
    ];
    Ok((headers, streamed(bill, format)).into_response())
}

/// The file as a body. When writing fails in the middle the connection breaks, so that nobody takes a part for the whole.
fn streamed(bill: Arc<Bill>, format: FileFormat) -> Body {
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let mut chunks = Chunks { buffer: Vec::with_capacity(CHUNK_BYTES), sender: sender.clone() };
        if let Err(error) = write(&bill, format, &mut chunks)
            && !sender.is_closed()
        {
            // The reader is told too; what it says of the cause is not.
            let _ = sender.blocking_send(Err(io::Error::other("the export broke off")));
            drop(Problem::internal(&error));
        }
    });
    let chunks =
        stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    // What compresses a body asks once more after its end.
    Body::from_stream(chunks.fuse())
}

fn write(bill: &Bill, format: FileFormat, chunks: &mut Chunks) -> billing::Result<()> {
    match format {
        FileFormat::Csv(dialect) => export::csv(bill, dialect, chunks, &mut |_, _| ()),
        // A workbook's directory stands at its end and points back, so it is whole before it is sent.
        FileFormat::Xlsx => {
            let mut file = Cursor::new(Vec::new());
            export::xlsx(bill, &mut file, &mut |_, _| ())?;
            let sent = chunks.write_all(file.get_ref()).and_then(|()| chunks.flush());
            sent.map_err(|source| billing::Error::Export { format: "xlsx", source: Box::new(source) })
        }
    }
}

impl FileFormat {
    fn read(name: &str, uri: &Uri) -> Result<Self, Problem> {
        match name {
            "csv" => {
                let params = Params::read(uri, FileFormat::Csv(Dialect::Rfc4180).parameters())?;
                let dialect =
                    params.one_of("dialect", &["rfc4180", "excel-sv"])?.and_then(Dialect::from_name);
                Ok(FileFormat::Csv(dialect.unwrap_or_default()))
            }
            "xlsx" => Ok(FileFormat::Xlsx),
            _ => Err(Problem::new(Kind::NotFound)
                .detail("formaten är csv och xlsx", "the formats are csv and xlsx")),
        }
    }

    const fn parameters(self) -> &'static [&'static str] {
        match self {
            FileFormat::Csv(_) => &["preliminary", "dialect"],
            FileFormat::Xlsx => &["preliminary"],
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            FileFormat::Csv(_) => "text/csv; charset=utf-8; header=present",
            FileFormat::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            FileFormat::Csv(_) => "csv",
            FileFormat::Xlsx => "xlsx",
        }
    }
}

/// Writes into the body, a chunk at a time, and waits while the reader is slow.
struct Chunks {
    buffer: Vec<u8>,
    sender: mpsc::Sender<io::Result<Bytes>>,
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
        self.sender.blocking_send(Ok(chunk.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

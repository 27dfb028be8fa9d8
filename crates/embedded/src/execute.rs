//! One request on one connection, on a blocking thread: statement → engine → result.

use std::io::{self, PipeReader, Read};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::oneshot;

use crate::exception::{Code, Exception};
use crate::library::{Counts, Effect, Parameters};
use crate::pool::{self, Lease, Pool, Profile, Session};
use crate::statement::{Insert, Other, Select, Statement};

/// The longest statement, without an insert's data. The engine's own limit (`max_query_size`, 256 KiB by
/// default, a setting) is what clients meet; this one bounds memory when they raise that.
const STATEMENT_BYTES_MAX: usize = 16 << 20;

/// In so much text an INSERT must have come to its data. ClickHouse reads as much to parse a statement.
const HEAD_BYTES: usize = 256 << 10;

/// Data go to the engine in pieces of this size; up to 17 of them are held per insert.
const PIECE_BYTES: usize = 256 << 10;

/// Errors while reading a request's body.
const BODY_CUT: &str = "the request's body ended before it was complete, or is not in its stated encoding";

/// What a request asks for.
#[derive(Debug, Default)]
pub(crate) struct Query {
    /// The statement's text from the URL or a form; the body follows it.
    pub(crate) text: String,
    pub(crate) parameters: Parameters,
    pub(crate) profile: Profile,
    pub(crate) session: Option<Session>,
    /// The format of a result for which the statement names none.
    pub(crate) default_format: String,
    /// The request may not change anything.
    pub(crate) read_only: bool,
}

/// What is known when a request's answer can begin.
pub(crate) enum Started {
    /// All of it.
    Finished(Result<Finished, Exception>),
    /// The result comes through a pipe.
    Piped(Piped),
}

/// A complete answer.
#[derive(Default)]
pub(crate) struct Finished {
    pub(crate) data: Vec<u8>,
    pub(crate) format: String,
    pub(crate) counts: Counts,
}

/// A result that is being written.
pub(crate) struct Piped {
    pub(crate) reader: PipeReader,
    pub(crate) format: String,
    /// How the query ended. Sent before the pipe's end can be seen.
    pub(crate) outcome: oneshot::Receiver<Result<Counts, Exception>>,
    /// By this the query can be stopped.
    pub(crate) tag: String,
}

/// Runs a request to its end and tells `started` as soon as its answer can begin.
pub(crate) fn execute(
    pool: &Arc<Pool>,
    mut query: Query,
    mut body: Box<dyn Read + Send>,
    started: oneshot::Sender<Started>,
) {
    let statement = read_statement(&mut query, &mut body);
    let finished = match statement {
        Ok((text, Statement::Select(select), _)) => return run_select(pool, query, &text, &select, started),
        Ok((text, Statement::Insert(insert), data)) => run_insert(pool, query, &text, insert, &data, body)
            .and_then(|finished| pool.keep_names(true).map(|()| finished)),
        Ok((text, Statement::Other(other), _)) => run_other(pool, query, &text, other)
            .and_then(|finished| pool.keep_names(false).map(|()| finished)),
        Ok((_, Statement::Empty, _)) => Err(Exception::new(Code::Syntax, "Syntax error: Empty query")),
        Err(error) => Err(error),
    };
    // The client may be gone; what it asked for is done all the same.
    let _ = started.send(Started::Finished(finished));
}

/// Reads the statement, and of an insert's data what came with it.
fn read_statement(query: &mut Query, body: &mut dyn Read) -> Result<(String, Statement, Vec<u8>), Exception> {
    let mut text = std::mem::take(&mut query.text).into_bytes();
    if !text.is_empty() {
        text.push(b'\n');
        let known = utf8_prefix(&text)?;
        // Only if the statement is complete without its data may the body be left for later.
        if let Ok(Statement::Insert(insert)) = Statement::of(known) {
            return split_data(text, insert);
        }
    }
    read_up_to(body, &mut text, HEAD_BYTES)?;
    // What is wrong with the beginning of a statement may be right with all of it: errors wait.
    if let Ok(Statement::Insert(insert)) = Statement::of(utf8_prefix(&text)?) {
        return split_data(text, insert);
    }
    read_up_to(body, &mut text, STATEMENT_BYTES_MAX + 1)?;
    if text.len() > STATEMENT_BYTES_MAX {
        return Err(Exception::new(
            Code::TooLarge,
            format!("the statement is longer than {STATEMENT_BYTES_MAX} bytes"),
        ));
    }
    let text = String::from_utf8(text).map_err(|_| not_text())?;
    let statement = Statement::of(&text)?;
    Ok((text, statement, Vec::new()))
}

/// The text at the beginning; what an insert's data are is not looked at.
fn utf8_prefix(bytes: &[u8]) -> Result<&str, Exception> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).map_err(|_| not_text()),
    }
}

fn not_text() -> Exception {
    Exception::new(Code::Syntax, "Syntax error: the statement is not UTF-8")
}

fn split_data(mut text: Vec<u8>, insert: Insert) -> Result<(String, Statement, Vec<u8>), Exception> {
    let data = text.split_off(insert.data_start);
    let text = String::from_utf8(text).map_err(|_| not_text())?;
    Ok((text, Statement::Insert(insert), data))
}

fn read_up_to(body: &mut dyn Read, buffer: &mut Vec<u8>, bytes_max: usize) -> Result<(), Exception> {
    let wanted = bytes_max.saturating_sub(buffer.len()) as u64;
    match body.take(wanted).read_to_end(buffer) {
        Ok(_) => Ok(()),
        Err(error) => Err(body_cut(&error)),
    }
}

fn body_cut(error: &io::Error) -> Exception {
    tracing::debug!(%error, "a request's body could not be read");
    Exception::new(Code::CannotReadData, BODY_CUT)
}

/// A SELECT writes to a pipe, as a client would to a file: like that every format comes out whole in
/// bounded memory. (libchdb's own streaming begins the format anew with every block, which doubles
/// headers and breaks JSON and Parquet.)
fn run_select(
    pool: &Arc<Pool>,
    query: Query,
    text: &str,
    select: &Select,
    started: oneshot::Sender<Started>,
) {
    let prepared = lease(pool, &query, query.profile.clone(), text)
        .and_then(|lease| io::pipe().map(|ends| (lease, ends)).map_err(|error| no_pipe(&error)));
    let (mut lease, (reader, writer)) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            let _ = started.send(Started::Finished(Err(error)));
            return;
        }
    };
    let format = select.format.as_ref().map_or(&query.default_format, |(name, _)| name).clone();
    if let Err(error) = check_format_name(&format) {
        let _ = started.send(Started::Finished(Err(error)));
        return;
    }
    let after_format = select.format.as_ref().map_or("", |(_, end)| &text[*end..select.end]);
    let tag = unique_tag();
    // The engine opens the pipe by its number. The line break ends a comment.
    let sql = format!(
        "{}\nINTO OUTFILE '/proc/self/fd/{}' TRUNCATE FORMAT {format}{after_format} /*{tag}*/",
        &text[..select.output_clause],
        writer.as_raw_fd(),
    );
    let (outcome, receiver) = oneshot::channel();
    if started.send(Started::Piped(Piped { reader, format, outcome: receiver, tag })).is_err() {
        lease.finish(true);
        return;
    }
    let result = lease.connection().query(&sql, "Null", &query.parameters).map(|output| output.counts());
    lease.finish(result.is_ok());
    // First the outcome, then the pipe's end, which the reader is waiting for.
    let _ = outcome.send(result);
    drop(writer);
}

fn no_pipe(error: &io::Error) -> Exception {
    Exception::new(Code::UnknownException, format!("no pipe for the result: {error}"))
}

/// A mark at the end of a statement by which it can be found among those that run.
fn unique_tag() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("taxameter {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The name of a format becomes part of a statement.
fn check_format_name(name: &str) -> Result<(), Exception> {
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name { Ok(()) } else { Err(Exception::new(Code::UnknownFormat, format!("Unknown format {name}"))) }
}

/// An INSERT's data go to the engine piece by piece, as they arrive.
fn run_insert(
    pool: &Arc<Pool>,
    query: Query,
    text: &str,
    insert: Insert,
    data: &[u8],
    mut body: Box<dyn Read + Send>,
) -> Result<Finished, Exception> {
    let mut profile = query.profile.clone();
    let mut head = text[..insert.head_end].to_owned();
    if !insert.has_settings && !profile.settings.is_empty() {
        // Settings of one insert (a deduplication token) need no connection of their own.
        let settings = std::mem::take(&mut profile.settings);
        head += " SETTINGS ";
        head += &pool::assignments(&settings);
    }
    check_format_name(&insert.format)?;
    if query.read_only {
        return Err(read_only());
    }
    let mut lease = lease(pool, &query, profile, &head)?;
    let result = feed(&mut lease, &query.parameters, &head, &insert.format, data, &mut body);
    lease.finish(result.is_ok());
    result.map(|counts| Finished { counts, ..Finished::default() })
}

fn feed(
    lease: &mut Lease,
    parameters: &Parameters,
    head: &str,
    format: &str,
    data: &[u8],
    body: &mut dyn Read,
) -> Result<Counts, Exception> {
    if !parameters.is_empty() && format.eq_ignore_ascii_case("Values") {
        return insert_values_with_parameters(lease, parameters, head, data, body);
    }
    let mut stream = lease.connection().insert(head, format, parameters)?;
    let mut wanted = data.is_empty() || data.chunks(PIECE_BYTES).all(|piece| stream.append(piece));
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    while wanted {
        piece.clear();
        // Dropping the stream on an error cancels the insert: half a body is not half a success.
        let bytes =
            body.take(PIECE_BYTES as u64).read_to_end(&mut piece).map_err(|error| body_cut(&error))?;
        if bytes == 0 {
            break;
        }
        wanted = stream.append(&piece);
    }
    stream.finish()
}

/// The engine forgets bound values before it parses streamed rows, so rows that use them are part of
/// the statement.
fn insert_values_with_parameters(
    lease: &mut Lease,
    parameters: &Parameters,
    head: &str,
    data: &[u8],
    body: &mut dyn Read,
) -> Result<Counts, Exception> {
    let mut sql = format!("{head} VALUES ").into_bytes();
    sql.extend_from_slice(data);
    read_up_to(body, &mut sql, STATEMENT_BYTES_MAX + 1)?;
    if sql.len() > STATEMENT_BYTES_MAX {
        return Err(Exception::new(Code::TooLarge, "VALUES with parameters must fit into one statement"));
    }
    let sql = String::from_utf8(sql).map_err(|_| not_text())?;
    lease.connection().query(&sql, "Null", parameters).map(|output| output.counts())
}

/// Anything else runs as it is.
fn run_other(pool: &Arc<Pool>, query: Query, text: &str, other: Other) -> Result<Finished, Exception> {
    let mut lease = lease(pool, &query, query.profile.clone(), text)?;
    let format = other.format.unwrap_or_else(|| query.default_format.clone());
    check_format_name(&format)?;
    let result = lease.connection().query(text, &format, &query.parameters).map(|output| Finished {
        data: output.data().to_vec(),
        format,
        counts: output.counts(),
    });
    lease.finish(result.is_ok() && other.leaves_connection_alone);
    result
}

/// A connection for the request, if the statement may run.
fn lease(pool: &Arc<Pool>, query: &Query, profile: Profile, text: &str) -> Result<Lease, Exception> {
    let mut lease = pool.lease(query.session.as_ref(), profile)?;
    if query.read_only && lease.connection().effect(text) != Effect::Reads {
        lease.finish(true);
        return Err(read_only());
    }
    Ok(lease)
}

fn read_only() -> Exception {
    Exception::new(
        Code::ReadOnly,
        "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. \
         You should use method POST for modifying queries.",
    )
}

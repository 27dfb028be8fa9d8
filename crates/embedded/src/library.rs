//! libchdb: its C functions, and safe types over them.
//!
//! What holds for all of the functions:
//!
//! * A connection may be used from any thread, but by one at a time: [`Connection`] is `Send` and its
//!   methods take `&mut self`. Different connections work in parallel.
//! * Strings go in with their length and are copied before the call returns.
//! * Every result belongs to the caller until it is destroyed; [`Output`] does so.
//! * The library is never unloaded: its threads live until the process ends.

mod functions;

use std::ffi::{CStr, CString, c_int};
use std::ptr;

use crate::exception::{Code, Exception};
use functions::{Analysis, Handle, Text};

pub(crate) use functions::Library;

/// Values for the `{name:Type}` places of a query. They are bound by the engine for one call and
/// forgotten when it returns, so they cannot reach another query.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<(String, Vec<u8>)>);

impl Parameters {
    pub(crate) fn push(&mut self, name: &str, value: &[u8]) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Pointers to parameters, as the C functions want them. Lives no longer than the parameters.
struct RawParameters {
    names: Vec<Text>,
    name_lengths: Vec<usize>,
    values: Vec<Text>,
    value_lengths: Vec<usize>,
}

impl RawParameters {
    fn of(parameters: &Parameters) -> Self {
        Self {
            names: parameters.0.iter().map(|(name, _)| name.as_ptr().cast()).collect(),
            name_lengths: parameters.0.iter().map(|(name, _)| name.len()).collect(),
            values: parameters.0.iter().map(|(_, value)| value.as_ptr().cast()).collect(),
            value_lengths: parameters.0.iter().map(|(_, value)| value.len()).collect(),
        }
    }
}

/// What a query read and wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) read_rows: u64,
    pub(crate) read_bytes: u64,
    pub(crate) result_rows: u64,
    pub(crate) result_bytes: u64,
    pub(crate) written_rows: u64,
    pub(crate) written_bytes: u64,
}

/// What a statement does, as the engine's own parser sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It leaves no trace.
    Reads,
    /// It writes, or changes how the server or the connection behaves, or does not parse.
    Other,
}

/// A connection to the engine. The first one starts the engine, the last one to go stops it.
pub(crate) struct Connection {
    library: &'static Library,
    pointer: *mut Handle,
}

// SAFETY: chdb.h allows use from any thread, one at a time; no method takes `&self`.
unsafe impl Send for Connection {}

impl Connection {
    /// Opens one. The engine writes its reason to the standard error output when it cannot.
    pub(crate) fn open(library: &'static Library, arguments: &[CString]) -> Option<Self> {
        let pointers: Vec<Text> = arguments.iter().map(|argument| argument.as_ptr()).collect();
        let count = c_int::try_from(pointers.len()).ok()?;
        // SAFETY: `pointers` holds `count` zero-terminated strings that outlive the call.
        let pointer = unsafe { (library.connect)(count, pointers.as_ptr()) };
        // SAFETY: if not null, the pointer is to a handle that lives until it is closed.
        if pointer.is_null() || unsafe { *pointer }.is_null() {
            None
        } else {
            Some(Self { library, pointer })
        }
    }

    fn handle(&mut self) -> Handle {
        // SAFETY: checked when it was opened, and closed only when dropped.
        unsafe { *self.pointer }
    }

    /// Runs a statement to its end and returns its whole output.
    pub(crate) fn query(
        &mut self,
        sql: &str,
        format: &str,
        parameters: &Parameters,
    ) -> Result<Output, Exception> {
        let raw = RawParameters::of(parameters);
        // SAFETY: all pointers are to memory of the stated lengths that outlives the call.
        let result = unsafe {
            (self.library.query)(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                raw.names.as_ptr(),
                raw.name_lengths.as_ptr(),
                raw.values.as_ptr(),
                raw.value_lengths.as_ptr(),
                raw.names.len(),
            )
        };
        Output { library: self.library, result }.checked()
    }

    /// Starts an insert whose data follow in pieces. `sql` is the statement up to its FORMAT clause.
    pub(crate) fn insert(
        &mut self,
        sql: &str,
        format: &str,
        parameters: &Parameters,
    ) -> Result<Insert<'_>, Exception> {
        let raw = RawParameters::of(parameters);
        let library = self.library;
        // SAFETY: as in `query`.
        let stream = unsafe {
            (library.insert)(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                raw.names.as_ptr(),
                raw.name_lengths.as_ptr(),
                raw.values.as_ptr(),
                raw.value_lengths.as_ptr(),
                raw.names.len(),
            )
        };
        let insert = Insert { library, stream, _connection: std::marker::PhantomData };
        // SAFETY: the stream is never null and its error, if any, is a zero-terminated string.
        match unsafe { message((library.insert_error)(stream)) } {
            Some(error) => Err(error),
            None => Ok(insert),
        }
    }

    /// Tells what a statement would do, without running it.
    pub(crate) fn effect(&mut self, sql: &str) -> Effect {
        let mut analysis =
            Analysis { struct_bytes: size_of::<Analysis>() as u32, statements: 0, flags: 0, class: 4 };
        // SAFETY: the text has the stated length, the structure says its size, no database is named.
        let state = unsafe {
            (self.library.classify)(
                self.handle(),
                sql.as_ptr().cast(),
                sql.len(),
                ptr::null(),
                0,
                &raw mut analysis,
            )
        };
        if state == 0 && analysis.class == 0 { Effect::Reads } else { Effect::Other }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: opened by this library and not closed before. Nothing that borrows it is left.
        unsafe { (self.library.close)(self.pointer) };
    }
}

/// The result of a statement.
pub(crate) struct Output {
    library: &'static Library,
    result: Handle,
}

impl Output {
    fn checked(self) -> Result<Self, Exception> {
        // SAFETY: the result is not destroyed yet; its error is a zero-terminated string or null.
        match unsafe { message((self.library.error)(self.result)) } {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }

    /// The formatted output.
    pub(crate) fn data(&self) -> &[u8] {
        // SAFETY: the buffer has the stated length and lives as long as the result.
        unsafe {
            let start = (self.library.buffer)(self.result);
            let length = (self.library.length)(self.result);
            if start.is_null() || length == 0 {
                &[]
            } else {
                std::slice::from_raw_parts(start.cast(), length)
            }
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let Self { library, result } = *self;
        // SAFETY: the result is not destroyed yet.
        unsafe {
            Counts {
                read_rows: (library.storage_rows)(result),
                read_bytes: (library.storage_bytes)(result),
                result_rows: (library.rows)(result),
                result_bytes: (library.bytes)(result),
                written_rows: (library.written_rows)(result),
                written_bytes: (library.written_bytes)(result),
            }
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: destroyed once, here.
        unsafe { (self.library.destroy)(self.result) };
    }
}

/// An insert that is under way. Dropping it without [`Insert::finish`] cancels it: rows that are not in
/// a part yet are not inserted.
pub(crate) struct Insert<'connection> {
    library: &'static Library,
    stream: Handle,
    _connection: std::marker::PhantomData<&'connection mut Connection>,
}

impl Insert<'_> {
    /// Hands over a piece of the data; waits while the engine has 16 pieces waiting. Returns false if
    /// the engine wants no more: then [`Insert::finish`] says why.
    pub(crate) fn append(&mut self, piece: &[u8]) -> bool {
        // SAFETY: the piece has the stated length and is copied before the call returns.
        let state = unsafe { (self.library.append)(self.stream, piece.as_ptr().cast(), piece.len()) };
        state == 0
    }

    /// Ends the data, waits for the insert, and returns what was written.
    pub(crate) fn finish(self) -> Result<Counts, Exception> {
        // SAFETY: the stream is not destroyed yet; the result is ours.
        let result = unsafe { (self.library.finish_insert)(self.stream) };
        Ok(Output { library: self.library, result }.checked()?.counts())
    }
}

impl Drop for Insert<'_> {
    fn drop(&mut self) {
        // SAFETY: destroyed once, here. The engine cancels it first if it is not finished.
        unsafe { (self.library.destroy_insert)(self.stream) };
    }
}

/// The error at `text`, if there is one.
///
/// # Safety
/// `text` is null or a zero-terminated string.
unsafe fn message(text: Text) -> Option<Exception> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    if text.is_empty() {
        // `exit` and the like end a client's session and report an error without words.
        return Some(Exception::new(Code::Syntax, "the statement is empty or ends a session"));
    }
    Some(Exception::from_engine(&text))
}

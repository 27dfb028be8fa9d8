//! The C functions themselves.
//!
//! The package has no header. The declarations follow `chdb.h` of chdb-core 26.7 and were compared with
//! the symbols that the library exports.

use std::ffi::{c_char, c_int, c_void};
use std::path::Path;

use crate::Error;

pub(super) type Handle = *mut c_void;
pub(super) type Text = *const c_char;

/// `chdb_query_analysis_v1`.
#[repr(C)]
pub(super) struct Analysis {
    pub(super) struct_bytes: u32,
    pub(super) statements: u32,
    pub(super) flags: u32,
    pub(super) class: u32,
}

/// The functions of libchdb that are used.
pub(crate) struct Library {
    pub(super) connect: unsafe extern "C" fn(c_int, *const Text) -> *mut Handle,
    pub(super) close: unsafe extern "C" fn(*mut Handle),
    pub(super) query: unsafe extern "C" fn(
        Handle,
        Text,
        usize,
        Text,
        usize,
        *const Text,
        *const usize,
        *const Text,
        *const usize,
        usize,
    ) -> Handle,
    pub(super) insert: unsafe extern "C" fn(
        Handle,
        Text,
        usize,
        Text,
        usize,
        *const Text,
        *const usize,
        *const Text,
        *const usize,
        usize,
    ) -> Handle,
    pub(super) append: unsafe extern "C" fn(Handle, *const c_void, usize) -> c_int,
    pub(super) finish_insert: unsafe extern "C" fn(Handle) -> Handle,
    pub(super) insert_error: unsafe extern "C" fn(Handle) -> Text,
    pub(super) destroy_insert: unsafe extern "C" fn(Handle),
    pub(super) classify: unsafe extern "C" fn(Handle, Text, usize, Text, usize, *mut Analysis) -> c_int,
    pub(super) buffer: unsafe extern "C" fn(Handle) -> Text,
    pub(super) length: unsafe extern "C" fn(Handle) -> usize,
    pub(super) error: unsafe extern "C" fn(Handle) -> Text,
    pub(super) rows: unsafe extern "C" fn(Handle) -> u64,
    pub(super) bytes: unsafe extern "C" fn(Handle) -> u64,
    pub(super) storage_rows: unsafe extern "C" fn(Handle) -> u64,
    pub(super) storage_bytes: unsafe extern "C" fn(Handle) -> u64,
    pub(super) written_rows: unsafe extern "C" fn(Handle) -> u64,
    pub(super) written_bytes: unsafe extern "C" fn(Handle) -> u64,
    pub(super) destroy: unsafe extern "C" fn(Handle),
}

impl Library {
    /// Loads the library, for the rest of the process, and keeps its hands off the signal handlers.
    pub(crate) fn load(path: &Path) -> Result<&'static Self, Error> {
        let failed = |source| Error::LoadEngine { path: path.to_owned(), source };
        // SAFETY: the library's initialisers run; it is the pinned libchdb or one that the user names.
        let loaded = unsafe { libloading::Library::new(path) }.map_err(failed)?;
        // SAFETY: the types are those of chdb.h, see the module's comment.
        let library = unsafe {
            let set_signal_handlers_enabled: unsafe extern "C" fn(c_int) =
                *loaded.get(c"chdb_set_signal_handlers_enabled").map_err(failed)?;
            set_signal_handlers_enabled(0);
            Self {
                connect: *loaded.get(c"chdb_connect").map_err(failed)?,
                close: *loaded.get(c"chdb_close_conn").map_err(failed)?,
                query: *loaded.get(c"chdb_query_with_params_n").map_err(failed)?,
                insert: *loaded.get(c"chdb_stream_insert_with_params_n").map_err(failed)?,
                append: *loaded.get(c"chdb_stream_append").map_err(failed)?,
                finish_insert: *loaded.get(c"chdb_stream_done").map_err(failed)?,
                insert_error: *loaded.get(c"chdb_stream_insert_error").map_err(failed)?,
                destroy_insert: *loaded.get(c"chdb_destroy_insert_stream").map_err(failed)?,
                classify: *loaded.get(c"chdb_classify_query_n").map_err(failed)?,
                buffer: *loaded.get(c"chdb_result_buffer").map_err(failed)?,
                length: *loaded.get(c"chdb_result_length").map_err(failed)?,
                error: *loaded.get(c"chdb_result_error").map_err(failed)?,
                rows: *loaded.get(c"chdb_result_rows_read").map_err(failed)?,
                bytes: *loaded.get(c"chdb_result_bytes_read").map_err(failed)?,
                storage_rows: *loaded.get(c"chdb_result_storage_rows_read").map_err(failed)?,
                storage_bytes: *loaded.get(c"chdb_result_storage_bytes_read").map_err(failed)?,
                written_rows: *loaded.get(c"chdb_result_rows_written").map_err(failed)?,
                written_bytes: *loaded.get(c"chdb_result_bytes_written").map_err(failed)?,
                destroy: *loaded.get(c"chdb_destroy_query_result").map_err(failed)?,
            }
        };
        std::mem::forget(loaded);
        Ok(Box::leak(Box::new(library)))
    }
}

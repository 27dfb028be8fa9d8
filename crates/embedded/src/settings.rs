//! What the engine is told at start: its configuration file and the settings of every connection.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::server::Config;

/// Starts the engine's arguments: libchdb expects a program name first.
const PROGRAM: &[u8] = b"taxameter";

/// Settings that hold for every query unless it says otherwise.
///
/// * `session_timezone`: the engine takes its time zone from the machine and ignores `<timezone>` in
///   its configuration. A `DateTime` column without a zone must mean the same on every machine.
/// * `async_insert`: on by default since ClickHouse 26; an insert that is acknowledged must be in a part,
///   not in a buffer.
/// * `implicit_select`: libchdb takes `1 + 1` for a statement; a server does not.
const CONNECTION_SETTINGS: [&str; 3] = ["--session_timezone=UTC", "--async_insert=0", "--implicit_select=0"];

/// Writes the configuration into the data directory and returns the arguments of every connection.
///
/// The file is always given, because without one the engine reads a `config.xml` that happens to lie in
/// the working directory, the home directory or `/etc`.
pub(crate) fn prepare(config: &Config, data_dir: &Path) -> Result<Vec<CString>, Error> {
    let file = data_dir.join("engine.xml");
    let failed = |operation, path: &Path| {
        let path = path.to_owned();
        move |source| Error::UseFile { operation, path, source }
    };
    fs::write(&file, configuration(config)).map_err(failed("write", &file))?;
    let store = engine_directory(data_dir);
    fs::create_dir_all(&store).map_err(failed("create", &store))?;
    let path = [b"--path=", store.as_os_str().as_bytes()].concat();
    let config_file = [b"--config-file=", file.as_os_str().as_bytes()].concat();
    let mut arguments = vec![PROGRAM.to_vec(), path, config_file];
    arguments.extend(CONNECTION_SETTINGS.iter().map(|setting| setting.as_bytes().to_vec()));
    arguments
        .into_iter()
        .map(|argument| {
            CString::new(argument).map_err(|error| Error::UseFile {
                operation: "hand to the engine the path",
                path: data_dir.to_owned(),
                source: error.into(),
            })
        })
        .collect()
}

/// Where the engine has its tables.
pub(crate) fn engine_directory(data_dir: &Path) -> PathBuf {
    data_dir.join("clickhouse")
}

/// The server-wide settings. Tables created through the embedded database are durable without naming
/// these: `merge_tree` holds the defaults of every MergeTree table, also of those that exist already.
///
/// * fsync: an insert is answered after its part and the directory are on disk; a merge replaces parts
///   that are on disk, so its result must be too, whatever its size. What neither syncs is the part's
///   name in its table's directory: see `names.rs`.
/// * The pool has `merge_threads` threads and twice as many tasks. ClickHouse's thresholds of free tasks
///   (8, 20 and 25) are made for its 16 threads; with fewer it would think the pool always nearly full
///   and never merge large parts.
/// * Caches are upper limits, not reservations. ClickHouse's own (5 GB for marks) suit a server that
///   has the machine for itself.
fn configuration(config: &Config) -> String {
    let Config { memory_bytes_max, merge_threads, .. } = config;
    format!(
        "<!-- Written by taxameter at every start. -->
<clickhouse>
    <max_server_memory_usage>{memory_bytes_max}</max_server_memory_usage>
    <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
    <background_pool_size>{merge_threads}</background_pool_size>
    <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
    <background_schedule_pool_size>2</background_schedule_pool_size>
    <background_common_pool_size>2</background_common_pool_size>
    <background_move_pool_size>1</background_move_pool_size>
    <background_fetches_pool_size>1</background_fetches_pool_size>
    <mark_cache_size>134217728</mark_cache_size>
    <primary_index_cache_size>134217728</primary_index_cache_size>
    <index_mark_cache_size>33554432</index_mark_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <merge_tree>
        <fsync_after_insert>1</fsync_after_insert>
        <fsync_part_directory>1</fsync_part_directory>
        <min_rows_to_fsync_after_merge>1</min_rows_to_fsync_after_merge>
        <min_compressed_bytes_to_fsync_after_merge>1</min_compressed_bytes_to_fsync_after_merge>
        <number_of_free_entries_in_pool_to_lower_max_size_of_merge>2</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
        <number_of_free_entries_in_pool_to_execute_mutation>2</number_of_free_entries_in_pool_to_execute_mutation>
        <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>2</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
    </merge_tree>
</clickhouse>
"
    )
}

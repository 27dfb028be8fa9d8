//! What can go wrong while the engine is fetched or the server started.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why there is no embedded database. Every message says what to do about it.
///
/// A query that fails is not one of these: it is answered over HTTP as ClickHouse would.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine file that the caller named is not there.
    #[error("there is no engine at {path}; give the path of a libchdb.so, or none to have it fetched")]
    FindEngine {
        /// The path that was given.
        path: PathBuf,
    },
    /// There is no pinned release of the engine for this machine.
    #[error(
        "no engine is pinned for {system} on {machine}, only for linux on x86_64; give the path of a \
         libchdb of ClickHouse {version} with TAXAMETER_ENGINE, or use a ClickHouse server"
    )]
    ChooseEngine {
        /// The operating system.
        system: &'static str,
        /// The processor.
        machine: &'static str,
        /// The version that is pinned.
        version: &'static str,
    },
    /// `npm` could not be started.
    #[error(
        "cannot start npm, which fetches the engine; install npm (version 8 or later), or name an engine with TAXAMETER_ENGINE"
    )]
    StartNpm(#[source] io::Error),
    /// `npm pack` ended with an error.
    #[error(
        "npm could not fetch {package}; check that the network and npm's registry can be reached (npm ping), \
         or name an engine with TAXAMETER_ENGINE; npm says: {output}"
    )]
    FetchEngine {
        /// The package and its version.
        package: String,
        /// The last lines that npm wrote.
        output: String,
    },
    /// A fetched file is not the one that is pinned.
    #[error(
        "{path} has SHA-256 {found}, but {expected} is pinned; it was cut short or is not the published file: \
         nothing was installed, try again, and if it stays so ask where your npm registry has it from"
    )]
    VerifyEngine {
        /// The file that was checked.
        path: PathBuf,
        /// The pinned checksum.
        expected: &'static str,
        /// What the file has.
        found: String,
    },
    /// The package does not hold the library.
    #[error("{path} holds no {member}; this is not the pinned package")]
    UnpackEngine {
        /// The package file.
        path: PathBuf,
        /// The member that was looked for.
        member: &'static str,
    },
    /// The disk is full.
    #[error("the disk of {path} is full; fetching the engine needs {needed_mb} MB there for a moment")]
    StoreEngine {
        /// The cache directory.
        path: PathBuf,
        /// What the whole fetch needs.
        needed_mb: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file or directory of ours could not be used.
    #[error("cannot {operation} {path}")]
    UseFile {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The engine could not be loaded.
    #[error("cannot load the engine {path}; is it a libchdb of this machine's kind?")]
    LoadEngine {
        /// The library.
        path: PathBuf,
        /// What the dynamic linker said.
        #[source]
        source: libloading::Error,
    },
    /// Another process has the data directory.
    #[error(
        "the database {path} is in use by process {holder}; one process at a time can have it: stop that one, \
         or let this one talk to it over HTTP"
    )]
    LockData {
        /// The data directory.
        path: PathBuf,
        /// The process that has it, or "unknown".
        holder: String,
    },
    /// This process already runs an engine.
    #[error("this process already runs an engine, on {running}; there can be one in a process")]
    StartSecond {
        /// The data directory of the one that runs.
        running: PathBuf,
    },
    /// The engine refused to open its data.
    #[error("the engine cannot open {path}; its own message is above, on the standard error output")]
    OpenData {
        /// The data directory.
        path: PathBuf,
    },
    /// The engine failed at its first query.
    #[error("the engine does not answer: {message}")]
    AskEngine {
        /// What the engine said.
        message: String,
    },
    /// The listening address is not of this machine alone, and there is no password.
    #[error("without a password the embedded database listens on loopback addresses only, not on {address}")]
    ChooseAddress {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The listening address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

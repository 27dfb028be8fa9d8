//! ClickHouse inside the process.
//!
//! This crate loads libchdb (the C library of ClickHouse) and puts ClickHouse's own HTTP interface in
//! front of it, on a loopback address or behind a password. Whoever talks to [`Server::url`] cannot tell it from a server:
//! the official `clickhouse` crate does not, and neither does `clickhouse-connect` from PyPI.
//!
//! It refuses to know what is stored: it has no table, no migration and no type of the domain. It is
//! the only crate of the workspace with `unsafe`, all of it in `library.rs`.
//!
//! The way of a request:
//!
//! ```text
//! socket ─► http (who may ask, what is asked) ─► admission (bounded) ─► execute, on a blocking thread
//!                                                                          │ leases a connection
//!   SELECT            engine ─ INTO OUTFILE ─► pipe ─► response            ▼
//!   INSERT … data     request body ─► insert stream ─► engine            pool ─► library ─► libchdb
//!   anything else     engine ─► one buffer ─► response
//! ```
//!
//! Results and inserts are streamed: whatever their size, a request holds a few buffers. Start reading
//! at [`server`], then `execute.rs`.

pub mod engine;
mod error;
mod exception;
mod execute;
mod http;
#[expect(unsafe_code, reason = "libchdb has a C interface; every call of it is in this file")]
mod library;
mod lock;
mod names;
mod pool;
pub mod server;
mod settings;
mod statement;

pub use engine::locate_or_fetch;
pub use error::Error;
pub use server::{Config, Server};

//! The embedded database as its users see it: over HTTP, with real clients and the real engine.
//!
//! The engine is taken from `TAXAMETER_ENGINE` or from the cache of the program, and fetched into it if
//! it is not there. Tests share one server, each with a database of its own; what needs a process of its
//! own (crashes, exit, memory) is in `processes.rs`.

mod clients;
mod interface;
mod processes;
mod shared;

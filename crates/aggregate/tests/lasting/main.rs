//! What must hold for years: duplicates and revisions long after, ids that are used again, generations of the log, on the
//! real engine and the real embedded log.
//!
//! Needs the engine: `TAXAMETER_ENGINE` names the library, else it is fetched once into the cache directory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod generations;
mod horizon;
mod lag;
mod world;

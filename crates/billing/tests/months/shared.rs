//! One server for all tests of this process.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use embedded::engine::{self, Language};
use embedded::{Config, Server};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The engine's path, as the program finds it.
#[expect(clippy::disallowed_methods, reason = "the tests take the engine from where the program has it")]
fn engine() -> PathBuf {
    let given = std::env::var_os("TAXAMETER_ENGINE").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|cache| !cache.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let cache = cache.unwrap().join("taxameter/engine");
    let progress = engine::on_stderr(Language::English);
    embedded::locate_or_fetch(&cache, given.as_deref(), &progress)
        .unwrap_or_else(|error| panic!("the tests need the engine: {error}"))
}

struct Shared {
    runtime: Runtime,
    server: Option<Server>,
    _data: TempDir,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }
}

static SHARED: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// The server; the last test that has it shuts it down.
fn shared() -> Arc<Shared> {
    let mut shared = SHARED.lock();
    if let Some(running) = shared.upgrade() {
        return running;
    }
    let data = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let config = Config::new(engine(), data.path().to_owned());
    let deadline = Instant::now() + Duration::from_secs(60);
    let server = loop {
        match runtime.block_on(Server::start(config.clone())) {
            Ok(server) => break server,
            // The one before may still be shutting down.
            Err(embedded::Error::StartSecond { .. }) if Instant::now() < deadline => std::thread::yield_now(),
            Err(error) => panic!("the server starts: {error}"),
        }
    };
    let started = Arc::new(Shared { runtime, server: Some(server), _data: data });
    *shared = Arc::downgrade(&started);
    started
}

/// Runs a test on the shared server.
pub(crate) fn on_server<F: Future<Output = ()>>(test: impl FnOnce(String) -> F) {
    let shared = shared();
    let url = shared.server.as_ref().unwrap().url();
    shared.runtime.block_on(test(url));
}

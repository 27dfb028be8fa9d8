//! One server for all tests of this process.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use clickhouse::Client;
use embedded::engine::{self, Language};
use embedded::{Config, Server};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The engine's path, as the program finds it.
#[expect(clippy::disallowed_methods, reason = "the tests take the engine from where the program has it")]
pub(crate) fn engine() -> PathBuf {
    let given = std::env::var_os("TAXAMETER_ENGINE").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|cache| !cache.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let cache = cache.expect("XDG_CACHE_HOME or HOME").join("taxameter/engine");
    let progress = engine::on_stderr(Language::English);
    match embedded::locate_or_fetch(&cache, given.as_deref(), &progress) {
        Ok(engine) => engine,
        Err(error) => panic!("the tests need the engine: {error}"),
    }
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
    let data = tempfile::tempdir().expect("a directory");
    let runtime = Runtime::new().expect("a runtime");
    // The one before may still be shutting down.
    let server = start_when_free(&runtime, data.path());
    let started = Arc::new(Shared { runtime, server: Some(server), _data: data });
    *shared = Arc::downgrade(&started);
    started
}

fn start_when_free(runtime: &Runtime, data_dir: &Path) -> Server {
    let config = Config::new(engine(), data_dir.to_owned());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        match runtime.block_on(Server::start(config.clone())) {
            Ok(server) => return server,
            Err(embedded::Error::StartSecond { .. }) if std::time::Instant::now() < deadline => {
                std::thread::yield_now();
            }
            Err(error) => panic!("the server starts: {error}"),
        }
    }
}

/// What a test gets.
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) database: String,
}

impl Place {
    /// The official client, on the test's database.
    pub(crate) fn client(&self) -> Client {
        Client::default().with_url(&self.url).with_database(&self.database)
    }

    /// A statement over plain HTTP, on the test's database.
    pub(crate) fn post(&self, arguments: &[(&str, &str)]) -> reqwest::RequestBuilder {
        reqwest::Client::new().post(&self.url).query(&[("database", self.database.as_str())]).query(arguments)
    }

    /// The text that a statement gives.
    pub(crate) async fn text(&self, sql: &str) -> String {
        let response = self.post(&[]).body(sql.to_owned()).send().await.expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("a text");
        assert_eq!(status, 200, "{sql}: {text}");
        text
    }
}

/// Runs a test on the shared server, in a new database of the given name.
pub(crate) fn on_server<F: Future<Output = ()>>(database: &str, test: impl FnOnce(Place) -> F) {
    let shared = shared();
    let url = shared.server.as_ref().expect("it runs until it is dropped").url();
    let place = Place { url, database: database.to_owned() };
    shared.runtime.block_on(async {
        let client = Client::default().with_url(&place.url);
        client.query(&format!("CREATE DATABASE {database}")).execute().await.expect("a database");
        test(place).await;
    });
}

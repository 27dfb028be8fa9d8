//! Counting that stands still is no secret.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use eventlog::testkit::port::Port;
use serde_json::Value;

use super::{meeting, until_march};
use crate::program::Program;

/// A ClickHouse of its own, as `--role store` runs it; killed when it is dropped.
struct StoreAlone {
    process: Child,
    directory: tempfile::TempDir,
    port: Port,
}

impl StoreAlone {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = Port::lease().unwrap();
        Self { process: spawn(directory.path(), port.number()), directory, port }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn start_again(&mut self) {
        self.process = spawn(self.directory.path(), self.port.number());
    }
}

impl Drop for StoreAlone {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts it and waits until it says its address.
fn spawn(directory: &Path, port: u16) -> Child {
    let mut process = Command::new(env!("CARGO_BIN_EXE_taxameter"))
        .args(["serve", "--role", "store", "--data", "data", "--listen", &format!("127.0.0.1:{port}")])
        .current_dir(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("http://"), "the store did not start: {line}");
    process
}

/// The store dies under a program that takes events: it is not ready, and says why, until the store is back and all is
/// counted.
#[test]
fn a_program_whose_counting_stands_still_is_not_ready_until_it_moves() {
    let mut store = StoreAlone::start();
    let configuration =
        format!("standstill_seconds = 3\n[clickhouse]\nurl = \"http://127.0.0.1:{}\"\n", store.port.number());
    let program = Program::start(&configuration);
    program.accept(&[meeting("a", "110200", "1", &[])]);
    until_march(&program, &[("110200", "1")]);
    store.kill();
    // The intake does not need the store: what is accepted waits on the log.
    program.accept(&[meeting("b", "110200", "1", &[])]);
    let stands_still = |seen: &mut (u16, Value)| {
        *seen = program.ask("/readyz");
        seen.0 == 503 && seen.1["checks"]["counting"] == false
    };
    let mut seen = (0, Value::Null);
    program.until_or("counting is seen to stand still", stands_still, &mut seen);
    assert!(seen.1.to_string().contains("was counted for"), "{seen:?}");
    store.start_again();
    program.until("the program is ready again", || (program.ask("/readyz").0 == 200).then_some(()));
    until_march(&program, &[("110200", "2")]);
}

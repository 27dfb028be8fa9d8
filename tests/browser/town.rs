//! `taxameter demo`: the program with a year of a small part of the municipality in it, all months but the last closed.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// How much of the municipality, in thousandths.
const SAMPLE: &str = "1";
/// How long an answer may take on a slow day.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running demo whose year is billed; killed when it is dropped.
pub(crate) struct Town {
    process: Child,
    /// Read no more, but open: who speaks to nobody fails.
    _said: BufReader<ChildStdout>,
    _directory: tempfile::TempDir,
    url: String,
    http: reqwest::blocking::Client,
}

impl Town {
    /// Starts the demo and waits until its year is billed, which it says with its last words.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_taxameter"))
            .args(["demo", "--sample", SAMPLE, "--data", "data", "--listen", "127.0.0.1:0"])
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let (mut url, mut line) = (String::new(), String::new());
        while !line.contains("taxameter export") {
            line.clear();
            if said.read_line(&mut line).unwrap() == 0 {
                let log = std::fs::read_to_string(directory.path().join("log")).unwrap_or_default();
                panic!("the demo ended before its year was billed:\n{log}");
            }
            let address = line.split_whitespace().find(|word| word.starts_with("http"));
            if let Some(address) = address.filter(|_| url.is_empty()) {
                url = address.to_owned();
            }
        }
        let http = reqwest::blocking::Client::builder().no_proxy().timeout(DEADLINE).build().unwrap();
        Self { process, _said: said, _directory: directory, url, http }
    }

    /// The address of a path.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Whether there is a page at a path: an answer that is a page, and no problem.
    pub(crate) fn has_page(&self, path: &str) -> bool {
        let answer = self.http.get(self.at(path)).send().unwrap();
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        answer.status().is_success() && kind.is_some_and(|kind| kind.starts_with("text/html"))
    }

    /// What the API answers; fails on any error.
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.http.get(self.at(path)).send().unwrap();
        let (status, text) = (answer.status(), answer.text().unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// All items of a list that fits on one page.
    pub(crate) fn items(&self, path: &str) -> Vec<Value> {
        let mut answer = self.get(path);
        assert!(answer["next"].is_null(), "{path} has more than one page");
        std::mem::take(answer["items"].as_array_mut().unwrap())
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

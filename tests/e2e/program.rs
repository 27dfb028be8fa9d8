//! The real program as its own process, on a data directory of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything that is awaited may take on a slow day. A wait ends as soon as what it waits for is there.
pub(crate) const DEADLINE: Duration = Duration::from_secs(240);

/// A running program; killed when it is dropped.
pub(crate) struct Program {
    process: Child,
    directory: tempfile::TempDir,
    /// Where it is told to listen.
    listen: String,
    url: String,
    http: reqwest::blocking::Client,
}

impl Program {
    /// Starts it with everything embedded.
    pub(crate) fn embedded() -> Self {
        Self::start("")
    }

    /// Starts it with a configuration file of this content.
    pub(crate) fn start(configuration: &str) -> Self {
        let http = reqwest::blocking::Client::builder().no_proxy().timeout(DEADLINE).build().unwrap();
        Self::start_in(configuration, |_| {}, http)
    }

    /// Starts it in a directory that was made ready, for a caller of its own.
    pub(crate) fn start_in(
        configuration: &str,
        prepare: impl FnOnce(&Path),
        http: reqwest::blocking::Client,
    ) -> Self {
        Self::start_at("127.0.0.1:0", configuration, prepare, http)
    }

    /// Starts it where somebody else expects it.
    pub(crate) fn start_at(
        listen: &str,
        configuration: &str,
        prepare: impl FnOnce(&Path),
        http: reqwest::blocking::Client,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("taxameter.toml"), configuration).unwrap();
        prepare(directory.path());
        let (process, url) = spawn(directory.path(), listen);
        let program = Self { process, directory, listen: listen.to_owned(), url, http };
        program.await_ready();
        program
    }

    /// Kills it as a power switch would, and starts it again on what lies on the disk.
    pub(crate) fn kill_and_restart(&mut self) {
        self.kill();
        self.restart();
        self.await_ready();
    }

    /// Kills it as a power switch would (`kill -9`).
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again on what lies on the disk; it answers, and need not be ready.
    pub(crate) fn restart(&mut self) {
        (self.process, self.url) = spawn(self.directory.path(), &self.listen);
    }

    /// Stops it in order, does something in its directory, and starts it again.
    pub(crate) fn while_stopped(&mut self, work: impl FnOnce(&Path)) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.process.wait().unwrap();
        work(self.directory.path());
        (self.process, self.url) = spawn(self.directory.path(), &self.listen);
        self.await_ready();
    }

    fn await_ready(&self) {
        self.until("the program is ready", || {
            let answer = self.http.get(format!("{}/readyz", self.url)).send().ok()?;
            answer.status().is_success().then_some(())
        });
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where its configuration lies.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Asks it through another caller from now on.
    pub(crate) fn use_caller(&mut self, http: reqwest::blocking::Client) {
        self.http = http;
    }

    /// Its process.
    pub(crate) fn pid(&self) -> String {
        self.process.id().to_string()
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Asks again and again until there is an answer, and fails with what was awaited.
    pub(crate) fn until<T>(&self, awaited: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            assert!(began.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain: {awaited}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Looks again and again until it is right, and fails with what was awaited and what was seen last.
    pub(crate) fn until_or<S: std::fmt::Debug>(
        &self,
        awaited: &str,
        mut look: impl FnMut(&mut S) -> bool,
        seen: &mut S,
    ) {
        let began = Instant::now();
        while !look(seen) {
            if began.elapsed() > DEADLINE {
                let seen: String = format!("{seen:#?}").chars().take(4_000).collect();
                panic!("waited {DEADLINE:?} in vain: {awaited}; seen last: {seen}");
            }
            std::thread::sleep(Duration::from_millis(250));
        }
    }

    /// `GET` of JSON; fails on any error.
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.url)).send().unwrap();
        let (status, text) = (answer.status(), answer.text().unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// `GET`, whatever comes: the status and the answer.
    #[cfg(feature = "testkit")]
    pub(crate) fn ask(&self, path: &str) -> (u16, Value) {
        let answer = self.http.get(format!("{}{path}", self.url)).send().unwrap();
        (answer.status().as_u16(), answer.json().unwrap_or(Value::Null))
    }

    /// `GET` of bytes; fails on any error.
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let answer = self.http.get(format!("{}{path}", self.url)).send().unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.bytes().unwrap().to_vec()
    }

    /// What a metric is, named with its labels.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = String::from_utf8(self.bytes("/metrics")).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no metric {name}")).parse().unwrap()
    }

    /// `POST` of JSON: the status and the answer.
    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.http.post(format!("{}{path}", self.url)).json(body).send().unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().unwrap_or(Value::Null))
    }

    /// Sends events and returns the answer; every one must be accepted.
    pub(crate) fn accept(&self, events: &[Value]) {
        for batch in events.chunks(1000) {
            let (status, answer) = self.post("/v1/events", &Value::Array(batch.to_vec()));
            assert_eq!((status, &answer["rejected"]), (202, &Value::Array(vec![])), "{answer}");
            assert_eq!(answer["accepted"], batch.len());
        }
    }

    /// All items of a list, page by page.
    pub(crate) fn list(&self, path: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        let joint = if path.contains('?') { '&' } else { '?' };
        loop {
            let mut page = self.get(&format!("{path}{joint}limit=10000{cursor}"));
            items.append(page["items"].as_array_mut().unwrap());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Runs a command of the program against this one; its standard output.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail, and say why.
    #[cfg(feature = "testkit")]
    pub(crate) fn refused(&self, arguments: &[&str], why: &str) {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(why), "{arguments:?}: {said}");
    }

    /// Runs a command of the program against this one, however it ends.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_taxameter"))
            .args(arguments)
            .args(["--server", &self.url])
            .current_dir(self.directory.path())
            .output()
            .unwrap()
    }
}

impl Drop for Program {
    #[expect(clippy::print_stderr, reason = "a failed test shows what the program said")]
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- the program's last words\n{}", lines[lines.len().saturating_sub(60)..].join("\n"));
        }
    }
}

/// Starts the program and reads its address, which is the first line that it prints.
fn spawn(directory: &Path, listen: &str) -> (Child, String) {
    let log = std::fs::File::options().create(true).append(true).open(directory.join("log")).unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_taxameter"))
        .args(["serve", "--config", "taxameter.toml", "--data", "data", "--listen", listen])
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let Some(url) = line.split_whitespace().find(|word| word.starts_with("http")) else {
        let log = std::fs::read_to_string(directory.join("log")).unwrap_or_default();
        panic!("the program did not start: {line}\n{log}");
    };
    (process, url.to_owned())
}

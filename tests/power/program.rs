//! The real program as its own process, that is killed and started again on the same data directory.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything that is awaited may take on a slow day. A wait ends as soon as what it waits for is there.
pub(crate) const DEADLINE: Duration = Duration::from_secs(180);

/// Where the program answers now; nothing while it is down.
#[derive(Clone, Default)]
pub(crate) struct Address(Arc<Mutex<Option<String>>>);

impl Address {
    pub(crate) fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, url: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = url;
    }
}

/// A place for a program: a data directory, a file for what it says, and its address.
pub(crate) struct Site {
    pub(crate) data: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) address: Address,
}

/// A running program; killed when it is dropped.
pub(crate) struct Program {
    process: Child,
    address: Address,
    log: PathBuf,
}

impl Site {
    pub(crate) fn new(data: &Path, log: &Path) -> Self {
        Self { data: data.to_owned(), log: log.to_owned(), address: Address::default() }
    }

    /// Starts the program with everything embedded; does not wait for it.
    pub(crate) fn start(&self) -> Program {
        let log = std::fs::File::options().create(true).append(true).open(&self.log).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_taxameter"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&self.data)
            .current_dir(self.log.parent().unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let (output, address) = (process.stdout.take().unwrap(), self.address.clone());
        // Its first line says where it answers; without one it ended early.
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(output).read_line(&mut line);
            address.set(line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned));
        });
        Program { process, address: self.address.clone(), log: self.log.clone() }
    }
}

impl Program {
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it is ready, and fails when it ends instead.
    pub(crate) fn await_ready(&mut self, http: &reqwest::blocking::Client) {
        let began = Instant::now();
        loop {
            if let Some(url) = self.address.get()
                && http.get(format!("{url}/readyz")).send().is_ok_and(|answer| answer.status().is_success())
            {
                return;
            }
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("the program ended by itself ({status}):\n{}", self.last_words());
            }
            assert!(began.elapsed() < DEADLINE, "the program does not get ready:\n{}", self.last_words());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// `kill -9`; what it had open is closed when this returns.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.address.set(None);
    }

    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn last_words(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

/// Questions to the program that runs.
pub(crate) struct Asker {
    pub(crate) http: reqwest::blocking::Client,
    pub(crate) address: Address,
}

impl Asker {
    pub(crate) fn new(address: &Address) -> Self {
        let http =
            reqwest::blocking::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        Self { http, address: address.clone() }
    }

    /// The status and the answer; none while nobody answers.
    pub(crate) fn get(&self, path: &str) -> Option<(u16, Value)> {
        let answer = self.http.get(format!("{}{path}", self.address.get()?)).send().ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().unwrap_or(Value::Null)))
    }

    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let answer = self.http.get(format!("{}{path}", self.address.get()?)).send().ok()?;
        if answer.status().is_success() { answer.text().ok() } else { None }
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let answer = self.http.post(format!("{}{path}", self.address.get()?)).json(body).send().ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().unwrap_or(Value::Null)))
    }

    /// All items of a list, page by page; none when any page is not answered.
    pub(crate) fn list(&self, path: &str) -> Option<Vec<Value>> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        let joint = if path.contains('?') { '&' } else { '?' };
        loop {
            let (status, mut page) = self.get(&format!("{path}{joint}limit=10000{cursor}"))?;
            if status != 200 {
                return None;
            }
            items.append(page["items"].as_array_mut()?);
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Some(items),
            }
        }
    }
}

/// Looks again and again until there is something, and fails with what was awaited.
pub(crate) fn until<T>(awaited: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain: {awaited}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

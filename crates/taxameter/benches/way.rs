//! How fast the way of an event is, with everything embedded: `cargo bench -p taxameter [-- SAMPLE]`.
//!
//! Three measurements of the real program as its own process: HTTP → log (nobody counts), log → rows (the same log,
//! counted from its start), and end to end (both at once, until the last event is counted). Events per second go by the
//! clock; CPU is the program's own, without the sender's. SAMPLE is a part of the example year, 1% unless given.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot run says so, and its figures are what it is for"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The kernel's clock ticks in a second, as Linux reports process times on every architecture that runs here.
const TICKS_PER_SECOND: u64 = 100;

struct Program {
    process: Child,
    url: String,
}

impl Program {
    fn start(data: &Path, roles: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_taxameter"));
        command.args(["--log", "warn", "serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        if let Some(roles) = roles {
            command.args(["--role", roles]);
        }
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output"))
            .read_line(&mut line)
            .expect("its first line");
        let url =
            line.split_whitespace().find(|word| word.starts_with("http://")).expect("its address").to_owned();
        Self { process, url }
    }

    /// Seconds of CPU that the program has used so far.
    fn cpu(&self) -> f64 {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("Linux's /proc");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("the fields").split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("ticks")).sum();
        ticks as f64 / TICKS_PER_SECOND as f64
    }

    /// Megabytes that it holds at most so far.
    fn peak_memory(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("Linux's /proc");
        let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("its peak");
        line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).expect("a number")
            / 1024
    }

    fn send(&self, file: &Path) -> u64 {
        let output = Command::new(env!("CARGO_BIN_EXE_taxameter"))
            .args(["send", "--allow-rejected", "--output", "json", "--server", &self.url])
            .arg(file)
            .output()
            .expect("the sender runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let summary: Value = serde_json::from_slice(&output.stdout).expect("its summary");
        summary["accepted"].as_u64().expect("how many were accepted")
    }

    fn until_counted(&self, events: u64) {
        let http = reqwest::blocking::Client::builder().no_proxy().build().expect("a client");
        let today = taxameter::serve::now().day();
        let (from, to) = (today.pred_opt().expect("yesterday"), today.succ_opt().expect("tomorrow"));
        let url = format!("{}/v1/reconciliation?from={from}&to={to}&limit=10000", self.url);
        let outcomes = ["metered", "revised", "superseded", "duplicate", "conflict", "marker", "quarantined"];
        loop {
            let page: Value =
                http.get(&url).send().and_then(reqwest::blocking::Response::json).unwrap_or_default();
            let rows = page["items"].as_array().cloned().unwrap_or_default();
            let counted: u64 =
                rows.iter().flat_map(|row| outcomes.map(|o| row[o].as_u64().unwrap_or(0))).sum();
            if counted >= events {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

fn report(what: &str, events: u64, began: Instant, program: &Program, cpu_before: f64) {
    let seconds = began.elapsed().as_secs_f64();
    let cpu = program.cpu() - cpu_before;
    println!(
        "{what:<12} {events:>9} events {:>9.0} events/s {:>7.2} CPU µs/event {:>6} MB peak",
        events as f64 / seconds,
        cpu * 1e6 / events as f64,
        program.peak_memory(),
    );
}

fn main() {
    let sample = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'))
        .unwrap_or_else(|| "1%".to_owned());
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("year.ndjson");
    let generated = Command::new(env!("CARGO_BIN_EXE_taxameter"))
        .args(["generate", "--sample", &sample, "--out"])
        .arg(&file)
        .stderr(Stdio::null())
        .status()
        .expect("the generator runs");
    assert!(generated.success(), "the generator refused the sample {sample}");

    let (apart, whole) = (directory.path().join("apart"), directory.path().join("whole"));
    let program = Program::start(&apart, Some("collect,store"));
    let (began, cpu) = (Instant::now(), program.cpu());
    let events = program.send(&file);
    report("HTTP → log", events, began, &program, cpu);
    drop(program);

    let program = Program::start(&apart, None);
    let (began, cpu) = (Instant::now(), 0.0);
    program.until_counted(events);
    report("log → rows", events, began, &program, cpu);
    drop(program);

    let program = Program::start(&whole, None);
    let (began, cpu) = (Instant::now(), program.cpu());
    let events = program.send(&file);
    program.until_counted(events);
    report("end to end", events, began, &program, cpu);
}

//! How many events go from HTTP onto the embedded log: events/s, and CPU of the server alone for each.
//!
//! `cargo run --release -p collect --example throughput [DIRECTORY]` starts itself once more as the server, with its log
//! in the directory (a temporary one by default), so that the sender's CPU is not counted.
#![expect(clippy::print_stdout, reason = "its figures are its output")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use collect::intake::Config;
use collect::{Intake, Metrics};
use eventlog::EventLog;
use eventlog::embedded::{self, EmbeddedLog};

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Events in a request, requests, connections.
const RUNS: [(usize, usize, usize); 5] =
    [(1, 20_000, 4), (1, 40_000, 64), (10, 20_000, 16), (100, 4_000, 8), (1_000, 500, 4)];

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(flag) if flag == "--serve" => serve(arguments.next().ok_or("--serve needs a directory")?.into()),
        directory => measure(directory.map(PathBuf::from)),
    }
}

fn now() -> domain::Instant {
    // The clock does not matter here; the events are of that morning.
    domain::Instant::from_micros(1_610_712_000_000_000)
}

fn serve(directory: PathBuf) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let log = Arc::new(EmbeddedLog::open(embedded::Config::new(directory))?);
        log.ensure_topics(&eventlog::TopicSpec::standard(8)).await?;
        let checked = catalog::check(&catalog::linkoping()).map_err(|findings| format!("{findings:?}"))?;
        let metrics = Metrics::register(&prometheus::Registry::new())?;
        let config = Config { collector: "bench".to_owned(), epoch: 0, hash_key: [0; 32], spool: None };
        let intake =
            Intake::start(config, log, Arc::new(ArcSwap::from_pointee(checked.catalogue)), metrics).await?;
        let guard = axum::middleware::from_fn(collect::guard::loopback_only);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        axum::serve(listener, collect::router(Arc::new(intake), now).layer(guard)).await?;
        Ok(())
    })
}

/// The server's process; ends with this one.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is what is wanted.
        let _ = self.0.kill().and_then(|()| self.0.wait().map(drop));
    }
}

fn measure(directory: Option<PathBuf>) -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let directory = directory.unwrap_or_else(|| temporary.path().to_owned());
    let mut command = Command::new(std::env::current_exe()?);
    let child = command.arg("--serve").arg(&directory).stdout(Stdio::piped()).spawn()?;
    let mut server = Server(child);
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().ok_or("the server has no output")?).read_line(&mut line)?;
    let address: SocketAddr = line.trim().parse()?;
    decode_alone()?;
    println!(
        "{:>14} {:>11} {:>12} {:>14} {:>14} {:>10}",
        "events/request", "connections", "events/s", "CPU µs/event", "ms (median)", "ms (99 %)"
    );
    for (run, (size, requests, connections)) in RUNS.into_iter().enumerate() {
        let senders = (0..connections).map(|n| {
            let bodies: Vec<String> =
                (0..requests / connections).map(|request| body(run, n, request, size)).collect();
            move || send(address, &bodies)
        });
        let senders: Vec<_> = senders.collect();
        let (cpu, begun) = (cpu_seconds(server.0.id())?, Instant::now());
        let threads: Vec<_> = senders.into_iter().map(std::thread::spawn).collect();
        let mut waits = Vec::new();
        for thread in threads {
            waits.extend(thread.join().map_err(|_| "a sender failed")??);
        }
        let (took, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds(server.0.id())? - cpu);
        waits.sort_unstable();
        let events = (waits.len() * size) as f64;
        let at = |part: usize| waits[(waits.len() - 1) * part / 100].as_secs_f64() * 1e3;
        println!(
            "{size:>14} {connections:>11} {:>12.0} {:>14.2} {:>14.2} {:>10.2}",
            events / took,
            cpu * 1e6 / events,
            at(50),
            at(99)
        );
    }
    Ok(())
}

/// What reading the events costs by itself: the floor of every other figure.
fn decode_alone() -> Result<()> {
    const ROUNDS: usize = 30;
    let body = body(99, 0, 0, 10_000);
    let count = eventlog::wire::split(body.as_bytes())?.len();
    let micros = |seconds: f64| seconds * 1e6 / (ROUNDS * count) as f64;
    let begun = cpu_seconds(std::process::id())?;
    for _ in 0..ROUNDS {
        std::hint::black_box(eventlog::wire::split(std::hint::black_box(body.as_bytes()))?);
    }
    let split = cpu_seconds(std::process::id())?;
    let events = eventlog::wire::split(body.as_bytes())?;
    for _ in 0..ROUNDS {
        for event in &events {
            std::hint::black_box(eventlog::wire::decode(event)?);
        }
    }
    let decoded = cpu_seconds(std::process::id())?;
    println!(
        "{} bytes an event; split {:.2} µs, decode {:.2} µs",
        body.len() / count,
        micros(split - begun),
        micros(decoded - split)
    );
    Ok(())
}

fn body(run: usize, sender: usize, request: usize, size: usize) -> String {
    let event = |n: usize| {
        format!(
            r#"{{"specversion":"1.0","id":"pexip:{run}-{sender}-{request}-{n}:502d-11e9-8771-005056a7f717","source":"/lkdata/collector/pexip/mgr1","type":"se.linkoping.lkdata.usage.meeting.participation.v1","subject":"room:kb-{n}","time":"2021-01-15T09:00:12+01:00","dataschema":"urn:lkdata:schema:usage:1","data":{{"service":"e-moten","meter":"participant_hour","quantity":"0.954167","unit":"h","seq":1,"customer":{{"kind":"forvaltning","code":"KLF","costcentre":"110200"}},"dims":{{"platform":"pexip"}},"measured_from":"2021-01-15T09:00:12+01:00","measured_to":"2021-01-15T09:57:27+01:00"}}}}"#
        )
    };
    let events: Vec<String> = (0..size).map(event).collect();
    format!("[{}]", events.join(","))
}

/// Sends one request after the other on one connection, and gives the time that each took.
fn send(address: SocketAddr, bodies: &[String]) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut waits = Vec::with_capacity(bodies.len());
    for body in bodies {
        let begun = Instant::now();
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        let answer = read_answer(&mut stream)?;
        if !answer.starts_with("HTTP/1.1 202") || !answer.ends_with("\"rejected\":[]}") {
            return Err(answer.into());
        }
        waits.push(begun.elapsed());
    }
    Ok(waits)
}

/// An answer without rejections ends where its JSON object does.
fn read_answer(stream: &mut TcpStream) -> Result<String> {
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while !answer.ends_with(b"}") {
        match stream.read(&mut part)? {
            0 => break,
            n => answer.extend_from_slice(&part[..n]),
        }
    }
    Ok(String::from_utf8(answer)?)
}

/// User and system time of a process: fields 14 and 15 of its stat, in hundredths of a second.
fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit_once(')').ok_or("no process name")?.1;
    let ticks: Vec<f64> = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

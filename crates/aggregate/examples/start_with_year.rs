//! How long an aggregator takes to start with a year of identities, and how much memory its index needs (counting §5: 60
//! million keys within 30 s, within 1 GB), on the real engine in this process.
//!
//! `cargo run --release -p aggregate --example start_with_year -- [identities] [partitions]` with `TAXAMETER_ENGINE` set (or
//! the engine in the cache). 60 million identities take some 3 GB in the temporary directory.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints its figures and may fail loudly"
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Instant as Clock;

use aggregate::filter;
use domain::EventKey;
use store::Store;

const MONTHS: u64 = 12;

/// A month of identities, with keys as evenly spread as real ones, and the columns that take room.
fn statement(month: u64, each: u64) -> String {
    let first = month * each;
    let start = format!("2021-{:02}-01 00:00:00", month + 1);
    format!(
        "INSERT INTO taxameter.events (event_key, seq, generation, partition, position, precedence, place, life, fingerprint,
             effect, service, meter, costcentre, day, quantity, source, id, subject, time, received)
         SELECT reinterpretAsUInt128(sipHash128(number)), 0, 1, 0, number * 4096, bitNot(place), 
                bitShiftLeft(toUInt64(1), 54) + number * 4096 AS place, place, reinterpretAsUInt128(sipHash128(number, 1)),
                'sum', 'e-moten', 'participant_hour', concat('44', toString(number % 1100)), toDate32(time), 1,
                '/lkdata/collector/pexip/mgr1', concat('pexip:', hex(sipHash64(number))), concat('room:', toString(number % 5000)),
                toDateTime64('{start}', 6, 'UTC') + toIntervalSecond(number % 2400000) AS time, time
         FROM numbers({first}, {each}) SETTINGS optimize_on_insert = 0, max_insert_threads = 1"
    )
}

/// Runs a statement of a measurement: the store's own interface writes no rows that nobody sent.
fn run(url: &str, sql: &str) {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    let length = sql.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{sql}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// The memory of this process, the engine included, in megabytes: now, and at most so far.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    (of("VmRSS:"), of("VmHWM:"))
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>().unwrap());
    let identities = arguments.next().unwrap_or(60_000_000);
    let partitions = arguments.next().unwrap_or(12) as u32;
    #[expect(clippy::disallowed_methods, reason = "a measurement finds the engine where the binary would")]
    let (given, home) = (std::env::var_os("TAXAMETER_ENGINE"), std::env::var_os("HOME"));
    let cache = PathBuf::from(home.unwrap_or_default()).join(".cache/taxameter/engine");
    let engine =
        embedded::locate_or_fetch(&cache, given.map(PathBuf::from).as_deref(), &embedded::engine::silent)
            .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let settings = embedded::Config::new(engine, dir.path().join("engine"));
    let server = embedded::Server::start(settings.clone()).await.unwrap();
    let store = Store::connect(store::Config::embedded(server.url())).await.unwrap();
    store.migrate().await.unwrap();
    let (url, began) = (server.url(), Clock::now());
    let filled = tokio::task::spawn_blocking(move || {
        (0..MONTHS).for_each(|month| run(&url, &statement(month, identities / MONTHS)));
    });
    filled.await.unwrap();
    println!("{identities} identities stored in {:.0} s", began.elapsed().as_secs_f64());
    drop(store);
    server.shutdown().await;

    let server = embedded::Server::start(settings).await.unwrap();
    let store = Store::connect(store::Config::embedded(server.url())).await.unwrap();
    let (before, _) = memory();
    let began = Clock::now();
    let keys = store.count_keys().await.unwrap();
    println!("rows counted: {keys} in {:.2} s", began.elapsed().as_secs_f64());
    let all: Vec<u32> = (0..partitions).collect();
    let began = Clock::now();
    let filters = filter::build(&store, &all, partitions).await.unwrap();
    let took = began.elapsed().as_secs_f64();
    let bytes: usize = filters.values().map(filter::Filter::bytes).sum();
    let (after, peak) = memory();
    println!(
        "index of {partitions} partitions: {took:.1} s, {:.0} MB; process {before} -> {after} MB, at most {peak} MB",
        bytes as f64 / 1e6
    );
    let began = Clock::now();
    let wanted: Vec<EventKey> =
        (0..4_096).map(|n| EventKey::of("/lkdata/measurement", &n.to_string())).collect();
    let found = store.identities(&wanted).await.unwrap();
    println!(
        "{} keys looked up: {:.2} s, {} found",
        wanted.len(),
        began.elapsed().as_secs_f64(),
        found.len()
    );
    server.shutdown().await;
}

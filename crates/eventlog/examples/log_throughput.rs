//! Measures the log: appends by many callers, one append alone, and reading it all back.
//!
//! `cargo run --release -p eventlog --features kafka,testkit --example log_throughput -- [embedded] [kafka]`
//!
//! Each append is one request's worth: 12 records (one for each partition) of 8 events of 315 bytes, so about 100 events.
#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

use bytes::Bytes;
use eventlog::embedded::{Config, EmbeddedLog};
use eventlog::kafka::KafkaLog;
use eventlog::testkit::kafka::Cluster;
use eventlog::{Delivery, EventLog, Header, Kind, Record, TopicSpec};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PARTITIONS: u32 = 12;
const EVENTS: u32 = 8;
const EVENT_BYTES: usize = 315;
const CALLERS: u64 = 64;
const TIME: Duration = Duration::from_secs(8);

type Failed = Box<dyn std::error::Error>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failed> {
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    if wants("embedded") {
        let directory = tempfile::tempdir()?;
        measure("embedded", Arc::new(EmbeddedLog::open(Config::new(directory.path()))?)).await?;
    }
    if wants("kafka") {
        let cluster = Cluster::start(1)?;
        measure("kafka", Arc::new(KafkaLog::open(cluster.config())?)).await?;
    }
    Ok(())
}

async fn measure(name: &str, log: Arc<dyn EventLog>) -> Result<(), Failed> {
    let topic = "throughput";
    log.ensure_topics(&[TopicSpec { name: topic.to_owned(), partitions: PARTITIONS }]).await?;

    let mut alone = Vec::new();
    for number in 0..300 {
        let started = Instant::now();
        log.append(topic, 0, vec![record(number)]).await?;
        alone.push(started.elapsed());
    }
    alone.sort();
    println!("{name}: one append alone: p50 {:?}, p99 {:?}", alone[150], alone[297]);

    // Made before, so that only the log is measured.
    let records: Arc<[Record]> = (0..5000).map(record).collect();
    let (started, cpu) = (Instant::now(), cpu_ms());
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (log, records) = (Arc::clone(&log), Arc::clone(&records));
            tokio::spawn(async move {
                let mut appends = 0u64;
                let mut overloaded = 0u64;
                while started.elapsed() < TIME {
                    let from = (caller * 79 + appends * u64::from(PARTITIONS)) as usize;
                    let next = records.iter().cycle().skip(from % records.len()).cloned();
                    let batch = (0..PARTITIONS).zip(next);
                    match log.append_batch(topic, batch.collect()).await {
                        Ok(_) => appends += 1,
                        Err(_) => overloaded += 1,
                    }
                }
                (appends, overloaded)
            })
        })
        .collect();
    let (mut appends, mut refused) = (0, 0);
    for caller in callers {
        let (done, overloaded) = caller.await?;
        appends += done;
        refused += overloaded;
    }
    report(&format!("{name}: append, {CALLERS} callers"), appends * u64::from(PARTITIONS), started, cpu);
    println!("{name}: {appends} appends, {refused} refused");

    let (started, cpu) = (Instant::now(), cpu_ms());
    let mut subscription = log.subscribe(topic, "group").await?;
    let mut left = appends * u64::from(PARTITIONS) + 300;
    while left > 0 {
        match subscription.next().await? {
            Delivery::Assigned(partitions) => {
                for partition in partitions {
                    subscription.seek(partition, 0).await?;
                }
            }
            Delivery::Records { records, .. } => left -= records.len() as u64,
            Delivery::Revoked(_) | Delivery::Idle => {}
        }
    }
    report(&format!("{name}: read back"), appends * u64::from(PARTITIONS), started, cpu);
    Ok(())
}

fn report(what: &str, records: u64, started: Instant, cpu_before_ms: u64) {
    let (events, ms) = (records * u64::from(EVENTS), started.elapsed().as_millis() as u64);
    let cpu_ns = (cpu_ms() - cpu_before_ms) * 1_000_000 / events.max(1);
    println!(
        "{what}: {} records/s, {} events/s, {cpu_ns} ns CPU per event",
        records * 1000 / ms,
        events * 1000 / ms
    );
}

/// The CPU time of this process in milliseconds (a tick of `/proc` is 10 ms); the broker's is not in it.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    (ticks(11) + ticks(12)) * 10
}

/// Eight events that differ from those of other records about as much as real ones do.
fn record(number: u64) -> Record {
    let mut value = String::with_capacity(EVENTS as usize * (EVENT_BYTES + 1) + 2);
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for event in 0..EVENTS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        value.push(if event == 0 { '[' } else { ',' });
        value.push_str(&format!(
            "{{\"specversion\":\"1.0\",\"id\":\"{state:016x}-{number:016x}\",\"source\":\"urn:linkoping:lkdata:utskrift\",\
             \"type\":\"se.linkoping.lkdata.usage.recorded.v1\",\"time\":\"2021-03-{:02}T{:02}:{:02}:11Z\",\"subject\":\"{}\",\
             \"data\":{{\"service\":\"utskrift\",\"meter\":\"page\",\"quantity\":\"{}\",\"unit\":\"st\",\
             \"customer\":{{\"kind\":\"administration\",\"code\":\"UAF\",\"costcentre\":\"{}\"}}}}}}",
            state % 28 + 1,
            state % 24,
            state % 60,
            state % 99_999,
            state % 40,
            441_000 + state % 90,
        ));
    }
    value.push(']');
    let header = Header {
        kind: Kind::Events,
        collector: "bench".to_owned(),
        epoch: 1,
        batch: number,
        received: 1_614_589_200_000_000,
        sources: vec![("urn:linkoping:lkdata:utskrift".to_owned(), EVENTS)],
        released: false,
    };
    Record { header, value: Bytes::from(value) }
}

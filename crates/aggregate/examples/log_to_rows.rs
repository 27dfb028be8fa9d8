//! How fast the log becomes rows and months, on the real engine in this process.
//!
//! `cargo run --release -p aggregate --example log_to_rows -- [objects] [partitions]` with `TAXAMETER_ENGINE` set (or the
//! engine in the cache). A month of daily snapshots of so many objects, and as many summed events, in records of 100.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints its figures and may fail loudly"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use aggregate::rollup::RollUp;
use aggregate::{Aggregator, Config, Metrics};
use arc_swap::ArcSwap;
use domain::catalogue::{Catalogue, Dimension, Meter, Service};
use domain::financing::CostKind;
use domain::usage::MeterKind;
use domain::{EventKey, Instant, Month};
use eventlog::embedded::{Config as LogConfig, EmbeddedLog};
use eventlog::{EventLog, Header, Kind, Record, TopicSpec, topic};
use store::{AsOf, Store};
use tokio::sync::{Notify, watch};

const EVENTS_PER_RECORD: usize = 100;

fn now() -> Instant {
    Instant::parse_rfc3339("2021-04-30T12:00:00+02:00").unwrap()
}

/// A day later another day of the open month is complete, so its daily averages are rolled up again.
fn tomorrow() -> Instant {
    Instant::parse_rfc3339("2021-05-01T12:00:00+02:00").unwrap()
}

fn catalogue() -> Catalogue {
    let dimension = Dimension { name: "class".into(), rating: true, series: false, values: vec![] };
    let meter = |kind: MeterKind| Meter {
        slug: kind.name().into(),
        name: kind.name().into(),
        name_en: kind.name().into(),
        kind,
        unit: "x".into(),
        event_type: None,
        dimensions: vec![dimension.clone()],
        billed: true,
        negative: false,
        hold_days: 31,
        cost_kind: CostKind::Running,
    };
    let service = Service {
        slug: "it-bastjanst-konto".into(),
        name: "s".into(),
        name_en: "s".into(),
        product: "U".into(),
        start: chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap(),
        established_from: None,
        monthly_measured: false,
        meters: MeterKind::ALL.map(|kind| (kind.name().to_owned(), meter(kind))).into(),
    };
    Catalogue { services: [(service.slug.clone(), service)].into(), ..Catalogue::default() }
}

fn event(meter: &str, id: &str, subject: &str, time: &str, costcentre: usize) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/lkdata/collector/ad/linkoping","type":"se.linkoping.lkdata.usage.account.snapshot.v1","subject":"{subject}","time":"{time}","dataschema":"urn:lkdata:schema:usage:1","data":{{"service":"it-bastjanst-konto","meter":"{meter}","quantity":"1","unit":"x","customer":{{"kind":"forvaltning","code":"UAF","costcentre":"44{costcentre:04}"}},"dims":{{"class":"staff"}}}}}}"#
    )
}

/// Puts the events of one day on the log.
async fn send(log: &dyn EventLog, partitions: u32, events: impl Iterator<Item = (String, String)>) -> u64 {
    let mut parts: Vec<Vec<String>> = vec![Vec::new(); partitions as usize];
    let (mut count, mut records) = (0, Vec::new());
    let header = |events: usize| Header {
        kind: Kind::Events,
        collector: "bench".into(),
        epoch: 1,
        batch: 1,
        received: now().micros(),
        sources: vec![("/lkdata/collector/ad/linkoping".into(), events as u32)],
        released: false,
    };
    for (id, json) in events {
        let partition = EventKey::of("/lkdata/collector/ad/linkoping", &id).partition(partitions);
        let part = &mut parts[partition as usize];
        part.push(json);
        count += 1;
        if part.len() == EVENTS_PER_RECORD {
            let value = format!("[{}]", part.join(",")).into();
            records.push((partition, Record { header: header(EVENTS_PER_RECORD), value }));
            part.clear();
        }
        if records.len() == 500 {
            log.append_batch(topic::USAGE, std::mem::take(&mut records)).await.unwrap();
        }
    }
    for (partition, part) in parts.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
        let value = format!("[{}]", part.join(",")).into();
        records.push((partition as u32, Record { header: header(part.len()), value }));
    }
    log.append_batch(topic::USAGE, records).await.unwrap();
    count
}

/// The CPU time of this process so far, in seconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |n: usize| fields[n].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>().unwrap());
    let objects = arguments.next().unwrap_or(20_000);
    let partitions = arguments.next().unwrap_or(4) as u32;
    #[expect(clippy::disallowed_methods, reason = "a measurement finds the engine where the binary would")]
    let (given, home) = (std::env::var_os("TAXAMETER_ENGINE"), std::env::var_os("HOME"));
    let cache = PathBuf::from(home.unwrap_or_default()).join(".cache/taxameter/engine");
    let engine =
        embedded::locate_or_fetch(&cache, given.map(PathBuf::from).as_deref(), &embedded::engine::silent)
            .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let server =
        embedded::Server::start(embedded::Config::new(engine, dir.path().join("engine"))).await.unwrap();
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(LogConfig::new(dir.path().join("log"))).unwrap());
    log.ensure_topics(&TopicSpec::standard(partitions)).await.unwrap();
    let store = Arc::new(Store::connect(store::Config::embedded(server.url())).await.unwrap());
    store.migrate().await.unwrap();

    let mut sent = 0;
    for day in 1..=30 {
        let time = format!("2021-04-{day:02}T02:00:00+02:00");
        let snapshot = (0..objects).map(|n| {
            let id = format!("ad:{n}:{time}");
            let json = event("avg_daily", &id, &format!("acc:{n:08}"), &time, n % 1_100);
            (id, json)
        });
        sent += send(&*log, partitions, snapshot).await;
        let marker = format!(
            r#"{{"specversion":"1.0","id":"done:{day}","source":"/lkdata/collector/ad/linkoping","type":"se.linkoping.lkdata.usage.snapshot.completed.v1","time":"{time}","dataschema":"urn:lkdata:schema:usage:1","data":{{"service":"it-bastjanst-konto","meter":"avg_daily","day":"2021-04-{day:02}","count":{objects},"refused":0}}}}"#
        );
        sent += send(&*log, partitions, std::iter::once((format!("done:{day}"), marker))).await;
        let sums = (0..objects).map(|n| {
            let id = format!("call:{n}:{time}");
            let json = event("sum", &id, &format!("call:{n:08}"), &time, n % 1_100);
            (id, json)
        });
        sent += send(&*log, partitions, sums).await;
    }
    println!("{sent} events on the log, {partitions} partitions, {EVENTS_PER_RECORD} events a record");

    let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
    let (stop, stopped) = watch::channel(false);
    let catalogue = Arc::new(ArcSwap::from_pointee(catalogue()));
    let aggregator = Aggregator::new(
        Config::new(now),
        Arc::clone(&log),
        Arc::clone(&store),
        catalogue,
        Arc::new(Notify::new()),
        metrics,
    );
    let (began, cpu_before) = (Clock::now(), cpu());
    let task = tokio::spawn(aggregator.run(stopped));
    let day = now().day();
    loop {
        let outcomes = store.progress_outcomes(day..=day, AsOf::Newest).await.unwrap();
        if outcomes.iter().map(|row| row.events).sum::<u64>() == sent {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (took, used) = (began.elapsed().as_secs_f64(), cpu() - cpu_before);
    println!(
        "log -> rows: {:.1} s, {:.0} events/s, {:.2} CPU us/event (roll-up of previews and merges included)",
        took,
        sent as f64 / took,
        used * 1e6 / sent as f64
    );
    let want = i128::try_from(objects).unwrap() * 1_000_000;
    let month: Month = "2021-04".parse().unwrap();
    loop {
        let months = store.monthly_usage(month..=month, AsOf::Newest).await.unwrap();
        let of =
            |meter: &str| months.iter().filter(|row| row.meter == meter).map(|row| row.amount).sum::<i128>();
        if of("avg_daily") == want * 29 && of("sum") == want * 30 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("last event counted -> months are right: {:.1} s after", began.elapsed().as_secs_f64() - took);
    stop.send(true).unwrap();
    task.await.unwrap().unwrap();

    // One more event makes its whole meter dirty: the month is rolled up again from all its observations.
    let (began, cpu_before) = (Clock::now(), cpu());
    let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
    let fresh = Arc::new(ArcSwap::from_pointee(self::catalogue()));
    let generation = store.generations().await.unwrap().pop().unwrap();
    let mut rollup = RollUp::new(Arc::clone(&store), fresh, metrics, tomorrow, generation, 1);
    let revisions = rollup.round().await.unwrap();
    println!(
        "roll-up of a month with {} observations: {:.2} s, {:.2} CPU s ({revisions} revisions)",
        objects * 30,
        began.elapsed().as_secs_f64(),
        cpu() - cpu_before
    );
    server.shutdown().await;
}

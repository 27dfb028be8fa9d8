//! A real engine and a real embedded log in one directory, an aggregator on them, and how they are asked.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aggregate::{Aggregator, Config, Metrics};
use arc_swap::ArcSwap;
use chrono::NaiveDate;
use domain::catalogue::{Catalogue, Dimension, Meter, Service};
use domain::financing::CostKind;
use domain::usage::MeterKind;
use domain::{EventKey, Instant};
use eventlog::embedded::{Config as LogConfig, EmbeddedLog};
use eventlog::{EventLog, Header, Kind, Record, TopicSpec, topic};
use store::usage::Books;
use store::{AsOf, Store};
use tokio::sync::{Notify, watch};

pub(crate) const ONE: i128 = 1_000_000;
pub(crate) const SOURCE: &str = "/lkdata/a";

fn engine() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test finds the engine where the binary would")]
    let (given, home) = (std::env::var_os("TAXAMETER_ENGINE"), std::env::var_os("HOME"));
    let cache = PathBuf::from(home.unwrap_or_default()).join(".cache/taxameter/engine");
    embedded::locate_or_fetch(&cache, given.map(PathBuf::from).as_deref(), &embedded::engine::silent).unwrap()
}

pub(crate) fn instant(text: &str) -> Instant {
    Instant::parse_rfc3339(text).unwrap()
}

fn now() -> Instant {
    instant("2025-02-01T10:00:00+01:00")
}

pub(crate) fn catalogue() -> Catalogue {
    let class = Dimension { name: "class".into(), rating: true, series: false, values: vec![] };
    let meter = |kind: MeterKind| Meter {
        slug: kind.name().into(),
        name: kind.name().into(),
        name_en: kind.name().into(),
        kind,
        unit: "x".into(),
        event_type: None,
        dimensions: if kind == MeterKind::Sum { vec![class.clone()] } else { vec![] },
        billed: true,
        negative: false,
        hold_days: 31,
        cost_kind: CostKind::Running,
    };
    let service = Service {
        slug: "s".into(),
        name: "s".into(),
        name_en: "s".into(),
        product: "U".into(),
        start: NaiveDate::from_ymd_opt(2020, 1, 1).unwrap(),
        established_from: None,
        monthly_measured: false,
        meters: MeterKind::ALL.map(|kind| (kind.name().to_owned(), meter(kind))).into(),
    };
    Catalogue { services: [("s".into(), service)].into(), ..Catalogue::default() }
}

/// An event of a meter; `more` is put into its data.
pub(crate) struct Event {
    pub(crate) id: &'static str,
    pub(crate) meter: &'static str,
    pub(crate) time: &'static str,
    pub(crate) costcentre: &'static str,
    pub(crate) quantity: u32,
    pub(crate) more: &'static str,
}

impl Event {
    fn json(&self) -> String {
        let Self { id, meter, time, costcentre, quantity, more } = self;
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"{SOURCE}","type":"se.linkoping.lkdata.usage.thing.seen.v1",
            "subject":"room:kb-1","time":"{time}","dataschema":"urn:lkdata:schema:usage:1","data":{{"service":"s",
            "meter":"{meter}","quantity":{quantity},"unit":"x","dims":{{"class":"low"}},
            "customer":{{"kind":"forvaltning","code":"KLF","costcentre":"{costcentre}"}}{more}}}}}"#
        )
    }
}

/// A process has one engine at a time: the tests take turns.
pub(crate) static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The engine and the log, open.
pub(crate) struct World {
    server: embedded::Server,
    pub(crate) store: Arc<Store>,
    pub(crate) log: Arc<dyn EventLog>,
}

impl World {
    pub(crate) async fn open(directory: &std::path::Path, partitions: u32) -> Self {
        let settings = embedded::Config::new(engine(), directory.join("engine"));
        // A connection of the one before may still be on its way out.
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        let server = loop {
            match embedded::Server::start(settings.clone()).await {
                Ok(server) => break server,
                Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let store = Arc::new(Store::connect(store::Config::embedded(server.url())).await.unwrap());
        store.migrate().await.unwrap();
        let log = EmbeddedLog::open(LogConfig::new(directory.join("log"))).unwrap();
        log.ensure_topics(&TopicSpec::standard(partitions)).await.unwrap();
        Self { server, store, log: Arc::new(log) }
    }

    pub(crate) async fn close(self) {
        drop((self.log, self.store));
        self.server.shutdown().await;
    }

    pub(crate) fn aggregator(&self) -> Aggregator<Store> {
        self.aggregator_with(Arc::new(ArcSwap::from_pointee(catalogue())), &prometheus::Registry::new())
    }

    fn aggregator_with(
        &self,
        catalogue: Arc<ArcSwap<Catalogue>>,
        registry: &prometheus::Registry,
    ) -> Aggregator<Store> {
        Aggregator::new(
            Config::new(now),
            Arc::clone(&self.log),
            Arc::clone(&self.store),
            catalogue,
            Arc::new(Notify::new()),
            Metrics::register(registry).unwrap(),
        )
    }

    pub(crate) fn count(&self) -> Running {
        Running::start(self.aggregator())
    }

    pub(crate) fn count_with(
        &self,
        catalogue: Arc<ArcSwap<Catalogue>>,
        registry: &prometheus::Registry,
    ) -> Running {
        Running::start(self.aggregator_with(catalogue, registry))
    }

    /// Puts an event on the log as a collector of `partitions` partitions would that received it then.
    pub(crate) async fn send(&self, partitions: u32, received: &str, event: &Event) {
        static BATCH: AtomicU64 = AtomicU64::new(0);
        let header = Header {
            kind: Kind::Events,
            collector: "c1".into(),
            epoch: 1,
            batch: BATCH.fetch_add(1, Ordering::Relaxed),
            received: instant(received).micros(),
            sources: vec![(SOURCE.to_owned(), 1)],
            released: false,
        };
        let record = Record { header, value: format!("[{}]", event.json()).into() };
        self.append(EventKey::of(SOURCE, event.id).partition(partitions), record).await;
    }

    pub(crate) async fn append(&self, partition: u32, record: Record) {
        self.log.append(topic::USAGE, partition, vec![record]).await.unwrap();
    }

    /// The monthly usage of the sum and count meters: month, meter, cost centre, whole units.
    pub(crate) async fn usage(&self, as_of: AsOf) -> Vec<(String, String, String, i128)> {
        let months = "2020-01".parse().unwrap()..="2026-12".parse().unwrap();
        let rows = self.store.monthly_usage(months, as_of).await.unwrap();
        let whole = |row: domain::usage::MonthlyUsage| {
            (row.month.to_string(), row.meter, row.costcentre, row.amount / ONE)
        };
        rows.into_iter().filter(|row| row.amount != 0).map(whole).collect()
    }

    /// The books of all days together; every day's must agree.
    pub(crate) async fn books(&self) -> Books {
        let days = "2020-01-01".parse().unwrap()..="2026-12-31".parse().unwrap();
        let mut all = Books::default();
        for books in self.store.books(days, AsOf::Newest).await.unwrap() {
            assert_eq!(books.difference(), 0, "{books:?}");
            all.accepted += books.accepted;
            all.resent += books.resent;
            all.metered += books.metered;
            all.revised += books.revised;
            all.duplicate += books.duplicate;
            all.superseded += books.superseded;
            all.quarantined += books.quarantined;
        }
        all
    }

    pub(crate) async fn until_logged(&self, events: u64) {
        until("what was counted", events, async || self.books().await.logged()).await;
    }
}

/// A running aggregator.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<Result<(), aggregate::Error>>,
}

impl Running {
    fn start(aggregator: Aggregator<Store>) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: tokio::spawn(aggregator.run(stopped)) }
    }

    pub(crate) async fn end(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap().unwrap();
    }

    pub(crate) async fn failed(self) -> aggregate::Error {
        self.task.await.unwrap().unwrap_err()
    }
}

/// Asks until the answer is as wanted, or says what it was in the end.
pub(crate) async fn until<T: PartialEq + std::fmt::Debug>(what: &str, want: T, ask: impl AsyncFn() -> T) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let is = ask().await;
        if is == want {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{what}: is {is:#?}, not {want:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn row(
    month: &str,
    meter: &str,
    costcentre: &str,
    amount: i128,
) -> (String, String, String, i128) {
    (month.to_owned(), meter.to_owned(), costcentre.to_owned(), amount)
}

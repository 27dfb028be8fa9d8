//! A catalogue with a meter of each sort that the intake tells apart, an embedded log, and an intake on top of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use chrono::NaiveDate;
use collect::intake::Config;
use collect::{Intake, Metrics};
use domain::Instant;
use domain::catalogue::{Catalogue, CostCentre, Dimension, Meter, Ownership, Service};
use domain::financing::CostKind;
use domain::usage::MeterKind;
use eventlog::embedded::{self, EmbeddedLog};
use eventlog::{EventLog, Stored, TopicSpec, topic};
use prometheus::Registry;

/// The collector's clock in every test.
pub(crate) fn now() -> Instant {
    Instant::parse_rfc3339("2021-03-15T12:00:00+01:00").unwrap()
}

/// How many partitions the usage log has.
pub(crate) const PARTITIONS: u32 = 4;

pub(crate) struct Stand {
    pub(crate) log: Arc<EmbeddedLog>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) registry: Registry,
    /// Goes away with the log in it.
    directory: tempfile::TempDir,
}

impl Stand {
    pub(crate) async fn new() -> Self {
        Self::with(catalogue()).await
    }

    pub(crate) async fn with(catalogue: Catalogue) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(embedded::Config::new(directory.path())).unwrap();
        log.ensure_topics(&TopicSpec::standard(PARTITIONS)).await.unwrap();
        Self::over(log, directory, catalogue).await
    }

    /// With a log that takes nothing more: it wants more room than any disk has.
    pub(crate) async fn with_full_disk() -> Self {
        let stand = Self::new().await;
        let directory = stand.directory;
        drop((stand.log, stand.intake));
        let config = embedded::Config { free_bytes_min: u64::MAX, ..embedded::Config::new(directory.path()) };
        Self::over(EmbeddedLog::open(config).unwrap(), directory, catalogue()).await
    }

    async fn over(log: EmbeddedLog, directory: tempfile::TempDir, catalogue: Catalogue) -> Self {
        let log = Arc::new(log);
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        let config = Config { collector: "c1".to_owned(), epoch: 7, hash_key: [9; 32], spool: None };
        let shared: Arc<dyn EventLog> = Arc::<EmbeddedLog>::clone(&log);
        let intake =
            Intake::start(config, shared, Arc::new(ArcSwap::from_pointee(catalogue)), metrics).await.unwrap();
        Self { log, intake: Arc::new(intake), registry, directory }
    }

    /// The routes as they stand without keys.
    pub(crate) fn router(&self) -> Router {
        collect::router(Arc::clone(&self.intake), now)
            .layer(axum::middleware::from_fn(collect::guard::loopback_only))
    }

    /// All records of a topic, partition by partition.
    pub(crate) async fn records(&self, topic: &str) -> Vec<(u32, Stored)> {
        records_of(&self.log, topic).await
    }

    /// All events on the usage log, as they were written, sorted.
    pub(crate) async fn logged(&self) -> Vec<String> {
        let mut events = Vec::new();
        for (_, record) in self.records(topic::USAGE).await {
            let slices = eventlog::wire::split(&record.value).unwrap();
            events.extend(slices.into_iter().map(|event| String::from_utf8(event.to_vec()).unwrap()));
        }
        events.sort();
        events
    }

    /// All entries of the quarantine.
    pub(crate) async fn quarantined(&self) -> Vec<serde_json::Value> {
        let records = self.records(topic::QUARANTINE).await;
        records.into_iter().map(|(_, record)| serde_json::from_slice(&record.value).unwrap()).collect()
    }

    /// A counter's or a gauge's value: all its labels together, or one code's.
    pub(crate) fn counted(&self, name: &str, code: Option<&str>) -> u64 {
        counted(&self.registry, name, code)
    }
}

/// All records of a topic, partition by partition.
pub(crate) async fn records_of(log: &EmbeddedLog, topic: &str) -> Vec<(u32, Stored)> {
    let mut records = Vec::new();
    for partition in 0..log.topic(topic).await.unwrap().partitions {
        let start = log.start_offset(topic, partition).await.unwrap();
        let all = log.read(topic, partition, start, usize::MAX).await.unwrap();
        records.extend(all.into_iter().map(|record| (partition, record)));
    }
    records
}

/// A counter's or a gauge's value: all its labels together, or one code's.
pub(crate) fn counted(registry: &Registry, name: &str, code: Option<&str>) -> u64 {
    let families = registry.gather();
    let metrics =
        families.iter().filter(|family| family.name() == name).flat_map(|family| family.get_metric());
    let wanted =
        metrics.filter(|m| code.is_none_or(|code| m.get_label().iter().any(|label| label.value() == code)));
    wanted.map(|metric| metric.get_counter().get_value() + metric.get_gauge().get_value()).sum::<f64>() as u64
}

/// A right event of `e-moten/participant_hour`.
pub(crate) fn event(id: &str) -> String {
    event_with(id, "", "")
}

/// The same with something replaced.
pub(crate) fn event_with(id: &str, from: &str, to: &str) -> String {
    let event = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/lkdata/collector/pexip/mgr1","type":"se.linkoping.lkdata.usage.meeting.participation.v1","subject":"room:kb-101","time":"2021-03-15T09:00:12+01:00","dataschema":"urn:lkdata:schema:usage:1","data":{{"service":"e-moten","meter":"participant_hour","quantity":"0.954167","unit":"h","customer":{{"kind":"forvaltning","code":"KLF","costcentre":"110200"}}}}}}"#
    );
    assert!(event.contains(from), "{from}");
    event.replacen(from, to, 1)
}

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The catalogue of these tests.
pub(crate) fn catalogue() -> Catalogue {
    let meter = |slug: &str, kind: MeterKind, unit: &str, event_type: Option<&str>| Meter {
        slug: slug.to_owned(),
        name: slug.to_owned(),
        name_en: slug.to_owned(),
        kind,
        unit: unit.to_owned(),
        event_type: event_type.map(|name| format!("se.linkoping.lkdata.usage.{name}.v1")),
        dimensions: Vec::new(),
        billed: true,
        negative: false,
        hold_days: 31,
        cost_kind: CostKind::Running,
    };
    let mut account = meter("account", MeterKind::AvgDaily, "account", Some("account.snapshot"));
    account.dimensions = vec![Dimension {
        name: "class".to_owned(),
        rating: true,
        series: false,
        values: vec!["staff".to_owned(), "pupil".to_owned()],
    }];
    let mut messages = meter("messages", MeterKind::Sum, "1000", Some("integration.messages"));
    messages.negative = true;
    let mut storage = meter("storage_gb", MeterKind::TimeWeighted, "GB", Some("storage.snapshot"));
    storage.negative = true;
    let services = [
        ("e-moten", meter("participant_hour", MeterKind::Sum, "h", Some("meeting.participation"))),
        ("it-bastjanst-konto", account),
        ("integrationsplattform", messages),
        ("it-bastjanst-lagring", storage),
        ("driftavtal", meter("agreement", MeterKind::Fixed, "agreement", None)),
    ];
    let service = |(slug, meter): (&str, Meter)| Service {
        slug: slug.to_owned(),
        name: slug.to_owned(),
        name_en: slug.to_owned(),
        product: "U".to_owned(),
        start: day("2021-01-01"),
        established_from: None,
        monthly_measured: false,
        meters: BTreeMap::from([(meter.slug.clone(), meter)]),
    };
    let owners = vec![Ownership { customer: "KLF".to_owned(), from: day("2020-01-01"), to: None }];
    let costcentre = CostCentre { code: "110200".to_owned(), name: "KLF".to_owned(), owners };
    Catalogue {
        services: services.map(service).into_iter().map(|service| (service.slug.clone(), service)).collect(),
        costcentres: BTreeMap::from([("110200".to_owned(), costcentre)]),
        ..Catalogue::default()
    }
}

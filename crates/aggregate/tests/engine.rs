//! Log → rows → months on the real engine and the real embedded log.
//!
//! Needs the engine: `TAXAMETER_ENGINE` names the library, else it is fetched once into the cache directory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aggregate::{Aggregator, Config, Metrics};
use arc_swap::ArcSwap;
use chrono::NaiveDate;
use domain::catalogue::{Catalogue, Dimension, Meter, Service};
use domain::financing::CostKind;
use domain::usage::{MeterKind, MonthlyUsage};
use domain::{EventKey, Instant, Month, calendar};
use eventlog::embedded::{Config as LogConfig, EmbeddedLog};
use eventlog::{EventLog, Header, Kind, Record, TopicSpec, topic};
use store::usage::{DailyFilter, EventsBehind, GapKind, SubjectGrouping};
use store::{AsOf, Store};
use tokio::sync::{Notify, watch};

const PARTITIONS: u32 = 3;
const ONE: i128 = 1_000_000;

fn engine() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test finds the engine where the binary would")]
    let (given, home) = (std::env::var_os("TAXAMETER_ENGINE"), std::env::var_os("HOME"));
    let cache = PathBuf::from(home.unwrap_or_default()).join(".cache/taxameter/engine");
    embedded::locate_or_fetch(&cache, given.map(PathBuf::from).as_deref(), &embedded::engine::silent).unwrap()
}

fn now() -> Instant {
    Instant::parse_rfc3339("2021-07-01T10:00:00+02:00").unwrap()
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn catalogue() -> Catalogue {
    let dimension =
        |name: &str, rating| Dimension { name: name.into(), rating, series: !rating, values: vec![] };
    let meter = |kind: MeterKind, class: bool| Meter {
        slug: kind.name().into(),
        name: kind.name().into(),
        name_en: kind.name().into(),
        kind,
        unit: "x".into(),
        event_type: None,
        dimensions: if class { vec![dimension("class", true)] } else { vec![dimension("disk", false)] },
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
        meters: MeterKind::ALL
            .map(|kind| (kind.name().to_owned(), meter(kind, kind == MeterKind::Sum)))
            .into(),
    };
    Catalogue { services: [("s".into(), service)].into(), ..Catalogue::default() }
}

struct Sent {
    id: String,
    json: String,
}

fn event(
    id: &str,
    meter: &str,
    subject: &str,
    time: &str,
    costcentre: &str,
    quantity: &str,
    more: &str,
) -> Sent {
    let json = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/lkdata/a","type":"se.linkoping.lkdata.usage.thing.seen.v1",
        "subject":"{subject}","time":"{time}","dataschema":"urn:lkdata:schema:usage:1","data":{{"service":"s",
        "meter":"{meter}","quantity":"{quantity}","unit":"x",
        "customer":{{"kind":"forvaltning","code":"KLF","costcentre":"{costcentre}"}}{more}}}}}"#
    );
    Sent { id: id.to_owned(), json }
}

fn marker(id: &str, meter: &str, day: &str, count: u32) -> Sent {
    let json = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/lkdata/a","type":"se.linkoping.lkdata.usage.snapshot.completed.v1",
        "time":"{day}T21:00:00Z","dataschema":"urn:lkdata:schema:usage:1",
        "data":{{"service":"s","meter":"{meter}","day":"{day}","count":{count},"refused":0}}}}"#
    );
    Sent { id: id.to_owned(), json }
}

fn header(kind: Kind) -> Header {
    let sources = if kind == Kind::Events { vec![("/lkdata/a".to_owned(), 1)] } else { vec![] };
    Header {
        kind,
        collector: "c1".into(),
        epoch: 1,
        batch: 1,
        received: now().micros(),
        sources,
        released: false,
    }
}

async fn send(log: &dyn EventLog, events: &[Sent]) {
    let mut parts: Vec<Vec<&str>> = vec![Vec::new(); PARTITIONS as usize];
    for event in events {
        parts[EventKey::of("/lkdata/a", &event.id).partition(PARTITIONS) as usize].push(&event.json);
    }
    for (partition, part) in parts.iter().enumerate() {
        for some in part.chunks(500) {
            let value = format!("[{}]", some.join(",")).into();
            log.append(topic::USAGE, partition as u32, vec![Record { header: header(Kind::Events), value }])
                .await
                .unwrap();
        }
    }
}

/// A running aggregator; it ends when it is dropped.
struct Running {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<Result<(), aggregate::Error>>,
}

impl Running {
    fn start(log: &Arc<dyn EventLog>, store: &Arc<Store>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let config = Config::new(now);
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        let catalogue = Arc::new(ArcSwap::from_pointee(catalogue()));
        let aggregator = Aggregator::new(
            config,
            Arc::clone(log),
            Arc::clone(store),
            catalogue,
            Arc::new(Notify::new()),
            metrics,
        );
        Self { stop, task: tokio::spawn(aggregator.run(stopped)) }
    }

    async fn end(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

/// Asks until the answer is as wanted, or says what it was in the end.
async fn until<T: PartialEq + std::fmt::Debug>(what: &str, want: T, ask: impl AsyncFn() -> T) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let is = ask().await;
        if is == want {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{what}: is {is:#?}, not {want:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn usage(of: &str, meter: &str, costcentre: &str, class: &str, amount: i128) -> MonthlyUsage {
    MonthlyUsage {
        month: month(of),
        service: "s".into(),
        meter: meter.into(),
        costcentre: costcentre.into(),
        class: class.into(),
        amount,
    }
}

fn a_few_thousand() -> (Vec<Sent>, Vec<MonthlyUsage>) {
    let mut sent = Vec::new();
    for n in 0..2_000 {
        let costcentre = if n % 2 == 0 { "A1" } else { "B2" };
        let class = if n % 4 < 2 { "low" } else { "high" };
        let dims = format!(r#","dims":{{"class":"{class}"}}"#);
        let time = if n < 1_000 { "2021-03-28T03:00:00+02:00" } else { "2021-04-01T00:00:00+02:00" };
        sent.push(event(&format!("sum{n}"), "sum", "room:kb-1", time, costcentre, "0.25", &dims));
    }
    for n in 0..300 {
        sent.push(event(
            &format!("count{n}"),
            "count",
            "room:kb-1",
            "2021-03-31T23:59:59+02:00",
            "A1",
            "7",
            "",
        ));
    }
    for n in 0..600 {
        let subject = format!("room:u{}", n % 200);
        let costcentre = if n < 400 { "A1" } else { "B2" };
        sent.push(event(
            &format!("unique{n}"),
            "unique",
            &subject,
            "2021-03-15T12:00:00Z",
            costcentre,
            "1",
            "",
        ));
    }
    for day in 1..=30 {
        for device in 0..40 {
            let (id, time) = (format!("d{day}-{device}"), format!("2021-04-{day:02}T02:00:00Z"));
            let costcentre = if device < 30 { "A1" } else { "B2" };
            sent.push(event(&id, "avg_daily", &format!("dev:{device}"), &time, costcentre, "1", ""));
        }
        if day != 12 && day != 13 {
            sent.push(marker(&format!("done{day}"), "avg_daily", &format!("2021-04-{day:02}"), 40));
        }
    }
    for kind in ["time_weighted", "peak", "latest"] {
        for (n, (time, gb)) in [
            ("2021-03-10T00:00:00+01:00", 4),
            ("2021-03-20T00:00:00+01:00", 10),
            ("2021-03-21T00:00:00+01:00", 2),
        ]
        .into_iter()
        .enumerate()
        {
            sent.push(event(&format!("{kind}{n}"), kind, "vol:1", time, "A1", &gb.to_string(), ""));
        }
    }
    let day = 86_400_000_000 * ONE;
    let hour = day / 24;
    let mut want = vec![
        usage("2021-03", "sum", "A1", "high", 250 * ONE / 4),
        usage("2021-03", "sum", "A1", "low", 250 * ONE / 4),
        usage("2021-03", "sum", "B2", "high", 250 * ONE / 4),
        usage("2021-03", "sum", "B2", "low", 250 * ONE / 4),
        usage("2021-04", "sum", "A1", "high", 250 * ONE / 4),
        usage("2021-04", "sum", "A1", "low", 250 * ONE / 4),
        usage("2021-04", "sum", "B2", "high", 250 * ONE / 4),
        usage("2021-04", "sum", "B2", "low", 250 * ONE / 4),
        usage("2021-03", "count", "A1", "", 300 * ONE),
        usage("2021-03", "unique", "A1", "", 200 * ONE),
        usage("2021-03", "unique", "B2", "", 200 * ONE),
        usage("2021-04", "avg_daily", "A1", "", 30 * 30 * ONE),
        usage("2021-04", "avg_daily", "B2", "", 30 * 10 * ONE),
        // Ten days of 4, one of 10, and from the 21st on 2; the 28th of March has 23 hours. Held for 31 days.
        usage("2021-03", "time_weighted", "A1", "", 10 * 4 * day + 10 * day + 2 * (11 * day - hour)),
        usage("2021-04", "time_weighted", "A1", "", 2 * (20 * day + hour)),
        usage("2021-03", "peak", "A1", "", 10 * ONE),
        usage("2021-04", "peak", "A1", "", 2 * ONE),
        usage("2021-03", "latest", "A1", "", 2 * ONE),
    ];
    // A snapshot is carried three days into May.
    want.push(usage("2021-05", "avg_daily", "A1", "", 3 * 30 * ONE));
    want.push(usage("2021-05", "avg_daily", "B2", "", 3 * 10 * ONE));
    want.sort();
    (sent, want)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_becomes_months_on_the_real_engine_and_a_replay_the_same_rows() {
    let dir = tempfile::tempdir().unwrap();
    let server =
        embedded::Server::start(embedded::Config::new(engine(), dir.path().join("engine"))).await.unwrap();
    let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(LogConfig::new(dir.path().join("log"))).unwrap());
    log.ensure_topics(&TopicSpec::standard(PARTITIONS)).await.unwrap();
    let first = Arc::new(Store::connect(store::Config::embedded(server.url())).await.unwrap());
    assert!(!first.migrate().await.unwrap().is_empty());
    assert!(first.migrate().await.unwrap().is_empty());
    assert!(first.is_migrated().await.unwrap());

    let (sent, want) = a_few_thousand();
    let running = Running::start(&log, &first);
    send(&*log, &sent).await;
    let months = || async {
        let mut months =
            first.monthly_usage(month("2021-01")..=month("2021-12"), AsOf::Newest).await.unwrap();
        months.sort();
        months
    };
    until("usage", want.clone(), async || months().await).await;

    everything_else_can_be_asked(&first).await;
    let want = corrections(&*log, &first, want).await;
    let cut = a_cut(&log, &first).await;
    assert_eq!(cut, want);
    what_is_no_event_is_quarantined(&log, &first).await;

    let far = Instant::parse_rfc3339("2100-01-01T00:00:00Z").unwrap();
    let before = months().await;
    assert!(first.collect_superseded(far).await.unwrap() > 0);
    assert_eq!(months().await, before);

    // Counted again from the beginning, beside the first: the same rows.
    running.end().await;
    let other = store::Config { database: "again".into(), ..store::Config::embedded(server.url()) };
    let second = Arc::new(Store::connect(other).await.unwrap());
    second.migrate().await.unwrap();
    let running = Running::start(&log, &second);
    until("the second cut", true, async || second.cut_ready(7).await.unwrap()).await;
    for as_of in [AsOf::Cut(7), AsOf::Newest] {
        let range = month("2021-01")..=month("2021-12");
        let again = async || second.monthly_usage(range.clone(), as_of).await.unwrap();
        let before = first.monthly_usage(range.clone(), as_of).await.unwrap();
        until("usage counted again", before, again).await;
    }
    let days = month("2021-01").first_day()..=month("2021-12").last_day();
    assert_eq!(
        second.progress_outcomes(days.clone(), AsOf::Cut(7)).await.unwrap(),
        first.progress_outcomes(days, AsOf::Cut(7)).await.unwrap()
    );

    // An owner that goes on where another was changes nothing.
    running.end().await;
    let running = Running::start(&log, &second);
    send(&*log, &sent[..50]).await;
    let books = async || {
        let day = now().day();
        let outcomes = second.progress_outcomes(day..=day, AsOf::Newest).await.unwrap();
        outcomes.iter().filter(|row| row.outcome == "duplicate").map(|row| row.events).sum::<u64>()
    };
    // One more came among the corrections.
    until("duplicates", 51, books).await;
    running.end().await;
    server.shutdown().await;
}

async fn everything_else_can_be_asked(store: &Store) {
    let days = store.daily_usage(month("2021-04"), AsOf::Newest, &DailyFilter::default()).await.unwrap();
    let of = |meter: &str| days.iter().filter(|row| row.meter == meter).map(|row| row.amount).sum::<i128>();
    assert_eq!((of("avg_daily"), of("sum")), (30 * 40 * ONE, 250 * ONE));
    let filter = DailyFilter {
        costcentres: Some(vec!["B2".into()]),
        service: Some("s".into()),
        meter: Some("avg_daily".into()),
    };
    assert_eq!(store.daily_usage(month("2021-04"), AsOf::Newest, &filter).await.unwrap().len(), 30);

    let range = month("2021-03")..=month("2021-03");
    let count = async |grouping: SubjectGrouping| -> Vec<(String, i128)> {
        let rows = store.unique_usage(range.clone(), AsOf::Newest, &grouping).await.unwrap();
        rows.into_iter().map(|row| (row.group, row.amount / ONE)).collect()
    };
    assert_eq!(count(SubjectGrouping::default()).await, [(String::new(), 200)]);
    let by = |groups: &[(&str, &str)]| SubjectGrouping {
        by_class: true,
        groups: Some(groups.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect()),
    };
    assert_eq!(count(by(&[])).await, [("A1".into(), 200), ("B2".into(), 200)]);
    assert_eq!(count(by(&[("A1", "KLF"), ("B2", "KLF")])).await, [("KLF".to_owned(), 200)]);

    let gaps = store.gaps(month("2021-04"), AsOf::Newest).await.unwrap();
    let estimated: Vec<_> = gaps
        .iter()
        .filter(|gap| gap.kind == GapKind::Estimated)
        .map(|gap| gap.first_day.to_string())
        .collect();
    assert_eq!(estimated, ["2021-04-12", "2021-04-13"]);
    let missing = store.gaps(month("2021-05"), AsOf::Newest).await.unwrap();
    assert!(
        missing.iter().any(|gap| gap.kind == GapKind::Missing && gap.meter == "avg_daily"),
        "{missing:?}"
    );

    let wanted = EventsBehind {
        service: "s".into(),
        meter: "sum".into(),
        costcentre: "A1".into(),
        class: Some("low".into()),
        days: month("2021-03").first_day()..=month("2021-03").last_day(),
        after: None,
        limit: 1_000,
    };
    let behind = store.events_behind(&wanted).await.unwrap();
    assert_eq!(behind.len(), 250);
    assert!(behind.is_sorted_by_key(|event| event.behind()));
    let rest = EventsBehind { after: Some(behind[99].behind()), ..wanted };
    assert_eq!(store.events_behind(&rest).await.unwrap(), behind[100..]);
    assert_eq!(behind[0].dims, r#"{"class":"low"}"#);
    let lag = store.lag().await.unwrap();
    assert_eq!(lag.len(), PARTITIONS as usize);
    assert!(
        store.newest_revision(month("2021-03")).await.unwrap()
            != store.newest_revision(month("2021-04")).await.unwrap()
    );
    assert!(store.months_with_usage(AsOf::Newest).await.unwrap().contains(&month("2021-03")));
    assert_eq!(store.collect_superseded(Instant::from_micros(0)).await.unwrap(), 0);
}

/// Revisions across month, cost centre and meter, retractions (also of what has not come yet), duplicates, conflicts.
async fn corrections(log: &dyn EventLog, store: &Store, mut want: Vec<MonthlyUsage>) -> Vec<MonthlyUsage> {
    let low = r#","dims":{"class":"low"},"seq":1"#;
    let gone = r#","seq":2,"retracted":true"#;
    let march = "2021-03-31T23:59:59+02:00";
    send(
        log,
        &[
            event("sum0", "sum", "room:kb-1", "2021-04-02T10:00:00Z", "B2", "1.5", low),
            event("count1", "count", "room:kb-1", march, "A1", "7", gone),
            event("early", "count", "room:kb-1", march, "A1", "7", gone),
            event("latest2", "latest", "vol:1", "2021-03-21T00:00:00+01:00", "B2", "3", r#","seq":1"#),
        ],
    )
    .await;
    send(log, &[event("early", "count", "room:kb-1", march, "A1", "7", "")]).await;
    send(
        log,
        &[
            event("count2", "count", "room:kb-1", march, "A1", "7", ""),
            event("count3", "count", "room:kb-1", march, "A1", "8", ""),
        ],
    )
    .await;
    for row in &mut want {
        match (
            row.month.to_string().as_str(),
            row.meter.as_str(),
            row.costcentre.as_str(),
            row.class.as_str(),
        ) {
            ("2021-03", "sum", "A1", "low") => row.amount -= ONE / 4,
            ("2021-04", "sum", "B2", "low") => row.amount += 3 * ONE / 2,
            ("2021-03", "count", ..) => row.amount -= ONE,
            ("2021-03", "latest", ..) => (row.costcentre, row.amount) = ("B2".into(), 3 * ONE),
            _ => {}
        }
    }
    want.sort();
    let months = async || {
        let mut months =
            store.monthly_usage(month("2021-01")..=month("2021-12"), AsOf::Newest).await.unwrap();
        months.sort();
        months
    };
    until("corrected usage", want.clone(), months).await;
    let books = async || {
        let outcomes = store.progress_outcomes(now().day()..=now().day(), AsOf::Newest).await.unwrap();
        outcomes
            .into_iter()
            .filter(|row| row.outcome != "metered" && row.outcome != "marker")
            .map(|row| (row.outcome, row.events))
            .collect::<Vec<_>>()
    };
    let wanted = [("conflict", 1), ("duplicate", 1), ("revised", 3), ("superseded", 1)];
    until("the books", wanted.map(|(outcome, n)| (outcome.to_owned(), n)).to_vec(), books).await;
    want
}

async fn a_cut(log: &Arc<dyn EventLog>, store: &Store) -> Vec<MonthlyUsage> {
    assert!(!store.cut_ready(7).await.unwrap());
    for partition in 0..PARTITIONS {
        let header = header(Kind::Barrier { control: Some(7) });
        let record = Record { header, value: Default::default() };
        log.append(topic::USAGE, partition, vec![record]).await.unwrap();
    }
    until("the cut", true, async || store.cut_ready(7).await.unwrap()).await;
    let behind = event("behind", "count", "room:kb-1", "2021-03-02T00:00:00Z", "A1", "1", "");
    send(&**log, &[behind]).await;
    let newest = async || {
        let months = store.monthly_usage(month("2021-03")..=month("2021-03"), AsOf::Newest).await.unwrap();
        months.iter().find(|row| row.meter == "count").map(|row| row.amount / ONE)
    };
    until("what came behind the cut", Some(300), newest).await;
    let mut cut = store.monthly_usage(month("2021-01")..=month("2021-12"), AsOf::Cut(7)).await.unwrap();
    cut.sort();
    assert!(!store.gaps(month("2021-04"), AsOf::Cut(7)).await.unwrap().is_empty());
    cut
}

async fn what_is_no_event_is_quarantined(log: &Arc<dyn EventLog>, store: &Store) {
    let wrong = (EventKey::of("/lkdata/a", "lost").partition(PARTITIONS) + 1) % PARTITIONS;
    let lost = event("lost", "count", "room:kb-1", "2021-03-02T00:00:00Z", "A1", "1", "").json;
    let old = event("old", "count", "room:kb-1", "2019-05-02T00:00:00Z", "A1", "1", "");
    for value in [lost, "{not json".to_owned(), r#"[{"id":"x"}]"#.to_owned()] {
        let record = Record { header: header(Kind::Events), value: value.into() };
        log.append(topic::USAGE, wrong, vec![record]).await.unwrap();
    }
    send(&**log, &[old]).await;
    let refused =
        r#"{"code":"invalid_quantity","detail":"x","source":"/lkdata/a","id":"q","event":"e30=","hash":"h"}"#;
    let record = Record { header: header(Kind::Quarantine), value: refused.into() };
    log.append(topic::QUARANTINE, 0, vec![record]).await.unwrap();
    let want =
        [("conflict", 1), ("invalid_quantity", 1), ("misrouted", 1), ("too_old", 1), ("undecodable", 2)];
    let want = want.map(|(code, n)| (code.to_owned(), n)).to_vec();
    until("the quarantine", want, async || store.quarantine_counts().await.unwrap()).await;
    let filter = store::quarantine::QuarantineFilter {
        code: Some("invalid_quantity".into()),
        limit: 5,
        ..Default::default()
    };
    let listed = store.quarantine(&filter).await.unwrap();
    assert_eq!((listed.len(), listed[0].event.as_ref(), listed[0].times), (1, None, 1));
    let whole = store.quarantine_entry(&listed[0].id).await.unwrap().unwrap();
    assert_eq!(whole.event.as_deref(), Some(b"{}".as_slice()));
    let day = calendar::start_of_day(now().day());
    let files = [("b.toml".to_owned(), vec![0, 255, 10, 10]), ("a.toml".to_owned(), b"x".to_vec())];
    store.catalogue_put("v1", &files, day).await.unwrap();
    let (version, stored) = store.catalogue_current().await.unwrap().unwrap();
    assert_eq!(
        (version.as_str(), stored.len(), stored[1].1.as_slice()),
        ("v1", 2, [0, 255, 10, 10].as_slice())
    );
}

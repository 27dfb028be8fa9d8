//! A database and a log of a test's own, and somebody who rolls up: what the aggregator would write, from rows that the
//! test states.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use billing::{Biller, Config};
use chrono::Datelike;
use domain::catalogue::Catalogue;
use domain::usage::{DailyUsage, MonthlyUsage};
use domain::{Instant, Month};
use eventlog::embedded::EmbeddedLog;
use eventlog::topic::USAGE;
use eventlog::{EventLog, Kind, TopicSpec};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use store::Store;
use store::rollup::{CutRow, Head, Prefix, RevisionRows, SubjectRow};
use store::usage::Gap;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::catalogue::{catalogue, day, month};
use crate::shared::on_server;

/// When every decision of the tests is made.
pub(crate) fn clock() -> Instant {
    Instant::parse_rfc3339("2021-06-01T08:00:00Z").unwrap()
}

/// A silent collector is waited for no longer than a test must be.
fn settings() -> Config {
    Config { marks_wait: Duration::from_millis(300), ..Config::new(clock) }
}

/// Asks again and again until it is so, and fails with what was awaited.
pub(crate) async fn until(awaited: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {awaited}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What a test has.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) catalogue: Arc<ArcSwap<Catalogue>>,
    pub(crate) biller: Biller,
    pub(crate) usage: Arc<Mutex<RevisionRows>>,
    written: Arc<Mutex<BTreeSet<u128>>>,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    _directory: TempDir,
}

/// Runs a test in a world of its own, with somebody who closes months.
pub(crate) fn in_world<F: Future<Output = Arc<World>>>(database: &str, test: impl FnOnce(Arc<World>) -> F) {
    on_server(|url| async move {
        let world = World::new(url, database).await;
        world.start_owner();
        test(world).await.finish().await;
    });
}

impl World {
    pub(crate) async fn new(url: String, database: &str) -> Arc<Self> {
        let config = store::Config { database: database.to_owned(), ..store::Config::embedded(url) };
        let store = Store::connect(config).await.unwrap();
        store.migrate().await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(eventlog::embedded::Config::new(directory.path())).unwrap();
        let log: Arc<dyn EventLog> = Arc::new(log);
        log.ensure_topics(&TopicSpec::standard(2)).await.unwrap();
        let catalogue = Arc::new(ArcSwap::from_pointee(catalogue()));
        let biller = Biller::new(store.clone(), Arc::clone(&log), Arc::clone(&catalogue), settings());
        let (stop, _) = watch::channel(false);
        let world = Arc::new(Self {
            store,
            log,
            catalogue,
            biller,
            usage: Arc::default(),
            written: Arc::default(),
            stop,
            tasks: Mutex::default(),
            _directory: directory,
        });
        let (store, log) = (world.store.clone(), Arc::clone(&world.log));
        let rows = (Arc::clone(&world.usage), Arc::clone(&world.written));
        let roller = tokio::spawn(roll_up_cuts(store, log, rows, world.stop.subscribe()));
        world.tasks.lock().push(roller);
        world
    }

    /// Another one who knows nothing of what this process has kept.
    pub(crate) fn another_biller(&self) -> Biller {
        Biller::new(self.store.clone(), Arc::clone(&self.log), Arc::clone(&self.catalogue), settings())
    }

    /// Another one who has another catalogue.
    pub(crate) fn biller_with(&self, catalogue: Catalogue) -> Biller {
        let catalogue = Arc::new(ArcSwap::from_pointee(catalogue));
        Biller::new(self.store.clone(), Arc::clone(&self.log), catalogue, settings())
    }

    /// One whose decisions are made at another time.
    pub(crate) fn biller_at(&self, clock: fn() -> Instant) -> Biller {
        let settings = Config { clock, ..settings() };
        Biller::new(self.store.clone(), Arc::clone(&self.log), Arc::clone(&self.catalogue), settings)
    }

    pub(crate) fn start_owner(&self) {
        let (owner, stop) = (self.biller.owner(), self.stop.subscribe());
        self.tasks.lock().push(tokio::spawn(async move { owner.run(stop).await.unwrap() }));
    }

    /// Stops whoever works in it.
    pub(crate) async fn finish(&self) {
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for task in tasks {
            task.await.unwrap();
        }
    }

    /// Counts usage: (day, service, meter, cost centre, class, amount).
    pub(crate) async fn count(&self, rows: &[(&str, &str, &str, &str, &str, i128)]) {
        for (at, service, meter, costcentre, class, amount) in rows {
            self.usage.lock().days.push(DailyUsage {
                day: day(at),
                service: (*service).to_owned(),
                meter: (*meter).to_owned(),
                costcentre: (*costcentre).to_owned(),
                class: (*class).to_owned(),
                amount: *amount,
            });
        }
        self.preview().await;
    }

    /// Counts distinct subjects of e-moten/user, on the first day of a month.
    pub(crate) async fn count_users(&self, at: &str, rows: &[(&str, &[u128])]) {
        for (costcentre, subjects) in rows {
            let user = |subject: &u128| SubjectRow {
                month: month(at),
                service: "e-moten".to_owned(),
                meter: "user".to_owned(),
                costcentre: (*costcentre).to_owned(),
                class: String::new(),
                subject: *subject,
            };
            self.usage.lock().subjects.extend(subjects.iter().map(user));
            self.usage.lock().days.push(DailyUsage {
                day: month(at).first_day(),
                service: "e-moten".to_owned(),
                meter: "user".to_owned(),
                costcentre: (*costcentre).to_owned(),
                class: String::new(),
                amount: subjects.len() as i128 * 1_000_000,
            });
        }
        self.preview().await;
    }

    pub(crate) async fn miss(&self, gap: Gap) {
        self.usage.lock().gaps.push(gap);
        self.preview().await;
    }

    async fn preview(&self) {
        let rows = self.usage.lock().clone();
        let reach = rows.days.len() + rows.gaps.len();
        write(&self.store, &rows, None, reach as u64, &self.written).await;
    }
}

/// Answers every barrier of a decision with a cut of the usage as it is then.
async fn roll_up_cuts(
    store: Store,
    log: Arc<dyn EventLog>,
    (usage, written): (Arc<Mutex<RevisionRows>>, Arc<Mutex<BTreeSet<u128>>>),
    mut stop: watch::Receiver<bool>,
) {
    let mut offset = 0;
    loop {
        let more = log.wait_for_more(USAGE, 1, offset, Duration::from_secs(60));
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            end = more => { end.unwrap(); }
        }
        for stored in log.read(USAGE, 1, offset, 1 << 20).await.unwrap() {
            offset = stored.offset + 1;
            let Ok(Kind::Barrier { control: Some(control) }) = stored.header.map(|header| header.kind) else {
                continue;
            };
            if store.cut_ready(control).await.unwrap() {
                continue;
            }
            let rows = usage.lock().clone();
            write(&store, &rows, Some(control), offset, &written).await;
            let prefix = Prefix { generation: 1, as_of: vec![offset] };
            store.put_cut(&CutRow { cut: control, prefix, until: clock() }).await.unwrap();
        }
    }
}

/// Writes a revision of each (month, service, meter), named by its content, and the heads last.
async fn write(
    store: &Store,
    rows: &RevisionRows,
    cut: Option<u64>,
    reach: u64,
    written: &Mutex<BTreeSet<u128>>,
) {
    let mut parts: BTreeMap<(Month, String, String), RevisionRows> = BTreeMap::new();
    let key = |month: Month, service: &str, meter: &str| (month, service.to_owned(), meter.to_owned());
    for row in &rows.days {
        parts.entry(key(Month::of(row.day), &row.service, &row.meter)).or_default().days.push(row.clone());
    }
    for row in &rows.subjects {
        parts.entry(key(row.month, &row.service, &row.meter)).or_default().subjects.push(row.clone());
    }
    for row in &rows.gaps {
        parts.entry(key(row.month, &row.service, &row.meter)).or_default().gaps.push(row.clone());
    }
    let mut heads = Vec::new();
    for ((month, service, meter), mut part) in parts {
        add_up(month, &mut part);
        let name = Sha256::digest(format!("{part:?}"));
        let revision = u128::from_be_bytes(name[..16].try_into().unwrap());
        // A revision is named by its content, so one that is there needs no writing.
        if written.lock().insert(revision) {
            store.write_revision(revision, &part).await.unwrap();
        }
        heads.push(Head {
            month,
            service,
            meter,
            cut,
            revision,
            prefix: Prefix { generation: 1, as_of: vec![reach] },
            until: clock(),
            written: clock(),
        });
    }
    store.put_heads(&heads).await.unwrap();
}

/// Days with the same key become one, and the month their sum.
fn add_up(month: Month, part: &mut RevisionRows) {
    let mut days: BTreeMap<(u32, String, String), DailyUsage> = BTreeMap::new();
    for row in std::mem::take(&mut part.days) {
        let key = (row.day.day(), row.costcentre.clone(), row.class.clone());
        days.entry(key).and_modify(|sum| sum.amount += row.amount).or_insert(row);
    }
    let mut months: BTreeMap<(String, String), MonthlyUsage> = BTreeMap::new();
    for row in days.values() {
        let key = (row.costcentre.clone(), row.class.clone());
        let sum = months.entry(key).or_insert_with(|| MonthlyUsage {
            month,
            service: row.service.clone(),
            meter: row.meter.clone(),
            costcentre: row.costcentre.clone(),
            class: row.class.clone(),
            amount: 0,
        });
        sum.amount += row.amount;
    }
    part.days = days.into_values().collect();
    part.months = months.into_values().collect();
}

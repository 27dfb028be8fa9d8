//! A program's parts in one place: engine, store, log, months that nobody counted but that look as if.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::{Check, Gathering, Metrics, Shared};
use arc_swap::ArcSwap;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode, header};
use billing::{Biller, Requester};
use catalog::Checked;
use domain::access::Viewer;
use domain::usage::MonthlyUsage;
use domain::{Instant, Month};
use embedded::Server;
use embedded::engine::{self, Language};
use eventlog::embedded::EmbeddedLog;
use eventlog::{EventLog, TopicSpec};
use futures::FutureExt;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use store::Store;
use store::rollup::{CutRow, Head, Prefix, RevisionRows};
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The parts.
pub(crate) struct Place {
    router: Router,
    store: Store,
    checked: Checked,
    document: Value,
    ready: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    server: Server,
    _directory: TempDir,
}

pub(crate) fn now() -> Instant {
    Instant::parse_rfc3339("2021-12-15T09:30:00+01:00").unwrap()
}

/// The engine's path, as the program finds it.
#[expect(clippy::disallowed_methods, reason = "the tests take the engine from where the program has it")]
fn engine() -> PathBuf {
    let given = std::env::var_os("TAXAMETER_ENGINE").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|cache| !cache.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let cache = cache.unwrap().join("taxameter/engine");
    embedded::locate_or_fetch(&cache, given.as_deref(), &engine::on_stderr(Language::English)).unwrap()
}

impl Place {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = tokio::task::spawn_blocking(engine).await.unwrap();
        let server =
            Server::start(embedded::Config::new(engine, directory.path().join("engine"))).await.unwrap();
        let store = Store::connect(store::Config::embedded(server.url())).await.unwrap();
        store.migrate().await.unwrap();
        let checked = catalog::check(&catalog::linkoping()).unwrap();
        let files: Vec<(String, Vec<u8>)> =
            catalog::linkoping().iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec())).collect();
        store.catalogue_put(&checked.catalogue.version, &files, now()).await.unwrap();
        let settings = eventlog::embedded::Config::new(directory.path().join("log"));
        let log: Arc<dyn EventLog> = Arc::new(EmbeddedLog::open(settings).unwrap());
        log.ensure_topics(&TopicSpec::standard(1)).await.unwrap();
        let catalogue = Arc::new(ArcSwap::from_pointee(checked.catalogue.clone()));
        let biller = Biller::new(store.clone(), log, Arc::clone(&catalogue), billing::Config::new(now));
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(biller.owner().run(stopped));
        let registry = prometheus::Registry::new();
        let ready = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&ready);
        let shared = Shared {
            biller,
            store: store.clone(),
            catalogue,
            metrics: Metrics::register(&registry).unwrap(),
            registry,
            ready: Arc::new(move || {
                let ok = asked.load(Ordering::Relaxed);
                async move { vec![Check { name: "store", ok, cause: String::new() }] }.boxed()
            }),
            gathering: Some(gathering()),
            cubes: api::Cubes::default(),
            now,
        };
        let document = include_str!("../../../../schemas/openapi/taxameter.json");
        Self {
            router: api::router(shared),
            store,
            checked,
            document: serde_json::from_str(document).unwrap(),
            ready,
            stop,
            server,
            _directory: directory,
        }
    }

    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.server.shutdown().await;
    }

    /// Fourteen months of the planned volumes, as the roll-up would have written them, for now and for the cuts to come.
    pub(crate) async fn fill(&self) {
        let first: Month = "2020-11".parse().unwrap();
        let rows = RevisionRows {
            months: first.through(now().month()).flat_map(|month| self.usage(month)).collect(),
            ..RevisionRows::default()
        };
        self.store.write_revision(1, &rows).await.unwrap();
        let prefix = Prefix { generation: 0, as_of: vec![1] };
        // The first decisions of the control log: none of them finds other usage than this.
        for cut in std::iter::once(None).chain((0..8).map(Some)) {
            let mut keys: Vec<(Month, &str, &str)> =
                rows.months.iter().map(|row| (row.month, row.service.as_str(), row.meter.as_str())).collect();
            keys.dedup();
            let head = |(month, service, meter): (Month, &str, &str)| Head {
                month,
                service: service.to_owned(),
                meter: meter.to_owned(),
                cut,
                revision: 1,
                prefix: prefix.clone(),
                until: now(),
                written: now(),
            };
            self.store.put_heads(&keys.into_iter().map(head).collect::<Vec<_>>()).await.unwrap();
            if let Some(cut) = cut {
                self.store.put_cut(&CutRow { cut, prefix: prefix.clone(), until: now() }).await.unwrap();
            }
        }
    }

    /// A month's volumes, spread over five cost centres: a little more each month, half of the last one.
    pub(crate) fn usage(&self, month: Month) -> Vec<MonthlyUsage> {
        const CENTRES: [(&str, i128); 5] =
            [("441001", 52), ("110200", 8), ("520310", 20), ("B0100", 9), ("110300", 11)];
        let part = if month == now().month() { 50 } else { 100 + i128::from(month.index() % 12) };
        let mut usage = Vec::new();
        for planned in &self.checked.catalogue.volumes {
            let meter = self.checked.catalogue.meter(&planned.service, &planned.meter).unwrap();
            if meter.event_type.is_none() {
                continue;
            }
            let row = |costcentre: &str, micros: i128| MonthlyUsage {
                month,
                service: planned.service.clone(),
                meter: planned.meter.clone(),
                costcentre: costcentre.to_owned(),
                class: planned.class.clone(),
                amount: micros * meter.kind.divisor(month),
            };
            let whole = planned.volume.micros() * part / 100;
            usage.extend(CENTRES.iter().map(|(centre, share)| row(centre, whole * share / 100)));
            if month == now().month() && planned.meter == "participant_hour" {
                usage.push(row("999999", 12_500_000));
            }
        }
        usage.sort();
        usage
    }

    /// The tables, to put in what other parts would have written.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn is_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: &str,
    ) -> Answer {
        self.ask_as(&Viewer::admin(), method, path, headers, body).await
    }

    /// Asks on somebody's behalf: whoever joins the routers has found out who it is.
    async fn ask_as(
        &self,
        viewer: &Viewer,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:8321");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(viewer.clone());
        request.extensions_mut().insert(Requester::Local);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        Answer { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    pub(crate) async fn any_as(&self, viewer: &Viewer, path: &str) -> Answer {
        self.ask_as(viewer, Method::GET, path, &[], "").await
    }

    pub(crate) async fn json_as(&self, viewer: &Viewer, path: &str) -> Value {
        let answer = self.any_as(viewer, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    pub(crate) async fn post_as(&self, viewer: &Viewer, path: &str, body: &str) -> Answer {
        let json = [(header::CONTENT_TYPE, "application/json")];
        self.ask_as(viewer, Method::POST, path, &json, body).await
    }

    pub(crate) async fn any(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "").await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let answer = self.any(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json()
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(Method::POST, path, &[(header::CONTENT_TYPE, "application/json")], body).await
    }

    /// The items of all pages.
    pub(crate) async fn pages(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut next = self.json(path).await;
        loop {
            items.extend(next["items"].as_array().unwrap().iter().cloned());
            let Some(cursor) = next["next"].as_str() else { return items };
            next = self.json(&format!("{path}&cursor={cursor}")).await;
        }
    }

    /// Holds an answer to a schema of the OpenAPI document.
    pub(crate) fn check(&self, schema: &str, answer: &Value, what: &str) {
        let mut root = self.document.clone();
        root["$ref"] = format!("#/components/schemas/{schema}").into();
        let validator = jsonschema::draft202012::new(&root).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(answer)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{what} is no {schema}: {errors:#?}");
    }
}

/// A collector that waits, and the key of one year.
fn gathering() -> Gathering {
    let status = json!({
        "name": "konton", "kind": "ldap", "source": "/lkdata/collector/ad/lkdata.test", "schedule": "daily 02:00",
        "state": "waiting", "last_turn": "2021-12-15T01:00:00Z", "next_turn": "2021-12-16T01:00:00Z",
        "records": 10, "fetched": 10, "accepted": 11, "refused": 0, "failures": 0, "error": null,
    });
    Gathering { statuses: Arc::new(move || vec![status.clone()]), destroy: Arc::new(|year| Ok(year == 2020)) }
}

//! The stages and what connects them. Each runs as a task until the program stops.

use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwap;
use axum::Router;
use collect::Intake;
use domain::catalogue::Catalogue;
use eventlog::{EventLog, topic};
use futures::FutureExt;
use prometheus::Registry;
use store::Store;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::access::{self, Access};
use super::counting::Counting;
use super::intake::{Collector, starts_without_log};
use super::login::People;
use super::{Engine, connect, now, open_log, pull, topics};
use crate::catalogue;
use crate::config::{Config, Role};
use crate::listener::{self, Listener};

/// What the stages share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) catalogue: Arc<ArcSwap<Catalogue>>,
    pub(crate) registry: Registry,
}

/// How long a part may take to answer before it counts as away: whoever asks for readiness waits no longer.
pub(super) const ANSWER_MAX: std::time::Duration = std::time::Duration::from_secs(5);

pub(super) type Tasks = JoinSet<anyhow::Result<()>>;
pub(super) type Stop = watch::Receiver<bool>;

/// Starts the stages that the configuration names, and answers on the listener.
pub(super) async fn start(
    config: &Config,
    engine: Option<&Engine>,
    listener: Listener,
    tasks: &mut Tasks,
    stop: &Stop,
) -> anyhow::Result<()> {
    let store = connect(config, engine).await?;
    let in_force = catalogue::in_force(&store, config.catalog.as_deref(), now()).await?;
    let log = open_log(config)?;
    match make_topics(&*log, config).await {
        Ok(()) => {}
        Err(error) if error.is_retriable() && starts_without_log(config) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "starting without the log");
        }
        Err(error) => return Err(error).context("could not make the log's topics"),
    }
    let catalogue = Arc::new(ArcSwap::from_pointee(in_force));
    let shared = Shared { store, log, catalogue, registry: Registry::new() };
    let reload = Arc::new(Notify::new());
    tasks.spawn(catalogue::follow(
        shared.store.clone(),
        Arc::clone(&shared.catalogue),
        Arc::clone(&reload),
        stop.clone(),
    ));
    if config.runs(Role::Aggregate) {
        aggregate(config, &shared, reload, tasks, stop)?;
    }
    let collector = if config.runs(Role::Collect) {
        Some(Collector::start(config, &shared, tasks, stop).await?)
    } else {
        None
    };
    let router = routes(config, &shared, collector.as_ref(), tasks, stop).await?;
    let metrics = listener::Metrics::register(&shared.registry)?;
    if let Some(tls) = listener.tls() {
        let (metrics, stop) = (listener::tls::Metrics::register(&shared.registry)?, stop.clone());
        tasks.spawn(async move {
            tls.follow(metrics, stop).await;
            Ok(())
        });
    }
    let stop = stop.clone();
    tasks.spawn(async move {
        listener.run(router, metrics, stop).await;
        if let Some(collector) = collector {
            collector.leave().await;
        }
        Ok(())
    });
    Ok(())
}

async fn make_topics(log: &dyn EventLog, config: &Config) -> eventlog::Result<()> {
    let specs = topics(log, config).await?;
    log.ensure_topics(&specs).await.map(drop)
}

fn aggregate(
    config: &Config,
    shared: &Shared,
    reload: Arc<Notify>,
    tasks: &mut Tasks,
    stop: &Stop,
) -> anyhow::Result<()> {
    let metrics = aggregate::Metrics::register(&shared.registry)?;
    let (log, store) = (Arc::clone(&shared.log), Arc::new(shared.store.clone()));
    let aggregator = aggregate::Aggregator::new(
        counting_as(config),
        log,
        store,
        Arc::clone(&shared.catalogue),
        reload,
        metrics,
    );
    let stop = stop.clone();
    tasks.spawn(async move { aggregator.run(stop).await.context("counting cannot go on") });
    Ok(())
}

/// How counting is configured.
pub(super) fn counting_as(config: &Config) -> aggregate::Config {
    aggregate::Config {
        horizon_months: config.horizon_months,
        log_keep_days: config.log_keep_days,
        ..aggregate::Config::new(now)
    }
}

/// What is answered over HTTP: intake, queries, decisions, and the page.
async fn routes(
    config: &Config,
    shared: &Shared,
    collector: Option<&Collector>,
    tasks: &mut Tasks,
    stop: &Stop,
) -> anyhow::Result<Router> {
    let mut router = Router::new();
    if let Some(collector) = collector {
        router = router.merge(collector.router());
    }
    let (log, catalogue) = (Arc::clone(&shared.log), Arc::clone(&shared.catalogue));
    let settings = billing::Config { retention: config.retention, ..billing::Config::new(now) };
    let biller = billing::Biller::new(shared.store.clone(), log, catalogue, settings);
    if config.runs(Role::Bill) {
        let owner = biller.owner().measured(billing::Metrics::register(&shared.registry)?);
        let watch = biller.books_watch(billing::BooksMetrics::register(&shared.registry)?);
        let (deciding, watching) = (stop.clone(), stop.clone());
        tasks.spawn(async move { owner.run(deciding).await.context("decisions cannot be carried out") });
        tasks.spawn(async move {
            watch.run(watching).await;
            Ok(())
        });
    }
    let answering = api::Shared {
        biller,
        store: shared.store.clone(),
        catalogue: Arc::clone(&shared.catalogue),
        registry: shared.registry.clone(),
        metrics: api::Metrics::register(&shared.registry)?,
        ready: ready(shared, Counting::follow(config, shared, tasks, stop), taker(config, collector)),
        cubes: api::Cubes::default(),
        gathering: collector
            .map(|collector| pull::start(config, shared, collector.intake(), tasks, stop))
            .transpose()?,
        now,
    };
    router = if config.runs(Role::Api) {
        router.merge(api::router(answering))
    } else {
        router.merge(api::health_router(answering))
    };
    let people = People::start(config, &shared.catalogue, &shared.registry)?;
    if let Some(people) = &people {
        router = router.merge(people.routes());
    }
    let access = Access::load(config, &shared.store, &shared.registry, people).await?;
    tasks.spawn(Arc::clone(&access).follow(stop.clone()));
    Ok(router.layer(axum::middleware::from_fn_with_state(access, access::guarded)))
}

/// What takes events while the log is away, where that is all that this process is there for.
fn taker(config: &Config, collector: Option<&Collector>) -> Option<Arc<Intake>> {
    collector.filter(|_| starts_without_log(config)).map(Collector::intake)
}

/// Ready is who can take events and count them: the log can be written to and answers (or a spool takes its place), so does
/// the store, and counting moves.
fn ready(shared: &Shared, counting: Counting, taker: Option<Arc<Intake>>) -> api::Ready {
    let shared = shared.clone();
    Arc::new(move || {
        let (shared, counting, taker) = (shared.clone(), counting.check(), taker.clone());
        async move {
            let log = async {
                shared.log.check_writable().await?;
                shared.log.end_offset(topic::USAGE, 0).await
            };
            let log = tokio::time::timeout(ANSWER_MAX, log);
            let lag = tokio::time::timeout(ANSWER_MAX, shared.store.lag());
            let (log, lag) = futures::join!(log, lag);
            let log = match taker.filter(|intake| intake.has_spool_room()) {
                Some(_) => api::Check { name: "log", ok: true, cause: String::new() },
                None => answers("log", log),
            };
            vec![log, answers("store", lag), counting]
        }
        .boxed()
    })
}

fn answers<T, E: std::error::Error + 'static>(
    name: &'static str,
    answer: Result<Result<T, E>, tokio::time::error::Elapsed>,
) -> api::Check {
    let cause = match answer {
        Ok(Ok(_)) => String::new(),
        Ok(Err(error)) => {
            tracing::warn!(part = name, error = &error as &dyn std::error::Error, "a part does not answer");
            error.to_string()
        }
        Err(_) => {
            tracing::warn!(part = name, "a part does not answer in time");
            format!("no answer within {} s", ANSWER_MAX.as_secs())
        }
    };
    api::Check { name, ok: cause.is_empty(), cause }
}

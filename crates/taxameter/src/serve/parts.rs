//! The stages and what connects them. Each runs as a task until the program stops.

use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwap;
use axum::Router;
use collect::Intake;
use domain::catalogue::Catalogue;
use eventlog::{EventLog, TopicSpec, topic};
use futures::FutureExt;
use prometheus::Registry;
use store::Store;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::intake::{Collector, starts_without_log};
use super::{Engine, connect, now, open_log, partitions};
use crate::config::{Config, Role};
use crate::listener::Listener;
use crate::{apply, catalogue};

/// What the stages share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) catalogue: Arc<ArcSwap<Catalogue>>,
    pub(crate) registry: Registry,
}

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
    match log.ensure_topics(&TopicSpec::standard(partitions(config))).await {
        Ok(_) => {}
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
    let stop = stop.clone();
    tasks.spawn(async move {
        listener.run(router, stop).await;
        if let Some(collector) = collector {
            collector.leave().await;
        }
        Ok(())
    });
    Ok(())
}

fn aggregate(
    config: &Config,
    shared: &Shared,
    reload: Arc<Notify>,
    tasks: &mut Tasks,
    stop: &Stop,
) -> anyhow::Result<()> {
    let metrics = aggregate::Metrics::register(&shared.registry)?;
    let settings = aggregate::Config { horizon_months: config.horizon_months, ..aggregate::Config::new(now) };
    let (log, store) = (Arc::clone(&shared.log), Arc::new(shared.store.clone()));
    let aggregator =
        aggregate::Aggregator::new(settings, log, store, Arc::clone(&shared.catalogue), reload, metrics);
    let stop = stop.clone();
    tasks.spawn(async move { aggregator.run(stop).await.context("counting cannot go on") });
    Ok(())
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
    let biller = billing::Biller::new(shared.store.clone(), log, catalogue, billing::Config::new(now));
    if config.runs(Role::Bill) {
        let (closer, stop) = (biller.closer(), stop.clone());
        tasks.spawn(async move { closer.run(stop).await.context("months cannot be closed") });
    }
    if config.runs(Role::Api) {
        router =
            router.merge(apply::router(shared.clone(), biller.clone())).merge(api::router(api::Shared {
                biller,
                store: shared.store.clone(),
                catalogue: Arc::clone(&shared.catalogue),
                registry: shared.registry.clone(),
                metrics: api::Metrics::register(&shared.registry)?,
                ready: ready(shared, taker(config, collector)),
                now,
            }));
    }
    // There are no keys: only programs and pages of this machine are let through.
    Ok(router.layer(axum::middleware::from_fn(collect::guard::loopback_only)))
}

/// What takes events while the log is away, where that is all that this process is there for.
fn taker(config: &Config, collector: Option<&Collector>) -> Option<Arc<Intake>> {
    collector.filter(|_| starts_without_log(config)).map(Collector::intake)
}

/// Ready is who can take events and count them: the log answers (or a spool takes its place), and so does the store.
fn ready(shared: &Shared, taker: Option<Arc<Intake>>) -> api::Ready {
    let shared = shared.clone();
    Arc::new(move || {
        let (shared, taker) = (shared.clone(), taker.clone());
        async move {
            let log = answered("log", shared.log.end_offset(topic::USAGE, 0).await.map(drop));
            let lag = shared.store.lag().await;
            vec![
                api::Check { name: "log", ok: log || taker.is_some_and(|intake| intake.has_spool_room()) },
                api::Check { name: "store", ok: answered("store", lag.map(drop)) },
            ]
        }
        .boxed()
    })
}

fn answered<E: std::error::Error + 'static>(part: &str, answer: Result<(), E>) -> bool {
    if let Err(error) = &answer {
        tracing::warn!(part, error = error as &dyn std::error::Error, "a part does not answer");
    }
    answer.is_ok()
}

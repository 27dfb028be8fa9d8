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

use super::counting::Counting;
use super::{Engine, connect, now, open_log, random, topics};
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

/// How long a part may take to answer before it counts as away: whoever asks for readiness waits no longer.
pub(super) const ANSWER_MAX: std::time::Duration = std::time::Duration::from_secs(5);

type Tasks = JoinSet<anyhow::Result<()>>;
type Stop = watch::Receiver<bool>;

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
    let specs = topics(&*log, config).await?;
    log.ensure_topics(&specs).await.context("could not make the log's topics")?;
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
    let router = routes(config, &shared, tasks, stop).await?;
    let stop = stop.clone();
    tasks.spawn(async move {
        listener.run(router, stop).await;
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
async fn routes(config: &Config, shared: &Shared, tasks: &mut Tasks, stop: &Stop) -> anyhow::Result<Router> {
    let mut router = Router::new();
    if config.runs(Role::Collect) {
        router = router.merge(intake(config, shared).await?);
    }
    let (log, catalogue) = (Arc::clone(&shared.log), Arc::clone(&shared.catalogue));
    let biller = billing::Biller::new(shared.store.clone(), log, catalogue, billing::Config::new(now));
    if config.runs(Role::Bill) {
        let (closer, stop) = (biller.closer(), stop.clone());
        tasks.spawn(async move { closer.run(stop).await.context("months cannot be closed") });
    }
    let answering = api::Shared {
        biller: biller.clone(),
        store: shared.store.clone(),
        catalogue: Arc::clone(&shared.catalogue),
        registry: shared.registry.clone(),
        metrics: api::Metrics::register(&shared.registry)?,
        ready: ready(shared, Counting::follow(config, shared, tasks, stop)),
        now,
    };
    router = if config.runs(Role::Api) {
        router.merge(apply::router(shared.clone(), biller)).merge(api::router(answering))
    } else {
        router.merge(api::health_router(answering))
    };
    // There are no keys: only programs and pages of this machine are let through.
    Ok(router.layer(axum::middleware::from_fn(collect::guard::loopback_only)))
}

async fn intake(config: &Config, shared: &Shared) -> anyhow::Result<Router> {
    let metrics = collect::Metrics::register(&shared.registry)?;
    let settings = collect::intake::Config {
        collector: config.collector.clone(),
        // The clock grows from start to start, so batch numbers may begin anew with each.
        epoch: u64::try_from(now().micros()).unwrap_or_default(),
        hash_key: hash_key(config)?,
    };
    let intake = Intake::start(settings, Arc::clone(&shared.log), Arc::clone(&shared.catalogue), metrics)
        .await
        .context("the intake cannot reach the log")?;
    Ok(collect::router(Arc::new(intake), now))
}

/// The key of the hashes that stand for refused personal data: made once, kept in the data directory for its owner only.
fn hash_key(config: &Config) -> anyhow::Result<[u8; 32]> {
    let path = config.data.join("hash.key");
    let read = |bytes: Vec<u8>| {
        <[u8; 32]>::try_from(bytes).map_err(|_| anyhow::anyhow!("{} must hold 32 bytes", path.display()))
    };
    match std::fs::read(&path) {
        Ok(bytes) => return read(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("could not read {}", path.display())),
    }
    let key = random()?;
    // Under another name until it is whole: half a key after power loss would keep the program from starting.
    let new = path.with_extension("key.new");
    let mut file = std::fs::File::options();
    file.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    let written = file.open(&new).and_then(|mut file| {
        std::io::Write::write_all(&mut file, &key)?;
        file.sync_all()?;
        std::fs::rename(&new, &path)?;
        std::fs::File::open(&config.data)?.sync_all()
    });
    written.with_context(|| format!("could not write {}", path.display()))?;
    Ok(key)
}

/// Ready is who can take events and count them: the log can be written to and answers, so does the store, and counting moves.
fn ready(shared: &Shared, counting: Counting) -> api::Ready {
    let shared = shared.clone();
    Arc::new(move || {
        let (shared, counting) = (shared.clone(), counting.check());
        async move {
            let log = async {
                shared.log.check_writable().await?;
                shared.log.end_offset(topic::USAGE, 0).await
            };
            let log = tokio::time::timeout(ANSWER_MAX, log);
            let lag = tokio::time::timeout(ANSWER_MAX, shared.store.lag());
            let (log, lag) = futures::join!(log, lag);
            vec![answers("log", log), answers("store", lag), counting]
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

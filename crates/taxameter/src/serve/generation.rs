//! Ends a generation of the usage log and begins the next (counting §4), with nothing else running.

use std::fs;
use std::sync::Arc;

use aggregate::generation::{self, Left, Plan};
use aggregate::{Aggregator, Metrics};
use anyhow::{Context, bail};
use arc_swap::ArcSwap;
use domain::Instant;
use eventlog::embedded::EmbeddedLog;
use eventlog::header::LEFT;
use eventlog::{EventLog, topic};
use prometheus::Registry;
use store::Store;
use store::counting::Generation;
use tokio::sync::{Notify, watch};

use super::parts::counting_as;
use super::{Engine, connect, control_log, lock, now, open_log, start_engine, topics};
use crate::catalogue;
use crate::config::{Config, LogConfig};

/// Counts what is left of the last generation, seals it, and begins the next one.
pub(crate) async fn begin(
    config: &Config,
    plan: &Plan,
    say: impl FnMut(&[Left]),
) -> anyhow::Result<Generation> {
    fs::create_dir_all(&config.data).with_context(|| format!("could not make {}", config.data.display()))?;
    let _lock = lock(&config.data)?;
    let engine = start_engine(config).await?;
    let begun = begun(config, engine.as_ref(), plan, say).await;
    if let Some(engine) = engine {
        engine.server.shutdown().await;
    }
    begun
}

async fn begun(
    config: &Config,
    engine: Option<&Engine>,
    plan: &Plan,
    say: impl FnMut(&[Left]),
) -> anyhow::Result<Generation> {
    let store = connect(config, engine).await?;
    let log = open_log(config)?;
    log.ensure_topics(&topics(&*log, config).await?).await.context("could not make the log's topics")?;
    let old = old_log(config, &store, &log).await?;
    if let Some(old) = &old {
        count_what_is_left(config, &store, old, say).await.context("what is left could not be counted")?;
    }
    if plan.partitions.is_some() && matches!(config.log, LogConfig::Kafka(_)) {
        warn_of_spools(&store).await?;
    }
    let is_other = old.as_ref().is_none_or(|old| !Arc::ptr_eq(old, &log));
    if is_other && !store.generations().await.context("could not read the generations")?.is_empty() {
        if let Some(old) = &old {
            nothing_is_left_on_intake(&**old).await?;
        }
        control_log::take_along(old.as_deref(), &*log, &store, now()).await?;
    }
    let begun = generation::begin(&store, &*log, old.as_deref(), plan).await;
    begun.context("no new generation can begin")
}

/// What producers put on `intake` is forwarded by a collector, which does not run now.
async fn nothing_is_left_on_intake(log: &dyn EventLog) -> anyhow::Result<()> {
    let looking = "could not look at the intake topic";
    let partitions = log.topic(topic::INTAKE).await.context(looking)?.partitions;
    for partition in 0..partitions {
        let start = log.start_offset(topic::INTAKE, partition).await.context(looking)?;
        let end = log.end_offset(topic::INTAKE, partition).await.context(looking)?;
        if start < end {
            bail!(
                "{} records of the intake topic are not forwarded yet: start the program on the old log until there are none",
                end - start
            );
        }
    }
    Ok(())
}

/// Whoever did not leave in order may have spooled events for the partitions as they were: they will be misrouted, and lie in
/// the quarantine until they are replayed.
async fn warn_of_spools(store: &Store) -> anyhow::Result<()> {
    for mark in store.marks().await.context("could not read the collectors' marks")? {
        if mark.spool_empty_until < Instant::from_micros(LEFT) {
            tracing::warn!(
                collector = mark.collector,
                spool_empty_until = %mark.spool_empty_until,
                "this collector did not stop in order; events in its spool would be quarantined as misrouted"
            );
        }
    }
    Ok(())
}

/// The log that was counted last: the one of the configuration, or the embedded one of the data directory that Kafka follows.
async fn old_log(
    config: &Config,
    store: &Store,
    log: &Arc<dyn EventLog>,
) -> anyhow::Result<Option<Arc<dyn EventLog>>> {
    let generations = store.generations().await.context("could not read the generations")?;
    let Some(last) = generations.last() else { return Ok(None) };
    let is_last = |topic: eventlog::Topic| topic.id.to_string() == last.topic;
    if is_last(log.topic(topic::USAGE).await.context("could not look at the usage topic")?) {
        return Ok(Some(Arc::clone(log)));
    }
    let directory = config.data.join("log");
    if matches!(config.log, LogConfig::Embedded { .. }) || !directory.exists() {
        return Ok(None);
    }
    let settings = eventlog::embedded::Config::new(directory);
    let embedded = EmbeddedLog::open(settings).context("could not open the embedded log")?;
    let found = embedded.topic(topic::USAGE).await;
    Ok(found.is_ok_and(is_last).then(|| Arc::new(embedded) as Arc<dyn EventLog>))
}

async fn count_what_is_left(
    config: &Config,
    store: &Store,
    log: &Arc<dyn EventLog>,
    say: impl FnMut(&[Left]),
) -> anyhow::Result<()> {
    let in_force = catalogue::in_force(store, config.catalog.as_deref(), now()).await?;
    let (catalogue, reload) = (Arc::new(ArcSwap::from_pointee(in_force)), Arc::new(Notify::new()));
    let (stop, stopped) = watch::channel(false);
    let following =
        tokio::spawn(catalogue::follow(store.clone(), Arc::clone(&catalogue), Arc::clone(&reload), stopped));
    let aggregator = Aggregator::new(
        counting_as(config),
        Arc::clone(log),
        Arc::new(store.clone()),
        catalogue,
        reload,
        Metrics::register(&Registry::new())?,
    );
    let counted = generation::count_what_is_left(aggregator, now(), say).await;
    stop.send_replace(true);
    following.await.context("a part of the program panicked")??;
    Ok(counted?)
}

//! The collectors that gather: configuration → pullers, each a task until the program stops.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use arc_swap::ArcSwap;
use collect::Intake;
use collect::pull::{Keys, Metrics, Puller, Recipe, Statuses, ToIntake};
use domain::catalogue::Catalogue;
use serde_json::json;

use super::parts::{Shared, Stop, Tasks};
use super::{now, random};
use crate::catalogue::of_directory;
use crate::config::Config;

/// Starts what the configuration says is gathered, and answers with what is to be known of it.
pub(super) fn start(
    config: &Config,
    shared: &Shared,
    intake: Arc<Intake>,
    tasks: &mut Tasks,
    stop: &Stop,
) -> anyhow::Result<api::Gathering> {
    let metrics = Metrics::register(&shared.registry)?;
    let mut statuses = Statuses::default();
    for name in config.pull.keys() {
        let recipe = recipe(config, name, Arc::clone(&shared.catalogue))?;
        for finding in config.pull[name].check(&shared.catalogue.load()) {
            tracing::warn!(collector = name, finding, "the catalogue does not have what a collector gathers");
        }
        let to = ToIntake::new(Arc::clone(&intake), now, &config.pull[name].source);
        let puller = Puller::open(recipe, place(config, name), Arc::new(to), metrics.clone());
        let puller = puller.with_context(|| format!("the collector {name} cannot start"))?;
        statuses.push(puller.status());
        let stop = stop.clone();
        tasks.spawn(async move {
            puller.run(now, stop).await;
            Ok(())
        });
    }
    let keys = keys(config);
    Ok(api::Gathering {
        statuses: Arc::new(move || statuses.iter().map(|status| json!(*status.lock())).collect()),
        destroy: Arc::new(move |year| keys.destroy(year).map_err(std::io::Error::other)),
    })
}

/// Whether each collector fits the catalogue, and its system answers: a line for each, and an error for each that is not right.
/// Nothing is sent.
pub(super) async fn check(config: &Config) -> anyhow::Result<Vec<anyhow::Result<String>>> {
    if config.pull.is_empty() {
        return Ok(Vec::new());
    }
    let catalogue = Arc::new(ArcSwap::from_pointee(of_directory(config.catalog.as_deref())?));
    let mut findings = Vec::new();
    for (name, section) in &config.pull {
        findings.extend(
            section.check(&catalogue.load()).into_iter().map(|wrong| Err(anyhow!("[pull.{name}]: {wrong}"))),
        );
        findings.push(try_turn(config, name, &catalogue).await);
    }
    Ok(findings)
}

async fn try_turn(
    config: &Config,
    name: &str,
    catalogue: &Arc<ArcSwap<Catalogue>>,
) -> anyhow::Result<String> {
    let recipe = recipe(config, name, Arc::clone(catalogue))?;
    let events = recipe.preview(recipe.turn_at(now())).await;
    let events = events.with_context(|| format!("the collector {name} cannot gather"))?;
    Ok(format!("the collector {name} reads its system: {} events", events.len()))
}

/// The collector of a name, that can read turns.
pub(crate) fn recipe(
    config: &Config,
    name: &str,
    catalogue: Arc<ArcSwap<Catalogue>>,
) -> anyhow::Result<Recipe> {
    let section = config.pull.get(name).with_context(|| {
        let known = config.pull.keys().cloned().collect::<Vec<_>>().join(", ");
        format!("the configuration has no [pull.{name}]; it has: {known}")
    })?;
    Recipe::new(name, section.clone(), keys(config), catalogue, now)
        .with_context(|| format!("the collector {name} cannot gather"))
}

/// Where a collector keeps its place.
pub(crate) fn place(config: &Config, name: &str) -> PathBuf {
    config.data.join("pull").join(name)
}

/// The keys of pseudonyms and event ids.
pub(crate) fn keys(config: &Config) -> Keys {
    Keys::new(&config.pseudonym_keys, || random().map_err(std::io::Error::other))
}

//! The collectors that gather: configuration → pullers, each a task until the program stops.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwap;
use collect::Intake;
use collect::pull::{Keys, Metrics, Puller, Recipe, Statuses, ToIntake};
use domain::catalogue::Catalogue;
use serde_json::json;

use super::parts::{Shared, Stop, Tasks};
use super::{now, random};
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

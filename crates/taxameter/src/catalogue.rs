//! The catalogue in force: read from the store, seeded when the store is empty, changed only by `apply`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use arc_swap::ArcSwap;
use catalog::{Checked, Files, Language};
use domain::Instant;
use domain::catalogue::Catalogue;
use store::Store;
use tokio::sync::{Notify, watch};

use crate::commands::catalogue::refused;

/// How often a process looks whether another one applied a new version.
const LOOK: Duration = Duration::from_secs(2);

/// The version in force, seeded from the directory (or Linköping's) when there is none yet.
pub(crate) async fn in_force(
    store: &Store,
    directory: Option<&Path>,
    now: Instant,
) -> anyhow::Result<Catalogue> {
    let named = named(directory)?;
    let Some((version, files)) =
        store.catalogue_current().await.context("could not read the catalogue in force")?
    else {
        let checked = checked(&named)?;
        let files: Vec<_> = named.iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec())).collect();
        store
            .catalogue_put(&checked.catalogue.version, &files, now)
            .await
            .context("could not store the catalogue")?;
        tracing::info!(version = checked.catalogue.version, "the catalogue seeds the store");
        return Ok(checked.catalogue);
    };
    if directory.is_some() && named.version() != version {
        tracing::warn!(
            in_force = version,
            directory = named.version(),
            "the catalogue's directory differs from the version in force; `taxameter catalog apply` changes it"
        );
    }
    Ok(checked(&files.into_iter().fold(Files::default(), with_file))?.catalogue)
}

/// The version in force; none before the first start.
pub(crate) async fn stored(store: &Store) -> anyhow::Result<Option<Catalogue>> {
    let current = store.catalogue_current().await.context("could not read the catalogue in force")?;
    let Some((_, files)) = current else { return Ok(None) };
    Ok(Some(checked(&files.into_iter().fold(Files::default(), with_file))?.catalogue))
}

/// The catalogue in a directory, or Linköping's.
pub(crate) fn of_directory(directory: Option<&Path>) -> anyhow::Result<Catalogue> {
    Ok(checked(&named(directory)?)?.catalogue)
}

fn named(directory: Option<&Path>) -> anyhow::Result<Files> {
    match directory {
        Some(path) => {
            Files::read_dir(path).with_context(|| format!("could not read the catalogue {}", path.display()))
        }
        None => Ok(catalog::linkoping()),
    }
}

fn with_file(mut files: Files, (path, bytes): (String, Vec<u8>)) -> Files {
    files.insert(path, bytes);
    files
}

fn checked(files: &Files) -> anyhow::Result<Checked> {
    catalog::check(files).map_err(|findings| refused(&findings, Language::default()))
}

/// Swaps in what any process applied, until `stop`. A store that does not answer, or stops answering, changes nothing.
/// Looks at once when `look` says that a meter was met which the catalogue does not know.
pub(crate) async fn follow(
    store: Store,
    shared: Arc<ArcSwap<Catalogue>>,
    look: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = look.notified() => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
        match store.catalogue_current_version().await {
            Ok(Some(version)) if version != shared.load().version => {
                // The store may have gone between the two questions. The version that was in force stays until it is read.
                if let Err(error) = reload(&store, &shared).await {
                    tracing::warn!(version, error = format!("{error:#}"), "could not read a new catalogue");
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not look for a new catalogue")
            }
        }
    }
}

/// Reads the version in force and swaps it in.
async fn reload(store: &Store, shared: &ArcSwap<Catalogue>) -> anyhow::Result<()> {
    let Some(catalogue) = stored(store).await? else { bail!("the store has no catalogue any more") };
    let version = catalogue.version.clone();
    shared.store(Arc::new(catalogue));
    tracing::info!(version, "another version of the catalogue is in force");
    Ok(())
}

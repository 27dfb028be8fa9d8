//! Spools whose lanes are not the log's any more: `spool` is set aside as `spool-of-12` when the usage log has another number of
//! partitions than twelve, and removed when everything of it was packed anew.

use std::path::{Path, PathBuf};

use eventlog::embedded::{self, EmbeddedLog};
use eventlog::{Error, EventLog, Stored, topic};

use super::{READ_BYTES, SpoolConfig, open_settings};

/// A spool of a usage log that had other partitions.
pub(crate) struct FormerSpool {
    log: EmbeddedLog,
    directory: PathBuf,
    partitions: u32,
}

impl FormerSpool {
    /// All that were set aside and not emptied yet.
    pub(crate) async fn all(config: &SpoolConfig) -> Result<Vec<Self>, Error> {
        let Some(parent) = config.directory.parent() else { return Ok(Vec::new()) };
        let prefix = prefix(&config.directory);
        let failed = |error| failed("looking for former spools", parent, error);
        let mut former = Vec::new();
        for entry in std::fs::read_dir(parent).map_err(failed)? {
            let directory = entry.map_err(failed)?.path();
            let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !name.starts_with(&prefix) {
                continue;
            }
            let log = open_settings(embedded::Config::new(&directory)).await?;
            let partitions = log.topic(topic::USAGE).await?.partitions;
            tracing::info!(spool = %directory.display(), partitions, "the spool is packed anew: the log has other partitions");
            former.push(Self { log, directory, partitions });
        }
        Ok(former)
    }

    /// Its lanes: the quarantine's last.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = (&'static str, u32)> {
        (0..self.partitions).map(|partition| (topic::USAGE, partition)).chain([(topic::QUARANTINE, 0)])
    }

    /// The first record of a lane.
    pub(crate) async fn start(&self, topic: &str, partition: u32) -> Result<u64, Error> {
        self.log.start_offset(topic, partition).await
    }

    /// The next records of a lane; empty at its end.
    pub(crate) async fn read(&self, topic: &str, partition: u32, from: u64) -> Result<Vec<Stored>, Error> {
        self.log.read(topic, partition, from, READ_BYTES).await
    }

    /// Removes it, once everything of it is durable elsewhere.
    pub(crate) fn remove(self) -> Result<(), Error> {
        drop(self.log);
        std::fs::remove_dir_all(&self.directory)
            .map_err(|error| failed("removing a former spool", &self.directory, error))
    }
}

/// Puts a spool of a log with so many partitions aside.
pub(super) fn set_aside(directory: &Path, partitions: u32) -> Result<(), Error> {
    let aside = directory.with_file_name(format!("{}{partitions}", prefix(directory)));
    std::fs::rename(directory, aside).map_err(|error| failed("setting the spool aside", directory, error))
}

fn prefix(directory: &Path) -> String {
    format!("{}-of-", directory.file_name().unwrap_or_default().to_string_lossy())
}

fn failed(operation: &'static str, path: &Path, error: std::io::Error) -> Error {
    Error::Storage { operation, path: path.to_owned(), source: Box::new(error) }
}

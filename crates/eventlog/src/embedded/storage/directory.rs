//! The log's directory: one process at a time, and of one format.

use super::failed;
use crate::{Error, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// What the marker file says. Another layout gets another text.
const FORMAT: &str = "taxameter event log, format 1";
const FORMAT_FILE: &str = "FORMAT";
const NEW_FORMAT_FILE: &str = "FORMAT.new";
const LOCK_FILE: &str = "LOCK";

/// Takes the directory for this process.
pub(super) fn lock(path: &Path) -> Result<File> {
    let failed = |error| failed("locking the directory", path, error);
    let mut options = OpenOptions::new();
    let mut file = options
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path.join(LOCK_FILE))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder).map_err(failed)?;
            return Err(Error::Locked { path: path.to_owned(), holder: holder.trim().to_owned() });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_len(0).map_err(failed)?;
    file.rewind().map_err(failed)?;
    writeln!(file, "process {}", std::process::id()).map_err(failed)?;
    Ok(file)
}

/// Syncs every directory of the log and those that it is in, up to one that was there before: a file whose name is lost
/// with the power is lost with all that was synced in it, and neither fjall nor we had synced every name.
pub(super) fn keep_names(path: &Path) -> Result<()> {
    fn keep(directory: &Path) -> std::io::Result<()> {
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                keep(&entry.path())?;
            }
        }
        File::open(directory)?.sync_all()
    }
    let all = || {
        let path = path.canonicalize()?;
        keep(&path)?;
        // The log's own directory, and the data directory, may both be new.
        path.ancestors().skip(1).take(2).try_for_each(|parent| File::open(parent)?.sync_all())
    };
    all().map_err(|error| failed("syncing the directories", path, error))
}

/// Marks a new directory as a log, and refuses one that is something else.
pub(super) fn check_format(path: &Path) -> Result<()> {
    let marker = path.join(FORMAT_FILE);
    let failed = |error| failed("reading the format", path, error);
    match std::fs::read_to_string(&marker) {
        Ok(found) if found.trim() == FORMAT => return Ok(()),
        Ok(found) => {
            return Err(Error::Format {
                path: path.to_owned(),
                wanted: FORMAT,
                found: found.trim().to_owned(),
            });
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        // Power may have gone while the marker was made.
        if name != LOCK_FILE && name != NEW_FORMAT_FILE {
            let found = format!("a directory with {}", name.display());
            return Err(Error::Format { path: path.to_owned(), wanted: FORMAT, found });
        }
    }
    let new = path.join(NEW_FORMAT_FILE);
    let write = || {
        let mut file = File::create(&new)?;
        writeln!(file, "{FORMAT}")?;
        file.sync_all()?;
        std::fs::rename(&new, &marker)?;
        File::open(path)?.sync_all()
    };
    write().map_err(failed)
}

//! One process per data directory, and one engine per process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::Error;

/// The data directory of the engine that this process runs. libchdb keeps its engine in a global of its
/// own: a second data directory would be refused with a message on the standard error output only.
static RUNNING: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Holds the data directory for this process. The engine has a lock of its own, but it names nobody.
#[derive(Debug)]
pub(crate) struct DataLock {
    /// The system releases the lock when the file is closed, also after `kill -9`.
    _file: File,
}

impl DataLock {
    /// Takes the directory, which exists.
    pub(crate) fn take(data_dir: &Path) -> Result<Self, Error> {
        let mut running = RUNNING.lock();
        if let Some(running) = running.as_ref().filter(|running| running.as_path() != data_dir) {
            return Err(Error::StartSecond { running: running.clone() });
        }
        let path = data_dir.join("lock");
        let failed = |operation| {
            let path = path.clone();
            move |source| Error::UseFile { operation, path, source }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The holder writes its number right after locking; without it the message says so.
                let _ = file.read_to_string(&mut holder);
                let holder = holder.trim();
                let holder = if holder.is_empty() { "unknown" } else { holder }.to_owned();
                return Err(Error::LockData { path: data_dir.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(failed("write"))?;
        *running = Some(data_dir.to_owned());
        Ok(Self { _file: file })
    }
}

impl Drop for DataLock {
    fn drop(&mut self) {
        *RUNNING.lock() = None;
    }
}

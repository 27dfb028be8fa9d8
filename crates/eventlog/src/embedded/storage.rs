//! The store under the embedded log: its directory, its rows, and what a failed write leads to.

mod directory;
mod store;

use super::{Config, stored};
use crate::error::Cause;
use crate::{Error, Outcome, Result, Stored, Topic};
use bytes::Bytes;
use fjall::{Database, Keyspace, PersistMode};
use parking_lot::{Mutex, RwLock};
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::Store;

/// How many records are deleted at a time: bounds how long an append waits behind them.
const REMOVE_ROWS_MAX: u64 = 10_000;

/// How often a flush is looked at.
const FLUSH_POLL: Duration = Duration::from_millis(10);

/// How many full memtables of a partition may wait for their flush when something is written. fjall stops at 4 and a write can
/// find one rotation asked for and ask for another.
const SEALED_MAX: usize = 2;

/// How many tables of a partition may wait to be merged when something is written. fjall stops at 30 and each of the flushes
/// above makes one.
const UNMERGED_TABLES_MAX: usize = 24;

/// Topic, partition, offset and frame.
pub(super) type Row = (String, u32, u64, Vec<u8>);

#[derive(Debug)]
pub(super) struct Storage {
    path: PathBuf,
    free_bytes_min: u64,
    state: RwLock<State>,
    /// Held while something is written and synced: so at most one batch of the journal is not synced (see [`mend`]).
    writing: Mutex<()>,
    /// Records of torn batches that were cut, whenever the store was opened.
    cut_records: AtomicU64,
    /// Locked as long as the log is open.
    _lock: File,
    #[cfg(test)]
    faults: Mutex<Faults>,
}

/// What a test lets go wrong.
#[cfg(test)]
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub sync_fails: bool,
    pub write_finds_disk_full: bool,
    pub free_bytes: Option<u64>,
    /// No flush is ever done.
    pub flushes_are_behind: bool,
}

enum State {
    Open(Store),
    /// The disk ran full in the middle of a write, or a background thread failed. Opened again by the next append that finds
    /// room.
    Closed(Reason),
    /// A write failed otherwise: what is on the disk is unknown. Records below the ends are read all the same: the ends
    /// moved only after a sync that did not fail.
    Poisoned(Arc<str>, Store),
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Open(_) => "Open",
            Self::Closed(_) => "Closed",
            Self::Poisoned(..) => "Poisoned",
        })
    }
}

/// Why rows were not written; one for all the callers whose rows they were.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub outcome: Outcome,
    path: PathBuf,
    reason: Reason,
}

#[derive(Debug, Clone)]
enum Reason {
    Full(u64),
    Unavailable(Arc<str>),
    Poisoned(Arc<str>),
}

impl Failure {
    pub(super) fn error(&self) -> Error {
        let path = self.path.clone();
        match &self.reason {
            Reason::Full(free_bytes) => Error::Full { path, free_bytes: *free_bytes },
            Reason::Unavailable(cause) => Error::Unavailable {
                operation: "writing",
                object: path.display().to_string(),
                source: Cause::from(cause.as_ref()),
            },
            Reason::Poisoned(cause) => Error::Poisoned { path, source: Cause::from(cause.as_ref()) },
        }
    }
}

impl Storage {
    pub(super) fn open(config: &Config) -> Result<Self> {
        let path = config.directory.clone();
        std::fs::create_dir_all(&path).map_err(|error| failed("making the directory", &path, error))?;
        let lock = directory::lock(&path)?;
        directory::check_format(&path)?;
        let (store, cut_records) = Store::open(&path)?;
        Ok(Self {
            path,
            free_bytes_min: config.free_bytes_min,
            state: RwLock::new(State::Open(store)),
            writing: Mutex::new(()),
            cut_records: AtomicU64::new(cut_records),
            _lock: lock,
            #[cfg(test)]
            faults: Mutex::default(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    #[cfg(test)]
    pub(super) fn faults(&self) -> parking_lot::MutexGuard<'_, Faults> {
        self.faults.lock()
    }

    /// Begins a flush of what a partition has in memory.
    #[cfg(test)]
    pub(super) fn begin_flush(&self, topic: &str, partition: u32) {
        let state = self.state.read();
        let store = self.store(&state).unwrap();
        store.partition(topic, partition).rotate_memtable().unwrap();
    }

    pub(super) fn cut_records(&self) -> u64 {
        self.cut_records.load(Ordering::Relaxed)
    }

    pub(super) fn damaged(&self, detail: String) -> Error {
        Error::Damaged { path: self.path.clone(), detail }
    }

    /// Whether an append may succeed: no write has failed, and there is room.
    pub(super) fn check_writable(&self) -> Result<(), Failure> {
        if let State::Poisoned(cause, _) = &*self.state.read() {
            return Err(self.failure(Outcome::Out, Reason::Poisoned(Arc::clone(cause))));
        }
        let free_bytes = self.free_bytes();
        if free_bytes < self.free_bytes_min {
            return Err(self.failure(Outcome::Out, Reason::Full(free_bytes)));
        }
        Ok(())
    }

    /// Makes sure that rows can be written: there is room, and the store is open. Answers whether it was opened again, in
    /// which case the partitions' ends must be read anew.
    pub(super) fn prepare(&self) -> Result<bool, Failure> {
        self.check_writable()?;
        let mut state = self.state.write();
        if !matches!(*state, State::Closed(_)) {
            return Ok(false);
        }
        match Store::open(&self.path) {
            Ok((store, cut_records)) => {
                tracing::info!(path = %self.path.display(), "the log goes on");
                self.cut_records.fetch_add(cut_records, Ordering::Relaxed);
                *state = State::Open(store);
                Ok(true)
            }
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(path = %self.path.display(), error, "the log could not be opened again");
                Err(self.failure(Outcome::Out, Reason::Unavailable(error.into())))
            }
        }
    }

    /// Writes rows and syncs them. After [`Storage::prepare`], by the writer alone.
    pub(super) fn write(&self, rows: Vec<Row>) -> Result<(), Failure> {
        let _writing = self.writing.lock();
        let failed = match &*self.state.read() {
            State::Open(store) => match self.write_to(store, rows) {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            },
            State::Closed(reason) => return Err(self.failure(Outcome::Out, reason.clone())),
            State::Poisoned(cause, _) => {
                return Err(self.failure(Outcome::Out, Reason::Poisoned(Arc::clone(cause))));
            }
        };
        Err(self.fail(&failed))
    }

    fn write_to(&self, store: &Store, rows: Vec<Row>) -> Result<(), FailedWrite> {
        // Written and synced apart, because a failed write and a failed sync mean different things.
        let mut batch = store.database.batch().durability(Some(PersistMode::Buffer));
        let mut keyspaces = Vec::new();
        for (topic, partition, offset, frame) in rows {
            let keyspace = store.partition(&topic, partition);
            batch.insert(keyspace, offset.to_be_bytes(), frame);
            if keyspaces.last() != Some(&keyspace) {
                keyspaces.push(keyspace);
            }
        }
        #[cfg(test)]
        if self.faults().write_finds_disk_full {
            let error = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(FailedWrite { is_sync: false, error: error.into() });
        }
        let written = self.wait_for_flushes(&store.database, &keyspaces).and_then(|()| batch.commit());
        written.map_err(|error| FailedWrite { is_sync: false, error })?;
        self.sync(store)
    }

    /// Waits until the tables have taken enough of each partition's older records for a commit to find room.
    ///
    /// fjall waits for that inside a commit, too, but without an end when its flushing thread fails meanwhile, as on a full
    /// disk. Here the wait ends with that failure, and a commit adds at most what still fits below fjall's own bounds.
    fn wait_for_flushes(&self, database: &Database, keyspaces: &[&Keyspace]) -> fjall::Result<()> {
        for keyspace in keyspaces {
            while self.is_behind(keyspace) {
                database.persist(PersistMode::Buffer)?;
                std::thread::sleep(FLUSH_POLL);
            }
        }
        Ok(())
    }

    fn is_behind(&self, keyspace: &Keyspace) -> bool {
        #[cfg(test)]
        if self.faults().flushes_are_behind {
            return true;
        }
        keyspace.sealed_memtable_count() >= SEALED_MAX || keyspace.l0_table_count() >= UNMERGED_TABLES_MAX
    }

    fn sync(&self, store: &Store) -> Result<(), FailedWrite> {
        #[cfg(test)]
        if self.faults().sync_fails {
            return Err(FailedWrite { is_sync: true, error: std::io::Error::other("injected").into() });
        }
        store.database.persist(PersistMode::SyncData).map_err(|error| FailedWrite { is_sync: true, error })
    }

    /// Closes the store when the disk is full or a background thread failed, and gives it up otherwise.
    ///
    /// Background threads move to tables what the journal has, which was synced before anybody was answered: opening again
    /// reads it from there.
    fn fail(&self, failed: &FailedWrite) -> Failure {
        let free_bytes = self.free_bytes();
        let is_full = !failed.is_sync && (is_disk_full(&failed.error) || free_bytes < self.free_bytes_min);
        // fjall says so of every write after one of its threads failed; our own failed sync is another error.
        let is_background = matches!(failed.error, fjall::Error::Poisoned);
        let error = chain(&failed.error);
        let cause: Arc<str> = error.as_str().into();
        let reason = if is_full {
            tracing::warn!(path = %self.path.display(), error, "the disk is full: the log waits for room");
            Reason::Full(free_bytes)
        } else if is_background {
            tracing::error!(path = %self.path.display(), error, "a background write failed: the log is opened again");
            Reason::Unavailable(Arc::clone(&cause))
        } else {
            tracing::error!(path = %self.path.display(), error, "a write failed: the log is out of use");
            Reason::Poisoned(Arc::clone(&cause))
        };
        let mut state = self.state.write();
        let before = std::mem::replace(&mut *state, State::Closed(reason.clone()));
        match (&reason, before) {
            (Reason::Poisoned(_), State::Open(store)) => *state = State::Poisoned(cause, store),
            // Dropped here, which waits for its threads.
            (Reason::Full(_) | Reason::Unavailable(_), State::Open(store)) => drop(store),
            // Another write failed before.
            (_, before @ (State::Closed(_) | State::Poisoned(..))) => *state = before,
        }
        drop(state);
        self.failure(Outcome::Unknown, reason)
    }

    fn failure(&self, outcome: Outcome, reason: Reason) -> Failure {
        Failure { outcome, path: self.path.clone(), reason }
    }

    /// Runs a change other than an append, and syncs it.
    fn change(&self, work: impl FnOnce(&Store) -> fjall::Result<()>) -> Result<()> {
        let _writing = self.writing.lock();
        let failed = {
            let state = self.state.read();
            if let State::Poisoned(cause, _) = &*state {
                return Err(self.failure(Outcome::Out, Reason::Poisoned(Arc::clone(cause))).error());
            }
            let store = self.store(&state)?;
            let done = work(store).map_err(|error| FailedWrite { is_sync: false, error });
            match done.and_then(|()| self.sync(store)) {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            }
        };
        Err(self.fail(&failed).error())
    }

    /// The store, for reading.
    fn store<'a>(&self, state: &'a State) -> Result<&'a Store> {
        match state {
            State::Open(store) | State::Poisoned(_, store) => Ok(store),
            State::Closed(reason) => Err(self.failure(Outcome::Out, reason.clone()).error()),
        }
    }

    pub(super) fn topics(&self) -> Result<Vec<Topic>> {
        let state = self.state.read();
        self.store(&state)?.topics(&self.path)
    }

    /// Makes a topic, or gives one that has so many partitions the rest of them. What a crash leaves behind are partitions that
    /// nothing knows of.
    pub(super) fn put_topic(&self, topic: &Topic, has: u32) -> Result<()> {
        let mut state = self.state.write();
        if let State::Open(store) = &mut *state {
            for partition in has..topic.partitions {
                store
                    .add_partition(&topic.name, partition)
                    .map_err(|e| failed("making a partition", &self.path, e))?;
            }
            directory::keep_names(&self.path)?;
        }
        drop(state);
        self.change(|store| store.put_topic(topic))
    }

    /// The first offset that was not deleted, and the offset after the last record.
    pub(super) fn ends(&self, topic: &str, partition: u32) -> Result<(u64, u64)> {
        let state = self.state.read();
        let store = self.store(&state)?;
        store.ends(topic, partition).map_err(|error| failed("reading a partition's ends", &self.path, error))
    }

    pub(super) fn read(
        &self,
        topic: &str,
        partition: u32,
        range: Range<u64>,
        bytes_max: usize,
    ) -> Result<Vec<Stored>> {
        let state = self.state.read();
        let keyspace = self.store(&state)?.partition(topic, partition);
        let mut records: Vec<Stored> = Vec::new();
        let mut bytes = 0;
        for row in keyspace.range(range.start.to_be_bytes()..range.end.to_be_bytes()) {
            let (key, value) =
                row.into_inner().map_err(|error| failed("reading records", &self.path, error))?;
            let offset = key.as_ref().try_into().map(u64::from_be_bytes).unwrap_or(u64::MAX);
            if records.last().is_some_and(|last| last.offset + 1 != offset) {
                return Err(
                    self.damaged(format!("a record before {offset} of {topic}/{partition} is missing"))
                );
            }
            let value = Bytes::copy_from_slice(&value);
            let record = stored(offset, value).map_err(|damage| {
                self.damaged(format!("record {offset} of {topic}/{partition}: {damage}"))
            })?;
            bytes += record.bytes();
            records.push(record);
            if bytes >= bytes_max {
                break;
            }
        }
        Ok(records)
    }

    pub(super) fn record_start(&self, topic: &str, partition: u32, offset: u64) -> Result<()> {
        self.change(|store| store.put_start(topic, partition, offset))
    }

    /// Deletes records and gives their space back. What a crash leaves behind is below the recorded start, and out of
    /// sight.
    pub(super) fn remove(&self, topic: &str, partition: u32, offsets: Range<u64>) -> Result<()> {
        let mut from = offsets.start;
        while from < offsets.end {
            let to = offsets.end.min(from + REMOVE_ROWS_MAX);
            self.change(|store| {
                let keyspace = store.partition(topic, partition);
                let mut batch = store.database.batch().durability(Some(PersistMode::Buffer));
                for offset in from..to {
                    batch.remove(keyspace, offset.to_be_bytes());
                }
                self.wait_for_flushes(&store.database, &[keyspace])?;
                batch.commit()
            })?;
            from = to;
        }
        // Of one's own, because appends must not wait behind this: each of them takes the state for itself first. A store that
        // is closed meanwhile can be opened again when this is done.
        let (database, keyspace) = {
            let state = self.state.read();
            let store = self.store(&state)?;
            (store.database.clone(), store.partition(topic, partition).clone())
        };
        compact(&database, &keyspace).map_err(|error| failed("compacting a partition", &self.path, error))
    }

    fn free_bytes(&self) -> u64 {
        #[cfg(test)]
        if let Some(free_bytes) = self.faults().free_bytes {
            return free_bytes;
        }
        match rustix::fs::statvfs(&self.path) {
            Ok(file_system) => file_system.f_bavail.saturating_mul(file_system.f_frsize),
            // Without an answer, the write itself will tell.
            Err(_) => u64::MAX,
        }
    }
}

/// Gives the space of deleted rows back.
fn compact(database: &Database, keyspace: &Keyspace) -> fjall::Result<()> {
    keyspace.rotate_memtable()?;
    // fjall's own waiting has no end when the thread that flushes has failed, for instance on a full disk.
    while keyspace.sealed_memtable_count() > 0 {
        database.persist(PersistMode::Buffer)?;
        std::thread::sleep(FLUSH_POLL);
    }
    // The first pass finds out which value files hold nothing any more, the second removes them.
    keyspace.major_compact()?;
    keyspace.major_compact()
}

struct FailedWrite {
    is_sync: bool,
    error: fjall::Error,
}

fn is_disk_full(error: &fjall::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return matches!(
                error.kind(),
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
            );
        }
        cause = error.source();
    }
    false
}

fn failed(operation: &'static str, path: &Path, error: impl Into<Cause>) -> Error {
    Error::Storage { operation, path: path.to_owned(), source: error.into() }
}

/// An error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

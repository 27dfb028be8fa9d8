//! The rows of an open store: one keyspace for each partition, and one for what is known of topics.

use super::super::mend;
use super::{directory, failed};
use crate::{Error, Result, Topic, TopicId};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};
use std::collections::BTreeMap;
use std::path::Path;

const STORE_DIRECTORY: &str = "store";
/// Where a store is made until it is whole.
const NEW_STORE_DIRECTORY: &str = "store.new";
const META: &str = "meta";

/// A partition's newest records stay in memory until they are so many bytes: with half of this, appends often wait for a
/// flush.
const MEMTABLE_BYTES_MAX: u64 = 16 << 20;
/// The journal is cut off behind what the tables have; a longer one makes opening slower. Bounds what all partitions have in
/// memory, too.
const JOURNAL_BYTES_MAX: u64 = 256 << 20;
/// Records are read once, in order, so a cache does little for them.
const CACHE_BYTES: u64 = 16 << 20;

pub(super) struct Store {
    pub(super) database: Database,
    meta: Keyspace,
    partitions: BTreeMap<(String, u32), Keyspace>,
}

impl Store {
    /// Opens the store and syncs what it found: what only the page cache had must not pass for durable. Answers how many
    /// records of a torn batch were cut, too.
    pub(super) fn open(path: &Path) -> Result<(Self, u64)> {
        let directory = path.join(STORE_DIRECTORY);
        make(path, &directory)?;
        let (database, cut_records) = open_database(&directory, path)?;
        let open = |error| failed("opening the store", path, error);
        database.persist(PersistMode::SyncAll).map_err(open)?;
        let meta = database.keyspace(META, KeyspaceCreateOptions::default).map_err(open)?;
        let mut store = Self { database, meta, partitions: BTreeMap::new() };
        for topic in store.topics(path)? {
            for partition in 0..topic.partitions {
                store.add_partition(&topic.name, partition).map_err(open)?;
            }
        }
        directory::keep_names(path)?;
        Ok((store, cut_records))
    }

    pub(super) fn topics(&self, path: &Path) -> Result<Vec<Topic>> {
        let mut topics = Vec::new();
        for row in self.meta.prefix(topic_key("")) {
            let (key, value) = row.into_inner().map_err(|error| failed("reading the topics", path, error))?;
            let name = String::from_utf8_lossy(&key[topic_key("").len()..]).into_owned();
            let (partitions, id) = value
                .split_first_chunk()
                .and_then(|(partitions, id)| Some((*partitions, id.try_into().ok()?)))
                .ok_or_else(|| Error::Damaged { path: path.to_owned(), detail: format!("topic {name}") })?;
            let (partitions, id) = (u32::from_be_bytes(partitions), TopicId(u128::from_be_bytes(id)));
            topics.push(Topic { name, partitions, id });
        }
        Ok(topics)
    }

    pub(super) fn add_partition(&mut self, topic: &str, partition: u32) -> fjall::Result<()> {
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(MEMTABLE_BYTES_MAX)
                .with_kv_separation(Some(KvSeparationOptions::default()))
        };
        let keyspace = self.database.keyspace(&format!("{topic}.{partition}"), options)?;
        self.partitions.insert((topic.to_owned(), partition), keyspace);
        Ok(())
    }

    pub(super) fn partition(&self, topic: &str, partition: u32) -> &Keyspace {
        match self.partitions.get(&(topic.to_owned(), partition)) {
            Some(keyspace) => keyspace,
            None => unreachable!("a topic is made with its keyspaces, and stays"),
        }
    }

    pub(super) fn put_topic(&self, topic: &Topic) -> fjall::Result<()> {
        let mut row = topic.partitions.to_be_bytes().to_vec();
        row.extend_from_slice(&topic.id.0.to_be_bytes());
        self.meta.insert(topic_key(&topic.name), row)
    }

    pub(super) fn put_start(&self, topic: &str, partition: u32, start: u64) -> fjall::Result<()> {
        self.meta.insert(start_key(topic, partition), start.to_be_bytes())
    }

    /// The first offset that was not deleted, and the offset after the last record.
    pub(super) fn ends(&self, topic: &str, partition: u32) -> fjall::Result<(u64, u64)> {
        let start = self.meta.get(start_key(topic, partition))?;
        let last = self.partition(topic, partition).last_key_value().map(|row| row.key()).transpose()?;
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).ok();
        let start = start.and_then(|start| number(&start)).unwrap_or(0);
        let end = last.and_then(|last| number(&last)).map_or(start, |last| start.max(last + 1));
        Ok((start, end))
    }
}

/// Makes the store that is not there yet, under another name until it is whole: of one that power loss left half made
/// fjall can make nothing, and would refuse to open it for ever.
fn make(path: &Path, directory: &Path) -> Result<()> {
    let failed = |error| failed("making the store", path, error);
    if directory.try_exists().map_err(failed)? {
        return Ok(());
    }
    let new = path.join(NEW_STORE_DIRECTORY);
    if new.try_exists().map_err(failed)? {
        std::fs::remove_dir_all(&new).map_err(failed)?;
    }
    drop(open_database(&new, path)?);
    directory::keep_names(path)?;
    std::fs::rename(&new, directory).map_err(failed)?;
    std::fs::File::open(path).and_then(|path| path.sync_all()).map_err(failed)
}

/// Opens the store; a torn tail that fjall would not cut itself is cut first. Answers how many records were cut by either.
fn open_database(directory: &Path, path: &Path) -> Result<(Database, u64)> {
    let open = || {
        Database::builder(directory)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(JOURNAL_BYTES_MAX)
            .manual_journal_persist(true)
            // A torn batch is then always one with a wrong checksum, which is what `mend` knows; and it costs less CPU.
            .journal_compression(CompressionType::None)
            .worker_threads(1)
            .open()
    };
    let damage = mend::find_damage(directory).map_err(|error| failed("reading the journal", path, error))?;
    if let Some(damage) = damage {
        let detail = format!(
            "journal {} is damaged at byte {}, before other records; restore the log from a copy of its disk",
            damage.journal.display(),
            damage.position
        );
        return Err(Error::Damaged { path: path.to_owned(), detail });
    }
    let torn = mend::incomplete_batch(directory)
        .map_err(|error| failed("looking at the journal's tail", path, error))?;
    let error = match open() {
        Ok(database) => {
            if let Some((journal, batch)) = &torn {
                told_of_cut(journal, batch);
            }
            return Ok((database, torn.map_or(0, |(_, batch)| batch.records)));
        }
        Err(error @ fjall::Error::JournalRecovery(_)) => error,
        Err(error) => return Err(failed("opening the store", path, error)),
    };
    let cut =
        mend::cut_last_batch(directory).map_err(|error| failed("cutting the journal's tail", path, error))?;
    let Some(cut) = cut else { return Err(failed("opening the store", path, error)) };
    match open() {
        Ok(database) => {
            told_of_cut(&cut.journal, &cut.batch);
            Ok((database, cut.batch.records))
        }
        Err(error) => {
            cut.undo().map_err(|error| failed("restoring the journal's tail", path, error))?;
            Err(failed("opening the store", path, error))
        }
    }
}

fn told_of_cut(journal: &Path, batch: &mend::LastBatch) {
    let mend::LastBatch { position, records, .. } = batch;
    tracing::warn!(journal = %journal.display(), position, records, "cut a torn batch that was never confirmed");
}

fn topic_key(topic: &str) -> String {
    format!("topic/{topic}")
}

fn start_key(topic: &str, partition: u32) -> String {
    format!("start/{topic}/{partition}")
}

//! What was accepted while the log was away: an embedded log of its own, in which each record keeps its header and its lane.
//!
//! The embedded log syncs before it answers, covers each record with a checksum, and cuts a torn tail, of which nobody
//! was told that it is there.

mod former;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::Instant;
use eventlog::embedded::{self, EmbeddedLog};
use eventlog::{Error, EventLog, Record, Stored, TopicSpec, topic};

pub(crate) use self::former::FormerSpool;
use crate::intake::Unavailable;
use crate::metrics::Metrics;

/// How much is read at once: a record is at most 1 MB, and every lane may be reading, 256 of them at the most.
const READ_BYTES: usize = 256 << 10;

/// What a record takes on the disk beside its value and its sources: its header, its key and the store's own bytes.
const RECORD_OVERHEAD_BYTES: u64 = 256;

/// Where and how much is spooled.
#[derive(Debug, Clone)]
pub struct SpoolConfig {
    /// The directory; made if it is missing. One process at a time has it.
    pub directory: PathBuf,
    /// The most bytes that it holds; after that, senders are asked to come again.
    pub bytes_max: u64,
    /// What the file system must have free, so that the machine goes on.
    pub free_bytes_min: u64,
}

impl SpoolConfig {
    /// The default limit, 4 GiB: at 450 bytes an event some nine million of them, more than the month of a large
    /// municipality.
    pub const BYTES_MAX: u64 = 4 << 30;

    /// A spool with the default limits.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let embedded::Config { directory, free_bytes_min, .. } = embedded::Config::new(directory);
        Self { directory, bytes_max: Self::BYTES_MAX, free_bytes_min }
    }
}

/// Records on this machine's disk that are not on the log yet.
pub(super) struct Spool {
    log: EmbeddedLog,
    bytes: AtomicU64,
    bytes_max: u64,
    metrics: Metrics,
}

/// What an earlier run left of a lane.
#[derive(Debug, Default)]
pub(super) struct LeftOver {
    pub(super) records: u64,
    /// When the first of them was received.
    pub(super) oldest: Option<Instant>,
}

impl Spool {
    /// Opens a spool, and answers with the usage log's number of partitions as well: what the log said of it, or, while the
    /// log is away, what it was when the spool was made.
    pub(super) async fn open(
        config: &SpoolConfig,
        asked: Result<u32, Error>,
        metrics: Metrics,
    ) -> Result<(Self, u32), Error> {
        let mut log = open_log(config).await?;
        metrics.spool_cut.inc_by(log.cut_records());
        if log.cut_records() > 0 {
            let records = log.cut_records();
            tracing::warn!(records, "the spool's torn tail was cut; none of it had been confirmed");
        }
        let known = log.topic(topic::USAGE).await.ok().map(|usage| usage.partitions);
        let partitions = match (asked, known) {
            (Ok(partitions), _) => partitions,
            (Err(error), Some(known)) if error.is_retriable() => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the log is away; what comes goes into the spool"
                );
                known
            }
            (Err(error), _) => return Err(error),
        };
        if let Some(known) = known.filter(|known| *known != partitions) {
            // Its lanes are not those of the log any more.
            drop(log);
            former::set_aside(&config.directory, known)?;
            log = open_log(config).await?;
        }
        let specs = [(topic::USAGE, partitions), (topic::QUARANTINE, 1)];
        let specs = specs.map(|(name, partitions)| TopicSpec { name: name.to_owned(), partitions });
        log.ensure_topics(&specs).await?;
        Ok((Self { log, bytes: AtomicU64::new(0), bytes_max: config.bytes_max, metrics }, partitions))
    }

    /// Reads a lane through, so that it is counted and known to be whole.
    pub(super) async fn left_over(&self, topic: &str, partition: u32) -> Result<LeftOver, Error> {
        let mut left = LeftOver::default();
        let mut from = self.start(topic, partition).await?;
        loop {
            let records = match self.read(topic, partition, from).await {
                Ok(records) => records,
                Err(error @ Error::Damaged { .. }) => {
                    // The disk has changed what was accepted. The lane waits for somebody; the others go on.
                    tracing::error!(
                        topic,
                        partition,
                        error = &error as &dyn std::error::Error,
                        "the spool is damaged"
                    );
                    self.metrics.spool_failures.inc();
                    left.records += 1;
                    break;
                }
                Err(error) => return Err(error),
            };
            let Some(last) = records.last() else { break };
            from = last.offset + 1;
            left.records += records.len() as u64;
            left.oldest = left.oldest.or(records.first().map(received));
            self.add(&records.iter().map(stored_bytes).collect::<Vec<_>>());
        }
        Ok(left)
    }

    pub(super) fn has_room(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) < self.bytes_max
    }

    /// Takes records, and answers when they are on the disk.
    pub(super) async fn append(
        &self,
        topic: &str,
        partition: u32,
        records: Vec<Record>,
    ) -> Result<(), Unavailable> {
        let sizes: Vec<u64> = records.iter().map(record_bytes).collect();
        // Taken before it is written, so that many lanes cannot pass the limit together.
        self.add(&sizes);
        if self.bytes.load(Ordering::Relaxed) > self.bytes_max {
            self.give_back(&sizes);
            tracing::warn!(bytes_max = self.bytes_max, "the spool is full; senders are asked to wait");
            return Err(Unavailable::SpoolFull);
        }
        let Err(failed) = self.log.append(topic, partition, records).await else {
            self.metrics.spooled.inc_by(sizes.len() as u64);
            return Ok(());
        };
        self.give_back(&sizes);
        tracing::error!(
            topic,
            partition,
            error = &failed.error as &dyn std::error::Error,
            "the spool does not take events"
        );
        Err(if matches!(failed.error, Error::Full { .. }) {
            Unavailable::SpoolFull
        } else if matches!(failed.error, Error::Poisoned { .. }) {
            Unavailable::LogFailed
        } else {
            Unavailable::Log
        })
    }

    /// The next records of a lane; empty at its end.
    pub(super) async fn read(&self, topic: &str, partition: u32, from: u64) -> Result<Vec<Stored>, Error> {
        self.log.read(topic, partition, from, READ_BYTES).await
    }

    pub(super) async fn start(&self, topic: &str, partition: u32) -> Result<u64, Error> {
        self.log.start_offset(topic, partition).await
    }

    pub(super) async fn end(&self, topic: &str, partition: u32) -> Result<u64, Error> {
        self.log.end_offset(topic, partition).await
    }

    /// Gives the disk back what is on the log. `bytes` is what those records were counted with.
    pub(super) async fn delete_before(
        &self,
        topic: &str,
        partition: u32,
        offset: u64,
        bytes: u64,
    ) -> Result<(), Error> {
        self.log.delete_before(topic, partition, offset).await?;
        // A write that was answered as failed may be there all the same; it was not counted.
        let left = |counted: u64| Some(counted.saturating_sub(bytes));
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        self.show_bytes();
        Ok(())
    }

    /// Notes that records are on the log; they still lie here until they are deleted.
    pub(super) fn count_drained(&self, records: u64) {
        self.metrics.spool_records.sub(i64::try_from(records).unwrap_or(i64::MAX));
        self.metrics.drained.inc_by(records);
    }

    fn add(&self, sizes: &[u64]) {
        self.bytes.fetch_add(sizes.iter().sum(), Ordering::Relaxed);
        self.metrics.spool_records.add(i64::try_from(sizes.len()).unwrap_or(i64::MAX));
        self.show_bytes();
    }

    fn give_back(&self, sizes: &[u64]) {
        self.bytes.fetch_sub(sizes.iter().sum(), Ordering::Relaxed);
        self.metrics.spool_records.sub(i64::try_from(sizes.len()).unwrap_or(i64::MAX));
        self.show_bytes();
    }

    fn show_bytes(&self) {
        let bytes = self.bytes.load(Ordering::Relaxed);
        self.metrics.spool_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

async fn open_log(config: &SpoolConfig) -> Result<EmbeddedLog, Error> {
    let free_bytes_min = config.free_bytes_min;
    open_settings(embedded::Config { free_bytes_min, ..embedded::Config::new(&config.directory) }).await
}

async fn open_settings(settings: embedded::Config) -> Result<EmbeddedLog, Error> {
    // Opening reads the journal, which blocks.
    match tokio::task::spawn_blocking(move || EmbeddedLog::open(settings)).await {
        Ok(opened) => opened,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// When a record was received.
pub(super) fn received(record: &Stored) -> Instant {
    Instant::from_micros(record.received())
}

/// What a record counts as, on its way in and on its way out.
pub(super) fn stored_bytes(record: &Stored) -> u64 {
    let sources = record.header.as_ref().map_or(&[][..], |header| &header.sources);
    size(record.value.len(), sources)
}

fn record_bytes(record: &Record) -> u64 {
    size(record.value.len(), &record.header.sources)
}

fn size(value_bytes: usize, sources: &[(String, u32)]) -> u64 {
    let sources: usize = sources.iter().map(|(source, _)| source.len() + 16).sum();
    (value_bytes + sources) as u64 + RECORD_OVERHEAD_BYTES
}

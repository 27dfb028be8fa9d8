//! What ends the aggregator. What may pass (a store that does not answer, a log that is away) is waited for instead.

/// Why the aggregator cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The log cannot go on.
    #[error("{operation} the usage log failed")]
    Log {
        /// What was tried.
        operation: &'static str,
        /// What the log said.
        #[source]
        source: eventlog::Error,
    },
    /// The store did not do what was asked.
    #[error("store failed")]
    Store(#[from] store::Error),
    /// Progress is of another topic: counting it would count everything again, or not at all.
    #[error(
        "progress is of usage topic {stored} with {stored_partitions} partitions, but the log has {found} with \
         {found_partitions}; put the old log back, or begin a new generation with `taxameter generation begin`"
    )]
    OtherTopic {
        /// The topic that was counted.
        stored: String,
        /// Its partitions.
        stored_partitions: u32,
        /// The topic that is there.
        found: String,
        /// Its partitions.
        found_partitions: u32,
    },
    /// Records that were not counted are gone.
    #[error(
        "partition {partition} of the usage log begins at {start}, but counting must go on at {wanted}; restore the \
         log's records, or restore both from one backup; if they are lost, `taxameter generation begin --old-log-is-gone` \
         goes on with what is left"
    )]
    RecordsGone {
        /// The partition.
        partition: u32,
        /// The first offset that is not sealed.
        wanted: u64,
        /// The first offset that is left.
        start: u64,
        /// What the log said.
        #[source]
        source: eventlog::Error,
    },
    /// The log lacks records that were counted: others would get their positions.
    #[error(
        "partition {partition} of the usage log ends at {end}, but is counted up to {counted}: the log is an older copy than \
         the store; put the newer one back, or restore both from one backup; if it is lost, everything that was counted is in \
         the store: give the log new topics (embedded: move `log` out of the data directory) and `taxameter generation begin \
         --old-log-is-gone`"
    )]
    LogBehindStore {
        /// The partition.
        partition: u32,
        /// How far it was counted.
        counted: u64,
        /// The offset after its last record.
        end: u64,
    },
    /// The last generation changed while it was counted.
    #[error(
        "generation {began} of the usage log ended: generation {found} has begun; start the program again"
    )]
    OtherGeneration {
        /// The one that was counted here.
        began: u16,
        /// The last one now.
        found: u16,
    },
    /// A generation must not begin yet.
    #[error(
        "partition {partition} of the usage log is counted up to {sealed}, but goes to {end}; stop what writes to it and let \
         it be counted first"
    )]
    NotCounted {
        /// The partition.
        partition: u32,
        /// The start of the first window that is not sealed.
        sealed: u64,
        /// The offset after the last record.
        end: u64,
    },
    /// The log that was counted is not there, so nobody can tell whether all of it was.
    #[error(
        "usage topic {topic} was counted last, and is not there; put it back, or say that it is gone for good"
    )]
    OldLogMissing {
        /// The topic's id.
        topic: String,
    },
    /// There is no number left for another generation.
    #[error("the store has had as many generations as it can tell apart")]
    TooManyGenerations,
    /// A month's usage does not fit 128 bits.
    #[error("roll-up failed")]
    Overflow(#[from] crate::reckon::Overflow),
    /// A task of the aggregator panicked: a bug.
    #[error("counting of partition {partition} ended unexpectedly")]
    Task {
        /// The partition.
        partition: u32,
        /// How it ended.
        #[source]
        source: tokio::task::JoinError,
    },
}

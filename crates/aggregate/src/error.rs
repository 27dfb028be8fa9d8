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
         {found_partitions}; put the old log back, or begin a new generation"
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
         log's records, or restore both from one backup and begin a new generation"
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

//! What can go wrong with the log, and what of it may be tried again.

use std::path::PathBuf;

/// What a library below said: printed as the cause, never matched on.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failed operation on the log. [`Error::is_retriable`] tells what heals by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More is on its way to the log than the configured limit. Nothing of the request was taken. Retriable: answer the
    /// sender with "later", or spool.
    #[error("log is overloaded: {bytes} bytes are on their way to it")]
    Overloaded {
        /// Bytes that wait for the disk or the brokers.
        bytes: u64,
    },
    /// The disk of the embedded log is full, or so nearly full that writing stops before it is. Nothing was taken.
    /// Retriable: the log goes on by itself when there is room.
    #[error("disk of the log {path} is full: {free_bytes} bytes are free")]
    Full {
        /// The log's directory.
        path: PathBuf,
        /// What the file system had left for us.
        free_bytes: u64,
    },
    /// The broker (or the disk, while it is full) cannot be asked now. Retriable.
    #[error("{operation} failed on {object}: the log is not available")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// The topic, partition or server that it was tried on.
        object: String,
        /// What the library said.
        #[source]
        source: Cause,
    },
    /// The append was not confirmed in time: it may be there, now or later. Retriable at the price of a duplicate.
    #[error("append to topic {topic} was not confirmed: its outcome is unknown")]
    Unknown {
        /// The topic.
        topic: String,
        /// What the library said.
        #[source]
        source: Cause,
    },
    /// A record breaks a limit of the log. It will always be refused.
    #[error("record of {bytes} bytes and {events} events is over the limit")]
    RecordTooLarge {
        /// The value's length.
        bytes: usize,
        /// The number of events that its header states.
        events: u64,
    },
    /// There is no such topic.
    #[error("there is no topic {topic}")]
    UnknownTopic {
        /// The name that was asked for.
        topic: String,
    },
    /// The topic has no such partition.
    #[error("topic {topic} has no partition {partition}")]
    UnknownPartition {
        /// The topic.
        topic: String,
        /// The partition that was asked for.
        partition: u32,
    },
    /// The topic is there with another number of partitions. Changing that is a new generation of the topic
    /// (counting.md §4), never done in passing.
    #[error("topic {topic} has {found} partitions, not {wanted}")]
    OtherPartitions {
        /// The topic.
        topic: String,
        /// The number in the configuration.
        wanted: u32,
        /// The number that the topic has.
        found: u32,
    },
    /// A topic's name has other characters than `a-z A-Z 0-9 . _ -`, or is empty or longer than 200.
    #[error("topic name {topic:?} is not allowed")]
    TopicName {
        /// The name.
        topic: String,
    },
    /// What is wanted was deleted. Fatal: going on from the start would lose records silently.
    #[error("offset {wanted} of {topic}/{partition} is below the log's start {start}")]
    BelowLogStart {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// The offset that was asked for.
        wanted: u64,
        /// The first offset that is left.
        start: u64,
    },
    /// The wanted offset does not exist yet: the topic was made anew or restored from an older copy. Fatal.
    #[error("offset {wanted} of {topic}/{partition} is beyond the log's end {end}")]
    BeyondLogEnd {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// The offset that was asked for.
        wanted: u64,
        /// The offset that the next record gets.
        end: u64,
    },
    /// The embedded log has no groups that share partitions: a second subscriber is refused. Fatal.
    #[error("topic {topic} already has a subscriber in group {group}")]
    AlreadySubscribed {
        /// The topic.
        topic: String,
        /// The group.
        group: String,
    },
    /// The partition is not (or no longer) assigned to this subscription.
    #[error("partition {partition} of topic {topic} is not assigned here")]
    NotAssigned {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
    },
    /// Writing to the disk failed in a way that leaves open what is on it. No later append is reported as done. Fatal:
    /// only a restart, which reads what is really there, may go on.
    #[error("log {path} is out of use after a failed write to its disk; check the disk, then restart")]
    Poisoned {
        /// The log's directory.
        path: PathBuf,
        /// The failure that it began with.
        #[source]
        source: Cause,
    },
    /// Another process has the embedded log open. Fatal.
    #[error("log {path} is in use by another process ({holder})")]
    Locked {
        /// The log's directory.
        path: PathBuf,
        /// What that process wrote about itself.
        holder: String,
    },
    /// The directory is of another version of this program, or not a log at all. Fatal.
    #[error("directory {path} is not an embedded log of format {wanted} (found {found:?})")]
    Format {
        /// The directory.
        path: PathBuf,
        /// The format that this program writes.
        wanted: &'static str,
        /// What the marker file says.
        found: String,
    },
    /// What is on the disk is not what was written. Fatal.
    #[error("log {path} is damaged: {detail}")]
    Damaged {
        /// The log's directory.
        path: PathBuf,
        /// What was expected and found.
        detail: String,
    },
    /// The embedded log could not be opened or read. Fatal.
    #[error("{operation} failed on log {path}")]
    Storage {
        /// What was tried.
        operation: &'static str,
        /// The log's directory.
        path: PathBuf,
        /// What the library said.
        #[source]
        source: Cause,
    },
    /// The configuration of the client was refused. Fatal.
    #[error("configuration of the log is refused")]
    Configuration {
        /// What the library said.
        #[source]
        source: Cause,
    },
    /// The subscription can never go on, for example because another member with its name took its place. Fatal.
    #[error("subscription to topic {topic} has ended")]
    Ended {
        /// The topic.
        topic: String,
        /// What the library said.
        #[source]
        source: Cause,
    },
}

impl Error {
    /// Whether the same operation may succeed later without anybody's doing. For [`Error::Unknown`] the repetition may
    /// write twice.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Overloaded { .. } | Self::Full { .. } | Self::Unavailable { .. } | Self::Unknown { .. } => {
                true
            }
            Self::RecordTooLarge { .. }
            | Self::UnknownTopic { .. }
            | Self::UnknownPartition { .. }
            | Self::OtherPartitions { .. }
            | Self::TopicName { .. }
            | Self::BelowLogStart { .. }
            | Self::BeyondLogEnd { .. }
            | Self::AlreadySubscribed { .. }
            | Self::NotAssigned { .. }
            | Self::Poisoned { .. }
            | Self::Locked { .. }
            | Self::Format { .. }
            | Self::Damaged { .. }
            | Self::Storage { .. }
            | Self::Configuration { .. }
            | Self::Ended { .. } => false,
        }
    }
}

/// What became of one record of a failed append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log, durably, at this offset.
    In(u64),
    /// It is not in the log and never will be.
    Out,
    /// It may be in the log, now or later.
    Unknown,
}

/// An append that did not (or not surely) take every record.
#[derive(Debug, thiserror::Error)]
#[error("append of {} records to topic {topic} failed: {} are in, {} may be in",
    outcomes.len(), self.count_in(), self.count_unknown())]
pub struct AppendError {
    /// The topic.
    pub topic: String,
    /// One for each record, in the order of the request.
    pub outcomes: Vec<Outcome>,
    /// The first failure.
    #[source]
    pub error: Error,
}

impl AppendError {
    /// An append that took nothing.
    pub(crate) fn none_in(topic: &str, records: usize, error: Error) -> Self {
        Self { topic: topic.to_owned(), outcomes: vec![Outcome::Out; records], error }
    }

    /// How many records are in the log.
    pub fn count_in(&self) -> usize {
        self.outcomes.iter().filter(|outcome| matches!(outcome, Outcome::In(_))).count()
    }

    /// How many records may be in the log.
    pub fn count_unknown(&self) -> usize {
        self.outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Unknown)).count()
    }
}

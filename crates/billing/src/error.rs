//! What can fail.

use std::time::Duration;

use domain::Month;

/// An operation on months that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tables did not answer, or did not take rows.
    #[error("{operation} failed in the store")]
    Store {
        /// What was being done.
        operation: &'static str,
        /// What the store said.
        #[source]
        source: store::Error,
    },
    /// The control log, or the usage log's barriers.
    #[error("{operation} failed on the log")]
    Log {
        /// What was being done.
        operation: &'static str,
        /// What the log said.
        #[source]
        source: eventlog::Error,
    },
    /// A record could not be appended to a log.
    #[error("append of {what} failed")]
    Append {
        /// The record.
        what: &'static str,
        /// What the log said.
        #[source]
        source: Box<eventlog::AppendError>,
    },
    /// The decision is on the control log, but was not carried out in time. It still will be: asking again is safe.
    #[error("{action} of {month} (control record {control}) was not carried out within {} s", waited.as_secs())]
    NotInTime {
        /// `close` or `preliminary`.
        action: &'static str,
        /// The month.
        month: Month,
        /// The decision's offset in the control log.
        control: u64,
        /// How long was waited.
        waited: Duration,
    },
    /// A cut lacks months that an earlier one had: closing on it would take back what was billed.
    #[error("cut {cut} has no usage of {month}, which an earlier cut had")]
    IncompleteCut {
        /// The cut.
        cut: u64,
        /// The first month that it lacks.
        month: Month,
    },
    /// What is stored under a close is not what was frozen.
    #[error("frozen lines of {month} do not match their hash")]
    NotAsFrozen {
        /// The month.
        month: Month,
    },
    /// There is no charge with this id.
    #[error("there is no charge {id}")]
    UnknownCharge {
        /// The id.
        id: String,
    },
    /// An export could not be written.
    #[error("writing the {format} export failed")]
    Export {
        /// `csv` or `xlsx`.
        format: &'static str,
        /// What the writer said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Names what was being done in the store.
pub(crate) fn storing(operation: &'static str) -> impl Fn(store::Error) -> Error {
    move |source| Error::Store { operation, source }
}

/// Names what was being done on the log.
pub(crate) fn logging(operation: &'static str) -> impl Fn(eventlog::Error) -> Error {
    move |source| Error::Log { operation, source }
}

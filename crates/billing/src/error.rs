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
    #[error("{what} (control record {control}) was not carried out within {} s", waited.as_secs())]
    NotInTime {
        /// The decision, as in `close of 2021-03`.
        what: String,
        /// The decision's offset in the control log.
        control: u64,
        /// How long was waited.
        waited: Duration,
    },
    /// Others came first on the control log, again and again. Asking again is safe.
    #[error("a decision lost {attempts} races for its place in the control log")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// A decision was written by a newer program, and nothing after it may be carried out before it is.
    #[error("control log has the unknown action {action:?}; run the program that wrote it")]
    UnknownAction {
        /// The action.
        action: String,
    },
    /// What became of a decision is not what this program writes.
    #[error("outcome of control record {control} cannot be read")]
    UnreadableOutcome {
        /// The decision's offset in the control log.
        control: u64,
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
    /// There is no usage yet that a simulation could be reckoned on.
    #[error("there is no usage to simulate with")]
    NothingToSimulate,
    /// The system gives no random bytes for a key.
    #[error("the system gives no random bytes")]
    NoRandomness,
    /// An export could not be written.
    #[error("writing the {format} export failed")]
    Export {
        /// The format's name, such as `csv`.
        format: &'static str,
        /// What the writer said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of a month does not come to what the month comes to. Nothing of it may be booked.
    #[error("the {format} export comes to {total} instead of {expected}")]
    DoesNotTieOut {
        /// The format's name.
        format: &'static str,
        /// What it comes to.
        total: domain::Money,
        /// What it must come to.
        expected: domain::Money,
    },
    /// The catalogue that a month was closed on is gone from the store.
    #[error("catalogue {version} of {month} is not in the store")]
    UnknownCatalogue {
        /// The month.
        month: Month,
        /// The version.
        version: String,
    },
    /// A month has no line that is booked internally, so there is no file of vouchers, and nobody misses one.
    #[error("{month} has nothing to book internally")]
    NothingToBook {
        /// The month.
        month: Month,
    },
    /// A month cannot be exported so: the catalogue that it was reckoned on lacks what the format needs.
    #[error("{english}")]
    NotExportable {
        /// The format's name, such as `sie`.
        format: &'static str,
        /// What is missing, where, and what to do, in Swedish.
        swedish: String,
        /// The same in English.
        english: String,
    },
}

impl Error {
    /// Whether something is away or late, so that the same may succeed later without anybody's doing. What was decided
    /// stands either way: deciding it again changes nothing.
    pub fn is_temporary(&self) -> bool {
        match self {
            Error::Store { source, .. } => source.is_connection(),
            Error::Log { source, .. } => source.is_retriable(),
            Error::Append { source, .. } => source.error.is_retriable(),
            Error::NotInTime { .. } | Error::Contended { .. } => true,
            Error::UnknownAction { .. }
            | Error::UnreadableOutcome { .. }
            | Error::IncompleteCut { .. }
            | Error::NotAsFrozen { .. }
            | Error::UnknownCharge { .. }
            | Error::NothingToSimulate
            | Error::NoRandomness
            | Error::Export { .. }
            | Error::DoesNotTieOut { .. }
            | Error::UnknownCatalogue { .. }
            | Error::NothingToBook { .. }
            | Error::NotExportable { .. } => false,
        }
    }
}

/// Names what was being done in the store.
pub(crate) fn storing(operation: &'static str) -> impl Fn(store::Error) -> Error {
    move |source| Error::Store { operation, source }
}

/// Names what was being done on the log.
pub(crate) fn logging(operation: &'static str) -> impl Fn(eventlog::Error) -> Error {
    move |source| Error::Log { operation, source }
}

/// An error and its causes, for the log.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

//! What can fail.

/// An operation on the store that failed. What a failed insert left behind is unknown: it is repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A question was not answered.
    #[error("query for {what} failed")]
    Query {
        /// What was asked for.
        what: &'static str,
        /// What the client said.
        #[source]
        source: clickhouse::error::Error,
    },
    /// Rows were not acknowledged; all, some or none of them may be stored.
    #[error("insert of {rows} rows into {table} failed")]
    Insert {
        /// The table.
        table: &'static str,
        /// How many rows there were.
        rows: usize,
        /// What the client said.
        #[source]
        source: clickhouse::error::Error,
    },
    /// A statement of a migration failed.
    #[error("migration {number:04}_{name} failed at statement {statement}")]
    Migrate {
        /// The migration's number.
        number: u32,
        /// Its name.
        name: &'static str,
        /// The statement's number in the file, from 1.
        statement: usize,
        /// What the client said.
        #[source]
        source: clickhouse::error::Error,
    },
    /// A migration that was applied has another content now.
    #[error(
        "migration {number:04}_{name} was applied with other content; add a new file instead of changing it"
    )]
    MigrationChanged {
        /// The migration's number.
        number: u32,
        /// Its name.
        name: String,
    },
    /// The database was migrated by a newer program.
    #[error(
        "the database has migration {number:04}_{name}, which this program does not know; run the newer program"
    )]
    MigrationUnknown {
        /// The migration's number.
        number: u32,
        /// Its name.
        name: String,
    },
    /// A column has another type than this program writes; numbers would change their size silently.
    #[error(
        "column {table}.{column} is {found}, not {wanted}; run migrate with the program that made the table"
    )]
    ColumnType {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// A sum does not fit its type.
    #[error("sum of {what} is beyond 38 digits")]
    Overflow {
        /// What was summed.
        what: &'static str,
    },
    /// A stored value is not what this program writes.
    #[error("stored {what} {value:?} cannot be read")]
    Unreadable {
        /// What it should be.
        what: &'static str,
        /// What is there.
        value: String,
    },
}

impl Error {
    /// Whether the connection failed, or the answer did not come in time: the server may be there again later.
    pub fn is_connection(&self) -> bool {
        use clickhouse::error::Error as Client;
        match self {
            Error::Query { source, .. } | Error::Insert { source, .. } | Error::Migrate { source, .. } => {
                matches!(source, Client::Network(_) | Client::TimedOut)
            }
            Error::MigrationChanged { .. }
            | Error::MigrationUnknown { .. }
            | Error::ColumnType { .. }
            | Error::Overflow { .. }
            | Error::Unreadable { .. } => false,
        }
    }
}

/// Names the question that failed.
pub(crate) fn asking(what: &'static str) -> impl Fn(clickhouse::error::Error) -> Error {
    move |source| Error::Query { what, source }
}

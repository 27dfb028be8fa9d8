//! What a collector gathers from: one file for each kind of system.
//!
//! A source turns what its system answers into [`Record`]s and knows nothing of meters, pseudonyms or the log. It reads all
//! of a turn or fails: half a page, a total that does not fit or a page that is missing is a [`Failure`], never fewer records.

pub mod ceph;
pub mod chrome;
pub mod files;
pub mod intune;
pub mod jamf;
pub mod ldap;
pub mod ontap;
mod pages;
pub mod pexip;
pub mod prometheus;
pub mod renew;
pub mod sql;
pub mod teams_calls;
mod walk;
pub mod zoom;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::Instant;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

/// A system as the configuration names it: `kind` says which.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum System {
    /// Tables that are dropped in a folder, or grow in it.
    Files(files::Config),
    /// The entries of a directory: Active Directory, OpenLDAP.
    Ldap(ldap::Config),
    /// The value of each series of a query.
    Prometheus(prometheus::Config),
    /// The devices that Microsoft Intune manages.
    Intune(intune::Config),
    /// The calls and meetings of Microsoft Teams.
    TeamsCalls(teams_calls::Config),
    /// The volumes or qtrees of NetApp ONTAP.
    Ontap(ontap::Config),
    /// The conferences of Pexip Infinity.
    Pexip(pexip::Config),
    /// The devices that Jamf Pro manages.
    Jamf(jamf::Config),
    /// The Chrome OS devices of a Google Workspace.
    Chrome(chrome::Config),
    /// The buckets of Ceph's RADOS gateway.
    Ceph(ceph::Config),
    /// The meetings of Zoom.
    Zoom(zoom::Config),
    /// The rows of a query of a database.
    Sql(sql::Config),
}

impl System {
    /// Its kind, which keeps native ids of different systems apart in pseudonyms.
    pub fn kind(&self) -> &'static str {
        match self {
            System::Files(_) => "files",
            System::Ldap(_) => "ldap",
            System::Prometheus(_) => "prometheus",
            System::Intune(_) => "intune",
            System::TeamsCalls(_) => "teams-calls",
            System::Ontap(_) => "ontap",
            System::Pexip(_) => "pexip",
            System::Jamf(_) => "jamf",
            System::Chrome(_) => "chrome",
            System::Ceph(_) => "ceph",
            System::Zoom(_) => "zoom",
            System::Sql(_) => "sql",
        }
    }

    /// What its records are.
    pub fn nature(&self) -> Nature {
        let is_snapshot = match self {
            System::Prometheus(_) => return Nature::History,
            System::Files(config) => config.snapshot,
            System::Sql(config) => config.cursor_column.is_none(),
            System::TeamsCalls(_) | System::Pexip(_) | System::Zoom(_) => false,
            System::Ldap(_) | System::Intune(_) | System::Ontap(_) => true,
            System::Jamf(_) | System::Chrome(_) | System::Ceph(_) => true,
        };
        if is_snapshot { Nature::Snapshot } else { Nature::Stream }
    }

    /// What gathers from it. `clock` says when tokens run out.
    ///
    /// # Errors
    /// What is configured and cannot be right.
    pub fn open(&self, clock: fn() -> Instant) -> Result<Box<dyn Source>, Failure> {
        self.open_with(Clock::new(clock))
    }

    /// What gathers from it, with a clock that says how time passes, too.
    ///
    /// # Errors
    /// What is configured and cannot be right.
    pub fn open_with(&self, clock: Clock) -> Result<Box<dyn Source>, Failure> {
        Ok(match self {
            System::Files(config) => Box::new(files::Files::new(config, clock.now)?),
            System::Ldap(config) => ldap::open(config)?,
            System::Prometheus(config) => Box::new(prometheus::Prometheus::new(config, clock)?),
            System::Intune(config) => Box::new(intune::Intune::new(config, clock)?),
            System::TeamsCalls(config) => Box::new(teams_calls::TeamsCalls::new(config, clock)?),
            System::Ontap(config) => Box::new(ontap::Ontap::new(config, clock)?),
            System::Pexip(config) => Box::new(pexip::Pexip::new(config, clock)?),
            System::Jamf(config) => Box::new(jamf::Jamf::new(config, clock)?),
            System::Chrome(config) => Box::new(chrome::Chrome::new(config, clock)?),
            System::Ceph(config) => Box::new(ceph::Ceph::new(config, clock)?),
            System::Zoom(config) => Box::new(zoom::Zoom::new(config, clock)?),
            System::Sql(config) => sql::open(config)?,
        })
    }
}

/// The time, as sources go by it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// What time it is.
    pub now: fn() -> Instant,
    /// Lets time pass before a request is tried again.
    pub wait: fn(Duration) -> BoxFuture<'static, ()>,
}

impl Clock {
    /// A clock by which time passes as everywhere.
    pub fn new(now: fn() -> Instant) -> Self {
        Self { now, wait: |time| Box::pin(tokio::time::sleep(time)) }
    }
}

/// What a system says of one thing (an account, a device, a call): names and texts. What is nested in JSON has a dot in its
/// name: `space.used`.
pub type Record = BTreeMap<String, String>;

/// What the records of a source are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// All that there is at a time. A turn that was missed stays missing.
    Snapshot,
    /// All that there is at a time, also at one that has passed: turns that were missed are made up for.
    History,
    /// What has happened since the last turn; a cursor says where that ended.
    Stream,
}

/// What a turn gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// The records, in an order that does not matter.
    pub records: Vec<Record>,
    /// Where a stream goes on after these records. It is kept when they are durable.
    pub cursor: Option<String>,
    /// Whether a stream has more, which is read at once.
    pub more: bool,
}

/// Why a turn failed. It is tried again in any case; nothing of it was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The system asks for patience (429 or 503 with Retry-After).
    #[error("{what}: it asks for {} s of patience", .after.as_secs())]
    Later {
        /// What it was asked.
        what: String,
        /// How long to wait.
        after: Duration,
    },
    /// The system is away or answers with an error of its own.
    #[error("{0}")]
    Away(String),
    /// What it answered is not what it documents, or is not whole.
    #[error("{0}")]
    Broken(String),
    /// It does not let us in, or what is configured cannot be right: somebody has to do something.
    #[error("{0}")]
    Refused(String),
}

/// A read of a stream ends when it has so many records, and says that there is more.
const READ_RECORDS: usize = 5_000;

/// A system that is gathered from.
pub trait Source: Send + Sync {
    /// What its records are.
    fn nature(&self) -> Nature;

    /// Reads a turn: everything as it is at `at`, or what comes after the cursor.
    fn read<'a>(&'a self, at: Instant, cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>>;

    /// How it goes on from a set that was kept, if it can.
    fn renewing(&self) -> Option<&dyn renew::Renew> {
        None
    }

    /// Told once the records up to a cursor are durable; called again for the same cursor after a crash.
    fn delivered<'a>(&'a self, _cursor: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A JSON object as a record. Null and empty arrays are left out; other arrays are numbered from 0.
pub fn flatten(value: &Value) -> Record {
    let mut record = Record::new();
    add(&mut record, "", value);
    record
}

/// The time at a JSON pointer, in RFC 3339.
fn time(value: &Value, pointer: &str) -> Result<DateTime<Utc>, Failure> {
    let text = value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let time = DateTime::parse_from_rfc3339(text)
        .map_err(|error| Failure::Broken(format!("{pointer} is {text:?}, no time: {error}")))?;
    Ok(time.to_utc())
}

/// A time as records give it. Finer than a microsecond is cut off, as in events.
fn utc(time: DateTime<Utc>) -> String {
    Instant::from_utc(time).to_string()
}

fn add(record: &mut Record, name: &str, value: &Value) {
    let inner = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    match value {
        Value::Null => {}
        Value::Bool(value) => {
            record.insert(name.to_owned(), value.to_string());
        }
        Value::Number(value) => {
            record.insert(name.to_owned(), value.to_string());
        }
        Value::String(value) => {
            record.insert(name.to_owned(), value.clone());
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                add(record, &inner(&index.to_string()), value);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                add(record, &inner(key), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_nested_has_dots_in_its_name() {
        let value = json!({"a": 1, "b": {"c": "x", "d": [true, {"e": 2.50}], "f": null}, "g": []});
        let record = flatten(&value);
        let pairs: Vec<_> = record.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert_eq!(pairs, [("a", "1"), ("b.c", "x"), ("b.d.0", "true"), ("b.d.1.e", "2.5")]);
    }
}

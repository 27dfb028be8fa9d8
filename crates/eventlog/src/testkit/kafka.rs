//! A real Apache Kafka: brokers in KRaft mode, each a Java process of its own on free ports, on this machine or each on a
//! network of its own ([`super::network`]), with a temporary directory that goes with it.
//!
//! ```no_run
//! let cluster = eventlog::testkit::kafka::Cluster::start(1).unwrap();
//! let log = eventlog::kafka::KafkaLog::open(cluster.config()).unwrap();
//! ```
//!
//! Needs a JDK (17 or later) and Maven; the broker's jars come from Maven Central by `deploy/kafka/pom.xml`, once, into
//! `${XDG_CACHE_HOME:-~/.cache}/taxameter/kafka-<version>`.

mod groups;
mod jars;
mod node;

use super::keeper::Keeper;
use super::network::Place;
use super::port::Port;
use crate::kafka::Config;
use node::Node;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A cold start of three nodes on two busy cores takes a third of this.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// What keeps a cluster from starting; the text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program is missing.
    #[error("{program} could not be started: is it installed? ({needed_for})")]
    Program {
        /// What was to be run.
        program: &'static str,
        /// What for.
        needed_for: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be written or read.
    #[error("{operation} failed")]
    File {
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Maven could not fetch the jars.
    #[error("maven could not fetch Kafka's jars ({status})")]
    Jars {
        /// How Maven ended.
        status: std::process::ExitStatus,
    },
    /// A node ended or did not answer in time.
    #[error("kafka did not start: {reason}\n{output}")]
    Start {
        /// What was awaited, or how a node ended.
        reason: String,
        /// The end of what the nodes wrote.
        output: String,
    },
}

/// A running cluster; killed when it is dropped, and when the process ends in any other way.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
    // After the nodes: it is theirs.
    keeper: Keeper,
    _directory: tempfile::TempDir,
    // A killed node comes back on its own.
    _ports: Vec<Port>,
}

impl Cluster {
    /// Starts so many nodes, each broker and controller, and waits until they know each other. Topics get three copies of
    /// which two confirm, as far as there are nodes.
    pub fn start(nodes: usize) -> Result<Self, Error> {
        Self::start_at(&vec![Place::loopback(); nodes])
    }

    /// Starts a node in each place, as [`Cluster::start`]. The calling thread must reach the places.
    pub fn start_at(places: &[Place]) -> Result<Self, Error> {
        let classpath = jars::classpath()?;
        remove_leftovers();
        let prefix = format!("{DIRECTORY_PREFIX}{}-", std::process::id());
        let directory = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir()
            .map_err(|source| Error::File { operation: "making a directory for Kafka", source })?;
        // What is free here is free in a network namespace that nobody else uses.
        let leased = (0..2 * places.len()).map(|_| Port::lease()).collect::<Result<Vec<_>, _>>();
        let leased = leased.map_err(|source| Error::File { operation: "looking for a free port", source })?;
        let ports: Vec<_> = leased.iter().map(Port::number).collect();
        let keeper =
            Keeper::start().map_err(|source| Error::File { operation: "starting a thread", source })?;
        let nodes = node::lay_out(directory.path(), places, &ports, &classpath)?;
        let mut cluster = Self { nodes, keeper, _directory: directory, _ports: leased };
        for index in 0..cluster.nodes.len() {
            cluster.nodes[index].format()?;
            cluster.start_node(index)?;
        }
        cluster.await_nodes(cluster.nodes.len())?;
        Ok(cluster)
    }

    /// The brokers' addresses.
    pub fn brokers(&self) -> String {
        self.nodes.iter().map(Node::address).collect::<Vec<_>>().join(",")
    }

    /// A configuration for this cluster.
    pub fn config(&self) -> Config {
        let copies = u32::try_from(self.nodes.len().min(3)).unwrap_or(3);
        Config {
            replication_factor: copies,
            min_insync_replicas: copies.div_ceil(2),
            ..Config::new(self.brokers())
        }
    }

    /// Starts a node that was killed. Does not wait for it.
    pub fn start_node(&mut self, index: usize) -> Result<(), Error> {
        self.nodes[index].start(&self.keeper)
    }

    /// Ends a node without a chance to say goodbye (`kill -9`).
    pub fn kill_node(&mut self, index: usize) {
        self.nodes[index].kill();
    }

    /// Stops a node where it stands, connections open (`SIGSTOP`), or lets it go on.
    pub fn freeze_node(&self, index: usize, is_frozen: bool) -> Result<(), Error> {
        self.nodes[index].signal(if is_frozen { "STOP" } else { "CONT" })
    }

    /// Waits until the cluster says that it has so many brokers.
    pub fn await_nodes(&mut self, count: usize) -> Result<(), Error> {
        let client: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.brokers())
            .set("log_level", "0")
            .set("reconnect.backoff.max.ms", "200")
            .create()
            .map_err(|error| self.not_started(error.to_string()))?;
        let started = Instant::now();
        while started.elapsed() < START_TIMEOUT {
            // Blocks until there is an answer or the second is over, so this does not spin.
            if let Ok(metadata) = client.fetch_metadata(None, Duration::from_secs(1))
                && metadata.brokers().len() == count
            {
                return Ok(());
            }
            if let Some(ended) = self.nodes.iter_mut().find_map(Node::ended) {
                return Err(self.not_started(ended));
            }
        }
        Err(self.not_started(format!("not {count} brokers after {} s", START_TIMEOUT.as_secs())))
    }

    fn not_started(&self, reason: String) -> Error {
        let output = self.nodes.iter().map(Node::output).collect::<Vec<_>>().join("\n");
        Error::Start { reason, output }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            node.kill();
        }
    }
}

/// Fetches what a cluster needs, unless it is there: for those who soon have no way to the outside.
pub fn fetch() -> Result<(), Error> {
    jars::classpath().map(drop)
}

const DIRECTORY_PREFIX: &str = "taxameter-kafka-";

/// Removes the directories of processes that were killed before they could.
fn remove_leftovers() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(DIRECTORY_PREFIX)?.split('-').next());
        if let Some(process) = process
            && !PathBuf::from("/proc").join(process).exists()
        {
            // Another test may be removing it too.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

//! One node: its files, its process.

use super::super::keeper::{self, Keeper};
use super::super::network::Place;
use super::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const LOG_SETTINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/kafka/log4j2.properties");
/// Any 16 bytes; every cluster has its own ports and directory.
const CLUSTER_ID: &str = "dGF4YW1ldGVyLXRlc3RzMQ";

#[derive(Debug)]
pub(super) struct Node {
    directory: PathBuf,
    classpath: String,
    place: Place,
    port: u16,
    process: Option<Child>,
}

/// Writes the settings of a cluster's nodes; one port for clients and one for controllers each.
pub(super) fn lay_out(
    directory: &Path,
    places: &[Place],
    ports: &[u16],
    classpath: &str,
) -> Result<Vec<Node>, Error> {
    let (client_ports, controller_ports) = ports.split_at(places.len());
    let voters = (1..).zip(places.iter().zip(controller_ports));
    let voters = voters.map(|(id, (place, port))| format!("{id}@{}:{port}", place.address()));
    let voters = voters.collect::<Vec<_>>().join(",");
    let copies = client_ports.len().min(3);
    let confirmed = copies.div_ceil(2);
    let mut nodes = Vec::new();
    for (id, (place, (port, controller_port))) in
        (1..).zip(places.iter().zip(client_ports.iter().zip(controller_ports)))
    {
        let address = place.address();
        let directory = directory.join(format!("node-{id}"));
        let data = directory.join("data");
        let settings = format!(
            "process.roles=broker,controller\n\
             node.id={id}\n\
             controller.quorum.voters={voters}\n\
             listeners=PLAINTEXT://{address}:{port},CONTROLLER://{address}:{controller_port}\n\
             advertised.listeners=PLAINTEXT://{address}:{port}\n\
             controller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=PLAINTEXT\n\
             log.dirs={data}\n\
             auto.create.topics.enable=false\n\
             offsets.topic.replication.factor={copies}\n\
             offsets.topic.num.partitions=4\n\
             transaction.state.log.replication.factor={copies}\n\
             transaction.state.log.min.isr={confirmed}\n\
             transaction.state.log.num.partitions=4\n\
             group.initial.rebalance.delay.ms=0\n\
             broker.session.timeout.ms=3000\n\
             broker.heartbeat.interval.ms=500\n",
            data = data.display(),
        );
        let written = std::fs::create_dir_all(&directory)
            .and_then(|()| std::fs::write(directory.join("server.properties"), settings));
        written.map_err(|source| Error::File { operation: "writing Kafka's settings", source })?;
        let (classpath, place) = (classpath.to_owned(), place.clone());
        nodes.push(Node { directory, classpath, place, port: *port, process: None });
    }
    Ok(nodes)
}

impl Node {
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.place.address(), self.port)
    }

    /// What every Java program of the node is called with: little memory, and no time spent on optimising what runs short.
    fn java(&self, class: &str) -> Result<Command, Error> {
        let output = File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("output.log"))
            .and_then(|output| Ok((output.try_clone()?, output)));
        let (stdout, stderr) =
            output.map_err(|source| Error::File { operation: "opening Kafka's output", source })?;
        let mut command = self.place.command("java");
        command
            .args(["-Xmx384m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg(format!("-Dlog4j2.configurationFile={LOG_SETTINGS}"))
            .args(["-cp", &self.classpath, class])
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr);
        Ok(command)
    }

    /// Prepares the node's data directory.
    pub(super) fn format(&self) -> Result<(), Error> {
        let mut command = self.java("kafka.tools.StorageTool")?;
        command.args(["format", "--cluster-id", CLUSTER_ID, "--config"]);
        let status = command.arg(self.directory.join("server.properties")).status().map_err(no_java)?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Start {
            reason: format!("formatting its storage ended with {status}"),
            output: self.output(),
        })
    }

    pub(super) fn start(&mut self, keeper: &Keeper) -> Result<(), Error> {
        self.kill();
        let mut command = self.java("kafka.Kafka")?;
        command.arg(self.directory.join("server.properties"));
        self.process = Some(keeper.spawn(command).map_err(no_java)?);
        Ok(())
    }

    pub(super) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    pub(super) fn signal(&self, signal: &str) -> Result<(), Error> {
        let Some(process) = &self.process else { return Ok(()) };
        keeper::signal(process, signal).map_err(|source| Error::Program {
            program: "kill",
            needed_for: "stops a broker",
            source,
        })
    }

    /// How the process ended, if it has.
    pub(super) fn ended(&mut self) -> Option<String> {
        let status = self.process.as_mut()?.try_wait().ok()??;
        Some(format!("node {} ended with {status}", self.address()))
    }

    /// The last lines that it wrote.
    pub(super) fn output(&self) -> String {
        let text = std::fs::read_to_string(self.directory.join("output.log")).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

fn no_java(source: std::io::Error) -> Error {
    Error::Program { program: "setpriv java", needed_for: "runs Kafka for the tests", source }
}

//! One node: its files, its process.

use super::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

const LOG_SETTINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/kafka/log4j2.properties");
/// Any 16 bytes; every cluster has its own ports and directory.
const CLUSTER_ID: &str = "dGF4YW1ldGVyLXRlc3RzMQ";

#[derive(Debug)]
pub(super) struct Node {
    directory: PathBuf,
    classpath: String,
    port: u16,
    process: Option<Child>,
}

/// Writes the settings of a cluster's nodes; one port for clients and one for controllers each.
pub(super) fn lay_out(directory: &Path, ports: &[u16], classpath: &str) -> Result<Vec<Node>, Error> {
    let (client_ports, controller_ports) = ports.split_at(ports.len() / 2);
    let voters = (1..).zip(controller_ports).map(|(id, port)| format!("{id}@127.0.0.1:{port}"));
    let voters = voters.collect::<Vec<_>>().join(",");
    let copies = client_ports.len().min(3);
    let confirmed = copies.div_ceil(2);
    let mut nodes = Vec::new();
    for (id, (port, controller_port)) in (1..).zip(client_ports.iter().zip(controller_ports)) {
        let directory = directory.join(format!("node-{id}"));
        let data = directory.join("data");
        let settings = format!(
            "process.roles=broker,controller\n\
             node.id={id}\n\
             controller.quorum.voters={voters}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
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
        nodes.push(Node { directory, classpath: classpath.to_owned(), port: *port, process: None });
    }
    Ok(nodes)
}

impl Node {
    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
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
        // The kernel ends it together with the thread that started it.
        let mut command = Command::new("setpriv");
        command
            .args([
                "--pdeathsig",
                "KILL",
                "java",
                "-Xmx384m",
                "-Xms64m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
            ])
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
        self.process = Some(keeper.spawn(command)?);
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
        let sent = Command::new("kill").arg(signal).arg(process.id().to_string()).status();
        sent.map(drop).map_err(|source| Error::Program {
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

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// A thread that starts processes and lives as long as they should: the kernel kills a process whose starting thread ends,
/// and a test's own thread ends long before a cluster that tests share.
#[derive(Debug)]
pub(super) struct Keeper {
    orders: mpsc::Sender<Order>,
}

impl Keeper {
    pub(super) fn start() -> Result<Self, Error> {
        let (orders, received) = mpsc::channel::<Order>();
        let run = move || {
            for (mut command, answer) in received {
                // Whoever asked waits for it.
                let _ = answer.send(command.spawn());
            }
        };
        std::thread::Builder::new()
            .name("kafka-keeper".to_owned())
            .spawn(run)
            .map_err(|source| Error::File { operation: "starting a thread", source })?;
        Ok(Self { orders })
    }

    fn spawn(&self, command: Command) -> Result<Child, Error> {
        let (answer, answered) = mpsc::channel();
        let ended = || std::io::Error::other("the keeper has ended");
        self.orders.send((command, answer)).map_err(|_| no_java(ended()))?;
        answered.recv().map_err(|_| no_java(ended()))?.map_err(no_java)
    }
}

fn no_java(source: std::io::Error) -> Error {
    Error::Program { program: "setpriv java", needed_for: "runs Kafka for the tests", source }
}

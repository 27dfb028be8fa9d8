//! Everything that runs: three brokers, two collectors, two aggregators, the store, and what bills and answers.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use eventlog::testkit::kafka::Cluster;
use eventlog::testkit::keeper::{self, Keeper};
use eventlog::testkit::network::{Network, Place};
use eventlog::testkit::port::Port;

use crate::api::Api;
use crate::fault::Kind;

/// How long anything may take to start on a slow day.
const START_TIMEOUT: Duration = Duration::from_secs(240);
const BROKERS: usize = 3;
/// The partitions of the usage log, so that both aggregators have some.
pub(crate) const PARTITIONS: u32 = 6;
/// The usage log's topic.
pub(crate) const USAGE: &str = "faults.usage";
/// The store's password.
pub(crate) const PASSWORD: &str = "hemligt";
const DIRECTORY_PREFIX: &str = "taxameter-faults-";
/// The catalogue with a meter of every kind.
pub(crate) const CATALOGUE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/faults/catalogue");

/// The programs besides the brokers: name and roles. The store is the first that is started.
const PROGRAMS: [(&str, &[&str]); 6] = [
    ("store", &["store"]),
    ("bill", &["bill", "api"]),
    ("collect-1", &["collect"]),
    ("collect-2", &["collect"]),
    ("aggregate-1", &["aggregate"]),
    ("aggregate-2", &["aggregate"]),
];
const STORE: usize = 0;
const BILL: usize = 1;
const COLLECTORS: [usize; 2] = [2, 3];

/// How many processes things happen to.
pub(crate) const TARGETS: usize = BROKERS + PROGRAMS.len();

struct Program {
    name: &'static str,
    roles: &'static [&'static str],
    place: Place,
    port: Port,
    directory: PathBuf,
    process: Option<Child>,
}

/// All processes. They end with this one.
pub(crate) struct World {
    programs: Vec<Program>,
    cluster: Cluster,
    broker_places: Vec<Place>,
    keeper: Keeper,
    /// None when this process may not make one.
    network: Option<Network>,
    directory: tempfile::TempDir,
    /// Programs that ended though nothing was done to them, with their last words.
    ended: Vec<String>,
}

impl World {
    /// Starts everything, and waits until it is ready. Without a network, everybody is on this machine's own address.
    pub(crate) fn start(mut network: Option<Network>) -> Self {
        remove_leftovers();
        let prefix = format!("{DIRECTORY_PREFIX}{}-", std::process::id());
        let directory = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a directory");
        let mut join = || match &mut network {
            Some(network) => {
                network.join().unwrap_or_else(|error| panic!("a member of the network: {error:?}"))
            }
            None => Place::loopback(),
        };
        let broker_places: Vec<Place> = (0..BROKERS).map(|_| join()).collect();
        let places: Vec<Place> = PROGRAMS.iter().map(|_| join()).collect();
        let cluster = Cluster::start_at(&broker_places).unwrap_or_else(|error| panic!("{error}"));
        let ports: Vec<_> = PROGRAMS.map(|_| Port::lease().expect("a free port")).into();
        let store = SocketAddr::new(places[STORE].address(), ports[STORE].number());
        std::fs::write(directory.path().join("password"), PASSWORD).expect("a file");
        // What is started again is the same, also when somebody builds meanwhile.
        std::fs::copy(env!("CARGO_BIN_EXE_taxameter"), directory.path().join("taxameter")).expect("a copy");
        let mut programs = Vec::new();
        for (((name, roles), place), port) in PROGRAMS.into_iter().zip(places).zip(ports) {
            let directory = directory.path().join(name);
            std::fs::create_dir(&directory).expect("a directory");
            let text = configuration(name, roles, &cluster.brokers(), store);
            std::fs::write(directory.join("taxameter.toml"), text).expect("a file");
            programs.push(Program { name, roles, place, port, directory, process: None });
        }
        let keeper = Keeper::start().expect("a thread");
        let ended = Vec::new();
        let mut world = Self { programs, cluster, broker_places, keeper, network, directory, ended };
        // The first to come makes the tables and brings the catalogue.
        world.spawn(STORE);
        world.until("the store answers", |world| world.store().answers("/ping"));
        world.spawn(BILL);
        world.until("the program that answers is ready", |world| world.bill().answers("/readyz"));
        for index in BILL + 1..PROGRAMS.len() {
            world.spawn(index);
        }
        world
    }

    fn until(&mut self, awaited: &str, mut is_there: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !is_there(self) {
            assert!(began.elapsed() < START_TIMEOUT, "waited in vain: {awaited}\n{}", self.last_words(20));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn spawn(&mut self, index: usize) {
        let program = &self.programs[index];
        let log = File::options().create(true).append(true).open(program.directory.join("log"));
        let mut command = program.place.command(self.directory.path().join("taxameter"));
        command
            .args(["serve", "--config", "taxameter.toml", "--data", "data", "--catalog", CATALOGUE])
            .args(program.roles.iter().flat_map(|role| ["--role", role]))
            .arg("--listen")
            .arg(program.listens().to_string())
            .current_dir(&program.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a log"));
        let process = self.keeper.spawn(command).expect("the program");
        self.programs[index].process = Some(process);
    }

    /// How the brokers are reached.
    pub(crate) fn kafka(&self) -> eventlog::kafka::Config {
        self.cluster.config()
    }

    /// The store itself, to look at its rows.
    pub(crate) fn store(&self) -> Api {
        let store = &self.programs[STORE];
        Api::new(&Place::loopback(), &store.listens().to_string())
    }

    /// The program that answers questions and takes decisions.
    pub(crate) fn bill(&self) -> Api {
        self.api(BILL)
    }

    /// The programs that take events.
    pub(crate) fn collectors(&self) -> Vec<Api> {
        COLLECTORS.iter().map(|index| self.api(*index)).collect()
    }

    fn api(&self, index: usize) -> Api {
        let program = &self.programs[index];
        Api::new(&program.place, &program.listens().to_string())
    }

    /// Whether the network can be cut.
    pub(crate) fn can_cut(&self) -> bool {
        self.network.is_some()
    }

    /// The name of the process at a place among all.
    pub(crate) fn name(&self, target: usize) -> String {
        match target.checked_sub(BROKERS) {
            None => format!("broker-{}", target + 1),
            Some(index) => self.programs[index].name.to_owned(),
        }
    }

    /// Begins a fault.
    pub(crate) fn begin(&mut self, kind: Kind, target: usize) {
        match (kind, target.checked_sub(BROKERS)) {
            (Kind::Kill, None) => self.cluster.kill_node(target),
            (Kind::Kill, Some(index)) => kill(&mut self.programs[index].process),
            (Kind::Freeze, None) => self.cluster.freeze_node(target, true).expect("SIGSTOP"),
            (Kind::Freeze, Some(index)) => self.signal(index, "STOP"),
            (Kind::Cut, _) => self.cut(target, true),
        }
    }

    /// Ends a fault: what was killed is started again.
    pub(crate) fn end(&mut self, kind: Kind, target: usize) {
        match (kind, target.checked_sub(BROKERS)) {
            (Kind::Kill, None) => self.cluster.start_node(target).expect("a broker"),
            (Kind::Kill, Some(index)) => self.spawn(index),
            (Kind::Freeze, None) => self.cluster.freeze_node(target, false).expect("SIGCONT"),
            (Kind::Freeze, Some(index)) => self.signal(index, "CONT"),
            (Kind::Cut, _) => self.cut(target, false),
        }
    }

    fn signal(&self, index: usize, name: &str) {
        if let Some(process) = &self.programs[index].process {
            keeper::signal(process, name).expect("a signal");
        }
    }

    fn cut(&self, target: usize, is_cut: bool) {
        let place = match target.checked_sub(BROKERS) {
            None => &self.broker_places[target],
            Some(index) => &self.programs[index].place,
        };
        let network = self.network.as_ref().expect("only a network is cut");
        network.cut(place, is_cut).unwrap_or_else(|error| panic!("the network: {error:?}"));
    }

    /// Starts again what ended by itself, as an installation's supervisor does, and remembers it.
    pub(crate) fn revive(&mut self, meanwhile: &str) {
        for index in 0..self.programs.len() {
            let program = &mut self.programs[index];
            let Some(process) = &mut program.process else { continue };
            if let Ok(Some(status)) = process.try_wait() {
                let said = last_lines(&program.directory.join("log"), 3);
                self.ended.push(format!("{} ended with {status} {meanwhile}\n{said}", program.name));
                self.spawn(index);
            }
        }
    }

    /// Leaves what the programs wrote where it is, and says where.
    pub(crate) fn keep(&mut self) -> std::path::PathBuf {
        self.directory.disable_cleanup(true);
        self.directory.path().to_owned()
    }

    /// The programs that ended by themselves.
    pub(crate) fn ended(&self) -> &[String] {
        &self.ended
    }

    /// What all programs said last.
    pub(crate) fn last_words(&self, lines: usize) -> String {
        let said = |program: &Program| {
            format!("--- {}\n{}\n", program.name, last_lines(&program.directory.join("log"), lines))
        };
        self.programs.iter().map(said).collect()
    }
}

impl Program {
    /// The store serves the others; everything else only its own place.
    fn listens(&self) -> SocketAddr {
        let own = Place::loopback().address();
        SocketAddr::new(if self.roles == ["store"] { self.place.address() } else { own }, self.port.number())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for program in &mut self.programs {
            kill(&mut program.process);
        }
    }
}

fn kill(process: &mut Option<Child>) {
    if let Some(mut process) = process.take() {
        // It may have ended by itself.
        let _ = process.kill();
        let _ = process.wait();
    }
}

fn configuration(name: &str, roles: &[&str], brokers: &str, store: SocketAddr) -> String {
    if roles == ["store"] {
        return "[store]\npassword_file = \"../password\"\n".to_owned();
    }
    format!(
        "collector = \"{name}\"\n\
         [kafka]\nbrokers = \"{brokers}\"\ntopic_prefix = \"faults.\"\npartitions = {PARTITIONS}\nreplication = 3\n\
         [kafka.properties]\n\"session.timeout.ms\" = \"6000\"\n\
         [clickhouse]\nurl = \"http://{store}\"\npassword_file = \"../password\"\n"
    )
}

fn last_lines(path: &Path, count: usize) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Removes the directories of runs that were killed before they could.
fn remove_leftovers() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(DIRECTORY_PREFIX)?.split('-').next());
        if let Some(process) = process
            && !Path::new("/proc").join(process).exists()
        {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

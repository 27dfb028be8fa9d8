//! What needs a process of its own: crashes, exits, locks, memory.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use clickhouse::Client;
use embedded::{Config, Error, Server};

use crate::clients::{USAGE_TABLE, insert};
use crate::shared::engine;

/// Tells the child process what to do: the way it ends, and where its data are.
const CHILD: &str = "TAXAMETER_TEST_CHILD";

/// What a child writes before the URL, and before an error.
const READY: &str = "ready ";
const FAILED: &str = "failed ";

/// Runs in a child process that other tests start; by itself it has nothing to do.
#[test]
#[expect(clippy::disallowed_methods, reason = "the parent tells its child what to do in its environment")]
fn child_process() {
    let Ok(task) = std::env::var(CHILD) else { return };
    let (ending, data_dir) = task.split_once(' ').expect("an ending and a directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let password = matches!(ending, "password" | "network").then(|| "sésam".to_owned());
        let mut config = Config { password, ..Config::new(engine(), data_dir.into()) };
        if ending == "network" {
            config.listen = SocketAddr::from(([0, 0, 0, 0], 0));
        }
        let server = match Server::start(config).await {
            Ok(server) => server,
            Err(error) => {
                println!("{FAILED}{error}");
                return;
            }
        };
        println!("{READY}{}", server.url());
        let wait = tokio::task::spawn_blocking(|| std::io::stdin().read_to_string(&mut String::new()));
        wait.await.expect("no panic").expect("the parent closes it");
        match ending {
            "shutdown" | "password" | "network" => server.shutdown().await,
            "drop" => drop(server),
            _ => panic!("unknown ending {ending}"),
        }
    });
}

/// A server in a process of its own.
struct Served {
    child: Child,
    stdin: Option<ChildStdin>,
    /// The URL, or why it did not start.
    answer: Result<String, String>,
}

impl Served {
    fn start(data_dir: &Path, ending: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "processes::child_process", "--nocapture", "--test-threads=1"])
            .env(CHILD, format!("{ending} {}", data_dir.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let stdin = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let answer = loop {
            let line = lines.next().expect("the child says how it went").expect("a line");
            // The test harness writes to the same output, perhaps on the same line.
            if let Some((_, url)) = line.split_once(READY) {
                break Ok(url.to_owned());
            }
            if let Some((_, error)) = line.split_once(FAILED) {
                break Err(error.to_owned());
            }
        };
        // Keeps the pipe open and empty until the child ends.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, stdin, answer }
    }

    fn client(&self) -> Client {
        Client::default().with_url(self.answer.as_ref().expect("it started"))
    }

    /// Lets it end by itself.
    fn end(mut self) -> ExitStatus {
        drop(self.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().expect("a status") {
                return status;
            }
            assert!(Instant::now() < deadline, "the child was to end");
            std::thread::yield_now();
        }
    }

    /// `kill -9`.
    fn kill(mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    /// Memory that is the process's own, in MB.
    fn memory_mb(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1_024
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(future)
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let data = tempfile::tempdir().expect("a directory");
    let served = Served::start(data.path(), "shutdown");
    block_on(served.client().query(USAGE_TABLE).execute()).expect("a table");
    served.kill();
    let mut acknowledged: Vec<u64> = Vec::new();
    for round in 0..4 {
        let served = Served::start(data.path(), "shutdown");
        let client = served.client();
        block_on(async {
            // Two writers, so that the kill comes between and within inserts.
            let writers: Vec<_> = (0..2_u64)
                .map(|writer| {
                    let client = client.clone();
                    tokio::spawn(async move {
                        let mut acknowledged = Vec::new();
                        for batch in 0.. {
                            let first = ((round * 2 + writer) << 32) + batch * 100;
                            if insert(&client, first..first + 100).await.is_err() {
                                break;
                            }
                            acknowledged.push(first);
                        }
                        acknowledged
                    })
                })
                .collect();
            // Killed in the midst of things: after a few dozen inserts, wherever they are.
            let deadline = Instant::now() + Duration::from_secs(30);
            let enough = 2_000 * (round + 1);
            let count = "SELECT count() FROM usage";
            while client.query(count).fetch_one::<u64>().await.expect("a count") < enough {
                assert!(Instant::now() < deadline, "{enough} rows were awaited");
            }
            served.kill();
            for writer in writers {
                acknowledged.extend(writer.await.expect("the writer"));
            }
        });
    }
    let served = Served::start(data.path(), "shutdown");
    assert!(acknowledged.len() >= 40, "only {} inserts were acknowledged", acknowledged.len());
    let sql = "SELECT position FROM usage";
    let positions = block_on(served.client().query(sql).fetch_all::<u64>()).expect("positions");
    let positions: std::collections::BTreeSet<u64> = positions.into_iter().collect();
    for first in acknowledged {
        assert!(
            (first..first + 100).all(|position| positions.contains(&position)),
            "the insert at {first} is lost"
        );
    }
    assert!(served.end().success());
}

#[test]
fn a_second_process_is_refused_and_told_who_has_the_data() {
    let data = tempfile::tempdir().expect("a directory");
    let first = Served::start(data.path(), "shutdown");
    let second = Served::start(data.path(), "shutdown");
    let error = second.answer.as_ref().expect_err("it is in use");
    assert!(error.contains(&format!("in use by process {}", first.child.id())), "{error}");
    assert!(second.end().success());
    assert_eq!(block_on(first.client().query("SELECT 1").fetch_one::<u8>()).expect("it still answers"), 1);
    assert!(first.end().success());
    let third = Served::start(data.path(), "shutdown");
    assert!(third.answer.is_ok(), "the data are free again");
    assert!(third.end().success());
}

#[test]
fn the_process_ends_well_with_merges_under_way() {
    let data = tempfile::tempdir().expect("a directory");
    for (round, ending) in ["shutdown", "drop", "shutdown", "drop"].into_iter().enumerate() {
        let served = Served::start(data.path(), ending);
        let client = served.client();
        block_on(async {
            if round == 0 {
                client.query(USAGE_TABLE).execute().await.expect("a table");
            }
            for batch in 0..12 {
                let first = (round as u64 * 12 + batch) * 5_000;
                insert(&client, first..first + 5_000).await.expect("an insert");
            }
        });
        let status = served.end();
        assert!(status.success(), "round {round}, {ending}: {status}");
    }
}

#[test]
fn a_shutdown_lets_a_running_insert_end() {
    let data = tempfile::tempdir().expect("a directory");
    let served = Served::start(data.path(), "shutdown");
    let client = served.client();
    block_on(async {
        client.query(USAGE_TABLE).execute().await.expect("a table");
        let mut running = client.insert::<crate::clients::Usage>("usage").await.expect("an insert");
        for number in 0..20_000 {
            running.write(&crate::clients::usage(number)).await.expect("a row");
        }
        let ending = tokio::task::spawn_blocking(move || served.end());
        running.end().await.expect("it ends well");
        assert!(ending.await.expect("no panic").success());
    });
    let served = Served::start(data.path(), "shutdown");
    assert_eq!(
        block_on(served.client().query("SELECT count() FROM usage").fetch_one::<u64>()).expect("a count"),
        20_000
    );
    assert!(served.end().success());
}

#[test]
fn memory_stays_bounded_however_much_goes_through() {
    let data = tempfile::tempdir().expect("a directory");
    let served = Served::start(data.path(), "shutdown");
    let client = served.client();
    block_on(async {
        client.query(USAGE_TABLE).execute().await.expect("a table");
        // 1 M rows, some 130 MB: the engine makes blocks of up to that many rows.
        insert(&client, 0..1_000_000).await.expect("an insert");
        let after_insert = served.memory_mb();
        assert!(after_insert < 1_200, "{after_insert} MB after the insert");
        // Some 1.8 GB, read slower than it could be written.
        let sql = "SELECT u.* FROM usage AS u CROSS JOIN numbers(20) AS n";
        let mut bytes = client.query(sql).fetch_bytes("RowBinary").expect("a cursor");
        let (mut total, mut peak_mb) = (0, 0);
        while let Some(piece) = bytes.next().await.expect("a piece") {
            if total >> 26 != (total + piece.len()) >> 26 {
                peak_mb = peak_mb.max(served.memory_mb());
            }
            total += piece.len();
        }
        assert!(total > 1_500_000_000, "{total} bytes");
        assert!(peak_mb < after_insert + 300, "{peak_mb} MB while reading, {after_insert} MB before");
    });
    assert!(served.end().success());
}

#[test]
fn an_address_of_the_network_is_refused_without_a_password() {
    let data = tempfile::tempdir().expect("a directory");
    let listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let config = Config { listen, ..Config::new("/nonexistent".into(), data.path().into()) };
    let error = block_on(Server::start(config)).expect_err("not a loopback address");
    assert!(matches!(error, Error::ChooseAddress { address } if address == listen));
}

#[test]
fn a_password_keeps_others_out() {
    with_the_password_only("password");
}

/// The client's `Host` is the address that it was given, and that is not a loopback one.
#[test]
fn other_machines_are_answered_when_they_know_the_password() {
    with_the_password_only("network");
}

fn with_the_password_only(ending: &str) {
    let data = tempfile::tempdir().expect("a directory");
    let served = Served::start(data.path(), ending);
    block_on(async {
        for (client, lets_in) in [
            (served.client(), false),
            (served.client().with_user("default").with_password("sesam"), false),
            (served.client().with_user("default").with_password("sésam"), true),
        ] {
            let answer = client.query("SELECT 1").fetch_one::<u8>().await;
            assert_eq!(answer.is_ok(), lets_in, "{answer:?}");
            if let Err(error) = answer {
                assert!(error.to_string().contains("Code: 516."), "{error}");
            }
        }
    });
    assert!(served.end().success());
}

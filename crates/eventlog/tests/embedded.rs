//! The embedded log: what every adapter does, and what only this one must: one process, one disk, any kind of death.
#![expect(clippy::unwrap_used, reason = "a test fails by it; clippy knows only functions marked as tests")]

#[path = "suite/behaviours.rs"]
mod behaviours;

use behaviours::{Log, PARTITIONS, for_each_behaviour, noise, numbered, read_all, record, spec, values};
use eventlog::Error;
use eventlog::embedded::{Config, EmbeddedLog};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

fn config(directory: &Path) -> Config {
    // The temporary directory may be small; what happens when it is full has tests of its own.
    Config { free_bytes_min: 1 << 20, ..Config::new(directory) }
}

fn open(directory: &Path) -> Log {
    Arc::new(EmbeddedLog::open(config(directory)).unwrap())
}

fn run<F: Future<Output = ()>>(test: F) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

macro_rules! conformance {
    ($($behaviour:ident)*) => {
        $(#[test]
        fn $behaviour() {
            run(async {
                let directory = tempfile::tempdir().unwrap();
                let log = open(directory.path());
                let topic = stringify!($behaviour);
                log.ensure_topics(&spec(topic)).await.unwrap();
                behaviours::$behaviour(log, topic).await;
            });
        })*
    };
}
for_each_behaviour!(conformance);

#[test]
fn a_reopened_log_is_as_it_was() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let log = open(directory.path());
        let topic = log.ensure_topics(&spec("topic")).await.unwrap().remove(0);
        log.append("topic", 0, numbered(0..100)).await.unwrap();
        log.append("topic", 1, numbered(0..10)).await.unwrap();
        log.delete_before("topic", 0, 30).await.unwrap();
        log.delete_before("topic", 1, 10).await.unwrap();
        let before = read_all(&log, "topic", 0).await;
        drop(log);

        let log = open(directory.path());
        assert_eq!(log.topic("topic").await.unwrap(), topic);
        assert_eq!(read_all(&log, "topic", 0).await, before);
        assert_eq!(log.start_offset("topic", 0).await.unwrap(), 30);
        // Everything of this partition was deleted: its offsets go on all the same.
        assert_eq!(log.append("topic", 1, numbered(10..11)).await.unwrap(), [10]);
        assert_eq!(log.append("topic", 0, numbered(100..101)).await.unwrap(), [100]);
        assert_eq!(log.append("topic", 2, numbered(0..1)).await.unwrap(), [0]);
    });
}

#[test]
fn a_reopened_log_has_the_partitions_that_it_was_given() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let log = open(directory.path());
        log.ensure_topics(&spec("topic")).await.unwrap();
        log.append("topic", 0, numbered(0..5)).await.unwrap();
        let grown = log.add_partitions("topic", 64).await.unwrap();
        log.append("topic", 63, numbered(0..3)).await.unwrap();
        drop(log);

        let log = open(directory.path());
        assert_eq!(log.topic("topic").await.unwrap(), grown);
        assert_eq!(values(&read_all(&log, "topic", 0).await), [0, 1, 2, 3, 4]);
        assert_eq!(values(&read_all(&log, "topic", 63).await), [0, 1, 2]);
        assert_eq!(log.append("topic", 63, numbered(3..4)).await.unwrap(), [3]);
    });
}

#[test]
fn a_second_subscriber_of_a_group_is_refused_until_the_first_is_gone() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let log = open(directory.path());
        log.ensure_topics(&spec("topic")).await.unwrap();
        let first = log.subscribe("topic", "group").await.unwrap();
        let error = log.subscribe("topic", "group").await.err().unwrap();
        assert!(matches!(error, Error::AlreadySubscribed { .. }), "{error:?}");
        log.subscribe("topic", "another").await.unwrap();
        drop(first);
        log.subscribe("topic", "group").await.unwrap();
    });
}

#[test]
fn a_directory_that_is_open_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let error = EmbeddedLog::open(config(directory.path())).unwrap_err();
    let expected = format!("process {}", std::process::id());
    assert!(matches!(&error, Error::Locked { holder, .. } if *holder == expected), "{error:?}");
    drop(log);
    EmbeddedLog::open(config(directory.path())).unwrap();
}

#[test]
fn a_directory_of_something_else_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("photo.jpg"), "").unwrap();
    let error = EmbeddedLog::open(config(directory.path())).unwrap_err();
    assert!(matches!(error, Error::Format { .. }), "{error:?}");

    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("FORMAT"), "taxameter event log, format 9").unwrap();
    let error = EmbeddedLog::open(config(directory.path())).unwrap_err();
    assert!(matches!(&error, Error::Format { found, .. } if found.ends_with('9')), "{error:?}");
}

#[test]
fn too_much_at_once_is_refused_at_once() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let config = Config { queue_bytes_max: 2_000_000, ..config(directory.path()) };
        let log: Log = Arc::new(EmbeddedLog::open(config).unwrap());
        log.ensure_topics(&spec("topic")).await.unwrap();
        let appends: Vec<_> = (0..20)
            .map(|number| {
                let log = Arc::clone(&log);
                tokio::spawn(
                    async move { log.append("topic", 0, vec![record(number, vec![0; 900_000])]).await },
                )
            })
            .collect();
        let mut taken = 0;
        for append in appends {
            match append.await.unwrap() {
                Ok(_) => taken += 1,
                Err(error) => assert!(matches!(error.error, Error::Overloaded { .. }), "{error:?}"),
            }
        }
        assert!(taken > 0);
        assert_eq!(log.end_offset("topic", 0).await.unwrap(), taken);
        log.append("topic", 0, numbered(0..1)).await.unwrap();
    });
}

/// The name of the variable that makes [`a_child_that_appends_until_it_is_killed`] do so.
const CHILD: &str = "EVENTLOG_TEST_CHILD_DIRECTORY";

#[test]
fn every_answered_record_survives_a_kill() {
    for round in 0..3u64 {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_child_that_appends_until_it_is_killed", "--nocapture"])
            .env(CHILD, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answered = [0u64; PARTITIONS as usize];
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            let Some(line) = line.strip_prefix("answered ") else { continue };
            let (partition, offset) = line.split_once(' ').unwrap();
            let partition: usize = partition.parse().unwrap();
            answered[partition] = answered[partition].max(offset.parse::<u64>().unwrap() + 1);
            if answered.iter().sum::<u64>() == 500 * (round + 1) {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(answered.iter().sum::<u64>() >= 500 * (round + 1));

        run(async {
            let log = open(directory.path());
            for partition in 0..PARTITIONS {
                let found = values(&read_all(&log, "topic", partition).await);
                assert!(found.len() as u64 >= answered[partition as usize], "answered records are lost");
                assert_eq!(found, (0..found.len() as u64).collect::<Vec<_>>());
            }
            log.append("topic", 0, numbered(0..1)).await.unwrap();
        });
    }
}

#[test]
fn a_child_that_appends_until_it_is_killed() {
    #[expect(clippy::disallowed_methods, reason = "the parent test tells its child where to write")]
    let Some(directory) = std::env::var_os(CHILD) else { return };
    run(async {
        let log = open(Path::new(&directory));
        log.ensure_topics(&spec("topic")).await.unwrap();
        let appending: Vec<_> = (0..PARTITIONS)
            .map(|partition| {
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    for number in 0.. {
                        let offset =
                            log.append("topic", partition, numbered(number..number + 1)).await.unwrap()[0];
                        let mut out = std::io::stdout().lock();
                        writeln!(out, "answered {partition} {offset}").unwrap();
                        out.flush().unwrap();
                    }
                })
            })
            .collect();
        for task in appending {
            task.await.unwrap();
        }
    });
}

#[test]
fn a_torn_tail_is_cut_and_the_log_goes_on() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let (live, copy) = (directory.path().join("live"), directory.path().join("copy"));
        let log = open(&live);
        log.ensure_topics(&spec("topic")).await.unwrap();
        log.append("topic", 0, numbered(0..10)).await.unwrap();
        log.append("topic", 0, vec![record(10, noise(100_000))]).await.unwrap();
        // What the disk would have if power went now, and a page of the last write had not reached it.
        assert!(Command::new("cp").arg("-r").args([&live, &copy]).status().unwrap().success());
        let journal = copy.join("store").join("0.jnl");
        let mut bytes = std::fs::read(&journal).unwrap();
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        bytes[end - 50_000..end - 45_904].fill(0);
        std::fs::write(&journal, bytes).unwrap();

        let log = open(&copy);
        assert_eq!(values(&read_all(&log, "topic", 0).await), (0..10).collect::<Vec<_>>());
        assert_eq!(log.append("topic", 0, numbered(10..11)).await.unwrap(), [10]);
        drop(log);
        assert_eq!(values(&read_all(&open(&copy), "topic", 0).await), (0..11).collect::<Vec<_>>());
    });
}

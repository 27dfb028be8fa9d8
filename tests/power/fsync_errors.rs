//! Syncs that fail, injected into the real process by `strace`.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::options::Options;
use crate::program::{Program, until};
use crate::world::World;

/// A tracer that lets syncs fail until it is dropped.
struct Failing(Child);

impl Failing {
    /// Attaches to these threads of the process; those that they start are followed, unless only some are meant.
    fn attach(threads: &[u32], follow: bool, only: Option<&std::path::Path>) -> Self {
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]);
        strace.args(["-e", "inject=fsync,fdatasync:error=EIO"]);
        if follow {
            strace.arg("-f");
        }
        if let Some(path) = only {
            strace.arg("-P").arg(path);
        }
        for thread in threads {
            strace.args(["-p", &thread.to_string()]);
        }
        Self(strace.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Failing {
    /// Lets the process go on untraced.
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// The log's disk fails: senders are told so, readiness says why, and a restart has everything that was acknowledged.
pub(crate) fn of_the_log(options: &Options) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let world = World::new(&data, &directory.path().join("log"), options.seed);
    let mut program = world.start();
    until("events are acknowledged", || (world.senders.count() > 200).then_some(()));
    let failing = Failing::attach(&[program.id()], true, Some(&data.join("log/store/0.jnl")));
    until("a sender is refused", || (world.senders.refused() > 0).then_some(()));
    let (status, problem) = until("an answer", || world.asker.post("/v1/events", &json!([])));
    // An empty batch needs no disk.
    assert_eq!(status, 202, "{problem}");
    let (status, problem) = refused_event(&world);
    assert_eq!((status, &problem["code"]), (503, &json!("log_unavailable")), "{problem}");
    let detail = problem["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.contains("disk"), "the problem says what is wrong: {problem}");
    let (status, ready) = until("readiness is answered", || world.asker.get("/readyz"));
    assert_eq!((status, &ready["checks"]["log"]), (503, &json!(false)), "{ready}");
    assert!(ready["detail"].as_str().unwrap_or_default().contains("log"), "readiness says why: {ready}");
    assert!(ready["causes"]["log"].as_str().unwrap_or_default().contains("out of use"), "and why: {ready}");
    said(&program, &["a write failed: the log is out of use", "data/log"]);
    drop(failing);
    // The disk answers again, but what it lost is unknown: only a restart finds out.
    assert_eq!(refused_event(&world).0, 503);
    assert!(program.is_running(), "{}", program.last_words());
    let acknowledged = world.senders.count();
    program.kill();
    let program = world.start();
    world.check();
    println!(
        "  refused with: {detail}; {acknowledged} events acknowledged before, all counted after a restart"
    );
    drop(program);
}

/// The store's disk fails: counting stops and tries again, the log goes on, and nothing but the disk has to be mended.
pub(crate) fn of_the_store(options: &Options) {
    let directory = tempfile::tempdir().unwrap();
    let world = World::new(&directory.path().join("data"), &directory.path().join("log"), options.seed);
    let mut program = world.start();
    until("events are acknowledged", || (world.senders.count() > 200).then_some(()));
    let tasks = std::fs::read_dir(format!("/proc/{}/task", program.id())).unwrap();
    let of_store: Vec<u32> = tasks
        .filter_map(|task| {
            let task = task.ok()?;
            let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
            // The log's own threads are left alone.
            let is_log = name.starts_with("eventlog") || name.starts_with("fjall");
            if is_log { None } else { task.file_name().to_str()?.parse().ok() }
        })
        .collect();
    let failing = Failing::attach(&of_store, false, None);
    until("inserts are repeated", || (retries(&world)? > 1).then_some(()));
    let before = world.senders.count();
    until("the log still takes events", || (world.senders.count() > before + 100).then_some(()));
    said(&program, &["store failed; repeating"]);
    drop(failing);
    assert!(program.is_running(), "{}", program.last_words());
    world.check();
    println!("  {} events acknowledged, all counted without a restart", world.senders.count());
}

/// How often an operation of the store was repeated.
pub(crate) fn retries(world: &World) -> Option<u64> {
    let metrics = world.asker.text("/metrics")?;
    let line = metrics.lines().find(|line| line.starts_with("taxameter_aggregate_store_retries_total "))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// What a sender of one right event is told.
pub(crate) fn refused_event(world: &World) -> (u16, serde_json::Value) {
    let event = crate::sender::probe();
    until("a sender is answered", || world.asker.post("/v1/events", &event))
}

fn said(program: &Program, words: &[&str]) {
    let began = std::time::Instant::now();
    while let Some(missing) = words.iter().find(|words| !program.said().contains(**words)) {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "the log does not say {missing:?}:\n{}",
            program.last_words()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

//! Disks that run full: small ones (tmpfs), with a ballast that is taken away again.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::fsync_errors::{refused_event, retries};
use crate::options::Options;
use crate::program::until;
use crate::world::World;

const MIB: u64 = 1 << 20;

/// A small file system; unmounted when it is dropped.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path, mib: u64) -> Self {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={mib}m");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "taxameter-power"]).arg(at).status();
        assert!(mounted.unwrap().success(), "mounting a small file system");
        Self(at.to_owned())
    }

    fn free(&self) -> u64 {
        let output = Command::new("stat").args(["-f", "-c", "%a %S"]).arg(&self.0).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().map(|word| word.parse::<u64>().unwrap()).product()
    }

    /// Fills it until so much is free.
    fn fill(&self, leave: u64) -> Ballast {
        let path = self.0.join("ballast");
        let mut file = File::options().create(true).append(true).open(&path).unwrap();
        let piece = vec![1; 64 << 10];
        while self.free() > leave + piece.len() as u64 {
            for _ in 0..((self.free() - leave) / piece.len() as u64).clamp(1, 16) {
                // Others write too, and may have taken the last.
                if file.write_all(&piece).is_err() {
                    return Ballast(path);
                }
            }
        }
        Ballast(path)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// What takes the room; removed when it is dropped.
struct Ballast(PathBuf);

impl Drop for Ballast {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The log and the store share a disk: senders are refused before it is full, and again taken when there is room.
pub(crate) fn shared(options: &Options) {
    let directory = tempfile::tempdir().unwrap();
    let disk = Small::mount(&directory.path().join("disk"), 640);
    let world = World::new(&disk.0.join("data"), &directory.path().join("log"), options.seed);
    let mut program = world.start();
    until("events are acknowledged", || (world.senders.count() > 200).then_some(()));

    let ballast = disk.fill(200 * MIB);
    until("a sender is refused", || (world.senders.refused() > 0).then_some(()));
    let (status, problem) = refused_event(&world);
    assert_eq!((status, &problem["code"]), (503, &json!("log_unavailable")), "{problem}");
    let detail = problem["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.contains("full"), "the problem says what is wrong: {problem}");
    let (status, ready) = until("readiness is answered", || world.asker.get("/readyz"));
    assert_eq!((status, &ready["checks"]["log"]), (503, &json!(false)), "{ready}");
    assert!(ready["causes"]["log"].as_str().unwrap_or_default().contains("full"), "{ready}");
    assert!(disk.free() > 100 * MIB, "it is refused before the disk is full: {} bytes are free", disk.free());
    goes_on(&world, ballast);

    // Now all of it, at once, while events are on their way to the store.
    let ballast = disk.fill(0);
    let before = world.senders.refused();
    until("a sender is refused", || (world.senders.refused() > before).then_some(()));
    goes_on(&world, ballast);
    assert!(program.is_running(), "{}", program.last_words());
    world.check();
    println!(
        "  refused with: {detail}; {} events acknowledged, all counted, no restart",
        world.senders.count()
    );
}

/// Only the store's disk is full: the log takes events, counting waits, and goes on by itself.
pub(crate) fn of_the_store(options: &Options) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let disk = Small::mount(&data.join("store"), 160);
    let world = World::new(&data, &directory.path().join("log"), options.seed);
    let mut program = world.start();
    until("events are acknowledged", || (world.senders.count() > 200).then_some(()));
    let ballast = disk.fill(0);
    let before = world.senders.count();
    until("inserts are repeated", || (retries(&world)? > 1).then_some(()));
    until("the log still takes events", || (world.senders.count() > before + 100).then_some(()));
    goes_on(&world, ballast);
    assert!(program.is_running(), "{}", program.last_words());
    world.check();
    println!("  {} events acknowledged, all counted, no restart", world.senders.count());
}

fn goes_on(world: &World, ballast: Ballast) {
    let before = world.senders.count();
    drop(ballast);
    until("events are taken again", || (world.senders.count() > before + 100).then_some(()));
}

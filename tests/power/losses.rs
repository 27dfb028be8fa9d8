//! Power loss of the whole program: at a random moment the disk stops, the program is killed, and what was not made
//! durable is thrown away. Then it starts on what is left, and loses power again.

use std::time::{Duration, Instant};

use crate::disk::{Disk, Names};
use crate::mount::Mounted;
use crate::options::{Options, Replay};
use crate::random::Random;
use crate::supply::Shared;
use crate::world::World;

/// How many losses the ordinary run has.
const LOSSES: u64 = 8;
/// So many losses are checked together: a check waits until everything is counted.
const LOSSES_PER_CHECK: u64 = 2;
/// So many losses happen to one disk; then a new one begins, so that first starts are hit too.
const LOSSES_PER_DISK: u64 = 4;
/// Power goes after at most so many changes of the disk; a first start has some 3,000.
const OPERATIONS_MAX: u64 = 20_000;
/// Or after so long.
const LOSS_MAX: Duration = Duration::from_secs(12);

/// Power loss again and again, on disks that keep their promises.
pub(crate) fn run(options: &Options) {
    let losses = options.losses.unwrap_or(LOSSES);
    let (mut done, mut events) = (0, 0);
    for group in 0.. {
        if done >= losses {
            break;
        }
        let seed = options.seed + group;
        let replay = Replay { test: "losses", seed, losses: (losses - done).min(LOSSES_PER_DISK) };
        let names = [Names::Freely, Names::InOrder, Names::Loosely][seed as usize % 3];
        events += lose(seed, replay.losses, names);
        done += replay.losses;
        println!("  {done} losses, {events} events acknowledged, lost 0, twice 0 (names survive {names:?})");
    }
}

fn lose(seed: u64, losses: u64, names: Names) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let mount = directory.path().join("disk");
    std::fs::create_dir(&mount).unwrap();
    let shared = Shared::new(Disk::new(names));
    let mut random = Random::new(seed);
    let mut world = World::new(&mount.join("data"), &directory.path().join("log"), seed);
    let mut closing = None;
    let began = Instant::now();
    for loss in 1..=losses {
        shared.arm(random.of_any_size(OPERATIONS_MAX));
        let mounted = Mounted::new(shared.clone(), &mount).unwrap();
        let mut program = world.site.start();
        if loss > 1 && closing.is_none() {
            closing = world.next_month();
        }
        if let Some(month) = &closing {
            world.begin_close(month);
        }
        let was_running = shared.await_off(LOSS_MAX, || program.is_running());
        assert!(was_running, "the program ended by itself:\n{}", program.last_words());
        program.kill();
        drop(mounted);
        let survives = random.pick(&[0, 30, 50, 80, 100]);
        shared.with(|disk| disk.lose(&mut random, survives));
        if loss % LOSSES_PER_CHECK == 0 || loss == losses {
            shared.arm(u64::MAX);
            let mounted = Mounted::new(shared.clone(), &mount).unwrap();
            let program = world.start();
            if let Some(month) = closing.take() {
                world.close(&month);
            }
            world.check();
            println!(
                "    seed {seed}: {loss} losses, {} events, {} changes of the disk, {} s",
                world.senders.count(),
                shared.operations(),
                began.elapsed().as_secs()
            );
            program.kill();
            drop(mounted);
            // A plain kill: what the program sees is still there, and is durable from now on only when it is synced.
        }
    }
    world.senders.count()
}

/// The comparison is worth something only if it finds a disk that answers "synced" and keeps nothing.
pub(crate) fn lying_disk(options: &Options) {
    let directory = tempfile::tempdir().unwrap();
    let mount = directory.path().join("disk");
    std::fs::create_dir(&mount).unwrap();
    let shared = Shared::new(Disk::new(Names::InOrder));
    let mut random = Random::new(options.seed);
    let world = World::new(&mount.join("data"), &directory.path().join("log"), options.seed);
    let mounted = Mounted::new(shared.clone(), &mount).unwrap();
    let program = world.start();
    crate::program::until("some events are acknowledged", || (world.senders.count() > 500).then_some(()));
    // From now on it lies. What it kept so far starts again.
    shared.with(|disk| disk.lies = true);
    let before = world.senders.count();
    crate::program::until("more events are acknowledged", || {
        (world.senders.count() > before + 500).then_some(())
    });
    shared.arm(1);
    shared.await_off(LOSS_MAX, || true);
    program.kill();
    drop(mounted);
    shared.with(|disk| {
        disk.lose(&mut random, 0);
        disk.lies = false;
    });
    shared.arm(u64::MAX);
    let _mounted = Mounted::new(shared, &mount).unwrap();
    let _program = world.start();
    match world.find_wrong(Duration::from_secs(5)) {
        Ok(()) => panic!("the disk lied and nothing was found"),
        Err(wrong) => {
            assert!(wrong.lost > 0, "events are missing: {}", wrong.lost);
            println!(
                "  a lying disk: {} of {} events lost, as they must be",
                wrong.lost,
                world.senders.count()
            );
        }
    }
}

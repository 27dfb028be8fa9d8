//! `kill -9` at any moment of intake, roll-up and close.

use std::time::Duration;

use crate::options::Options;
use crate::random::Random;
use crate::world::World;

/// How many kills the ordinary run has.
const KILLS: u64 = 15;
/// The program is left alone for up to so long; a close takes some tenths of it.
const ALONE_MS_MAX: u64 = 2500;

pub(crate) fn run(options: &Options) {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random::new(options.seed);
    let mut world = World::new(&directory.path().join("data"), &directory.path().join("log"), options.seed);
    let kills = options.kills.unwrap_or(KILLS);
    let mut interrupted = 0;
    for kill in 0..kills {
        let mut program = world.site.start();
        // Now and then it is killed before it is ready, and so while it reads what the last kill left.
        if !random.percent(20) {
            program.await_ready(&world.asker.http);
        }
        if kill % 3 == 2
            && let Some(month) = world.next_month()
        {
            world.begin_close(&month);
            interrupted += 1;
            std::thread::sleep(Duration::from_millis(random.of_any_size(1000)));
            program.kill();
            let program = world.start();
            // Carried out or not, asking for it again ends in one closed month.
            if random.percent(60) || kill + 3 >= kills {
                world.close(&month);
            }
            program.kill();
        } else {
            std::thread::sleep(Duration::from_millis(random.of_any_size(ALONE_MS_MAX)));
            program.kill();
        }
    }
    let program = world.start();
    world.check();
    println!(
        "  {kills} kills, {interrupted} of them in a close; {} events acknowledged, lost 0, twice 0",
        world.senders.count()
    );
    drop(program);
}

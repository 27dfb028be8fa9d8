//! A close: barriers, a cut, and the lines of the month with the corrections of all before it. The real one lives in
//! another crate; this one books amounts as it does, by the model, from what the real roll-up made of the cut.

use std::collections::BTreeMap;

use crate::desk::Desk;
use crate::random::Random;
use crate::rows::Row;
use crate::scene::MONTHS;
use crate::tables::{Tables, UsageKey};

/// Amounts of months, meters, cost centres and classes.
pub(crate) type Lines = BTreeMap<UsageKey, i128>;

/// How many closes a run has: one of each month, and a last one that has only corrections.
pub(crate) const CLOSES: u64 = MONTHS as u64 + 1;

/// Closes a month: number 0 is the first. May be done again at any time, or twice at once.
pub(crate) async fn close(desk: Desk, number: u64) {
    let mut partitions: Vec<u32> = (0..desk.world().log.partitions()).collect();
    desk.world().random.shuffle(&mut partitions);
    for partition in partitions {
        desk.world().barrier(partition, Some(number));
        desk.pause().await;
        if desk.world().may(10, "barrier appended twice") {
            desk.world().barrier(partition, Some(number));
        }
    }
    while desk.world().tables.cuts.is_empty_at(&number) {
        desk.pause().await;
    }
    let scene = desk.world().scene;
    for month in scene.months().take(number as usize + 1) {
        let lines = {
            let mut world = desk.world();
            let world = &mut *world;
            let mut lines = world.tables.usage(Some(number), &mut world.random).0;
            lines.retain(|(of, ..), _| *of == month);
            for (key, amount) in booked(&world.tables, month, number, &mut world.random) {
                *lines.entry(key).or_default() -= amount;
            }
            lines.retain(|_, amount| *amount != 0);
            lines
        };
        desk.write_until_done(&[Row::Charge(number, month, lines)]).await;
    }
    let mut world = desk.world();
    world.closed = world.closed.max(number + 1);
}

/// What the closes before one have billed for a month.
pub(crate) fn booked(tables: &Tables, month: domain::Month, before: u64, random: &mut Random) -> Lines {
    let mut booked = Lines::new();
    for number in 0..before {
        for (key, amount) in tables.charges.get(&(number, month), random).into_iter().flatten() {
            *booked.entry(key.clone()).or_default() += amount;
        }
    }
    booked.retain(|_, amount| *amount != 0);
    booked
}

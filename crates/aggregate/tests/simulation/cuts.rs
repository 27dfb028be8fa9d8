//! Which cuts can be rolled up.

use std::collections::BTreeMap;

use domain::Instant;
use store::rollup::{Barriers, Prefix};

use crate::controls::Control;
use crate::world::World;

/// The barriers of a cut in a generation: for each partition the offsets after them, and when they were appended.
type Found = BTreeMap<(u64, u16), BTreeMap<u32, Vec<(u64, Instant)>>>;

/// The cuts that can be rolled up: every partition has sealed a barrier of it. The first barrier in each is where it ends.
pub(crate) fn pending_cuts(world: &mut World) -> Vec<Barriers> {
    let mut found = Found::new();
    let mut add = |cut: (u64, u16), partition: u32, at: (u64, Instant)| {
        found.entry(cut).or_default().entry(partition).or_default().push(at);
    };
    let World { tables, random, log, control, generations, .. } = world;
    if *control == Some(Control::CloseWithoutWaiting) {
        for (generation, of) in (1..).zip(&log.generations) {
            for (partition, of) in (0..).zip(&of.partitions) {
                for logged in &of.records {
                    if let Some(cut) = logged.cut {
                        add((cut, generation), partition, (logged.offset() + 1, logged.received()));
                    }
                }
            }
        }
    } else {
        for ((generation, partition), row) in tables.windows(random) {
            if let Some((cut, received)) = row.barrier.filter(|_| row.sealed) {
                add((cut, generation), partition, (row.upto, received));
            }
        }
    }
    let is_newest = *control == Some(Control::NewestBarrierOfClose);
    let chosen =
        |of: Vec<(u64, Instant)>| if is_newest { of.into_iter().max() } else { of.into_iter().min() };
    let is_whole = |generation: u16, partitions: usize| {
        let of = generations.iter().find(|of| of.generation == generation);
        of.is_some_and(|of| of.partitions as usize == partitions)
    };
    let mut cuts: Vec<Barriers> = found
        .into_iter()
        .filter(|((cut, generation), of)| tables.cuts.is_empty_at(cut) && is_whole(*generation, of.len()))
        .map(|((cut, generation), of)| {
            let ends: Vec<(u64, Instant)> = of.into_values().filter_map(chosen).collect();
            Barriers {
                cut,
                prefix: Prefix { generation, as_of: ends.iter().map(|(upto, _)| *upto).collect() },
                received: ends.iter().map(|(_, received)| *received).max().unwrap(),
            }
        })
        .collect();
    // When a cut was made again in the next generation, the first stands.
    cuts.dedup_by_key(|barriers| barriers.cut);
    cuts
}

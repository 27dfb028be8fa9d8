//! The comparison at the end: everything in the tables with what must be there.

use std::collections::BTreeMap;

use domain::{Instant, calendar};
use store::rollup::Prefix;

use crate::closer::{CLOSES, Lines, booked};
use crate::oracle::{self, Expected};
use crate::report::{Counts, Report};
use crate::scene::{MONTHS, now};
use crate::tables::within;
use crate::world::World;

pub(crate) fn check(world: &mut World) -> Report {
    let mut report = Report::default();
    for cut in 0..=CLOSES {
        check_cut(world, cut, &mut report.seen);
    }
    let all = Prefix {
        generation: world.log.generation(),
        as_of: world.log.newest().iter().map(|partition| partition.end()).collect(),
    };
    let expected = oracle::judge(world.scene, &world.log, &all);
    let until = calendar::start_of_day(now().day());
    let have = usage(world, None, "days of previews");
    let want = oracle::usage(world.scene, &expected.alive, until);
    compare(world, "previews", "at the end", &have, &want);
    check_rows(world, &expected);
    windows(world, &mut report.seen);
    report.events = expected.logged.values().sum();
    *report.seen.entry("another generation").or_default() += u64::from(world.log.generation()) - 1;
    for ((_, outcome), events) in &expected.outcomes {
        *report.outcomes.entry(outcome).or_default() += events;
    }
    for code in expected.quarantine.values() {
        *report.seen.entry(code).or_default() += 1;
    }
    report.seen.extend(expected.seen);
    report.faults = std::mem::take(&mut world.faults);
    report.differences = std::mem::take(&mut world.differences);
    report
}

/// The usage that a reader sees, of the months that the oracle looks at. Readings may hold beyond them.
fn usage(world: &mut World, cut: Option<u64>, kind: &'static str) -> Lines {
    let (mut months, mut days) = world.tables.usage(cut, &mut world.random);
    let end = world.scene.first.plus(MONTHS);
    months.retain(|(month, ..), _| *month < end);
    days.retain(|(month, ..), _| *month < end);
    compare(world, kind, "against months", &days, &months);
    months
}

/// Notes what differs, the first few of it.
fn compare<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    world: &mut World,
    kind: &'static str,
    when: &str,
    have: &BTreeMap<K, V>,
    want: &BTreeMap<K, V>,
) {
    let keys: std::collections::BTreeSet<&K> = have.keys().chain(want.keys()).collect();
    let differ = keys.into_iter().filter(|key| have.get(key) != want.get(key));
    let details: Vec<String> = differ
        .take(3)
        .map(|key| format!("{key:?} is {:?} and must be {:?}", have.get(key), want.get(key)))
        .collect();
    if !details.is_empty() {
        world.differ(kind, format!("{when}: {}", details.join("; ")));
    }
}

/// Everything as of the first barriers of a close: usage, outcomes, books, and what was billed up to then.
fn check_cut(world: &mut World, cut: u64, seen: &mut Counts) {
    let when = format!("as of cut {cut}");
    let Some(prefix) = world.log.cut(cut) else {
        return world.differ("cut without barriers", when);
    };
    let row = world.tables.cuts.get(&cut, &mut world.random).cloned();
    let Some(row) = row else {
        return world.differ("cut is not rolled up", when);
    };
    let until = calendar::start_of_day(last_barrier(world, &prefix).day());
    if (&row.prefix, row.until) != (&prefix, until) {
        world.differ("cut", format!("{when}: {row:?} must be of {prefix:?} until {until}"));
    }
    let expected = oracle::judge(world.scene, &world.log, &prefix);
    let want = oracle::usage(world.scene, &expected.alive, until);
    let have = usage(world, Some(cut), "days of cuts");
    compare(world, "usage", &when, &have, &want);
    check_books(world, &prefix, &expected, &when);
    check_signs(world, &prefix, &when);
    if cut < CLOSES {
        for month in world.scene.months().take(cut as usize + 1) {
            let have = booked(&world.tables, month, cut + 1, &mut world.random);
            let of_month = want.iter().filter(|((of, ..), _)| *of == month);
            let want = of_month.map(|(key, amount)| (key.clone(), *amount)).collect();
            compare(world, "closed month with corrections", &format!("{month} {when}"), &have, &want);
        }
        let corrected = world.scene.months().take(cut as usize);
        let lines = corrected.filter_map(|month| world.tables.charges.get(&(cut, month), &mut world.random));
        *seen.entry("correction of a closed month").or_default() +=
            lines.map(|lines| lines.len() as u64).sum::<u64>();
    }
}

/// When the last of the barriers that end a prefix was appended.
fn last_barrier(world: &World, prefix: &Prefix) -> Instant {
    let ends = world.log.of(prefix.generation).iter().zip(&prefix.as_of);
    ends.map(|(partition, end)| partition.from(end - 1)[0].received()).max().unwrap()
}

/// The outcomes of all windows before a prefix, and what headers say, by source and day of arrival; and their sums, which
/// are equal: `accepted + resent + released = logged`.
fn check_books(world: &mut World, prefix: &Prefix, expected: &Expected, when: &str) {
    let (mut outcomes, mut said, mut logged) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for ((generation, partition), row) in world.tables.windows(&mut world.random) {
        if !within(prefix, generation, partition, row.window) {
            continue;
        }
        for (source, day, line, events) in &row.outcomes {
            let source_day = (source.clone(), store::rows::date_of(*day).unwrap());
            *outcomes.entry((source_day.clone(), *line)).or_default() += events;
            let is_said = ["accepted", "resent", "released"].contains(line);
            *if is_said { &mut said } else { &mut logged }.entry(source_day).or_default() += events;
        }
    }
    compare(world, "outcomes", when, &outcomes, &expected.outcomes);
    compare(world, "books", when, &logged, &expected.logged);
    compare(world, "books by headers", when, &said, &logged);
}

/// Of each key the signs up to a cut add up to 1 or to nothing.
fn check_signs(world: &mut World, prefix: &Prefix, when: &str) {
    let mut signs: BTreeMap<_, i32> = BTreeMap::new();
    for table in [&world.tables.observations, &world.tables.snapshots] {
        for (key, _) in table.scan(&mut world.random) {
            if within(prefix, key.generation, key.partition, key.position.offset()) {
                let whose = (key.meter.clone(), key.source.clone(), key.subject.clone(), key.time, key.key);
                *signs.entry(whose).or_default() += i32::from(key.sign);
            }
        }
    }
    signs.retain(|_, sum| !(0..=1).contains(sum));
    compare(world, "signs", when, &signs, &BTreeMap::new());
}

/// Identities, quarantine and marks: each row at the place where the log has its event.
fn check_rows(world: &mut World, expected: &Expected) {
    let mut identities = BTreeMap::new();
    for ((key, seq, _), (partition, event)) in world.tables.events.scan(&mut world.random) {
        let at = (event.generation, *partition, event.position.offset(), event.position.index());
        identities.insert((*key, *seq, at), ());
    }
    let mut want = expected.identities.clone();
    if world.has_forgotten {
        want.retain(|of, ()| identities.contains_key(of));
    }
    compare(world, "identities", "at the end", &identities, &want);
    let mut quarantine = BTreeMap::new();
    for ((generation, partition, position), code) in world.tables.quarantine.scan(&mut world.random) {
        quarantine.insert((*generation, *partition, position.offset(), position.index()), code.clone());
    }
    let want = expected.quarantine.iter().map(|(at, code)| (*at, (*code).to_owned())).collect();
    compare(world, "quarantine", "at the end", &quarantine, &want);
}

/// How windows ended.
fn windows(world: &World, seen: &mut Counts) {
    let mut see = |what, happened: bool| *seen.entry(what).or_default() += u64::from(happened);
    for (_, row) in world.tables.progress.all() {
        see("window ended by a barrier", row.sealed && row.barrier.is_some());
        see("window ended by its offset", row.sealed && row.barrier.is_none());
        see("window left open by an emission", !row.sealed);
    }
}

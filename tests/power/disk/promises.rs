//! What the disk itself promises: the other tests rest on it.

use std::ffi::OsStr;

use super::{Disk, Names, Node, Number, ROOT};
use crate::options::Options;
use crate::random::Random;

fn file(disk: &mut Disk, name: &str) -> Number {
    disk.add(ROOT, OsStr::new(name), Node::File(Default::default()), 0o644)
}

fn bytes(disk: &Disk, name: &str) -> Option<Vec<u8>> {
    let number = disk.find(ROOT, OsStr::new(name))?;
    disk.file(number).map(|file| file.read(0, 1 << 20))
}

fn rename(disk: &mut Disk, from: &str, to: &str) {
    let number = disk.find(ROOT, OsStr::new(from));
    disk.set(vec![((ROOT, from.into()), None), ((ROOT, to.into()), number)]);
}

pub(crate) fn check(options: &Options) {
    let (mut survived, mut torn) = (0, 0);
    for seed in 0..500 {
        let mut random = Random::new(options.seed * 1000 + seed);
        let names = random.pick(&[Names::Freely, Names::Loosely, Names::InOrder]);
        let mut disk = Disk::new(names);
        let number = file(&mut disk, "kept");
        disk.file_mut(number).unwrap().write(0, &[1; 10_000]);
        disk.sync_file(number);
        disk.sync_directory(ROOT);
        // Not synced: a longer file with other bytes, another file, a file that takes the first one's name.
        disk.file_mut(number).unwrap().write(9_000, &[2; 3_000]);
        let other = file(&mut disk, "other");
        disk.file_mut(other).unwrap().write(0, &[3; 100]);
        rename(&mut disk, "other", "moved");
        let survives = random.pick(&[0, 50, 100]);
        disk.lose(&mut random, survives);

        let kept = bytes(&disk, "kept").expect("what was synced has its name");
        assert!(kept.len() >= 10_000 && kept[..9_000].iter().all(|byte| *byte == 1), "seed {seed}");
        assert!(kept[9_000..10_000].iter().all(|byte| matches!(byte, 1 | 2)), "seed {seed}");
        assert!(kept[10_000..].iter().all(|byte| matches!(byte, 0 | 2)), "seed {seed}");
        let places = ["other", "moved"].map(|name| bytes(&disk, name).is_some());
        assert!(places != [true, true], "a rename is one change: seed {seed}");
        assert!(survives > 0 || (kept.len() == 10_000 && places == [false, false]), "seed {seed}");
        survived += u32::from(places[1]);
        torn += u32::from(kept[9_000..10_000].contains(&1) && kept[9_000..10_000].contains(&2));
    }
    assert!(
        (50..450).contains(&survived) && torn > 10,
        "both ends are seen: {survived} survived, {torn} torn"
    );
}

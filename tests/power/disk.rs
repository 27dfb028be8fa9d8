//! A disk with a page cache, in memory: what the program sees, what would be left if power went now, and the changes
//! between the two.
//!
//! A file's bytes and size are kept by `fsync` or `fdatasync` of that file. A name (made, renamed, removed) is kept by
//! `fsync` of its directory, as POSIX has it; a file system with a journal of its own keeps more ([`Names::InOrder`]). What
//! is written through a mapping arrives as writes and counts as any other. Everything else may survive power loss or
//! not, each piece by itself.

#[path = "disk/file.rs"]
mod file;
#[path = "disk/promises.rs"]
mod promises;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::SystemTime;

pub(crate) use file::File;
pub(crate) use promises::check;

use crate::random::Random;

pub(crate) type Number = u64;
pub(crate) const ROOT: Number = 1;

/// What holds for names whose directory was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Each survives or not, whatever was done before or after it: the least that POSIX allows.
    Freely,
    /// As freely, but a file's sync keeps its name too.
    Loosely,
    /// They survive in the order in which they were done, and any sync keeps all before it: ext4, XFS, Btrfs.
    InOrder,
}

/// What a number stands for.
pub(crate) enum Node {
    File(File),
    Directory,
    Link(PathBuf),
}

pub(crate) struct Entry {
    pub(crate) node: Node,
    pub(crate) mode: u32,
    pub(crate) modified: SystemTime,
}

type Place = (Number, OsString);

/// Names that change together: a rename takes one and gives one.
struct Change(Vec<(Place, Option<Number>)>);

pub(crate) struct Disk {
    pub(crate) names: Names,
    /// Answers that all is synced, and keeps nothing: the disk that the tests must find out.
    pub(crate) lies: bool,
    entries: BTreeMap<Number, Entry>,
    seen: BTreeMap<Place, Number>,
    kept: BTreeMap<Place, Number>,
    changes: Vec<Change>,
    next: Number,
}

impl Disk {
    pub(crate) fn new(names: Names) -> Self {
        let root = Entry { node: Node::Directory, mode: 0o755, modified: now() };
        let entries = BTreeMap::from([(ROOT, root)]);
        let (seen, kept) = (BTreeMap::new(), BTreeMap::new());
        Self { names, lies: false, entries, seen, kept, changes: Vec::new(), next: ROOT + 1 }
    }

    pub(crate) fn entry(&self, number: Number) -> Option<&Entry> {
        self.entries.get(&number)
    }

    pub(crate) fn entry_mut(&mut self, number: Number) -> Option<&mut Entry> {
        self.entries.get_mut(&number)
    }

    pub(crate) fn file(&self, number: Number) -> Option<&File> {
        match &self.entries.get(&number)?.node {
            Node::File(file) => Some(file),
            Node::Directory | Node::Link(_) => None,
        }
    }

    /// A file that is to be changed or synced.
    pub(crate) fn file_mut(&mut self, number: Number) -> Option<&mut File> {
        match &mut self.entries.get_mut(&number)?.node {
            Node::File(file) => Some(file),
            Node::Directory | Node::Link(_) => None,
        }
    }

    /// The time of a file's or directory's last change is now. Power loss does not touch it: nobody relies on it.
    pub(crate) fn touch(&mut self, number: Number) {
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.modified = now();
        }
    }

    pub(crate) fn find(&self, directory: Number, name: &OsStr) -> Option<Number> {
        self.seen.get(&(directory, name.to_owned())).copied()
    }

    pub(crate) fn list(&self, directory: Number) -> impl Iterator<Item = (&OsStr, Number)> {
        let from = (directory, OsString::new());
        let of_directory = self.seen.range(from..).take_while(move |((of, _), _)| *of == directory);
        of_directory.map(|((_, name), number)| (name.as_os_str(), *number))
    }

    pub(crate) fn add(&mut self, directory: Number, name: &OsStr, node: Node, mode: u32) -> Number {
        let number = self.next;
        self.next += 1;
        self.entries.insert(number, Entry { node, mode, modified: now() });
        self.set(vec![((directory, name.to_owned()), Some(number))]);
        number
    }

    /// Gives names to numbers, or takes them away, at once.
    pub(crate) fn set(&mut self, edits: Vec<(Place, Option<Number>)>) {
        apply(&mut self.seen, &edits);
        for ((directory, _), _) in &edits {
            self.touch(*directory);
        }
        self.changes.push(Change(edits));
    }

    pub(crate) fn sync_file(&mut self, number: Number) {
        if self.lies {
            return;
        }
        if let Some(file) = self.file_mut(number) {
            file.sync();
        }
        match self.names {
            Names::Freely => {}
            Names::Loosely => {
                let of_file =
                    self.seen.iter().filter(|(_, of)| **of == number).map(|(place, _)| place.clone());
                let places: Vec<Place> = of_file.collect();
                self.keep_names(|place| places.contains(place));
            }
            Names::InOrder => self.keep_names(|_| true),
        }
    }

    pub(crate) fn sync_directory(&mut self, number: Number) {
        if self.lies {
            return;
        }
        let in_order = self.names == Names::InOrder;
        self.keep_names(|(directory, _)| in_order || *directory == number);
    }

    /// Keeps the changes of some places, and those before them that they rest on.
    fn keep_names(&mut self, is_meant: impl Fn(&Place) -> bool) {
        let mut needed: Vec<Place> = Vec::new();
        let mut is_kept = vec![false; self.changes.len()];
        for (index, Change(edits)) in self.changes.iter().enumerate().rev() {
            if edits.iter().any(|(place, _)| is_meant(place) || needed.contains(place)) {
                is_kept[index] = true;
                needed.extend(edits.iter().map(|(place, _)| place.clone()).filter(|place| !is_meant(place)));
            }
        }
        let mut is_kept = is_kept.into_iter();
        let kept = &mut self.kept;
        self.changes.retain(|Change(edits)| {
            let is_kept = is_kept.next().unwrap_or(false);
            if is_kept {
                apply(kept, edits);
            }
            !is_kept
        });
    }

    /// Power loss: throws away what was not made durable, by the seed; `survives` is how many per cent of it stay.
    pub(crate) fn lose(&mut self, random: &mut Random, survives: u64) {
        let in_order = self.names == Names::InOrder;
        let last = if random.percent(survives) { random.below(self.changes.len() + 1) } else { 0 };
        let mut lost: Vec<Place> = Vec::new();
        for (index, Change(edits)) in self.changes.drain(..).enumerate() {
            let stays = if in_order { index < last } else { random.percent(survives) };
            // A name that is changed again rests on the change before.
            if stays && !edits.iter().any(|(place, _)| lost.contains(place)) {
                apply(&mut self.kept, &edits);
            } else {
                lost.extend(edits.into_iter().map(|(place, _)| place));
            }
        }
        let mut reached = vec![ROOT];
        let mut next = 0;
        while let Some(directory) = reached.get(next).copied() {
            next += 1;
            let from = (directory, OsString::new());
            let inside = self.kept.range(from..).take_while(|((of, _), _)| *of == directory);
            reached.extend(inside.map(|(_, number)| *number));
        }
        reached.sort_unstable();
        let is_reached = |number: &Number| reached.binary_search(number).is_ok();
        self.entries.retain(|number, _| is_reached(number));
        self.kept.retain(|(directory, _), _| is_reached(directory));
        self.seen = self.kept.clone();
        for entry in self.entries.values_mut() {
            if let Node::File(file) = &mut entry.node {
                file.lose(random, survives);
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the program asks for the age of files")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn apply(names: &mut BTreeMap<Place, Number>, edits: &[(Place, Option<Number>)]) {
    for (place, number) in edits {
        match number {
            Some(number) => names.insert(place.clone(), *number),
            None => names.remove(place),
        };
    }
}

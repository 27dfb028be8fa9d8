//! A file's bytes: as the program sees them, as the disk has them, and what lies between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::random::Random;

/// What a page cache holds and writes back as a whole.
pub(crate) const PAGE: usize = 4096;
/// What a disk writes as a whole: a write that power cut short ends at a multiple of it.
const SECTOR: usize = 512;

type Page = Arc<[u8; PAGE]>;

#[derive(Clone, Default)]
struct Content {
    size: u64,
    /// Pages that are missing are zero.
    pages: BTreeMap<u64, Page>,
}

/// A change that was not synced yet.
enum Change {
    Bytes { offset: u64, bytes: Vec<u8> },
    Size(u64),
}

/// A part of a page, and what was written there.
type Piece = (std::ops::Range<usize>, Vec<u8>);

/// A file with its page cache.
#[derive(Default)]
pub(crate) struct File {
    seen: Content,
    kept: Content,
    changes: Vec<Change>,
}

impl File {
    pub(crate) fn size(&self) -> u64 {
        self.seen.size
    }

    pub(crate) fn read(&self, offset: u64, length: usize) -> Vec<u8> {
        let end = self.seen.size.min(offset.saturating_add(length as u64));
        let mut bytes = vec![0; end.saturating_sub(offset) as usize];
        each_page(offset, bytes.len(), |number, within, at| {
            if let Some(page) = self.seen.pages.get(&number) {
                let length = within.len();
                bytes[at..at + length].copy_from_slice(&page[within]);
            }
        });
        bytes
    }

    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.seen.write(offset, bytes);
        self.changes.push(Change::Bytes { offset, bytes: bytes.to_vec() });
    }

    pub(crate) fn resize(&mut self, size: u64) {
        self.seen.resize(size);
        self.changes.push(Change::Size(size));
    }

    /// The disk has what the program sees.
    pub(crate) fn sync(&mut self) {
        for number in self.touched() {
            match self.seen.pages.get(&number) {
                Some(page) => self.kept.pages.insert(number, Arc::clone(page)),
                None => self.kept.pages.remove(&number),
            };
        }
        self.kept.size = self.seen.size;
        self.changes.clear();
    }

    /// What is left after power loss: each page as it was at some moment since the last sync, perhaps torn; so is the size.
    pub(crate) fn lose(&mut self, random: &mut Random, survives: u64) {
        let mut left = self.kept.clone();
        let mut sizes = vec![left.size];
        let mut of_page: BTreeMap<u64, Vec<Piece>> = BTreeMap::new();
        for change in self.changes.drain(..) {
            match change {
                Change::Bytes { offset, bytes } => {
                    sizes.push(sizes.last().copied().unwrap_or(0).max(offset + bytes.len() as u64));
                    each_page(offset, bytes.len(), |number, within, at| {
                        let piece = bytes[at..at + within.len()].to_vec();
                        of_page.entry(number).or_default().push((within, piece));
                    });
                }
                Change::Size(size) => {
                    sizes.push(size);
                    // What a shorter file had behind its end is zero when it grows again.
                    let numbers: Vec<u64> = left
                        .pages
                        .keys()
                        .chain(of_page.keys())
                        .copied()
                        .collect::<BTreeSet<_>>()
                        .into_iter()
                        .collect();
                    for number in numbers.into_iter().filter(|number| (number + 1) * PAGE as u64 > size) {
                        let from = size.saturating_sub(number * PAGE as u64) as usize;
                        of_page.entry(number).or_default().push((from..PAGE, vec![0; PAGE - from]));
                    }
                }
            }
        }
        for (number, pieces) in of_page {
            let count = if random.percent(survives) { random.below(pieces.len() + 1) } else { 0 };
            let mut page = left.pages.get(&number).map_or([0; PAGE], |page| **page);
            for (within, bytes) in &pieces[..count] {
                page[within.clone()].copy_from_slice(bytes);
            }
            if let Some((within, bytes)) = pieces.get(count)
                && random.percent(survives / 2)
            {
                // Whole sectors from the front: the write was under way.
                let end = (within.start / SECTOR + 1 + random.below(PAGE / SECTOR)) * SECTOR;
                let length = end.min(within.end) - within.start;
                page[within.start..within.start + length].copy_from_slice(&bytes[..length]);
            }
            left.pages.insert(number, Arc::new(page));
        }
        left.size = if random.percent(survives) { random.pick(&sizes) } else { sizes[0] };
        left.cut();
        self.seen = left.clone();
        self.kept = left;
    }

    fn touched(&self) -> BTreeSet<u64> {
        let mut touched = BTreeSet::new();
        for change in &self.changes {
            match change {
                Change::Bytes { offset, bytes } => {
                    each_page(*offset, bytes.len(), |number, _, _| {
                        touched.insert(number);
                    });
                }
                Change::Size(size) => {
                    touched.extend(self.kept.pages.range(size / PAGE as u64..).map(|page| *page.0))
                }
            }
        }
        touched
    }
}

impl Content {
    fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.size = self.size.max(offset + bytes.len() as u64);
        each_page(offset, bytes.len(), |number, within, at| {
            let page = self.pages.entry(number).or_insert_with(|| Arc::new([0; PAGE]));
            let length = within.len();
            Arc::make_mut(page)[within].copy_from_slice(&bytes[at..at + length]);
        });
    }

    fn resize(&mut self, size: u64) {
        self.size = size;
        self.cut();
    }

    /// Nothing lies behind the end.
    fn cut(&mut self) {
        let last = self.size / PAGE as u64;
        self.pages.split_off(&(last + 1));
        let within = (self.size % PAGE as u64) as usize;
        if within == 0 {
            self.pages.remove(&last);
        } else if let Some(page) = self.pages.get_mut(&last) {
            Arc::make_mut(page)[within..].fill(0);
        }
    }
}

/// Calls with each page's number, the range within the page, and where that begins in the whole.
fn each_page(offset: u64, length: usize, mut each: impl FnMut(u64, std::ops::Range<usize>, usize)) {
    let mut at = 0;
    while at < length {
        let position = offset + at as u64;
        let within = (position % PAGE as u64) as usize;
        let part = (PAGE - within).min(length - at);
        each(position / PAGE as u64, within..within + part, at);
        at += part;
    }
}

//! A Bloom filter over identities: whether one was surely never seen.

use std::collections::BTreeMap;

use domain::EventKey;

use crate::seam::Rows;

/// How many bits each identity gets: about 1 in 2,000 that was never seen is looked up all the same.
const BITS_PER_KEY: usize = 16;
/// How many bits of a block are set for an identity.
const PROBES: u32 = 8;
/// A block is one cache line, so that a question is one access to memory.
const WORDS_PER_BLOCK: usize = 8;
/// The fewest identities that a layer is made for (128 KiB).
const CAPACITY_MIN: usize = 65_536;

/// Grows in layers, each twice as large as the one before: an identity is only ever added.
#[derive(Debug, Default)]
pub struct Filter {
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    words: Vec<u64>,
    capacity: usize,
    keys: usize,
}

impl Filter {
    /// An empty filter that takes so many identities in its first layer.
    pub fn with_capacity(keys: usize) -> Self {
        Self { layers: vec![Layer::new(keys.max(CAPACITY_MIN))] }
    }

    /// Adds an identity.
    pub fn add(&mut self, key: EventKey) {
        let full = self.layers.last().is_none_or(|layer| layer.keys >= layer.capacity);
        if full {
            let capacity = self.layers.last().map_or(CAPACITY_MIN, |layer| layer.capacity * 2);
            self.layers.push(Layer::new(capacity));
        }
        if let Some(layer) = self.layers.last_mut() {
            layer.add(key);
        }
    }

    /// False: it was never added. True: it probably was.
    pub fn may_have(&self, key: EventKey) -> bool {
        self.layers.iter().any(|layer| layer.may_have(key))
    }

    /// How much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.layers.iter().map(|layer| layer.words.len() * 8).sum()
    }
}

impl Layer {
    fn new(capacity: usize) -> Self {
        let blocks = (capacity * BITS_PER_KEY).div_ceil(WORDS_PER_BLOCK * 64).max(1);
        Self { words: vec![0; blocks * WORDS_PER_BLOCK], capacity, keys: 0 }
    }

    /// The first word of the identity's block. The high half of the key chooses it: the low half chose the partition.
    fn block(&self, key: EventKey) -> usize {
        let blocks = self.words.len() / WORDS_PER_BLOCK;
        let high = (key.0 >> 64) as u64;
        ((u128::from(high) * blocks as u128) >> 64) as usize * WORDS_PER_BLOCK
    }

    /// The bits within the block: nine bits of the key's lower half for each probe.
    fn bits(key: EventKey) -> impl Iterator<Item = usize> {
        let low = key.0 >> 8;
        (0..PROBES).map(move |probe| ((low >> (9 * probe)) & 511) as usize)
    }

    fn add(&mut self, key: EventKey) {
        let block = self.block(key);
        for bit in Self::bits(key) {
            self.words[block + bit / 64] |= 1 << (bit % 64);
        }
        self.keys += 1;
    }

    fn may_have(&self, key: EventKey) -> bool {
        let block = self.block(key);
        Self::bits(key).all(|bit| self.words[block + bit / 64] & (1 << (bit % 64)) != 0)
    }
}

/// The filters of some partitions, by one scan of all identities: also of earlier generations, whose partitions differed.
pub async fn build<S: Rows>(
    rows: &S,
    partitions: &[u32],
    count: u32,
) -> store::Result<BTreeMap<u32, Filter>> {
    let keys = usize::try_from(rows.count_keys().await?).unwrap_or(usize::MAX);
    // Half as much again, so that the first layer lasts.
    let capacity = keys / count.max(1) as usize / 2 * 3;
    let mut filters: BTreeMap<u32, Filter> =
        partitions.iter().map(|partition| (*partition, Filter::with_capacity(capacity))).collect();
    rows.each_key(&mut |key| {
        if let Some(filter) = filters.get_mut(&key.partition(count)) {
            filter.add(key);
        }
    })
    .await?;
    Ok(filters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> EventKey {
        EventKey::of("/lkdata/test", &n.to_string())
    }

    #[test]
    fn what_was_added_is_always_found_and_little_else() {
        let mut filter = Filter::with_capacity(0);
        for n in 0..200_000 {
            filter.add(key(n));
        }
        assert!((0..200_000).all(|n| filter.may_have(key(n))));
        let mistaken = (200_000..300_000).filter(|n| filter.may_have(key(*n))).count();
        assert!(mistaken < 500, "{mistaken} of 100000");
    }

    #[test]
    fn an_empty_filter_has_nothing() {
        assert!(!Filter::default().may_have(key(1)));
    }
}

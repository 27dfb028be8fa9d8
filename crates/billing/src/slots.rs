//! A small cache: one value for each key, good while what it was made from is the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// What a value was made from, its size, and the value.
type Slot<F, V> = (F, usize, Arc<V>);

/// Values by key, each with the fingerprint of what it was made from and its size. When all together are too large, the
/// smallest keys (the oldest months) go first.
pub(crate) struct Slots<K, F, V> {
    size_max: usize,
    slots: Mutex<BTreeMap<K, Slot<F, V>>>,
}

impl<K: Ord + Copy, F: PartialEq, V> Slots<K, F, V> {
    pub(crate) fn new(size_max: usize) -> Self {
        Self { size_max, slots: Mutex::new(BTreeMap::new()) }
    }

    pub(crate) fn get(&self, key: K, made_from: &F) -> Option<Arc<V>> {
        let slots = self.slots.lock();
        slots
            .get(&key)
            .filter(|(fingerprint, _, _)| fingerprint == made_from)
            .map(|(_, _, value)| Arc::clone(value))
    }

    pub(crate) fn put(&self, key: K, made_from: F, size: usize, value: Arc<V>) {
        let mut slots = self.slots.lock();
        slots.insert(key, (made_from, size, value));
        let mut total: usize = slots.values().map(|(_, size, _)| size).sum();
        while total > self.size_max && slots.len() > 1 {
            let Some((_, (_, size, _))) = slots.pop_first() else { break };
            total -= size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_good_while_its_origin_is_the_same_and_there_is_room() {
        let slots: Slots<u8, &str, u8> = Slots::new(10);
        slots.put(1, "a", 6, Arc::new(1));
        assert_eq!(slots.get(1, &"a").as_deref(), Some(&1));
        assert_eq!(slots.get(1, &"b"), None);
        slots.put(2, "a", 6, Arc::new(2));
        assert_eq!((slots.get(1, &"a"), slots.get(2, &"a").as_deref()), (None, Some(&2)));
        slots.put(1, "a", 99, Arc::new(1));
        assert_eq!((slots.get(1, &"a"), slots.get(2, &"a").as_deref()), (None, Some(&2)));
    }
}

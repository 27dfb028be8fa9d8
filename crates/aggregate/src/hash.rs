//! Maps for the hot path. Their order is never used: whatever is written is sorted first.

use std::hash::{BuildHasherDefault, Hasher};

/// A map with a hasher that costs next to nothing.
#[expect(clippy::disallowed_types, reason = "its order is never used: what is written is sorted first")]
pub(crate) type FastMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<FastHasher>>;

/// Multiplies and rotates. The keys are hashes already or small numbers of our own, so nobody outside can choose them to
/// collide.
#[derive(Default)]
pub(crate) struct FastHasher(u64);

impl FastHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for FastHasher {
    fn finish(&self) -> u64 {
        // The table takes the top bits for its tags and the low ones for the place: both must depend on everything.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_u32(&mut self, word: u32) {
        self.add(u64::from(word));
    }

    fn write_i32(&mut self, word: i32) {
        self.add(u64::from(word.cast_unsigned()));
    }

    fn write_u64(&mut self, word: u64) {
        self.add(word);
    }

    fn write_u128(&mut self, word: u128) {
        self.add(word as u64);
        self.add((word >> 64) as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(value: impl std::hash::Hash) -> u64 {
        let mut hasher = FastHasher::default();
        value.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn small_numbers_spread() {
        let mut low = [0_u32; 64];
        for n in 0_u32..6_400 {
            low[(hash_of((n, 1_u32, 7_i32)) % 64) as usize] += 1;
        }
        assert!(low.iter().all(|n| (50..170).contains(n)), "{low:?}");
    }
}

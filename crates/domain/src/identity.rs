//! Which event is which: identities, fingerprints and partitions (counting §1, §2).

use std::fmt;

/// The identity of an event: the first 128 bits of BLAKE3 over `source 0x00 id`. No key is involved, so none can be
/// lost; the hash resists collisions even by somebody who chooses the ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey(pub u128);

impl EventKey {
    /// The identity of (`source`, `id`).
    pub fn of(source: &str, id: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(source.as_bytes()).update(&[0]).update(id.as_bytes());
        Self(first_128_bits(&hasher))
    }

    /// The partition of the usage log that this identity belongs to, of `partitions`.
    ///
    /// # Panics
    /// When there are no partitions.
    pub fn partition(self, partitions: u32) -> u32 {
        assert!(partitions > 0, "a log has at least one partition");
        // The low half alone decides: it is as evenly spread as the whole, and its remainder is cheap.
        let low = self.0 as u64;
        (low % u64::from(partitions)) as u32
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The content of an event in 128 bits: equal exactly when everything that matters is equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u128);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

pub(crate) fn first_128_bits(hasher: &blake3::Hasher) -> u128 {
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    u128::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_keeps_source_and_id_apart() {
        assert_ne!(EventKey::of("ab", "c"), EventKey::of("a", "bc"));
        assert_eq!(EventKey::of("/lkdata/a", "1").to_string(), EventKey::of("/lkdata/a", "1").to_string());
    }

    #[test]
    fn identities_spread_over_partitions() {
        let mut counts = [0_u32; 7];
        for n in 0..7_000 {
            counts[EventKey::of("/lkdata/a", &n.to_string()).partition(7) as usize] += 1;
        }
        assert!(counts.iter().all(|n| (850..1150).contains(n)), "{counts:?}");
    }
}

//! A seed gives one random run, as in the executable model of counting.md: several owners count the same partitions at
//! once, die between any two effects, repeat inserts, leave half of one behind and write late what they had under way,
//! while the roll-up follows. In the end everything must equal a brute-force reckoning of the log, at the end and at
//! every cut, and no row was ever rewritten with other content. Counting, judging, dirty months and reckoning are the
//! real ones; the log and the store are in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod events;
mod oracle;
mod run;
mod store;

use run::{Broken, Run};

/// Small numbers, the same everywhere: SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Whether something of so many per cent happens.
    pub(crate) fn percent(&mut self, n: u64) -> bool {
        self.next() % 100 < n
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

#[test]
fn whatever_fails_in_between_usage_equals_a_brute_force_reckoning_of_the_log() {
    let mut events = 0;
    for seed in 1..=250 {
        events += Run::new(seed, None).run_to_the_end();
    }
    assert!(events > 25_000, "only {events} events were counted");
}

/// The comparison is worth something only if it finds what is wrong.
#[test]
fn an_owner_that_breaks_a_rule_is_caught() {
    for rule in Broken::ALL {
        let caught = (1..=60).any(|seed| {
            let run = std::panic::AssertUnwindSafe(|| Run::new(seed, Some(rule)).run_to_the_end());
            std::panic::catch_unwind(run).is_err()
        });
        assert!(caught, "{rule:?} was not noticed");
    }
}

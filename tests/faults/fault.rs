//! What happens to whom: dealt from a shuffled deck, so that everything happens before anything happens again.

use std::fmt;
use std::time::Duration;

use crate::random::Random;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `SIGKILL`, and a new start.
    Kill,
    /// `SIGSTOP`, longer than a consumer's session, then `SIGCONT`: it does not know that time went by.
    Freeze,
    /// Its network passes nothing on, either way, in silence.
    Cut,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Kill, Kind::Freeze, Kind::Cut];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Kill => "killed",
            Kind::Freeze => "stopped",
            Kind::Cut => "cut off",
        })
    }
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    /// The place of the process among all.
    pub(crate) target: usize,
    /// How long after the one before is recovered from.
    pub(crate) after: Duration,
    pub(crate) lasts: Duration,
}

/// So many faults of so many processes.
pub(crate) fn deal(seed: u64, count: usize, targets: usize, can_cut: bool) -> Vec<Fault> {
    let mut random = Random::new(seed ^ 0x6661_756c_7473);
    let kinds = Kind::ALL.into_iter().filter(|kind| can_cut || *kind != Kind::Cut);
    let all: Vec<_> = kinds.flat_map(|kind| (0..targets).map(move |target| (kind, target))).collect();
    let mut deck = Vec::new();
    let mut faults = Vec::with_capacity(count);
    while faults.len() < count {
        if deck.is_empty() {
            deck = all.clone();
            random.shuffle(&mut deck);
        }
        let Some((kind, target)) = deck.pop() else { break };
        let after = Duration::from_millis(random.between(0, 1_500));
        let lasts = Duration::from_millis(match kind {
            Kind::Kill => random.between(0, 4_000),
            Kind::Freeze | Kind::Cut => random.between(8_000, 10_000),
        });
        faults.push(Fault { kind, target, after, lasts });
    }
    faults
}

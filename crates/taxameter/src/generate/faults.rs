//! What goes wrong, at stated rates, and what is told of it.

use super::days::{DAY, HOUR, MINUTE};
use super::random::{below, mix};

/// Which faults are injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    /// 0.5 %: exact copies, sent again minutes to a day later.
    pub duplicates: bool,
    /// 0.2 %: one to ten days late, before the month's close.
    pub late: bool,
    /// 0.02 %: after the month's close. Never parts of snapshots, which would leave each of them open at the close.
    pub after_close: bool,
    /// 0.05 %: under a cost centre that the catalogue does not know. They block a close until they are decided.
    pub unknown_costcentres: bool,
    /// 0.01 %: with the tax agency's test numbers for personal identity numbers in them. They must be refused.
    pub personal_data: bool,
    /// Two days without the network's inventory (carried forward) and five without the doors' (a gap, which blocks a
    /// close until it is accepted).
    pub outages: bool,
    /// 1 % of the meetings that Teams reports: again with a higher `seq`, some of them out of order.
    pub revisions: bool,
    /// 0.01 % of what happens: taken back, one in five before it arrived.
    pub retractions: bool,
    /// 0.005 % of what happens: the same identity and `seq` with another quantity.
    pub conflicts: bool,
    /// One credit to a company, in May.
    pub credit: bool,
}

impl Faults {
    /// Everything of domain §5.
    pub const ALL: Self = Self {
        duplicates: true,
        late: true,
        after_close: true,
        unknown_costcentres: true,
        personal_data: true,
        outages: true,
        revisions: true,
        retractions: true,
        conflicts: true,
        credit: true,
    };
    /// A year in which nothing goes wrong.
    pub const NONE: Self = Self {
        duplicates: false,
        late: false,
        after_close: false,
        unknown_costcentres: false,
        personal_data: false,
        outages: false,
        revisions: false,
        retractions: false,
        conflicts: false,
        credit: false,
    };
}

/// What happens to one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Plain,
    Duplicate,
    Late,
    AfterClose,
    UnknownCostcentre,
    PersonalData,
    Revised,
    Retracted,
    RetractedBefore,
    Conflict,
}

/// Draws the fate of an event from its hash.
#[derive(Debug)]
pub(super) struct Fates {
    pub(super) faults: Faults,
    /// How many in a million of those outside snapshots arrive after the close, so that it is 200 of all.
    after_close: u64,
}

impl Fates {
    /// `all` and `apart` are how many events a month has, in all and outside snapshots.
    pub(super) fn new(faults: Faults, (all, apart): (u64, u64)) -> Self {
        Self { faults, after_close: (200 * all / apart.max(1)).min(100_000) }
    }

    /// Whether a fault that is shown on purpose is wanted.
    pub(super) fn allows(&self, fate: Fate) -> bool {
        match fate {
            Fate::Plain => true,
            Fate::Duplicate => self.faults.duplicates,
            Fate::Late => self.faults.late,
            Fate::AfterClose => self.faults.after_close,
            Fate::UnknownCostcentre => self.faults.unknown_costcentres,
            Fate::PersonalData => self.faults.personal_data,
            Fate::Revised => self.faults.revisions,
            Fate::Retracted | Fate::RetractedBefore => self.faults.retractions,
            Fate::Conflict => self.faults.conflicts,
        }
    }

    /// The fate of an observation of a snapshot.
    pub(super) fn of_observation(&self, hash: u64) -> Fate {
        let faults = self.faults;
        self.draw(
            below(hash, 1_000_000),
            &[
                (faults.duplicates, 5_000, Fate::Duplicate),
                (faults.late, 2_000, Fate::Late),
                (faults.unknown_costcentres, 500, Fate::UnknownCostcentre),
                (faults.personal_data, 100, Fate::PersonalData),
            ],
        )
    }

    /// The fate of something that happened.
    pub(super) fn of_happening(&self, hash: u64, revised: bool) -> Fate {
        let faults = self.faults;
        self.draw(
            below(hash, 1_000_000),
            &[
                (faults.duplicates, 5_000, Fate::Duplicate),
                (faults.late, 2_000, Fate::Late),
                (faults.unknown_costcentres, 500, Fate::UnknownCostcentre),
                (faults.personal_data, 100, Fate::PersonalData),
                (faults.after_close, self.after_close, Fate::AfterClose),
                (faults.retractions, 80, Fate::Retracted),
                (faults.retractions, 20, Fate::RetractedBefore),
                (faults.conflicts, 50, Fate::Conflict),
                (faults.revisions && revised, 10_000, Fate::Revised),
            ],
        )
    }

    /// Bands keep their places when others are switched off, so that switching one off changes nothing else.
    fn draw(&self, drawn: u64, bands: &[(bool, u64, Fate)]) -> Fate {
        let mut upto = 0;
        for (on, width, fate) in bands {
            upto += width;
            if drawn < upto {
                return if *on { *fate } else { Fate::Plain };
            }
        }
        Fate::Plain
    }
}

/// How long after its first arrival something is sent again: from twenty minutes to a day.
pub(super) fn again_after(hash: u64) -> i64 {
    20 * MINUTE + below(mix(hash, 1), (DAY - 20 * MINUTE) as u64) as i64
}

/// How late something late is: from a day to an hour short of ten.
pub(super) fn late_by(hash: u64) -> i64 {
    DAY + below(mix(hash, 2), (9 * DAY - HOUR) as u64) as i64
}

/// How long after the month's close something arrives: up to eight days.
pub(super) fn after_close_by(hash: u64) -> i64 {
    HOUR + below(mix(hash, 3), (8 * DAY) as u64) as i64
}

/// The tax agency's published test numbers, in the forms that people write.
pub(super) const IDENTITY_NUMBERS: [&str; 4] = ["18900101-9802", "900101-9802", "189001189811", "9001189811"];

//! An event and its fate → what is sent of it, and when.

use super::CLOSE_AFTER;
use super::account::{Kind, Outcome};
use super::day::Day;
use super::days::DAY;
use super::faults::{Fate, after_close_by, again_after, late_by};
use super::random::mix;
use super::spec::Spec;

impl Day<'_> {
    /// Puts down an event and what its fate adds to it.
    pub(super) fn apply(&mut self, spec: Spec, fate: Fate, hash: u64) {
        let again = spec.arrives + again_after(hash);
        match fate {
            Fate::Plain => self.specs.push(spec),
            Fate::Duplicate => {
                self.specs.push(spec);
                self.specs.push(Spec {
                    arrives: again,
                    kind: Kind::Duplicate,
                    outcome: Outcome::Duplicate,
                    ..spec
                });
            }
            Fate::Late => {
                self.specs.push(Spec { arrives: spec.arrives + late_by(hash), kind: Kind::Late, ..spec })
            }
            Fate::AfterClose => {
                let month = self.world.days.month(self.month());
                let close = self.world.days.day(month.end).start + CLOSE_AFTER;
                self.specs.push(Spec {
                    arrives: close + after_close_by(hash),
                    kind: Kind::AfterClose,
                    ..spec
                });
            }
            Fate::UnknownCostcentre => {
                let costcentre = self.world.population.unknown(hash);
                self.specs.push(Spec { costcentre, kind: Kind::UnknownCostcentre, ..spec });
            }
            Fate::PersonalData => {
                self.specs.push(Spec { kind: Kind::PersonalData, outcome: Outcome::PersonalData, ..spec });
            }
            Fate::Retracted => {
                let kind = Kind::Retraction;
                self.specs.push(Spec { kind, ..spec });
                self.specs.push(Spec {
                    arrives: again,
                    seq: 1,
                    retracted: true,
                    kind,
                    outcome: Outcome::Revised,
                    ..spec
                });
            }
            Fate::RetractedBefore => {
                let kind = Kind::Retraction;
                self.specs.push(Spec { seq: 1, retracted: true, kind, ..spec });
                self.specs.push(Spec { arrives: again, kind, outcome: Outcome::Superseded, ..spec });
            }
            Fate::Conflict => {
                self.specs.push(spec);
                let quantity = spec.quantity + 1_000_000;
                self.specs.push(Spec {
                    arrives: again,
                    quantity,
                    kind: Kind::Conflict,
                    outcome: Outcome::Conflict,
                    ..spec
                });
            }
            Fate::Revised => self.revise(spec, hash),
        }
    }

    /// A record that is reported up to three times as its source learns more; some reports overtake others.
    fn revise(&mut self, spec: Spec, hash: u64) {
        let last = 1 + (hash % 2) as u8;
        let report = |seq: u8| {
            let arrives =
                spec.arrives + if seq == 0 { 0 } else { again_after(mix(hash, u64::from(seq))).min(DAY) };
            let quantity = spec.quantity * i64::from(seq + 1) / i64::from(last + 1);
            Spec { arrives, quantity, seq, kind: Kind::Revision, ..spec }
        };
        let mut reports: Vec<Spec> = (0..=last).map(report).collect();
        reports.sort_by_key(|report| report.arrives);
        let mut highest = None;
        for report in reports {
            let outcome = match highest {
                None => Outcome::Metered,
                Some(seq) if report.seq > seq => Outcome::Revised,
                Some(_) => Outcome::Superseded,
            };
            highest = highest.max(Some(report.seq));
            self.specs.push(Spec { outcome, ..report });
        }
    }
}

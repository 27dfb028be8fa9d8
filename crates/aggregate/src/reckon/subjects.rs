//! Distinct subjects of a month.

use domain::Month;
use domain::usage::MeterKind;
use store::rows::{Symbol, date_of};

use super::alive::Observation;
use super::{Scope, Tally};
use crate::hash::FastMap;

/// The first day of each subject under each cost centre and class, by month. Takes about 60 bytes for each of them.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    tally: Tally,
    first: FastMap<(i32, u128, Symbol, Symbol), i32>,
    subject: (String, u128),
}

impl Subjects {
    pub(super) fn see(&mut self, scope: &Scope, seen: &Observation<'_>) {
        if seen.retracted || !scope.days().contains(&seen.day) {
            return;
        }
        let Ok(day) = date_of(seen.day) else { return };
        if self.subject.0 != seen.subject || self.subject.1 == 0 {
            self.subject = (seen.subject.to_owned(), subject_hash(seen.subject));
        }
        let dictionary = &mut self.tally.dictionary;
        let (costcentre, class) = (dictionary.symbol(seen.costcentre), dictionary.symbol(seen.class));
        let first =
            self.first.entry((Month::of(day).index(), self.subject.1, costcentre, class)).or_insert(seen.day);
        *first = seen.day.min(*first);
    }

    pub(super) fn end(mut self) -> Tally {
        for ((month, subject, costcentre, class), day) in self.first {
            self.tally.add(costcentre, class, day, MeterKind::one());
            if let Some(month) = Month::from_index(month) {
                self.tally.subjects.push((month, costcentre, class, subject));
            }
        }
        self.tally
    }
}

/// The first 128 bits of BLAKE3 of a subject.
fn subject_hash(subject: &str) -> u128 {
    let mut first = [0; 16];
    first.copy_from_slice(&blake3::hash(subject.as_bytes()).as_bytes()[..16]);
    u128::from_be_bytes(first)
}

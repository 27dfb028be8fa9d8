//! Which months are closed, preliminary or open, by what was decided so far.

use std::collections::BTreeMap;

use domain::Month;
use store::charges::{MonthRecord, Outcome};

use crate::bill::MonthState;
use crate::blocker::Announcement;

/// What was decided about months so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    closed: BTreeMap<Month, MonthRecord>,
    preliminary: BTreeMap<Month, MonthRecord>,
    carried_out: BTreeMap<u64, MonthRecord>,
}

impl Ledger {
    pub(crate) fn new(records: Vec<MonthRecord>) -> Self {
        let mut ledger = Self::default();
        for record in records {
            ledger.carried_out.insert(record.control, record.clone());
            match record.outcome {
                // The last announcement is the one that stands.
                Outcome::Preliminary => {
                    ledger.preliminary.insert(record.month, record);
                }
                // The first decision wins.
                Outcome::Closed => {
                    ledger.closed.entry(record.month).or_insert(record);
                }
                Outcome::Refused | Outcome::Unchanged => {}
            }
        }
        ledger
    }

    /// How far a month is. Closing the first month closes all earlier ones as empty (counting §7).
    pub(crate) fn state(&self, month: Month) -> MonthState {
        if self.last_closed().is_some_and(|last| month <= last) {
            MonthState::Closed
        } else if self.preliminary.contains_key(&month) {
            MonthState::Preliminary
        } else {
            MonthState::Open
        }
    }

    /// How a month was announced.
    pub(crate) fn announcement(&self, month: Month) -> Announcement<'_> {
        self.preliminary
            .get(&month)
            .map_or(Announcement::Missing, |record| Announcement::By(&record.decided_by))
    }

    /// The last number of a document that was given out; none while there is no document.
    pub(crate) fn document_last(&self) -> Option<u64> {
        self.closings().last().and_then(|record| record.document_last)
    }

    /// The decision that closed a month; none when it is open, or closed as empty.
    pub(crate) fn closing(&self, month: Month) -> Option<&MonthRecord> {
        self.closed.get(&month)
    }

    pub(crate) fn first_closed(&self) -> Option<Month> {
        self.closed.keys().next().copied()
    }

    pub(crate) fn last_closed(&self) -> Option<Month> {
        self.closed.keys().next_back().copied()
    }

    /// Whether a month was billed, or will be: the months before the first that was closed never are, so their
    /// agreements are no usage that came late.
    pub(crate) fn bills_agreements(&self, month: Month) -> bool {
        self.first_closed().is_none_or(|first| month >= first)
    }

    /// The closed months, in order.
    pub(crate) fn closings(&self) -> impl Iterator<Item = &MonthRecord> {
        self.closed.values()
    }

    /// What became of the decision at an offset of the control log; none when it was not carried out.
    pub(crate) fn carried_out(&self, control: u64) -> Option<&MonthRecord> {
        self.carried_out.get(&control)
    }

    /// The offset in the control log after the last decision about a month that was carried out.
    pub(crate) fn next_control(&self) -> u64 {
        self.carried_out.keys().next_back().map_or(0, |last| last + 1)
    }
}

#[cfg(test)]
mod tests;

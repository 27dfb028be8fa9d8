//! How long each class of material is kept, what of it has had its time, and the decision that it goes (domain §2.7).
//!
//! Looking changes nothing. What is removed is decided first, in the control log, with the days that it lies before and what
//! there was of it, and then done by the owner of that log: whoever is killed in between finishes it when he starts again.
//! Accounting material is never removed: see [`Class::Accounting`].

mod eraser;
mod rules;

use chrono::NaiveDate;
use domain::calendar::start_of_day;
use domain::{Instant, Month};
use serde::{Deserialize, Serialize};
use store::counting::forgotten_before;
use store::retention::{Held, Kept};

use crate::biller::Biller;
use crate::control::REFUSED;
use crate::error::storing;
use crate::ledger::Ledger;

pub(crate) use eraser::Eraser;
pub use rules::{InvalidRules, Rules};

/// The action of the control log.
pub(crate) const APPLY: &str = "retention.apply";

/// A class of material that is kept for a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// What an event says besides what it is counted by: its id and subject, the customer and the object that it names, its
    /// dimensions.
    EventDetails,
    /// The events in the quarantine, as they came.
    Quarantine,
    /// What tells an event from its duplicates, and what a revision subtracts. Forgotten by the aggregator itself.
    Identities,
    /// Charges, closed months, documents, the months' usage, versions of the catalogue, and the control log: accounting
    /// material. It is never removed, because the close, the corrections, the unbroken numbers and the audit stand on all of
    /// it: a chain whose beginning is gone proves nothing about what is left.
    Accounting,
}

/// How a class goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// When somebody decides it.
    Decided,
    /// By the program itself.
    ByItself,
    /// Not by this program.
    Never,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 4] =
        [Class::EventDetails, Class::Quarantine, Class::Identities, Class::Accounting];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Class::EventDetails => "event-details",
            Class::Quarantine => "quarantine",
            Class::Identities => "identities",
            Class::Accounting => "accounting",
        }
    }

    /// The class with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// How it goes.
    pub const fn removal(self) -> Removal {
        match self {
            Class::EventDetails | Class::Quarantine => Removal::Decided,
            Class::Identities => Removal::ByItself,
            Class::Accounting => Removal::Never,
        }
    }
}

/// A class, and what of it has had its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retained {
    /// The class.
    pub class: Class,
    /// How long it is kept: months, or whole years after the end of the financial year for accounting material.
    pub time: u32,
    /// What lies before is due.
    pub before: Instant,
    /// What there is.
    pub kept: Kept,
    /// What is old enough, and waits for a month that is not closed.
    pub held: Vec<Held>,
}

/// What became of a wish to remove what is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It is gone, by the decision with this offset in the control log; none where nothing was due.
    Done {
        /// The offset.
        control: Option<u64>,
        /// The classes as they were before.
        was: Vec<Retained>,
    },
    /// A class that was named is not removed by a decision.
    NotRemovable(Class),
    /// It was decided, and could not be carried out: what was decided is not what the months allow.
    Refused,
}

/// When the details of events of a month were removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetailsRemoved {
    /// When it was decided.
    pub at: Instant,
    /// The decision's offset in the control log.
    pub control: u64,
    /// Events of days before this one lost them.
    pub before: NaiveDate,
}

/// The decision. Days and instants stand in it, so that it means the same whenever it is carried out.
#[derive(Debug, Serialize, Deserialize)]
struct RemovalDecision {
    action: String,
    why: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_details: Option<Removed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quarantine: Option<Removed>,
}

/// What of a class goes: what lies before a day (of the usage and of its arrival) or an instant (of its arrival), and what
/// there was of it when that was decided.
#[derive(Debug, Serialize, Deserialize)]
struct Removed {
    before: String,
    rows: u64,
    bytes: u64,
}

impl Biller {
    /// Every class, and what of it has had its time. Nothing is changed.
    pub async fn retention(&self) -> crate::Result<Vec<Retained>> {
        let ledger = self.ledger().await?;
        let mut classes = Vec::new();
        for class in Class::ALL {
            classes.push(self.retained(class, &ledger).await?);
        }
        Ok(classes)
    }

    async fn retained(&self, class: Class, ledger: &Ledger) -> crate::Result<Retained> {
        let (rules, now, store) = (self.retention_rules(), self.now(), self.store());
        let failed = storing("looking at what is kept");
        let (time, before, kept, held) = match class {
            Class::EventDetails => {
                let wanted = rules.event_details_before(now);
                let granted = granted(wanted, ledger);
                let kept = store.event_details(granted).await.map_err(&failed)?;
                let held = store.event_details_held(wanted, granted).await.map_err(&failed)?;
                (rules.event_details_months, start_of_day(granted), kept, held)
            }
            Class::Quarantine => {
                let before = rules.quarantine_before(now);
                let kept = store.quarantined_events(before).await.map_err(&failed)?;
                (rules.quarantine_months, before, kept, Vec::new())
            }
            Class::Identities => {
                let horizon = chrono::Months::new(rules.horizon_months);
                let before = forgotten_before(now, horizon).unwrap_or_default();
                let kept = store.identities_kept(before).await.map_err(&failed)?;
                (rules.horizon_months, before, kept, Vec::new())
            }
            Class::Accounting => {
                let before = rules.accounting_before(now);
                let kept = store.accounting_material(before).await.map_err(&failed)?;
                (rules.accounting_years, start_of_day(before), kept, Vec::new())
            }
        };
        Ok(Retained { class, time, before, kept, held })
    }

    /// Decides that what is due of some classes goes (of all that can be decided, when none is named), and waits until it
    /// has. What is not due stays, and so does everything that is counted by.
    ///
    /// # Errors
    /// [`crate::Error::NotInTime`] when it takes longer than is waited: it goes on, and asking again is safe.
    pub async fn apply_retention(&self, named: &[Class], why: &str) -> crate::Result<Applied> {
        if let Some(class) = named.iter().find(|class| class.removal() != Removal::Decided) {
            return Ok(Applied::NotRemovable(*class));
        }
        let ledger = self.ledger().await?;
        let is_wanted = |class: &Class| {
            class.removal() == Removal::Decided && (named.is_empty() || named.contains(class))
        };
        let mut decision = RemovalDecision {
            action: APPLY.to_owned(),
            why: why.to_owned(),
            event_details: None,
            quarantine: None,
        };
        let mut was = Vec::new();
        for class in Class::ALL.into_iter().filter(is_wanted) {
            let retained = self.retained(class, &ledger).await?;
            let Kept { due: rows, due_bytes: bytes, .. } = retained.kept;
            let removed = |before: String| (rows > 0).then_some(Removed { before, rows, bytes });
            match class {
                Class::EventDetails => {
                    decision.event_details = removed(retained.before.day().to_string());
                }
                Class::Quarantine => decision.quarantine = removed(retained.before.to_string()),
                Class::Identities | Class::Accounting => {}
            }
            was.push(retained);
        }
        if decision.event_details.is_none() && decision.quarantine.is_none() {
            return Ok(Applied::Done { control: None, was });
        }
        let ended = self.decide_and_wait(&decision, "the removal of what is due".to_owned()).await?;
        Ok(match ended.outcome.as_str() {
            REFUSED => Applied::Refused,
            _ => Applied::Done { control: Some(ended.control), was },
        })
    }

    /// The first decision that took the details of a month's events away; none while they have them.
    pub(crate) async fn details_removed(&self, month: Month) -> crate::Result<Option<DetailsRemoved>> {
        let failed = storing("reading what was removed");
        let outcomes = self.store().control_outcomes_of(APPLY).await.map_err(failed)?;
        let removed = outcomes.into_iter().filter_map(|outcome| {
            let answer: eraser::Answer = serde_json::from_str(&outcome.answer).ok()?;
            let before: NaiveDate = answer.event_details_before?.parse().ok()?;
            Some(DetailsRemoved { at: outcome.at, control: outcome.control, before })
        });
        let mut removed = removed;
        Ok(removed.find(|removed| removed.before > month.first_day()))
    }
}

/// As much of what the rule wants as the months allow: nothing of a month that is not closed.
fn granted(wanted: NaiveDate, ledger: &Ledger) -> NaiveDate {
    wanted.min(first_open_day(ledger))
}

/// The day that the first month begins on that is not closed; 1970-01-01 before anything is closed.
fn first_open_day(ledger: &Ledger) -> NaiveDate {
    ledger.last_closed().map_or_else(NaiveDate::default, |last| last.next().first_day())
}

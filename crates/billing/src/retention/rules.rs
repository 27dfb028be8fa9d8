//! How long what is kept, and what has had its time at an instant.

use chrono::{Datelike, Months, NaiveDate};
use domain::{Instant, Month};

/// How long each class is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The details of events: whole months before the one that is under way.
    pub event_details_months: u32,
    /// The events in the quarantine: months after they came.
    pub quarantine_months: u32,
    /// Identities: the horizon of counting §5, in months.
    pub horizon_months: u32,
    /// Accounting material: years after the end of the calendar year in which the financial year ended (LKBR 2018:597).
    pub accounting_years: u32,
}

/// Rules that keep something for too short or too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRules {
    /// Charges could not be explained while they can still be contested.
    #[error(
        "event_details_months is {found}; it must be at least {}: a charge is explained by its events until then",
        Rules::EVENT_DETAILS_MONTHS_MIN
    )]
    EventDetailsTooShort {
        /// What it is.
        found: u32,
    },
    /// There is nothing left to keep by then.
    #[error(
        "event_details_months is {found}; it can be at most horizon_months ({horizon}): then events are forgotten whole"
    )]
    EventDetailsTooLong {
        /// What it is.
        found: u32,
        /// The identity horizon.
        horizon: u32,
    },
    /// What could still be counted would be lost.
    #[error(
        "quarantine_months is {found}; it must be at least horizon_months ({horizon}): so long an event from the quarantine can still be counted"
    )]
    QuarantineTooShort {
        /// What it is.
        found: u32,
        /// The identity horizon.
        horizon: u32,
    },
    /// The law asks for more.
    #[error(
        "accounting_years is {found}; it must be at least {} (LKBR 2018:597, 3 kap.)",
        Rules::ACCOUNTING_YEARS
    )]
    AccountingTooShort {
        /// What it is.
        found: u32,
    },
    /// No calendar goes that far.
    #[error("{name} is {found}; it can be at most {max}")]
    TooLong {
        /// The rule.
        name: &'static str,
        /// What it is.
        found: u32,
        /// The most that it can be.
        max: u32,
    },
}

impl Rules {
    /// The month under way can be held beside the same one a year before, events and all.
    pub const EVENT_DETAILS_MONTHS: u32 = 13;
    /// A quarter: long enough to look into what a month's bill says.
    pub const EVENT_DETAILS_MONTHS_MIN: u32 = 3;
    /// LKBR 2018:597: material of 2021 is kept to the end of 2028.
    pub const ACCOUNTING_YEARS: u32 = 7;
    /// A century: more is a slip.
    const YEARS_MAX: u32 = 100;

    /// What holds unless it is configured, with an identity horizon.
    pub fn usual(horizon_months: u32) -> Self {
        Self {
            event_details_months: Self::EVENT_DETAILS_MONTHS.min(horizon_months),
            quarantine_months: horizon_months,
            horizon_months,
            accounting_years: Self::ACCOUNTING_YEARS,
        }
    }

    /// The rules with what was configured in place of what is usual.
    ///
    /// # Errors
    /// When something would be kept for less than others need it, or for longer than there is anything of it.
    pub fn configured(
        horizon: u32,
        event_details_months: Option<u32>,
        quarantine_months: Option<u32>,
        accounting_years: Option<u32>,
    ) -> Result<Self, InvalidRules> {
        let usual = Self::usual(horizon);
        if let Some(found) = event_details_months {
            if found < Self::EVENT_DETAILS_MONTHS_MIN {
                return Err(InvalidRules::EventDetailsTooShort { found });
            }
            if found > horizon {
                return Err(InvalidRules::EventDetailsTooLong { found, horizon });
            }
        }
        if let Some(found) = quarantine_months {
            if found < horizon {
                return Err(InvalidRules::QuarantineTooShort { found, horizon });
            }
            at_most("quarantine_months", found, horizon.max(Self::YEARS_MAX * 12))?;
        }
        if let Some(found) = accounting_years {
            if found < Self::ACCOUNTING_YEARS {
                return Err(InvalidRules::AccountingTooShort { found });
            }
            at_most("accounting_years", found, Self::YEARS_MAX)?;
        }
        Ok(Self {
            event_details_months: event_details_months.unwrap_or(usual.event_details_months),
            quarantine_months: quarantine_months.unwrap_or(usual.quarantine_months),
            accounting_years: accounting_years.unwrap_or(usual.accounting_years),
            ..usual
        })
    }

    /// The day before which events lose their details: the first of a month.
    pub(super) fn event_details_before(&self, now: Instant) -> NaiveDate {
        Month::of(months_before(now, self.event_details_months).day()).first_day()
    }

    /// The instant before which events in the quarantine came that go.
    pub(super) fn quarantine_before(&self, now: Instant) -> Instant {
        months_before(now, self.quarantine_months)
    }

    /// The first day of the first financial year that must be kept. A municipality's is the calendar year (LKBR 2018:597).
    pub(super) fn accounting_before(&self, now: Instant) -> NaiveDate {
        let years = i32::try_from(self.accounting_years).unwrap_or(i32::MAX);
        let first_kept = now.day().year().saturating_sub(years);
        NaiveDate::from_ymd_opt(first_kept, 1, 1).unwrap_or_default()
    }
}

fn at_most(name: &'static str, found: u32, max: u32) -> Result<(), InvalidRules> {
    if found > max { Err(InvalidRules::TooLong { name, found, max }) } else { Ok(()) }
}

fn months_before(now: Instant, months: u32) -> Instant {
    now.to_utc().checked_sub_months(Months::new(months)).map_or_else(Instant::default, Instant::from_utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn accounting_material_is_kept_to_the_end_of_the_seventh_year() {
        let before = |now| Rules::usual(25).accounting_before(at(now)).to_string();
        assert_eq!(
            before("2028-12-31T22:59:59Z"),
            "2021-01-01",
            "2021 is kept until the year is over in Sweden"
        );
        assert_eq!(before("2028-12-31T23:00:00Z"), "2022-01-01");
    }

    #[test]
    fn details_of_events_go_by_whole_months() {
        let rules = Rules::usual(25);
        let before = |now| rules.event_details_before(at(now)).to_string();
        assert_eq!(before("2022-03-31T12:00:00+02:00"), "2021-02-01");
        // It is April in Sweden already.
        assert_eq!(before("2022-03-31T22:00:00Z"), "2021-02-01");
        assert_eq!(before("2022-04-30T12:00:00Z"), "2021-03-01");
    }

    #[test]
    fn the_quarantine_keeps_what_can_still_be_counted() {
        assert_eq!(
            Rules::usual(25).quarantine_before(at("2023-04-15T08:00:00Z")),
            at("2021-03-15T08:00:00Z")
        );
        assert_eq!(Rules::usual(u32::MAX).quarantine_before(at("2023-04-15T08:00:00Z")), Instant::default());
    }

    #[test]
    fn what_is_configured_is_neither_too_short_nor_pointless() {
        let of = |details, quarantine, years| Rules::configured(25, details, quarantine, years);
        assert_eq!(of(None, None, None), Ok(Rules::usual(25)));
        let long = Rules {
            event_details_months: 24,
            quarantine_months: 36,
            horizon_months: 25,
            accounting_years: 10,
        };
        assert_eq!(of(Some(24), Some(36), Some(10)), Ok(long));
        assert_eq!(of(Some(2), None, None), Err(InvalidRules::EventDetailsTooShort { found: 2 }));
        assert_eq!(
            of(Some(26), None, None),
            Err(InvalidRules::EventDetailsTooLong { found: 26, horizon: 25 })
        );
        assert_eq!(
            of(None, Some(24), None),
            Err(InvalidRules::QuarantineTooShort { found: 24, horizon: 25 })
        );
        assert_eq!(of(None, None, Some(6)), Err(InvalidRules::AccountingTooShort { found: 6 }));
        assert!(matches!(of(None, None, Some(101)), Err(InvalidRules::TooLong { max: 100, .. })));
        assert_eq!(Rules::configured(6, None, None, None).unwrap().event_details_months, 6);
    }
}

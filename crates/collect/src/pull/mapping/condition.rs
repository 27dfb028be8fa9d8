//! What must hold of a record.

use chrono::Days;
use domain::Instant;
use serde::Deserialize;

use super::day_of;

/// A condition on a field; everything that it says must hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Condition {
    /// The field; what a record lacks is empty.
    pub field: String,
    /// It is one of these.
    pub is: Option<Vec<String>>,
    /// It is none of these.
    pub is_not: Option<Vec<String>>,
    /// It is a day or a time at most so many days before the turn.
    pub within_days: Option<u32>,
    /// It is a day that has come by the turn: the first day of a register's row.
    pub begun: bool,
    /// It is a day that is not over before the turn, or empty: the last day of a register's row.
    pub not_over: bool,
}

impl Condition {
    /// Whether it holds of a value at a turn.
    pub fn holds(&self, value: &str, at: Instant) -> bool {
        let among = |values: &Vec<String>| values.iter().any(|known| known == value);
        let is_recent = |days: u32| {
            let first = at.day().checked_sub_days(Days::new(days.into()));
            day_of(value).zip(first).is_some_and(|(day, first)| day >= first)
        };
        let is_begun = || day_of(value).is_some_and(|day| day <= at.day());
        let is_not_over = || value.is_empty() || day_of(value).is_some_and(|day| day >= at.day());
        self.is.as_ref().is_none_or(among)
            && !self.is_not.as_ref().is_some_and(among)
            && self.within_days.is_none_or(is_recent)
            && (!self.begun || is_begun())
            && (!self.not_over || is_not_over())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &str, value: &str) -> bool {
        let condition: Condition = toml::from_str(&format!("field = \"f\"\n{condition}")).unwrap();
        condition.holds(value, Instant::parse_rfc3339("2021-03-31T12:00:00Z").unwrap())
    }

    #[test]
    fn each_condition_holds_of_what_it_says() {
        for (condition, yes, no) in [
            ("is = ['company']", "company", "personal"),
            ("is_not = ['personal', '']", "company", ""),
            ("within_days = 90", "2020-12-31T22:59:59+01:00", "2020-12-30"),
            ("within_days = 90", "2021-03-31", "never"),
            ("begun = true", "2021-03-31", "2021-04-01"),
            ("begun = true", "2021-03-01", ""),
            ("not_over = true", "2021-03-31", "2021-03-30"),
            ("not_over = true", "", "soon"),
            ("is_not = ['x']\nbegun = true", "2021-01-01", "x"),
        ] {
            assert!(holds(condition, yes), "{condition} of {yes}");
            assert!(!holds(condition, no), "{condition} of {no}");
        }
    }
}

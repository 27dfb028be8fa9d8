//! What closing a month requires besides figures that hold: when it may be done, and by whom.

use chrono::NaiveDate;

use crate::calendar::Month;

/// When a month may be closed, and whether one alone may do it. The default asks for nothing but that the month is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClosingRules {
    /// Whether somebody else than the one who closes a month must have announced it.
    pub four_eyes: bool,
    /// For how many days after a month's end late usage is waited for. Days are Swedish ones.
    pub window_days: u16,
    /// The same for December, the last month of the accounting year (domain §2.6).
    pub window_days_december: u16,
}

impl ClosingRules {
    /// For how many days after a month's end late usage is waited for.
    pub fn window_days(&self, month: Month) -> u16 {
        if month.number() == 12 { self.window_days_december } else { self.window_days }
    }

    /// The first Swedish day on which a month may be closed: with a window of one day March may on 2 April.
    pub fn first_day_to_close(&self, month: Month) -> NaiveDate {
        month.next().first_day() + chrono::Days::new(self.window_days(month).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_with_the_next_month_and_december_has_its_own() {
        let rules = ClosingRules { four_eyes: false, window_days: 5, window_days_december: 20 };
        let first =
            |rules: ClosingRules, month: &str| rules.first_day_to_close(month.parse().unwrap()).to_string();
        // 1 to 5 April are waited out; after December it is 1 to 20 January.
        assert_eq!(first(rules, "2021-03"), "2021-04-06");
        assert_eq!(first(rules, "2021-12"), "2022-01-21");
        assert_eq!(first(ClosingRules::default(), "2021-12"), "2022-01-01");
    }
}

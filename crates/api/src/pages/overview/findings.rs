//! Whether the figures can be trusted: what is missing, unknown or waiting.

use chrono::NaiveDate;
use domain::Money;

use crate::language::Language;
use crate::numbers;
use crate::texts::Texts;

/// What is known about the quality of the last month's figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Quality {
    /// The cost centres with usage that nobody pays for.
    pub(crate) unattributed_costcentres: usize,
    /// What that usage costs.
    pub(crate) unattributed_cost: Money,
    /// In how many places days are missing.
    pub(crate) gaps: usize,
    /// In how many places days are estimated from the day before.
    pub(crate) estimated: usize,
    /// How many events lie in the quarantine.
    pub(crate) quarantined: u64,
    /// What of the program is not as it must be, by the names of its checks: then figures may be late.
    pub(crate) not_ready: Vec<&'static str>,
    /// The last day that is counted whole, where it is known.
    pub(crate) complete_to: Option<NaiveDate>,
}

/// One check and its outcome.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) class: &'static str,
    pub(crate) verdict: &'static str,
    pub(crate) finding: String,
}

impl Quality {
    pub(super) fn checks(&self, t: &'static Texts, language: Language) -> Vec<Check> {
        let check = |name, good: bool, finding: String| Check {
            name,
            class: if good { "good" } else { "warn" },
            verdict: if good { t.good } else { t.attention },
            finding,
        };
        let count = |value: usize| numbers::whole(language, i64::try_from(value).unwrap_or(i64::MAX));
        let unattributed = if self.unattributed_costcentres == 0 {
            t.unattributed_none.to_owned()
        } else {
            let cost = numbers::kronor(language, self.unattributed_cost);
            let noun = if self.unattributed_costcentres == 1 { t.costcentre } else { t.costcentres };
            format!("{} {noun}, {cost}", count(self.unattributed_costcentres))
        };
        let some = |value: usize, none: &str, some: &str| {
            if value == 0 { none.to_owned() } else { format!("{} {some}", count(value)) }
        };
        let quarantined = usize::try_from(self.quarantined).unwrap_or(usize::MAX);
        let mut gaps = some(self.gaps, t.gaps_none, t.gaps_some);
        if self.estimated > 0 {
            gaps.push_str(&format!("; {} {}", count(self.estimated), t.gaps_estimated));
        }
        let late = match self.not_ready.as_slice() {
            [] => t.counting_none.to_owned(),
            names => format!("{}: {}", t.counting_some, names.join(", ")),
        };
        vec![
            check(t.counting, self.not_ready.is_empty(), late),
            check(t.unattributed, self.unattributed_costcentres == 0, unattributed),
            check(t.gaps, self.gaps == 0, gaps),
            check(t.quarantine, quarantined == 0, some(quarantined, t.quarantine_none, t.quarantine_some)),
        ]
    }
}

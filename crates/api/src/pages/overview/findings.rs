//! Whether the figures can be trusted: what is missing, unknown or waiting.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use domain::Money;

use crate::language::Language;
use crate::numbers;
use crate::pages::words;
use crate::texts::Texts;

/// What is known about the quality of the last month's figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Quality {
    /// The cost centres with usage that nobody pays for, by code.
    pub(crate) unattributed: BTreeSet<String>,
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
    /// What to do about it.
    pub(crate) remedy: Option<&'static str>,
    /// The page that tells more.
    pub(crate) href: Option<&'static str>,
}

/// How many cost centres are named.
const COSTCENTRES_NAMED: usize = 5;

impl Quality {
    /// The checks; `may_operate` says whether the reader may look into the quarantine.
    pub(super) fn checks(&self, t: &'static Texts, language: Language, may_operate: bool) -> Vec<Check> {
        let check = |name, good: bool, finding: String| Check {
            name,
            class: if good { "good" } else { "warn" },
            verdict: if good { t.good } else { t.attention },
            finding,
            remedy: None,
            href: None,
        };
        let count = |value: usize| numbers::whole(language, i64::try_from(value).unwrap_or(i64::MAX));
        let codes: BTreeSet<&str> = self.unattributed.iter().map(String::as_str).collect();
        let unattributed = if codes.is_empty() {
            t.unattributed_none.to_owned()
        } else {
            let cost = numbers::kronor(language, self.unattributed_cost);
            let noun = if codes.len() == 1 { t.costcentre } else { t.costcentres };
            let named = words::some_of(language, &codes, COSTCENTRES_NAMED);
            format!("{} {noun}, {cost}: {named}.", count(codes.len()))
        };
        let remedy = (!codes.is_empty()).then_some(t.unattributed_remedy);
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
        let mut checks = vec![
            check(t.counting, self.not_ready.is_empty(), late),
            Check { remedy, ..check(t.unattributed, codes.is_empty(), unattributed) },
            check(t.gaps, self.gaps == 0, gaps),
        ];
        if may_operate {
            let found = some(quarantined, t.quarantine_none, t.quarantine_some);
            let href = Some("/operations/quarantine");
            checks.push(Check { href, ..check(t.quarantine, quarantined == 0, found) });
        }
        checks
    }
}

//! r* = (B + J − A − C) / T, with its numbers and in words (R5b).

use domain::Money;
use domain::object::RateBasis;

use super::Facts;
use super::chart::card;
use crate::language::Language;
use crate::numbers;
use crate::pages::words::{self, Card};

/// What the required rate is reckoned from, by the plan and by the outcome.
pub(super) struct RateRow {
    pub(super) sign: &'static str,
    pub(super) name: &'static str,
    pub(super) plan: String,
    pub(super) outcome: String,
    pub(super) is_sum: bool,
}

impl Facts<'_> {
    /// The required rates as key figures.
    pub(super) fn required_cards(&self) -> [Card; 2] {
        let (w, year) = (self.w, self.year);
        let outcome_note = match (self.language, year.months.len()) {
            (_, 12) | (_, 0) => String::new(),
            (Language::Swedish, months) => {
                format!("hela årets budget mot omsättningen i {months} av 12 månader")
            }
            (Language::English, months) => {
                format!("the whole year's budget against the turnover of {months} of 12 months")
            }
        };
        let rate = |label: &str, basis: &RateBasis, note: &str| {
            let note = match (self.budget(), basis.required_rate()) {
                (None, _) => words::no_budget(self.language, year.year),
                (Some(_), None) => w.no_turnover.to_owned(),
                (Some(_), Some(_)) => note.to_owned(),
            };
            let notes = Some(note).filter(|note| !note.is_empty());
            card(label, self.required(basis), notes.into_iter().collect())
        };
        [
            rate(w.required_plan, &year.plan, w.planned_volumes),
            rate(w.required_outcome, &year.outcome, &outcome_note),
        ]
    }

    /// A required rate in per cent; a dash where nobody decided what it is to bring.
    pub(super) fn required(&self, basis: &RateBasis) -> String {
        let rate = self.budget().and_then(|_| basis.required_rate());
        rate.map_or_else(|| "–".to_owned(), |rate| numbers::fraction(self.language, rate))
    }

    /// The table of the formula.
    pub(super) fn rate_rows(&self) -> Vec<RateRow> {
        let (w, year) = (self.w, self.year);
        let amount = |sign, name, is_sum, pick: fn(&RateBasis) -> Money| RateRow {
            sign,
            name,
            plan: self.exact(pick(&year.plan)),
            outcome: self.exact(pick(&year.outcome)),
            is_sum,
        };
        let decided = |sign, name, is_sum, pick| match self.budget() {
            Some(_) => amount(sign, name, is_sum, pick),
            None => RateRow { sign, name, plan: "–".to_owned(), outcome: "–".to_owned(), is_sum },
        };
        vec![
            decided("B", w.b, false, |basis| basis.budget),
            amount("+ J", w.j, false, |basis| basis.joint),
            amount("− A", w.a, false, |basis| basis.adjustments),
            decided("− C", w.c, false, |basis| basis.from_elsewhere),
            decided("=", w.need, true, RateBasis::required),
            amount("T", w.turnover, false, |basis| basis.turnover),
            RateRow {
                sign: "r*",
                name: w.r,
                plan: self.required(&year.plan),
                outcome: self.required(&year.outcome),
                is_sum: true,
            },
        ]
    }

    /// The formula in words with the plan's numbers, and against the rate in force; nothing where no budget was decided.
    pub(super) fn rate_sentences(&self) -> Vec<String> {
        let plan = &self.year.plan;
        let Some(required) = self.budget().and_then(|_| plan.required_rate()) else { return Vec::new() };
        let figure = |amount: Money| self.kronor(amount);
        let (need, turnover, rate) = (figure(plan.required()), figure(plan.turnover), self.required(plan));
        let (b, j) = (figure(plan.budget), figure(plan.joint));
        let (a, c) = (figure(plan.adjustments), figure(plan.from_elsewhere));
        let swedish = self.language == Language::Swedish;
        let mut sentences = vec![if swedish {
            format!(
                "Enligt planen ska budgetens {b} och {j} för gemensamma tjänster täckas, utom {a} som justerade priser bidrar med och {c} från annat håll. Kvar är {need}, delat med {turnover} i omsättning: {rate}."
            )
        } else {
            format!(
                "By the plan, the budget's {b} and {j} for joint services are to be covered, but for {a} that adjusted prices contribute and {c} from elsewhere. That leaves {need}, divided by a turnover of {turnover}: {rate}."
            )
        }];
        let first = super::first_month(self.year.year);
        if let Some(in_force) = self.named.catalogue.rate(self.now.clamp(first, first.plus(11))) {
            let brings = in_force.rate.of(plan.turnover);
            let difference = brings - plan.required();
            let size = figure(if difference < Money::ZERO { -difference } else { difference });
            let (written, brings) = (numbers::percent(self.language, in_force.rate), figure(brings));
            let is_short = required > in_force.rate.fraction();
            sentences.push(match (swedish, is_short) {
                (true, true) => {
                    format!("Satsen {written} ger {brings} på samma omsättning: {size} för lite.")
                }
                (true, false) => {
                    format!("Satsen {written} ger {brings} på samma omsättning: {size} mer än som krävs.")
                }
                (false, true) => {
                    format!("The rate of {written} brings {brings} on the same turnover: {size} too little.")
                }
                (false, false) => format!(
                    "The rate of {written} brings {brings} on the same turnover: {size} more than required."
                ),
            });
        }
        sentences
    }
}

//! The year's collecting month by month: the key figures, the chart with its table, and where the year will end.

use billing::MonthState;
use domain::{Money, Month};

use super::{Facts, first_month};
use crate::chart::{Bars, Column, Look};
use crate::numbers::{self, Scale};
use crate::pages::months::Drawn;
use crate::pages::words::{self, Card};

/// A month of the table.
pub(super) struct MonthRow {
    pub(super) month: Month,
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) class: &'static str,
    pub(super) surcharge: String,
    pub(super) contributions: String,
    pub(super) cumulative: String,
    pub(super) plan: String,
}

impl Facts<'_> {
    /// The key figures.
    pub(super) fn cards(&self) -> Vec<Card> {
        let (w, progress) = (self.w, &self.progress);
        let mut cards = vec![self.rate_card()];
        cards.extend(self.required_cards());
        let mut notes = Vec::new();
        if let Some(last) = progress.last_over {
            notes.push(format!("{} {}", w.through, numbers::long_month(self.language, last)));
            notes.push(format!(
                "{} {}, {} {}",
                w.of_it,
                self.kronor(progress.over.surcharge),
                w.and_contributions,
                self.kronor(progress.over.contributed())
            ));
            if let Some(plan) = progress.planned_to(last) {
                notes.push(format!("{} {}", w.expected_so_far, self.kronor(plan)));
            }
        }
        if let Some((month, amount)) = progress.running {
            let name = numbers::long_month(self.language, month);
            notes.push(format!("{} {name}: {}", w.running, self.kronor(amount)));
        }
        cards.push(card(w.collected, self.kronor(progress.collected()), notes));
        if let (Some(need), Some(left)) = (progress.need, progress.left()) {
            cards.push(card(w.whole_year, self.kronor(need), vec![w.whole_year_note.to_owned()]));
            let (amount, note) = if left < Money::ZERO {
                (self.kronor(-left), w.over.to_owned())
            } else {
                (self.kronor(left), format!("{} {}", w.left_of, self.kronor(need)))
            };
            cards.push(card(w.left, amount, vec![note]));
        }
        cards
    }

    /// The rate in force: of the running month in its year, else of the year's last month or of its first.
    fn rate_card(&self) -> Card {
        let first = first_month(self.year.year);
        let month = self.now.clamp(first, first.plus(11));
        let Some(rate) = self.named.catalogue.rate(month) else {
            return card(self.w.in_force, self.w.none_in_force.to_owned(), Vec::new());
        };
        let decision = self.named.decision(&rate.decision);
        let since = format!("{} {}, {} {}", self.w.from, rate.valid_from, self.w.by, rate.decided_by);
        let notes = [since, decision.reference, decision.note].into_iter().filter(|note| !note.is_empty());
        card(self.w.in_force, numbers::percent(self.language, rate.rate), notes.collect())
    }

    /// The chart: what was collected up to each month, and what is missing to the plan on top of it.
    pub(super) fn chart(&self, scale: Scale) -> Result<Drawn, askama::Error> {
        let columns = self.columns(scale);
        let description = self.description();
        let bars = |class: &str, (width, height, margin), label_every, totals| {
            Bars {
                id: &format!("collected-{class}"),
                class,
                title: self.w.chart,
                description: &description,
                columns: &columns,
                width,
                height,
                margin,
                label_every,
                totals,
                tick: &|value| numbers::scaled(self.language, Money::from_ore(value), scale),
            }
            .svg()
        };
        Ok(Drawn {
            wide: bars("chart-wide", (1140, 260, 70), 1, true)?,
            narrow: bars("chart-narrow", (330, 220, 52), 3, false)?,
        })
    }

    /// The year's months, each with what was, or will have been, collected up to it; none where that is not known.
    fn cumulative(&self) -> Vec<(Month, Option<Money>, Look)> {
        let first = first_month(self.year.year);
        let mut sum = Some(Money::ZERO);
        let month = |month: Month| {
            let known = self.progress.months.get(&month).copied();
            let expected = self.progress.expected_of(month);
            let is_running = month >= self.now;
            let (amount, look) = match (known, expected) {
                (_, Some(expected)) => (Some(expected), Look::Forecast),
                (Some(amount), None) if is_running || !self.is_closed(month) => {
                    (Some(amount), Look::Provisional)
                }
                (Some(amount), None) => (Some(amount), Look::Known),
                // Before the first month that there is nothing was collected; after the last nobody knows.
                (None, None) if self.progress.months.range(month..).next().is_some() => {
                    (Some(Money::ZERO), Look::Known)
                }
                (None, None) => (None, Look::Known),
            };
            sum = sum.zip(amount).map(|(sum, amount)| sum + amount);
            (month, sum, look)
        };
        first.through(first.plus(11)).map(month).collect()
    }

    fn is_closed(&self, month: Month) -> bool {
        self.year.months.iter().any(|of| of.month == month && of.state == MonthState::Closed)
    }

    fn columns(&self, scale: Scale) -> Vec<Column> {
        let column = |(month, sum, look): (Month, Option<Money>, Look)| {
            let plan = self.progress.planned_to(month);
            let missing = plan.map_or(Money::ZERO, |plan| plan - sum.unwrap_or_default().max(Money::ZERO));
            let name = numbers::long_month(self.language, month);
            let said = sum.map_or_else(|| "–".to_owned(), |sum| self.kronor(sum));
            let said = if look == Look::Forecast {
                format!("{} {said}", words::of(self.language, "väntat", "expected"))
            } else {
                said
            };
            let planned = plan.map(|plan| format!(" ({} {})", self.t_plan(), self.kronor(plan)));
            Column {
                label: numbers::short_month(self.language, month).to_owned(),
                year: (month.number() == 1).then(|| month.year().to_string()),
                parts: vec![sum.unwrap_or_default().ore(), missing.max(Money::ZERO).ore()],
                total: sum.map_or_else(|| "–".to_owned(), |sum| numbers::scaled(self.language, sum, scale)),
                tip: format!("{name}: {said}{}", planned.unwrap_or_default()),
                look,
                band: None,
            }
        };
        self.cumulative().into_iter().map(column).collect()
    }

    fn t_plan(&self) -> String {
        self.w.plan.to_lowercase()
    }

    /// What one sees in the chart, for those who do not.
    fn description(&self) -> String {
        let last =
            self.cumulative().into_iter().filter_map(|(month, sum, _)| Some((month, sum?))).next_back();
        let Some((month, sum)) = last else {
            return words::of(self.language, "Inga värden.", "No values.").to_owned();
        };
        let (name, sum) = (numbers::long_month(self.language, month), self.kronor(sum));
        let of_plan = self.progress.planned_to(month).map(|plan| self.kronor(plan));
        let of_plan = of_plan.map_or_else(String::new, |plan| {
            format!(" {} {plan}", words::of(self.language, "mot planens", "against the plan's"))
        });
        match self.language {
            crate::language::Language::Swedish => format!(
                "Växande staplar för årets månader. Till och med {name}: {sum}{of_plan}. Samma värden finns i tabellen."
            ),
            crate::language::Language::English => format!(
                "Growing bars for the year's months. Up to {name}: {sum}{of_plan}. The table has the same values."
            ),
        }
    }

    /// The table's rows: the months that there are and those that are expected.
    pub(super) fn month_rows(&self) -> Vec<MonthRow> {
        let t = crate::texts::Texts::of(self.language);
        let row = |(month, sum, look): (Month, Option<Money>, Look)| {
            let known = self.year.months.iter().find(|of| of.month == month);
            let (state, class) = match known.map(|known| known.state) {
                _ if look == Look::Forecast => (words::of(self.language, "prognos", "forecast"), "info"),
                Some(MonthState::Open) => (t.open, "info"),
                Some(MonthState::Preliminary) => (t.preliminary, "warn"),
                Some(MonthState::Closed) => (t.closed, "good"),
                None => ("–", "info"),
            };
            let of = |pick: fn(&domain::object::Account) -> Money| {
                known.map_or_else(|| "–".to_owned(), |known| self.exact(pick(&known.account)))
            };
            let dash = |amount: Option<Money>| amount.map_or_else(|| "–".to_owned(), |a| self.exact(a));
            MonthRow {
                month,
                name: numbers::long_month(self.language, month),
                state,
                class,
                surcharge: of(|account| account.surcharge),
                contributions: of(domain::object::Account::contributed),
                cumulative: dash(sum),
                plan: dash(self.progress.planned_to(month)),
            }
        };
        self.cumulative().into_iter().map(row).collect()
    }

    /// Where the year is expected to end, in a few sentences.
    pub(super) fn forecast_sentence(&self) -> Option<String> {
        let progress = &self.progress;
        let (expected, year) = (progress.expected_year()?, self.year.year);
        let (method, months) = progress.expected.as_ref()?;
        let known = self.kronor(progress.collected());
        let rest = self.kronor(expected - progress.collected());
        let total = self.kronor(expected);
        let first = months.first().map(|month| numbers::month_name(self.language, month.month))?;
        let how = words::how(self.language, *method);
        let against = progress.need.map(|need| (self.kronor(need), expected - need));
        let swedish = self.language == crate::language::Language::Swedish;
        let against = against.map_or_else(String::new, |(need, difference)| {
            let size = self.kronor(if difference < Money::ZERO { -difference } else { difference });
            match (swedish, difference < Money::ZERO) {
                (true, true) => format!(" Det är {size} mindre än de {need} som ska samlas in."),
                (true, false) => format!(" Det är {size} mer än de {need} som ska samlas in."),
                (false, true) => format!(" That is {size} less than the {need} that are to be collected."),
                (false, false) => format!(" That is {size} more than the {need} that are to be collected."),
            }
        });
        Some(if swedish {
            format!(
                "Vid slutet av {year} väntas {total} vara insamlat: {known} från de månader som är slut och {rest} väntat från och med {first}.{against} {how}"
            )
        } else {
            format!(
                "By the end of {year}, {total} is expected to be collected: {known} from the months that are over and {rest} expected from {first} on.{against} {how}"
            )
        })
    }
}

pub(super) fn card(label: &str, value: String, notes: Vec<String>) -> Card {
    Card { label: label.to_owned(), value, notes }
}

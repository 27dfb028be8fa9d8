//! The object's tables: its budget, what is financed jointly or by others, its roles and its initiatives.

use domain::Money;
use domain::object::{Budget, BudgetPart, RoleFinancing};
use rust_decimal::Decimal;

use super::Facts;
use crate::numbers;
use crate::pages::named::DecisionText;
use crate::pages::words;

/// A part of the budget.
pub(super) struct PartRow {
    pub(super) name: &'static str,
    pub(super) budget: String,
    pub(super) booked: String,
    pub(super) joint: String,
    pub(super) left: String,
    pub(super) used: Option<Meter>,
}

/// How much of something is used, as a bar.
pub(super) struct Meter {
    /// In per cent, as people read it.
    pub(super) percent: String,
    /// How long the bar is, of a hundred.
    pub(super) width: i128,
    /// Whether more is used than there was.
    pub(super) is_over: bool,
}

/// What is financed jointly.
pub(super) struct JointRow {
    pub(super) service: String,
    pub(super) phase: &'static str,
    pub(super) bearer: String,
    pub(super) amount: String,
}

/// A budget that was transferred.
pub(super) struct TransferRow {
    pub(super) customer: String,
    pub(super) service: String,
    pub(super) amount: String,
    pub(super) decision: DecisionText,
}

/// A role; never a person.
pub(super) struct RoleRow {
    pub(super) name: String,
    pub(super) share: String,
    pub(super) financing: &'static str,
}

/// An initiative with central funds.
pub(super) struct InitiativeRow {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) period: String,
    pub(super) financier: String,
    pub(super) decision: DecisionText,
    pub(super) funds: String,
    pub(super) booked_in_year: String,
    pub(super) booked: String,
    pub(super) left: String,
    pub(super) used: Option<Meter>,
}

impl Facts<'_> {
    /// The budget's parts.
    pub(super) fn parts(&self) -> Vec<PartRow> {
        let row = |part: &domain::object::PartOutcome| {
            self.part(self.part_name(part.part), part.budget, part.booked, part.joint)
        };
        self.year.parts.iter().map(row).collect()
    }

    /// All parts together.
    pub(super) fn parts_total(&self) -> PartRow {
        let sum = |pick: fn(&domain::object::PartOutcome) -> Money| self.year.parts.iter().map(pick).sum();
        let name = words::of(self.language, "Summa", "Total");
        self.part(name, sum(|part| part.budget), sum(|part| part.booked), sum(|part| part.joint))
    }

    fn part(&self, name: &'static str, budget: Money, booked: Money, joint: Money) -> PartRow {
        PartRow {
            name,
            budget: self.exact(budget),
            booked: self.exact(booked),
            joint: self.exact(joint),
            left: self.exact(budget - booked - joint),
            used: self.meter(booked + joint, budget),
        }
    }

    fn part_name(&self, part: BudgetPart) -> &'static str {
        match part {
            BudgetPart::Management => words::of(self.language, "Förvaltning", "Management"),
            BudgetPart::Planned => words::of(self.language, "Planerad utveckling", "Planned development"),
            BudgetPart::Unplanned => {
                words::of(self.language, "Oplanerad utveckling", "Unplanned development")
            }
            BudgetPart::Joint => {
                words::of(self.language, "Permanent gemensamma tjänster", "Permanently joint services")
            }
        }
    }

    /// How much of an amount is used; none where there was nothing.
    fn meter(&self, used: Money, of: Money) -> Option<Meter> {
        if of <= Money::ZERO {
            return None;
        }
        let permille = domain::quantity::div_half_away(i128::from(used.ore()) * 1000, i128::from(of.ore()));
        let percent = Decimal::try_from_i128_with_scale(permille, 3).unwrap_or_default();
        Some(Meter {
            percent: numbers::fraction(self.language, percent),
            width: (permille / 10).clamp(0, 100),
            is_over: used > of,
        })
    }

    /// What adjusted prices contribute, by service, and all together.
    pub(super) fn contributions(&self) -> Vec<(String, String)> {
        let account = &self.year.account;
        let service =
            |(slug, amount): (&String, &Money)| (self.named.service(slug).to_owned(), self.exact(*amount));
        account.contributions.iter().map(service).collect()
    }

    /// What is financed jointly, by service, phase and bearer.
    pub(super) fn joint(&self) -> Vec<JointRow> {
        let bearer = |bearer: &Option<String>| match bearer {
            Some(code) => self.named.customer(code).to_owned(),
            None => self.w.the_object.to_owned(),
        };
        let row = |(key, amount): (&domain::object::JointKey, &Money)| JointRow {
            service: self.named.service(&key.service).to_owned(),
            phase: words::phase(self.language, key.phase),
            bearer: bearer(&key.bearer),
            amount: self.exact(*amount),
        };
        self.year.account.joint.iter().map(row).collect()
    }

    pub(super) fn budget(&self) -> Option<&Budget> {
        self.named.catalogue.object.budgets.get(&self.year.year)
    }

    /// Budgets that others gave up (R21).
    pub(super) fn transfers(&self) -> Vec<TransferRow> {
        let transfers = self.budget().map_or(&[][..], |budget| &budget.transfers);
        let row = |transfer: &domain::object::Transfer| TransferRow {
            customer: self.named.customer(&transfer.customer).to_owned(),
            service: self.named.service(&transfer.service).to_owned(),
            amount: self.exact(transfer.amount),
            decision: self.named.decision(&transfer.decision),
        };
        transfers.iter().map(row).collect()
    }

    /// The roles (R2, R20).
    pub(super) fn roles(&self) -> Vec<RoleRow> {
        let roles = self.budget().map_or(&[][..], |budget| &budget.roles);
        let row = |role: &domain::object::Role| RoleRow {
            name: role.name.clone(),
            share: numbers::percent(self.language, role.share),
            financing: self.financing(role.financing),
        };
        roles.iter().map(row).collect()
    }

    /// What the roles cost, by who pays for them; nothing where they are not reckoned.
    pub(super) fn role_costs(&self) -> Vec<(&'static str, String)> {
        let Some(budget) = self.budget().filter(|budget| budget.full_time_cost.is_some()) else {
            return Vec::new();
        };
        let costs = RoleFinancing::ALL
            .into_iter()
            .filter(|financing| budget.roles.iter().any(|role| role.financing == *financing));
        costs
            .map(|financing| {
                (
                    self.financing(financing),
                    numbers::exact_kronor(self.language, budget.roles_cost(financing)),
                )
            })
            .collect()
    }

    fn financing(&self, financing: RoleFinancing) -> &'static str {
        match financing {
            RoleFinancing::Line => {
                words::of(self.language, "linjen, utanför budgeten", "the line, outside of the budget")
            }
            RoleFinancing::Management => {
                words::of(self.language, "budgetens förvaltning", "the budget's management")
            }
            RoleFinancing::Development => {
                words::of(self.language, "budgetens utveckling", "the budget's development")
            }
        }
    }

    /// The initiatives that live in the year (R16).
    pub(super) fn initiatives(&self) -> Vec<InitiativeRow> {
        let row = |outcome: &domain::object::ProjectOutcome| {
            let project = self.named.catalogue.object.projects.get(&outcome.id)?;
            let to = project.to.map_or_else(String::new, |day| day.to_string());
            Some(InitiativeRow {
                id: project.id.clone(),
                name: project.name.clone(),
                period: format!("{} – {to}", project.from).trim_end().to_owned(),
                financier: project.financier.clone(),
                decision: self.named.decision(&project.decision),
                funds: self.exact(project.funds),
                booked_in_year: self.exact(outcome.booked_in_year),
                booked: self.exact(outcome.booked),
                left: self.exact(outcome.left),
                used: self.meter(outcome.booked, project.funds),
            })
        };
        self.year.projects.iter().filter_map(row).collect()
    }
}

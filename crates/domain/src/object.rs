//! The object's own economy: what it was given, what it collects, what it bears, and the rate that this would take (R1, R8,
//! R10, R16, R20–R22).
//!
//! It never contains what services earn (R8): from charges it takes the surcharge, the joint part and the contribution of
//! adjusted prices, and the net only as what the rate is reckoned on.

mod account;
mod plan;
mod rate;

use std::collections::BTreeMap;

use chrono::NaiveDate;

pub use account::{Account, JointKey, PartOutcome, ProjectOutcome};
pub use plan::planned;
pub use rate::RateBasis;

use crate::money::{Money, Rate};

/// What was decided about the object's own economy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectPlan {
    /// The budgets, by year.
    pub budgets: BTreeMap<i32, Budget>,
    /// Initiatives with central funds, by id (R16).
    pub projects: BTreeMap<String, Project>,
    /// What was booked on the budget's parts and on projects, ordered by day.
    pub entries: Vec<Entry>,
}

/// A year's budget (R1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Budget {
    /// What each part was given.
    pub parts: BTreeMap<BudgetPart, Money>,
    /// What is brought along from the year before; below zero when it was overdrawn.
    pub carried_over: Money,
    /// Budgets that others gave up for what is now financed jointly (R21).
    pub transfers: Vec<Transfer>,
    /// What a full-time position costs in a year; none where roles are not reckoned.
    pub full_time_cost: Option<Money>,
    /// The object's roles (R2, R20).
    pub roles: Vec<Role>,
    /// The decision's reference.
    pub decision: String,
}

impl Budget {
    /// What all parts were given.
    pub fn total(&self) -> Money {
        self.parts.values().copied().sum()
    }

    /// B: what is to be collected whatever services are financed jointly. What is set aside for those is not in it: J has
    /// what they really cost, and would count them twice (R5b, R15).
    pub fn to_collect(&self) -> Money {
        let parts = self.parts.iter().filter(|(part, _)| **part != BudgetPart::Joint);
        parts.map(|(_, amount)| *amount).sum()
    }

    /// C: what comes from elsewhere and need not be collected.
    pub fn from_elsewhere(&self) -> Money {
        self.carried_over + self.transfers.iter().map(|transfer| transfer.amount).sum()
    }

    /// What roles of a kind of financing cost in the year: öre(Σ share × full-time cost), rounded once. Nothing where roles
    /// are not reckoned.
    pub fn roles_cost(&self, financing: RoleFinancing) -> Money {
        let shares = self.roles.iter().filter(|role| role.financing == financing);
        let share = shares.map(|role| role.share.fraction()).sum::<rust_decimal::Decimal>();
        let cost = self.full_time_cost.unwrap_or_default().to_decimal();
        // Shares are at most 1 each and costs fit: what does not would be a mistake of the catalogue's limits.
        share.checked_mul(cost).and_then(Money::rounded).unwrap_or_default()
    }
}

/// A part of the budget (R1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BudgetPart {
    /// Steering, follow-up, needs and requirements.
    Management,
    /// Development that was planned.
    Planned,
    /// Development that comes up.
    Unplanned,
    /// Services that are jointly financed for good (R15).
    Joint,
}

impl BudgetPart {
    /// Every part.
    pub const ALL: [BudgetPart; 4] =
        [BudgetPart::Management, BudgetPart::Planned, BudgetPart::Unplanned, BudgetPart::Joint];

    /// As the catalogue writes it.
    pub const fn name(self) -> &'static str {
        match self {
            BudgetPart::Management => "forvaltning",
            BudgetPart::Planned => "planerad_utveckling",
            BudgetPart::Unplanned => "oplanerad_utveckling",
            BudgetPart::Joint => "gemensamma_tjanster",
        }
    }

    /// The part with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

/// A budget that a customer gave up for what is now financed jointly (R21).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The customer's code.
    pub customer: String,
    /// The service that it is for.
    pub service: String,
    /// How much, in the year.
    pub amount: Money,
    /// The decision's reference.
    pub decision: String,
}

/// A role in the object's organisation (R2, R20); never a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// What it is called.
    pub name: String,
    /// The fraction of a full-time position.
    pub share: Rate,
    /// Who pays for it.
    pub financing: RoleFinancing,
}

/// Who pays for a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleFinancing {
    /// The line organisation: outside of the budget (R20).
    Line,
    /// The budget's management part.
    Management,
    /// The budget's development parts.
    Development,
}

impl RoleFinancing {
    /// Every kind.
    pub const ALL: [RoleFinancing; 3] =
        [RoleFinancing::Line, RoleFinancing::Management, RoleFinancing::Development];

    /// As the catalogue writes it.
    pub const fn name(self) -> &'static str {
        match self {
            RoleFinancing::Line => "linje",
            RoleFinancing::Management => "forvaltning",
            RoleFinancing::Development => "utveckling",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|financing| financing.name() == name)
    }
}

/// An initiative with central funds: outside of the budget and of the rate, and of no year (R16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id, as accounts know it (SIE dimension 6).
    pub id: String,
    /// Its name.
    pub name: String,
    /// The first day.
    pub from: NaiveDate,
    /// The last day; none while it is not known.
    pub to: Option<NaiveDate>,
    /// What it was given.
    pub funds: Money,
    /// Who gave it.
    pub financier: String,
    /// The decision's reference.
    pub decision: String,
}

/// What an entry is booked on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Post {
    /// A part of the year's budget.
    Part(BudgetPart),
    /// A project, by id.
    Project(String),
}

/// Something that was booked in the object's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub day: NaiveDate,
    /// On what.
    pub post: Post,
    /// A cost; below zero for an income, such as state funds.
    pub cost: Money,
    /// What it was for.
    pub text: String,
    /// The voucher or other reference.
    pub reference: String,
}

#[cfg(test)]
mod tests;

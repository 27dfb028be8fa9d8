//! The object's account of a year: what charges brought and cost it, beside its budget and what was booked on it.

use std::collections::BTreeMap;

use chrono::Datelike;

use super::{Budget, BudgetPart, ObjectPlan, Post, RateBasis};
use crate::charge::Charge;
use crate::financing::Phase;
use crate::money::Money;

/// What tells jointly financed cost apart: the service, the phase that the decision names, and who bears it instead of the
/// object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct JointKey {
    /// The service's slug.
    pub service: String,
    /// The phase.
    pub phase: Phase,
    /// Who bears it; none when it is the object.
    pub bearer: Option<String>,
}

/// What charges mean to the object. Accounts of months add up to that of their year.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// The surcharge that is collected (R4).
    pub surcharge: Money,
    /// T: the invoiced net of the services that bear the surcharge. What it is reckoned on, no income of the object (R8).
    pub turnover: Money,
    /// The contribution of adjusted prices, by service (R10).
    pub contributions: BTreeMap<String, Money>,
    /// What is financed jointly (R11).
    pub joint: BTreeMap<JointKey, Money>,
}

impl Account {
    /// What some charges mean to the object, corrections with what they change.
    pub fn of<'a>(charges: impl IntoIterator<Item = &'a Charge>) -> Self {
        let mut account = Self::default();
        for charge in charges {
            account.surcharge += charge.surcharge;
            if charge.tariff.bears_surcharge {
                account.turnover += charge.net;
            }
            if let Some(contribution) = charge.contribution() {
                *account.contributions.entry(charge.tariff.service.clone()).or_default() += contribution;
            }
            if let Some(terms) = charge.tariff.joint.as_ref().filter(|_| charge.joint != Money::ZERO) {
                let (service, bearer) = (charge.tariff.service.clone(), terms.bearer.clone());
                let key = JointKey { service, phase: terms.phase, bearer };
                *account.joint.entry(key).or_default() += charge.joint;
            }
        }
        account
    }

    /// Adds another account.
    pub fn add(&mut self, other: &Self) {
        self.surcharge += other.surcharge;
        self.turnover += other.turnover;
        for (service, amount) in &other.contributions {
            *self.contributions.entry(service.clone()).or_default() += *amount;
        }
        for (key, amount) in &other.joint {
            *self.joint.entry(key.clone()).or_default() += *amount;
        }
    }

    /// A: what adjusted prices contribute, below zero where they are reduced.
    pub fn contributed(&self) -> Money {
        self.contributions.values().copied().sum()
    }

    /// What of the joint cost the object bears, in the phases asked for.
    pub fn borne(&self, is_asked: impl Fn(Phase) -> bool) -> Money {
        let borne = self.joint.iter().filter(|(key, _)| key.bearer.is_none() && is_asked(key.phase));
        borne.map(|(_, amount)| *amount).sum()
    }

    /// What the required rate is reckoned from, with this outcome and a budget.
    pub fn rate_basis(&self, budget: Option<&Budget>) -> RateBasis {
        RateBasis {
            budget: budget.map(Budget::to_collect).unwrap_or_default(),
            joint: self.borne(|phase| phase == Phase::Permanent),
            adjustments: self.contributed(),
            from_elsewhere: budget.map(Budget::from_elsewhere).unwrap_or_default(),
            turnover: self.turnover,
        }
    }
}

/// A part of a year's budget and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartOutcome {
    /// The part.
    pub part: BudgetPart,
    /// What it was given.
    pub budget: Money,
    /// What was booked on it.
    pub booked: Money,
    /// What it bears of the services' joint cost: that of the services financed jointly for good on the part of that name,
    /// that of services on their way there on planned development.
    pub joint: Money,
}

impl PartOutcome {
    /// What is left; below zero when it is overdrawn.
    pub fn left(&self) -> Money {
        self.budget - self.booked - self.joint
    }
}

/// A project and what became of it: over its life, and in one year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectOutcome {
    /// The project's id.
    pub id: String,
    /// What was booked on it in all, costs less incomes.
    pub booked: Money,
    /// What was booked on it in the year.
    pub booked_in_year: Money,
    /// What is left of its funds.
    pub left: Money,
}

impl ObjectPlan {
    /// The parts of a year's budget with what was booked on them and what they bear.
    pub fn parts(&self, year: i32, account: &Account) -> Vec<PartOutcome> {
        let budget = self.budgets.get(&year);
        let part = |part: BudgetPart| PartOutcome {
            part,
            budget: budget.and_then(|budget| budget.parts.get(&part)).copied().unwrap_or_default(),
            booked: self.booked(&Post::Part(part), Some(year)),
            joint: match part {
                BudgetPart::Planned => account.borne(|phase| phase != Phase::Permanent),
                BudgetPart::Joint => account.borne(|phase| phase == Phase::Permanent),
                BudgetPart::Management | BudgetPart::Unplanned => Money::ZERO,
            },
        };
        BudgetPart::ALL.into_iter().map(part).collect()
    }

    /// The projects that live in a year, with what was booked on them over their life (R16).
    pub fn projects_of(&self, year: i32) -> Vec<ProjectOutcome> {
        let lives = self.projects.values().filter(|project| {
            let post = Post::Project(project.id.clone());
            let is_within = project.from.year() <= year && project.to.is_none_or(|to| to.year() >= year);
            is_within || self.entries.iter().any(|entry| entry.post == post && entry.day.year() == year)
        });
        let outcome = |project: &super::Project| {
            let post = Post::Project(project.id.clone());
            let booked = self.booked(&post, None);
            ProjectOutcome {
                id: project.id.clone(),
                booked,
                booked_in_year: self.booked(&post, Some(year)),
                left: project.funds - booked,
            }
        };
        lives.map(outcome).collect()
    }

    fn booked(&self, post: &Post, year: Option<i32>) -> Money {
        let entries = self.entries.iter().filter(|entry| entry.post == *post);
        entries.filter(|entry| year.is_none_or(|year| entry.day.year() == year)).map(|entry| entry.cost).sum()
    }
}

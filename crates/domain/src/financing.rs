//! Joint financing: how much of a service's cost the object bears instead of those who use it (R11–R13, R15).
//!
//! A share holds for a part of a service (all of it, one kind of its costs, one meter, one class) and for some payers (all,
//! kinds of them, named ones). The narrowest share in force decides: first by what it holds for, then by whom.

use std::collections::{BTreeMap, BTreeSet};

use crate::calendar::Month;
use crate::catalogue::{Catalogue, Customer, Meter};
use crate::event::CustomerKind;
use crate::money::Rate;

/// A phase of a service's life that decisions about its financing name (R13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The service is set up for the first time.
    Establishment,
    /// It is fitted to what each administration needs.
    Development,
    /// It runs, in its first years.
    InitialMaintenance,
    /// It runs, and is mature.
    LongTermMaintenance,
    /// It is mature and stays jointly financed: measured and reported, never invoiced, and paid by the surcharge (R15).
    Permanent,
}

impl Phase {
    /// Every phase, in the order of a service's life.
    pub const ALL: [Phase; 5] = [
        Phase::Establishment,
        Phase::Development,
        Phase::InitialMaintenance,
        Phase::LongTermMaintenance,
        Phase::Permanent,
    ];

    /// As the catalogue writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Establishment => "etablering",
            Phase::Development => "utveckling",
            Phase::InitialMaintenance => "initialt underhåll",
            Phase::LongTermMaintenance => "långsiktigt underhåll",
            Phase::Permanent => "permanent",
        }
    }

    /// The phase with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

/// What a meter's cost is for: the rows of the object plan's table of who finances what, when (R13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CostKind {
    /// Setting the service up: purchases and skills that are bought once.
    SetUp,
    /// Fitting the service to an administration's needs: the marginal cost of a project.
    Project,
    /// Keeping the service running for everybody, however much it is used.
    Central,
    /// What each unit in use costs.
    #[default]
    Running,
}

impl CostKind {
    /// Every kind of cost.
    pub const ALL: [CostKind; 4] = [CostKind::SetUp, CostKind::Project, CostKind::Central, CostKind::Running];

    /// As the catalogue writes it.
    pub const fn name(self) -> &'static str {
        match self {
            CostKind::SetUp => "etablering",
            CostKind::Project => "projekt",
            CostKind::Central => "central",
            CostKind::Running => "drift",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What of a service a share holds for, from the widest to the narrowest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// All of it.
    Service,
    /// The meters of one kind of cost.
    CostKind(CostKind),
    /// One meter, by slug.
    Meter(String),
    /// One class of one meter.
    Class {
        /// The meter's slug.
        meter: String,
        /// The values of its rating dimensions joined by `/`.
        class: String,
    },
}

impl Part {
    fn covers(&self, meter: &Meter, class: &str) -> bool {
        match self {
            Part::Service => true,
            Part::CostKind(kind) => *kind == meter.cost_kind,
            Part::Meter(slug) => *slug == meter.slug,
            Part::Class { meter: slug, class: wanted } => *slug == meter.slug && wanted == class,
        }
    }

    /// Whether it is all of another part of a service, or more; `cost_kind` knows the service's meters.
    pub(crate) fn includes(&self, other: &Part, cost_kind: impl Fn(&str) -> Option<CostKind>) -> bool {
        match (self, other) {
            (Part::Service, _) => true,
            (Part::CostKind(kind), Part::Meter(slug) | Part::Class { meter: slug, .. }) => {
                cost_kind(slug) == Some(*kind)
            }
            (Part::Meter(slug), Part::Class { meter, .. }) => slug == meter,
            (Part::CostKind(_) | Part::Meter(_) | Part::Class { .. }, _) => self == other,
        }
    }

    const fn narrowness(&self) -> u8 {
        match self {
            Part::Service => 0,
            Part::CostKind(_) => 1,
            Part::Meter(_) => 2,
            Part::Class { .. } => 3,
        }
    }
}

/// Whom a share holds for, from the widest to the narrowest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Payers {
    /// Everybody.
    All,
    /// Payers of these kinds.
    Kinds(BTreeSet<CustomerKind>),
    /// These payers, by code.
    Named(BTreeSet<String>),
}

impl Payers {
    /// Nobody's usage is only covered by what holds for everybody.
    fn cover(&self, payer: Option<&Customer>) -> bool {
        payer.map_or(*self == Payers::All, |payer| self.have(&payer.code, payer.kind))
    }

    /// Whether the payer with this code and of this kind is one of them.
    pub(crate) fn have(&self, code: &str, kind: CustomerKind) -> bool {
        match self {
            Payers::All => true,
            Payers::Kinds(kinds) => kinds.contains(&kind),
            Payers::Named(codes) => codes.contains(code),
        }
    }

    /// Whether they are all of some other payers, or more.
    pub(crate) fn include(&self, other: &Payers, customers: &BTreeMap<String, Customer>) -> bool {
        match (self, other) {
            (Payers::All, _) => true,
            (Payers::Kinds(kinds), Payers::Kinds(others)) => others.is_subset(kinds),
            (Payers::Kinds(kinds), Payers::Named(codes)) => {
                codes.iter().all(|code| customers.get(code).is_some_and(|payer| kinds.contains(&payer.kind)))
            }
            (Payers::Named(codes), Payers::Named(others)) => others.is_subset(codes),
            (Payers::Kinds(_), Payers::All) | (Payers::Named(_), Payers::All | Payers::Kinds(_)) => false,
        }
    }

    pub(crate) const fn narrowness(&self) -> u8 {
        match self {
            Payers::All => 0,
            Payers::Kinds(_) => 1,
            Payers::Named(_) => 2,
        }
    }
}

/// A share of a service's cost that is financed jointly (R11, R12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JointShare {
    /// The service's slug.
    pub service: String,
    /// What of it.
    pub part: Part,
    /// For whom.
    pub payers: Payers,
    /// The first month.
    pub valid_from: Month,
    /// The last month; none while it lasts.
    pub valid_to: Option<Month>,
    /// The jointly financed fraction of the gross.
    pub share: Rate,
    /// The phase of the service's life that the decision names (R13).
    pub phase: Phase,
    /// Who bears it instead of the object, such as a staff unit whose means pay for the service today (R22); none when it
    /// is the object.
    pub bearer: Option<String>,
    /// The decision's reference.
    pub decision: String,
}

impl JointShare {
    /// Whether it is in force in a month.
    pub fn is_in_force(&self, month: Month) -> bool {
        self.valid_from <= month && self.valid_to.is_none_or(|to| month <= to)
    }
}

impl Catalogue {
    /// The share of a payer's usage of a class of a meter that is financed jointly in a month: the narrowest one in force.
    pub fn joint_share(
        &self,
        service: &str,
        meter: &Meter,
        class: &str,
        payer: Option<&Customer>,
        month: Month,
    ) -> Option<&JointShare> {
        let of_service = self.joint_shares.iter().filter(|share| share.service == service);
        of_service
            .filter(|share| share.is_in_force(month))
            .filter(|share| share.part.covers(meter, class) && share.payers.cover(payer))
            .max_by_key(|share| (share.part.narrowness(), share.payers.narrowness()))
    }

    /// Whether a service's joint financing depends on who pays.
    pub fn finances_by_payer(&self, service: &str) -> bool {
        self.joint_shares.iter().any(|share| share.service == service && share.payers != Payers::All)
    }
}

#[cfg(test)]
mod scope_tests;
#[cfg(test)]
mod tests;

//! Who may do what, and who sees which figures.
//!
//! A [`Role`] says what somebody may do, a [`Scope`] about what: a payer sees its own cost centres, an object leader its own
//! services. Both together are a [`Grant`]; whoever logs in may have several, and sees what any of them shows. All of it is
//! decided here and nowhere else; HTTP only says which [`Permission`] a request needs.

use std::collections::BTreeSet;

/// What somebody is to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sends events of its registered sources, and says how many it sent.
    Collector,
    /// Sees what its own cost centres, or those of its customers, are charged: a manager, a customer contact.
    Payer,
    /// Sees usage and costs of its own services, the object's economy, and tries other prices.
    ObjectLeader,
    /// Sees to it that all is counted: collectors, lag, quarantine, reconciliation. Sees no money.
    Operator,
    /// Sees everything, announces and closes months.
    Finance,
    /// Sees everything, changes nothing.
    Auditor,
    /// Does everything.
    Admin,
}

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// To send events.
    Send,
    /// To see usage, costs and prices, as far as one's scope goes.
    Figures,
    /// To see the object's own economy, and to try prices and rates.
    Object,
    /// To see how complete the counting is.
    Quality,
    /// To see what whole months come to and who is billed what: exports, reports, documents.
    Books,
    /// To see intake, collectors, lag, quarantine and reconciliation.
    Operations,
    /// To see who decided what.
    Audit,
    /// To replay events, and to retire collectors.
    Operate,
    /// To announce and close months.
    Finance,
    /// To change who pays what, and who may do what.
    Admin,
    /// To ask anything that every caller may ask.
    Any,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 7] = [
        Role::Collector,
        Role::Payer,
        Role::ObjectLeader,
        Role::Operator,
        Role::Finance,
        Role::Auditor,
        Role::Admin,
    ];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Collector => "collector",
            Role::Payer => "payer",
            Role::ObjectLeader => "object-leader",
            Role::Operator => "operator",
            Role::Finance => "finance",
            Role::Auditor => "auditor",
            Role::Admin => "admin",
        }
    }

    /// The role with this name. The control logs of older programs have `sender` and `reader`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "sender" => Some(Role::Collector),
            "reader" => Some(Role::Auditor),
            _ => Self::ALL.into_iter().find(|role| role.name() == name),
        }
    }

    /// Whether it covers a permission.
    pub fn may(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Role::Admin => true,
            Role::Collector => matches!(permission, P::Send | P::Any),
            Role::Payer => matches!(permission, P::Figures | P::Any),
            Role::ObjectLeader => matches!(permission, P::Figures | P::Object | P::Quality | P::Any),
            Role::Operator => matches!(permission, P::Quality | P::Operations | P::Operate | P::Any),
            Role::Auditor => matches!(
                permission,
                P::Figures | P::Object | P::Quality | P::Books | P::Operations | P::Audit | P::Any
            ),
            Role::Finance => matches!(
                permission,
                P::Figures
                    | P::Object
                    | P::Quality
                    | P::Books
                    | P::Operations
                    | P::Audit
                    | P::Finance
                    | P::Any
            ),
        }
    }
}

/// About what somebody may act. Each role uses the part that is its own; the others are empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Scope {
    /// The sources that a collector may send for.
    pub sources: BTreeSet<String>,
    /// The services of an object leader.
    pub services: BTreeSet<String>,
    /// The customers whose cost centres a payer sees, all of them, by code.
    pub customers: BTreeSet<String>,
    /// The cost centres that a payer sees besides, by code.
    pub costcentres: BTreeSet<String>,
}

/// How many sources, services or cost centres one scope may name.
const SCOPE_MAX: usize = 200;

impl Scope {
    /// Whether it is what a role needs: sources for a collector, services for an object leader, customers or cost centres for
    /// a payer, nothing for others.
    pub fn fits(&self, role: Role) -> bool {
        let (sources, services) = (self.sources.len(), self.services.len());
        let payers = self.customers.len() + self.costcentres.len();
        let wanted = match role {
            Role::Collector => sources,
            Role::ObjectLeader => services,
            Role::Payer => payers,
            Role::Operator | Role::Finance | Role::Auditor | Role::Admin => {
                return sources + services + payers == 0;
            }
        };
        (1..=SCOPE_MAX).contains(&wanted) && sources + services + payers == wanted
    }
}

/// A role and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// What one may do.
    pub role: Role,
    /// About what.
    pub scope: Scope,
}

/// Whose usage or charge something is: what decides who sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belongs<'a> {
    /// The service's slug.
    pub service: &'a str,
    /// The payer's code; none for usage that nobody pays for.
    pub customer: Option<&'a str>,
    /// The cost centre's code.
    pub costcentre: &'a str,
}

/// Somebody who asks: all that was granted to them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Viewer {
    grants: BTreeSet<Grant>,
}

impl Viewer {
    /// Somebody with these grants.
    pub fn new(grants: impl IntoIterator<Item = Grant>) -> Self {
        Self { grants: grants.into_iter().collect() }
    }

    /// Somebody who may do everything.
    pub fn admin() -> Self {
        Self::new([Grant { role: Role::Admin, scope: Scope::default() }])
    }

    /// The grants.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants.iter()
    }

    /// Whether some grant covers a permission.
    pub fn may(&self, permission: Permission) -> bool {
        self.grants.iter().any(|grant| grant.role.may(permission))
    }

    /// Whether all figures are seen, whosever they are.
    pub fn sees_all(&self) -> bool {
        let unscoped = |grant: &&Grant| !matches!(grant.role, Role::Payer | Role::ObjectLeader);
        self.grants.iter().filter(unscoped).any(|grant| grant.role.may(Permission::Figures))
    }

    /// Whether somebody's usage or charge is seen.
    pub fn sees(&self, what: Belongs<'_>) -> bool {
        self.grants.iter().any(|Grant { role, scope }| match role {
            Role::Payer => {
                scope.costcentres.contains(what.costcentre)
                    || what.customer.is_some_and(|customer| scope.customers.contains(customer))
            }
            Role::ObjectLeader => scope.services.contains(what.service),
            Role::Collector | Role::Operator => false,
            Role::Finance | Role::Auditor | Role::Admin => true,
        })
    }

    /// Whether single cost centres matter to what is seen, besides services and customers.
    pub fn names_costcentres(&self) -> bool {
        self.grants.iter().any(|grant| grant.role == Role::Payer && !grant.scope.costcentres.is_empty())
    }

    /// Whether all of a service is seen, whoever pays.
    pub fn sees_service(&self, service: &str) -> bool {
        self.sees_all()
            || self
                .grants
                .iter()
                .any(|grant| grant.role == Role::ObjectLeader && grant.scope.services.contains(service))
    }

    /// Whether the counting of a service is their business: that of all, or of their own services.
    pub fn covers_service(&self, service: &str) -> bool {
        let sees_all =
            |grant: &Grant| grant.role != Role::ObjectLeader && grant.role.may(Permission::Quality);
        self.grants.iter().any(sees_all) || self.sees_service(service)
    }

    /// Whether single events, subjects and small groups are seen: by those who must be able to explain them. Others see what
    /// groups come to (domain.md §2.7).
    pub fn sees_individuals(&self) -> bool {
        self.sees_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(sources: &[&str], services: &[&str], customers: &[&str], costcentres: &[&str]) -> Scope {
        let set = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
        Scope {
            sources: set(sources),
            services: set(services),
            customers: set(customers),
            costcentres: set(costcentres),
        }
    }

    fn what<'a>(service: &'a str, customer: Option<&'a str>, costcentre: &'a str) -> Belongs<'a> {
        Belongs { service, customer, costcentre }
    }

    #[test]
    fn each_role_may_do_what_it_is_for_and_nothing_else() {
        let cases = [
            (Permission::Send, "collector admin"),
            (Permission::Figures, "payer object-leader finance auditor admin"),
            (Permission::Object, "object-leader finance auditor admin"),
            (Permission::Quality, "object-leader operator finance auditor admin"),
            (Permission::Books, "finance auditor admin"),
            (Permission::Operations, "operator finance auditor admin"),
            (Permission::Audit, "finance auditor admin"),
            (Permission::Operate, "operator admin"),
            (Permission::Finance, "finance admin"),
            (Permission::Admin, "admin"),
            (Permission::Any, "collector payer object-leader operator finance auditor admin"),
        ];
        for (permission, allowed) in cases {
            let roles: Vec<&str> =
                Role::ALL.into_iter().filter(|role| role.may(permission)).map(Role::name).collect();
            assert_eq!(roles.join(" "), allowed, "{permission:?}");
        }
    }

    #[test]
    fn a_scope_is_that_of_its_role() {
        let cases = [
            (Role::Collector, scope(&["/a"], &[], &[], &[]), true),
            (Role::Collector, scope(&[], &[], &[], &[]), false),
            (Role::Collector, scope(&["/a"], &["e-moten"], &[], &[]), false),
            (Role::ObjectLeader, scope(&[], &["e-moten"], &[], &[]), true),
            (Role::ObjectLeader, scope(&[], &[], &["KLF"], &[]), false),
            (Role::Payer, scope(&[], &[], &["KLF"], &["441001"]), true),
            (Role::Payer, scope(&[], &[], &[], &[]), false),
            (Role::Finance, scope(&[], &[], &[], &[]), true),
            (Role::Admin, scope(&[], &[], &[], &["441001"]), false),
        ];
        for (role, scope, fits) in cases {
            assert_eq!(scope.fits(role), fits, "{role:?} {scope:?}");
        }
    }

    #[test]
    fn a_viewer_sees_what_any_grant_shows() {
        let payer = Grant { role: Role::Payer, scope: scope(&[], &[], &["KLF"], &["441001"]) };
        let leader = Grant { role: Role::ObjectLeader, scope: scope(&[], &["e-moten"], &[], &[]) };
        let viewer = Viewer::new([payer.clone()]);
        assert!(viewer.sees(what("mdm", Some("KLF"), "110200")) && viewer.sees(what("mdm", None, "441001")));
        assert!(
            !viewer.sees(what("mdm", Some("UAF"), "441002")) && !viewer.sees(what("mdm", None, "110200"))
        );
        let both = Viewer::new([payer, leader]);
        assert!(
            both.sees(what("e-moten", Some("UAF"), "441002")) && both.sees(what("mdm", Some("KLF"), "1"))
        );
        assert!(!both.sees(what("mdm", Some("UAF"), "441002")) && !both.sees_all());
        assert!(both.sees_service("e-moten") && !both.sees_service("mdm"));
        let customers = Grant { role: Role::Payer, scope: scope(&[], &[], &["KLF"], &[]) };
        assert!(both.names_costcentres() && !Viewer::new([customers]).names_costcentres());
        assert!(Viewer::admin().sees(what("mdm", None, "1")) && Viewer::admin().sees_all());
        let operator = Viewer::new([Grant { role: Role::Operator, scope: Scope::default() }]);
        assert!(!operator.sees(what("mdm", Some("KLF"), "110200")) && !operator.sees_all());
    }

    #[test]
    fn names_are_read_back_and_old_ones_too() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
        assert_eq!(
            (Role::from_name("sender"), Role::from_name("reader"), Role::from_name("x")),
            (Some(Role::Collector), Some(Role::Auditor), None)
        );
    }
}

//! `GET /v1/object/{year}`: the object's own economy in a year: its budget, what it collects and bears, and the rate that this
//! would take (R5b).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use billing::object::ObjectYear;
use domain::object::{Account, Budget, PartOutcome, RateBasis, RoleFinancing};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Shared;
use crate::list::kronor;
use crate::problem::Problem;
use crate::query::{self, Params};

/// What the required rate is reckoned from: (budget + joint − adjustments − from_elsewhere) / turnover.
#[derive(Debug, Serialize)]
pub(crate) struct Basis {
    budget: String,
    joint: String,
    adjustments: String,
    from_elsewhere: String,
    turnover: String,
    rate: Option<String>,
}

impl Basis {
    pub(crate) fn of(basis: &RateBasis) -> Self {
        Self {
            budget: kronor(basis.budget),
            joint: kronor(basis.joint),
            adjustments: kronor(basis.adjustments),
            from_elsewhere: kronor(basis.from_elsewhere),
            turnover: kronor(basis.turnover),
            rate: basis.required_rate().map(|rate| rate.to_string()),
        }
    }
}

/// What charges mean to the object: never what services earn (R8).
#[derive(Debug, Serialize)]
pub(crate) struct Sums {
    surcharge: String,
    contributions: String,
    joint: String,
    turnover: String,
}

impl Sums {
    pub(crate) fn of(account: &Account) -> Self {
        Self {
            surcharge: kronor(account.surcharge),
            contributions: kronor(account.contributed()),
            joint: kronor(account.borne(|_| true)),
            turnover: kronor(account.turnover),
        }
    }
}

/// `GET /v1/object/{year}`
pub(crate) async fn get(
    State(shared): State<Shared>,
    Path(year): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    Params::read(&uri, &[])?;
    let number = query::year(&year)?;
    let year = shared.biller.object_year(number).await.map_err(|error| crate::billing_problem(&error))?;
    Ok(Json(answer(&year)))
}

fn answer(year: &ObjectYear) -> Value {
    let object = &year.catalogue.object;
    let budget = object.budgets.get(&year.year);
    let rates = year.catalogue.rates.iter().filter(|rate| {
        rate.valid_from.year() == year.year || year.catalogue.rate(first_month(year.year)) == Some(*rate)
    });
    let months = year.months.iter().map(|month| {
        json!({
            "month": month.month.to_string(),
            "state": month.state.name(),
            "surcharge": kronor(month.account.surcharge),
            "contributions": kronor(month.account.contributed()),
            "joint": kronor(month.account.borne(|_| true)),
            "turnover": kronor(month.account.turnover),
        })
    });
    let contributions = year
        .account
        .contributions
        .iter()
        .map(|(service, amount)| json!({ "service": service, "amount": kronor(*amount) }));
    let joint = year.account.joint.iter().map(|(key, amount)| {
        json!({
            "service": key.service,
            "phase": key.phase.name(),
            "bearer": key.bearer,
            "amount": kronor(*amount),
        })
    });
    let projects = year.projects.iter().filter_map(|outcome| {
        let project = object.projects.get(&outcome.id)?;
        Some(json!({
            "id": project.id,
            "name": project.name,
            "from": project.from.to_string(),
            "to": project.to.map(|day| day.to_string()),
            "financier": project.financier,
            "decision": project.decision,
            "funds": kronor(project.funds),
            "booked_in_year": kronor(outcome.booked_in_year),
            "booked": kronor(outcome.booked),
            "left": kronor(outcome.left),
        }))
    });
    json!({
        "year": year.year,
        "decision": budget.map(|budget| budget.decision.clone()),
        "rates": rates.map(|rate| json!({
            "from": rate.valid_from.to_string(),
            "rate": rate.rate.to_string(),
            "decision": rate.decision,
            "decided_by": rate.decided_by,
        })).collect::<Vec<_>>(),
        "required_rate": { "plan": Basis::of(&year.plan), "outcome": Basis::of(&year.outcome) },
        "totals": Sums::of(&year.account),
        "to_collect": kronor(year.outcome.required()),
        "months": months.collect::<Vec<_>>(),
        "parts": year.parts.iter().map(part).collect::<Vec<_>>(),
        "contributions": contributions.collect::<Vec<_>>(),
        "joint": joint.collect::<Vec<_>>(),
        "transfers": budget.map(transfers).unwrap_or_default(),
        "roles": budget.map(roles).unwrap_or_default(),
        "projects": projects.collect::<Vec<_>>(),
    })
}

fn first_month(year: i32) -> domain::Month {
    domain::Month::new(year, 1).unwrap_or_else(|| unreachable!("the year was checked"))
}

fn part(outcome: &PartOutcome) -> Value {
    json!({
        "part": outcome.part.name(),
        "budget": kronor(outcome.budget),
        "booked": kronor(outcome.booked),
        "joint": kronor(outcome.joint),
        "left": kronor(outcome.left()),
    })
}

fn transfers(budget: &Budget) -> Vec<Value> {
    let transfer = |transfer: &domain::object::Transfer| {
        json!({
            "customer": transfer.customer,
            "service": transfer.service,
            "amount": kronor(transfer.amount),
            "decision": transfer.decision,
        })
    };
    budget.transfers.iter().map(transfer).collect()
}

/// What the roles cost, by who pays for them (R2, R20).
fn roles(budget: &Budget) -> Vec<Value> {
    let of = |financing: RoleFinancing| {
        let roles = budget.roles.iter().filter(|role| role.financing == financing);
        let roles = roles.map(|role| json!({ "name": role.name, "share": role.share.to_string() }));
        json!({
            "financing": financing.name(),
            "cost": kronor(budget.roles_cost(financing)),
            "roles": roles.collect::<Vec<_>>(),
        })
    };
    RoleFinancing::ALL.into_iter().map(of).collect()
}

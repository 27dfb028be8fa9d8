//! `POST /v1/simulations`: what months would come to with other rates, prices, joint financing and volumes. Nothing is written.

pub(crate) mod changes;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::{Extension, Json};
use billing::Error;
use billing::simulate::{Effect, SIMULATED_MONTHS_MAX, Simulation};
use domain::access::Viewer;
use domain::charge::Totals;
use domain::object::Account;
use domain::simulation::Change as Simulated;
use domain::{Money, Month};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Shared;
use crate::body;
use crate::list::kronor;
use crate::object::{Basis, Sums};
use crate::problem::{Kind, Problem};
use crate::query::Params;

use changes::Change;

/// How many changes one simulation takes.
const CHANGES_MAX: usize = 100;

/// Which months, and what changes in them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    from: String,
    to: String,
    changes: Vec<Change>,
}

/// `POST /v1/simulations`
pub(crate) async fn post(
    State(shared): State<Shared>,
    Extension(viewer): Extension<Viewer>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    Params::read(&uri, &[])?;
    let question: Question = body::read(&headers, &body, body::BODY_BYTES_MAX)?;
    let (from, to) = (month("from", &question.from)?, month("to", &question.to)?);
    let months = usize::try_from(to.index() - from.index() + 1).unwrap_or(0);
    if !(1..=SIMULATED_MONTHS_MAX).contains(&months) {
        return Err(wrong(
            "to: ska vara from eller senare, högst tio år",
            "to: must be from or later, at most ten years",
        ));
    }
    if !(1..=CHANGES_MAX).contains(&question.changes.len()) {
        return Err(wrong("changes: 1 till 100 ändringar", "changes: 1 to 100 changes"));
    }
    let catalogue = shared.catalogue.load_full();
    let changes = question
        .changes
        .iter()
        .enumerate()
        .map(|(n, change)| change.read(&|name| format!("changes[{n}].{name}"), &catalogue, (from, to)));
    let changes = changes.collect::<Result<Vec<_>, Problem>>()?;
    let foreign = |change: &Simulated| {
        change.what.service().filter(|service| !viewer.sees_service(service)).map(str::to_owned)
    };
    if let Some((n, service)) = changes.iter().enumerate().find_map(|(n, c)| Some((n, foreign(c)?))) {
        return Err(wrong(
            format!("changes[{n}].service: {service} är ingen av dina tjänster"),
            format!("changes[{n}].service: {service} is none of your services"),
        ));
    }
    match shared.biller.simulate(from, to, changes).await {
        Ok(simulation) => Ok(Json(answer(&simulation.seen_by(&viewer)))),
        Err(Error::NothingToSimulate) => Err(Problem::new(Kind::NotFound)
            .detail("det finns ingen användning att räkna på än", "there is no usage to reckon on yet")),
        Err(error) => Err(crate::billing_problem(&error)),
    }
}

/// A body that cannot be answered.
fn wrong(sv: impl Into<String>, en: impl Into<String>) -> Problem {
    Problem::new(Kind::InvalidBody).detail(sv, en)
}

fn month(name: &str, text: &str) -> Result<Month, Problem> {
    let sv = || format!("{name}: {text:?} är ingen månad, skriv till exempel 2021-03");
    let en = || format!("{name}: {text:?} is not a month, write for example 2021-03");
    text.parse().map_err(|_| wrong(sv(), en()))
}

fn answer(simulation: &Simulation) -> Value {
    let items = simulation.effects.iter().map(|((customer, service), effect)| {
        let mut item = sides(effect);
        item["customer"] = json!(customer);
        item["service"] = json!(service);
        item
    });
    let months = simulation
        .months
        .iter()
        .map(|month| json!({ "month": month.month.to_string(), "usage_of": month.usage_of.to_string() }));
    let (mut before, mut after) = (Account::default(), Account::default());
    for (of_year, would_be) in simulation.object.values() {
        before.add(of_year);
        after.add(would_be);
    }
    json!({
        "catalogue": simulation.catalogues.0.version,
        "months": months.collect::<Vec<_>>(),
        "items": items.collect::<Vec<_>>(),
        "totals": sides(&simulation.totals),
        "object": { "before": Sums::of(&before), "after": Sums::of(&after), "difference": difference(&before, &after) },
        "required_rate": required_rates(simulation),
    })
}

fn totals(totals: &Totals) -> Value {
    json!({
        "gross": kronor(totals.gross),
        "joint": kronor(totals.joint),
        "net": kronor(totals.net),
        "surcharge": kronor(totals.surcharge),
    })
}

fn sides(effect: &Effect) -> Value {
    let Effect { before, after } = effect;
    let difference = Totals {
        gross: after.gross - before.gross,
        joint: after.joint - before.joint,
        net: after.net - before.net,
        surcharge: after.surcharge - before.surcharge,
    };
    json!({ "before": totals(before), "after": totals(after), "difference": totals(&difference) })
}

fn difference(before: &Account, after: &Account) -> Value {
    let less = |of: fn(&Account) -> Money| kronor(of(after) - of(before));
    json!({
        "surcharge": less(|account| account.surcharge),
        "contributions": less(Account::contributed),
        "joint": less(|account| account.borne(|_| true)),
        "turnover": less(|account| account.turnover),
    })
}

/// The required rate of each year that is simulated whole.
fn required_rates(simulation: &Simulation) -> Vec<Value> {
    let is_whole =
        |year: i32| simulation.months.iter().filter(|month| month.month.year() == year).count() == 12;
    let years = simulation.object.iter().filter(|(year, _)| is_whole(**year));
    let rate = |(year, (before, after)): (&i32, &(Account, Account))| {
        let budget = simulation.catalogues.0.object.budgets.get(year);
        json!({
            "year": year,
            "before": Basis::of(&before.rate_basis(budget)),
            "after": Basis::of(&after.rate_basis(budget)),
        })
    };
    years.map(rate).collect()
}

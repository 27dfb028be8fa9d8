//! `/v1/retention`: what is kept for how long, what of it has had its time, and the decision that it goes.

mod words;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use billing::retention::{Applied, Class, Removal, Retained};
use serde::{Deserialize, Serialize};

use crate::Shared;
use crate::body::{self, BODY_BYTES_MAX};
use crate::problem::{Kind, Problem};
use crate::query::Params;
use crate::session::Deciding;

#[derive(Debug, Serialize)]
pub(crate) struct Classes {
    items: Vec<Item>,
    /// The decision, in the audit log; null where nothing was decided.
    control: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Item {
    class: &'static str,
    /// What it is, in Swedish, like the two that follow.
    what: &'static str,
    time: String,
    rule: &'static str,
    removal: &'static str,
    /// What lies before this day is due.
    before: String,
    oldest: Option<String>,
    rows: u64,
    due_rows: u64,
    due_bytes: u64,
    held: Vec<Held>,
}

#[derive(Debug, Serialize)]
struct Held {
    month: String,
    rows: u64,
    /// In Swedish.
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Apply {
    #[serde(default)]
    classes: Vec<String>,
    why: String,
}

/// `GET /v1/retention`
pub(crate) async fn get(State(shared): State<Shared>, uri: Uri) -> Result<Json<Classes>, Problem> {
    Params::read(&uri, &[])?;
    let classes = shared.biller.retention().await.map_err(|error| crate::billing_problem(&error))?;
    Ok(Json(Classes { items: classes.into_iter().map(item).collect(), control: None }))
}

/// `POST /v1/retention`
pub(crate) async fn apply(
    Deciding(biller): Deciding,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Classes>, Problem> {
    Params::read(&uri, &[])?;
    let Apply { classes, why } = body::read(&headers, &body, BODY_BYTES_MAX)?;
    if why.trim().is_empty() {
        return Err(Problem::new(Kind::InvalidBody)
            .detail("why ska säga enligt vilket gallringsbeslut", "why must say by which decision"));
    }
    let named: Vec<Class> = classes.iter().map(|name| named(name)).collect::<Result<_, _>>()?;
    match biller.apply_retention(&named, &why).await.map_err(|error| crate::billing_problem(&error))? {
        Applied::Done { control, was } => {
            Ok(Json(Classes { items: was.into_iter().map(item).collect(), control }))
        }
        Applied::NotRemovable(class) => Err(not_removable(class)),
        Applied::Refused => Err(Problem::new(Kind::NotRemovable).detail(
            "beslutet kunde inte utföras: månaderna tillåter det inte",
            "the decision could not be carried out: the months do not allow it",
        )),
    }
}

fn named(name: &str) -> Result<Class, Problem> {
    Class::named(name).ok_or_else(|| {
        let shown: String = name.chars().take(40).collect();
        let known = Class::ALL.map(Class::name).join(", ");
        Problem::new(Kind::InvalidBody).detail(
            format!("classes: {shown} finns inte; klasserna är {known}"),
            format!("classes: there is no {shown}; the classes are {known}"),
        )
    })
}

fn not_removable(class: Class) -> Problem {
    let problem = Problem::new(Kind::NotRemovable);
    match class {
        Class::Identities => problem.detail(
            "identiteter gallrar programmet själv, en gång i månaden, när de är äldre än horisonten",
            "identities are removed by the program itself, once a month, when they are beyond the horizon",
        ),
        Class::Accounting | Class::EventDetails | Class::Quarantine => problem.detail(
            "räkenskapsinformation gallras inte av programmet: stängning, rättelser, dokumentnummer och den kedjade \
             beslutsloggen står på att allt finns kvar; det som är äldre än sju år kan arkiveras med hela datakatalogen",
            "accounting material is not removed by the program: the close, corrections, document numbers and the chained \
             log of decisions stand on all of it; what is older than seven years can be archived with the whole data directory",
        ),
    }
}

fn item(retained: Retained) -> Item {
    let Retained { class, time, before, kept, held } = retained;
    Item {
        class: class.name(),
        what: words::what(class),
        time: words::time(class, time),
        rule: words::rule(class),
        removal: match class.removal() {
            Removal::Decided => "decided",
            Removal::ByItself => "by_itself",
            Removal::Never => "never",
        },
        before: before.day().to_string(),
        oldest: kept.oldest.map(|oldest| oldest.to_string()),
        rows: kept.rows,
        due_rows: kept.due,
        due_bytes: kept.due_bytes,
        held: held
            .into_iter()
            .map(|held| Held {
                month: held.month.to_string(),
                rows: held.rows,
                reason: words::held(held.month),
            })
            .collect(),
    }
}

//! `/v1/keys`: who may send, read and decide. A key is told once, when it is made.

use std::collections::BTreeSet;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use billing::keys::{KeyRefusal, Keyed, MadeKey, NewKey};
use domain::Instant;
use domain::access::{Role, Scope};
use serde::{Deserialize, Serialize};
use store::keys::Key;

use crate::Shared;
use crate::body::{self, BODY_BYTES_MAX};
use crate::cursor;
use crate::list::Page;
use crate::problem::{Kind, Problem};
use crate::query::Params;
use crate::session::Deciding;

/// How long an old key may hold beside its successor, in hours: a month.
const KEEP_HOURS_MAX: u32 = 744;

#[derive(Debug, Serialize)]
pub(crate) struct Item {
    id: String,
    name: String,
    role: &'static str,
    sources: BTreeSet<String>,
    services: BTreeSet<String>,
    customers: BTreeSet<String>,
    costcentres: BTreeSet<String>,
    created: String,
    expires: Option<String>,
    state: &'static str,
}

/// A key that was just made.
#[derive(Debug, Serialize)]
pub(crate) struct Made {
    #[serde(flatten)]
    item: Item,
    key: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    name: String,
    role: String,
    #[serde(default)]
    sources: BTreeSet<String>,
    #[serde(default)]
    services: BTreeSet<String>,
    #[serde(default)]
    customers: BTreeSet<String>,
    #[serde(default)]
    costcentres: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotate {
    #[serde(default = "keep_hours_default")]
    keep_hours: u32,
}

/// A day: the answer with the new key may be lost, and somebody must be able to ask again.
fn keep_hours_default() -> u32 {
    24
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {}

/// `GET /v1/keys`
pub(crate) async fn get(State(shared): State<Shared>, uri: Uri) -> Result<Json<Page<Item>>, Problem> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let keys = shared.biller.keys().await.map_err(|error| crate::billing_problem(&error))?;
    let now = (shared.now)();
    let items = keys.into_iter().map(|key| item(key, now)).collect();
    let (items, next) = cursor::page(uri.path(), &params, items, |item: &Item| vec![Some(item.id.clone())])?;
    Ok(Json(Page { items, next }))
}

/// `POST /v1/keys`
pub(crate) async fn create(
    State(shared): State<Shared>,
    Deciding(biller): Deciding,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Made>, Problem> {
    Params::read(&uri, &[])?;
    let Create { name, role, sources, services, customers, costcentres } =
        body::read(&headers, &body, BODY_BYTES_MAX)?;
    let role = Role::from_name(&role).ok_or_else(|| {
        let all = Role::ALL.map(Role::name).join(", ");
        Problem::new(Kind::InvalidBody).detail(format!("role: en av {all}"), format!("role: one of {all}"))
    })?;
    let scope = Scope { sources, services, customers, costcentres };
    let made = biller.create_key(NewKey { name, role, scope }).await;
    made_or_refused(made.map_err(|error| crate::billing_problem(&error))?, (shared.now)())
}

/// `POST /v1/keys/{id}/rotate`
pub(crate) async fn rotate(
    State(shared): State<Shared>,
    Deciding(biller): Deciding,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Made>, Problem> {
    Params::read(&uri, &[])?;
    let Rotate { keep_hours } = body::read(&headers, &body, BODY_BYTES_MAX)?;
    if keep_hours > KEEP_HOURS_MAX {
        return Err(Problem::new(Kind::InvalidBody).detail(
            format!("keep_hours: högst {KEEP_HOURS_MAX}"),
            format!("keep_hours: at most {KEEP_HOURS_MAX}"),
        ));
    }
    let made = biller.rotate_key(&id, keep_hours).await;
    made_or_refused(made.map_err(|error| crate::billing_problem(&error))?, (shared.now)())
}

/// `POST /v1/keys/{id}/revoke`
pub(crate) async fn revoke(
    State(shared): State<Shared>,
    Deciding(biller): Deciding,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Item>, Problem> {
    Params::read(&uri, &[])?;
    let Revoke {} = body::read(&headers, &body, BODY_BYTES_MAX)?;
    match biller.revoke_key(&id).await.map_err(|error| crate::billing_problem(&error))? {
        Keyed::Done(key) => Ok(Json(item(key, (shared.now)()))),
        Keyed::Refused(code) => Err(refused(code)),
    }
}

fn made_or_refused(keyed: Keyed<MadeKey>, now: Instant) -> Result<Json<Made>, Problem> {
    match keyed {
        Keyed::Done(MadeKey { key, secret }) => Ok(Json(Made { item: item(key, now), key: secret })),
        Keyed::Refused(code) => Err(refused(code)),
    }
}

fn item(key: Key, now: Instant) -> Item {
    let state = match (key.revoked, key.holds(now)) {
        (true, _) => "revoked",
        (false, false) => "expired",
        (false, true) => "holds",
    };
    Item {
        id: key.id,
        name: key.name,
        role: key.role.name(),
        sources: key.scope.sources,
        services: key.scope.services,
        customers: key.scope.customers,
        costcentres: key.scope.costcentres,
        created: key.created.to_string(),
        expires: key.expires.map(|at| at.to_string()),
        state,
    }
}

fn refused(code: KeyRefusal) -> Problem {
    let (kind, sv, en) = match code {
        KeyRefusal::UnknownKey => {
            (Kind::NotFound, "det finns ingen nyckel med det id:t", "there is no key with this id")
        }
        KeyRefusal::FirstMustBeAdmin => (
            Kind::KeyRefused,
            "den första nyckeln ska ha rollen admin, annars kan ingen göra fler",
            "the first key must have the role admin, or nobody could make others",
        ),
        KeyRefusal::LastAdmin => (
            Kind::KeyRefused,
            "det är den sista nyckeln med rollen admin: gör en annan först",
            "it is the last key with the role admin: make another first",
        ),
        KeyRefusal::KeyDoesNotHold => {
            (Kind::KeyRefused, "nyckeln gäller inte längre", "the key does not hold any more")
        }
        KeyRefusal::IdTaken | KeyRefusal::Unreadable => (Kind::KeyRefused, "försök igen", "try again"),
        KeyRefusal::InvalidName => (Kind::InvalidBody, "name: 1 till 60 tecken", "name: 1 to 60 characters"),
        KeyRefusal::InvalidScope => (
            Kind::InvalidBody,
            "en collector har 1 till 200 sources, en object-leader 1 till 200 services, en payer 1 till 200 customers och \
             costcentres tillsammans; andra roller har inget av detta",
            "a collector has 1 to 200 sources, an object-leader 1 to 200 services, a payer 1 to 200 customers and \
             costcentres together; other roles have none of these",
        ),
    };
    Problem::new(kind).detail(sv, en)
}

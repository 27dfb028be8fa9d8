//! Keys: who may send, read and decide. Made, rotated and revoked through the control log, shown once, and kept as hashes.
//!
//! A key is `tm_ID_SECRET`. The id says which row to look at; the secret has 256 bits, so its plain hash can stand in a
//! table: there is nothing to guess. The first key must be an administrator's, and the last administrator's stays: who makes a
//! program ask for keys must have one that can make others.

use std::collections::BTreeSet;

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use domain::Instant;
use domain::access::{Role, Scope};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::keys::Key;

use crate::biller::Biller;
use crate::control::{Carried, Decision, Handler, REFUSED};
use crate::error::{Error, storing};

/// The actions of the control log.
pub(crate) const ACTIONS: [&str; 3] = [CREATE, ROTATE, REVOKE];
const CREATE: &str = "key.create";
const ROTATE: &str = "key.rotate";
const REVOKE: &str = "key.revoke";

/// Ties the hash to what it is for.
const CONTEXT: &str = "taxameter 2026 key of a caller";
/// What every key begins with, so that scanners of leaked secrets know it.
const PREFIX: &str = "tm_";
/// A name is a team or a system.
const NAME_CHARACTERS_MAX: usize = 60;
/// An hour.
const HOUR_MICROS: i64 = 3_600_000_000;

/// A key that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Whose it is: a team or a system.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// About what.
    pub scope: Scope,
}

/// A key that was just made. This is the only time that it is told.
#[derive(Clone, PartialEq, Eq)]
pub struct MadeKey {
    /// The key without its secret.
    pub key: Key,
    /// All of it, for its holder.
    pub secret: String,
}

impl std::fmt::Debug for MadeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What became of a wish about keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keyed<T> {
    /// It was carried out.
    Done(T),
    /// It was not.
    Refused(KeyRefusal),
}

/// Why a wish about keys is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRefusal {
    /// Nobody could make others.
    FirstMustBeAdmin,
    /// Nobody could make others any more.
    LastAdmin,
    /// There is no such key.
    UnknownKey,
    /// It has ended.
    KeyDoesNotHold,
    /// A name is 1 to 60 characters.
    InvalidName,
    /// The scope is not that of the role: see [`Scope::fits`].
    #[serde(alias = "invalid_sources")]
    InvalidScope,
    /// The id was drawn twice: ask again.
    IdTaken,
    /// The decision is none that this program writes.
    Unreadable,
}

#[derive(Serialize, Deserialize)]
struct KeyDecision {
    action: String,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made: Option<Made>,
    /// For how many hours the old key holds beside the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_hours: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct KeyRefused {
    code: KeyRefusal,
}

#[derive(Serialize, Deserialize)]
struct Made {
    id: String,
    hash: String,
    name: String,
    role: String,
    sources: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    services: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    customers: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    costcentres: BTreeSet<String>,
}

impl Made {
    fn new(id: &str, hash: String, name: String, role: Role, scope: Scope) -> Self {
        let Scope { sources, services, customers, costcentres } = scope;
        let role = role.name().to_owned();
        Self { id: id.to_owned(), hash, name, role, sources, services, customers, costcentres }
    }
}

/// The hash under which a key is kept: 64 hexadecimal digits.
pub fn hash(secret: &str) -> String {
    HEXLOWER.encode(&blake3::derive_key(CONTEXT, secret.as_bytes()))
}

/// The keys as they were read last, and who holds one.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    keys: Vec<Key>,
}

impl KeyRing {
    /// A ring of keys.
    pub fn new(keys: Vec<Key>) -> Self {
        Self { keys }
    }

    /// Whether callers are asked for keys: some key was made, whether it holds or not. Who has revoked the last one has closed
    /// the door, not opened it.
    pub fn is_asked_for(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The ring after the keys were read again. None when there are none any more: keys are revoked, never taken out, so a
    /// table without any is another table or a younger one, and opens no door.
    pub fn renewed(&self, keys: Vec<Key>) -> Option<Self> {
        (!keys.is_empty() || !self.is_asked_for()).then(|| Self::new(keys))
    }

    /// The key that a caller shows, if it holds. Compares hashes in constant time.
    pub fn holder(&self, shown: &str, now: Instant) -> Option<&Key> {
        let id = shown.strip_prefix(PREFIX)?.split('_').next()?;
        let key = self.keys.iter().find(|key| key.id == id)?;
        let (kept, shown) =
            (blake3::Hash::from_hex(&key.hash).ok()?, blake3::Hash::from_hex(hash(shown)).ok()?);
        (kept == shown && key.holds(now)).then_some(key)
    }
}

impl Biller {
    /// Every key that there ever was, by id.
    pub async fn keys(&self) -> crate::Result<Vec<Key>> {
        self.store().keys().await.map_err(storing("reading keys"))
    }

    /// Makes a key.
    ///
    /// # Errors
    /// [`Error::NotInTime`] when nobody carried it out in time: then the key may hold, but nobody has it. Make another, and
    /// revoke that one.
    pub async fn create_key(&self, new: NewKey) -> crate::Result<Keyed<MadeKey>> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARACTERS_MAX || name.chars().any(char::is_control)
        {
            return Ok(Keyed::Refused(KeyRefusal::InvalidName));
        }
        if !new.scope.fits(new.role) {
            return Ok(Keyed::Refused(KeyRefusal::InvalidScope));
        }
        let (id, secret) = draw()?;
        let made = Made::new(&id, hash(&secret), name.to_owned(), new.role, new.scope);
        let decision =
            KeyDecision { action: CREATE.to_owned(), id: id.clone(), made: Some(made), keep_hours: None };
        self.keyed(&decision, &id).await.map(|keyed| with_secret(keyed, secret))
    }

    /// Makes a key that takes the place of another, which holds for some hours more.
    ///
    /// # Errors
    /// As [`Biller::create_key`].
    pub async fn rotate_key(&self, id: &str, keep_hours: u32) -> crate::Result<Keyed<MadeKey>> {
        let (new, secret) = draw()?;
        let Some(old) = self.keys().await?.into_iter().find(|key| key.id == id) else {
            return Ok(Keyed::Refused(KeyRefusal::UnknownKey));
        };
        let made = Made::new(&new, hash(&secret), old.name, old.role, old.scope);
        let decision = KeyDecision {
            action: ROTATE.to_owned(),
            id: id.to_owned(),
            made: Some(made),
            keep_hours: Some(keep_hours),
        };
        self.keyed(&decision, &new).await.map(|keyed| with_secret(keyed, secret))
    }

    /// Ends a key at once.
    ///
    /// # Errors
    /// [`Error::NotInTime`] when nobody carried it out in time; asking again is safe.
    pub async fn revoke_key(&self, id: &str) -> crate::Result<Keyed<Key>> {
        let decision =
            KeyDecision { action: REVOKE.to_owned(), id: id.to_owned(), made: None, keep_hours: None };
        self.keyed(&decision, id).await
    }

    /// Decides about keys, and answers with one of them as it is then.
    async fn keyed(&self, decision: &KeyDecision, id: &str) -> crate::Result<Keyed<Key>> {
        let ended = self.decide_and_wait(decision, format!("{} of {}", decision.action, decision.id)).await?;
        let unreadable = || Error::UnreadableOutcome { control: ended.control };
        if ended.outcome == REFUSED {
            let KeyRefused { code } = serde_json::from_str(&ended.answer).map_err(|_| unreadable())?;
            return Ok(Keyed::Refused(code));
        }
        let key = self.keys().await?.into_iter().find(|key| key.id == id);
        key.map(Keyed::Done).ok_or_else(unreadable)
    }
}

fn with_secret(keyed: Keyed<Key>, secret: String) -> Keyed<MadeKey> {
    match keyed {
        Keyed::Done(key) => Keyed::Done(MadeKey { key, secret }),
        Keyed::Refused(code) => Keyed::Refused(code),
    }
}

/// An id and a whole key that nobody can guess.
fn draw() -> crate::Result<(String, String)> {
    let mut bytes = [0; 36];
    getrandom::fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
    let id = HEXLOWER.encode(&bytes[..4]);
    let secret = BASE32_NOPAD.encode(&bytes[4..]).to_lowercase();
    Ok((id.clone(), format!("{PREFIX}{id}_{secret}")))
}

/// Carries out decisions about keys.
pub(crate) struct Keeper {
    biller: Biller,
}

impl Handler for Keeper {
    fn carry_out<'a>(&'a self, decision: &'a Decision) -> BoxFuture<'a, crate::Result<Carried>> {
        async move {
            let Some(about) = decision.read::<KeyDecision>() else {
                return Ok(refuse(KeyRefusal::Unreadable));
            };
            let done = Carried { outcome: outcome(&about.action), answer: json!({ "id": about.id }) };
            let mut keys = self.biller.keys().await?;
            // The key that it is about is written last: then all of it was done before.
            if keys.iter().any(|key| key.id == about.id && key.control == decision.control) {
                return Ok(done);
            }
            keys.retain(|key| key.control < decision.control);
            match changed(&keys, &about, decision) {
                Ok(changed) => {
                    for key in &changed {
                        self.biller.store().put_key(key).await.map_err(storing("writing a key"))?;
                    }
                    Ok(done)
                }
                Err(code) => Ok(refuse(code)),
            }
        }
        .boxed()
    }
}

impl Keeper {
    pub(crate) fn new(biller: Biller) -> Self {
        Self { biller }
    }
}

fn refuse(code: KeyRefusal) -> Carried {
    Carried::refused(json!(KeyRefused { code }))
}

fn outcome(action: &str) -> &'static str {
    match action {
        REVOKE => "revoked",
        ROTATE => "rotated",
        _ => "created",
    }
}

/// The keys that a decision changes, given those of the decisions before it, in the order in which they are written; or why
/// it must not. The one that it is about comes last.
fn changed(keys: &[Key], about: &KeyDecision, decision: &Decision) -> Result<Vec<Key>, KeyRefusal> {
    let made = about.made.as_ref().map(|made| made_key(made, decision)).transpose()?;
    if made.is_none() != (about.action == REVOKE) {
        return Err(KeyRefusal::Unreadable);
    }
    if made.as_ref().is_some_and(|made| keys.iter().any(|key| key.id == made.id)) {
        return Err(KeyRefusal::IdTaken);
    }
    if keys.is_empty() && made.as_ref().is_some_and(|key| key.role != Role::Admin) {
        return Err(KeyRefusal::FirstMustBeAdmin);
    }
    let mut changed: Vec<Key> = made.into_iter().collect();
    if about.action == CREATE {
        return Ok(changed);
    }
    let old = keys.iter().find(|key| key.id == about.id).ok_or(KeyRefusal::UnknownKey)?;
    let mut after = Key { control: decision.control, ..old.clone() };
    if about.action == ROTATE {
        if !old.holds(decision.at) {
            return Err(KeyRefusal::KeyDoesNotHold);
        }
        let kept = i64::from(about.keep_hours.unwrap_or(0)) * HOUR_MICROS;
        let until = Instant::from_micros(decision.at.micros().saturating_add(kept));
        after.expires = Some(old.expires.map_or(until, |at| at.min(until)));
    } else {
        let is_lasting_admin = |key: &Key| key.role == Role::Admin && key.expires.is_none();
        let others = keys.iter().filter(|key| key.id != about.id && is_lasting_admin(key));
        if is_lasting_admin(old)
            && old.holds(decision.at)
            && !others.clone().any(|key| key.holds(decision.at))
        {
            return Err(KeyRefusal::LastAdmin);
        }
        after.revoked = true;
    }
    changed.push(after);
    Ok(changed)
}

fn made_key(made: &Made, decision: &Decision) -> Result<Key, KeyRefusal> {
    Ok(Key {
        id: made.id.clone(),
        name: made.name.clone(),
        role: Role::from_name(&made.role).ok_or(KeyRefusal::Unreadable)?,
        scope: Scope {
            sources: made.sources.clone(),
            services: made.services.clone(),
            customers: made.customers.clone(),
            costcentres: made.costcentres.clone(),
        },
        hash: made.hash.clone(),
        created: decision.at,
        expires: None,
        revoked: false,
        control: decision.control,
    })
}

#[cfg(test)]
mod tests;

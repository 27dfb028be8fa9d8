//! kept set + what has changed since → the whole set of a turn
//!
//! Of the two ways that Active Directory has, this is the one of `uSNChanged`, the number of an entry's last change. The
//! other one, the DirSync control, would hold across domain controllers, but it reads the whole domain and not a place in it,
//! gives the attributes that have changed and not the entries, so that a filter could not be judged by the server, and wants
//! the right to replicate the domain: more than a collector may have. Here it needs to read, and to see what was deleted.
//!
//! 1. Everything in the domain with a number above the last turn's, deleted things too: these entries are not what they were.
//! 2. What of that is under the place and fits the filter: this is how they are now. The others are gone (disabled, moved
//!    away, deleted).
//!
//! In this order, because an entry that changes between the two is then in the second without the first, never the other way
//! round. Where the last turn ended is asked before either, so that what changes meanwhile is asked for again.
//!
//! Numbers are of one domain controller, so everything is read anew from another one, from one that was restored, and when a
//! part of the tree was moved or renamed, because that is no change of the entries in it. `tracked.rs` says what else can change
//! unseen. What an account may read is beyond all that, so everything is read anew every `full_every` besides.

use std::collections::BTreeSet;

use domain::Instant;
use ldap3::Ldap;
use serde::{Deserialize, Serialize};

use super::super::Failure;
use super::super::renew::{Kept, Records, Renewed};
use super::asked::{Asked, GUID, USN};
use super::controller::{self, Controller};
use super::entry::{Entry, values};
use super::search::{self, Search, entries};
use super::{Config, tracked};

/// Classes of what accounts are in. One that is in something else moves unseen with that, until everything is read.
const PARENTS: [&str; 2] = ["organizationalUnit", "container"];

/// Where changes go on.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    /// The domain controller.
    invocation: String,
    /// The number of its last change that has been seen.
    usn: u64,
}

impl Mark {
    fn of(controller: &Controller) -> String {
        let mark = Self { invocation: controller.invocation.clone(), usn: controller.usn };
        serde_json::json!(mark).to_string()
    }
}

/// Reads the whole set of a turn, from what is kept if that can be.
///
/// # Errors
/// Those of a search.
pub(super) async fn renew(
    ldap: &mut Ldap,
    config: &Config,
    at: Instant,
    kept: Result<Kept, String>,
) -> Result<Renewed, Failure> {
    let controller = match controller::find(ldap, config).await? {
        Ok(controller) => controller,
        Err(why) => return Ok(unkept(search::all(ldap, config, &config.attributes).await?, at, why)),
    };
    let usable = kept.and_then(|kept| Ok((since(&kept, &controller, at, config)?, kept)));
    let changed = match usable {
        Ok((usn, kept)) => changes(ldap, config, &controller, usn, kept).await,
        Err(why) => Ok(Err(why)),
    };
    match changed {
        Ok(Ok(renewed)) => Ok(renewed),
        // What is wrong with asking for changes need not be wrong with asking for all.
        Ok(Err(why)) | Err(Failure::Broken(why) | Failure::Refused(why)) => {
            whole(ldap, config, &controller, at, why).await
        }
        Err(failure @ (Failure::Away(_) | Failure::Later { .. })) => Err(failure),
    }
}

/// The number of the last change that a kept set has; in words why it cannot be gone on from.
fn since(kept: &Kept, controller: &Controller, at: Instant, config: &Config) -> Result<u64, String> {
    let mark: Mark = serde_json::from_str(&kept.mark)
        .map_err(|_| "the kept set does not say where it ended".to_owned())?;
    if mark.invocation != controller.invocation {
        return Err("another domain controller answers, or it was restored".to_owned());
    }
    if mark.usn > controller.usn {
        return Err(format!(
            "the domain controller went back from change {} to {}",
            mark.usn, controller.usn
        ));
    }
    let age = at.micros() - kept.whole_at;
    if age < 0 || age >= config.full_every.micros() {
        let last = Instant::from_micros(kept.whole_at);
        return Err(format!("everything was read last for {last} (`full_every`)"));
    }
    Ok(mark.usn)
}

/// Reads what has changed; in words why that is not enough.
async fn changes(
    ldap: &mut Ldap,
    config: &Config,
    controller: &Controller,
    usn: u64,
    kept: Kept,
) -> Result<Result<Renewed, String>, Failure> {
    let Kept { mut records, whole_at, .. } = kept;
    let mark = Ok(Mark::of(controller));
    if usn == controller.usn {
        return Ok(Ok(Renewed { records, mark, whole_at, fetched: 0, why_whole: None }));
    }
    if !tracked::sees_deletions(ldap, config, controller).await? {
        return Ok(Err(tracked::blind(config)));
    }
    let filter = format!("({USN}>={})", usn + 1);
    let search = Search {
        base: &controller.domain,
        scope: ldap3::Scope::Subtree,
        filter: &filter,
        attributes: &[GUID, "objectClass", "isDeleted"].map(str::to_owned),
        deleted: true,
    };
    let changed = match changed(entries(ldap, config, search).await?) {
        Ok(changed) => changed,
        Err(why) => return Ok(Err(why)),
    };
    let own = if config.filter.starts_with('(') { &config.filter } else { &format!("({})", config.filter) };
    let asked = Asked::of(config);
    let filter = format!("(&{filter}{own})");
    let fitting = entries(ldap, config, Search::configured(config, &filter, &asked.attributes)).await?;
    let fetched = (changed.len() + fitting.len()) as u64;
    let fitting = match asked.by_guid(fitting.into_iter().map(|entry| entry.record)) {
        Ok(fitting) => fitting,
        Err(why) => return Ok(Err(why)),
    };
    records.retain(|guid, _| !changed.contains(guid));
    records.extend(fitting);
    Ok(if records.is_empty() {
        Err("changes left nothing".to_owned())
    } else {
        Ok(Renewed { records, mark, whole_at, fetched, why_whole: None })
    })
}

/// The GUIDs of entries that have changed, unless they are what others are in.
fn changed(entries: Vec<Entry>) -> Result<BTreeSet<String>, String> {
    let mut guids = BTreeSet::new();
    for Entry { record, .. } in entries {
        let is_deleted = values(&record, "isDeleted").any(|value| value == "TRUE");
        let is_parent =
            values(&record, "objectClass").any(|class| PARENTS.iter().any(|p| p.eq_ignore_ascii_case(class)));
        if is_parent && !is_deleted {
            return Err("a unit or container was changed: what is in it may be elsewhere now".to_owned());
        }
        let guid = record.get(GUID).ok_or("something has changed whose objectGUID may not be read")?;
        guids.insert(guid.clone());
    }
    Ok(guids)
}

/// Reads everything, and looks whether the next turn can go on from it.
async fn whole(
    ldap: &mut Ldap,
    config: &Config,
    controller: &Controller,
    at: Instant,
    why: String,
) -> Result<Renewed, Failure> {
    if let Err(untracked) = tracked::check(ldap, config, controller).await? {
        let all = search::all(ldap, config, &config.attributes).await?;
        return Ok(Renewed { mark: Err(untracked), ..unkept(all, at, why) });
    }
    let asked = Asked::of(config);
    let all = search::all(ldap, config, &asked.attributes).await?;
    let fetched = all.len() as u64;
    let records = asked.by_guid(all.values().cloned());
    Ok(match records {
        Ok(records) => {
            let mark = Ok(Mark::of(controller));
            Renewed { records, mark, whole_at: at.micros(), fetched, why_whole: Some(why) }
        }
        Err(hidden) => {
            let plain = all.into_iter().map(|(name, record)| (name, asked.plain(record))).collect();
            Renewed { mark: Err(hidden), ..unkept(plain, at, why) }
        }
    })
}

/// A whole set that cannot be gone on from.
fn unkept(records: Records, at: Instant, why: String) -> Renewed {
    let fetched = records.len() as u64;
    Renewed { records, mark: Err(why.clone()), whole_at: at.micros(), fetched, why_whole: Some(why) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pull::source::Record;

    fn controller(invocation: &str, usn: u64) -> Controller {
        Controller {
            domain: "DC=x".to_owned(),
            schema: String::new(),
            invocation: invocation.to_owned(),
            usn,
        }
    }

    fn kept(mark: &str, days: i64) -> Kept {
        Kept { mark: mark.to_owned(), whole_at: days * 86_400_000_000, records: Records::new() }
    }

    #[test]
    fn a_kept_set_is_gone_on_from_where_its_numbers_still_hold() {
        let config =
            "url = 'ldaps://dc1'\nbind_dn = 'x'\npassword_file = 'x'\nbase = 'DC=x'\nattributes = ['x']";
        let config: Config = toml::from_str(config).unwrap();
        let mark = Mark::of(&controller("one", 50));
        // The turn is ten days after the beginning of 1970.
        let at = Instant::from_micros(10 * 86_400_000_000);
        for (mark, whole_at, controller, expected) in [
            (mark.as_str(), 4, controller("one", 50), Ok(50)),
            (&mark, 4, controller("one", 70), Ok(50)),
            (&mark, 10, controller("one", 70), Ok(50)),
            (&mark, 4, controller("two", 70), Err("another domain controller")),
            (&mark, 4, controller("one", 49), Err("went back from change 50 to 49")),
            // Seven days are over, or the turn is one of the past.
            (&mark, 3, controller("one", 70), Err("read last for 1970-01-04")),
            (&mark, 11, controller("one", 70), Err("read last for 1970-01-12")),
            ("", 4, controller("one", 70), Err("does not say where it ended")),
            ("{\"usn\":50}", 4, controller("one", 70), Err("does not say where it ended")),
        ] {
            let since = since(&kept(mark, whole_at), &controller, at, &config);
            match expected {
                Ok(usn) => assert_eq!(since, Ok(usn)),
                Err(why) => assert!(since.as_ref().is_err_and(|said| said.contains(why)), "{since:?}: {why}"),
            }
        }
    }

    fn entry(fields: &[(&str, &str)]) -> Entry {
        let record: Record =
            fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Entry { name: "CN=x".to_owned(), record, bytes: 0 }
    }

    #[test]
    fn what_has_changed_is_told_by_guids_unless_others_are_in_it() {
        let account = entry(&[("objectGUID", "1"), ("objectClass.0", "top"), ("objectClass.1", "user")]);
        let unit = |deleted| {
            let class = ("objectClass.1", "OrganizationalUnit");
            entry(&[("objectGUID", "2"), ("objectClass.0", "top"), class, ("isDeleted", deleted)])
        };
        let both = changed(vec![account, unit("TRUE")]).unwrap();
        assert_eq!(both, BTreeSet::from(["1".to_owned(), "2".to_owned()]));
        assert!(changed(vec![unit("FALSE")]).unwrap_err().contains("a unit or container"));
        assert!(changed(vec![entry(&[("objectClass", "container"), ("objectGUID", "3")])]).is_err());
        // What only looks like a class of what others are in.
        assert!(changed(vec![entry(&[("objectClassX", "container"), ("objectGUID", "3")])]).is_ok());
        assert!(changed(vec![entry(&[("objectClass", "user")])]).unwrap_err().contains("objectGUID"));
    }
}

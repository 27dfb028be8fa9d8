//! All entries that a search finds, page by page (RFC 2696).

use std::collections::BTreeMap;

use ldap3::controls::{Control, ControlType, PagedResults, RawControl};
use ldap3::{Ldap, LdapResult, SearchOptions};

use super::super::{Failure, Record};
use super::connection::{ANSWER_TIMEOUT, failed};
use super::entry::Entry;
use super::{Config, Scope};

/// The most pages of a search: ten million entries of Active Directory.
const PAGES_MAX: usize = 10_000;
/// The most bytes of a search's names and values, which are all in memory: 200,000 entries of 1 kB, with room.
const BYTES_MAX: usize = 256 << 20;
/// Shows what was deleted in an Active Directory (LDAP_SERVER_SHOW_DELETED_OID of MS-ADTS).
const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
/// Shows what was deleted and cannot be restored any more (LDAP_SERVER_SHOW_RECYCLED_OID). Old servers have no such things.
const SHOW_RECYCLED: &str = "1.2.840.113556.1.4.2064";

/// What is searched for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'s> {
    pub(super) base: &'s str,
    pub(super) scope: ldap3::Scope,
    pub(super) filter: &'s str,
    pub(super) attributes: &'s [String],
    /// Whether what was deleted is found, too.
    pub(super) deleted: bool,
}

impl<'s> Search<'s> {
    /// What is configured, with a filter and attributes.
    pub(super) fn configured(config: &'s Config, filter: &'s str, attributes: &'s [String]) -> Self {
        let scope = match config.scope {
            Scope::Subtree => ldap3::Scope::Subtree,
            Scope::OneLevel => ldap3::Scope::OneLevel,
        };
        Self { base: &config.base, scope, filter, attributes, deleted: false }
    }
}

/// Reads all entries of what is configured, by distinguished name.
///
/// # Errors
/// A page that cannot be had, an end that is none, an entry that comes twice, and nothing at all.
pub(super) async fn all(
    ldap: &mut Ldap,
    config: &Config,
    attributes: &[String],
) -> Result<BTreeMap<String, Record>, Failure> {
    let search = Search::configured(config, &config.filter, attributes);
    let mut found = BTreeMap::new();
    for entry in entries(ldap, config, search).await? {
        if found.insert(entry.name, entry.record).is_some() {
            let why = "an entry came twice: the pages are not of one search";
            return Err(Failure::Broken(format!("{}: {why}", config.url)));
        }
    }
    // A directory shows an account that may not read no entries, and says that this is all (RFC 4511 §4.5.2 allows it).
    if found.is_empty() {
        return Err(Failure::Refused(format!(
            "{} has no entry under {} that fits the filter: check both, and what {} may read",
            config.url, config.base, config.bind_dn
        )));
    }
    Ok(found)
}

/// Reads all entries of a search.
///
/// # Errors
/// A page that cannot be had, and an end that is none.
pub(super) async fn entries(
    ldap: &mut Ldap,
    config: &Config,
    search: Search<'_>,
) -> Result<Vec<Entry>, Failure> {
    let mut found = Vec::new();
    let mut bytes = 0;
    let mut cookie = Vec::new();
    for _ in 0..PAGES_MAX {
        // Critical: a directory that cannot do pages must say so rather than give as many entries as it likes.
        let page = PagedResults { size: i32::from(config.page_size), cookie };
        let page = RawControl { crit: true, ..page.into() };
        let mut keep = |entry: Entry| {
            bytes += entry.bytes;
            if bytes > BYTES_MAX {
                return Err(format!(
                    "the entries have more than {BYTES_MAX} bytes: ask for fewer attributes"
                ));
            }
            found.push(entry);
            Ok(())
        };
        let result = ask(ldap, config, search, Some(page), &mut keep).await?;
        answered(config, &format!("{} cannot be searched", search.base), &result)?;
        let page = result.ctrls.iter().find_map(|control| match control {
            Control(Some(ControlType::PagedResults), raw) => Some(raw.parse::<PagedResults>()),
            Control(..) => None,
        });
        let page =
            page.ok_or_else(|| Failure::Broken(format!("{} does not say whether that is all", config.url)))?;
        if page.cookie.is_empty() {
            return Ok(found);
        }
        cookie = page.cookie;
    }
    Err(Failure::Broken(format!("{} has more than {PAGES_MAX} pages of {}", config.url, search.base)))
}

/// Reads one entry of a search, if there is one that may be seen.
///
/// # Errors
/// A directory that does not answer.
pub(super) async fn first(
    ldap: &mut Ldap,
    config: &Config,
    search: Search<'_>,
) -> Result<Option<Entry>, Failure> {
    let mut found = None;
    ldap.with_search_options(SearchOptions::new().sizelimit(1));
    let mut keep = |entry| {
        found = Some(entry);
        Ok(())
    };
    let result = ask(ldap, config, search, None, &mut keep).await?;
    // There are more (4), or not even the place to search (32).
    if !matches!(result.rc, 4 | 32) {
        answered(config, &format!("{} cannot be searched", search.base), &result)?;
    }
    Ok(found)
}

/// Asks once, and gives what ends the answer.
async fn ask(
    ldap: &mut Ldap,
    config: &Config,
    search: Search<'_>,
    page: Option<RawControl>,
    each: &mut (dyn FnMut(Entry) -> Result<(), String> + Send),
) -> Result<LdapResult, Failure> {
    let url = &config.url;
    let mut controls: Vec<RawControl> = page.into_iter().collect();
    if search.deleted {
        let shown = [(SHOW_DELETED, true), (SHOW_RECYCLED, false)];
        controls.extend(shown.map(|(oid, crit)| RawControl { ctype: oid.to_owned(), crit, val: None }));
    }
    let Search { base, scope, filter, attributes, .. } = search;
    let mut stream = ldap
        .with_timeout(ANSWER_TIMEOUT)
        .with_controls(controls)
        .streaming_search(base, scope, filter, attributes)
        .await
        .map_err(|error| failed(url, &error))?;
    while let Some(item) = stream.next().await.map_err(|error| failed(url, &error))? {
        // Other servers may have more below this place; what they have is configured as a source of its own.
        if !item.is_ref() && !item.is_intermediate() {
            let entry = Entry::read(item.0, attributes).and_then(&mut *each);
            entry.map_err(|why| Failure::Broken(format!("{url}: {why}")))?;
        }
    }
    Ok(stream.finish().await)
}

/// Whether an operation succeeded (RFC 4511 §4.1.9 and appendix A).
pub(super) fn answered(config: &Config, what: &str, result: &LdapResult) -> Result<(), Failure> {
    let url = &config.url;
    match result.rc {
        0 => Ok(()),
        3 | 4 | 11 => Err(Failure::Broken(format!(
            "{url} gives not all of {}: {result}: raise the limits of {}, or ask for smaller pages",
            config.base, config.bind_dn
        ))),
        10 => Err(Failure::Refused(format!(
            "{url} does not have {}: ask the server that it refers to, {}",
            config.base,
            result.refs.join(", ")
        ))),
        49 => Err(Failure::Refused(format!("{url}: {what}: {result}: check `bind_dn` and the password"))),
        1 | 51 | 52 | 80 => Err(Failure::Away(format!("{url}: {what}: {result}"))),
        _ => Err(Failure::Refused(format!("{url}: {what}: {result}"))),
    }
}

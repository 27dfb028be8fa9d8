//! All entries that a search finds, page by page (RFC 2696).

use std::collections::BTreeSet;

use ldap3::controls::{Control, ControlType, MakeCritical, PagedResults};
use ldap3::{Ldap, LdapResult, ResultEntry};

use super::super::{Failure, Record};
use super::connection::{ANSWER_TIMEOUT, failed};
use super::entry::Entry;
use super::{Config, Scope};

/// The most pages of a turn: ten million entries of Active Directory.
const PAGES_MAX: usize = 10_000;
/// The most bytes of a turn's names and values, which are all in memory: 200,000 entries of 1 kB, with room.
const BYTES_MAX: usize = 256 << 20;

/// Reads all entries.
///
/// # Errors
/// A page that cannot be had, an end that is none, and nothing at all.
pub(super) async fn all(ldap: &mut Ldap, config: &Config) -> Result<Vec<Record>, Failure> {
    let mut found = Found::default();
    let mut cookie = Vec::new();
    for _ in 0..PAGES_MAX {
        cookie = page(ldap, config, cookie, &mut found).await?;
        if cookie.is_empty() {
            return found.all(config);
        }
    }
    Err(Failure::Broken(format!("{} has more than {PAGES_MAX} pages of {}", config.url, config.base)))
}

/// Reads a page and gives the cookie that asks for the next one; it is empty after the last.
async fn page(
    ldap: &mut Ldap,
    config: &Config,
    cookie: Vec<u8>,
    found: &mut Found,
) -> Result<Vec<u8>, Failure> {
    let scope = match config.scope {
        Scope::Subtree => ldap3::Scope::Subtree,
        Scope::OneLevel => ldap3::Scope::OneLevel,
    };
    // Critical: a directory that cannot do pages must say so rather than give as many entries as it likes.
    let control = PagedResults { size: i32::from(config.page_size), cookie }.critical();
    let mut stream = ldap
        .with_timeout(ANSWER_TIMEOUT)
        .with_controls(control)
        .streaming_search(&config.base, scope, &config.filter, &config.attributes)
        .await
        .map_err(|error| failed(&config.url, &error))?;
    while let Some(item) = stream.next().await.map_err(|error| failed(&config.url, &error))? {
        // Other servers may have more below this place; what they have is configured as a source of its own.
        if !item.is_ref() && !item.is_intermediate() {
            found.add(item, config)?;
        }
    }
    let result = stream.finish().await;
    answered(config, &format!("{} cannot be searched", config.base), &result)?;
    let page = result.ctrls.iter().find_map(|control| match control {
        Control(Some(ControlType::PagedResults), raw) => Some(raw.parse::<PagedResults>()),
        Control(..) => None,
    });
    let page =
        page.ok_or_else(|| Failure::Broken(format!("{} does not say whether that is all", config.url)))?;
    Ok(page.cookie)
}

/// What the pages have had so far.
#[derive(Default)]
struct Found {
    records: Vec<Record>,
    /// The distinguished names: an entry that comes twice means that a page did.
    names: BTreeSet<String>,
    bytes: usize,
}

impl Found {
    fn add(&mut self, item: ResultEntry, config: &Config) -> Result<(), Failure> {
        let broken = |why: String| Failure::Broken(format!("{}: {why}", config.url));
        let entry = Entry::read(item.0, &config.attributes).map_err(broken)?;
        self.bytes += entry.bytes;
        if self.bytes > BYTES_MAX {
            return Err(broken(format!(
                "the entries have more than {BYTES_MAX} bytes: ask for fewer attributes"
            )));
        }
        if !self.names.insert(entry.name) {
            return Err(broken("an entry came twice: the pages are not of one search".to_owned()));
        }
        self.records.push(entry.record);
        Ok(())
    }

    /// A directory shows an account that may not read no entries, and says that this is all (RFC 4511 §4.5.2 allows it).
    fn all(self, config: &Config) -> Result<Vec<Record>, Failure> {
        if self.records.is_empty() {
            return Err(Failure::Refused(format!(
                "{} has no entry under {} that fits the filter: check both, and what {} may read",
                config.url, config.base, config.bind_dn
            )));
        }
        Ok(self.records)
    }
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

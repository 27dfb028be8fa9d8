//! The domain controller that answers, and how far its changes have come.

use ldap3::Ldap;

use super::super::{Failure, Record};
use super::Config;
use super::entry::values;
use super::search::{Search, first};

/// What a directory says it can if it is an Active Directory (MS-ADTS §3.1.1.3.4.3.1). AD LDS does not say it.
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";
const ANY: &str = "(objectClass=*)";

/// A domain controller at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Controller {
    /// The domain's distinguished name.
    pub(super) domain: String,
    /// That of its forest's schema.
    pub(super) schema: String,
    /// Which domain controller it is, and which of its lives: one that is restored from a copy begins another.
    pub(super) invocation: String,
    /// The number of the last change that it has made its own (`highestCommittedUSN`).
    pub(super) usn: u64,
}

/// The domain controller that answers; in words why changes cannot be asked of it.
///
/// # Errors
/// A directory that does not answer.
pub(super) async fn find(ldap: &mut Ldap, config: &Config) -> Result<Result<Controller, String>, Failure> {
    let asked = [
        "supportedCapabilities",
        "defaultNamingContext",
        "schemaNamingContext",
        "dsServiceName",
        "highestCommittedUSN",
    ]
    .map(str::to_owned);
    let Some(root) = read(ldap, config, "", &asked).await? else {
        return Ok(Err("it says nothing of itself (its rootDSE)".to_owned()));
    };
    let said = match RootDse::of(&root, &config.base) {
        Ok(said) => said,
        Err(why) => return Ok(Err(why)),
    };
    let asked = ["invocationId".to_owned()];
    let service = read(ldap, config, &said.service, &asked).await?;
    let invocation = service.and_then(|mut service| service.remove("invocationId"));
    Ok(match invocation {
        Some(invocation) => {
            let RootDse { domain, schema, usn, .. } = said;
            Ok(Controller { domain, schema, invocation, usn })
        }
        None => Err(format!("{} may not read the invocationId of the domain controller", config.bind_dn)),
    })
}

/// The entry of a name.
async fn read(
    ldap: &mut Ldap,
    config: &Config,
    base: &str,
    attributes: &[String],
) -> Result<Option<Record>, Failure> {
    let search = Search { base, scope: ldap3::Scope::Base, filter: ANY, attributes, deleted: false };
    Ok(first(ldap, config, search).await?.map(|entry| entry.record))
}

/// What a domain controller says of itself.
#[derive(Debug, PartialEq, Eq)]
struct RootDse {
    domain: String,
    schema: String,
    /// Its own entry (`dsServiceName`).
    service: String,
    usn: u64,
}

impl RootDse {
    /// Reads a rootDSE (RFC 4512 §5.1, MS-ADTS §3.1.1.3.2).
    fn of(root: &Record, base: &str) -> Result<Self, String> {
        if !values(root, "supportedCapabilities").any(|capability| capability == ACTIVE_DIRECTORY) {
            return Err("it is no Active Directory".to_owned());
        }
        let text = |name: &str| root.get(name).cloned().ok_or_else(|| format!("it does not say its {name}"));
        let usn = text("highestCommittedUSN")?;
        let usn = usn.parse().map_err(|_| format!("its highestCommittedUSN is {usn:?}"))?;
        let (domain, schema, service) =
            (text("defaultNamingContext")?, text("schemaNamingContext")?, text("dsServiceName")?);
        if is_in(base, &domain) {
            Ok(Self { domain, schema, service, usn })
        } else {
            Err(format!("{base} is not in {domain}, the domain of this controller"))
        }
    }
}

/// Whether a distinguished name is another one, or below it.
fn is_in(name: &str, root: &str) -> bool {
    let plain = |name: &str| name.split(',').map(str::trim).collect::<Vec<_>>().join(",").to_lowercase();
    let (name, root) = (plain(name), plain(root));
    name == root || name.ends_with(&format!(",{root}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(changes: &[(&str, &str)]) -> Record {
        let said = [
            ("supportedCapabilities.0", ACTIVE_DIRECTORY),
            ("supportedCapabilities.1", "1.2.840.113556.1.4.1670"),
            ("defaultNamingContext", "DC=lkdata,DC=test"),
            ("schemaNamingContext", "CN=Schema,CN=Configuration,DC=lkdata,DC=test"),
            ("dsServiceName", "CN=NTDS Settings,CN=DC1"),
            ("highestCommittedUSN", "3950"),
        ];
        let mut root = Record::new();
        for (name, text) in said.iter().chain(changes) {
            root.insert((*name).to_owned(), (*text).to_owned());
        }
        root.retain(|_, text| !text.is_empty());
        root
    }

    #[test]
    fn a_domain_controller_says_how_far_it_has_come() {
        for base in ["OU=Konton,DC=lkdata,DC=test", "ou=konton, dc=LKDATA, dc=test", "DC=lkdata,DC=test"] {
            let said = RootDse::of(&root(&[]), base).unwrap();
            assert_eq!((said.usn, said.domain.as_str()), (3950, "DC=lkdata,DC=test"), "{base}");
        }
    }

    #[test]
    fn what_cannot_be_asked_for_changes_says_why() {
        let base = "OU=Konton,DC=lkdata,DC=test";
        for (changes, base, why) in [
            (("supportedCapabilities.0", "1.2.840.113556.1.4.1851"), base, "no Active Directory"),
            (("highestCommittedUSN", ""), base, "does not say its highestCommittedUSN"),
            (("highestCommittedUSN", "-1"), base, "highestCommittedUSN is \"-1\""),
            (("dsServiceName", ""), base, "dsServiceName"),
            (("x", "y"), "OU=Konton,DC=other,DC=lkdata,DC=test2", "is not in DC=lkdata,DC=test"),
            (("x", "y"), "OU=Konton,DC=xlkdata,DC=test", "is not in DC=lkdata,DC=test"),
        ] {
            let said = RootDse::of(&root(&[changes]), base).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}

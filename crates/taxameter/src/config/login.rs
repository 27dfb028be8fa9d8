//! `[login]`: people log in by OpenID Connect, and their groups say what they may do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, bail};
use domain::access::{Grant, Role, Scope};
use domain::catalogue::Catalogue;
use serde::Deserialize;
use url::{Host, Url};

use super::nearest;

/// `[login]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginSection {
    /// The provider's issuer, exactly as its discovery document says it (OpenID Connect Discovery §4).
    pub issuer: String,
    /// What the provider knows the program as.
    pub client_id: String,
    /// The file that holds the secret that goes with it.
    pub client_secret_file: PathBuf,
    /// The address that browsers use, without a path. The provider must allow `/login/callback` and `/logout` beneath it.
    pub public_url: String,
    /// What is asked for besides `openid`: whatever makes the provider tell name and groups.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// The claim that holds the groups.
    #[serde(default = "default_groups_claim")]
    pub groups_claim: String,
    /// How many hours a login holds, however busy it is.
    #[serde(default = "default_session_hours")]
    pub session_hours: u32,
    /// How many minutes a login holds that nobody uses.
    #[serde(default = "default_idle_minutes")]
    pub idle_minutes: u32,
    /// What each group may do.
    #[serde(default, rename = "grant")]
    pub grants: Vec<GrantSection>,
}

/// `[[login.grant]]`: a group's role, and what it is about. A group may have several.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantSection {
    /// The group as the claim has it: a name, or an object id.
    pub group: String,
    /// The role's name.
    pub role: String,
    /// The services of an object leader.
    #[serde(default)]
    pub services: BTreeSet<String>,
    /// The customers whose cost centres a payer sees.
    #[serde(default)]
    pub customers: BTreeSet<String>,
    /// The cost centres that a payer sees besides.
    #[serde(default)]
    pub costcentres: BTreeSet<String>,
}

fn default_scopes() -> Vec<String> {
    vec!["profile".to_owned()]
}

fn default_groups_claim() -> String {
    "groups".to_owned()
}

/// A working day.
const fn default_session_hours() -> u32 {
    8
}

/// A lunch.
const fn default_idle_minutes() -> u32 {
    60
}

/// The longest that a login may hold, in hours: a day.
const SESSION_HOURS_MAX: u32 = 24;

/// How people log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The provider's issuer.
    pub issuer: Url,
    /// The issuer letter by letter, which is how tokens name it.
    pub issuer_text: String,
    /// What the provider knows the program as.
    pub client_id: String,
    /// The file with the secret that goes with it.
    pub client_secret_file: PathBuf,
    /// The address that browsers use; its path is `/`.
    pub public_url: Url,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that holds the groups.
    pub groups_claim: String,
    /// How many minutes a login holds, however busy it is.
    pub session_minutes: u32,
    /// How many minutes a login holds that nobody uses.
    pub idle_minutes: u32,
    /// What each group may do.
    pub grants: Vec<(String, Grant)>,
}

impl Login {
    /// What the program needs, from what was written.
    ///
    /// # Errors
    /// An address that browsers or the program must not trust, times that cannot be, no grant, or one that is wrong.
    pub fn of(section: LoginSection) -> anyhow::Result<Self> {
        let issuer = trusted("issuer", &section.issuer)?;
        let public_url = trusted("public_url", &section.public_url)?;
        if public_url.path() != "/" {
            bail!("login.public_url is {public_url}: it must be an address without a path");
        }
        if section.client_id.trim().is_empty() || section.groups_claim.trim().is_empty() {
            bail!("login.client_id and login.groups_claim must not be empty");
        }
        if let Some(scope) = section.scopes.iter().find(|scope| !is_scope(scope)) {
            bail!("login.scopes has {scope:?}: a scope is one word");
        }
        if !(1..=SESSION_HOURS_MAX).contains(&section.session_hours) {
            bail!(
                "login.session_hours is {}; it must be from 1 to {SESSION_HOURS_MAX}",
                section.session_hours
            );
        }
        let session_minutes = section.session_hours * 60;
        if !(1..=session_minutes).contains(&section.idle_minutes) {
            bail!(
                "login.idle_minutes is {}; it must be from 1 to {session_minutes}, for as long as login.session_hours",
                section.idle_minutes
            );
        }
        if section.grants.is_empty() {
            bail!("[login] has no [[login.grant]], so nobody who logs in could do anything");
        }
        Ok(Self {
            issuer,
            issuer_text: section.issuer,
            client_id: section.client_id,
            client_secret_file: section.client_secret_file,
            public_url,
            scopes: section.scopes,
            groups_claim: section.groups_claim,
            session_minutes,
            idle_minutes: section.idle_minutes,
            grants: section.grants.into_iter().map(granted).collect::<anyhow::Result<_>>()?,
        })
    }

    /// What grants name that a catalogue does not have: whoever has such a grant would see nothing of it.
    pub fn unknown(&self, catalogue: &Catalogue) -> Vec<String> {
        let mut unknown = Vec::new();
        for (group, Grant { scope, .. }) in &self.grants {
            let Scope { services, customers, costcentres, sources: _ } = scope;
            let known = (&catalogue.services, &catalogue.customers, &catalogue.costcentres);
            let lists = [
                ("services", missing(services, known.0)),
                ("customers", missing(customers, known.1)),
                ("costcentres", missing(costcentres, known.2)),
            ];
            for (list, missing) in lists.into_iter().filter(|(_, missing)| !missing.is_empty()) {
                unknown.push(format!(
                    "[[login.grant]] of {group} names {list} that the catalogue lacks: {missing}"
                ));
            }
        }
        unknown
    }

    /// Whether browsers reach the program over TLS.
    pub fn is_secure(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}

/// The names that are not known, and for each the nearest one that is.
fn missing<T>(names: &BTreeSet<String>, known: &BTreeMap<String, T>) -> String {
    let missing = names.iter().filter(|name| !known.contains_key(*name));
    let told = missing.map(|name| match nearest(name, known.keys().map(String::as_str)) {
        Some(meant) => format!("{name} (did you mean {meant}?)"),
        None => name.clone(),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// One word of visible ASCII (RFC 6749 §3.3).
fn is_scope(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

/// An address that secrets may go to: over TLS, or on this machine.
fn trusted(field: &str, text: &str) -> anyhow::Result<Url> {
    let url: Url = text.parse().with_context(|| format!("login.{field} is {text:?}: it is no address"))?;
    let is_safe = match url.scheme() {
        "https" => true,
        "http" => is_loopback(&url),
        _ => false,
    };
    if !is_safe {
        bail!("login.{field} is {url}: it must be https, or http on this machine (127.0.0.1, localhost)");
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        bail!("login.{field} is {url}: it must have neither user, ? nor #");
    }
    Ok(url)
}

/// Whether an address is this machine's own.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A group and what it may do.
fn granted(section: GrantSection) -> anyhow::Result<(String, Grant)> {
    let GrantSection { group, role, services, customers, costcentres } = section;
    if group.trim().is_empty() {
        bail!("a [[login.grant]] has an empty group");
    }
    let roles = || Role::ALL.into_iter().filter(|role| *role != Role::Collector);
    let Some(known) = roles().find(|known| known.name() == role) else {
        if role == Role::Collector.name() {
            bail!(
                "[[login.grant]] of {group}: people do not send events; make a key with \
                 `taxameter keys create NAME --role collector`"
            );
        }
        let meant = nearest(&role, roles().map(Role::name))
            .map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"));
        let all: Vec<&str> = roles().map(Role::name).collect();
        bail!("[[login.grant]] of {group}: the role {role:?} is none of {}{meant}", all.join(", "));
    };
    let scope = Scope { sources: BTreeSet::new(), services, customers, costcentres };
    if !scope.fits(known) {
        let wanted = match known {
            Role::Payer => "1 to 200 customers and costcentres together, and no services",
            Role::ObjectLeader => "1 to 200 services, and neither customers nor costcentres",
            Role::Collector | Role::Operator | Role::Finance | Role::Auditor | Role::Admin => {
                "neither services, customers nor costcentres"
            }
        };
        bail!("[[login.grant]] of {group}: the role {role} has {wanted}");
    }
    Ok((group, Grant { role: known, scope }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "issuer = \"https://idp.example.org/tenant/v2.0\"\nclient_id = \"taxameter\"\n\
        client_secret_file = \"secret\"\npublic_url = \"https://taxameter.example.org\"\n";
    const FINANCE: &str = "[[grant]]\ngroup = \"ekonomi\"\nrole = \"finance\"\n";

    fn read(text: &str) -> anyhow::Result<Login> {
        Login::of(toml::from_str(text)?)
    }

    #[test]
    fn a_login_has_defaults_and_several_grants_for_a_group() {
        let leader = "[[grant]]\ngroup = \"ekonomi\"\nrole = \"object-leader\"\nservices = [\"e-moten\"]\n";
        let login = read(&format!("{RIGHT}{FINANCE}{leader}")).unwrap();
        assert_eq!((login.session_minutes, login.idle_minutes), (480, 60));
        assert_eq!((login.groups_claim.as_str(), login.scopes), ("groups", vec!["profile".to_owned()]));
        assert_eq!(login.issuer_text, "https://idp.example.org/tenant/v2.0");
        let roles: Vec<Role> = login.grants.iter().map(|(_, grant)| grant.role).collect();
        assert_eq!(roles, [Role::Finance, Role::ObjectLeader]);
    }

    #[test]
    fn what_a_grant_names_and_the_catalogue_lacks_is_told_with_the_nearest() {
        let grants = "[[grant]]\ngroup = \"a\"\nrole = \"payer\"\ncustomers = [\"KLF\", \"UAFF\"]\n\
            [[grant]]\ngroup = \"b\"\nrole = \"object-leader\"\nservices = [\"e-moten\", \"qqqqqqqqqq\"]\n";
        let catalogue = crate::catalogue::of_directory(None).unwrap();
        assert_eq!(
            read(&format!("{RIGHT}{grants}")).unwrap().unknown(&catalogue),
            [
                "[[login.grant]] of a names customers that the catalogue lacks: UAFF (did you mean UAF?)",
                "[[login.grant]] of b names services that the catalogue lacks: qqqqqqqqqq",
            ]
        );
    }

    #[test]
    fn what_cannot_work_is_refused_with_what_would() {
        let of = |from: &str, to: &str| read(&format!("{RIGHT}{FINANCE}").replace(from, to));
        let cases = [
            ("https://idp", "http://idp", "must be https"),
            ("https://taxameter.example.org", "http://10.0.0.1", "must be https"),
            ("https://taxameter.example.org", "https://taxameter.example.org/x", "without a path"),
            ("https://taxameter.example.org", "https://user@taxameter.example.org", "neither user"),
            ("https://taxameter.example.org", "taxameter", "is no address"),
            ("\"taxameter\"", "\" \"", "must not be empty"),
            (FINANCE, "", "has no [[login.grant]]"),
            ("\"finance\"", "\"finans\"", "did you mean `finance`?"),
            ("\"finance\"", "\"reader\"", "is none of payer, object-leader"),
            ("\"finance\"", "\"collector\"", "people do not send events"),
            ("\"finance\"", "\"payer\"", "1 to 200 customers"),
            ("\"finance\"", "\"object-leader\"\ncustomers = [\"KLF\"]", "1 to 200 services"),
            ("\"finance\"", "\"finance\"\nservices = [\"e-moten\"]", "neither services"),
            ("[[grant]]", "session_hours = 25\n[[grant]]", "from 1 to 24"),
            ("[[grant]]", "session_hours = 1\nidle_minutes = 61\n[[grant]]", "from 1 to 60"),
            ("[[grant]]", "scopes = [\"a b\"]\n[[grant]]", "one word"),
        ];
        for (from, to, want) in cases {
            let error = format!("{:#}", of(from, to).unwrap_err());
            assert!(error.contains(want), "{to}: {error}");
        }
        for own in ["http://127.0.0.1:8321", "http://localhost:8321", "http://[::1]:8321"] {
            of("https://taxameter.example.org", own).unwrap();
        }
    }
}

//! The source: what is configured is judged once, and each turn has a connection of its own.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use domain::Instant;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::super::renew::{Kept, Renew, Renewed};
use super::super::{Failure, Nature, Read, Source};
use super::connection::Connection;
use super::{Config, Period, changes, search};

/// How long a turn may take: a directory of 100,000 accounts is read in less than a minute.
const TURN_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The longest that changes are gone on from. Active Directory remembers what was deleted for 60 days at least, unless somebody
/// has made that less (tombstoneLifetime).
const FULL_EVERY_MAX: Period = Period::days(30);

/// A directory.
#[derive(Debug)]
pub(super) struct Directory {
    config: Config,
    connection: Connection,
}

impl Directory {
    /// # Errors
    /// What is configured and cannot be right, and certificates that cannot be read.
    pub(super) fn new(config: &Config) -> Result<Self, Failure> {
        check(config).map_err(|why| Failure::Refused(format!("{}: {why}", config.url)))?;
        Ok(Self { connection: Connection::new(config)?, config: config.clone() })
    }

    async fn read(&self) -> Result<Read, Failure> {
        let mut session = self.connection.open().await?;
        let records = search::all(&mut session.ldap, &self.config, &self.config.attributes).await?;
        session.close().await;
        Ok(Read { records: records.into_values().collect(), ..Read::default() })
    }

    async fn renew(&self, at: Instant, kept: Result<Kept, String>) -> Result<Renewed, Failure> {
        let mut session = self.connection.open().await?;
        let renewed = changes::renew(&mut session.ldap, &self.config, at, kept).await?;
        session.close().await;
        Ok(renewed)
    }

    /// Takes a turn that ends.
    async fn take<T>(&self, turn: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let url = &self.config.url;
        // The library panics at messages that LDAP does not have; to us they are a bad answer like others.
        match tokio::time::timeout(TURN_TIMEOUT, AssertUnwindSafe(turn).catch_unwind()).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Failure::Broken(format!("{url} answered what is not LDAP"))),
            Err(_) => {
                let seconds = TURN_TIMEOUT.as_secs();
                Err(Failure::Away(format!("{url} was not read to its end within {seconds} s")))
            }
        }
    }
}

impl Source for Directory {
    fn nature(&self) -> Nature {
        Nature::Snapshot
    }

    fn read<'a>(&'a self, _at: Instant, _cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>> {
        self.take(Directory::read(self)).boxed()
    }

    fn renewing(&self) -> Option<&dyn Renew> {
        Some(self)
    }
}

impl Renew for Directory {
    fn renew(&self, at: Instant, kept: Result<Kept, String>) -> BoxFuture<'_, Result<Renewed, Failure>> {
        self.take(Directory::renew(self, at, kept)).boxed()
    }
}

fn check(config: &Config) -> Result<(), String> {
    if config.bind_dn.is_empty() {
        return Err("`bind_dn` is empty: name the account that reads".to_owned());
    }
    if config.page_size == 0 {
        return Err("`page_size` is 0: ask for 1000 entries at a time".to_owned());
    }
    if config.full_every > FULL_EVERY_MAX {
        return Err(format!(
            "`full_every` is {}: deletions are not remembered for ever, say at most {FULL_EVERY_MAX}",
            config.full_every
        ));
    }
    if ldap3::parse_filter(&config.filter).is_err() {
        return Err(format!("{:?} is no filter such as (objectClass=user)", config.filter));
    }
    if config.attributes.is_empty() {
        return Err("`attributes` is empty: list what the mapping needs".to_owned());
    }
    for name in &config.attributes {
        // All attributes of a person are more than anybody needs (GDPR art. 5(1)(c)).
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.;".contains(&byte)) || name.is_empty()
        {
            return Err(format!("`attributes` has {name:?}, which is no name of one attribute"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: [(&str, &str); 5] = [
        ("url", "'ldaps://dc1.lkdata.test'"),
        ("bind_dn", "'taxameter@lkdata.test'"),
        ("password_file", "'secret'"),
        ("base", "'OU=Konton,DC=lkdata,DC=test'"),
        ("attributes", "['objectGUID', 'department']"),
    ];

    /// What is said of a configuration with changes; nothing if it is right.
    fn said(changes: &[(&str, &str)]) -> String {
        let is_changed = |name: &str| changes.iter().any(|(changed, _)| *changed == name);
        let kept = RIGHT.iter().filter(|(name, _)| !is_changed(name));
        let lines: Vec<String> =
            kept.chain(changes).map(|(name, value)| format!("{name} = {value}")).collect();
        match Directory::new(&toml::from_str(&lines.join("\n")).unwrap()) {
            Ok(_) => String::new(),
            Err(Failure::Refused(why)) => why,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_configuration_that_cannot_be_right_is_refused_before_anything_is_asked() {
        let plain = ("plain", "true");
        let cases: [(&[(&str, &str)], &str); 21] = [
            (&[], ""),
            (&[("url", "'ldap://dc1:3389/'"), ("starttls", "true")], ""),
            (&[("url", "'ldap://[2001:67c::1]'"), plain], ""),
            (&[("url", "'ldap://dc1'")], "nothing would be encrypted"),
            (&[plain], "exclude each other"),
            (&[("url", "'ldap://dc1'"), ("starttls", "true"), plain], "exclude each other"),
            (&[("url", "'https://dc1'")], "https is not spoken"),
            (&[("url", "'ldaps://dc1/DC=x'")], "only a host and a port"),
            (&[("url", "'ldaps://x:y@dc1'")], "only a host and a port"),
            (&[("url", "'ldaps:///'")], "names no host"),
            (&[("url", "'ldaps://[2001:67c::1]'")], "name the host"),
            (&[("url", "'ldaps://10.0.0.1'")], "list its network"),
            (
                &[("url", "'ldaps://169.254.169.254'"), ("networks", "['0.0.0.0/0']")],
                "no collector speaks to",
            ),
            (&[("ca_file", "'/nowhere'")], "/nowhere cannot be read"),
            (&[("ca_file", "'/dev/null'")], "/dev/null has no certificate"),
            (&[("full_every", "'12h'")], ""),
            (&[("full_every", "'31d'")], "`full_every` is 31d"),
            (&[("attributes", "[]")], "`attributes` is empty"),
            (&[("attributes", "['*']")], "no name of one attribute"),
            (&[("page_size", "0")], "`page_size` is 0"),
            (&[("filter", "'(objectClass=user'")], "is no filter"),
        ];
        for (changes, expected) in cases {
            let said = said(changes);
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{changes:?}: {said}");
        }
    }
}

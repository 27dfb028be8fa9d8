//! Directories: a real Samba as Active Directory, a real OpenLDAP.

mod authority;
mod increments;
mod openldap;
mod samba;
mod whole;

use std::fmt::Write;
use std::path::Path;

use collect::pull::source::renew::Renewed;
use collect::pull::source::{Failure, Read, Record, System};

use crate::support::now;

/// Reads a directory as it is configured: these lines and the attributes.
async fn read(configuration: &str) -> Result<Vec<Record>, Failure> {
    let system: System = toml::from_str(&format!("kind = \"ldap\"\n{configuration}")).unwrap();
    let Read { records, cursor, more } = system.open(now)?.read(now(), None).await?;
    assert_eq!((cursor, more), (None, false));
    Ok(records)
}

/// Reads a directory for a turn that has no kept set.
async fn renew(configuration: &str) -> Result<Renewed, Failure> {
    let system: System = toml::from_str(&format!("kind = \"ldap\"\n{configuration}")).unwrap();
    let source = system.open(now)?;
    source.renewing().unwrap().renew(now(), Err("no set is kept".to_owned())).await
}

/// The text of a failure that somebody has to do something about.
async fn refused(configuration: &str) -> String {
    match read(configuration).await {
        Err(Failure::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

async fn is_away(configuration: &str) -> bool {
    matches!(read(configuration).await, Err(Failure::Away(_)))
}

/// A configuration: settings and values, which are quoted unless they are TOML already. Changes win, and an empty one leaves
/// its setting out.
fn configuration(settings: &[(&str, &str)], changes: &[(&str, &str)]) -> String {
    let mut text = "networks = [\"127.0.0.0/8\"]\n".to_owned();
    let kept = settings.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    for (name, value) in kept.chain(changes.iter().filter(|(_, value)| !value.is_empty())) {
        if value.starts_with('[') || *value == "true" || value.parse::<u16>().is_ok() {
            writeln!(text, "{name} = {value}").unwrap();
        } else {
            writeln!(text, "{name} = '{value}'").unwrap();
        }
    }
    text
}

/// A file with a secret; its path.
fn secret(directory: &Path, name: &str, secret: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, format!("{secret}\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

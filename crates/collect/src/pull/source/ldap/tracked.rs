//! Whether all that makes an account another one shows as a change of its entry. Where it does not, changes are not asked for.
//!
//! An entry's uSNChanged does not change with what is kept elsewhere and only shown in it (`memberOf` is kept in groups,
//! `manager` shows the name of another entry), with what is reckoned when it is asked for, and with what each domain
//! controller keeps for itself (`lastLogon`). The schema says which attributes these are.

use std::collections::BTreeSet;

use ldap3::Ldap;

use super::super::{Failure, Record};
use super::Config;
use super::controller::Controller;
use super::search::{Search, entries, first};

/// Attributes that the schema says something of which is of no importance: an entry's GUID never changes, names of classes are
/// those of the schema, and an entry's name changes with it or with what it is in, which is looked at.
const HARMLESS: [&str; 3] = ["objectGUID", "objectCategory", "distinguishedName"];
/// Syntaxes with the name of another entry in it: DN, DN with binary, DN with string (MS-ADTS §3.1.1.2.2.2).
const NAMES: [&str; 3] = ["2.5.5.1", "2.5.5.7", "2.5.5.14"];
/// Bits of `systemFlags` (MS-ADTS §2.2.10): FLAG_ATTR_NOT_REPLICATED and FLAG_ATTR_IS_CONSTRUCTED.
const NOT_REPLICATED: i64 = 1;
const CONSTRUCTED: i64 = 4;

/// Whether changes of what is configured can be seen; in words why not.
///
/// # Errors
/// A directory that does not answer.
pub(super) async fn check(
    ldap: &mut Ldap,
    config: &Config,
    controller: &Controller,
) -> Result<Result<(), String>, Failure> {
    let mut names: BTreeSet<String> = config.attributes.iter().map(|name| name.to_lowercase()).collect();
    match in_filter(&config.filter) {
        Ok(filtered) => names.extend(filtered),
        Err(why) => return Ok(Err(why)),
    }
    names.retain(|name| !HARMLESS.iter().any(|harmless| harmless.eq_ignore_ascii_case(name)));
    let schema = schema(ldap, config, controller, &names).await?;
    if let Some(why) = names.iter().find_map(|name| untracked(name, &schema)) {
        return Ok(Err(why));
    }
    let sees = sees_deletions(ldap, config, controller).await?;
    Ok(if sees { Ok(()) } else { Err(blind(config)) })
}

/// Whether the account that reads sees what was deleted. A container that it may not look into is empty to it, so it must see
/// something.
pub(super) async fn sees_deletions(
    ldap: &mut Ldap,
    config: &Config,
    controller: &Controller,
) -> Result<bool, Failure> {
    let search = Search {
        base: &format!("CN=Deleted Objects,{}", controller.domain),
        scope: ldap3::Scope::OneLevel,
        filter: "(&(isDeleted=TRUE)(objectClass=user)(uSNChanged>=1))",
        attributes: &["objectGUID".to_owned()],
        deleted: true,
    };
    let seen = first(ldap, config, search).await?;
    Ok(seen.is_some_and(|entry| entry.record.contains_key("objectGUID")))
}

/// What is to be done about an account that does not.
pub(super) fn blind(config: &Config) -> String {
    format!(
        "{} sees no account that was deleted: let it list and read the container CN=Deleted Objects (dsacls /G ACCOUNT:LCRP)",
        config.bind_dn
    )
}

/// What the schema says of attributes.
async fn schema(
    ldap: &mut Ldap,
    config: &Config,
    controller: &Controller,
    names: &BTreeSet<String>,
) -> Result<Vec<Record>, Failure> {
    let asked: String = names.iter().map(|name| format!("(lDAPDisplayName={name})")).collect();
    let search = Search {
        base: &controller.schema,
        scope: ldap3::Scope::OneLevel,
        filter: &format!("(&(objectClass=attributeSchema)(|{asked}))"),
        attributes: &["lDAPDisplayName", "attributeSyntax", "systemFlags"].map(str::to_owned),
        deleted: false,
    };
    Ok(entries(ldap, config, search).await?.into_iter().map(|entry| entry.record).collect())
}

/// Why changes of an attribute cannot be seen, if so.
fn untracked(name: &str, schema: &[Record]) -> Option<String> {
    let text = |attribute: &Record, field: &str| attribute.get(field).cloned().unwrap_or_default();
    let Some(attribute) = schema.iter().find(|one| text(one, "lDAPDisplayName").eq_ignore_ascii_case(name))
    else {
        return Some(format!("the schema has no attribute {name}"));
    };
    let flags = text(attribute, "systemFlags").parse().unwrap_or(0_i64);
    let why = if NAMES.contains(&text(attribute, "attributeSyntax").as_str()) {
        "it shows what is kept in other entries"
    } else if flags & CONSTRUCTED != 0 {
        "it is reckoned when it is asked for"
    } else if flags & NOT_REPLICATED != 0 {
        "each domain controller has its own"
    } else {
        return None;
    };
    Some(format!("changes of {name} cannot be seen: {why}"))
}

/// The attributes that a filter (RFC 4515) asks of, in lower case. A parenthesis in a value is written `\28`, so each that is
/// there begins a part.
fn in_filter(filter: &str) -> Result<BTreeSet<String>, String> {
    let bare = if filter.starts_with('(') { filter } else { &format!("({filter})") };
    let parts = bare.split('(').map(str::trim_start).filter(|part| !part.is_empty());
    let mut names = BTreeSet::new();
    for part in parts.filter(|part| !part.starts_with(['&', '|', '!'])) {
        let (name, rest) = part.split_at(part.find(['=', '<', '>', '~', ':']).unwrap_or(part.len()));
        // `:dn:` asks of the names of what an entry is in; without a name all attributes are asked of.
        let is_wide = rest.get(..4).is_some_and(|rest| rest.eq_ignore_ascii_case(":dn:"));
        if is_wide || name.is_empty() {
            return Err(format!("changes of what ({part} asks of cannot be seen"));
        }
        names.insert(name.trim_end().to_lowercase());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_asks_of_attributes() {
        for (filter, expected) in [
            (super::super::ENABLED_USERS, vec!["objectcategory", "objectclass", "useraccountcontrol"]),
            ("sn=a", vec!["sn"]),
            ("(| (sn~=a) (!(mail=*)) (cn>=a\\28b) (uid<=x:y=z))", vec!["cn", "mail", "sn", "uid"]),
            ("(memberOf:1.2.840.113556.1.4.1941:=CN=a,DC=b)", vec!["memberof"]),
        ] {
            let names = in_filter(filter).unwrap();
            assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{filter}");
        }
        for filter in ["(ou:dn:=Skolor)", "(:2.5.13.2:=x)", "(ou:DN:2.5.13.2:=Skolor)"] {
            assert!(in_filter(filter).unwrap_err().contains("cannot be seen"), "{filter}");
        }
    }

    #[test]
    fn the_schema_says_whose_changes_do_not_show() {
        let attribute = |name: &str, syntax: &str, flags: &str| {
            let parts = [("lDAPDisplayName", name), ("attributeSyntax", syntax), ("systemFlags", flags)];
            parts.map(|(name, text)| (name.to_owned(), text.to_owned())).into_iter().collect::<Record>()
        };
        // As the schema of Active Directory has them.
        let schema = [
            attribute("department", "2.5.5.12", "16"),
            attribute("userAccountControl", "2.5.5.9", "18"),
            attribute("memberOf", "2.5.5.1", "17"),
            attribute("manager", "2.5.5.1", "16"),
            attribute("lastLogon", "2.5.5.16", "17"),
            attribute("canonicalName", "2.5.5.12", "134217748"),
        ];
        for (name, why) in [
            ("department", None),
            ("useraccountcontrol", None),
            ("memberof", Some("other entries")),
            ("manager", Some("other entries")),
            ("lastlogon", Some("its own")),
            ("canonicalname", Some("reckoned")),
            ("nothing", Some("has no attribute")),
        ] {
            let said = untracked(name, &schema);
            assert_eq!(said.is_some(), why.is_some(), "{name}: {said:?}");
            assert!(said.unwrap_or_default().contains(why.unwrap_or_default()), "{name}");
        }
    }
}

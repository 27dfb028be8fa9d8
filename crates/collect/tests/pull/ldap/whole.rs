//! An Active Directory read whole: its bit rule, its GUIDs, its pages of 1000.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use collect::pull::source::{Failure, Record};

use super::samba::{
    BASE, DOMAIN, LEFT_OUT, NORMAL, NORMAL_DISABLED, Samba, account, cost_centre, is_possible,
};
use super::{is_away, read, refused, secret};

/// More than two pages. Samba takes accounts ever more slowly: with 10,000, as OpenLDAP's test has, this one passes too, after
/// 108 s.
const ACCOUNTS: usize = 2_400;
const DISABLED: usize = 300;

fn entries() -> String {
    let mut ldif = String::new();
    for number in 0..ACCOUNTS {
        let unit = if number.is_multiple_of(2) { "OU=Skolor,OU=Konton" } else { "OU=Vård,OU=Konton" };
        let control = if number < DISABLED { NORMAL_DISABLED } else { NORMAL };
        account(&mut ldif, &format!("a{number}"), unit, control);
        writeln!(ldif, "department: {}\n", cost_centre(number)).unwrap();
    }
    for number in 0..20 {
        account(&mut ldif, &format!("s{number}"), "OU=Tjänstekonton", NORMAL);
        ldif.push('\n');
    }
    // Groups and computers are no persons.
    for group in ["G1", "G2"] {
        writeln!(
            ldif,
            "dn: CN={group},{BASE}\nobjectClass: group\nsAMAccountName: {group}\nmember: CN=a700,OU=Skolor,{BASE}\n"
        )
        .unwrap();
    }
    ldif
}

/// What Samba's own tool shows of the enabled accounts: name and GUID.
fn enabled(samba: &Samba) -> BTreeMap<String, String> {
    let filter = "(&(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))";
    let shown = samba.find(BASE, filter, &["sAMAccountName", "objectGUID"]);
    let values = |field: &str| -> Vec<String> {
        shown
            .lines()
            .filter_map(|line| line.strip_prefix(field))
            .map(|value| value.trim().to_owned())
            .collect()
    };
    let (names, guids) = (values("sAMAccountName:"), values("objectGUID:"));
    assert_eq!(names.len(), guids.len());
    // Both are in the order of the entries.
    names.into_iter().zip(guids).collect()
}

#[tokio::test]
async fn an_active_directory_is_read_whole_or_not_at_all() {
    if !is_possible() {
        eprintln!("{LEFT_OUT}");
        return;
    }
    let mut samba = Samba::start(77, &entries()).await;
    are_the_enabled_ones_of_the_unit(&samba, &read(&samba.with(&[])).await.unwrap());
    // The same over TLS that begins later, and with smaller pages.
    let url = format!("ldap://{}", samba.address);
    let changes = [("url", url.as_str()), ("starttls", "true"), ("page_size", "333")];
    are_the_enabled_ones_of_the_unit(&samba, &read(&samba.with(&changes)).await.unwrap());
    fails_for_what_is_wrong(&samba).await;

    samba.server.kill();
    assert!(is_away(&samba.with(&[])).await);
}

fn are_the_enabled_ones_of_the_unit(samba: &Samba, records: &[Record]) {
    let expected: BTreeSet<String> = (DISABLED..ACCOUNTS).map(|number| format!("a{number}")).collect();
    assert_eq!(records.len(), expected.len());
    let guids: BTreeMap<String, String> = records
        .iter()
        .map(|record| (record["sAMAccountName"].clone(), record["objectGUID"].clone()))
        .collect();
    assert_eq!(guids.keys().cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!(guids, enabled(samba));
    for record in records {
        let name = &record["sAMAccountName"];
        assert_eq!(record["department"], cost_centre(name[1..].parse().unwrap()));
        assert!(domain::Instant::parse_rfc3339(&record["whenCreated"]).is_some());
        // They never expire, which is no time.
        assert!(!record.contains_key("accountExpires"));
        let groups: BTreeSet<_> = record
            .iter()
            .filter(|(field, _)| field.starts_with("memberOf"))
            .map(|(_, group)| group.as_str())
            .collect();
        let in_groups = ["CN=G1,OU=Konton,DC=lkdata,DC=test", "CN=G2,OU=Konton,DC=lkdata,DC=test"];
        assert_eq!(groups, if name == "a700" { in_groups.into() } else { BTreeSet::new() });
    }
}

async fn fails_for_what_is_wrong(samba: &Samba) {
    let wrong = secret(samba.directory.path(), "wrong", "fel");
    let plain = format!("ldap://{}", samba.address);
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[("password_file", &wrong)], "check `bind_dn` and the password"),
        (&[("bind_dn", "ingen@lkdata.test")], "check `bind_dn` and the password"),
        (&[("url", &plain), ("plain", "true")], "strongerAuthRequired"),
        (&[("ca_file", &samba.files.other_authority)], "cannot be trusted"),
        (&[("base", "OU=Saknas,DC=lkdata,DC=test")], "noSuchObject"),
    ];
    for (changes, expected) in cases {
        let why = refused(&samba.with(changes)).await;
        assert!(why.contains(expected), "{why}");
    }
    // The domain's other partitions are referred to, and are not asked.
    let everywhere = [("base", DOMAIN), ("attributes", "[\"sAMAccountName\"]")];
    let records = read(&samba.with(&everywhere)).await.unwrap();
    let names: BTreeSet<_> = records.iter().map(|record| record["sAMAccountName"].as_str()).collect();
    assert!(names.contains("Administrator") && names.contains("s7") && !names.contains("a7"), "{names:?}");
    assert!(matches!(
        read(&samba.with(&[("filter", "(department=999999)")])).await,
        Err(Failure::Refused(_))
    ));
}

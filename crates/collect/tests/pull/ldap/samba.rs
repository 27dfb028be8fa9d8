//! A real Samba as the domain controller of an Active Directory: its bit rule, its GUIDs, its pages of 1000.
//!
//! It has an address of its own in 127.0.0.0/8, because its ports are fixed; everything else is in a directory of the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::os::unix::fs::MetadataExt;

use collect::pull::source::{Failure, Record};
use tempfile::TempDir;

use super::authority::{self, Files};
use super::{configuration, is_away, read, refused, secret};
use crate::pull::server::{Server, run};

/// More than two pages. Samba takes accounts ever more slowly: with 10,000, as OpenLDAP's test has, this one passes too, after
/// 108 s.
const ACCOUNTS: usize = 2_400;
const DISABLED: usize = 300;
const DOMAIN: &str = "DC=lkdata,DC=test";
const BASE: &str = "OU=Konton,DC=lkdata,DC=test";
const PASSWORD: &str = "Hemligt-2021";
/// Both take accounts without a password, which these have not (MS-ADTS §2.2.16).
const NORMAL: u32 = 0x220;
const NORMAL_DISABLED: u32 = 0x222;

struct Samba {
    server: Server,
    directory: TempDir,
    files: Files,
    address: String,
}

impl Samba {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = format!("127.77.{high}.{low}");
        provision(&directory, &address);
        let at = directory.path();
        std::fs::write(at.join("accounts.ldif"), entries()).unwrap();
        on_database(&directory, "ldbadd", &[at.join("accounts.ldif").to_str().unwrap()]);
        let files = authority::certify(at, &address);
        let Files { authority, certificate, key, .. } = &files;
        let options = [
            "server services = ldap".to_owned(),
            format!("pid directory = {}", at.join("run").display()),
            format!("ncalrpc dir = {}", at.join("run/ncalrpc").display()),
            format!("winbindd socket directory = {}", at.join("run/winbindd").display()),
            format!("tls cafile = {authority}"),
            format!("tls certfile = {certificate}"),
            format!("tls keyfile = {key}"),
        ]
        .map(|option| format!("--option={option}"));
        std::fs::create_dir(at.join("run")).unwrap();
        let arguments = ["-i", "-M", "single", "--debug-stdout", "-s", "etc/smb.conf"];
        let arguments = arguments.into_iter().chain(options.iter().map(String::as_str));
        let server = Server::start("/usr/sbin/samba", arguments, at, "samba.log");
        let mut samba = Self { server, directory, files, address };
        let configuration = samba.with(&[]);
        samba.server.until("Samba to answer", async || !is_away(&configuration).await).await;
        samba
    }

    /// The configuration with changes.
    fn with(&self, changes: &[(&str, &str)]) -> String {
        let url = format!("ldaps://{}", self.address);
        let password = secret(self.directory.path(), "password", PASSWORD);
        let settings = [
            ("url", url.as_str()),
            ("ca_file", &self.files.authority),
            ("bind_dn", "taxameter@lkdata.test"),
            ("password_file", &password),
            ("base", BASE),
            (
                "attributes",
                r#"["objectGUID", "sAMAccountName", "department", "memberOf", "whenCreated", "accountExpires"]"#,
            ),
        ];
        configuration(&settings, changes)
    }

    /// What Samba's own tool shows of the enabled accounts: name and GUID.
    fn enabled(&self) -> BTreeMap<String, String> {
        let filter = "(&(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))";
        let shown =
            on_database(&self.directory, "ldbsearch", &["-b", BASE, filter, "sAMAccountName", "objectGUID"]);
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
}

fn provision(directory: &TempDir, address: &str) {
    let at = directory.path().to_str().unwrap();
    let empty = directory.path().join("empty.conf");
    std::fs::write(&empty, "[global]\n").unwrap();
    let settings = [
        ("configfile", empty.to_str().unwrap()),
        ("targetdir", at),
        ("realm", "LKDATA.TEST"),
        ("domain", "LKDATA"),
        ("host-name", "dc1"),
        ("host-ip", address),
        ("adminpass", PASSWORD),
        ("server-role", "dc"),
        ("dns-backend", "NONE"),
        // Extended attributes of files are of no use here, and not every file system has them.
        ("option", "vfs objects = dfs_samba4 acl_xattr xattr_tdb"),
        ("option", &format!("interfaces = {address}/8")),
        ("option", "bind interfaces only = yes"),
    ]
    .map(|(name, value)| format!("--{name}={value}"));
    let arguments = ["domain", "provision"].into_iter().chain(settings.iter().map(String::as_str));
    run("samba-tool", &arguments.collect::<Vec<_>>());
}

/// Runs a tool on the database itself.
fn on_database(directory: &TempDir, tool: &str, arguments: &[&str]) -> String {
    let at = directory.path().display();
    let (settings, database) = (format!("--configfile={at}/etc/smb.conf"), format!("{at}/private/sam.ldb"));
    run(tool, &[&[&settings, "-H", &database], arguments].concat())
}

fn entries() -> String {
    let mut ldif = String::new();
    for unit in ["OU=Konton", "OU=Skolor,OU=Konton", "OU=Vård,OU=Konton", "OU=Tjänstekonton"] {
        writeln!(ldif, "dn: {unit},{DOMAIN}\nobjectClass: organizationalUnit\n").unwrap();
    }
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
    account(&mut ldif, "taxameter", "OU=Tjänstekonton", 0x200);
    let password: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    writeln!(ldif, "clearTextPassword:: {}\n", data_encoding::BASE64.encode(&password)).unwrap();
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

fn account(ldif: &mut String, name: &str, unit: &str, control: u32) {
    writeln!(
        ldif,
        "dn: CN={name},{unit},{DOMAIN}\nobjectClass: user\nsAMAccountName: {name}\nuserPrincipalName: {name}@lkdata.test\n\
         userAccountControl: {control}"
    )
    .unwrap();
}

fn cost_centre(number: usize) -> String {
    (441_000 + number % 40).to_string()
}

#[tokio::test]
async fn an_active_directory_is_read_whole_or_not_at_all() {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("left out: Samba's ports need root");
        return;
    }
    let mut samba = Samba::start().await;
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
    assert_eq!(guids, samba.enabled());
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

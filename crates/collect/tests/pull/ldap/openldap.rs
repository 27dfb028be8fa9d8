//! A real OpenLDAP with 10,000 accounts: all pages, limits of the server, referrals, TLS.

use std::collections::BTreeSet;
use std::fmt::Write;

use collect::pull::source::{Failure, Record};
use eventlog::testkit::port::Port;
use tempfile::TempDir;

use super::authority::{self, Files};
use super::{configuration, is_away, read, refused, renew, secret};
use crate::pull::server::{Server, run};

const ACCOUNTS: usize = 10_000;
/// Every so many accounts one has ended.
const ENDED_EVERY: usize = 34;
const BASE: &str = "ou=Konton,dc=lkdata,dc=test";
const FILTER: &str = "(&(objectClass=inetOrgPerson)(!(employeeType=avslutad)))";

struct OpenLdap {
    server: Server,
    directory: TempDir,
    files: Files,
    ports: [Port; 2],
}

impl OpenLdap {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let files = authority::certify(at, "localhost");
        std::fs::create_dir(at.join("db")).unwrap();
        std::fs::write(at.join("slapd.conf"), settings(at.to_str().unwrap(), &files)).unwrap();
        std::fs::write(at.join("entries.ldif"), entries()).unwrap();
        let in_directory = |name: &str| at.join(name).to_str().unwrap().to_owned();
        let conf = in_directory("slapd.conf");
        run("/usr/sbin/slapadd", &["-q", "-f", &conf, "-l", &in_directory("entries.ldif")]);
        let ports = [Port::lease().unwrap(), Port::lease().unwrap()];
        let addresses =
            format!("ldap://127.0.0.1:{} ldaps://127.0.0.1:{}", ports[0].number(), ports[1].number());
        let server =
            Server::start("/usr/sbin/slapd", ["-d", "0", "-f", &conf, "-h", &addresses], at, "slapd.log");
        let mut ldap = Self { server, directory, files, ports };
        let configuration = ldap.with(&[("bind_dn", "cn=wrong"), ("filter", FILTER)]);
        ldap.server.until("OpenLDAP to answer", async || !is_away(&configuration).await).await;
        ldap
    }

    /// The configuration with changes.
    fn with(&self, changes: &[(&str, &str)]) -> String {
        let url = format!("ldaps://localhost:{}", self.ports[1].number());
        let password = secret(self.directory.path(), "password", "hemligt");
        let settings = [
            ("url", url.as_str()),
            ("ca_file", &self.files.authority),
            ("bind_dn", "cn=taxameter,dc=lkdata,dc=test"),
            ("password_file", &password),
            ("base", BASE),
            ("filter", FILTER),
            (
                "attributes",
                r#"["entryUUID", "uid", "departmentnumber", "telephoneNumber", "createTimestamp", "jpegPhoto"]"#,
            ),
        ];
        configuration(&settings, changes)
    }
}

fn settings(directory: &str, files: &Files) -> String {
    let Files { authority, certificate, key, .. } = files;
    format!(
        r#"
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb.la
pidfile {directory}/slapd.pid
referral ldap://elsewhere.lkdata.test
TLSCACertificateFile {authority}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=blind,dc=lkdata,dc=test" search by users read by * none
database mdb
suffix "dc=lkdata,dc=test"
directory {directory}/db
dbnosync
maxsize 268435456
limits dn.exact="cn=taxameter,dc=lkdata,dc=test" size=unlimited
limits dn.exact="cn=few,dc=lkdata,dc=test" size=2500
"#
    )
}

fn entries() -> String {
    let mut ldif = "dn: dc=lkdata,dc=test\nobjectClass: dcObject\nobjectClass: organization\no: LKDATA\ndc: lkdata\n\n\
         dn: ou=Konton,dc=lkdata,dc=test\nobjectClass: organizationalUnit\nou: Konton\n\n\
         dn: ou=Tjanster,dc=lkdata,dc=test\nobjectClass: organizationalUnit\nou: Tjanster\n\n\
         dn: ou=Bolag,ou=Konton,dc=lkdata,dc=test\nobjectClass: referral\nobjectClass: extensibleObject\nou: Bolag\n\
         ref: ldap://bolag.lkdata.test/ou=Konton,dc=bolag\n\n"
        .to_owned();
    for name in ["taxameter", "few", "blind"] {
        write!(
            ldif,
            "dn: cn={name},dc=lkdata,dc=test\nobjectClass: person\nsn: {name}\nuserPassword: hemligt\n\n"
        )
        .unwrap();
    }
    for number in 0..ACCOUNTS {
        let kind = if number.is_multiple_of(ENDED_EVERY) { "avslutad" } else { "anställd" };
        account(&mut ldif, &format!("uid=a{number},ou=Konton"), number, kind);
    }
    for number in 0..20 {
        account(&mut ldif, &format!("uid=s{number},ou=Tjanster"), number, "tjänst");
    }
    ldif
}

fn account(ldif: &mut String, name: &str, number: usize, kind: &str) {
    let cost_centre = cost_centre(number);
    let uid = name.split([',', '=']).nth(1).unwrap();
    writeln!(
        ldif,
        "dn: {name},dc=lkdata,dc=test\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: Namn {number}\nsn: Namn\n\
         departmentNumber: {cost_centre}\nemployeeType:: {}\ntelephoneNumber: 1{number}\ntelephoneNumber: 2{number}\n\
         jpegPhoto:: /9j/\n",
        data_encoding::BASE64.encode(kind.as_bytes())
    )
    .unwrap();
}

fn cost_centre(number: usize) -> String {
    (441_000 + number % 40).to_string()
}

fn column<'r>(records: &'r [Record], field: &str) -> BTreeSet<&'r str> {
    records.iter().map(|record| record[field].as_str()).collect()
}

#[tokio::test]
async fn every_account_that_fits_is_read_once() {
    let mut ldap = OpenLdap::start().await;
    let records = read(&ldap.with(&[])).await.unwrap();

    let expected: BTreeSet<String> = (0..ACCOUNTS)
        .filter(|number| !number.is_multiple_of(ENDED_EVERY))
        .map(|number| format!("a{number}"))
        .collect();
    assert_eq!(records.len(), expected.len());
    assert_eq!(column(&records, "uid"), expected.iter().map(String::as_str).collect());
    assert_eq!(column(&records, "entryUUID").len(), expected.len());
    for record in &records {
        let number: usize = record["uid"][1..].parse().unwrap();
        // Named as it was asked for, not as the schema spells it; and nothing that was not asked for.
        assert_eq!(record["departmentnumber"], cost_centre(number));
        assert_eq!(record["telephoneNumber.0"], format!("1{number}"));
        assert_eq!(record["telephoneNumber.1"], format!("2{number}"));
        assert_eq!(record["jpegPhoto"], "/9j/");
        assert!(domain::Instant::parse_rfc3339(&record["createTimestamp"]).is_some());
        assert_eq!(record.len(), 7, "{record:?}");
    }

    // Changes cannot be asked of it.
    let renewed = renew(&ldap.with(&[])).await.unwrap();
    assert_eq!(renewed.mark, Err("it is no Active Directory".to_owned()));
    assert_eq!(renewed.fetched, expected.len() as u64);
    assert_eq!(renewed.records.into_values().collect::<Vec<_>>(), records);

    let one_level = ldap.with(&[
        ("scope", "one-level"),
        ("base", "dc=lkdata,dc=test"),
        ("filter", "(objectClass=person)"),
        ("attributes", "[\"sn\"]"),
    ]);
    assert_eq!(column(&read(&one_level).await.unwrap(), "sn"), BTreeSet::from(["taxameter", "few", "blind"]));

    ldap.server.kill();
    match read(&ldap.with(&[])).await {
        Err(Failure::Away(why)) => assert!(why.contains("cannot be reached"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_not_whole_or_not_allowed_is_a_failure() {
    let ldap = OpenLdap::start().await;
    let few = ldap.with(&[("bind_dn", "cn=few,dc=lkdata,dc=test")]);
    match read(&few).await {
        Err(Failure::Broken(why)) => assert!(why.contains("gives not all"), "{why}"),
        other => panic!("{other:?}"),
    }
    let wrong = secret(ldap.directory.path(), "wrong", "fel");
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[("bind_dn", "cn=blind,dc=lkdata,dc=test")], "no entry under"),
        (&[("password_file", &wrong)], "invalidCredentials"),
        (&[("base", "dc=bolag,dc=test")], "ask the server that it refers to, ldap://elsewhere.lkdata.test"),
        (&[("base", "ou=Saknas,dc=lkdata,dc=test")], "noSuchObject"),
        (&[("filter", "(uid=0")], "is no filter"),
    ];
    for (changes, expected) in cases {
        let why = refused(&ldap.with(changes)).await;
        assert!(why.contains(expected), "{why}");
    }
}

#[tokio::test]
async fn a_server_is_trusted_for_its_certificate_only() {
    let ldap = OpenLdap::start().await;
    let url =
        |scheme: &str, host: &str, tls: usize| format!("{scheme}://{host}:{}", ldap.ports[tls].number());
    let few = ("filter", "(uid=a1)");
    for (url, setting) in [(url("ldap", "localhost", 0), "starttls"), (url("ldap", "127.0.0.1", 0), "plain")]
    {
        let records = read(&ldap.with(&[("url", &url), (setting, "true"), few])).await.unwrap();
        assert_eq!(records.len(), 1);
    }

    let other_name = url("ldaps", "127.0.0.1", 1);
    let starttls = url("ldap", "127.0.0.1", 0);
    let unencrypted = url("ldap", "localhost", 0);
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[("ca_file", &ldap.files.other_authority)], "cannot be trusted"),
        (&[("ca_file", "")], "cannot be trusted"),
        (&[("url", &other_name)], "cannot be trusted"),
        (&[("url", &starttls), ("starttls", "true")], "cannot be trusted"),
        (&[("url", &unencrypted)], "nothing would be encrypted"),
    ];
    for (changes, expected) in cases {
        let why = refused(&ldap.with(changes)).await;
        assert!(why.contains(expected), "{why}");
    }
}

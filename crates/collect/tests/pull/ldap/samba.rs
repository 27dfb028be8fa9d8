//! A real Samba as the domain controller of an Active Directory.
//!
//! It has an address of its own in 127.0.0.0/8, because its ports are fixed; everything else is in a directory of the test.

use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt;

use tempfile::TempDir;

use super::authority::{self, Files};
use super::{configuration, is_away, secret};
use crate::pull::server::{Server, run};

pub(super) const DOMAIN: &str = "DC=lkdata,DC=test";
pub(super) const BASE: &str = "OU=Konton,DC=lkdata,DC=test";
const PASSWORD: &str = "Hemligt-2021";
/// Both take accounts without a password, which these have not (MS-ADTS §2.2.16).
pub(super) const NORMAL: u32 = 0x220;
pub(super) const NORMAL_DISABLED: u32 = 0x222;

pub(super) struct Samba {
    pub(super) server: Server,
    pub(super) directory: TempDir,
    pub(super) files: Files,
    pub(super) address: String,
}

/// What a test says where it cannot be started.
pub(super) const LEFT_OUT: &str = "left out: Samba's ports need root";

/// Whether it can be started here.
pub(super) fn is_possible() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

impl Samba {
    /// Starts it with entries, in a network of the test's own: 127.NET.0.0/16.
    pub(super) async fn start(net: u8, entries: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = format!("127.{net}.{high}.{low}");
        provision(&directory, &address);
        write(&directory, "ldbadd", &[], &[&reader(), entries].concat());
        std::fs::create_dir(directory.path().join("run")).unwrap();
        let files = authority::certify(directory.path(), &address);
        let server = serve(&directory, &files);
        let mut samba = Self { server, directory, files, address };
        samba.is_up().await;
        samba
    }

    /// Starts it again on what it had.
    pub(super) async fn restart(&mut self) {
        self.server = serve(&self.directory, &self.files);
        self.is_up().await;
    }

    async fn is_up(&mut self) {
        let configuration = self.with(&[]);
        self.server.until("Samba to answer", async || !is_away(&configuration).await).await;
    }

    /// The configuration with changes.
    pub(super) fn with(&self, changes: &[(&str, &str)]) -> String {
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

    /// Makes changes in LDIF.
    pub(super) fn change(&self, options: &[&str], ldif: &str) {
        write(&self.directory, "ldbmodify", options, ldif);
    }

    /// What a filter finds under a place.
    pub(super) fn find(&self, base: &str, filter: &str, attributes: &[&str]) -> String {
        on_database(&self.directory, "ldbsearch", &[&["-b", base, filter], attributes].concat())
    }
}

/// Runs a tool that writes LDIF into the database.
fn write(directory: &TempDir, tool: &str, options: &[&str], ldif: &str) {
    let file = directory.path().join("entries.ldif");
    std::fs::write(&file, ldif).unwrap();
    on_database(directory, tool, &[options, &[file.to_str().unwrap()]].concat());
}

/// Runs a tool on the database itself.
fn on_database(directory: &TempDir, tool: &str, arguments: &[&str]) -> String {
    let at = directory.path().display();
    let (settings, database) = (format!("--configfile={at}/etc/smb.conf"), format!("{at}/private/sam.ldb"));
    run(tool, &[&[&settings, "-H", &database], arguments].concat())
}

fn serve(directory: &TempDir, files: &Files) -> Server {
    let at = directory.path();
    let Files { authority, certificate, key, .. } = files;
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
    let arguments = ["-i", "-M", "single", "--debug-stdout", "-s", "etc/smb.conf"];
    let arguments = arguments.into_iter().chain(options.iter().map(String::as_str));
    Server::start("/usr/sbin/samba", arguments, at, "samba.log")
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

/// The units that accounts are in, and the account that reads.
fn reader() -> String {
    let mut ldif = String::new();
    for unit in ["OU=Konton", "OU=Skolor,OU=Konton", "OU=Vård,OU=Konton", "OU=Tjänstekonton"] {
        writeln!(ldif, "dn: {unit},{DOMAIN}\nobjectClass: organizationalUnit\n").unwrap();
    }
    account(&mut ldif, "taxameter", "OU=Tjänstekonton", 0x200);
    let password: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    writeln!(ldif, "clearTextPassword:: {}\n", data_encoding::BASE64.encode(&password)).unwrap();
    ldif
}

/// The beginning of an account's entry.
pub(super) fn account(ldif: &mut String, name: &str, unit: &str, control: u32) {
    writeln!(
        ldif,
        "dn: CN={name},{unit},{DOMAIN}\nobjectClass: user\nsAMAccountName: {name}\nuserPrincipalName: {name}@lkdata.test\n\
         userAccountControl: {control}"
    )
    .unwrap();
}

pub(super) fn cost_centre(number: usize) -> String {
    (441_000 + number % 40).to_string()
}

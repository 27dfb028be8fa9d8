//! The accounts of the month, in a real OpenLDAP that is changed from day to day.

use std::fmt::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use eventlog::testkit::port::Port;
use tokio::net::TcpStream;

use super::server::{Server, run};
use super::systems::SECRET;
use super::world::{Since, World, on};
use crate::random::Random;

pub(crate) const BASE: &str = "ou=Konton,dc=lkdata,dc=test";
pub(crate) const READER: &str = "cn=taxameter,dc=lkdata,dc=test";
const ADMIN: &str = "cn=admin,dc=lkdata,dc=test";
/// Accounts that have not ended.
pub(crate) const FILTER: &str = "(&(objectClass=inetOrgPerson)(!(businessCategory=avslutad)))";
/// What the directory calls kinds of people, and the class of each.
pub(crate) const KINDS: [(&str, &str); 4] =
    [("Elev", "pupil"), ("Extern", "external"), ("Tillsvidare", "staff"), ("Vikarie", "staff")];

/// Somebody's account.
pub(crate) struct Account {
    pub(crate) uid: String,
    /// When it is there and has not ended.
    pub(crate) days: Range<u32>,
    /// Whether it is kept when it has ended.
    is_kept: bool,
    pub(crate) kind: &'static str,
    pub(crate) costcentre: Since<Option<&'static str>>,
}

impl Account {
    pub(crate) fn new(
        number: usize,
        days: Range<u32>,
        costcentre: Since<Option<&'static str>>,
        random: &mut Random,
    ) -> Self {
        let kind = KINDS[random.below(KINDS.len())].0;
        Self { uid: format!("anvandare{number}"), days, is_kept: random.below(2) == 0, kind, costcentre }
    }

    /// What changes of it at the beginning of a day, in LDIF.
    fn change(&self, day: u32) -> Option<String> {
        let Self { uid, kind, .. } = self;
        let costcentre = on(&self.costcentre, day);
        let department = costcentre.map(|costcentre| format!("departmentNumber: {costcentre}\n"));
        let department = department.unwrap_or_default();
        let change = if day == self.days.start {
            format!(
                "add\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: Namn {uid}\nsn: {uid}\nmail: {uid}@lkdata.test\n\
                 employeeType: {kind}\n{department}"
            )
        } else if day == self.days.end && self.is_kept {
            "modify\nadd: businessCategory\nbusinessCategory: avslutad\n".to_owned()
        } else if day == self.days.end {
            "delete\n".to_owned()
        } else if self.days.contains(&day) && costcentre != on(&self.costcentre, day - 1) {
            format!("modify\nreplace: departmentNumber\n{department}")
        } else {
            return None;
        };
        Some(format!("dn: uid={uid},{BASE}\nchangetype: {change}\n"))
    }
}

/// A directory with the accounts of a day.
pub(crate) struct OpenLdap {
    world: Arc<World>,
    directory: tempfile::TempDir,
    port: Port,
    server: Server,
    day: u32,
}

impl OpenLdap {
    /// Starts it without accounts.
    pub(crate) fn start(world: &Arc<World>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        std::fs::create_dir(at("db")).unwrap();
        std::fs::write(at("slapd.conf"), settings(&at("db"))).unwrap();
        std::fs::write(at("entries.ldif"), entries()).unwrap();
        run("/usr/sbin/slapadd", &["-q", "-f", &at("slapd.conf"), "-l", &at("entries.ldif")]);
        let port = Port::lease().unwrap();
        let server = serve(directory.path(), port.number());
        Self { world: Arc::clone(world), directory, port, server, day: 0 }
    }

    pub(crate) fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port.number())
    }

    /// Ends it, and with it everybody's hope of an answer.
    pub(crate) fn go_away(&mut self) {
        self.server.kill();
    }

    /// Starts it on what it had.
    pub(crate) fn come_back(&mut self) {
        self.server = serve(self.directory.path(), self.port.number());
    }

    /// Makes all changes up to a day.
    pub(crate) fn turn_to(&mut self, day: u32) {
        let days = self.day + 1..=day;
        let changes = days.flat_map(|day| self.world.accounts.iter().filter_map(move |one| one.change(day)));
        let file = self.directory.path().join("changes.ldif");
        std::fs::write(&file, changes.collect::<String>()).unwrap();
        run(
            "ldapmodify",
            &["-x", "-H", &self.url(), "-D", ADMIN, "-w", SECRET, "-f", file.to_str().unwrap()],
        );
        self.day = day;
    }

    /// What it calls the accounts that it has.
    pub(crate) fn ids(&self) -> Vec<String> {
        let url = self.url();
        let bind = ["-x", "-LLL", "-H", &url, "-D", ADMIN, "-w", SECRET, "-b", BASE];
        let said = run("ldapsearch", &[&bind[..], &["(objectClass=inetOrgPerson)", "entryUUID"]].concat());
        said.lines().filter_map(|line| line.strip_prefix("entryUUID: ")).map(str::to_owned).collect()
    }
}

fn serve(directory: &Path, port: u16) -> Server {
    let address = format!("ldap://127.0.0.1:{port}");
    let arguments = ["-d", "0", "-f", "slapd.conf", "-h", &address];
    let mut server = Server::start("/usr/sbin/slapd", arguments, directory, "slapd.log");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answers = async || TcpStream::connect(("127.0.0.1", port)).await.is_ok();
    runtime.block_on(server.until("OpenLDAP to answer", answers));
    server
}

fn settings(database: &str) -> String {
    format!(
        r#"
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb.la
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
database mdb
suffix "dc=lkdata,dc=test"
rootdn "{ADMIN}"
rootpw {SECRET}
directory {database}
dbnosync
maxsize 67108864
"#
    )
}

fn entries() -> String {
    let mut ldif =
        "dn: dc=lkdata,dc=test\nobjectClass: dcObject\nobjectClass: organization\no: LKDATA\ndc: lkdata\n\n"
            .to_owned();
    write!(ldif, "dn: {BASE}\nobjectClass: organizationalUnit\nou: Konton\n\n").unwrap();
    write!(ldif, "dn: {READER}\nobjectClass: person\nsn: taxameter\nuserPassword: {SECRET}\n\n").unwrap();
    ldif
}

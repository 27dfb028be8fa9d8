//! The collectors of the example at work through the month, a command for each turn, against the simulated systems.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Europe::Stockholm;
use toml::{Table, Value};

use super::accounts::{self, OpenLdap};
use super::relay::Relay;
use super::systems::{Addresses, SECRET, Systems};
use super::world::World;

/// The configuration that a user would begin with.
const EXAMPLE: &str = include_str!("../../../deploy/pull/linkoping.toml");

pub(crate) struct Month {
    pub(crate) accounts: OpenLdap,
    pub(crate) systems: Arc<Systems>,
    pub(crate) relay: Arc<Relay>,
    server: String,
    directory: tempfile::TempDir,
    /// What the collectors said.
    said: RefCell<String>,
    _runtime: tokio::runtime::Runtime,
}

impl Month {
    /// Everything but the program, which the collectors reach through the relay.
    pub(crate) fn begin(world: &Arc<World>, catalogue: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let systems = Arc::new(Systems::new(Arc::clone(world), DateTime::default()));
        let relay = Arc::new(Relay::default());
        let (addresses, server) = runtime.block_on(async { (systems.start().await, relay.start().await) });
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("secret"), SECRET).unwrap();
        let accounts = OpenLdap::start(world);
        let month =
            Self { accounts, systems, relay, server, directory, said: RefCell::default(), _runtime: runtime };
        std::fs::write(month.file(), month.configuration(&addresses, catalogue)).unwrap();
        month
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("gather.toml")
    }

    /// The example with the addresses, secrets and times of this test.
    fn configuration(&self, addresses: &Addresses, catalogue: &Path) -> String {
        let mut all: Table = EXAMPLE.parse().unwrap();
        all.insert("data".to_owned(), text(self.directory.path().join("data").to_str().unwrap()));
        all.insert("catalog".to_owned(), text(catalogue.to_str().unwrap()));
        let secret = text(self.directory.path().join("secret").to_str().unwrap());
        self.configure_accounts(table(&mut all, &["pull", "konton"]), &secret);
        let Addresses { ontap, graph } = addresses;
        for (name, url) in [
            ("lagring", format!("http://{ontap}/")),
            ("mdm", format!("http://{graph}/v1.0/")),
            ("e-moten", format!("http://{graph}/v1.0/")),
        ] {
            let connection = table(&mut all, &["pull", name, "from", "connection"]);
            set(connection, "url", text(&url));
            connection.insert("plain_http".to_owned(), Value::Boolean(true));
            connection.insert("networks".to_owned(), Value::Array(vec![text("127.0.0.0/8")]));
            connection.remove("ca_file");
            let auth = table(connection, &["auth"]);
            if auth.contains_key("password_file") {
                set(auth, "password_file", secret.clone());
            } else {
                set(auth, "client_secret_file", secret.clone());
                set(auth, "token_url", text(&format!("http://{graph}/token")));
            }
        }
        let meetings = table(&mut all, &["pull", "e-moten", "from"]);
        set(meetings, "from", text("2021-03-01T00:00:00+01:00"));
        // Nothing of this world changes later, and each hour is asked for.
        meetings.insert("days".to_owned(), Value::Integer(2));
        all.to_string()
    }

    /// OpenLDAP has other attributes than Active Directory.
    fn configure_accounts(&self, konton: &mut Table, secret: &Value) {
        set(konton, "least", Value::Integer(100));
        let from = table(konton, &["from"]);
        set(from, "url", text(&self.accounts.url()));
        set(from, "networks", Value::Array(vec![text("127.0.0.0/8")]));
        from.remove("ca_file");
        set(from, "bind_dn", text(accounts::READER));
        set(from, "password_file", secret.clone());
        set(from, "base", text(accounts::BASE));
        from.insert("plain".to_owned(), Value::Boolean(true));
        from.insert("filter".to_owned(), text(accounts::FILTER));
        from.insert("page_size".to_owned(), Value::Integer(50));
        let attributes = ["entryUUID", "employeeType", "departmentNumber"];
        set(from, "attributes", Value::Array(attributes.map(text).to_vec()));
        let event = konton["event"][0].as_table_mut().unwrap();
        let id = Value::Array(vec![text("entryUUID")]);
        set(event, "id", id.clone());
        set(table(event, &["subject"]), "pseudonym", id);
        set(table(event, &["costcentre"]), "field", text("departmentNumber"));
    }

    /// All that the collectors have said.
    pub(crate) fn said(&self) -> String {
        self.said.borrow().clone()
    }

    /// Takes a collector's turn of a time, which is now. What it says, or what went wrong.
    pub(crate) fn collect(&self, name: &str, now: DateTime<Utc>) -> Result<String, String> {
        self.systems.set(now);
        let output = Command::new(env!("CARGO_BIN_EXE_taxameter"))
            .args(["collect", name, "--at", &now.with_timezone(&Stockholm).to_rfc3339()])
            .args(["--server", &self.server, "--config"])
            .arg(self.file())
            .current_dir(self.directory.path())
            .output()
            .unwrap();
        let [said, failed] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        self.said.borrow_mut().extend([said.as_str(), failed.as_str()]);
        if output.status.success() { Ok(said) } else { Err(failed) }
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn table<'t>(mut table: &'t mut Table, path: &[&str]) -> &'t mut Table {
    for name in path {
        table = table[*name].as_table_mut().unwrap();
    }
    table
}

/// Changes what the example has.
fn set(table: &mut Table, name: &str, value: Value) {
    assert!(table.insert(name.to_owned(), value).is_some(), "the example has no {name}");
}

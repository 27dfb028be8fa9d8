//! The real provider of identities as a process: `tests/oidc/provider.js`, installed with npm as its lock file says.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use eventlog::testkit::port::Port;

use crate::python::run;

static INSTALLING: Mutex<()> = Mutex::new(());

const FILES: [&str; 4] = ["package.json", "package-lock.json", ".npmrc", "provider.js"];

/// A working copy in the target directory, with what the lock file names.
fn installed() -> PathBuf {
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oidc");
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oidc");
    std::fs::create_dir_all(&copy).unwrap();
    for file in FILES {
        std::fs::copy(sources.join(file), copy.join(file)).unwrap();
    }
    let (lock, done) = (copy.join("package-lock.json"), copy.join("installed"));
    if std::fs::read(&done).ok() != Some(std::fs::read(&lock).unwrap()) {
        let arguments = ["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
        run(Command::new("npm").args(arguments).current_dir(&copy).stdin(Stdio::null()));
        std::fs::copy(lock, done).unwrap();
    }
    copy
}

/// A running provider; killed when it is dropped.
pub(super) struct Provider {
    process: Child,
    port: Port,
    says: Lines<BufReader<ChildStdout>>,
    pub(super) issuer: String,
}

impl Provider {
    /// Starts it for a program at an address, on a free port.
    pub(super) fn start(public_url: &str) -> Self {
        let port = Port::lease().unwrap();
        let (process, says) = spawn(port.number(), public_url, &[]);
        let mut provider = Self { process, port, says, issuer: String::new() };
        provider.issuer = provider.awaits("ready ");
        provider
    }

    /// Starts it again at the same address: with other keys, and knowing nobody.
    pub(super) fn restart(&mut self, public_url: &str, more: &[&str]) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        (self.process, self.says) = spawn(self.port.number(), public_url, more);
        assert_eq!(self.awaits("ready "), self.issuer);
    }

    /// Puts its clock an hour forward.
    pub(super) fn an_hour_later(&mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-USR2", &pid]).status().unwrap().success());
        self.awaits("later");
    }

    /// The rest of the next line that begins so.
    fn awaits(&mut self, start: &str) -> String {
        let said = self.says.by_ref().map_while(Result::ok);
        let mut said = said.filter_map(|line| line.strip_prefix(start).map(str::to_owned));
        said.next().unwrap_or_else(|| panic!("the provider ended before it said {start:?}"))
    }
}

fn spawn(port: u16, public_url: &str, more: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut process = Command::new("node")
        .args(["provider.js", &port.to_string(), public_url])
        .args(more)
        .current_dir(installed())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("node is needed for this test: {error}"));
    let says = BufReader::new(process.stdout.take().unwrap()).lines();
    (process, says)
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

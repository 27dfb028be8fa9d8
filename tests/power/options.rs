//! What was asked for on the command line, and what the machine must have.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// What the tests are run with.
#[derive(Default)]
pub(crate) struct Options {
    /// Only the tests of these names; all without.
    names: Vec<String>,
    pub(crate) seed: u64,
    /// How many power losses there are; each test's own number without.
    pub(crate) losses: Option<u64>,
    /// How many kills there are.
    pub(crate) kills: Option<u64>,
    /// The process already has its own mount namespace.
    pub(crate) is_inside: bool,
    /// The process is the writer of [`crate::log_alone`] on this directory.
    pub(crate) log_writer: Option<PathBuf>,
}

/// What these tests cannot do without, and the machine does not have.
pub(crate) struct Missing(pub(crate) String);

impl Options {
    pub(crate) fn read() -> Self {
        let mut options = Self { seed: 1, ..Self::default() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = || arguments.next().and_then(|value| value.parse().ok());
            match argument.as_str() {
                "--seed" => options.seed = number().expect("--seed N"),
                "--losses" => options.losses = Some(number().expect("--losses N")),
                "--kills" => options.kills = Some(number().expect("--kills N")),
                "--inside" => options.is_inside = true,
                "--log-writer" => options.log_writer = arguments.next().map(PathBuf::from),
                // What cargo and editors give to every test.
                flag if flag.starts_with('-') => {}
                name => options.names.push(name.to_owned()),
            }
        }
        options
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| name == wanted)
    }

    /// The flags that say how much is done.
    pub(crate) fn counts(&self) -> String {
        let flag = |name: &str, value: Option<u64>| value.map(|value| format!("--{name} {value} "));
        [flag("losses", self.losses), flag("kills", self.kills)].into_iter().flatten().collect()
    }
}

/// Says how the losses of one disk are repeated, when they fail. The seed decides when power goes and what is lost; the
/// threads of the program still run as they please, so it may take more than one try.
pub(crate) struct Replay {
    pub(crate) test: &'static str,
    pub(crate) seed: u64,
    pub(crate) losses: u64,
}

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { test, seed, losses } = self;
            println!(
                "power: again: cargo test -p taxameter --test power -- {test} --losses {losses} --seed {seed}"
            );
        }
    }
}

/// Whether a missing component is a failure.
#[expect(clippy::disallowed_methods, reason = "continuous integration says so in the environment")]
pub(crate) fn must_run() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// The first thing that is missing.
pub(crate) fn missing() -> Option<Missing> {
    let runs = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let mount = ["--mount", "--propagation", "private", "mount", "-t", "tmpfs", "none", "/mnt"];
    let needs = [
        (runs("unshare", &mount), "the right to mount (root, with CAP_SYS_ADMIN)"),
        (Path::new("/dev/fuse").exists(), "/dev/fuse"),
        (runs("strace", &["-qq", "-o", "/dev/null", "true"]), "strace, or the right to trace"),
    ];
    needs.into_iter().find(|(is_there, _)| !is_there).map(|(_, what)| Missing(what.to_owned()))
}

/// Runs this program again where its mounts are seen by nobody else and end with it.
pub(crate) fn run_in_own_namespace() -> ExitCode {
    let program = std::env::current_exe().unwrap();
    let status = Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .arg(program)
        .args(std::env::args().skip(1))
        .arg("--inside")
        .status()
        .unwrap();
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

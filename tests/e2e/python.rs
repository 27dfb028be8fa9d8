//! Tools in Python: an interpreter that is new enough, and a virtual environment with pinned versions.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Tests that need the same environment at once make it one after the other.
static MAKING: Mutex<()> = Mutex::new(());

/// Major and minor.
pub(crate) type Version = (u32, u32);

/// An interpreter of at least this version that starts and can make virtual environments: `python3`, or the oldest of
/// `python3.N` on the path and of pyenv's. What is missing, if there is none.
pub(crate) fn interpreter(minimum: Version) -> Result<PathBuf, String> {
    let enough = |path: &PathBuf| version(path).filter(|version| *version >= minimum);
    let usual = PathBuf::from("python3");
    if enough(&usual).is_some() {
        return Ok(usual);
    }
    let named = (minimum.1..minimum.1 + 10).map(|minor| PathBuf::from(format!("python3.{minor}")));
    let all = named.chain(pyenv()).filter_map(|path| Some((enough(&path)?, path)));
    let (major, minor) = minimum;
    all.min().map(|(_, path)| path).ok_or_else(|| {
        format!(
            "no Python {major}.{minor} or newer with venv: neither python3, python3.N on the path nor pyenv's"
        )
    })
}

fn pyenv() -> Vec<PathBuf> {
    let versions = std::env::home_dir().map(|home| home.join(".pyenv/versions"));
    let entries = versions.and_then(|versions| std::fs::read_dir(versions).ok());
    entries.into_iter().flatten().flatten().map(|entry| entry.path().join("bin/python3")).collect()
}

/// The version of an interpreter, as it says itself.
fn version(python: &Path) -> Option<Version> {
    let script = "import sys, venv, ensurepip; print(*sys.version_info[:2])";
    let output = Command::new(python).args(["-c", script]).output().ok().filter(|o| o.status.success())?;
    let said = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = said.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The commands of a virtual environment of this name in the target directory, with what a file of pinned versions names.
pub(crate) fn environment(name: &str, python: &Path, requirements: &Path) -> PathBuf {
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let installed = environment.join("installed.txt");
    if std::fs::read(&installed).ok() != Some(std::fs::read(requirements).unwrap()) {
        run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&environment));
        let pip = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"];
        run(Command::new(environment.join("bin/pip")).args(pip).arg(requirements));
        std::fs::copy(requirements, installed).unwrap();
    }
    environment.join("bin")
}

/// What a command says when it ends well.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (said, complaints) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {said}{complaints}");
    said.into_owned()
}

#[test]
fn an_interpreter_that_is_too_old_is_none() {
    let missing = interpreter((3, 90)).unwrap_err();
    assert!(missing.contains("Python 3.90 or newer"), "{missing}");
}

//! Whether a PDF is what it says: veraPDF, the validator of others, judges it by PDF/UA-1 (ISO 14289-1) and by PDF/A-2a
//! (ISO 19005-2).

use std::path::{Path, PathBuf};
use std::process::Command;

const POM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/validators/pdf/pom.xml");
const POM_TEXT: &str = include_str!("../../validators/pdf/pom.xml");
const MAIN: &str = "org.verapdf.apps.GreenfieldCliWrapper";

/// The standards, as veraPDF calls them.
const FLAVOURS: [&str; 2] = ["ua1", "2a"];

/// What veraPDF objects to, for the first standard that a file does not follow.
pub(crate) fn check(pdf: &Path) -> Result<(), String> {
    FLAVOURS.iter().try_for_each(|flavour| follows(pdf, flavour))
}

fn follows(pdf: &Path, flavour: &str) -> Result<(), String> {
    let classpath = format!("{}/*", jars()?.display());
    let output = Command::new("java")
        .args(["-cp", &classpath, MAIN, "--flavour", flavour, "--format", "text", "--verbose"])
        .arg(pdf)
        .output()
        .map_err(|error| format!("java (runs veraPDF; install a Java runtime): {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    // A line for each file: PASS or FAIL, its name, the standard; then each rule that is broken.
    let passed = said.lines().any(|line| line.starts_with("PASS ") && line.ends_with(flavour));
    if output.status.success() && passed {
        return Ok(());
    }
    Err(format!(
        "{} does not follow {flavour}:\n{said}{}",
        pdf.display(),
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// The validator with what it needs, fetched once into the target directory.
fn jars() -> Result<PathBuf, String> {
    let version = POM_TEXT.split("<verapdf.version>").nth(1).and_then(|rest| rest.split('<').next());
    let name = format!("verapdf-{}", version.unwrap_or("unknown"));
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
    if directory.is_dir() {
        return Ok(directory);
    }
    // Fetched beside and moved whole: an interrupted fetch leaves nothing that looks complete.
    let partial = directory.with_file_name(format!("{name}.partial-{}", std::process::id()));
    let status = Command::new("mvn")
        .args(["-B", "-q", "-f", POM, "dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", partial.display()))
        .status()
        .map_err(|error| format!("mvn (fetches veraPDF; install Maven): {error}"))?;
    if !status.success() {
        return Err(format!("mvn could not fetch veraPDF into {}: {status}", partial.display()));
    }
    match std::fs::rename(&partial, &directory) {
        Ok(()) => Ok(directory),
        // Another process was faster.
        Err(_) if directory.is_dir() => {
            std::fs::remove_dir_all(&partial).map_err(|error| error.to_string()).map(|()| directory)
        }
        Err(error) => Err(format!("{}: {error}", directory.display())),
    }
}

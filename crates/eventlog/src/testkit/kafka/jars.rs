//! Fetches the broker's jars once.

use super::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

const POM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/kafka/pom.xml");
const POM_TEXT: &str = include_str!("../../../../../deploy/kafka/pom.xml");

/// The class path with the broker and all that it needs.
pub(super) fn classpath() -> Result<String, Error> {
    let directory = cache().join(format!("kafka-{}", version()));
    if !directory.is_dir() {
        fetch(&directory)?;
    }
    Ok(format!("{}/*", directory.display()))
}

fn version() -> &'static str {
    let version = POM_TEXT.split("<kafka.version>").nth(1).and_then(|rest| rest.split('<').next());
    version.unwrap_or("unknown")
}

#[expect(clippy::disallowed_methods, reason = "where the user keeps caches is said nowhere else")]
fn cache() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    cache.or_else(home).unwrap_or_else(std::env::temp_dir).join("taxameter")
}

/// Fetches into a directory beside, and moves it there whole: an interrupted fetch leaves nothing that looks complete.
#[expect(clippy::print_stderr, reason = "a download of 60 MB should be seen")]
fn fetch(directory: &Path) -> Result<(), Error> {
    let failed = |source| Error::File { operation: "keeping Kafka's jars", source };
    let partial = directory.with_file_name(format!("kafka-{}.partial-{}", version(), std::process::id()));
    std::fs::create_dir_all(&partial).map_err(failed)?;
    eprintln!("fetching Apache Kafka {} from Maven Central into {}", version(), directory.display());
    let status = Command::new("mvn")
        .args(["-B", "-f", POM, "dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", partial.display()))
        // Maven says each file that it fetches; a test's standard output is not the place for it.
        .stdout(std::io::stderr())
        .status()
        .map_err(|source| Error::Program {
            program: "mvn",
            needed_for: "fetches Kafka for the tests",
            source,
        })?;
    if !status.success() {
        let _ = std::fs::remove_dir_all(&partial);
        return Err(Error::Jars { status });
    }
    match std::fs::rename(&partial, directory) {
        Ok(()) => Ok(()),
        // Another process was faster.
        Err(_) if directory.is_dir() => std::fs::remove_dir_all(&partial).map_err(failed),
        Err(source) => Err(failed(source)),
    }
}

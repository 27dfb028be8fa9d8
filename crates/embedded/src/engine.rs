//! Where the engine comes from: a path that was given, a cache, or one `npm pack`.
//!
//! The package and both checksums are pinned here; nothing is installed that does not match them.

mod fetch;
mod progress;
mod tarball;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::Error;

pub use progress::{Language, Step, on_stderr, silent};

/// One published build of the engine.
pub(crate) struct Release {
    /// The npm package that holds it.
    pub(crate) package: &'static str,
    /// Its version. It contains ClickHouse 26.7.
    pub(crate) version: &'static str,
    /// SHA-256 of the package file as `npm pack` writes it.
    pub(crate) tarball_sha256: &'static str,
    /// Size of the package file, for the progress display.
    pub(crate) tarball_bytes: u64,
    /// Where the library is in the package.
    pub(crate) member: &'static str,
    /// SHA-256 of the library.
    pub(crate) library_sha256: &'static str,
    /// Size of the library.
    pub(crate) library_bytes: u64,
    /// Its name in the cache: a name of its own for each release, so that versions live side by side.
    pub(crate) file_name: &'static str,
}

/// The pinned release. npm has this version for Linux on x86_64 only.
const LINUX_X64: Release = Release {
    package: "@chdb/lib-linux-x64-gnu",
    version: "26.7.3-stable.1",
    tarball_sha256: "c0d32b129e988f2b9a9a31c9141aecf5e1e2453f9a079efc4d36ab8e3f92b2ad",
    tarball_bytes: 177_817_999,
    member: "package/libchdb.so",
    library_sha256: "36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5",
    library_bytes: 566_330_096,
    file_name: "libchdb-26.7.3-stable.1-linux-x64.so",
};

/// The engine's path: `override_path` if there is one, else the pinned release in `cache_dir`, which is
/// fetched with `npm pack` when it is not there yet.
///
/// Blocks, for up to minutes when it fetches. `progress` hears what is going on and is not called when
/// the engine is there. Processes that start at once wait for each other. A fetch that was killed leaves
/// nothing that counts as an engine. The checksums are verified when it is fetched; later only the size
/// is compared, because hashing 566 MB at every start would cost more than starting.
///
/// # Errors
///
/// The engine that was named is missing, there is none for this machine, npm is missing or failed, a
/// checksum differs, or the cache cannot be written.
pub fn locate_or_fetch(
    cache_dir: &Path,
    override_path: Option<&Path>,
    progress: &dyn Fn(Step),
) -> Result<PathBuf, Error> {
    if let Some(path) = override_path {
        if path.is_file() {
            return Ok(path.to_owned());
        }
        return Err(Error::FindEngine { path: path.to_owned() });
    }
    let release = release_for(std::env::consts::OS, std::env::consts::ARCH)?;
    let engine = cache_dir.join(release.file_name);
    if is_installed(&engine, release) {
        return Ok(engine);
    }
    let use_file = |operation| move |source| Error::UseFile { operation, path: cache_dir.to_owned(), source };
    fs::create_dir_all(cache_dir).map_err(use_file("create the cache directory"))?;
    let lock = File::create(cache_dir.join("fetch.lock")).map_err(use_file("create the lock file in"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress(Step::Waiting);
            lock.lock().map_err(use_file("lock"))?;
        }
        Err(TryLockError::Error(source)) => return Err(use_file("lock")(source)),
    }
    // Another process may have fetched it while this one waited.
    if !is_installed(&engine, release) {
        fetch::install(release, cache_dir, &engine, progress)?;
    }
    progress(Step::Ready);
    Ok(engine)
}

fn is_installed(engine: &Path, release: &Release) -> bool {
    fs::metadata(engine).is_ok_and(|found| found.is_file() && found.len() == release.library_bytes)
}

fn release_for(system: &'static str, machine: &'static str) -> Result<&'static Release, Error> {
    // The library is linked against glibc, so a program built for musl cannot load it either.
    if (system, machine) == ("linux", "x86_64") && cfg!(not(target_env = "musl")) {
        Ok(&LINUX_X64)
    } else {
        Err(Error::ChooseEngine { system, machine, version: LINUX_X64.version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsupported_machine_is_told_what_is_supported() {
        let error = release_for("macos", "aarch64").err().expect("no release is pinned for it");
        let text = error.to_string();
        assert!(text.contains("macos on aarch64") && text.contains("linux on x86_64"), "{text}");
    }

    #[test]
    fn a_given_engine_that_is_missing_is_an_error_and_nothing_is_fetched() {
        let missing = Path::new("/nonexistent/libchdb.so");
        let error =
            locate_or_fetch(Path::new("/nonexistent/cache"), Some(missing), &silent).expect_err("missing");
        assert!(matches!(error, Error::FindEngine { path } if path == missing));
    }

    #[test]
    fn an_engine_cut_short_does_not_count_as_installed() {
        let directory = tempfile::tempdir().expect("a directory");
        let engine = directory.path().join(LINUX_X64.file_name);
        fs::write(&engine, b"cut short").expect("write");
        assert!(!is_installed(&engine, &LINUX_X64));
    }
}

//! npm → package file → verified library in the cache.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use data_encoding::HEXLOWER;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::{Release, Step, tarball};
use crate::Error;

/// How often the bytes on disk are counted while npm fetches: often enough for a bar that moves.
const POLL: Duration = Duration::from_millis(200);

/// npm's last words, in bytes: enough for its error, not its whole log.
const OUTPUT_BYTES_MAX: usize = 2_000;

/// Unpacking reports every so many bytes.
const REPORT_BYTES: u64 = 8 << 20;

/// Where one fetch works, removed with all that is in it when the fetch ends.
struct Workspace(PathBuf);

impl Drop for Workspace {
    fn drop(&mut self) {
        // Left-overs cost disk space and nothing else; the next fetch removes them.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Fetches, verifies, unpacks and installs the release. The caller holds the cache's lock.
pub(super) fn install(
    release: &Release,
    cache_dir: &Path,
    engine: &Path,
    progress: &dyn Fn(Step),
) -> Result<(), Error> {
    let workspace = Workspace(cache_dir.join("fetching"));
    let failed = |operation: &'static str, path: &Path, source: io::Error| {
        if source.kind() == io::ErrorKind::StorageFull {
            full_disk(release, cache_dir, source)
        } else {
            Error::UseFile { operation, path: path.to_owned(), source }
        }
    };
    if workspace.0.exists() {
        fs::remove_dir_all(&workspace.0).map_err(|e| failed("remove the left-overs in", &workspace.0, e))?;
    }
    fs::create_dir_all(&workspace.0).map_err(|e| failed("create", &workspace.0, e))?;

    let package = pack(release, cache_dir, &workspace.0, progress)?;
    progress(Step::Verifying);
    let found = sha256(&package).map_err(|e| failed("read", &package, e))?;
    verify(&package, release.tarball_sha256, found)?;

    let library = workspace.0.join("library");
    let found = unpack(release, &package, &library, progress).map_err(|e| failed("unpack", &package, e))?;
    let Some(found) = found else {
        return Err(Error::UnpackEngine { path: package, member: release.member });
    };
    verify(&library, release.library_sha256, found)?;
    // The rename is what makes it an engine, so the bytes must be on disk first.
    fs::rename(&library, engine).map_err(|e| failed("install", engine, e))?;
    File::open(cache_dir).and_then(|directory| directory.sync_all()).map_err(|e| failed("sync", cache_dir, e))
}

/// Runs `npm pack` with a cache of its own in the workspace: its size is what the progress shows, and
/// the user's npm cache does not grow by 178 MB that nobody reads again.
fn pack(
    release: &Release,
    cache_dir: &Path,
    workspace: &Path,
    progress: &dyn Fn(Step),
) -> Result<PathBuf, Error> {
    let package = format!("{}@{}", release.package, release.version);
    let mut npm = Command::new("npm")
        .args(["pack", &package, "--ignore-scripts", "--loglevel=error", "--no-update-notifier"])
        .arg("--pack-destination")
        .arg(workspace)
        .arg("--cache")
        .arg(workspace.join("npm"))
        .current_dir(workspace)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::StartNpm)?;
    let status = loop {
        progress(Step::Fetching { bytes: bytes_below(workspace), total: release.tarball_bytes });
        match npm.try_wait().map_err(Error::StartNpm)? {
            Some(status) => break status,
            None => std::thread::sleep(POLL),
        }
    };
    let output = last_words(npm);
    if !status.success() {
        if output.contains("ENOSPC") {
            return Err(full_disk(release, cache_dir, io::Error::from(io::ErrorKind::StorageFull)));
        }
        return Err(Error::FetchEngine { package, output });
    }
    let entries = fs::read_dir(workspace).map_err(|source| Error::UseFile {
        operation: "list",
        path: workspace.to_owned(),
        source,
    })?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
        .ok_or(Error::FetchEngine { package, output: "no package file was written".into() })
}

/// What npm wrote to its standard error output. At this log level that is a few lines at most, far
/// below what a pipe holds, so npm never waited for it to be read.
fn last_words(npm: Child) -> String {
    let mut output = Vec::new();
    if let Some(mut stderr) = npm.stderr {
        // Unreadable output only makes the error message shorter.
        let _ = stderr.read_to_end(&mut output);
    }
    let start = output.len().saturating_sub(OUTPUT_BYTES_MAX);
    String::from_utf8_lossy(&output[start..]).trim().to_owned()
}

fn unpack(
    release: &Release,
    package: &Path,
    library: &Path,
    progress: &dyn Fn(Step),
) -> io::Result<Option<String>> {
    let archive = GzDecoder::new(BufReader::with_capacity(1 << 20, File::open(package)?));
    let mut output = Hashed { file: File::create(library)?, digest: Sha256::new() };
    let mut reported = 0;
    let was_there = tarball::copy_member(archive, release.member, &mut output, |bytes| {
        if bytes - reported >= REPORT_BYTES {
            reported = bytes;
            progress(Step::Unpacking { bytes, total: release.library_bytes });
        }
    })?;
    output.file.sync_all()?;
    Ok(was_there.then(|| HEXLOWER.encode(&output.digest.finalize())))
}

/// A file, and the digest of what was written to it.
struct Hashed {
    file: File,
    digest: Sha256,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 18];
    loop {
        let bytes = file.read(&mut buffer)?;
        if bytes == 0 {
            return Ok(HEXLOWER.encode(&digest.finalize()));
        }
        digest.update(&buffer[..bytes]);
    }
}

fn verify(path: &Path, expected: &'static str, found: String) -> Result<(), Error> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::VerifyEngine { path: path.to_owned(), expected, found })
    }
}

fn full_disk(release: &Release, path: &Path, source: io::Error) -> Error {
    // npm's cache and its output both hold the package, and the library is written beside them.
    let needed_mb = (2 * release.tarball_bytes + release.library_bytes).div_ceil(1_000_000);
    Error::StoreEngine { path: path.to_owned(), needed_mb, source }
}

/// The bytes of all files below a directory. What disappears meanwhile counts as nothing.
fn bytes_below(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_below(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_the_pinned_one_is_refused_with_both_checksums() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("package.tgz");
        fs::write(&path, b"abc").expect("write");
        let found = sha256(&path).expect("read");
        // The test vector of FIPS 180-4 for "abc".
        assert_eq!(found, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let error = verify(&path, "00", found.clone()).expect_err("another checksum").to_string();
        assert!(error.contains(&found) && error.contains(" 00 "), "{error}");
    }
}

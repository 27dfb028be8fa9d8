//! The package as a directory: fetched as a zip file, unpacked beside its place, and put there whole.

use std::fs;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use billing::export::{MANIFEST, Manifest};
use domain::Month;
use reqwest::Method;
use zip::ZipArchive;

use super::verify::hashes;
use super::{copy, parent};
use crate::client::Client;
use crate::output::swedish;

/// What was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetched {
    /// All that was asked for.
    Whole,
    /// A package without some of its files.
    Lacking,
}

/// Fetches a month's package into a new directory.
#[expect(clippy::print_stdout, reason = "the command's answer")]
pub(super) async fn fetch(
    client: &Client,
    month: Month,
    query: &[(&str, String)],
    out: &Path,
) -> anyhow::Result<Fetched> {
    if out.exists() {
        let out = out.display();
        bail!(
            "{out} is there already: name a new directory with --out, or verify it with `taxameter export verify {out}`"
        );
    }
    let path = format!("/v1/exports/{month}/package.zip");
    let answer = client.request(Method::GET, &path, query, None).await?;
    let parent = parent(out);
    fs::create_dir_all(parent).with_context(|| format!("could not create {}", parent.display()))?;
    let writing = || format!("could not write beside {}", out.display());
    let mut zipped = tokio::fs::File::from_std(tempfile::tempfile_in(parent).with_context(writing)?);
    copy(answer, &mut zipped).await.with_context(writing)?;
    // Under another name until it is whole: what stands at its place is never a part.
    let part = tempfile::tempdir_in(parent).with_context(writing)?;
    let mut zipped = zipped.into_std().await;
    zipped.rewind()?;
    unpack(zipped, part.path()).with_context(writing)?;
    let manifest = read_manifest(part.path())?;
    let found = hashes(part.path())?;
    if let Some(file) = manifest.files.iter().find(|file| found.get(&file.name) != Some(&file.sha256)) {
        bail!("{} did not arrive as the manifest says: fetch the package again", file.name);
    }
    share(part.path())?;
    fs::rename(part.path(), out).with_context(writing)?;
    let billed = swedish(&manifest.totals.billed);
    println!("{}: {} filer, {billed} kr utan moms", out.display(), manifest.files.len() + 1);
    if manifest.state != "closed" {
        println!("  {month} är inte stängd: bokför inget av det");
    }
    Ok(told(&manifest))
}

/// Whether a package that was saved as a zip file has all its files; says which it lacks.
pub(super) fn fetched(zipped: &Path) -> anyhow::Result<Fetched> {
    let file = fs::File::open(zipped).with_context(|| format!("could not read {}", zipped.display()))?;
    let mut archive = ZipArchive::new(file).context("the package is no zip file")?;
    let manifest = archive.by_name(MANIFEST).context("the package has no manifest")?;
    Ok(told(&serde_json::from_reader(manifest).context("the package's manifest is none")?))
}

/// Says which files a package lacks. A file that nothing would be in is not missed.
#[expect(clippy::print_stderr, reason = "it is for people, beside what the command writes")]
fn told(manifest: &Manifest) -> Fetched {
    let missing = || manifest.left_out.iter().filter(|left| !left.empty);
    for left in missing() {
        eprintln!("taxameter: SAKNAS {}: {}", left.name, left.reason);
    }
    if missing().next().is_none() { Fetched::Whole } else { Fetched::Lacking }
}

fn unpack(zipped: fs::File, into: &Path) -> anyhow::Result<()> {
    let mut archive = ZipArchive::new(zipped).context("the package is no zip file")?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let Some(name) = entry.enclosed_name() else {
            bail!("{} is no path within the package", entry.name()?)
        };
        let path: PathBuf = into.join(name);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut file = fs::File::create_new(&path)?;
        io::copy(&mut entry, &mut file)?;
        file.sync_all()?;
    }
    Ok(())
}

/// A temporary directory is its owner's alone; a package is for whoever the parent directory is for.
fn share(directory: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// The manifest of a package in a directory.
pub(super) fn read_manifest(directory: &Path) -> anyhow::Result<Manifest> {
    let path = directory.join(MANIFEST);
    let bytes = fs::read(&path).with_context(|| {
        format!("could not read {}: is {} a package?", path.display(), directory.display())
    })?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is no manifest", path.display()))
}

//! `taxameter export verify`: a package, however old, against what the program has of the closed month.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, anyhow, bail};
use billing::export::{MANIFEST, Manifest, ManifestFile};
use clap::Args;
use data_encoding::HEXLOWER;
use domain::Month;
use reqwest::Method;
use sha2::{Digest, Sha256};

use super::package::read_manifest;
use crate::client::Target;
use crate::output::{Format, List, text};

/// Holds a package against the closed month.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The package's directory.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Form of the list.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
    #[command(flatten)]
    target: Target,
}

/// What was found about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    Right,
    Missing,
    Changed,
    /// It is what its package says, but not what the closed month gives.
    Different,
    /// The closed month has no such file.
    Unknown,
}

impl Finding {
    const fn name(self) -> &'static str {
        match self {
            Finding::Right => "ok",
            Finding::Missing => "missing",
            Finding::Changed => "changed",
            Finding::Different => "different",
            Finding::Unknown => "unknown",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Finding::Right => "stämmer",
            Finding::Missing => "saknas",
            Finding::Changed => "är ändrad",
            Finding::Different => "stämmer inte med den stängda månaden",
            Finding::Unknown => "finns inte i den stängda månaden",
        }
    }
}

impl Verify {
    #[expect(clippy::print_stdout, reason = "the command's answer")]
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let held = read_manifest(&self.directory)?;
        if held.state != "closed" {
            bail!(
                "{} is of {} when it was {}: only a closed month stays as it is",
                self.directory.display(),
                held.month,
                held.state
            );
        }
        let connection = self.target.connect().await?;
        let month: Month = held.month.parse().map_err(|_| anyhow!("{:?} is no month", held.month))?;
        let path = format!("/v1/exports/{month}/{MANIFEST}");
        let answer = connection.client.request(Method::GET, &path, &[], None).await?;
        let manifest = answer.bytes().await.context("the answer broke off")?;
        connection.close().await?;
        let closed: Manifest =
            serde_json::from_slice(&manifest).context("the program's manifest cannot be read")?;
        let there = hashes(&self.directory)?;
        let found = compare(&held, (&closed, &hash(&manifest)), &there);
        let mut list = List::new(&[text("file", "Fil"), text("finding", "Utfall")]);
        let named = |finding: &Finding| match self.output {
            Format::Table => finding.label(),
            Format::Json | Format::Csv => finding.name(),
        };
        list.rows = found
            .iter()
            .map(|(name, finding)| vec![Some(name.clone()), Some(named(finding).to_owned())])
            .collect();
        list.print(self.output, &mut io::stdout())?;
        if self.output == Format::Table {
            println!("{month}, kontrollsumma {}", closed.hash.as_deref().unwrap_or("–"));
        }
        let wrong = found.values().filter(|finding| **finding != Finding::Right).count();
        if wrong > 0 {
            bail!("{wrong} of {} files of {} are not what the closed month gives", found.len(), held.month);
        }
        Ok(())
    }
}

fn hash(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// The SHA-256 of every file below a directory, by its path within it. A link is no file of a package.
pub(super) fn hashes(directory: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut hashes = BTreeMap::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(next) = waiting.pop() {
        let entries = fs::read_dir(&next).with_context(|| format!("could not read {}", next.display()))?;
        for entry in entries {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                waiting.push(path);
                continue;
            }
            if !kind.is_file() {
                bail!("{} is neither a file nor a directory", path.display());
            }
            let bytes = fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
            let parts = path.strip_prefix(directory)?.components();
            let name = parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            hashes.insert(name, hash(&bytes));
        }
    }
    Ok(hashes)
}

/// What is to be said about each file of the package, of the month, and of the directory.
fn compare(
    held: &Manifest,
    (closed, manifest): (&Manifest, &str),
    there: &BTreeMap<String, String>,
) -> BTreeMap<String, Finding> {
    fn by_name(manifest: &Manifest) -> BTreeMap<&str, &ManifestFile> {
        manifest.files.iter().map(|file| (file.name.as_str(), file)).collect()
    }
    let (in_package, of_month) = (by_name(held), by_name(closed));
    let names: BTreeSet<&str> =
        in_package.keys().chain(of_month.keys()).copied().chain(there.keys().map(String::as_str)).collect();
    let finding = |name: &str| {
        if name == MANIFEST {
            let same = there.get(MANIFEST).is_some_and(|hash| hash == manifest);
            return if same { Finding::Right } else { Finding::Different };
        }
        match (there.get(name), in_package.get(name), of_month.get(name)) {
            (None, ..) => Finding::Missing,
            (Some(_), _, None) => Finding::Unknown,
            (Some(hash), _, Some(right)) if *hash == right.sha256 => Finding::Right,
            (Some(hash), Some(told), Some(_)) if *hash == told.sha256 => Finding::Different,
            (Some(_), _, Some(_)) => Finding::Changed,
        }
    };
    names.into_iter().map(|name| (name.to_owned(), finding(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, sha256: &str) -> ManifestFile {
        let (name, sha256) = (name.to_owned(), sha256.to_owned());
        ManifestFile { name, sha256, bytes: 1, rows: None, billed: "0.00".to_owned() }
    }

    fn manifest(files: &[(&str, &str)]) -> Manifest {
        let empty = r#"{"month":"2021-03","state":"closed","hash":null,"closed":null,"closed_by":null,"anchor":null,
            "catalogue":"v1","lines":0,"totals":{"gross":"0.00","joint":"0.00","net":"0.00","surcharge":"0.00",
            "billed":"0.00"},"files":[],"left_out":[]}"#;
        let manifest: Manifest = serde_json::from_str(empty).unwrap();
        Manifest { files: files.iter().map(|(name, hash)| file(name, hash)).collect(), ..manifest }
    }

    #[test]
    fn every_way_to_differ_is_told_apart() {
        let held = manifest(&[("right", "1"), ("changed", "1"), ("old", "1"), ("gone", "1")]);
        let closed = manifest(&[("right", "1"), ("changed", "1"), ("old", "2"), ("gone", "1")]);
        let there = [("right", "1"), ("changed", "9"), ("old", "1"), ("more", "1"), (MANIFEST, "5")];
        let there = there.map(|(name, hash)| (name.to_owned(), hash.to_owned())).into();
        let found: Vec<_> = compare(&held, (&closed, "6"), &there)
            .into_iter()
            .map(|(name, finding)| (name, finding.name()))
            .collect();
        let want = [
            ("changed", "changed"),
            ("gone", "missing"),
            (MANIFEST, "different"),
            ("more", "unknown"),
            ("old", "different"),
            ("right", "ok"),
        ];
        assert_eq!(found, want.map(|(name, finding)| (name.to_owned(), finding)));
        let same = compare(&held, (&closed, "5"), &there);
        assert_eq!(same[MANIFEST], Finding::Right, "byte by byte");
    }
}

//! A catalogue's files in memory, and the version that their content gives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::text;

/// A catalogue lies in one directory with at most one level below it.
const DEPTH_MAX: usize = 2;

/// The files of a catalogue: relative path (with `/`) → bytes, in the order of the paths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files(BTreeMap<String, Vec<u8>>);

/// A directory could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Listing a directory failed.
    #[error("list catalogue directory {path}")]
    ListDirectory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Reading a file failed.
    #[error("read catalogue file {path}")]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Files {
    /// Reads the `.toml` and `.csv` files of a directory and of the directories in it. Everything else (a README, what
    /// editors and Excel leave behind) is no part of the catalogue.
    ///
    /// # Errors
    /// When a directory or a file cannot be read.
    pub fn read_dir(path: impl AsRef<Path>) -> Result<Self, Error> {
        let mut files = BTreeMap::new();
        collect(path.as_ref(), "", 1, &mut files)?;
        Ok(Self(files))
    }

    /// Adds a file, or replaces the one at this path.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.insert(path.into(), bytes.into());
    }

    /// Takes a file away.
    pub fn remove(&mut self, path: &str) -> Option<Vec<u8>> {
        self.0.remove(path)
    }

    /// The bytes of a file.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.0.get(path).map(Vec::as_slice)
    }

    /// All files in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The content hash: SHA-256 over paths and texts, 64 hexadecimal digits. The encoding of a file, a byte order mark
    /// and the kind of line ends do not matter.
    pub fn version(&self) -> String {
        let mut hasher = Sha256::new();
        for (path, bytes) in &self.0 {
            let normal = text::decode(path, bytes).map_or_else(|_| bytes.clone(), String::into_bytes);
            for part in [path.as_bytes(), &normal] {
                hasher.update((part.len() as u64).to_be_bytes());
                hasher.update(part);
            }
        }
        HEXLOWER.encode(&hasher.finalize())
    }
}

impl FromIterator<(String, Vec<u8>)> for Files {
    fn from_iter<I: IntoIterator<Item = (String, Vec<u8>)>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}

impl IntoIterator for Files {
    type Item = (String, Vec<u8>);
    type IntoIter = std::collections::btree_map::IntoIter<String, Vec<u8>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

fn collect(
    directory: &Path,
    prefix: &str,
    depth: usize,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), Error> {
    let list_error = |source| Error::ListDirectory { path: directory.to_owned(), source };
    for entry in std::fs::read_dir(directory).map_err(list_error)? {
        let entry = entry.map_err(list_error)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // `~$priser.csv` is Excel's lock file.
        if name.starts_with('.') || name.starts_with('~') {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            if depth < DEPTH_MAX {
                collect(&path, &format!("{prefix}{name}/"), depth + 1, files)?;
            }
        } else if name.ends_with(".toml") || name.ends_with(".csv") {
            let bytes =
                std::fs::read(&path).map_err(|source| Error::ReadFile { path: path.clone(), source })?;
            files.insert(format!("{prefix}{name}"), bytes);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_content_whatever_the_encoding() {
        let one = |bytes: &[u8]| Files::from_iter([("kunder.csv".to_owned(), bytes.to_vec())]).version();
        let plain = one("kod;namn\nA;Båt\n".as_bytes());
        assert_eq!(plain.len(), 64);
        assert_eq!(plain, one(b"\xEF\xBB\xBFkod;namn\r\nA;B\xC3\xA5t\r\n"));
        assert_eq!(plain, one(b"kod;namn\r\nA;B\xE5t\r\n"));
        assert_ne!(plain, one("kod;namn\nA;Bat\n".as_bytes()));
        let renamed = Files::from_iter([("kunde.csv".to_owned(), "kod;namn\nA;Båt\n".into())]);
        assert_ne!(plain, renamed.version());
    }
}

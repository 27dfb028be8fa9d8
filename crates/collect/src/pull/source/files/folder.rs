//! The folder: which files match, opening them, and putting them away.

use std::cell::OnceCell;
use std::fs::{DirEntry, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use domain::Instant;
use rustix::fs::OFlags;

use super::{Config, Failure};

/// More files than a folder of some decades of days has.
const FILES_MAX: usize = 20_000;
/// How much of a file is hashed at once.
const HASH_BYTES: usize = 1 << 20;
/// Where files go that are done with.
const DONE: &str = "klara";

/// What Excel and Word begin the name of the file with that says who has a document open; it matches like the document.
const OWNER: &[u8] = b"~$";

/// A folder.
pub(super) struct Folder {
    directory: PathBuf,
    pattern: String,
    done: PathBuf,
}

/// A file that matches.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// When its content was written, as far as whoever wrote it says.
    pub(super) modified: Instant,
    /// When anything of it was changed last. Copying sets it, whatever time of modification a copy keeps.
    pub(super) changed: Instant,
}

/// A file that is read.
pub(super) struct Opened {
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// How many bytes it had when it was opened.
    pub(super) length: u64,
    file: File,
    opened: Metadata,
    hash: OnceCell<String>,
}

impl Opened {
    /// The hash of all of it, as it was opened.
    pub(super) fn hash(&self) -> Result<&str, Failure> {
        if let Some(hash) = self.hash.get() {
            return Ok(hash);
        }
        let (mut hasher, mut at) = (blake3::Hasher::new(), 0);
        while at < self.length {
            let block = self.bytes(at, HASH_BYTES)?;
            hasher.update(&block);
            at += block.len() as u64;
        }
        Ok(self.hash.get_or_init(|| hasher.finalize().to_hex()[..32].to_owned()))
    }

    /// At most so many bytes from a place on; fewer only where the file ends.
    pub(super) fn bytes(&self, at: u64, max: usize) -> Result<Vec<u8>, Failure> {
        let there = self.length.saturating_sub(at);
        let length = usize::try_from(there).unwrap_or(usize::MAX).min(max);
        let mut bytes = vec![0; length];
        match self.file.read_exact_at(&mut bytes, at) {
            Ok(()) => Ok(bytes),
            Err(error) => Err(away(&self.path, "cannot be read", &error)),
        }
    }
}

impl Folder {
    pub(super) fn new(config: &Config) -> Result<Self, Failure> {
        let done = config.done.clone().unwrap_or_else(|| config.directory.join(DONE));
        if done.components().eq(config.directory.components()) {
            return Err(Failure::Refused(format!(
                "{} is both the folder and where files go that are done with: name another as `done`",
                done.display()
            )));
        }
        Ok(Self { directory: config.directory.clone(), pattern: config.pattern.to_lowercase(), done })
    }

    /// The files that match, by name.
    pub(super) fn list(&self) -> Result<Vec<Found>, Failure> {
        let failed = |error: io::Error| away(&self.directory, "cannot be listed", &error);
        let mut files = Vec::new();
        for entry in self.directory.read_dir().map_err(failed)? {
            files.extend(self.matching(&entry.map_err(failed)?)?);
            if files.len() > FILES_MAX {
                return Err(Failure::Refused(format!(
                    "more than {FILES_MAX} files of {} match {:?}: move old ones away",
                    self.directory.display(),
                    self.pattern
                )));
            }
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    fn matching(&self, entry: &DirEntry) -> Result<Option<Found>, Failure> {
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(OWNER) {
            return Ok(None);
        }
        if !matches(&self.pattern, &name.to_string_lossy().to_lowercase()) {
            return Ok(None);
        }
        let path = entry.path();
        // That of a link itself, not of what it leads to.
        let metadata = match entry.metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            metadata => metadata.map_err(|error| away(&path, "cannot be looked at", &error))?,
        };
        if !metadata.is_file() {
            return Ok(None);
        }
        let Some(name) = name.to_str() else {
            return Err(Failure::Broken(format!("the name of {} is not UTF-8: rename it", path.display())));
        };
        Ok(Some(found(name, path, &metadata)))
    }

    /// A file that may have gone.
    pub(super) fn find(&self, name: &str) -> Result<Option<Found>, Failure> {
        let path = self.directory.join(name);
        match path.symlink_metadata() {
            Ok(metadata) => Ok(metadata.is_file().then(|| found(name, path, &metadata))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(away(&path, "cannot be looked at", &error)),
        }
    }

    /// Opens a file, and nothing that has been put in its place: a link could lead to any file of this machine, and a pipe
    /// would keep us waiting.
    pub(super) fn open(&self, found: &Found) -> Result<Opened, Failure> {
        let path = found.path.clone();
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let failed = |error: io::Error| away(&path, "cannot be opened", &error);
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&path)
            .map_err(failed)?;
        let opened = file.metadata().map_err(failed)?;
        if !opened.is_file() {
            return Err(Failure::Away(format!("{} is no file any more", path.display())));
        }
        let (name, length) = (found.name.clone(), opened.len());
        Ok(Opened { name, length, path, file, opened, hash: OnceCell::new() })
    }

    /// Checks that a file is what it was when it was opened; one that grows may have more.
    pub(super) fn check_unchanged(&self, file: &Opened, is_growing: bool) -> Result<(), Failure> {
        let now = file.file.metadata().map_err(|error| away(&file.path, "cannot be looked at", &error))?;
        let is_same =
            if is_growing { now.len() >= file.length } else { written(&now) == written(&file.opened) };
        if is_same {
            return Ok(());
        }
        Err(Failure::Away(format!("{} was written to while it was read", file.path.display())))
    }

    /// Moves a file to those that are done with, beside one of the same name. Another one that has been put in its place
    /// stays.
    pub(super) fn put_away(&self, file: &Opened) -> Result<(), Failure> {
        std::fs::create_dir_all(&self.done).map_err(|error| refused(&self.done, "cannot be made", &error))?;
        let mut target = self.done.join(&file.name);
        for number in 2.. {
            match target.symlink_metadata() {
                Err(error) if error.kind() == ErrorKind::NotFound => break,
                Err(error) => return Err(refused(&target, "cannot be looked at", &error)),
                Ok(_) => target = self.done.join(numbered(&file.name, number)),
            }
        }
        match std::fs::rename(&file.path, &target) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) if error.kind() == ErrorKind::CrossesDevices => Err(Failure::Refused(format!(
                "{} cannot be moved to {}: `done` must be on the same file system",
                file.path.display(),
                self.done.display()
            ))),
            Err(error) => Err(refused(&file.path, "cannot be moved", &error)),
            Ok(()) => take_back(file, &target),
        }
    }
}

/// Looks at what was moved, and moves it back when it is not the file that was read: only then nobody can put another one in
/// its place any more.
fn take_back(file: &Opened, target: &Path) -> Result<(), Failure> {
    let moved = target.symlink_metadata().map_err(|error| away(target, "cannot be looked at", &error))?;
    let which = |metadata: &Metadata| (metadata.dev(), metadata.ino(), written(metadata));
    if which(&moved) == which(&file.opened) {
        return Ok(());
    }
    // Takes no other's place.
    let back = std::fs::hard_link(target, &file.path).and_then(|()| std::fs::remove_file(target));
    back.map_err(|error| refused(target, "was not read and cannot be moved back", &error))
}

/// What changes when a file is written to.
fn written(metadata: &Metadata) -> (u64, i64, i64) {
    (metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

fn found(name: &str, path: PathBuf, metadata: &Metadata) -> Found {
    let instant = |seconds: i64, nanos: i64| {
        Instant::from_micros(seconds.saturating_mul(1_000_000).saturating_add(nanos / 1_000))
    };
    Found {
        name: name.to_owned(),
        path,
        modified: instant(metadata.mtime(), metadata.mtime_nsec()),
        changed: instant(metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// `a.csv` and 2 are `a.2.csv`.
fn numbered(name: &str, number: u64) -> String {
    match name.rsplit_once('.') {
        Some((stem, ending)) => format!("{stem}.{number}.{ending}"),
        None => format!("{name}.{number}"),
    }
}

fn away(path: &Path, what: &str, error: &io::Error) -> Failure {
    if error.kind() == ErrorKind::PermissionDenied {
        return refused(path, what, error);
    }
    Failure::Away(format!("{} {what}: {error}", path.display()))
}

fn refused(path: &Path, what: &str, error: &io::Error) -> Failure {
    Failure::Refused(format!("{} {what}: {error}", path.display()))
}

/// Whether a name has the form of a pattern; both in lower case.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut from) = (0, 0);
    // The last star, and how far it reaches.
    let mut star: Option<(usize, usize)> = None;
    while from < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[from] => (at, from) = (at + 1, from + 1),
            Some(_) | None => match star {
                Some((place, reach)) => {
                    star = Some((place, reach + 1));
                    (at, from) = (place + 1, reach + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_of_whole_names() {
        for (pattern, name, want) in [
            ("*.csv", "a.csv", true),
            ("*.csv", "a.csv.tmp", false),
            ("*.csv", ".csv", true),
            ("log-*-??.csv", "log-2021-03.csv", true),
            ("log-*-??.csv", "log-2021-3.csv", false),
            ("*a*b*", "xxaxxaxb", true),
            ("*a*b", "ba", false),
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("skärm*", "skärmar.csv", true),
        ] {
            assert_eq!(matches(pattern, name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn what_takes_the_place_of_a_file_that_is_moved_stays() {
        let directory = tempfile::tempdir().unwrap();
        let config = format!("directory = {:?}\npattern = \"*.csv\"", directory.path().display().to_string());
        let folder = Folder::new(&toml::from_str(&config).unwrap()).unwrap();
        let (path, done) = (directory.path().join("a.csv"), directory.path().join("klara/a.csv"));
        for is_same_file in [false, true] {
            std::fs::write(&path, "id;n\n1;2\n").unwrap();
            let file = folder.open(&folder.find("a.csv").unwrap().unwrap()).unwrap();
            if is_same_file {
                std::fs::write(&path, "id;n\n1;2\n3;4\n").unwrap();
            } else {
                std::fs::write(directory.path().join("new"), "id;n\n1;3\n").unwrap();
                std::fs::rename(directory.path().join("new"), &path).unwrap();
            }
            folder.put_away(&file).unwrap();
            assert!(path.exists() && !done.exists(), "{is_same_file}");
        }
        folder.put_away(&folder.open(&folder.find("a.csv").unwrap().unwrap()).unwrap()).unwrap();
        assert!(!path.exists() && done.exists());
    }

    #[test]
    fn a_second_file_of_a_name_gets_a_number() {
        assert_eq!([numbered("a.b.csv", 2), numbered("a", 3)], ["a.b.2.csv", "a.3"]);
    }
}

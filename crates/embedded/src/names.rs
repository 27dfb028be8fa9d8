//! Names in the engine's directory are kept, like the bytes that they stand for.
//!
//! With `fsync_after_insert` and `fsync_part_directory` ClickHouse syncs a part's files and the part's own directory. It
//! then gives the part its name in the table's directory, which it does not sync; neither does it sync the directory of
//! a table's definition. A file system with an ordered journal keeps such names together with the next sync of anything,
//! others need not. So after every insert, and before it is answered, each directory whose names have changed is synced;
//! after any other statement so are the small files in them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

/// How deep names are the engine's own: `store/<prefix>/<table>` holds parts, which it syncs itself.
const DEPTH: usize = 3;

/// A directory that was changed less than this before it was synced may have changed again since, without a newer time
/// to show for it: file systems count time in ticks of up to 10 ms. It is synced again.
const TICK: Duration = Duration::from_millis(50);

/// Files or directories, each with the time of its last change that is certainly on the disk.
type Times = BTreeMap<PathBuf, Option<SystemTime>>;

#[derive(Default)]
struct Kept {
    directories: Times,
    files: Times,
}

/// What the engine has named, as far as it is on the disk.
pub(crate) struct Names {
    root: PathBuf,
    kept: Mutex<Kept>,
}

impl Names {
    /// Keeps everything that there is.
    pub(crate) fn keep_all(root: &Path) -> io::Result<Self> {
        let names = Self { root: root.to_owned(), kept: Mutex::default() };
        names.after_statement()?;
        // What it lies in: its own directory, and that one's name.
        for directory in root.ancestors().skip(1).take(2) {
            File::open(directory)?.sync_all()?;
        }
        Ok(names)
    }

    /// Keeps what an insert, or a merge meanwhile, has named.
    pub(crate) fn after_insert(&self) -> io::Result<()> {
        let mut kept = self.kept.lock();
        kept.directories.iter_mut().try_for_each(|(directory, at)| keep(directory, at))
    }

    /// Keeps what any statement has made: tables and databases come and go with their directories.
    pub(crate) fn after_statement(&self) -> io::Result<()> {
        let mut before = self.kept.lock();
        let mut now = Kept::default();
        walk(&self.root, 0, &before, &mut now)?;
        *before = now;
        Ok(())
    }
}

/// What lies below a directory first: a name is of use only when what it stands for is there.
fn walk(directory: &Path, depth: usize, before: &Kept, now: &mut Kept) -> io::Result<()> {
    let Some(entries) = unless_gone(fs::read_dir(directory))? else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let Some(kind) = unless_gone(entry.file_type())? else { continue };
        if kind.is_dir() && depth < DEPTH {
            walk(&entry.path(), depth + 1, before, now)?;
        } else if kind.is_file() {
            keep_into(&mut now.files, &before.files, entry.path())?;
        }
    }
    keep_into(&mut now.directories, &before.directories, directory.to_owned())
}

fn keep_into(now: &mut Times, before: &Times, path: PathBuf) -> io::Result<()> {
    let mut at = before.get(&path).copied().flatten();
    keep(&path, &mut at)?;
    now.insert(path, at);
    Ok(())
}

/// Syncs a file or directory, unless its last change was synced.
fn keep(path: &Path, kept: &mut Option<SystemTime>) -> io::Result<()> {
    let Some(opened) = unless_gone(File::open(path))? else { return Ok(()) };
    let changed = opened.metadata()?.modified()?;
    if *kept == Some(changed) {
        return Ok(());
    }
    // An error means that the clock went back: then it is synced again.
    let is_settled = changed.elapsed().is_ok_and(|age| age > TICK);
    opened.sync_all()?;
    *kept = is_settled.then_some(changed);
    Ok(())
}

/// What was dropped meanwhile needs not be kept.
fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

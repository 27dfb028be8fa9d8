//! Where a collector stands, on disk: its checkpoint, and what was read and is not sent yet.
//!
//! `<directory>/checkpoint.json` is what is done. `<directory>/turn.ndjson` is a turn that was read: a line about it, then
//! its events. It is whole before the first of them is sent, so whoever comes after a crash sends exactly the same, and the
//! checkpoint moves when all of it is durable. `<directory>/kept.sealed` is the last whole set of a source that can say what has
//! changed since; it is worth nothing but time.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use domain::Instant;
use serde::{Deserialize, Serialize};

const CHECKPOINT: &str = "checkpoint.json";
const TURN: &str = "turn.ndjson";
const KEPT: &str = "kept.sealed";
const LOCK: &str = "lock";

/// Why a collector's directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Another process has it.
    #[error("{0} belongs to another process that gathers: one at a time can")]
    Taken(PathBuf),
    /// Something in it cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file in it is not what was written.
    #[error(
        "{0} is damaged: restore it, or remove it to gather anew (ids stay the same, so nothing counts twice)"
    )]
    Damaged(PathBuf),
}

/// What is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// How many turns, or parts of turns, were sent.
    pub number: u64,
    /// The last turn that was sent whole, in microseconds since 1970.
    pub turn: Option<i64>,
    /// Where a stream goes on.
    pub cursor: Option<String>,
    /// How many records it had.
    pub records: u64,
    /// How many events were taken.
    pub accepted: u64,
    /// How many events were refused.
    pub refused: u64,
    /// How many entries the system gave for its records.
    #[serde(default)]
    pub fetched: u64,
}

/// Events as JSON, each on one line.
pub(super) type Events = Vec<Vec<u8>>;

/// What a turn is, in the first line of its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Turn {
    /// The number that the checkpoint gets.
    pub(super) number: u64,
    /// The turn, in microseconds since 1970.
    pub(super) at: i64,
    /// Where a stream goes on after it.
    pub(super) cursor: Option<String>,
    /// Whether a stream has more of this turn.
    pub(super) more: bool,
    /// How many records it had.
    pub(super) records: u64,
    /// How many entries the system gave for them: fewer where only changes were asked for.
    #[serde(default)]
    pub(super) fetched: u64,
    /// Services and meters whose snapshot it completes, with how many subjects each has.
    pub(super) completes: Vec<(String, String, u64)>,
    /// How many events follow.
    pub(super) events: u64,
}

/// A collector's directory, held by one process.
#[derive(Debug)]
pub(super) struct Place {
    directory: PathBuf,
    pub(super) checkpoint: Checkpoint,
    _lock: File,
}

impl Place {
    pub(super) fn open(directory: impl Into<PathBuf>) -> Result<Self, PlaceError> {
        let directory = directory.into();
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| PlaceError::File { path, source }
        };
        std::fs::create_dir_all(&directory).map_err(failed(&directory))?;
        let path = directory.join(LOCK);
        let lock =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(failed(&path))?;
        lock.try_lock().map_err(|_| PlaceError::Taken(directory.clone()))?;
        let checkpoint = checkpoint(&directory)?;
        Ok(Self { directory, checkpoint, _lock: lock })
    }

    /// The turn that is not done, with its events.
    pub(super) fn pending(&self) -> Result<Option<(Turn, Events)>, PlaceError> {
        let path = self.directory.join(TURN);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(PlaceError::File { path, source }),
        };
        let mut lines = BufReader::new(file).split(b'\n');
        let head =
            lines.next().transpose().map_err(|source| PlaceError::File { path: path.clone(), source })?;
        let turn: Option<Turn> = head.and_then(|head| serde_json::from_slice(&head).ok());
        let turn = turn.ok_or_else(|| PlaceError::Damaged(path.clone()))?;
        let events: Vec<Vec<u8>> = lines
            .collect::<Result<_, _>>()
            .map_err(|source| PlaceError::File { path: path.clone(), source })?;
        if events.len() as u64 != turn.events {
            return Err(PlaceError::Damaged(path));
        }
        // Done already: the process died before the file went.
        Ok((turn.number > self.checkpoint.number).then_some((turn, events)))
    }

    /// Puts a turn on the disk.
    pub(super) fn begin(&self, turn: &Turn, events: &[Vec<u8>]) -> Result<(), PlaceError> {
        self.replace(TURN, |file| {
            let mut file = BufWriter::new(file);
            serde_json::to_writer(&mut file, turn)?;
            for event in events {
                file.write_all(b"\n")?;
                file.write_all(event)?;
            }
            file.flush()
        })
    }

    /// A turn is done.
    pub(super) fn end(&mut self, checkpoint: Checkpoint) -> Result<(), PlaceError> {
        self.replace(CHECKPOINT, |file| serde_json::to_writer(file, &checkpoint).map_err(Into::into))?;
        self.checkpoint = checkpoint;
        let path = self.directory.join(TURN);
        std::fs::remove_file(&path).map_err(|source| PlaceError::File { path, source })
    }

    /// The set that is kept, sealed as it is.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(super) fn kept(&self) -> Result<Vec<u8>, String> {
        std::fs::read(self.directory.join(KEPT)).map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                "no set is kept".to_owned()
            } else {
                format!("the kept set cannot be read: {error}")
            }
        })
    }

    /// Keeps a set in place of the last; none when the last cannot be gone on from.
    pub(super) fn keep(&self, sealed: Option<&[u8]>) -> Result<(), PlaceError> {
        if let Some(sealed) = sealed {
            return self.replace(KEPT, |file| file.write_all(sealed));
        }
        let path = self.directory.join(KEPT);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|source| PlaceError::File { path, source }),
        }
    }

    /// A file that is there whole or not at all.
    fn replace(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> std::io::Result<()>,
    ) -> Result<(), PlaceError> {
        let path = self.directory.join(name);
        let new = path.with_added_extension("new");
        let replaced = File::create(&new).and_then(|mut file| {
            write(&mut file)?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
            File::open(&self.directory)?.sync_all()
        });
        replaced.map_err(|source| PlaceError::File { path, source })
    }
}

/// The checkpoint in a directory, for whoever only looks.
pub(super) fn checkpoint(directory: &Path) -> Result<Checkpoint, PlaceError> {
    let path = directory.join(CHECKPOINT);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| PlaceError::Damaged(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Checkpoint::default()),
        Err(source) => Err(PlaceError::File { path, source }),
    }
}

impl Checkpoint {
    /// The last turn that was sent whole.
    pub fn last_turn(&self) -> Option<Instant> {
        self.turn.map(Instant::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(number: u64, events: u64) -> Turn {
        Turn {
            number,
            at: 7,
            cursor: None,
            more: false,
            records: events,
            fetched: events,
            completes: Vec::new(),
            events,
        }
    }

    #[test]
    fn a_turn_is_pending_until_it_is_done_whatever_dies_between() {
        let directory = tempfile::tempdir().unwrap();
        let mut place = Place::open(directory.path()).unwrap();
        assert_eq!(place.pending().unwrap(), None);
        let events = vec![b"{1}".to_vec(), b"{2}".to_vec()];
        place.begin(&turn(1, 2), &events).unwrap();
        drop(place);
        place = Place::open(directory.path()).unwrap();
        assert_eq!(place.pending().unwrap(), Some((turn(1, 2), events)));
        let done = Checkpoint { number: 1, turn: Some(7), ..Checkpoint::default() };
        place.end(done.clone()).unwrap();
        assert_eq!(place.pending().unwrap(), None);
        // The checkpoint was written and the turn's file was not removed.
        place.begin(&turn(1, 0), &[]).unwrap();
        drop(place);
        let place = Place::open(directory.path()).unwrap();
        assert_eq!(place.checkpoint, done);
        assert_eq!(place.pending().unwrap(), None);
    }

    #[test]
    fn what_was_not_written_whole_is_not_sent() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::open(directory.path()).unwrap();
        for damaged in ["", "{", "{\"number\":1}"] {
            std::fs::write(directory.path().join(TURN), damaged).unwrap();
            assert!(matches!(place.pending(), Err(PlaceError::Damaged(_))), "{damaged}");
        }
        place.begin(&turn(1, 2), &[b"{1}".to_vec()]).unwrap();
        assert!(matches!(place.pending(), Err(PlaceError::Damaged(_))));
    }

    #[test]
    fn one_process_at_a_time_gathers() {
        let directory = tempfile::tempdir().unwrap();
        let first = Place::open(directory.path()).unwrap();
        assert!(matches!(Place::open(directory.path()), Err(PlaceError::Taken(_))));
        drop(first);
        Place::open(directory.path()).unwrap();
    }
}

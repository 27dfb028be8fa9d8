//! A folder that tables are dropped in, or grow in: CSV and XLSX (PaperCut's print logs, call records, registers).
//!
//! folder → files that match → rows → records, and per file how far it was read
//!
//! A record has a field for each column that has a name: the cell's text without the spaces around it, otherwise as it is in
//! the file (a decimal comma stays one: what a number means is for the mapping to say). Besides it has
//!
//! * `file`: the file's name;
//! * `line`: where the row begins, from 1 (counted by line feeds; in XLSX the number of the row);
//! * `hash`: 32 hexadecimal digits of the row's text, the same whatever file, line or encoding it stands in.
//!
//! Rows whose cells are all empty are left out. A row with more or fewer cells than the heading, a NUL byte, a quote that is
//! never closed and a letter that the encoding does not have are failures that name the file and the line. What could be read
//! before is given first, and other files are read all the same.
//!
//! Only regular files right in the folder are read: no links, no folders in it.

mod columns;
mod config;
mod cursor;
mod folder;
mod lines;
mod sheet;

use std::sync::Arc;
use std::time::Duration;

use domain::Instant;
use futures::FutureExt;
use futures::future::BoxFuture;

use self::columns::Columns;
pub use self::config::{Config, Delimiter, Encoding, Form};
use self::cursor::{Cursor, Entry, Place};
use self::folder::{Folder, Found};
use super::{Failure, Nature, Read, Record, Source};

/// How many records a read of a stream gives: a few megabytes.
const RECORDS_MAX: usize = 5_000;
/// How many rows a register may have, since all of it is read at once.
const SNAPSHOT_RECORDS_MAX: usize = 100_000;
/// A file that grows may end within a row for so long: longer than any system keeps a line in its buffer.
const HALF_ROW_MAX: Duration = Duration::from_secs(24 * 3600);

/// A folder that is watched.
pub struct Files {
    watch: Arc<Watch>,
}

/// What a turn needs, on a thread that may block.
struct Watch {
    config: Config,
    folder: Folder,
    clock: fn() -> Instant,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("directory", &self.watch.config.directory).finish_non_exhaustive()
    }
}

impl Files {
    /// A source that reads the files of a folder; `clock` says for how long a file has been still.
    ///
    /// # Errors
    /// What cannot be right together.
    pub fn new(config: &Config, clock: fn() -> Instant) -> Result<Self, Failure> {
        let refused = |why: &str| Err(Failure::Refused(format!("{}: {why}", config.directory.display())));
        if config.growing && config.snapshot {
            return refused("`growing` and `snapshot` exclude each other");
        }
        if config.growing && config.form == Some(Form::Xlsx) {
            return refused("XLSX is written anew as a whole: leave `growing` out");
        }
        if config.pattern.is_empty() || config.pattern.contains('/') {
            return refused("`pattern` is the pattern of a file's name, such as \"*.csv\"");
        }
        if config.header.as_ref().is_some_and(Vec::is_empty) {
            return refused("`header` names no column: leave it out when the files have a heading");
        }
        let folder = Folder::new(config)?;
        Ok(Self { watch: Arc::new(Watch { config: config.clone(), folder, clock }) })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Watch) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let watch = Arc::clone(&self.watch);
        let ended = tokio::task::spawn_blocking(move || work(&watch)).await;
        ended.unwrap_or_else(|error| Err(Failure::Broken(format!("a folder could not be read: {error}"))))
    }
}

impl Source for Files {
    fn nature(&self) -> Nature {
        if self.watch.config.snapshot { Nature::Snapshot } else { Nature::Stream }
    }

    fn read<'a>(&'a self, _at: Instant, cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>> {
        let cursor = cursor.map(str::to_owned);
        self.blocking(
            move |watch| {
                if watch.config.snapshot { watch.snapshot() } else { watch.stream(cursor.as_deref()) }
            },
        )
        .boxed()
    }

    fn delivered<'a>(&'a self, cursor: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
        let cursor = cursor.to_owned();
        self.blocking(move |watch| watch.move_done(&cursor)).boxed()
    }
}

/// What a file gave.
struct Step {
    entry: Option<Entry>,
    /// Whether it has more rows.
    more: bool,
}

impl Watch {
    fn stream(&self, cursor: Option<&str>) -> Result<Read, Failure> {
        let before = Cursor::read(cursor)?;
        let (mut after, mut records, mut more, mut failure) = (Cursor::default(), Vec::new(), false, None);
        for found in self.folder.list()? {
            let known = before.files.get(&found.name);
            // A file that cannot be read keeps no other from being read, and fails the turn once they have nothing more.
            let step = match self.step(&found, known, &mut records) {
                Ok(step) => step,
                Err(error) => {
                    failure.get_or_insert(error);
                    Step { entry: known.cloned(), more: false }
                }
            };
            more |= step.more;
            after.files.extend(step.entry.map(|entry| (found.name, entry)));
        }
        match failure {
            Some(failure) if records.is_empty() => Err(failure),
            failure => Ok(Read { records, cursor: Some(after.write()), more: more || failure.is_some() }),
        }
    }

    /// Reads on in a file, if there is room for more records.
    fn step(&self, found: &Found, known: Option<&Entry>, records: &mut Vec<Record>) -> Result<Step, Failure> {
        let unchanged = |more| Ok(Step { entry: known.cloned(), more });
        let room = RECORDS_MAX.saturating_sub(records.len());
        if room == 0 {
            return unchanged(true);
        }
        let form = self.form(&found.name);
        if self.config.growing && form == Form::Xlsx {
            let path = found.path.display();
            return Err(Failure::Refused(format!("{path}: XLSX does not grow: leave `growing` out")));
        }
        let is_still = self.still(found) >= Duration::from_secs(self.config.settle_seconds);
        if !self.config.growing && !is_still {
            return unchanged(false);
        }
        let file = self.folder.open(found)?;
        let place = known.map(|entry| entry.resume(&file, self.config.growing)).transpose()?.flatten();
        if place.as_ref().is_some_and(|place| place.done) {
            return unchanged(false);
        }
        let part = match form {
            Form::Csv => {
                let end = if !self.config.growing {
                    lines::End::Last
                } else if self.still(found) >= HALF_ROW_MAX {
                    lines::End::Overdue
                } else {
                    lines::End::Open
                };
                lines::read(&file, &self.config, end, place.unwrap_or_default(), room)?
            }
            Form::Xlsx => sheet::read(&file, &self.config, place.unwrap_or_default(), room)?,
        };
        let entry = Entry::of(&file, &part, self.config.growing)?;
        self.folder.check_unchanged(&file, self.config.growing)?;
        records.extend(part.records);
        Ok(Step { entry, more: !part.is_end })
    }

    fn snapshot(&self) -> Result<Read, Failure> {
        let files = self.folder.list()?;
        let Some(found) = files.into_iter().max_by(|a, b| (a.modified, &a.name).cmp(&(b.modified, &b.name)))
        else {
            let (pattern, place) = (&self.config.pattern, self.config.directory.display());
            return Err(Failure::Away(format!(
                "no file of {place} matches {pattern:?}: nothing says what there is"
            )));
        };
        let (still, settle) = (self.still(&found).as_secs(), self.config.settle_seconds);
        if still < settle {
            return Err(Failure::Away(format!(
                "{} was changed {still} s ago and may not be whole: it is read when it has been still for {settle} s",
                found.path.display()
            )));
        }
        let file = self.folder.open(&found)?;
        let (mut records, mut place) = (Vec::new(), Place::default());
        loop {
            let room = (SNAPSHOT_RECORDS_MAX + 1).saturating_sub(records.len());
            let part = match self.form(&found.name) {
                Form::Csv => lines::read(&file, &self.config, lines::End::Last, place, room)?,
                Form::Xlsx => sheet::read(&file, &self.config, place, room)?,
            };
            records.extend(part.records);
            if records.len() > SNAPSHOT_RECORDS_MAX {
                return Err(Failure::Broken(format!(
                    "{} has more than {SNAPSHOT_RECORDS_MAX} rows: part it into registers with patterns of their own",
                    found.path.display()
                )));
            }
            if part.is_end {
                break;
            }
            place = part.place;
        }
        self.folder.check_unchanged(&file, false)?;
        Ok(Read { records, ..Read::default() })
    }

    fn move_done(&self, cursor: &str) -> Result<(), Failure> {
        for (name, entry) in Cursor::read(Some(cursor))?.files {
            if !entry.done {
                continue;
            }
            let Some(found) = self.folder.find(&name)? else { continue };
            let file = self.folder.open(&found)?;
            // Another file of the same name is not done with.
            if entry.resume(&file, false)?.is_some() {
                self.folder.put_away(&file)?;
            }
        }
        Ok(())
    }

    fn form(&self, name: &str) -> Form {
        let name = name.to_ascii_lowercase();
        let by_name = if name.ends_with(".xlsx") || name.ends_with(".xlsm") { Form::Xlsx } else { Form::Csv };
        self.config.form.unwrap_or(by_name)
    }

    /// For how long nothing has changed in a file.
    fn still(&self, found: &Found) -> Duration {
        let micros = (self.clock)().micros().saturating_sub(found.changed.micros());
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }
}

/// What a part of a file gave.
struct Part {
    records: Vec<Record>,
    /// Where it goes on.
    place: Place,
    /// Whether nothing follows.
    is_end: bool,
}

/// Why a row cannot be read; the line it begins in.
#[derive(Debug)]
struct Fault {
    line: u64,
    what: String,
}

impl Fault {
    fn new(line: u64, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }

    /// A fault in what so many lines stand before.
    fn after(self, lines: u64) -> Self {
        Self { line: self.line + lines, ..self }
    }

    fn in_file(self, file: &folder::Opened) -> Failure {
        Failure::Broken(format!("{}, line {}: {}", file.path.display(), self.line, self.what))
    }
}

//! Cuts the torn tail of fjall's journal.
//!
//! fjall cuts an incomplete batch at the journal's end by itself, without a word; [`incomplete_batch`] finds it first, so
//! that it can be told. But when power is lost in the middle of a write, the
//! disk may have the batch's last page and not an earlier one. The batch is then complete and its checksum wrong, which
//! fjall answers by refusing to open. Our writer syncs after each batch before it writes the next, so at most the last
//! batch can be torn, and nobody was told that it was written: it is cut here. A bad batch with another after it is no
//! torn tail but a damaged disk, and is left as it was.
//!
//! Damage to what tells batches apart is worse: fjall takes it for the journal's end, cuts it there, and all that follows
//! is gone without a word. So before it is opened, [`find_damage`] looks for whole batches behind such an end.
//!
//! The layout is that of fjall 3 (`journal/entry.rs`); a test fails if it changes.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
/// Item count and sequence number.
const START_BYTES: usize = 12;
/// Value type, compression, keyspace; then the lengths of the key, the value, and the value on disk.
const ITEM_BYTES: usize = 20;
/// Checksum and four bytes of magic.
const END_BYTES: i64 = 12;
/// Ends a batch.
const MAGIC: [u8; 4] = *b"FJL\x03";
/// Keyspace.
const CLEAR_BYTES: i64 = 8;

/// What was cut off a journal.
#[derive(Debug)]
pub(super) struct Cut {
    pub journal: PathBuf,
    pub batch: LastBatch,
    tail: Vec<u8>,
}

/// The last batch of a journal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LastBatch {
    /// Where it begins.
    pub position: u64,
    /// How many records it holds, as its beginning says.
    pub records: u64,
    /// Whether its end is there.
    is_complete: bool,
}

impl Cut {
    /// Puts the batch back: the store could not be opened without it either, so it is not what was wrong.
    pub(super) fn undo(&self) -> std::io::Result<()> {
        let file = OpenOptions::new().write(true).open(&self.journal)?;
        file.write_all_at(&self.tail, self.batch.position)?;
        file.sync_all()
    }
}

/// Cuts the last batch off the newest journal of a store; `None` when there is no batch to cut.
pub(super) fn cut_last_batch(directory: &Path) -> std::io::Result<Option<Cut>> {
    let Some(journal) = newest_journal(directory)? else { return Ok(None) };
    let Some(batch) = last_batch(&journal)? else { return Ok(None) };
    let position = batch.position;
    let mut file = OpenOptions::new().read(true).write(true).open(&journal)?;
    file.seek(SeekFrom::Start(position))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    // fjall makes a journal longer than it is, in advance.
    tail.truncate(tail.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    file.set_len(position)?;
    file.sync_all()?;
    Ok(Some(Cut { journal, batch, tail }))
}

/// The last batch of the newest journal of a store, when its end is missing. None when there is no store yet.
pub(super) fn incomplete_batch(directory: &Path) -> std::io::Result<Option<(PathBuf, LastBatch)>> {
    if !directory.exists() {
        return Ok(None);
    }
    let Some(journal) = newest_journal(directory)? else { return Ok(None) };
    let batch = last_batch(&journal)?.filter(|batch| !batch.is_complete);
    Ok(batch.map(|batch| (journal, batch)))
}

fn newest_journal(directory: &Path) -> std::io::Result<Option<PathBuf>> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let (true, Some(number)) = (is_journal, number)
            && newest.as_ref().is_none_or(|(newest, _)| number > *newest)
        {
            newest = Some((number, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// Where a journal stops making sense although there is more of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub journal: PathBuf,
    pub position: u64,
}

/// Finds damage before the last batch. No batch is written before the one before it is synced, so a whole batch behind a
/// broken one cannot come from power loss. Neither can anything behind a broken batch of a journal that is not the newest:
/// it was synced before the next was begun.
pub(super) fn find_damage(directory: &Path) -> std::io::Result<Option<Damage>> {
    let mut journals: Vec<PathBuf> = match std::fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    journals.retain(|path| path.extension().is_some_and(|extension| extension == "jnl"));
    journals.sort();
    let newest = newest_journal(directory)?;
    for journal in journals {
        let position = whole_batches(&journal)?;
        let mut file = File::open(&journal)?;
        file.seek(SeekFrom::Start(position))?;
        let mut rest = Vec::new();
        file.read_to_end(&mut rest)?;
        rest.truncate(rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
        let is_last = Some(&journal) == newest.as_ref();
        let is_torn_tail = is_last && !(1..rest.len()).any(|at| batch(&mut &rest[at..]).is_some());
        if !rest.is_empty() && !is_torn_tail {
            return Ok(Some(Damage { journal, position }));
        }
    }
    Ok(None)
}

/// Where the batches end that have all their parts, one after the other from the start. Checksums are left to fjall.
fn whole_batches(journal: &Path) -> std::io::Result<u64> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(journal)?);
    let length = reader.get_ref().metadata()?.len();
    let mut position = 0;
    while let Some(bytes) = batch(&mut Skipping { reader: &mut reader, left: length - position }) {
        position += bytes;
    }
    Ok(position)
}

/// Bytes that can be passed over without reading them.
trait Pass: Read {
    fn pass(&mut self, bytes: u64) -> Option<()>;
}

struct Skipping<'r> {
    reader: &'r mut BufReader<File>,
    left: u64,
}

impl Read for Skipping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.reader.read(buffer)?;
        self.left = self.left.saturating_sub(bytes as u64);
        Ok(bytes)
    }
}

impl Pass for Skipping<'_> {
    fn pass(&mut self, bytes: u64) -> Option<()> {
        self.left = self.left.checked_sub(bytes)?;
        self.reader.seek_relative(i64::try_from(bytes).ok()?).ok()
    }
}

impl Pass for &[u8] {
    fn pass(&mut self, bytes: u64) -> Option<()> {
        *self = self.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }
}

/// Reads one batch with all its parts and answers with its length.
fn batch(from: &mut impl Pass) -> Option<u64> {
    let mut start = [0; 1 + START_BYTES];
    from.read_exact(&mut start).ok().filter(|()| start[0] == START)?;
    let mut bytes = start.len() as u64;
    for _ in 0..u32::from_le_bytes([start[1], start[2], start[3], start[4]]) {
        let mut tag = [0];
        from.read_exact(&mut tag).ok()?;
        let length = match tag[0] {
            ITEM => {
                let mut item = [0; ITEM_BYTES];
                from.read_exact(&mut item).ok()?;
                let key = u64::from(u16::from_le_bytes([item[10], item[11]]));
                let value = u64::from(u32::from_le_bytes([item[16], item[17], item[18], item[19]]));
                from.pass(key + value)?;
                ITEM_BYTES as u64 + key + value
            }
            CLEAR => {
                from.pass(CLEAR_BYTES as u64)?;
                CLEAR_BYTES as u64
            }
            _ => return None,
        };
        bytes += 1 + length;
    }
    let mut end = [0; 1 + END_BYTES as usize];
    from.read_exact(&mut end).ok().filter(|()| end[0] == END && end[9..] == MAGIC)?;
    Some(bytes + end.len() as u64)
}

/// The last batch, complete or not.
fn last_batch(journal: &Path) -> std::io::Result<Option<LastBatch>> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(journal)?);
    let length = reader.get_ref().metadata()?.len();
    let mut last: Option<LastBatch> = None;
    let mut position = 0;
    while position < length {
        let mut tag = [0];
        reader.read_exact(&mut tag)?;
        let skip = match tag[0] {
            START => {
                let mut start = [0; START_BYTES];
                // Of a beginning that is itself cut short nobody knows how much was to follow: at least one record.
                let is_read = reader.read_exact(&mut start).is_ok();
                let records = u32::from_le_bytes([start[0], start[1], start[2], start[3]]);
                let records = if is_read { u64::from(records) } else { 1 };
                last = Some(LastBatch { position, records, is_complete: false });
                if !is_read {
                    break;
                }
                0
            }
            ITEM => {
                let mut item = [0; ITEM_BYTES];
                if reader.read_exact(&mut item).is_err() {
                    break;
                }
                let key = i64::from(u16::from_le_bytes([item[10], item[11]]));
                key + i64::from(u32::from_le_bytes([item[16], item[17], item[18], item[19]]))
            }
            END => {
                // An end that is itself cut short is none.
                if let Some(batch) = last.as_mut() {
                    batch.is_complete = position + 1 + END_BYTES.unsigned_abs() <= length;
                }
                END_BYTES
            }
            CLEAR => CLEAR_BYTES,
            // What the file was made larger by in advance.
            _ => break,
        };
        reader.seek_relative(skip)?;
        position = reader.stream_position()?;
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fjall::{Database, KeyspaceCreateOptions, PersistMode};

    const BATCHES: u64 = 5;
    const VALUE_BYTES: usize = 30_000;

    /// A store with batches in its journal, as it lies on the disk after a crash.
    fn crashed(directory: &Path) -> PathBuf {
        let (live, copy) = (directory.join("live"), directory.join("copy"));
        let database = Database::builder(&live).open().unwrap();
        let keyspace = database.keyspace("k", KeyspaceCreateOptions::default).unwrap();
        for number in 0..BATCHES {
            let mut batch = database.batch().durability(Some(PersistMode::SyncData));
            batch.insert(&keyspace, number.to_be_bytes(), noise());
            batch.commit().unwrap();
        }
        assert!(std::process::Command::new("cp").arg("-r").arg(&live).arg(&copy).status().unwrap().success());
        copy
    }

    /// Bytes that the journal's compression makes no smaller.
    fn noise() -> Vec<u8> {
        let mut state = 1u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8 | 1
        };
        std::iter::repeat_with(next).take(VALUE_BYTES).collect()
    }

    fn damage(directory: &Path, before_end: usize) {
        let journal = newest_journal(directory).unwrap().unwrap();
        let mut bytes = std::fs::read(&journal).unwrap();
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        bytes[end - before_end - 4096..end - before_end].fill(0);
        std::fs::write(&journal, bytes).unwrap();
    }

    fn keys(directory: &Path) -> Result<usize, fjall::Error> {
        let database = Database::builder(directory).open()?;
        database.keyspace("k", KeyspaceCreateOptions::default)?.len()
    }

    #[test]
    fn a_last_batch_with_a_lost_page_is_cut_and_the_others_stay() {
        let directory = tempfile::tempdir().unwrap();
        let store = crashed(directory.path());
        damage(&store, 5000);
        assert!(
            matches!(keys(&store), Err(fjall::Error::JournalRecovery(_))),
            "fjall cuts it itself: drop this file"
        );
        assert!(cut_last_batch(&store).unwrap().is_some());
        assert_eq!(keys(&store).unwrap(), BATCHES as usize - 1);
    }

    #[test]
    fn a_batch_without_its_end_is_seen_before_the_store_cuts_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = crashed(directory.path());
        assert_eq!(incomplete_batch(&store).unwrap(), None);
        let journal = newest_journal(&store).unwrap().unwrap();
        let whole = last_batch(&journal).unwrap().unwrap();
        let file = OpenOptions::new().write(true).open(&journal).unwrap();
        for length in [whole.position + 20_000, whole.position + 5, whole.position + 1] {
            file.set_len(length).unwrap();
            let (_, batch) = incomplete_batch(&store).unwrap().unwrap();
            let want = LastBatch { position: whole.position, records: 1, is_complete: false };
            assert_eq!(batch, want, "{length}");
        }
        assert_eq!(keys(&store).unwrap(), BATCHES as usize - 1);
        assert_eq!(incomplete_batch(&store).unwrap(), None);
    }

    #[test]
    fn damage_that_fjall_would_take_for_the_end_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let store = crashed(directory.path());
        assert_eq!(find_damage(&store).unwrap(), None);
        let journal = newest_journal(&store).unwrap().unwrap();
        let mut bytes = std::fs::read(&journal).unwrap();
        let second = whole_batch_at(&bytes, 1);
        bytes[second] = 9;
        std::fs::write(&journal, &bytes).unwrap();
        assert_eq!(find_damage(&store).unwrap(), Some(Damage { journal, position: second as u64 }));
        assert_eq!(keys(&store).unwrap(), 1, "fjall finds it itself: drop find_damage");
    }

    #[test]
    fn a_torn_tail_is_no_damage() {
        let directory = tempfile::tempdir().unwrap();
        let store = crashed(directory.path());
        let journal = newest_journal(&store).unwrap().unwrap();
        let whole = std::fs::read(&journal).unwrap();
        let last = whole_batch_at(&whole, BATCHES as usize - 1);
        for (from, to) in [(last, last + 1), (last, last + 5000), (last + 20, last + 4096)] {
            let mut bytes = whole.clone();
            bytes[from..to].fill(0);
            std::fs::write(&journal, &bytes).unwrap();
            assert_eq!(find_damage(&store).unwrap(), None, "{from}..{to}");
        }
        // But in a journal with another after it, it is.
        std::fs::write(store.join("7.jnl"), []).unwrap();
        assert!(find_damage(&store).unwrap().is_some());
    }

    fn whole_batch_at(bytes: &[u8], number: usize) -> usize {
        (0..number).fold(0, |at, _| at + batch(&mut &bytes[at..]).unwrap() as usize)
    }

    #[test]
    fn a_damaged_batch_with_others_after_it_stays_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let store = crashed(directory.path());
        damage(&store, VALUE_BYTES + VALUE_BYTES / 2);
        let cut = cut_last_batch(&store).unwrap().unwrap();
        assert!(matches!(keys(&store), Err(fjall::Error::JournalRecovery(_))));
        cut.undo().unwrap();
        assert_eq!(cut_last_batch(&store).unwrap().unwrap().tail, cut.tail);
    }
}

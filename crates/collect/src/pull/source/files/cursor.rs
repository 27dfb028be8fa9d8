//! How far each file has been read, and how to know that it is still the same file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::folder::Opened;
use super::{Failure, Part};

/// How many bytes of the beginning, and before the place that was reached, tell a file that grows from others. A heading of
/// many columns is shorter, so that rows are among them.
const MARK_BYTES: usize = 4096;

/// How far the files of a folder have been read. Files that are gone are not in it.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cursor {
    pub(super) files: BTreeMap<String, Entry>,
}

/// How far a file has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// The bytes (in XLSX: rows) that have been read.
    at: u64,
    /// The line feeds in them.
    lines: u64,
    /// How many bytes a file has that does not grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    /// The hash of the bytes that tell it from others.
    mark: String,
    /// Whether it was read to its end and can be put away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) done: bool,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The bytes (in XLSX: rows) before it.
    pub(super) at: u64,
    /// The line feeds before it.
    pub(super) lines: u64,
    /// Whether it is the end of a file that does not grow.
    pub(super) done: bool,
}

impl Cursor {
    pub(super) fn read(text: Option<&str>) -> Result<Self, Failure> {
        let Some(text) = text else { return Ok(Self::default()) };
        serde_json::from_str(text).map_err(|error| {
            Failure::Refused(format!("the place that files were read to cannot be understood: {error}"))
        })
    }

    pub(super) fn write(&self) -> String {
        match serde_json::to_string(self) {
            Ok(text) => text,
            Err(_) => unreachable!("texts and numbers can always be written as JSON"),
        }
    }
}

impl Entry {
    /// How far a file was read, after a part of it. None while nothing was.
    pub(super) fn of(file: &Opened, part: &Part, is_growing: bool) -> Result<Option<Self>, Failure> {
        let Place { at, lines, .. } = part.place;
        if at == 0 && is_growing {
            return Ok(None);
        }
        Ok(Some(Self {
            at,
            lines,
            length: (!is_growing).then_some(file.length),
            mark: mark(file, at, is_growing)?,
            done: part.is_end && !is_growing,
        }))
    }

    /// Where reading goes on; None when the file is not the one that was read, and is read from its beginning.
    pub(super) fn resume(&self, file: &Opened, is_growing: bool) -> Result<Option<Place>, Failure> {
        let has_length = if is_growing { file.length >= self.at } else { self.length == Some(file.length) };
        if !has_length || mark(file, self.at, is_growing)? != self.mark {
            return Ok(None);
        }
        Ok(Some(Place { at: self.at, lines: self.lines, done: self.done }))
    }
}

/// The hash of a file that does not grow: a correction may be anywhere in it. Of one that grows, that of what stands at the
/// beginning of what was read and at its end.
fn mark(file: &Opened, at: u64, is_growing: bool) -> Result<String, Failure> {
    if !is_growing {
        return Ok(file.hash()?.to_owned());
    }
    let mut hasher = blake3::Hasher::new();
    let length = usize::try_from(at).unwrap_or(usize::MAX).min(MARK_BYTES);
    hasher.update(&file.bytes(0, length)?);
    hasher.update(&file.bytes(at.saturating_sub(MARK_BYTES as u64), length)?);
    Ok(hasher.finalize().to_hex()[..32].to_owned())
}

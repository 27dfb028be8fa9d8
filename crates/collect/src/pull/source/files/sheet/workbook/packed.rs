//! What a workbook unpacks to, looked at before anything of it is kept: its reader trusts what the file says of itself, and a
//! small file can say much.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Cursor, Read, copy, sink};

use quick_xml::Reader;
use quick_xml::events::Event;
use zip::ZipArchive;

/// The most bytes that a workbook unpacks to: a sheet of 5,000,000 cells, of 50 bytes each.
const ALL_BYTES_MAX: u64 = 256 << 20;
/// The most bytes of the list of texts.
const TEXTS_BYTES_MAX: u64 = 64 << 20;
/// The most bytes of the styles, which take many times more room in memory: all that Excel lets a workbook have.
const STYLES_BYTES_MAX: u64 = 16 << 20;
/// A text of the list takes so many bytes at least: `<si/>`.
const TEXT_BYTES_MIN: u64 = 5;

/// Unpacks a workbook and keeps nothing of it.
///
/// # Errors
/// What is no workbook, or more of one than is read here, in words.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    let mut all = 0;
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(unreadable)?;
        let name = part.name().map_err(unreadable)?.to_lowercase();
        let is_texts = name.ends_with("sharedstrings.xml");
        let own = match () {
            () if is_texts => TEXTS_BYTES_MAX,
            () if name.ends_with("styles.xml") => STYLES_BYTES_MAX,
            () => ALL_BYTES_MAX,
        };
        let max = own.min(ALL_BYTES_MAX - all);
        let length = copy(&mut part.by_ref().take(max + 1), &mut sink()).map_err(unreadable)?;
        if length > max {
            return Err(format!("its part {name} unpacks to more than {max} bytes: save it as CSV"));
        }
        all += length;
        drop(part);
        if is_texts {
            let part = archive.by_index(index).map_err(unreadable)?;
            check_count(BufReader::new(part), length)?;
        }
    }
    Ok(())
}

/// Checks how many texts a list says that it has (ECMA-376-1 §18.4.9, `uniqueCount`): the reader makes room for so many.
fn check_count(list: impl BufRead, length: u64) -> Result<(), String> {
    let mut reader = Reader::from_reader(list);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(unreadable)?;
        if matches!(event, Event::Eof) {
            return Ok(());
        }
        let (Event::Start(list) | Event::Empty(list)) = event else { continue };
        if list.local_name().as_ref() != "sst" {
            continue;
        }
        let Some(count) = list.try_get_attribute("uniqueCount").map_err(unreadable)? else { return Ok(()) };
        let count = count.value;
        if count.parse().is_ok_and(|count: u64| count <= length / TEXT_BYTES_MIN) {
            return Ok(());
        }
        return Err(format!("it says that it has {count:?} texts, in {length} bytes: it is damaged"));
    }
}

fn unreadable(error: impl Display) -> String {
    format!("it cannot be read as XLSX: {error}")
}

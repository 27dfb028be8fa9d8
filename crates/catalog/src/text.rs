//! Bytes → text: UTF-8, or Windows-1252 as Swedish Excel saves CSV.

use encoding_rs::WINDOWS_1252;

/// Bytes that are no text; the line of the first that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Undecodable {
    pub(crate) line: u32,
}

/// The text without a byte order mark and with `\n` as the line end. Only CSV may be Windows-1252: TOML is UTF-8.
pub(crate) fn decode(path: &str, bytes: &[u8]) -> Result<String, Undecodable> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let undecodable = |at: usize| Undecodable { line: line_of(bytes, at) };
    // Excel's "Unicode text" is UTF-16, which always has zero bytes here.
    if let Some(at) = bytes.iter().position(|b| *b == 0) {
        return Err(undecodable(at));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) if path.ends_with(".csv") => {
            // These five bytes mean nothing in Windows-1252.
            if let Some(at) = bytes.iter().position(|b| [0x81, 0x8D, 0x8F, 0x90, 0x9D].contains(b)) {
                return Err(undecodable(at));
            }
            WINDOWS_1252.decode_without_bom_handling(bytes).0
        }
        Err(error) => return Err(undecodable(error.valid_up_to())),
    };
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

fn line_of(bytes: &[u8], at: usize) -> u32 {
    let breaks = bytes.iter().take(at).filter(|b| **b == b'\n').count();
    u32::try_from(breaks).unwrap_or(u32::MAX).saturating_add(1)
}

/// The line of a byte offset in decoded text, from 1.
pub(crate) fn line_at(text: &str, offset: usize) -> u32 {
    line_of(text.as_bytes(), offset)
}

/// Lines where UTF-8 was once read as Windows-1252 (`Ã¶` for `ö`), or where a letter was lost.
pub(crate) fn garbled_lines(text: &str) -> impl Iterator<Item = (u32, String)> {
    let garbled = |line: &str| {
        line.contains('\u{FFFD}')
            || ["Ã¥", "Ã¤", "Ã¶", "Ã…", "Ã„", "Ã–", "Ã©"].iter().any(|m| line.contains(m))
    };
    (1..).zip(text.lines()).filter(move |(_, line)| garbled(line)).map(|(at, line)| (at, line.to_owned()))
}

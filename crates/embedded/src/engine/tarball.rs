//! Takes one member out of a tar archive: all that an npm package needs.

use std::io::{self, Read, Write};

/// A tar archive is a row of blocks of this size.
const BLOCK_BYTES: usize = 512;

/// Copies `member` from the archive to `output`, without holding it in memory, and tells whether it
/// was there. `written` hears the bytes copied so far.
pub(super) fn copy_member(
    mut archive: impl Read,
    member: &str,
    output: &mut impl Write,
    mut written: impl FnMut(u64),
) -> io::Result<bool> {
    let mut header = [0_u8; BLOCK_BYTES];
    loop {
        archive.read_exact(&mut header)?;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(false);
        }
        let name = text(&header[..100]);
        let bytes = octal(&header[124..136])?;
        if name == member.as_bytes() {
            let mut buffer = vec![0_u8; 1 << 18];
            let mut done = 0;
            while done < bytes {
                let wanted = usize::try_from(bytes - done).unwrap_or(usize::MAX).min(buffer.len());
                archive.read_exact(&mut buffer[..wanted])?;
                output.write_all(&buffer[..wanted])?;
                done += wanted as u64;
                written(done);
            }
            return Ok(true);
        }
        let padded = bytes.div_ceil(BLOCK_BYTES as u64) * BLOCK_BYTES as u64;
        let skipped = io::copy(&mut archive.by_ref().take(padded), &mut io::sink())?;
        if skipped != padded {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    &field[..end]
}

fn octal(field: &[u8]) -> io::Result<u64> {
    let digits = str::from_utf8(text(field)).unwrap_or_default().trim();
    u64::from_str_radix(digits, 8)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not a tar archive"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = Vec::new();
        for (name, content) in members {
            let mut header = [0_u8; BLOCK_BYTES];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
            archive.extend_from_slice(&header);
            archive.extend_from_slice(content);
            archive.resize(archive.len().next_multiple_of(BLOCK_BYTES), 0);
        }
        archive.resize(archive.len() + 2 * BLOCK_BYTES, 0);
        archive
    }

    #[test]
    fn a_member_is_copied_whole_and_others_are_skipped() {
        let large = vec![7_u8; 1_000];
        let archive =
            archive(&[("package/other", &[1; 513]), ("package/library", &large), ("package/last", b"x")]);
        let mut output = Vec::new();
        assert!(copy_member(&archive[..], "package/library", &mut output, |_| {}).expect("a good archive"));
        assert_eq!(output, large);
        assert!(
            !copy_member(&archive[..], "package/absent", &mut Vec::new(), |_| {}).expect("a good archive")
        );
    }

    #[test]
    fn an_archive_cut_short_is_an_error() {
        let archive = archive(&[("package/library", &[7; 5_000])]);
        assert!(copy_member(&archive[..2_000], "package/library", &mut Vec::new(), |_| {}).is_err());
    }
}

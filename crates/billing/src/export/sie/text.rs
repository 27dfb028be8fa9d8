//! Text of a SIE file: code page 437 between quotation marks (SIE 4B §5).

use oem_cp::code_table::ENCODING_TABLE_CP437;

/// A field, always between quotation marks. What code page 437 has not becomes what is nearest to it, control characters
/// become spaces, and `"` and `\` become `'` and `/`: importers read them differently (domain §2.1).
pub(super) fn field(text: &str) -> Vec<u8> {
    let mut bytes = vec![b'"'];
    for character in text.chars() {
        match character {
            '"' => bytes.push(b'\''),
            '\\' => bytes.push(b'/'),
            control if control.is_control() => bytes.push(b' '),
            ascii if ascii.is_ascii() => bytes.push(u8::try_from(ascii).unwrap_or(b'?')),
            other => match ENCODING_TABLE_CP437.get(&other) {
                Some(byte) => bytes.push(*byte),
                None => bytes.extend(nearest(other)),
            },
        }
    }
    bytes.push(b'"');
    bytes
}

/// What a character is nearest to in ASCII; `?` where nothing is.
fn nearest(character: char) -> impl Iterator<Item = u8> {
    let near = deunicode::deunicode_char(character).unwrap_or("?");
    near.bytes().map(|byte| match byte {
        b'"' => b'\'',
        b'\\' => b'/',
        0x20..=0x7e => byte,
        _ => b'?',
    })
}

/// A field of at most so many characters as they stand in the file.
pub(super) fn shortened(text: &str, most: usize) -> Vec<u8> {
    let whole = field(text);
    let inside = &whole[1..whole.len() - 1];
    let cut = inside[..inside.len().min(most)].trim_ascii_end();
    [b"\"", cut, b"\""].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn swedish_letters_have_their_bytes_and_what_is_not_there_becomes_what_is_near() {
        assert_eq!(field("åäöÅÄÖé"), b"\"\x86\x84\x94\x8f\x8e\x99\x82\"");
        // Not in code page 437: dash, Ø, ł, curly quotation marks, a letter of another script.
        assert_eq!(field("a – Øł ”b” Ж"), b"\"a - Ol 'b' Zh\"");
        assert_eq!(field("a\"b\\c\td\r\n"), b"\"a'b/c d  \"");
        assert_eq!(field("0441001"), b"\"0441001\"");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(shortened("åäö öå", 4), field("åäö"));
        assert_eq!(shortened("åäö", 4), field("åäö"));
        // Two characters in the file for one of the text.
        assert_eq!(shortened("aaaЖ", 4), field("aaaZ"));
    }

    proptest! {
        #[test]
        fn a_field_has_no_control_character_and_ends_where_it_ends(text in "\\PC{0,40}|[\\x00-\\x7f]{0,40}") {
            let bytes = field(&text);
            let (first, inside, last) = (bytes[0], &bytes[1..bytes.len() - 1], bytes[bytes.len() - 1]);
            prop_assert_eq!((first, last), (b'"', b'"'));
            let forbidden = |byte: &u8| *byte < 0x20 || *byte == 0x7f || matches!(byte, b'"' | b'\\');
            prop_assert!(!inside.iter().any(forbidden), "{inside:?}");
        }
    }
}

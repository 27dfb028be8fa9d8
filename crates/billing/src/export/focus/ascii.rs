//! Names in ASCII, as the texts of FOCUS must be: å → a, é → e. The names as they are stand in the `x_` columns.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with each letter that ASCII lacks written with those that it has. What is no Latin letter and no common sign
/// becomes its code point, `U+4E2D`, so that nothing is lost unseen.
pub(super) fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            letter if letter.is_ascii() => written.push(letter),
            // Marks that stand on the letter before them: a decomposed å is an a with a ring.
            '\u{300}'..='\u{36f}' => {}
            other => match plain(other) {
                Some(plain) => written.push_str(plain),
                None => {
                    let _ = write!(written, "U+{:04X}", u32::from(other));
                }
            },
        }
    }
    Cow::Owned(written)
}

/// Letters of Latin-1 and Latin Extended-A, and the signs that names are typed with.
const fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'À' | 'Á' | 'Â' | 'Ã' | 'Ä' | 'Å' | 'Ā' | 'Ă' | 'Ą' => "A",
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' | 'ª' => "a",
        'Ç' | 'Ć' | 'Ĉ' | 'Ċ' | 'Č' => "C",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'Ð' | 'Ď' | 'Đ' => "D",
        'ð' | 'ď' | 'đ' => "d",
        'È' | 'É' | 'Ê' | 'Ë' | 'Ē' | 'Ĕ' | 'Ė' | 'Ę' | 'Ě' => "E",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'Ĝ' | 'Ğ' | 'Ġ' | 'Ģ' => "G",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'Ĥ' | 'Ħ' => "H",
        'ĥ' | 'ħ' => "h",
        'Ì' | 'Í' | 'Î' | 'Ï' | 'Ĩ' | 'Ī' | 'Ĭ' | 'Į' | 'İ' => "I",
        'ì' | 'í' | 'î' | 'ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'Ĳ' => "IJ",
        'ĳ' => "ij",
        'Ĵ' => "J",
        'ĵ' => "j",
        'Ķ' => "K",
        'ķ' | 'ĸ' => "k",
        'Ĺ' | 'Ļ' | 'Ľ' | 'Ŀ' | 'Ł' => "L",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'Ñ' | 'Ń' | 'Ņ' | 'Ň' | 'Ŋ' => "N",
        'ñ' | 'ń' | 'ņ' | 'ň' | 'ŋ' => "n",
        'ŉ' => "'n",
        'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ö' | 'Ø' | 'Ō' | 'Ŏ' | 'Ő' => "O",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'º' => "o",
        'Ŕ' | 'Ŗ' | 'Ř' => "R",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'Ś' | 'Ŝ' | 'Ş' | 'Š' => "S",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ſ' => "s",
        'ß' => "ss",
        'Ţ' | 'Ť' | 'Ŧ' => "T",
        'ţ' | 'ť' | 'ŧ' => "t",
        'Ù' | 'Ú' | 'Û' | 'Ü' | 'Ũ' | 'Ū' | 'Ŭ' | 'Ů' | 'Ű' | 'Ų' => "U",
        'ù' | 'ú' | 'û' | 'ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'Ŵ' => "W",
        'ŵ' => "w",
        'Ý' | 'Ŷ' | 'Ÿ' => "Y",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'Ź' | 'Ż' | 'Ž' => "Z",
        'ź' | 'ż' | 'ž' => "z",
        'Æ' => "AE",
        'æ' => "ae",
        'Œ' => "OE",
        'œ' => "oe",
        'Þ' => "TH",
        'þ' => "th",
        '\u{a0}' | '\u{202f}' => " ",
        '‐' | '‑' | '–' | '—' | '−' => "-",
        '‘' | '’' | '´' => "'",
        '“' | '”' | '„' | '«' | '»' => "\"",
        '…' => "...",
        '×' => "x",
        '§' => "section ",
        '€' => "EUR",
        '·' | '•' => "*",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_letter_becomes_the_nearest_ones_and_nothing_is_lost_unseen() {
        for (name, written) in [
            ("Åsö gård – Ängsvägen", "Aso gard - Angsvagen"),
            ("Café “Ærø”, straße", "Cafe \"AEro\", strasse"),
            ("a\u{30a}", "a"),
            ("中 å", "U+4E2D a"),
            ("=plain", "=plain"),
            ("", ""),
        ] {
            assert_eq!(ascii(name), written);
        }
    }

    proptest! {
        #[test]
        fn whatever_the_text_it_is_ascii_and_ascii_stays_as_it_is(text in any::<String>(), plain in "[ -~]{0,20}") {
            prop_assert!(ascii(&text).is_ascii());
            prop_assert_eq!(ascii(&plain), plain.as_str());
        }
    }
}

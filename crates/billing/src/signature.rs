//! Who decides, as he signs it.

use serde::{Deserialize, Serialize};

/// A role or a signature, such as `ekonom 2`: 1 to 60 printable characters without spaces around them. It is what the
/// caller says; who may decide at all is a matter of access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signature(String);

/// The longest signature, in characters: a role and a name fit, an explanation does not.
const CHARACTERS_MAX: usize = 60;

/// Text that is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a signature is 1 to {CHARACTERS_MAX} printable characters")]
pub struct InvalidSignature;

impl Signature {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a stored signature is this one's. Letters' case does not make another person.
    pub fn is_of(&self, other: &str) -> bool {
        self.0.to_lowercase() == other.to_lowercase()
    }
}

impl TryFrom<String> for Signature {
    type Error = InvalidSignature;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let trimmed = text.trim_matches(' ');
        let count = trimmed.chars().count();
        let is_right = (1..=CHARACTERS_MAX).contains(&count) && trimmed.chars().all(is_printable);
        is_right.then(|| Self(trimmed.to_owned())).ok_or(InvalidSignature)
    }
}

impl From<Signature> for String {
    fn from(signature: Signature) -> Self {
        signature.0
    }
}

/// Whether a character shows: two signatures that look the same must be the same.
fn is_printable(c: char) -> bool {
    let is_unseen = c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !is_unseen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        Signature::try_from(text.to_owned()).ok().map(String::from)
    }

    #[test]
    fn a_signature_is_short_and_printable() {
        assert_eq!(read("  ekonom 2 "), Some("ekonom 2".to_owned()));
        assert_eq!(read(&"å".repeat(60)).map(|text| text.chars().count()), Some(60));
        for wrong in ["", "   ", "a\nb", "a\tb", "a\u{200b}b", "a\u{202e}b", "a\u{a0}b", &"å".repeat(61)] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn case_makes_no_other_person() {
        let signature = Signature::try_from("Ekonom Å".to_owned()).unwrap();
        assert!(signature.is_of("ekonom å"));
        assert!(!signature.is_of("ekonom ä") && !signature.is_of(""));
    }
}

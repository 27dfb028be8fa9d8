//! An event's bytes as people read them: JSON with its lines broken, and nothing else of it changed.

use data_encoding::BASE64;
use serde::de::IgnoredAny;

/// How much of an event is shown, in bytes: with what HTML adds, the page stays below 100 kB.
const SHOWN_BYTES_MAX: usize = 24 * 1024;

/// An event as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) text: String,
    /// Whether it is base64, because it is no text.
    pub(super) is_base64: bool,
    /// Whether there is more of it.
    pub(super) is_cut: bool,
}

impl Shown {
    /// Of an event's bytes.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        let (mut text, is_base64) = match String::from_utf8(bytes) {
            Ok(text) => (indented(text), false),
            Err(error) => (BASE64.encode(error.as_bytes()), true),
        };
        let is_cut = text.len() > SHOWN_BYTES_MAX;
        text.truncate(text.floor_char_boundary(SHOWN_BYTES_MAX));
        Self { text, is_base64, is_cut }
    }
}

/// JSON with a line for each member. Keys keep their order, also those that are there twice, and numbers their digits:
/// that may be what is wrong with it. What is no JSON stays as it is.
fn indented(text: String) -> String {
    if serde_json::from_str::<IgnoredAny>(&text).is_err() {
        return text;
    }
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut characters = text.chars().filter(|c| !c.is_ascii_control()).peekable();
    while let Some(c) = characters.next() {
        // Nothing behind this is shown.
        if out.len() > SHOWN_BYTES_MAX {
            break;
        }
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            ' ' => {}
            '{' | '[' => {
                out.push(c);
                while characters.next_if_eq(&' ').is_some() {}
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_string = c == '"';
                out.push(c);
            }
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_gets_lines_and_keeps_everything_else() {
        let event = "{ \"id\" :\"a{,\\\"}\\\\\",\r\n\t\"n\":1.50, \"id\":[ 1,2,[ ], { } ] ,\"å\":null}";
        let want = "{\n  \"id\": \"a{,\\\"}\\\\\",\n  \"n\": 1.50,\n  \"id\": [\n    1,\n    2,\n    [],\n    {}\n  ],\n  \"å\": null\n}";
        assert_eq!(indented(event.to_owned()), want);
        assert_eq!(indented(want.to_owned()), want);
    }

    #[test]
    fn what_is_no_json_stays_as_it_is() {
        for text in ["{\"a\":1", "a, b: {c}", "", "{} {}"] {
            assert_eq!(indented(text.to_owned()), text);
        }
    }

    #[test]
    fn what_is_no_text_is_base64_and_what_is_long_is_cut() {
        let shown = Shown::of(vec![0xff, 0]);
        assert_eq!(shown, Shown { text: "/wA=".to_owned(), is_base64: true, is_cut: false });
        let long = Shown::of("å".repeat(SHOWN_BYTES_MAX).into_bytes());
        assert!(long.is_cut && !long.is_base64 && long.text.len() <= SHOWN_BYTES_MAX);
        let deep = format!("{}{}1{}", "[".repeat(100), "1,".repeat(20_000), "]".repeat(100));
        assert!(Shown::of(deep.into_bytes()).is_cut);
    }
}

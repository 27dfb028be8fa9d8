//! SQL text → tokens: as much of ClickHouse's lexer as it takes to see where clauses begin.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in backticks or double quotes.
    QuotedName,
    /// A string or a number.
    Literal,
    /// Anything else, one character at a time.
    Mark(u8),
}

/// A piece of the text, and how deep in brackets it is. A bracket is as deep as what surrounds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) depth: u32,
}

impl Token<'_> {
    /// Whether it is this keyword.
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Whether it is one of these keywords.
    pub(super) fn is_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }

    /// Whether it is a name, quoted or not.
    pub(super) fn is_name(&self) -> bool {
        matches!(self.kind, Kind::Word | Kind::QuotedName)
    }
}

/// Yields tokens, skipping space and comments. Lazy: what follows an INSERT's FORMAT clause is data and
/// must not be looked at.
pub(super) struct Tokens<'a> {
    text: &'a str,
    position: usize,
    depth: u32,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, position: 0, depth: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.position..]
    }

    fn skip_space_and_comments(&mut self) {
        loop {
            let rest = self.rest();
            let skipped = match rest {
                [b'-', b'-', ..] | [b'#', b' ' | b'!', ..] => find(rest, b"\n").unwrap_or(rest.len()),
                [b'/', b'*', ..] => find(&rest[2..], b"*/").map_or(rest.len(), |end| end + 4),
                [byte, ..] if byte.is_ascii_whitespace() || *byte == 0x0b => 1,
                _ => return,
            };
            self.position += skipped;
        }
    }

    /// The length of the token that starts here.
    fn measure(&self) -> (Kind, usize) {
        let rest = self.rest();
        match rest[0] {
            b'\'' => (Kind::Literal, quoted_length(rest, b'\'')),
            b'`' => (Kind::QuotedName, quoted_length(rest, b'`')),
            b'"' => (Kind::QuotedName, quoted_length(rest, b'"')),
            b'$' => match heredoc_length(rest) {
                Some(length) => (Kind::Literal, length),
                None => (Kind::Word, word_length(rest)),
            },
            b'0'..=b'9' => (Kind::Literal, word_length(rest)),
            first if is_word_byte(first) => (Kind::Word, word_length(rest)),
            first => (Kind::Mark(first), 1),
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_space_and_comments();
        if self.position >= self.text.len() {
            return None;
        }
        let (kind, length) = self.measure();
        let start = self.position;
        self.position = start + length;
        if matches!(kind, Kind::Mark(b')' | b']' | b'}')) {
            self.depth = self.depth.saturating_sub(1);
        }
        let depth = self.depth;
        if matches!(kind, Kind::Mark(b'(' | b'[' | b'{')) {
            self.depth += 1;
        }
        Some(Token { kind, text: &self.text[start..self.position], start, end: self.position, depth })
    }
}

/// Bytes of words. Those beyond ASCII are in, so that a token never ends within a character.
fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn word_length(text: &[u8]) -> usize {
    text.iter().position(|byte| !is_word_byte(*byte)).unwrap_or(text.len())
}

/// `'…'` with `\` before any character, or the quote doubled.
fn quoted_length(text: &[u8], quote: u8) -> usize {
    let mut index = 1;
    while index < text.len() {
        if text[index] == b'\\' {
            index += 2;
        } else if text[index] == quote {
            if text.get(index + 1) != Some(&quote) {
                return index + 1;
            }
            index += 2;
        } else {
            index += 1;
        }
    }
    text.len()
}

/// `$tag$ … $tag$`.
fn heredoc_length(text: &[u8]) -> Option<usize> {
    let tag = 2 + text[1..].iter().position(|byte| *byte == b'$')?;
    let is_tag = text[1..tag - 1].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let end = find(&text[tag..], &text[..tag])?;
    is_tag.then_some(tag + end + tag)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = Tokens::of(text).map(|token| token.text).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn strings_names_comments_and_heredocs_are_one_piece() {
        check(
            "SELECT 'a;''b\\'c' -- x;\n, `d``e` /* ; */ # f\n1.5",
            &["SELECT", "'a;''b\\'c'", ",", "`d``e`", "1", ".", "5"],
        );
        check("SELECT $x$ ; ' $x$, $1", &["SELECT", "$x$ ; ' $x$", ",", "$1"]);
        check("räksmörgås ≠ 1", &["räksmörgås", "≠", "1"]);
        check("'open", &["'open"]);
        check("/* open", &[]);
        check("'ends in \\", &["'ends in \\"]);
    }

    #[test]
    fn a_bracket_is_as_deep_as_what_surrounds_it() {
        let depths: Vec<u32> = Tokens::of("a ( b [ c ] ) d").map(|token| token.depth).collect();
        assert_eq!(depths, [0, 0, 1, 1, 2, 1, 0, 0]);
    }
}

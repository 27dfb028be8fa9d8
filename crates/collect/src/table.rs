//! Tables as text: what the CSV that people send and the CSV that systems leave in folders have in common. RFC 4180, and what
//! Excel saves in Sweden.

/// What parts the cells: whichever of semicolon, tab and comma the first line has most of.
pub(crate) fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| first.bytes().filter(|byte| byte == delimiter).count();
    // The last of those that are as many.
    *[b',', b'\t', b';'].iter().max_by_key(|delimiter| count(delimiter)).unwrap_or(&b',')
}

/// A number as people and Excel write it: `1 234,50` is 1234.50. What could be read in two ways is left as it is, and refused
/// with the row.
pub(crate) fn number(text: &str, has_decimal_comma: bool) -> String {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}')).collect();
    let digits = digits.replace('\u{2212}', "-");
    if has_decimal_comma && !digits.contains('.') { digits.replacen(',', ".", 1) } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_delimiters_are_those_of_both_dialects() {
        for (text, want) in
            [("1 234,50", "1234.50"), ("1234.5", "1234.5"), ("\u{2212}3", "-3"), ("1.234,5", "1.234,5")]
        {
            assert_eq!(number(text, true), want);
        }
        assert_eq!([number("1,234", true), number("1,234", false)], ["1.234", "1,234"]);
        assert_eq!(
            [delimiter("a;b,c;d"), delimiter("a,b"), delimiter("a\tb"), delimiter("")],
            [b';', b',', b'\t', b';']
        );
    }
}

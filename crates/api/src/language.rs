//! Which language a caller reads: Swedish unless they ask for English.

use axum::http::{HeaderMap, header};

/// The cookie that remembers a choice made with `?lang=`.
pub(crate) const COOKIE: &str = "taxameter_lang";

/// A language that pages and problem titles are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Swedish,
    English,
}

impl Language {
    /// The language tag, as in `lang` attributes and `?lang=`.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Language::Swedish => "sv",
            Language::English => "en",
        }
    }

    /// The language with this tag.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        match tag {
            "sv" => Some(Language::Swedish),
            "en" => Some(Language::English),
            _ => None,
        }
    }

    /// What `Accept-Language` prefers, for answers to programs.
    pub(crate) fn accepted(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        accept.map_or(Language::Swedish, Self::preferred)
    }

    /// What the reader chose before (a cookie), else what `Accept-Language` prefers.
    pub(crate) fn chosen(headers: &HeaderMap) -> Self {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs =
            cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let chosen = pairs.filter(|(name, _)| *name == COOKIE).find_map(|(_, tag)| Self::from_tag(tag));
        chosen.unwrap_or_else(|| Self::accepted(headers))
    }

    /// The known language with the greatest weight (RFC 9110 §12.5.4); Swedish on a tie or when neither is named.
    fn preferred(accept: &str) -> Self {
        let weight = |language: Language| {
            let ranges = accept.split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let tag = parts.next()?.split('-').next()?.to_ascii_lowercase();
                let quality =
                    parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1000), thousandths)?;
                (tag == language.tag()).then_some(quality)
            });
            ranges.max().unwrap_or(0)
        };
        if weight(Language::English) > weight(Language::Swedish) {
            Language::English
        } else {
            Language::Swedish
        }
    }
}

/// Reads a quality value, `0` to `1` with at most three decimals, in thousandths.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value =
        whole.parse::<u32>().ok()?.checked_mul(1000)? + format!("{fraction:0<3}").parse::<u32>().ok()?;
    (value <= 1000).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swedish_is_spoken_unless_english_is_preferred() {
        let cases = [
            ("", Language::Swedish),
            ("de", Language::Swedish),
            ("*", Language::Swedish),
            ("en", Language::English),
            ("en-GB,en;q=0.9", Language::English),
            ("sv-SE,sv;q=0.9,en;q=0.8", Language::Swedish),
            ("sv;q=0.5,en;q=0.75", Language::English),
            ("en;q=0", Language::Swedish),
            ("en;q=2,sv;q=0.1", Language::Swedish),
            ("EN-us", Language::English),
        ];
        for (accept, want) in cases {
            assert_eq!(Language::preferred(accept), want, "{accept}");
        }
    }

    #[test]
    fn a_choice_in_the_cookie_wins_over_the_browser() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, "sv".parse().unwrap());
        headers.insert(header::COOKIE, "other=1; taxameter_lang=en".parse().unwrap());
        assert_eq!(Language::chosen(&headers), Language::English);
        headers.insert(header::COOKIE, "taxameter_lang=xx".parse().unwrap());
        assert_eq!(Language::chosen(&headers), Language::Swedish);
    }
}

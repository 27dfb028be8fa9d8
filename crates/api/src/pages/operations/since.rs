//! How long ago something was, as people say it.

use domain::Instant;

use crate::language::Language;
use crate::numbers::{self, NBSP};
use crate::pages::words as text;

/// From an instant until now, in whole seconds; 0 when it is still to come.
pub(super) fn seconds(from: Instant, now: Instant) -> i64 {
    now.micros().saturating_sub(from.micros()).max(0) / 1_000_000
}

/// A length of time in its greatest unit: `12 s`, `5 min`, `3 h`, `2 dygn`.
pub(super) fn words(language: Language, seconds: i64) -> String {
    let (number, unit) = match seconds {
        ..120 => (seconds, "s"),
        120..7_200 => (seconds / 60, "min"),
        7_200..172_800 => (seconds / 3_600, "h"),
        172_800.. => (seconds / 86_400, text::of(language, "dygn", "days")),
    };
    format!("{}{NBSP}{unit}", numbers::whole(language, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_one_unit() {
        let said = |seconds| words(Language::Swedish, seconds).replace(NBSP, " ");
        let cases = [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h")];
        for (seconds, want) in cases {
            assert_eq!(said(seconds), want);
        }
        assert_eq!(said(172_800), "2 dygn");
        let at = Instant::from_micros;
        assert_eq!((seconds(at(1), at(2_000_001)), seconds(at(9_000_000), at(0))), (2, 0));
    }
}

//! Units as FOCUS writes them (UnitFormat): capitalised, in the plural, no underscores.

use std::borrow::Cow;

/// The unit of a meter; `GB` is `GB`, `h` is `Hours`, `seat_hour` is `Seat-Hours`. One that is not in the closed table of
/// units is written by its code.
pub(super) fn unit(code: &str) -> Cow<'_, str> {
    match code {
        "GB" => Cow::Borrowed("GB"),
        "h" => Cow::Borrowed("Hours"),
        "min" => Cow::Borrowed("Minutes"),
        "seat_hour" => Cow::Borrowed("Seat-Hours"),
        "session_hour" => Cow::Borrowed("Session-Hours"),
        "kmsg" => Cow::Borrowed("1000 Messages"),
        "vcpu" => Cow::Borrowed("vCPUs"),
        other => match catalog::unit(other) {
            Some(known) => Cow::Owned(format!("{}s", capitalised(known.name_en.split(' ')))),
            None => {
                Cow::Owned(capitalised(other.split(|c: char| !c.is_ascii_alphanumeric()).map(|word| {
                    // A word of a unit begins with a letter.
                    word.trim_start_matches(|c: char| c.is_ascii_digit())
                })))
            }
        },
    }
}

fn capitalised<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let capital = |word: &str| format!("{}{}", word[..1].to_ascii_uppercase(), &word[1..]);
    let words: Vec<String> = words.filter(|word| !word.is_empty()).map(capital).collect();
    if words.is_empty() { "Units".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_of_the_table_follows_the_format() {
        for known in catalog::UNITS {
            let written = unit(known.code);
            let name = written.strip_prefix("1000 ").unwrap_or(&written);
            assert!(name.split([' ', '-']).all(|word| word.starts_with(|c: char| c.is_ascii_alphabetic())));
            assert!(
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -".contains(&byte)),
                "{written}"
            );
        }
        let written = ["account", "ap", "queue", "kmsg", "seat_hour", "sida", "m_3", "å", ""].map(unit);
        let wanted = [
            "Accounts",
            "Access Points",
            "Print Queues",
            "1000 Messages",
            "Seat-Hours",
            "Sida",
            "M",
            "Units",
            "Units",
        ];
        assert_eq!(written, wanted);
    }
}

//! Numbers as people read them: Swedish and English digits, amounts and changes. Nothing here is read back by a program.

use chrono_tz::Europe::Stockholm;
use domain::quantity::div_half_away;
use domain::{Instant, Money, Month, Quantity, Rate, UnitPrice};
use rust_decimal::Decimal;

use crate::language::Language;

/// No break: digits of one number, and a number and its unit, stay on one line.
pub(crate) const NBSP: char = '\u{a0}';

/// A real minus sign: as wide as a plus, and never mistaken for a hyphen.
const MINUS: char = '\u{2212}';

/// The unit in which a table or an axis shows amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Kronor,
    Thousands,
    Millions,
}

impl Scale {
    /// The unit in which amounts up to `greatest` have about four digits at most.
    pub(crate) fn fitting(greatest: Money) -> Self {
        match greatest.ore().unsigned_abs() / 100 {
            0..100_000 => Scale::Kronor,
            100_000..10_000_000 => Scale::Thousands,
            10_000_000.. => Scale::Millions,
        }
    }

    /// Its name: `tkr`.
    pub(crate) const fn unit(self, language: Language) -> &'static str {
        match (self, language) {
            (Scale::Kronor, Language::Swedish) => "kr",
            (Scale::Thousands, Language::Swedish) => "tkr",
            (Scale::Millions, Language::Swedish) => "mnkr",
            (Scale::Kronor, Language::English) => "SEK",
            (Scale::Thousands, Language::English) => "kSEK",
            (Scale::Millions, Language::English) => "MSEK",
        }
    }

    /// How many öre one unit of the last shown digit is, and how many decimals are shown.
    const fn step(self) -> (i64, u32) {
        match self {
            Scale::Kronor => (100, 0),
            Scale::Thousands => (100_000, 0),
            Scale::Millions => (1_000_000, 2),
        }
    }
}

/// A whole number with its digits in groups of three.
pub(crate) fn whole(language: Language, value: i64) -> String {
    fixed(language, i128::from(value), 0)
}

/// `value / 10^decimals`, grouped.
pub(crate) fn fixed(language: Language, value: i128, decimals: u32) -> String {
    let unit = 10u128.pow(decimals);
    let (whole, fraction) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    let (group, point) = match language {
        Language::Swedish => (NBSP, ','),
        Language::English => (',', '.'),
    };
    let digits = whole.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    if value < 0 {
        text.push(MINUS);
    }
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(group);
        }
        text.push(digit);
    }
    if decimals > 0 {
        text.push(point);
        text.push_str(&format!("{fraction:0width$}", width = decimals as usize));
    }
    text
}

/// An amount in a scale's unit, without the unit's name.
pub(crate) fn scaled(language: Language, amount: Money, scale: Scale) -> String {
    let (ore, decimals) = scale.step();
    fixed(language, div_half_away(i128::from(amount.ore()), i128::from(ore)), decimals)
}

/// An amount in a scale's unit, with the unit's name.
pub(crate) fn with_unit(language: Language, amount: Money, scale: Scale) -> String {
    let number = scaled(language, amount, scale);
    match language {
        Language::Swedish => format!("{number}{NBSP}{}", scale.unit(language)),
        Language::English => format!("{}{NBSP}{number}", scale.unit(language)),
    }
}

/// An amount in whole kronor: `1 234 567 kr`.
pub(crate) fn kronor(language: Language, amount: Money) -> String {
    with_unit(language, amount, Scale::Kronor)
}

/// An amount in whole kronor that always has its sign.
pub(crate) fn signed(language: Language, amount: Money) -> String {
    let text = kronor(language, amount);
    if amount.ore() > 0 { format!("+{text}") } else { text }
}

/// An amount to the öre: `1 234,50`.
pub(crate) fn exact(language: Language, amount: Money) -> String {
    fixed(language, i128::from(amount.ore()), 2)
}

/// An amount to the öre with its unit: `1 234,50 kr`, `SEK 1,234.50`.
pub(crate) fn exact_kronor(language: Language, amount: Money) -> String {
    in_kronor(language, &exact(language, amount))
}

/// A written number of kronor with its unit, where the language has it.
fn in_kronor(language: Language, number: &str) -> String {
    let unit = Scale::Kronor.unit(language);
    match language {
        Language::Swedish => format!("{number}{NBSP}{unit}"),
        Language::English => format!("{unit}{NBSP}{number}"),
    }
}

/// A part of a whole in per cent, one decimal; of nothing a dash.
pub(crate) fn share(language: Language, part: Money, whole: Money) -> String {
    if whole.ore() == 0 {
        return "–".to_owned();
    }
    let tenths = div_half_away(i128::from(part.ore()) * 1000, i128::from(whole.ore()));
    format!("{}{}", fixed(language, tenths, 1), percent_sign(language))
}

/// A quantity with as many decimals as it has, at most two where it is a hundred or more.
pub(crate) fn quantity(language: Language, quantity: Quantity) -> String {
    let micros = quantity.micros();
    let kept = if micros.unsigned_abs() >= 100_000_000 { 2 } else { 6 };
    let mut value = div_half_away(micros, 10_i128.pow(6 - kept));
    let mut decimals = kept;
    while decimals > 0 && value % 10 == 0 {
        value /= 10;
        decimals -= 1;
    }
    fixed(language, value, decimals)
}

/// A quantity as a sentence has it: rounded to two decimals, or three below one.
pub(crate) fn rounded(quantity: Quantity) -> Quantity {
    let micros = quantity.micros();
    let step = if micros.unsigned_abs() >= 1_000_000 { 10_000 } else { 1_000 };
    Quantity::from_micros(div_half_away(micros, step) * step)
}

/// Hundredths of a unit as whole units, or with a decimal where the axis is that small.
pub(crate) fn hundredths(language: Language, value: i64) -> String {
    match value % 100 {
        0 => whole(language, value / 100),
        _ => fixed(language, i128::from(value), 2),
    }
}

/// Kronor per unit, with two decimals at least.
pub(crate) fn unit_price(language: Language, price: UnitPrice) -> String {
    let kronor = price.kronor().normalize();
    let scale = kronor.scale().max(2);
    let mut scaled = kronor;
    scaled.rescale(scale);
    fixed(language, scaled.mantissa(), scale)
}

/// Kronor per unit with their unit: `0,48 kr`, `SEK 0.48`.
pub(crate) fn price(language: Language, price: UnitPrice) -> String {
    in_kronor(language, &unit_price(language, price))
}

/// A Swedish time to the minute: `2021-03-15 09:30`.
pub(crate) fn instant(at: Instant) -> String {
    at.to_utc().with_timezone(&Stockholm).format("%Y-%m-%d %H:%M").to_string()
}

/// A fraction in per cent, with as many decimals as it has.
pub(crate) fn percent(language: Language, rate: Rate) -> String {
    fraction(language, rate.fraction())
}

/// Any fraction in per cent: a required rate may be below zero, or above one.
pub(crate) fn fraction(language: Language, fraction: Decimal) -> String {
    let percent = (fraction * Decimal::ONE_HUNDRED).normalize();
    format!("{}{}", fixed(language, percent.mantissa(), percent.scale()), percent_sign(language))
}

/// The change from `before` to `after` in per cent, one decimal and always with a sign; none from nothing.
pub(crate) fn change(language: Language, before: Money, after: Money) -> Option<String> {
    if before.ore() <= 0 {
        return None;
    }
    let difference = i128::from(after.ore()) - i128::from(before.ore());
    let tenths = div_half_away(difference * 1000, i128::from(before.ore()));
    let sign = if tenths > 0 { "+" } else { "" };
    Some(format!("{sign}{}{}", fixed(language, tenths, 1), percent_sign(language)))
}

const fn percent_sign(language: Language) -> &'static str {
    match language {
        Language::Swedish => "\u{a0}%",
        Language::English => "%",
    }
}

const SHORT: [[&str; 12]; 2] = [
    ["jan", "feb", "mar", "apr", "maj", "jun", "jul", "aug", "sep", "okt", "nov", "dec"],
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
];
const LONG: [[&str; 12]; 2] = [
    [
        "januari",
        "februari",
        "mars",
        "april",
        "maj",
        "juni",
        "juli",
        "augusti",
        "september",
        "oktober",
        "november",
        "december",
    ],
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
];

/// A month's name in three letters.
pub(crate) fn short_month(language: Language, month: Month) -> &'static str {
    SHORT[language as usize][(month.number() - 1) as usize]
}

/// A month's name.
pub(crate) fn month_name(language: Language, month: Month) -> &'static str {
    LONG[language as usize][(month.number() - 1) as usize]
}

/// A month and its year: `mars 2021`.
pub(crate) fn long_month(language: Language, month: Month) -> String {
    format!("{}{NBSP}{}", month_name(language, month), month.year())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, Swedish};

    #[test]
    fn amounts_are_grouped_with_a_sign_and_a_unit_that_stay_together() {
        let cases = [
            (Swedish, 123_456_789, "1\u{a0}234\u{a0}568\u{a0}kr"),
            (Swedish, -100_050, "\u{2212}1\u{a0}001\u{a0}kr"),
            (Swedish, 49, "0\u{a0}kr"),
            (Swedish, 99_900, "999\u{a0}kr"),
            (English, 123_456_789, "SEK\u{a0}1,234,568"),
        ];
        for (language, ore, want) in cases {
            assert_eq!(kronor(language, Money::from_ore(ore)), want);
        }
    }

    #[test]
    fn each_language_has_one_form_of_amounts_and_prices() {
        let (amount, per_unit) = (Money::from_ore(-123_450), "0.48".parse().unwrap());
        let written = |language| (exact_kronor(language, amount), price(language, per_unit));
        let nbsp = |amount: &str, price: &str| (amount.replace(' ', "\u{a0}"), price.replace(' ', "\u{a0}"));
        assert_eq!(written(Swedish), nbsp("\u{2212}1 234,50 kr", "0,48 kr"));
        assert_eq!(written(English), nbsp("SEK \u{2212}1,234.50", "SEK 0.48"));
    }

    #[test]
    fn a_scale_keeps_about_four_digits() {
        let scaled = |ore| {
            let amount = Money::from_ore(ore);
            with_unit(Swedish, amount, Scale::fitting(amount))
        };
        assert_eq!(scaled(9_999_999), "100\u{a0}000\u{a0}kr");
        assert_eq!(scaled(10_000_000), "100\u{a0}tkr");
        assert_eq!(scaled(1_124_900_000), "11,25\u{a0}mnkr");
        assert_eq!(scaled(-1_124_900_000), "\u{2212}11,25\u{a0}mnkr");
    }

    #[test]
    fn a_change_is_a_signed_percentage_of_something() {
        let change = |before, after| change(Swedish, Money::from_ore(before), Money::from_ore(after));
        assert_eq!(change(1000, 1021).as_deref(), Some("+2,1\u{a0}%"));
        assert_eq!(change(1000, 900).as_deref(), Some("\u{2212}10,0\u{a0}%"));
        assert_eq!(change(1000, 1000).as_deref(), Some("0,0\u{a0}%"));
        assert_eq!(change(0, 5), None);
    }

    #[test]
    fn months_have_names_in_both_languages() {
        let month: Month = "2021-05".parse().unwrap();
        assert_eq!(long_month(Swedish, month), "maj\u{a0}2021");
        assert_eq!(short_month(English, month), "May");
        assert_eq!(month_name(English, month), "May");
    }
}

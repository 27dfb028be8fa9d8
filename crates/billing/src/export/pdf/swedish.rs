//! Numbers, months and instants as Swedish readers write them: groups of three, a decimal comma and a real minus sign.

use chrono::Datelike;
use domain::event::CustomerKind;
use domain::year::Measure;
use domain::{Instant, Money, Month, Quantity, Rate};

use crate::export::words::{SPACE, number};

const MONTHS: [&str; 12] = [
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
];

/// `1 234,50`.
pub(super) fn money(amount: Money) -> String {
    number(&amount.to_string())
}

/// `1 234,50 kr`.
pub(super) fn kronor(amount: Money) -> String {
    format!("{}{SPACE}kr", money(amount))
}

/// `+1 234,50` or `−1 234,50`.
pub(super) fn change(amount: Money) -> String {
    let sign = if amount > Money::ZERO { "+" } else { "" };
    format!("{sign}{}", money(amount))
}

/// A quantity with the decimals that it has.
pub(super) fn quantity(quantity: Quantity) -> String {
    number(&quantity.to_string())
}

/// A count.
pub(super) fn count(count: usize) -> String {
    number(&count.to_string())
}

/// Whole thousands of kronor, for what has no room for öre.
pub(super) fn thousands(amount: Money) -> String {
    let thousand = 100_000;
    number(&domain::quantity::div_half_away(i128::from(amount.ore()), thousand).to_string())
}

/// A fraction in per cent: `3,5 %`.
pub(super) fn percent(rate: Rate) -> String {
    let hundredfold = rate.fraction() * rust_decimal::Decimal::ONE_HUNDRED;
    format!("{}{SPACE}%", number(&hundredfold.normalize().to_string()))
}

/// How great a part is, in per cent with one decimal; none of nothing or less.
pub(super) fn share(part: Money, whole: Money) -> Option<String> {
    let whole = i128::from(whole.ore());
    (whole > 0).then(|| {
        let tenths = domain::quantity::div_half_away(i128::from(part.ore()) * 1000, whole);
        let sign = if tenths < 0 { "-" } else { "" };
        let size = tenths.unsigned_abs();
        format!("{}{SPACE}%", number(&format!("{sign}{}.{}", size / 10, size % 10)))
    })
}

/// `mars 2021`.
pub(super) fn month(month: Month) -> String {
    format!("{} {}", MONTHS[month.number() as usize - 1], month.year())
}

/// `mar`.
pub(super) fn month_short(month: Month) -> String {
    MONTHS[month.number() as usize - 1].chars().take(3).collect()
}

/// `5 april 2021 kl. 08.00 UTC`.
pub(super) fn instant(at: Instant) -> String {
    let utc = at.to_utc();
    let month = MONTHS[utc.month0() as usize];
    format!("{} {month} {} kl. {}", utc.day(), utc.year(), utc.format("%H.%M UTC"))
}

/// What a payer is.
pub(super) const fn kind(kind: CustomerKind) -> &'static str {
    match kind {
        CustomerKind::Forvaltning => "Förvaltning",
        CustomerKind::Bolag => "Bolag",
        CustomerKind::Objekt => "Objekt",
    }
}

/// How a year's volume comes from its months.
pub(super) const fn measure(measure: Measure) -> &'static str {
    match measure {
        Measure::Total => "summa",
        Measure::Mean => "medel",
        Measure::Greatest => "största månad",
        Measure::Last => "sista månad",
        Measure::Distinct => "olika under året",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_groups_of_three_a_comma_and_a_real_minus() {
        let spaced = |text: String| text.replace(SPACE, " ");
        assert_eq!(spaced(money(Money::from_ore(-123_456_750))), "−1 234 567,50");
        assert_eq!(spaced(kronor(Money::from_ore(5))), "0,05 kr");
        assert_eq!(spaced(change(Money::from_ore(100_000))), "+1 000,00");
        assert_eq!(spaced(change(Money::ZERO)), "0,00");
        assert_eq!(spaced(quantity(Quantity::from_micros(1_234_500_000))), "1 234,5");
        assert_eq!(spaced(thousands(Money::from_ore(-150_000))), "−2");
        assert_eq!(spaced(percent("0.034815".parse().unwrap())), "3,4815 %");
        assert_eq!(share(Money::from_ore(-1), Money::from_ore(1_000)).map(spaced).as_deref(), Some("−0,1 %"));
        assert_eq!(share(Money::from_ore(1), Money::ZERO), None);
        assert_eq!(
            instant(Instant::parse_rfc3339("2021-04-05T08:00:00Z").unwrap()),
            "5 april 2021 kl. 08.00 UTC"
        );
        assert_eq!(
            (month("2021-05".parse().unwrap()), month_short("2021-05".parse().unwrap())),
            ("maj 2021".to_owned(), "maj".to_owned())
        );
    }
}

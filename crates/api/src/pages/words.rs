//! Words that more than one page needs.

use std::collections::BTreeSet;

use domain::catalogue::PriceState;
use domain::financing::Phase;
use domain::trend::forecast::Method;
use domain::trend::{BACKTESTS_MIN, Expected, Forecast};
use domain::usage::MeterKind;
use domain::{Money, Month, Quantity};

use crate::language::Language;
use crate::numbers::{self, NBSP};

/// Picks the words of a language.
pub(crate) const fn of<'t>(language: Language, sv: &'t str, en: &'t str) -> &'t str {
    match language {
        Language::Swedish => sv,
        Language::English => en,
    }
}

/// Some names, and how many there are besides: `a, b och 3 till`.
pub(crate) fn some_of(language: Language, names: &BTreeSet<&str>, shown: usize) -> String {
    let listed = names.iter().copied().take(shown).collect::<Vec<_>>().join(", ");
    match (names.len().saturating_sub(shown), language) {
        (0, _) => listed,
        (more, Language::Swedish) => format!("{listed} och {more} till"),
        (more, Language::English) => format!("{listed} and {more} more"),
    }
}

/// A key figure.
pub(crate) struct Card {
    pub(crate) label: String,
    pub(crate) value: String,
    pub(crate) notes: Vec<String>,
}

/// What is expected of a month, in öre.
pub(crate) fn expected_card(language: Language, label: &str, expected: &Expected) -> Card {
    let kronor =
        |ore: i128| numbers::kronor(language, Money::from_ore(i64::try_from(ore).unwrap_or(i64::MAX)));
    let band = expected.band.map(|band| format!("{} – {}", kronor(band.low), kronor(band.high)));
    Card {
        label: format!("{label} {}", numbers::long_month(language, expected.month)),
        value: kronor(expected.mid),
        notes: band.into_iter().collect(),
    }
}

/// A unit's name, in the singular.
pub(crate) fn unit_name(language: Language, code: &str) -> String {
    let unit = catalog::unit(code);
    unit.map_or(code, |unit| of(language, unit.name, unit.name_en)).to_owned()
}

/// A quantity as a sentence has it: `1 200 h`, `1 200 st`.
pub(crate) fn amount(language: Language, quantity: Quantity, unit: &str) -> String {
    let number = numbers::quantity(language, quantity);
    match (unit, language) {
        ("GB" | "h" | "min", _) => format!("{number}{NBSP}{unit}"),
        ("seat_hour" | "session_hour", _) => format!("{number}{NBSP}h"),
        (_, Language::Swedish) => format!("{number}{NBSP}st"),
        (_, Language::English) => number,
    }
}

/// How a meter counts, in a sentence.
pub(crate) const fn kind(language: Language, kind: MeterKind) -> &'static str {
    match kind {
        MeterKind::Sum => of(language, "summan av alla händelser", "the sum of all events"),
        MeterKind::Count => of(language, "antalet händelser", "the number of events"),
        MeterKind::AvgDaily => {
            of(language, "genomsnittet av månadens dagar", "the average of the month's days")
        }
        MeterKind::Unique => of(
            language,
            "olika användare eller föremål under månaden",
            "distinct users or things in the month",
        ),
        MeterKind::Peak => of(language, "månadens högsta värde", "the month's greatest value"),
        MeterKind::Latest => of(language, "värdet vid månadens slut", "the value at the month's end"),
        MeterKind::TimeWeighted => {
            of(language, "genomsnittet över månadens tid", "the average over the month's time")
        }
        MeterKind::Fixed => of(language, "fast enligt avtal", "fixed by agreement"),
    }
}

/// What a service's financing phase is called (R12).
pub(crate) const fn phase(language: Language, phase: Phase) -> &'static str {
    match phase {
        Phase::Establishment => of(language, "etablering", "establishment"),
        Phase::Development => of(language, "utveckling", "development"),
        Phase::InitialMaintenance => of(language, "initialt underhåll", "initial maintenance"),
        Phase::LongTermMaintenance => of(language, "långsiktig förvaltning", "long-term maintenance"),
        Phase::Permanent => of(language, "permanent gemensam", "permanently joint"),
    }
}

/// How far a price row is decided (R19).
pub(crate) const fn price_state(language: Language, state: PriceState) -> &'static str {
    match state {
        PriceState::Draft => of(language, "utkast", "draft"),
        PriceState::Proposed => of(language, "föreslaget", "proposed"),
        PriceState::Decided => of(language, "beslutat", "decided"),
    }
}

/// How a forecast was made, in one sentence.
pub(crate) const fn how(language: Language, method: Method) -> &'static str {
    match method {
        Method::DampedTrend => of(
            language,
            "Prognosen är medianen av de tre senaste månaderna, flyttad längs trenden (Theil–Sen, dämpad): ett helt år finns inte att jämföra med än.",
            "The forecast is the median of the last three months, moved along the trend (Theil–Sen, damped): there is no whole year to compare with yet.",
        ),
        Method::Seasonal => {
            of(language, "Prognosen är samma månad i fjol.", "The forecast is the same month of last year.")
        }
        Method::SeasonalGrowth => of(
            language,
            "Prognosen är samma månad i fjol gånger hur de senaste månaderna har ändrats mot året före.",
            "The forecast is the same month of last year times how the latest months have changed against the year before.",
        ),
        Method::SeasonalTwoYears => of(
            language,
            "Prognosen är medelvärdet av samma månad de två senaste åren, uppräknade med ändringen sedan dess.",
            "The forecast is the mean of the same month of the last two years, each moved by the change since.",
        ),
    }
}

/// How a forecast was made, and how sure it is.
pub(crate) fn method(language: Language, forecast: &Forecast) -> String {
    let how = how(language, forecast.method);
    let band = if forecast.backtests < BACKTESTS_MIN {
        of(
            language,
            "För få månader finns för att säga hur säker den är.",
            "Too few months are known to tell how sure it is.",
        )
    } else {
        of(
            language,
            "Strecken visar var utfallet hade hamnat i fyra fall av fem, prövat på de kända månaderna.",
            "The lines show where the outcome would have been in four cases of five, tried on the known months.",
        )
    };
    format!("{how} {band}")
}

/// That a year has no budget, so nothing to collect: not the same as that it takes nothing.
pub(crate) fn no_budget(language: Language, year: i32) -> String {
    match language {
        Language::Swedish => format!("ingen budget är beslutad för {year}"),
        Language::English => format!("no budget is decided for {year}"),
    }
}

/// Two months beside each other: `augusti 2021 mot juli 2021`.
pub(crate) fn against(language: Language, month: Month, other: Month) -> String {
    format!(
        "{} {} {}",
        numbers::long_month(language, month),
        of(language, "mot", "against"),
        numbers::long_month(language, other)
    )
}

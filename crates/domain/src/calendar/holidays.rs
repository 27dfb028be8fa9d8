//! Swedish public holidays: lag (1989:253) om allmänna helgdagar, and the eves that work as days off.

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// A day off that is no ordinary weekend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holiday {
    /// 1 January.
    NewYearsDay,
    /// 6 January.
    Epiphany,
    /// The Friday before Easter Sunday.
    GoodFriday,
    /// See [`easter`].
    EasterSunday,
    /// The day after Easter Sunday.
    EasterMonday,
    /// 1 May.
    MayDay,
    /// The sixth Thursday after Easter Sunday.
    AscensionDay,
    /// The seventh Sunday after Easter Sunday.
    Pentecost,
    /// The day after Pentecost; until 2004, when 6 June took its place (SFS 2004:1320).
    WhitMonday,
    /// 6 June, from 2005 on.
    NationalDay,
    /// The Friday before Midsummer Day: no public holiday, yet a day off like a Saturday.
    MidsummerEve,
    /// The Saturday from 20 to 26 June.
    MidsummerDay,
    /// The Saturday from 31 October to 6 November.
    AllSaintsDay,
    /// 24 December: no public holiday, yet a day off like a Saturday.
    ChristmasEve,
    /// 25 December.
    ChristmasDay,
    /// 26 December.
    BoxingDay,
    /// 31 December: no public holiday, yet a day off like a Saturday.
    NewYearsEve,
}

impl Holiday {
    /// Its Swedish name, as a sentence has it: `midsommarafton`.
    pub const fn name(self) -> &'static str {
        match self {
            Holiday::NewYearsDay => "nyårsdagen",
            Holiday::Epiphany => "trettondedag jul",
            Holiday::GoodFriday => "långfredagen",
            Holiday::EasterSunday => "påskdagen",
            Holiday::EasterMonday => "annandag påsk",
            Holiday::MayDay => "första maj",
            Holiday::AscensionDay => "Kristi himmelsfärdsdag",
            Holiday::Pentecost => "pingstdagen",
            Holiday::WhitMonday => "annandag pingst",
            Holiday::NationalDay => "nationaldagen",
            Holiday::MidsummerEve => "midsommarafton",
            Holiday::MidsummerDay => "midsommardagen",
            Holiday::AllSaintsDay => "alla helgons dag",
            Holiday::ChristmasEve => "julafton",
            Holiday::ChristmasDay => "juldagen",
            Holiday::BoxingDay => "annandag jul",
            Holiday::NewYearsEve => "nyårsafton",
        }
    }

    /// Whether it is an eve: a day off by custom and agreement (semesterlagen 1977:480 §3 a treats it as a Sunday), not by
    /// the law on public holidays.
    pub const fn is_eve(self) -> bool {
        matches!(self, Holiday::MidsummerEve | Holiday::ChristmasEve | Holiday::NewYearsEve)
    }
}

/// Easter Sunday of a year of the Gregorian calendar, by the method of Meeus, Jones and Butcher (J. Meeus, *Astronomical
/// Algorithms*, chapter 8; it has no exceptions).
pub fn easter(year: i32) -> NaiveDate {
    let (century, of_century) = (year.div_euclid(100), year.rem_euclid(100));
    let golden = year.rem_euclid(19);
    let skipped_leaps = century - century.div_euclid(4);
    let moon = (century + 8).div_euclid(25);
    let moon_shift = (century - moon + 1).div_euclid(3);
    let epact = (19 * golden + skipped_leaps - moon_shift + 15).rem_euclid(30);
    let weekday =
        (32 + 2 * century.rem_euclid(4) + 2 * (of_century / 4) - epact - of_century % 4).rem_euclid(7);
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let since_march = epact + weekday - 7 * late + 21;
    date(year, 3, 1).checked_add_days(Days::new(since_march.unsigned_abs().into())).unwrap_or(NaiveDate::MAX)
}

/// The holiday that a day is; none for ordinary days and weekends.
///
/// Of two that meet, the more particular: Ascension Day on 1 May is May Day, and Pentecost on 6 June the National Day.
pub fn holiday(day: NaiveDate) -> Option<Holiday> {
    by_date(day).or_else(|| by_weekday(day)).or_else(|| by_easter(day))
}

fn by_date(day: NaiveDate) -> Option<Holiday> {
    match (day.month(), day.day()) {
        (1, 1) => Some(Holiday::NewYearsDay),
        (1, 6) => Some(Holiday::Epiphany),
        (5, 1) => Some(Holiday::MayDay),
        (6, 6) => (day.year() >= 2005).then_some(Holiday::NationalDay),
        (12, 24) => Some(Holiday::ChristmasEve),
        (12, 25) => Some(Holiday::ChristmasDay),
        (12, 26) => Some(Holiday::BoxingDay),
        (12, 31) => Some(Holiday::NewYearsEve),
        (_, _) => None,
    }
}

fn by_weekday(day: NaiveDate) -> Option<Holiday> {
    match (day.weekday(), day.month(), day.day()) {
        (Weekday::Fri, 6, 19..=25) => Some(Holiday::MidsummerEve),
        (Weekday::Sat, 6, 20..=26) => Some(Holiday::MidsummerDay),
        (Weekday::Sat, 10, 31) | (Weekday::Sat, 11, 1..=6) => Some(Holiday::AllSaintsDay),
        (_, _, _) => None,
    }
}

fn by_easter(day: NaiveDate) -> Option<Holiday> {
    match day.signed_duration_since(easter(day.year())).num_days() {
        -2 => Some(Holiday::GoodFriday),
        0 => Some(Holiday::EasterSunday),
        1 => Some(Holiday::EasterMonday),
        39 => Some(Holiday::AscensionDay),
        49 => Some(Holiday::Pentecost),
        50 => (day.year() < 2005).then_some(Holiday::WhitMonday),
        _ => None,
    }
}

/// The holidays and eves of a year, in order.
pub fn holidays(year: i32) -> Vec<(NaiveDate, Holiday)> {
    let days = date(year, 1, 1).iter_days().take_while(|day| day.year() == year);
    days.filter_map(|day| holiday(day).map(|holiday| (day, holiday))).collect()
}

/// What kind of day a day is to those who work: its weekday, but a public holiday is like a Sunday, and an eve like a
/// Saturday.
pub fn kind_of_day(day: NaiveDate) -> Weekday {
    match holiday(day) {
        Some(holiday) if !holiday.is_eve() => Weekday::Sun,
        Some(_) if day.weekday() != Weekday::Sun => Weekday::Sat,
        Some(_) | None => day.weekday(),
    }
}

/// Whether nobody works as a rule: Saturdays, Sundays, public holidays and eves.
pub fn is_day_off(day: NaiveDate) -> bool {
    matches!(kind_of_day(day), Weekday::Sat | Weekday::Sun)
}

/// Whether many take a working day off: one between two days off (klämdag), and those from Christmas to Epiphany.
pub fn is_thin(day: NaiveDate) -> bool {
    let christmas = matches!((day.month(), day.day()), (12, 23..=31) | (1, 1..=6));
    let beside = |other: Option<NaiveDate>| other.is_some_and(is_day_off);
    !is_day_off(day) && (christmas || (beside(day.pred_opt()) && beside(day.succ_opt())))
}

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or(NaiveDate::MAX)
}

#[cfg(test)]
mod tests;

use super::*;
use crate::calendar::parse_day;

fn day(text: &str) -> NaiveDate {
    parse_day(text).unwrap()
}

#[test]
fn movable_holidays_fall_where_almanacs_have_them() {
    // Good Friday, Easter Sunday, Ascension Day, Pentecost, Midsummer Day, All Saints' Day.
    const ALMANAC: [(i32, [&str; 6]); 8] = [
        (2019, ["04-19", "04-21", "05-30", "06-09", "06-22", "11-02"]),
        (2020, ["04-10", "04-12", "05-21", "05-31", "06-20", "10-31"]),
        (2021, ["04-02", "04-04", "05-13", "05-23", "06-26", "11-06"]),
        (2022, ["04-15", "04-17", "05-26", "06-05", "06-25", "11-05"]),
        (2023, ["04-07", "04-09", "05-18", "05-28", "06-24", "11-04"]),
        (2024, ["03-29", "03-31", "05-09", "05-19", "06-22", "11-02"]),
        (2025, ["04-18", "04-20", "05-29", "06-08", "06-21", "11-01"]),
        (2026, ["04-03", "04-05", "05-14", "05-24", "06-20", "10-31"]),
    ];
    let kinds = [
        Holiday::GoodFriday,
        Holiday::EasterSunday,
        Holiday::AscensionDay,
        Holiday::Pentecost,
        Holiday::MidsummerDay,
        Holiday::AllSaintsDay,
    ];
    for (year, dates) in ALMANAC {
        let movable: Vec<_> =
            holidays(year).into_iter().filter(|(_, holiday)| kinds.contains(holiday)).collect();
        let known: Vec<_> =
            dates.iter().map(|date| day(&format!("{year}-{date}"))).zip(kinds.iter().copied()).collect();
        assert_eq!(movable, known, "{year}");
        assert_eq!(holidays(year).len(), 16, "{year}: thirteen holidays and three eves");
    }
}

#[test]
fn easter_is_right_at_its_ends_and_at_the_exceptions_of_older_rules() {
    // The earliest and the latest possible, and the two years in which Gauss's rule needs an exception.
    for text in ["1818-03-22", "2285-03-22", "1943-04-25", "2038-04-25", "1954-04-18", "1981-04-19"] {
        assert_eq!(easter(day_any(text).year()), day_any(text));
    }
}

fn day_any(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn a_year_has_its_holidays_in_order() {
    let named: Vec<String> =
        holidays(2021).into_iter().map(|(day, holiday)| format!("{day} {}", holiday.name())).collect();
    assert_eq!(
        named,
        [
            "2021-01-01 nyårsdagen",
            "2021-01-06 trettondedag jul",
            "2021-04-02 långfredagen",
            "2021-04-04 påskdagen",
            "2021-04-05 annandag påsk",
            "2021-05-01 första maj",
            "2021-05-13 Kristi himmelsfärdsdag",
            "2021-05-23 pingstdagen",
            "2021-06-06 nationaldagen",
            "2021-06-25 midsommarafton",
            "2021-06-26 midsommardagen",
            "2021-11-06 alla helgons dag",
            "2021-12-24 julafton",
            "2021-12-25 juldagen",
            "2021-12-26 annandag jul",
            "2021-12-31 nyårsafton",
        ]
    );
}

#[test]
fn the_national_day_took_the_place_of_whit_monday() {
    assert_eq!(holiday(day("2004-05-31")), Some(Holiday::WhitMonday));
    assert_eq!(holiday(day("2004-06-06")), None);
    assert_eq!(holiday(day("2005-05-16")), None);
    assert_eq!(holiday(day("2005-06-06")), Some(Holiday::NationalDay));
    // Ascension Day on 1 May.
    assert_eq!(holiday(day("2008-05-01")), Some(Holiday::MayDay));
}

#[test]
fn holidays_are_like_sundays_and_eves_like_saturdays() {
    use Weekday::{Fri, Mon, Sat, Sun, Wed};
    for (text, kind) in [
        ("2021-01-06", Sun), // Epiphany, a Wednesday.
        ("2021-01-13", Wed),
        ("2021-06-25", Sat), // Midsummer Eve, a Friday.
        ("2021-06-26", Sun), // Midsummer Day, a Saturday.
        ("2021-07-02", Fri),
        ("2021-12-24", Sat),
        ("2023-12-24", Sun), // Christmas Eve on a Sunday stays one.
        ("2023-12-31", Sun),
        ("2021-04-05", Sun), // Easter Monday.
        ("2021-04-12", Mon),
    ] {
        assert_eq!(kind_of_day(day(text)), kind, "{text}");
        assert_eq!(is_day_off(day(text)), matches!(kind, Sat | Sun), "{text}");
    }
}

#[test]
fn days_between_days_off_are_thin() {
    for (text, thin) in [
        ("2021-05-14", true), // The Friday after Ascension Day.
        ("2021-05-12", false),
        ("2021-06-07", false),
        ("2022-06-03", false),
        ("2023-06-05", true), // A Monday before the National Day.
        ("2021-12-28", true),
        ("2021-01-04", true),
        ("2021-01-06", false), // A holiday is off, not thin.
        ("2021-01-07", false),
        ("2021-12-22", false),
    ] {
        assert_eq!(is_thin(day(text)), thin, "{text}");
    }
}

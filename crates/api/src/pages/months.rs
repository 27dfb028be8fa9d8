//! Charts and tables over a window of months.

use std::collections::BTreeMap;

use domain::trend::{Expected, Forecast, forecast_hundredths};
use domain::{Month, Quantity};

use super::cube::{Cube, Figures};
use super::words;
use crate::chart::{Bars, Column, Look};
use crate::language::Language;
use crate::numbers;
pub(crate) use crate::trends::KNOWN;

/// How many months are shown: a year, and the same month the year before.
pub(crate) const SHOWN: i32 = 13;

/// How many months are expected beyond the last.
const AHEAD: usize = 3;

/// How many series have a pattern of their own; the others are one series.
const SERIES_MAX: usize = 4;

/// A value of each month, in hundredths of its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// Which of the colours and patterns it has, below [`SERIES_MAX`].
    pub(crate) place: usize,
    pub(crate) values: BTreeMap<Month, i64>,
}

/// A chart over months: series that add up, and what is expected.
pub(crate) struct MonthChart<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) language: Language,
    /// The shown months.
    pub(crate) window: &'a [Month],
    pub(crate) series: &'a [Series],
    /// What each month comes to: where the series are rounded, their sum may be a little off.
    pub(crate) totals: &'a BTreeMap<Month, i64>,
    /// The months that may still change.
    pub(crate) provisional: &'a dyn Fn(Month) -> bool,
    pub(crate) expected: &'a [Expected],
    /// Writes a value with its unit.
    pub(crate) write: &'a dyn Fn(i64) -> String,
    /// Writes a value of the axis.
    pub(crate) tick: &'a dyn Fn(i64) -> String,
}

/// A chart drawn for wide and for narrow pages.
pub(crate) struct Drawn {
    pub(crate) wide: String,
    pub(crate) narrow: String,
}

impl MonthChart<'_> {
    /// Draws it.
    pub(crate) fn draw(&self) -> Result<Drawn, askama::Error> {
        let columns: Vec<Column> = self
            .window
            .iter()
            .map(|month| self.known(*month))
            .chain(self.expected.iter().map(|e| self.coming(e)))
            .collect();
        let description = self.description();
        let bars = |class: &str, (width, height, margin), label_every, totals| {
            Bars {
                id: &format!("{}-{class}", self.id),
                class,
                title: self.title,
                description: &description,
                columns: &columns,
                width,
                height,
                margin,
                label_every,
                totals,
                tick: self.tick,
            }
            .svg()
        };
        Ok(Drawn {
            wide: bars("chart-wide", (1140, 260, 70), 1, true)?,
            narrow: bars("chart-narrow", (330, 220, 52), 3, false)?,
        })
    }

    fn known(&self, month: Month) -> Column {
        let value = |series: &Series| series.values.get(&month).copied().unwrap_or(0);
        let mut parts = vec![0; SERIES_MAX];
        self.series.iter().for_each(|series| parts[series.place] = value(series));
        let total = self.total(month);
        let name = numbers::long_month(self.language, month);
        let named = self.series.iter().filter(|series| self.series.len() > 1 && value(series) != 0);
        let named = named.map(|series| format!("{} {}", series.name, (self.write)(value(series))));
        let named = named.collect::<Vec<_>>().join(", ");
        let tip = match total {
            None => format!("{name}: –"),
            Some(total) if named.is_empty() => format!("{name}: {}", (self.write)(total)),
            Some(total) => format!("{name}: {} ({named})", (self.write)(total)),
        };
        self.column(
            month,
            parts,
            total.map_or_else(|| "–".to_owned(), |total| (self.tick)(total)),
            tip,
            if total.is_some() && (self.provisional)(month) { Look::Provisional } else { Look::Known },
        )
    }

    /// What a month comes to; none where no series has anything.
    fn total(&self, month: Month) -> Option<i64> {
        self.series.iter().any(|series| series.values.contains_key(&month)).then_some(())?;
        self.totals.get(&month).copied()
    }

    fn coming(&self, expected: &Expected) -> Column {
        let hundredths = |value: i128| i64::try_from(value).unwrap_or(i64::MAX);
        let mid = hundredths(expected.mid);
        let name = numbers::long_month(self.language, expected.month);
        let said = words::of(self.language, "väntat", "expected");
        let band = expected.band.map(|band| (hundredths(band.low), hundredths(band.high)));
        let between = band.map_or_else(String::new, |(low, high)| {
            format!(" ({}–{})", (self.write)(low), (self.write)(high))
        });
        let tip = format!("{name}: {said} {}{between}", (self.write)(mid));
        Column { band, ..self.column(expected.month, vec![mid], (self.tick)(mid), tip, Look::Forecast) }
    }

    fn column(&self, month: Month, parts: Vec<i64>, total: String, tip: String, look: Look) -> Column {
        let is_first = self.window.first() == Some(&month);
        Column {
            label: numbers::short_month(self.language, month).to_owned(),
            year: (is_first || month.number() == 1).then(|| month.year().to_string()),
            parts,
            total,
            tip,
            look,
            band: None,
        }
    }

    /// What one sees, for those who do not.
    fn description(&self) -> String {
        let total = |month: &Month| Some((self.total(*month)?, *month));
        let totals: Vec<(i64, Month)> = self.window.iter().filter_map(total).collect();
        let (Some(least), Some(greatest)) = (totals.iter().min(), totals.iter().max()) else {
            return words::of(self.language, "Inga värden.", "No values.").to_owned();
        };
        let say = |(value, month): &(i64, Month)| {
            ((self.write)(*value), numbers::long_month(self.language, *month))
        };
        let ((low, low_month), (high, high_month)) = (say(least), say(greatest));
        match self.language {
            Language::Swedish => format!(
                "Staplar för {} månader. Lägst {low} i {low_month}, högst {high} i {high_month}. Samma värden finns i tabellen.",
                totals.len()
            ),
            Language::English => format!(
                "Bars for {} months. Lowest {low} in {low_month}, highest {high} in {high_month}. The table has the same values.",
                totals.len()
            ),
        }
    }
}

/// The months that a page shows.
pub(crate) fn window(last: Month) -> Vec<Month> {
    last.plus(1 - SHOWN).through(last).collect()
}

/// What is expected of the months after the last whole one, from the whole months that are known.
pub(crate) fn expect(history: &BTreeMap<Month, i64>, running: Month) -> Option<Forecast> {
    let whole: Vec<(Month, i128)> = history
        .iter()
        .filter(|(month, _)| **month < running)
        .map(|(month, value)| (*month, i128::from(*value)))
        .collect();
    forecast_hundredths(&whole, AHEAD)
}

/// Named values of months, in hundredths of their unit.
pub(crate) type Parts = BTreeMap<String, BTreeMap<Month, i64>>;

/// The greatest of the parts that months are made of, and one series for all others: what these leave of the months'
/// `totals`. What a chart `above` shows comes first, in the place that it has there.
pub(crate) fn greatest(
    parts: Parts,
    others: &str,
    totals: &BTreeMap<Month, i64>,
    above: &[Series],
) -> Vec<Series> {
    let place = |name: &str| above.iter().find(|series| series.name == name).map(|series| series.place);
    let size = |(_, values): &(String, BTreeMap<Month, i64>)| {
        values.values().map(|value| value.unsigned_abs()).sum::<u64>()
    };
    let mut parts: Vec<(String, BTreeMap<Month, i64>)> =
        parts.into_iter().filter(|part| size(part) > 0).collect();
    parts.sort_by_key(|part| {
        (place(&part.0).unwrap_or(SERIES_MAX), std::cmp::Reverse(size(part)), part.0.clone())
    });
    if parts.len() > SERIES_MAX {
        let small = parts.split_off(SERIES_MAX - 1);
        let shown = |month: &Month| parts.iter().filter_map(|(_, values)| values.get(month)).sum::<i64>();
        let is_small = |month: &Month| small.iter().any(|(_, values)| values.contains_key(month));
        let left = totals.iter().filter(|(month, _)| is_small(month));
        let left = left.map(|(month, total)| (*month, total - shown(month))).collect();
        parts.push((others.to_owned(), left));
    }
    let taken: Vec<usize> = parts.iter().filter_map(|(name, _)| place(name)).collect();
    let mut free = (0..SERIES_MAX).filter(|place| !taken.contains(place));
    let placed = parts.into_iter().filter_map(|(name, values)| {
        let place = place(&name).or_else(|| free.next())?;
        Some(Series { name, place, values })
    });
    let mut series: Vec<Series> = placed.collect();
    series.sort_by_key(|series| series.place);
    series
}

/// The cost of each month that something picks, in öre.
pub(crate) fn costs(
    cubes: &[std::sync::Arc<Cube>],
    of: impl Fn(&Cube) -> Option<Figures>,
) -> BTreeMap<Month, i64> {
    cubes.iter().filter_map(|cube| Some((cube.month, of(cube)?.gross.ore()))).collect()
}

/// A quantity in hundredths of its unit, for charts.
pub(crate) fn hundredths(quantity: Quantity) -> i64 {
    i64::try_from(domain::quantity::div_half_away(quantity.micros(), 10_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(number: u32) -> Month {
        Month::new(2021, number).unwrap()
    }

    /// Values of January and February.
    fn values(january: i64, february: i64) -> BTreeMap<Month, i64> {
        [(month(1), january), (month(2), february)].into()
    }

    fn parts(parts: &[(&str, i64, i64)]) -> Parts {
        let part =
            |(name, january, february): &(&str, i64, i64)| ((*name).to_owned(), values(*january, *february));
        parts.iter().map(part).collect()
    }

    #[test]
    fn a_bar_is_what_the_month_comes_to_and_not_what_its_rounded_parts_add_up_to() {
        // 0.042, 0.042 and 0.042: 0.126 in all.
        let totals = values(13, 13);
        let series = greatest(parts(&[("a", 4, 4), ("b", 4, 4), ("c", 4, 4)]), "others", &totals, &[]);
        let chart = MonthChart {
            id: "volume",
            title: "Volume",
            language: Language::Swedish,
            window: &[month(1), month(2), month(3)],
            series: &series,
            totals: &totals,
            provisional: &|_| false,
            expected: &[],
            write: &|value| numbers::hundredths(Language::Swedish, value),
            tick: &|value| numbers::hundredths(Language::Swedish, value),
        };
        let column = chart.known(month(1));
        assert_eq!((column.total.as_str(), &column.parts[..]), ("0,13", &[4, 4, 4, 0][..]));
        assert_eq!(column.tip, "januari\u{a0}2021: 0,13 (a 0,04, b 0,04, c 0,04)");
        assert_eq!(chart.known(month(3)).total, "–", "no series has anything in March");
        assert!(chart.description().contains("Lägst 0,13"), "{}", chart.description());
    }

    #[test]
    fn the_others_are_what_the_shown_ones_leave_of_the_total() {
        let many = parts(&[("a", 900, 9), ("b", 800, 9), ("c", 700, 9), ("d", 3, 0), ("e", 4, 0)]);
        let series = greatest(many, "others", &values(2_408, 28), &[]);
        let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "others"]);
        assert_eq!(series[3].values, values(8, 1), "rounded by itself, each of the two would be 7 and 0");
    }

    #[test]
    fn what_two_charts_show_has_one_colour() {
        let above = greatest(
            parts(&[("a", 40, 0), ("b", 30, 0), ("c", 20, 0), ("d", 10, 0)]),
            "others",
            &values(100, 0),
            &[],
        );
        let places = |series: &[Series]| -> Vec<(String, usize)> {
            series.iter().map(|series| (series.name.clone(), series.place)).collect()
        };
        let below =
            greatest(parts(&[("a", 1, 0), ("c", 500, 0), ("x", 50, 0)]), "others", &values(551, 0), &above);
        let placed = |named: &[(&str, usize)]| -> Vec<(String, usize)> {
            named.iter().map(|(name, place)| ((*name).to_owned(), *place)).collect()
        };
        assert_eq!(places(&below), placed(&[("a", 0), ("x", 1), ("c", 2)]));
        let many = parts(&[("d", 9, 0), ("u", 8, 0), ("v", 7, 0), ("x", 6, 0), ("y", 5, 0)]);
        let below = greatest(many, "others", &values(35, 0), &above);
        assert_eq!(places(&below), placed(&[("u", 0), ("v", 1), ("others", 2), ("d", 3)]));
    }
}

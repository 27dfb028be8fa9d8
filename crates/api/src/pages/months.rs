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
pub(crate) struct Series {
    pub(crate) name: String,
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
        let parts: Vec<i64> =
            self.series.iter().map(|series| series.values.get(&month).copied().unwrap_or(0)).collect();
        let is_known = self.series.iter().any(|series| series.values.contains_key(&month));
        let total: i64 = parts.iter().sum();
        let name = numbers::long_month(self.language, month);
        let tip = if !is_known {
            format!("{name}: –")
        } else if self.series.len() < 2 {
            format!("{name}: {}", (self.write)(total))
        } else {
            let named = self.series.iter().zip(&parts).filter(|(_, part)| **part != 0);
            let named = named.map(|(series, part)| format!("{} {}", series.name, (self.write)(*part)));
            format!("{name}: {} ({})", (self.write)(total), named.collect::<Vec<_>>().join(", "))
        };
        self.column(
            month,
            parts,
            if is_known { (self.tick)(total) } else { "–".to_owned() },
            tip,
            if is_known && (self.provisional)(month) { Look::Provisional } else { Look::Known },
        )
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
        let total = |month: &Month| {
            let of_month = self.series.iter().filter_map(|series| series.values.get(month));
            of_month.clone().next().map(|_| (of_month.sum::<i64>(), *month))
        };
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

/// The greatest series, and one for all others.
pub(crate) fn greatest(mut series: Vec<Series>, others: &str) -> Vec<Series> {
    let size = |series: &Series| series.values.values().map(|value| value.unsigned_abs()).sum::<u64>();
    series.retain(|series| size(series) > 0);
    series.sort_by_key(|series| (std::cmp::Reverse(size(series)), series.name.clone()));
    if series.len() > SERIES_MAX {
        let mut rest = Series { name: others.to_owned(), values: BTreeMap::new() };
        for small in series.split_off(SERIES_MAX - 1) {
            for (month, value) in small.values {
                *rest.values.entry(month).or_default() += value;
            }
        }
        series.push(rest);
    }
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

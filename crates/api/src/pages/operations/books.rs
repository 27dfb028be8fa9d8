//! The books of the last days: what differs in full, the rest summed by day.

use std::collections::BTreeMap;

use billing::BooksLine;
use chrono::NaiveDate;

use super::Words;
use crate::language::Language;
use crate::numbers;

/// How many lines that differ are shown; the data has all of them.
const DIFFERING_MAX: usize = 50;

/// The books as the page shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BooksPart {
    pub(super) differing: Vec<DifferingRow>,
    /// How many lines differ besides those that are shown.
    pub(super) hidden: usize,
    pub(super) days: Vec<DayRow>,
}

/// A source and day that differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DifferingRow {
    pub(super) source: String,
    pub(super) day: String,
    pub(super) accepted: String,
    pub(super) resent: String,
    pub(super) released: String,
    pub(super) logged: String,
    pub(super) parked: String,
    pub(super) difference: String,
    pub(super) sent: String,
    pub(super) sent_difference: String,
}

/// A day's lines that do not differ, added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DayRow {
    pub(super) day: String,
    pub(super) sources: String,
    pub(super) accepted: String,
    pub(super) logged: String,
    pub(super) duplicate: String,
    pub(super) parked: String,
    pub(super) quarantined: String,
    pub(super) refused: String,
}

#[derive(Default)]
struct Day {
    sources: u64,
    accepted: u64,
    logged: u64,
    duplicate: u64,
    parked: u64,
    quarantined: u64,
    refused: u64,
}

impl Day {
    fn add(&mut self, line: &BooksLine) {
        self.sources += 1;
        self.accepted += line.accepted;
        self.logged += line.logged();
        self.duplicate += line.duplicate;
        self.parked += line.parked;
        self.quarantined += line.conflict + line.quarantined;
        self.refused += line.refused;
    }
}

impl BooksPart {
    /// The newest day first.
    pub(super) fn of(language: Language, w: &'static Words, lines: &[BooksLine]) -> Self {
        let count = |number: u64| numbers::whole(language, i64::try_from(number).unwrap_or(i64::MAX));
        let mut differing: Vec<&BooksLine> = lines.iter().filter(|line| line.differs()).collect();
        differing.sort_by_key(|line| (std::cmp::Reverse(line.day), &line.source));
        let mut days: BTreeMap<NaiveDate, Day> = BTreeMap::new();
        for line in lines.iter().filter(|line| !line.differs()) {
            days.entry(line.day).or_default().add(line);
        }
        let row = |line: &&BooksLine| DifferingRow {
            source: if line.source.is_empty() { w.unknown_source.to_owned() } else { line.source.clone() },
            day: line.day.to_string(),
            accepted: count(line.accepted),
            resent: count(line.resent),
            released: count(line.released),
            logged: count(line.logged()),
            parked: count(line.parked),
            difference: numbers::whole(language, line.difference()),
            sent: line.sent.map_or_else(|| "–".to_owned(), count),
            sent_difference: line
                .sent_difference
                .map_or_else(|| "–".to_owned(), |difference| numbers::whole(language, difference)),
        };
        let day = |(day, sums): (NaiveDate, Day)| DayRow {
            day: day.to_string(),
            sources: count(sums.sources),
            accepted: count(sums.accepted),
            logged: count(sums.logged),
            duplicate: count(sums.duplicate),
            parked: count(sums.parked),
            quarantined: count(sums.quarantined),
            refused: count(sums.refused),
        };
        Self {
            hidden: differing.len().saturating_sub(DIFFERING_MAX),
            differing: differing.iter().take(DIFFERING_MAX).map(row).collect(),
            days: days.into_iter().rev().map(day).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use store::usage::Books;

    use super::*;

    fn line(source: &str, day: u32, metered: u64, duplicate: u64) -> BooksLine {
        let day = NaiveDate::from_ymd_opt(2021, 12, day).unwrap();
        let books =
            Books { source: source.to_owned(), day, accepted: 1_000, metered, duplicate, ..Books::default() };
        BooksLine { books, sent: None, sent_difference: None }
    }

    #[test]
    fn what_differs_is_shown_by_itself_and_the_rest_is_added_up_by_day() {
        let lines = [
            line("/a", 1, 990, 10),
            line("/b", 1, 1_000, 0),
            line("", 2, 998, 0),
            line("/a", 3, 1_001, 0),
            line("/b", 3, 999, 1),
        ];
        let part = BooksPart::of(Language::English, Words::of(Language::English), &lines);
        let differing: Vec<_> = part
            .differing
            .iter()
            .map(|row| (row.day.as_str(), row.source.as_str(), row.difference.as_str()))
            .collect();
        assert_eq!(differing, [("2021-12-03", "/a", "\u{2212}1"), ("2021-12-02", "unknown source", "2")]);
        let days: Vec<_> = part
            .days
            .iter()
            .map(|row| {
                (row.day.as_str(), row.sources.as_str(), row.accepted.as_str(), row.duplicate.as_str())
            })
            .collect();
        assert_eq!(days, [("2021-12-03", "1", "1,000", "1"), ("2021-12-01", "2", "2,000", "10")]);
        assert_eq!(part.hidden, 0);
    }

    #[test]
    fn many_lines_that_differ_are_some_and_a_number() {
        let lines: Vec<BooksLine> = (0..60).map(|n| line(&format!("/{n}"), 1, 1, 0)).collect();
        let part = BooksPart::of(Language::Swedish, Words::of(Language::Swedish), &lines);
        assert_eq!((part.differing.len(), part.hidden, part.days.len()), (DIFFERING_MAX, 10, 0));
    }
}

//! What is wrong, what to do about it, and all of it in the one sentence that the page begins with.
//!
//! What is urgent here is what `deploy/prometheus/alerts.yml` calls critical, by the same thresholds.

mod findings;

use super::facts::Facts;
use crate::language::Language;
use crate::numbers;
use crate::pages::words;

/// When something must be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Usage may be lost, billed wrongly or refused, or nobody can tell.
    Now,
    /// It can wait for the morning.
    Morning,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What is wrong, as a clause that begins with a small letter.
    pub(super) what: String,
    /// What to do, likewise.
    pub(super) todo: String,
    /// What the part itself says, in its own words; empty when it says nothing.
    pub(super) cause: String,
    /// The section of the page that shows more.
    pub(super) section: &'static str,
}

/// Whether all is well, and if not, what is.
pub(super) struct Verdict {
    pub(super) class: &'static str,
    pub(super) badge: &'static str,
    pub(super) sentence: String,
    pub(super) findings: Vec<Shown>,
}

/// A finding as the page shows it.
pub(super) struct Shown {
    pub(super) class: &'static str,
    pub(super) badge: &'static str,
    pub(super) what: String,
    pub(super) todo: String,
    pub(super) cause: String,
    pub(super) section: &'static str,
}

impl Level {
    const fn class(self) -> &'static str {
        match self {
            Level::Now => "bad",
            Level::Morning => "warn",
        }
    }

    const fn badge(self, language: Language) -> &'static str {
        match self {
            Level::Now => words::of(language, "Nu", "Now"),
            Level::Morning => words::of(language, "Kan vänta", "Can wait"),
        }
    }
}

impl Verdict {
    /// Judges what was read.
    pub(super) fn of(language: Language, facts: &Facts) -> Self {
        Self::about(language, findings::all(language, facts))
    }

    fn about(language: Language, mut findings: Vec<Finding>) -> Self {
        // Of the same level, what was found first is nearest to the root: the parts before what needs them.
        findings.sort_by_key(|finding| finding.level);
        let Some(first) = findings.first() else {
            return Self {
                class: "good",
                badge: "OK",
                sentence: words::of(
                    language,
                    "Allt är väl: händelser tas emot och räknas, och ingenting saknas.",
                    "All is well: events are taken in and counted, and nothing is missing.",
                )
                .to_owned(),
                findings: Vec::new(),
            };
        };
        Self {
            class: first.level.class(),
            badge: match first.level {
                Level::Now => words::of(language, "Åtgärda nu", "Act now"),
                Level::Morning => words::of(language, "Inget brådskar", "Nothing is urgent"),
            },
            sentence: sentence(language, first, findings.len() - 1),
            findings: findings.into_iter().map(|finding| finding.shown(language)).collect(),
        }
    }
}

impl Finding {
    fn shown(self, language: Language) -> Shown {
        Shown {
            class: self.level.class(),
            badge: self.level.badge(language),
            what: capital(&self.what),
            todo: capital(&self.todo),
            cause: self.cause,
            section: self.section,
        }
    }
}

/// The worst finding, what to do about it, and how many others there are.
fn sentence(language: Language, first: &Finding, others: usize) -> String {
    let begin = match first.level {
        Level::Now => capital(&first.what),
        Level::Morning => {
            let calm = words::of(
                language,
                "Händelser tas emot och räknas, men",
                "Events are taken in and counted, but",
            );
            format!("{calm} {}", first.what)
        }
    };
    let more = match others {
        0 => String::new(),
        1 => {
            words::of(language, " (och en sak till, se nedan)", " (and one thing more, see below)").to_owned()
        }
        _ => {
            let count = numbers::whole(language, i64::try_from(others).unwrap_or(i64::MAX));
            match language {
                Language::Swedish => format!(" (och {count} saker till, se nedan)"),
                Language::English => format!(" (and {count} things more, see below)"),
            }
        }
    };
    format!("{begin}: {}{more}.", first.todo)
}

/// A clause as the beginning of a sentence.
fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(level: Level, what: &str) -> Finding {
        let todo = "gör något".to_owned();
        Finding { level, what: what.to_owned(), todo, cause: String::new(), section: "parts" }
    }

    fn sentence_of(findings: &[(Level, &str)]) -> (String, &'static str) {
        let findings = findings.iter().map(|(level, what)| finding(*level, what)).collect();
        let verdict = Verdict::about(Language::Swedish, findings);
        (verdict.sentence, verdict.class)
    }

    #[test]
    fn all_is_well_when_nothing_was_found() {
        let (sentence, class) = sentence_of(&[]);
        assert!(sentence.starts_with("Allt är väl: ") && class == "good", "{sentence}");
    }

    #[test]
    fn the_sentence_names_what_is_worst_and_counts_the_others() {
        use Level::{Morning, Now};
        assert_eq!(
            sentence_of(&[
                (Morning, "åtta väntar"),
                (Now, "databasen svarar inte"),
                (Now, "böckerna skiljer")
            ]),
            ("Databasen svarar inte: gör något (och 2 saker till, se nedan).".to_owned(), "bad")
        );
        assert_eq!(
            sentence_of(&[(Morning, "åtta väntar"), (Morning, "nio väntar")]),
            (
                "Händelser tas emot och räknas, men åtta väntar: gör något (och en sak till, se nedan)."
                    .to_owned(),
                "warn"
            )
        );
        assert_eq!(sentence_of(&[(Now, "ål")]).0, "Ål: gör något.");
    }
}

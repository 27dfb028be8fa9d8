//! What was read → what is wrong, the root before what follows from it.

use billing::CollectorState;
use domain::Code;

use super::super::facts::{Answer, Facts, Unread};
use super::super::gathered::Gathered;
use super::super::since;
use super::{Finding, Level};
use crate::language::Language;
use crate::numbers;
use crate::pages::words;

/// Counting is usually done within seconds; a quarter of an hour is late (TaxameterCountingLags).
const LATE_SECONDS: i64 = 900;

/// Each collector that gathers takes a turn at least once a day (TaxameterCollectorBehind).
const TURN_SECONDS_MAX: i64 = 36 * 3_600;

/// How many names a sentence has.
const NAMES_MAX: usize = 3;

/// Everything that is wrong.
pub(super) fn all(language: Language, facts: &Facts) -> Vec<Finding> {
    let write = Writer { language };
    let mut findings = write.parts(facts);
    findings.extend(write.unread(facts));
    findings.extend(write.late(facts));
    findings.extend(write.books(facts));
    findings.extend(write.decisions(facts));
    findings.extend(write.silent(facts));
    findings.extend(write.gathering(facts));
    findings.extend(write.quarantine(facts));
    findings
}

struct Writer {
    language: Language,
}

impl Writer {
    const fn of(&self, sv: &'static str, en: &'static str) -> &'static str {
        words::of(self.language, sv, en)
    }

    fn say(&self, sv: String, en: String) -> String {
        match self.language {
            Language::Swedish => sv,
            Language::English => en,
        }
    }

    fn count(&self, number: u64) -> String {
        numbers::whole(self.language, i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn finding(&self, level: Level, section: &'static str, what: String, todo: &str) -> Finding {
        Finding { level, what, todo: todo.to_owned(), cause: String::new(), section }
    }

    /// The parts that are not ready.
    fn parts(&self, facts: &Facts) -> Vec<Finding> {
        let failing = facts.checks.iter().flatten().filter(|check| !check.ok);
        let finding = |check: &crate::Check| {
            let (what, todo) = match check.name {
                "log" => (
                    self.of("loggen svarar inte, så inga nya händelser kan sparas", "the log does not answer, so no new events can be stored").to_owned(),
                    self.of("kontrollera att loggen är igång (Kafka, eller programmets egen katalog) och att dess disk har plats; avsändarna behåller sina händelser och försöker igen", "check that the log runs (Kafka, or the program's own directory) and that its disk has room; senders keep their events and try again"),
                ),
                "store" => (
                    self.of("databasen svarar inte, så ingenting räknas", "the database does not answer, so nothing is counted").to_owned(),
                    self.of("kontrollera att ClickHouse är igång och att dess disk har plats; det som tas emot ligger kvar i loggen och räknas när databasen svarar", "check that ClickHouse runs and that its disk has room; what is taken in stays on the log and is counted when the database answers"),
                ),
                "counting" => (
                    self.of("räkningen står stilla fast händelser väntar", "counting stands still though events wait").to_owned(),
                    self.of("läs programloggen från rollen aggregate, som säger vad den väntar på (oftast ClickHouse); inget är förlorat, och räkningen fortsätter av sig själv", "read the program's log of the role aggregate, which says what it waits for (mostly ClickHouse); nothing is lost, and counting goes on by itself"),
                ),
                other => (
                    self.say(format!("delen {other} fungerar inte"), format!("the part {other} does not work")),
                    self.of("läs programloggen, som säger varför", "read the program's log, which says why"),
                ),
            };
            Finding { cause: check.cause.clone(), ..self.finding(Level::Now, "parts", what, todo) }
        };
        failing.map(finding).collect()
    }

    /// What could not be read: one finding, whatever it is.
    fn unread(&self, facts: &Facts) -> Option<Finding> {
        fn failed<T>(answer: &Answer<T>) -> Option<Unread> {
            answer.as_ref().err().copied()
        }
        let parts = [
            (failed(&facts.checks), self.of("delarnas läge", "the parts")),
            (failed(&facts.waiting).or(failed(&facts.unsealed)), self.of("räkningen", "the counting")),
            (failed(&facts.collectors), self.of("insamlarna", "the collectors")),
            (failed(&facts.books), self.of("avstämningen", "the reconciliation")),
            (failed(&facts.quarantine), self.of("karantänen", "the quarantine")),
            (failed(&facts.decisions), self.of("besluten", "the decisions")),
        ];
        let names: Vec<&str> = parts.iter().filter_map(|(unread, name)| unread.map(|_| *name)).collect();
        if names.is_empty() {
            return None;
        }
        let list = names.join(", ");
        let is_broken = parts.iter().any(|(unread, _)| *unread == Some(Unread::Broken));
        let todo = if is_broken {
            self.of(
                "läs programloggen, som har felet, och anmäl det",
                "read the program's log, which has the error, and report it",
            )
        } else {
            self.of("ladda om sidan om en stund; svarar det ändå inte, se till att databasen och loggen är igång", "load the page again in a while; if there is still no answer, see to it that the database and the log run")
        };
        let what = self.say(
            format!("allt går inte att läsa just nu ({list})"),
            format!("not everything can be read just now ({list})"),
        );
        Some(self.finding(Level::Now, "content", what, todo))
    }

    /// Counting that is behind.
    fn late(&self, facts: &Facts) -> Option<Finding> {
        let oldest = facts.waiting.iter().flatten().filter_map(|waiting| waiting.oldest).min()?;
        let seconds = since::seconds(oldest, facts.now);
        if seconds <= LATE_SECONDS {
            return None;
        }
        let age = since::words(self.language, seconds);
        let what = self.say(
            format!("den äldsta oräknade händelsen har väntat i {age}"),
            format!("the oldest uncounted event has waited for {age}"),
        );
        Some(self.finding(Level::Morning, "counting", what, self.of(
            "se om ClickHouse har disk och processor nog, och starta annars en räknare till (rollen aggregate)",
            "see whether ClickHouse has disk and processor enough, and else start another process that counts (the role aggregate)",
        )))
    }

    /// Lines of the books that differ.
    fn books(&self, facts: &Facts) -> Vec<Finding> {
        let lines = || facts.books.iter().flatten();
        let ours = lines().filter(|line| line.difference() != 0).count();
        let theirs =
            lines().filter(|line| line.sent_difference.is_some_and(|difference| difference != 0)).count();
        let mut findings = Vec::new();
        if ours > 0 {
            let count = self.count(ours as u64);
            let what = self.say(
                format!("avstämningen går inte ihop på {count} rader"),
                format!("the reconciliation differs on {count} lines"),
            );
            findings.push(self.finding(Level::Now, "books", what, self.of(
                "ta inte bort något ur loggen, se källa och dag i tabellen och leta efter en insamlare som startats från en gammal disk; ingen månad kan stängas så länge",
                "delete nothing from the log, see source and day in the table, and look for a collector that was started from an old disk; no month can be closed meanwhile",
            )));
        }
        if theirs > 0 {
            let count = self.count(theirs as u64);
            let what = self.say(
                format!("avsändare har räknat till något annat än vi på {count} rader"),
                format!("senders have counted something else than we have on {count} lines"),
            );
            findings.push(self.finding(
                Level::Now,
                "books",
                what,
                self.of(
                    "fråga avsändaren, som kan skicka ett rättat antal; ingen månad kan stängas så länge",
                    "ask the sender, which may send a corrected number; no month can be closed meanwhile",
                ),
            ));
        }
        findings
    }

    /// A control log that is not what it was.
    fn decisions(&self, facts: &Facts) -> Option<Finding> {
        let wrong = facts.decisions.iter().flatten().filter(|record| record.problem.is_some());
        let first = wrong.map(|record| record.control).min()?;
        let what = self.say(
            format!("beslutsloggen är inte hel från post {first}"),
            format!("the control log is not whole from record {first} on"),
        );
        Some(self.finding(Level::Now, "decisions", what, self.of(
            "stäng ingen månad, ta en kopia av loggen som den är och kör taxameter audit, som säger vad som är ändrat",
            "close no month, copy the log as it is, and run taxameter audit, which says what was changed",
        )))
    }

    /// Collectors that were not heard of.
    fn silent(&self, facts: &Facts) -> Option<Finding> {
        let collectors = facts.collectors.iter().flatten();
        let silent = collectors.filter(|(_, state)| *state == CollectorState::Silent);
        let names: Vec<&str> = silent.map(|(collector, _)| collector.name.as_str()).collect();
        let list = self.names(&names)?;
        let what = match names.len() {
            1 => {
                self.say(format!("insamlaren {list} hörs inte av"), format!("the collector {list} is silent"))
            }
            _ => self
                .say(format!("insamlarna {list} hörs inte av"), format!("the collectors {list} are silent")),
        };
        Some(self.finding(Level::Morning, "collectors", what, self.of(
            "starta på samma datakatalog igen, så kommer det som ligger i den; är disken förlorad, avskriv insamlaren med taxameter collectors retire",
            "start it on the same data directory again, and what lies in it comes; if the disk is lost, give the collector up with taxameter collectors retire",
        )))
    }

    /// Collectors of this process that cannot gather, or have not for long.
    fn gathering(&self, facts: &Facts) -> Option<Finding> {
        let is_late = |one: &Gathered<'_>| {
            one.last_turn.is_some_and(|turn| since::seconds(turn, facts.now) > TURN_SECONDS_MAX)
        };
        let all = facts.gathered.iter().map(Gathered::of);
        let failing: Vec<Gathered<'_>> = all.filter(|one| one.failures > 0 || is_late(one)).collect();
        let names: Vec<&str> = failing.iter().map(|one| one.name).collect();
        let list = self.names(&names)?;
        let what = match names.len() {
            1 => self.say(format!("hämtningen {list} lyckas inte"), format!("the gathering {list} fails")),
            _ => self.say(format!("hämtningarna {list} lyckas inte"), format!("the gatherings {list} fail")),
        };
        Some(self.finding(Level::Morning, "gathering", what, self.of(
            "läs felet i tabellen och se om systemet svarar; det görs om av sig självt, men en ögonblicksbild som uteblir är en lucka den dagen",
            "read the error in the table and see whether the system answers; it is tried again by itself, but a snapshot that is missed is a gap of its day",
        )))
    }

    /// What came to the quarantine lately.
    fn quarantine(&self, facts: &Facts) -> Option<Finding> {
        let lately = || facts.quarantine.iter().flatten().filter(|reason| reason.lately > 0);
        let events: u64 = lately().map(|reason| reason.lately).sum();
        if events == 0 {
            return None;
        }
        let count = self.count(events);
        let what = match events {
            1 => self
                .of(
                    "en händelse har hamnat i karantän det senaste dygnet",
                    "one event has come to the quarantine within a day",
                )
                .to_owned(),
            _ => self.say(
                format!("{count} händelser har hamnat i karantän det senaste dygnet"),
                format!("{count} events have come to the quarantine within a day"),
            ),
        };
        let is_parked = |code: &str| Code::from_name(code).is_some_and(Code::is_parked);
        let todo = if lately().all(|reason| is_parked(&reason.code)) {
            self.of(
                "lägg in tjänsten eller mätaren i katalogen, så räknas de av sig själva",
                "put the service or the meter into the catalogue, and they are counted by themselves",
            )
        } else {
            self.of(
                "öppna orsakerna i tabellen, där det står vad som ska göras",
                "open the reasons in the table, which say what is to be done",
            )
        };
        Some(self.finding(Level::Morning, "quarantine", what, todo))
    }

    /// Some names and how many more; none without any.
    fn names(&self, names: &[&str]) -> Option<String> {
        let shown = names.get(..names.len().min(NAMES_MAX))?.join(", ");
        let more = names.len().saturating_sub(NAMES_MAX);
        match (names.is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(shown),
            (false, _) => {
                Some(self.say(format!("{shown} och {more} till"), format!("{shown} and {more} more")))
            }
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

//! The rows of the page of operations.

use billing::{AuditRecord, CollectorState, Waiting};
use domain::Instant;
use serde_json::Value;
use store::collectors::Collector;
use store::quarantine::ReasonCount;

use super::codes;
use super::gathered::Gathered;
use super::since;
use crate::Check;
use crate::numbers;
use crate::pages::visit::Visit;
use crate::pages::words;

/// How many decisions are shown.
const DECISIONS_MAX: usize = 10;

/// How much of an error is shown: it is written for a log.
const ERROR_CHARS_MAX: usize = 400;

pub(super) struct CheckRow {
    pub(super) name: String,
    pub(super) class: &'static str,
    pub(super) state: &'static str,
    pub(super) cause: String,
}

pub(super) struct LagRow {
    pub(super) partition: u32,
    pub(super) counted: String,
    pub(super) waiting: String,
    pub(super) oldest: String,
}

pub(super) struct CollectorRow {
    pub(super) name: String,
    pub(super) class: &'static str,
    pub(super) state: &'static str,
    pub(super) mark: String,
    pub(super) why: String,
}

pub(super) struct GatheredRow {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) source: String,
    pub(super) schedule: String,
    pub(super) class: &'static str,
    pub(super) state: String,
    pub(super) last: String,
    pub(super) next: String,
    pub(super) records: String,
    pub(super) accepted: String,
    pub(super) refused: String,
    pub(super) error: String,
}

pub(super) struct ReasonRow {
    pub(super) href: String,
    pub(super) title: String,
    pub(super) todo: &'static str,
    pub(super) entries: String,
    pub(super) lately: String,
    pub(super) last: String,
}

pub(super) struct DecisionRow {
    pub(super) control: u64,
    pub(super) at: String,
    pub(super) action: String,
    pub(super) about: String,
    pub(super) outcome: String,
    pub(super) problem: &'static str,
}

/// Writes rows in the visitor's language.
pub(super) struct Writer<'v> {
    pub(super) visit: &'v Visit,
    pub(super) now: Instant,
}

impl Writer<'_> {
    const fn of(&self, sv: &'static str, en: &'static str) -> &'static str {
        words::of(self.visit.language, sv, en)
    }

    /// A number of things.
    pub(super) fn count(&self, number: u64) -> String {
        numbers::whole(self.visit.language, i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// A time, and how long ago it was.
    fn ago(&self, at: Instant) -> String {
        let ago = since::words(self.visit.language, since::seconds(at, self.now));
        match self.visit.language {
            crate::language::Language::Swedish => format!("{} (för {ago} sedan)", numbers::instant(at)),
            crate::language::Language::English => format!("{} ({ago} ago)", numbers::instant(at)),
        }
    }

    pub(super) fn check(&self, check: &Check) -> CheckRow {
        let name = match check.name {
            "log" => self.of("Loggen tar emot", "The log takes records").to_owned(),
            "store" => self.of("Databasen svarar", "The database answers").to_owned(),
            "counting" => self.of("Räkningen går framåt", "Counting moves").to_owned(),
            other => other.to_owned(),
        };
        let (class, state) = if check.ok { ("good", "OK") } else { ("bad", self.of("Fel", "Fault")) };
        CheckRow { name, class, state, cause: shortened(&check.cause) }
    }

    pub(super) fn lag(&self, waiting: &Waiting) -> LagRow {
        LagRow {
            partition: waiting.counted.partition,
            counted: self.count(waiting.counted.counted),
            waiting: self.count(waiting.records()),
            oldest: waiting.oldest.map_or_else(
                || "–".to_owned(),
                |at| since::words(self.visit.language, since::seconds(at, self.now)),
            ),
        }
    }

    pub(super) fn collector(&self, (collector, state): &(Collector, CollectorState)) -> CollectorRow {
        let (class, word) = match state {
            CollectorState::Present => ("good", self.of("Igång", "Running")),
            CollectorState::Silent => ("warn", self.of("Hörs inte av", "Silent")),
            CollectorState::Left => ("info", self.of("Avslutad", "Stopped")),
            CollectorState::Retired => ("info", self.of("Avskriven", "Given up")),
        };
        let mark = match state {
            CollectorState::Left => "–".to_owned(),
            CollectorState::Present | CollectorState::Silent | CollectorState::Retired => {
                self.ago(collector.spool_empty_until)
            }
        };
        let retired = collector.retired.as_ref().filter(|_| *state == CollectorState::Retired);
        CollectorRow {
            name: collector.name.clone(),
            class,
            state: word,
            mark,
            why: retired.map_or_else(String::new, |retired| retired.why.clone()),
        }
    }

    pub(super) fn gathered(&self, status: &Value) -> GatheredRow {
        let one = Gathered::of(status);
        let (class, state) = match one.state {
            "waiting" => ("good", self.of("Väntar på sin tur", "Waits for its turn").to_owned()),
            "gathering" => ("info", self.of("Hämtar", "Gathers").to_owned()),
            "failing" => {
                let failures = self.count(one.failures);
                ("warn", format!("{} ({failures})", self.of("Misslyckas", "Fails")))
            }
            other => ("info", other.to_owned()),
        };
        let none = || "–".to_owned();
        GatheredRow {
            name: one.name.to_owned(),
            kind: one.kind.to_owned(),
            source: one.source.to_owned(),
            schedule: one.schedule.to_owned(),
            class,
            state,
            last: one.last_turn.map_or_else(none, |at| self.ago(at)),
            next: one.next_turn.map_or_else(none, numbers::instant),
            records: self.count(one.records),
            accepted: self.count(one.accepted),
            refused: self.count(one.refused),
            error: shortened(one.error),
        }
    }

    pub(super) fn reason(&self, reason: &ReasonCount) -> ReasonRow {
        let explained = codes::named(self.visit.language, &reason.code);
        let query =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("code", &reason.code).finish();
        ReasonRow {
            href: format!("/operations/quarantine?{query}"),
            title: explained.map_or_else(|| reason.code.clone(), |explained| explained.title.to_owned()),
            todo: explained.map_or("", |explained| explained.todo),
            entries: self.count(reason.entries),
            lately: self.count(reason.lately),
            last: numbers::instant(reason.last_seen),
        }
    }

    /// The last decisions, the newest first. What lost a race for its place was never decided.
    pub(super) fn latest(&self, records: &[AuditRecord]) -> Vec<DecisionRow> {
        let told = records
            .iter()
            .filter(|record| record.problem.is_some() || record.state == billing::AuditState::Valid);
        told.rev().take(DECISIONS_MAX).map(|record| self.decision(record)).collect()
    }

    fn decision(&self, record: &AuditRecord) -> DecisionRow {
        let action = match record.action.as_str() {
            "month.preliminary" => self.of("Preliminär månad", "Preliminary month"),
            "month.close" => self.of("Stäng månad", "Close a month"),
            "catalogue.apply" => self.of("Ny katalog", "New catalogue"),
            "quarantine.replay" => self.of("Pröva händelse igen", "Try an event again"),
            "collector.retire" => self.of("Avskriv insamlare", "Give a collector up"),
            "pseudonyms.destroy" => self.of("Förstör pseudonymnyckel", "Destroy a key of pseudonyms"),
            "key.create" => self.of("Ny nyckel", "New key"),
            "key.rotate" => self.of("Byt nyckel", "Replace a key"),
            "key.revoke" => self.of("Dra in nyckel", "Revoke a key"),
            other => other,
        };
        let outcome = match record.outcome.as_deref() {
            None => self.of("väntar", "waits"),
            Some("closed") => self.of("stängd", "closed"),
            Some("preliminary") => self.of("preliminär", "preliminary"),
            Some("refused") => self.of("avvisat", "refused"),
            Some("applied") => self.of("gäller", "in force"),
            Some("unchanged") => self.of("ingen ändring", "unchanged"),
            Some("replayed") => self.of("på väg", "on its way"),
            Some("retired") => self.of("avskriven", "given up"),
            Some("created") => self.of("skapad", "created"),
            Some("rotated") => self.of("utbytt", "replaced"),
            Some("revoked") => self.of("indragen", "revoked"),
            Some("decided") => self.of("beslutat", "decided"),
            Some(other) => other,
        };
        let names = ["month", "collector", "entry", "year", "id", "version"];
        let about = names.into_iter().find_map(|name| match record.content.get(name)? {
            Value::String(text) => Some(text.chars().take(60).collect()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        });
        DecisionRow {
            control: record.control,
            at: record.at.map_or_else(|| "–".to_owned(), numbers::instant),
            action: action.to_owned(),
            about: about.unwrap_or_default(),
            outcome: outcome.to_owned(),
            problem: record.problem.unwrap_or_default(),
        }
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(ERROR_CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

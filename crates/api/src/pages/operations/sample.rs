//! What the tests of the page of operations are made from: a program at work in the night.

use billing::{AuditRecord, AuditState, BooksLine, CollectorState, Waiting};
use domain::Instant;
use serde_json::json;
use store::collectors::Collector;
use store::quarantine::ReasonCount;
use store::usage::{Books, Lag};

use super::facts::Facts;
use crate::Check;

pub(super) fn now() -> Instant {
    Instant::parse_rfc3339("2021-12-15T03:00:00+01:00").unwrap()
}

pub(super) fn ago(seconds: i64) -> Instant {
    Instant::from_micros(now().micros() - seconds * 1_000_000)
}

pub(super) fn check(name: &'static str, cause: &str) -> Check {
    Check { name, ok: cause.is_empty(), cause: cause.to_owned() }
}

pub(super) fn waiting(seconds: i64) -> Waiting {
    let counted = Lag { generation: 1, partition: 0, counted: 5, sealed: 4 };
    Waiting { counted, end: 7, oldest: Some(ago(seconds)) }
}

pub(super) fn collector(name: &str) -> Collector {
    Collector { name: name.to_owned(), spool_empty_until: ago(600), retired: None }
}

pub(super) fn line(accepted: u64, metered: u64, sent_difference: Option<i64>) -> BooksLine {
    let books = Books { source: "/s".to_owned(), day: now().day(), accepted, metered, ..Books::default() };
    BooksLine { books, sent: None, sent_difference }
}

pub(super) fn reason(code: &str, lately: u64) -> ReasonCount {
    ReasonCount { code: code.to_owned(), entries: 9, lately, last_seen: ago(60) }
}

pub(super) fn record(problem: Option<&'static str>) -> AuditRecord {
    AuditRecord {
        control: 3,
        state: AuditState::Valid,
        problem,
        at: Some(ago(60)),
        action: "month.close".to_owned(),
        content: serde_json::Map::new(),
        chain: String::new(),
        outcome: None,
    }
}

/// A program at work, with what is always there: old entries in the quarantine, collectors that left or were given up.
pub(super) fn well() -> Facts {
    Facts {
        now: now(),
        checks: Ok(vec![check("log", ""), check("store", ""), check("counting", "")]),
        waiting: Ok(vec![waiting(2)]),
        unsealed: Ok(1),
        collectors: Ok(vec![
            (collector("a"), CollectorState::Present),
            (collector("b"), CollectorState::Left),
            (collector("c"), CollectorState::Retired),
        ]),
        gathered: vec![json!({ "name": "konton", "last_turn": ago(86_400).to_string(), "failures": 0 })],
        days: now().day()..=now().day(),
        books: Ok(vec![line(4, 4, Some(0))]),
        quarantine: Ok(vec![reason("wrong_unit", 0)]),
        decisions: Ok(vec![record(None)]),
    }
}

//! The control log as the audit log: every record, whether it counts, how it ended, and what is wrong with it.
//!
//! The chain shows that nothing before its last record was changed, moved or taken out. What the chain alone cannot show,
//! a last record that was changed or cut off, the outcomes do: each names the chain of the record that was carried out.

use std::collections::BTreeMap;

use domain::Instant;
use eventlog::topic::CONTROL;
use serde_json::{Map, Value};

use super::Decision;
use super::chain::{Chain, Judged, Void};
use crate::biller::Biller;
use crate::error::{logging, storing};

/// How many bytes are read at once.
const READ_BYTES: usize = 1 << 20;

/// Whether a record of the control log counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditState {
    /// It counts.
    Valid,
    /// It does not: nobody carries it out.
    Void,
    /// It was carried out, and is not in the log (any more).
    Missing,
}

impl AuditState {
    /// The stable name, as in answers.
    pub const fn name(self) -> &'static str {
        match self {
            AuditState::Valid => "valid",
            AuditState::Void => "void",
            AuditState::Missing => "missing",
        }
    }
}

/// A record of the control log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its offset.
    pub control: u64,
    /// Whether it counts.
    pub state: AuditState,
    /// What is wrong: `detached` (the record that it follows is not there), `altered` (it is not what its chain says),
    /// `unchained` (without a chain behind one), `unreadable`, `replaced` (it is not the one that was carried out),
    /// `carried_out` (it was, and does not count), `missing`. None for a record that counts, and for one that lost a race.
    pub problem: Option<&'static str>,
    /// When it was decided; none when that cannot be read.
    pub at: Option<Instant>,
    /// What it is about; empty when that cannot be read.
    pub action: String,
    /// What it says, its action included.
    pub content: Map<String, Value>,
    /// Its chain; empty when it does not count.
    pub chain: String,
    /// How it ended; none while it has not, or when it does not count.
    pub outcome: Option<String>,
}

/// A part of the control log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// The records, by offset.
    pub records: Vec<AuditRecord>,
    /// Whether there are more behind them.
    pub more: bool,
}

/// How a decision ended, as far as the audit compares.
struct Ended {
    outcome: String,
    /// Empty for what was carried out before records had chains.
    chain: String,
}

impl Biller {
    /// Walks the control log from its start and answers with the records from an offset on, at most so many.
    pub async fn audit(&self, from: u64, limit: usize) -> crate::Result<AuditPage> {
        // The log first: what is carried out meanwhile is at its end, and is not taken for missing.
        let walked = self.walk(from).await?;
        let mut ended = self.ended().await?;
        let mut records: Vec<AuditRecord> = Vec::new();
        for (control, at, judged) in walked {
            records.push(record(control, at, judged, ended.remove(&control)));
        }
        let end = self.log().end_offset(CONTROL, 0).await.map_err(logging("reading the control log"))?;
        let last = records.last().map(|record| record.control);
        let is_missing =
            |control: &u64| *control >= from && (last.is_some_and(|last| *control < last) || *control >= end);
        let missing = ended.into_iter().filter(|(control, _)| is_missing(control));
        records.extend(missing.map(|(control, ended)| AuditRecord {
            state: AuditState::Missing,
            problem: Some("missing"),
            outcome: Some(ended.outcome),
            ..blank(control)
        }));
        records.sort_by_key(|record| record.control);
        let more = records.len() > limit;
        records.truncate(limit);
        Ok(AuditPage { records, more })
    }

    async fn walk(&self, from: u64) -> crate::Result<Vec<(u64, Option<Instant>, Judged)>> {
        let failed = logging("reading the control log");
        let mut next = self.log().start_offset(CONTROL, 0).await.map_err(&failed)?;
        let mut chain = Chain::at_start(next);
        let mut walked = Vec::new();
        loop {
            let records = self.log().read(CONTROL, 0, next, READ_BYTES).await.map_err(&failed)?;
            let Some(last) = records.last() else { return Ok(walked) };
            next = last.offset + 1;
            for stored in &records {
                let judged = chain.judge(stored);
                if stored.offset >= from {
                    let at = stored.header.as_ref().ok().map(|header| Instant::from_micros(header.received));
                    walked.push((stored.offset, at, judged));
                }
            }
        }
    }

    async fn ended(&self) -> crate::Result<BTreeMap<u64, Ended>> {
        let before = self.store().month_records().await.map_err(storing("reading decisions about months"))?;
        let before = before.into_iter().map(|record| {
            (record.control, Ended { outcome: record.outcome.name().to_owned(), chain: String::new() })
        });
        let outcomes =
            self.store().control_outcomes(0..u64::MAX).await.map_err(storing("reading outcomes"))?;
        let outcomes = outcomes
            .into_iter()
            .map(|outcome| (outcome.control, Ended { outcome: outcome.outcome, chain: outcome.chain }));
        Ok(before.chain(outcomes).collect())
    }
}

fn record(control: u64, at: Option<Instant>, judged: Judged, ended: Option<Ended>) -> AuditRecord {
    match judged {
        Judged::Valid(Decision { action, content, chain, .. }) => {
            let replaced = ended.as_ref().is_some_and(|e| !e.chain.is_empty() && e.chain != chain);
            let outcome = ended.map(|ended| ended.outcome);
            let problem = replaced.then_some("replaced");
            AuditRecord { control, state: AuditState::Valid, problem, at, action, content, chain, outcome }
        }
        Judged::Void(void) => {
            let why = match void {
                Void::LostRace => None,
                Void::Detached => Some("detached"),
                Void::Altered => Some("altered"),
                Void::Unchained => Some("unchained"),
                Void::Unreadable => Some("unreadable"),
            };
            let problem = if ended.is_some() { Some("carried_out") } else { why };
            let outcome = ended.map(|ended| ended.outcome);
            AuditRecord { problem, at, outcome, ..blank(control) }
        }
    }
}

fn blank(control: u64) -> AuditRecord {
    AuditRecord {
        control,
        state: AuditState::Void,
        problem: None,
        at: None,
        action: String::new(),
        content: Map::new(),
        chain: String::new(),
        outcome: None,
    }
}

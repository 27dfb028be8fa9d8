//! What became of the decisions of the control log.

use std::iter::once as one;
use std::ops::Range;

use clickhouse::Row;
use domain::Instant;
use serde::Deserialize;

use crate::client::Store;
use crate::error::asking;
use crate::native::Block;
use crate::usage::instant;

/// What became of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlOutcome {
    /// The decision's offset in the control log.
    pub control: u64,
    /// What it was about, as in `month.close`.
    pub action: String,
    /// How it ended, as in `closed`, `refused`, `applied`.
    pub outcome: String,
    /// When it was decided.
    pub at: Instant,
    /// The chain of the record that was carried out, 64 hexadecimal digits.
    pub chain: String,
    /// What the one who decided is told, as JSON.
    pub answer: String,
}

#[derive(Row, Deserialize)]
struct OutcomeRow {
    control: u64,
    action: String,
    outcome: String,
    at: i64,
    chain: String,
    answer: String,
}

impl From<OutcomeRow> for ControlOutcome {
    fn from(row: OutcomeRow) -> Self {
        let OutcomeRow { control, action, outcome, at, chain, answer } = row;
        Self { control, action, outcome, at: instant(at), chain, answer }
    }
}

impl Store {
    /// Says how a decision ended. It is the last that is written of it; the same again changes nothing.
    pub async fn put_control_outcome(&self, outcome: &ControlOutcome) -> crate::Result<()> {
        let mut block = Block::new(1);
        block.fixed("control", "UInt64", one(outcome.control.to_le_bytes()));
        block.strings("action", one(outcome.action.as_bytes()));
        block.strings("outcome", one(outcome.outcome.as_bytes()));
        block.fixed("at", "DateTime64(6, 'UTC')", one(outcome.at.micros().to_le_bytes()));
        block.strings("chain", one(outcome.chain.as_bytes()));
        block.strings("answer", one(outcome.answer.as_bytes()));
        self.insert("control_outcomes", &block.into()).await
    }

    /// How a decision ended; none while it has not.
    pub async fn control_outcome(&self, control: u64) -> crate::Result<Option<ControlOutcome>> {
        let end = control.saturating_add(1);
        Ok(self.control_outcomes(control..end).await?.pop())
    }

    /// How the decisions between two offsets ended, by offset.
    pub async fn control_outcomes(&self, controls: Range<u64>) -> crate::Result<Vec<ControlOutcome>> {
        let rows = self
            .query(
                "SELECT ?fields FROM (
                     SELECT control, toString(action) AS action, toString(outcome) AS outcome, at, chain, answer
                     FROM control_outcomes FINAL WHERE control >= ? AND control < ?)
                 ORDER BY control",
            )
            .bind(controls.start)
            .bind(controls.end)
            .fetch_all::<OutcomeRow>()
            .await
            .map_err(asking("outcomes of decisions"))?;
        Ok(rows.into_iter().map(ControlOutcome::from).collect())
    }

    /// How the decisions about one thing ended, by offset.
    pub async fn control_outcomes_of(&self, action: &str) -> crate::Result<Vec<ControlOutcome>> {
        let rows = self
            .query(
                "SELECT ?fields FROM (
                     SELECT control, toString(action) AS action, toString(outcome) AS outcome, at, chain, answer
                     FROM (SELECT * FROM control_outcomes FINAL) AS ended WHERE ended.action = ?)
                 ORDER BY control",
            )
            .bind(action)
            .fetch_all::<OutcomeRow>()
            .await
            .map_err(asking("outcomes of decisions"))?;
        Ok(rows.into_iter().map(ControlOutcome::from).collect())
    }

    /// The offset after the last decision that has ended. They are carried out in order. Decisions about months from
    /// before this table was there count as well.
    pub async fn control_next(&self) -> crate::Result<u64> {
        self.query(
            "SELECT max(next) FROM (
                 SELECT if(count() = 0, 0, max(control) + 1) AS next FROM control_outcomes
                 UNION ALL SELECT if(count() = 0, 0, max(control) + 1) AS next FROM months)",
        )
        .fetch_one::<u64>()
        .await
        .map_err(asking("the last decision that has ended"))
    }
}

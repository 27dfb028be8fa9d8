//! What is billed: the lines and documents of frozen months, and what became of each decision about a month.
//!
//! A frozen month is written under the offset in the control log of what closed it; the [`MonthRecord`] that says
//! `closed` comes last. Nothing here is ever changed or deleted.

mod documents;
mod lines;

use std::iter::once as one;

use clickhouse::Row;
use domain::charge::{Charge, Totals};
use domain::{Instant, Money, Month, Rate};
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::client::Store;
use crate::error::{Error, asking};
use crate::native::Block;
use crate::rows::{days_of, month_of};
use crate::usage::instant;

/// What became of a decision about a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The month is preliminary.
    Preliminary,
    /// The month is frozen.
    Closed,
    /// Something stood in the way.
    Refused,
    /// The month was closed already.
    Unchanged,
}

impl Outcome {
    /// As it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Preliminary => "preliminary",
            Outcome::Closed => "closed",
            Outcome::Refused => "refused",
            Outcome::Unchanged => "unchanged",
        }
    }

    fn from_name(name: &str) -> Result<Self, Error> {
        [Outcome::Preliminary, Outcome::Closed, Outcome::Refused, Outcome::Unchanged]
            .into_iter()
            .find(|outcome| outcome.name() == name)
            .ok_or_else(|| Error::Unreadable { what: "outcome of a decision", value: name.to_owned() })
    }
}

/// A decision about a month, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthRecord {
    /// The decision's offset in the control log; of a closed month also the cut that it was frozen at.
    pub control: u64,
    /// The month.
    pub month: Month,
    /// What became of it.
    pub outcome: Outcome,
    /// When it was decided.
    pub at: Instant,
    /// Who decided, as he signed it; empty when nobody did.
    pub decided_by: String,
    /// The chain of the decision's record; empty for months that were decided before it was kept.
    pub chain: String,
    /// The version of the catalogue that it was decided on.
    pub catalogue: String,
    /// The surcharge rate in force in the month.
    pub rate: Option<Rate>,
    /// The rate's decision.
    pub rate_decision: String,
    /// Why the month was closed in spite of gaps; empty when it was not.
    pub accepted_gaps: String,
    /// What stood in the way, as JSON; empty when nothing did.
    pub blockers: String,
    /// How many lines were frozen.
    pub lines: u64,
    /// Their sums.
    pub totals: Totals,
    /// How many documents were frozen.
    pub documents: u32,
    /// The last number of a document that was given out up to here; none while there is no document at all, and unless
    /// the month was closed.
    pub document_last: Option<u64>,
    /// The hash of what was frozen; empty unless it was.
    pub hash: String,
}

#[derive(Row, Deserialize)]
struct RecordRow {
    control: u64,
    month: i32,
    outcome: String,
    at: i64,
    decided_by: String,
    chain: String,
    catalogue: String,
    rate: i64,
    rate_decision: String,
    accepted_gaps: String,
    blockers: String,
    lines: u64,
    gross: i64,
    joint: i64,
    net: i64,
    surcharge: i64,
    documents: u32,
    document_last: u64,
    hash: String,
}

impl RecordRow {
    fn record(self) -> Result<MonthRecord, Error> {
        Ok(MonthRecord {
            control: self.control,
            month: month_of(self.month)?,
            outcome: Outcome::from_name(&self.outcome)?,
            at: instant(self.at),
            decided_by: self.decided_by,
            chain: self.chain,
            catalogue: self.catalogue,
            rate: (self.rate >= 0).then(|| rate_of(self.rate)).transpose()?,
            rate_decision: self.rate_decision,
            accepted_gaps: self.accepted_gaps,
            blockers: self.blockers,
            lines: self.lines,
            totals: Totals {
                gross: Money::from_ore(self.gross),
                joint: Money::from_ore(self.joint),
                net: Money::from_ore(self.net),
                surcharge: Money::from_ore(self.surcharge),
            },
            documents: self.documents,
            document_last: (self.document_last > 0).then_some(self.document_last),
            hash: self.hash,
        })
    }
}

/// A rate's 10⁻⁸ parts: the mantissa of `Decimal(18, 8)`.
fn rate_number(rate: Rate) -> i64 {
    number(rate.fraction(), 8)
}

fn rate_of(number: i64) -> Result<Rate, Error> {
    let text = Decimal::new(number, 8).to_string();
    text.parse().map_err(|_| Error::Unreadable { what: "rate", value: text })
}

/// The mantissa of a decimal that has at most so many decimals. Prices, rates and shares have limits that make it fit.
fn number(mut value: Decimal, scale: u32) -> i64 {
    value.rescale(scale);
    i64::try_from(value.mantissa()).unwrap_or(i64::MAX)
}

impl Store {
    /// Every decision that was carried out, in the order of the control log.
    pub async fn month_records(&self) -> crate::Result<Vec<MonthRecord>> {
        let rows = self
            .query("SELECT ?fields FROM months FINAL ORDER BY control")
            .fetch_all::<RecordRow>()
            .await
            .map_err(asking("decisions about months"))?;
        rows.into_iter().map(RecordRow::record).collect()
    }

    /// What became of the decision at an offset of the control log; none until it was carried out.
    pub async fn month_record(&self, control: u64) -> crate::Result<Option<MonthRecord>> {
        let row = self
            .query("SELECT ?fields FROM months FINAL WHERE control = ?")
            .bind(control)
            .fetch_optional::<RecordRow>()
            .await
            .map_err(asking("a decision about a month"))?;
        row.map(RecordRow::record).transpose()
    }

    /// Says what became of a decision: after everything that it brought about is stored.
    pub async fn put_month_record(&self, record: &MonthRecord) -> crate::Result<()> {
        let mut block = Block::new(1);
        let money = |amount: Money| amount.ore().to_le_bytes();
        let rate = record.rate.map_or(-100_000_000, rate_number);
        block.fixed("control", "UInt64", one(record.control.to_le_bytes()));
        block.fixed("month", "Date32", one(days_of(record.month.first_day()).to_le_bytes()));
        block.strings("outcome", one(record.outcome.name().as_bytes()));
        block.fixed("at", "DateTime64(6, 'UTC')", one(record.at.micros().to_le_bytes()));
        block.strings("decided_by", one(record.decided_by.as_bytes()));
        block.strings("chain", one(record.chain.as_bytes()));
        block.strings("catalogue", one(record.catalogue.as_bytes()));
        block.fixed("rate", "Decimal(18, 8)", one(rate.to_le_bytes()));
        block.strings("rate_decision", one(record.rate_decision.as_bytes()));
        block.strings("accepted_gaps", one(record.accepted_gaps.as_bytes()));
        block.strings("blockers", one(record.blockers.as_bytes()));
        block.fixed("lines", "UInt64", one(record.lines.to_le_bytes()));
        block.fixed("gross", "Decimal(18, 2)", one(money(record.totals.gross)));
        block.fixed("joint", "Decimal(18, 2)", one(money(record.totals.joint)));
        block.fixed("net", "Decimal(18, 2)", one(money(record.totals.net)));
        block.fixed("surcharge", "Decimal(18, 2)", one(money(record.totals.surcharge)));
        block.fixed("documents", "UInt32", one(record.documents.to_le_bytes()));
        block.fixed("document_last", "UInt64", one(record.document_last.unwrap_or(0).to_le_bytes()));
        block.strings("hash", one(record.hash.as_bytes()));
        self.insert("months", &block.into()).await
    }

    /// Freezes a month's lines, in their order. They mean nothing until a [`MonthRecord`] says that the month is closed.
    pub async fn put_charges(&self, month: Month, cut: u64, charges: &[Charge]) -> crate::Result<()> {
        self.insert("charges", &lines::block(month, cut, charges).into()).await
    }

    /// The lines of a month that was frozen at a cut, in their order.
    pub async fn charges(&self, month: Month, cut: u64) -> crate::Result<Vec<Charge>> {
        let rows = self
            .query("SELECT ?fields FROM charges FINAL WHERE month = toDate32(?) AND cut = ? ORDER BY line")
            .bind(month.first_day().to_string())
            .bind(cut)
            .fetch_all::<lines::LineRow>()
            .await
            .map_err(asking("charges"))?;
        let mut reader = lines::Reader::default();
        rows.into_iter().map(|row| reader.charge(row)).collect()
    }
}

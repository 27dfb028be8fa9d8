//! The rows of revisions.

use super::{DailyUsage, Gap, Month, MonthlyUsage, days_of};
use crate::client::Store;
use crate::native::Block;

/// A distinct subject of a `unique` meter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubjectRow {
    /// The month.
    pub month: Month,
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The cost centre's code.
    pub costcentre: String,
    /// The class.
    pub class: String,
    /// The first 128 bits of BLAKE3 of the subject.
    pub subject: u128,
}

/// Rows of one revision, of any number of months and meters. They mean nothing until heads name them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RevisionRows {
    /// Months.
    pub months: Vec<MonthlyUsage>,
    /// Days, which add up to the months.
    pub days: Vec<DailyUsage>,
    /// Distinct subjects.
    pub subjects: Vec<SubjectRow>,
    /// What is missing, estimated or in excess.
    pub gaps: Vec<Gap>,
}

impl RevisionRows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.months.len() + self.days.len() + self.subjects.len() + self.gaps.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn first_day(month: Month) -> [u8; 4] {
    days_of(month.first_day()).to_le_bytes()
}

impl Store {
    /// Writes rows under a revision's key. After a failure the same rows are written again.
    pub async fn write_revision(&self, revision: u128, rows: &RevisionRows) -> crate::Result<()> {
        self.insert("usage_month", &months(revision, &rows.months).into()).await?;
        self.insert("usage_day", &days(revision, &rows.days).into()).await?;
        self.insert("usage_subjects", &subjects(revision, &rows.subjects).into()).await?;
        self.insert("usage_gaps", &gaps(revision, &rows.gaps).into()).await
    }
}

fn months(revision: u128, rows: &[MonthlyUsage]) -> Block {
    let mut block = Block::new(rows.len());
    block.fixed("month", "Date32", rows.iter().map(|row| first_day(row.month)));
    block.strings("service", rows.iter().map(|row| row.service.as_bytes()));
    block.strings("meter", rows.iter().map(|row| row.meter.as_bytes()));
    block.fixed("revision", "UInt128", rows.iter().map(|_| revision.to_le_bytes()));
    block.strings("costcentre", rows.iter().map(|row| row.costcentre.as_bytes()));
    block.strings("class", rows.iter().map(|row| row.class.as_bytes()));
    block.fixed("amount", "Int128", rows.iter().map(|row| row.amount.to_le_bytes()));
    block
}

fn days(revision: u128, rows: &[DailyUsage]) -> Block {
    let mut block = Block::new(rows.len());
    block.fixed("month", "Date32", rows.iter().map(|row| first_day(Month::of(row.day))));
    block.strings("service", rows.iter().map(|row| row.service.as_bytes()));
    block.strings("meter", rows.iter().map(|row| row.meter.as_bytes()));
    block.fixed("revision", "UInt128", rows.iter().map(|_| revision.to_le_bytes()));
    block.strings("costcentre", rows.iter().map(|row| row.costcentre.as_bytes()));
    block.strings("class", rows.iter().map(|row| row.class.as_bytes()));
    block.fixed("day", "Date32", rows.iter().map(|row| days_of(row.day).to_le_bytes()));
    block.fixed("amount", "Int128", rows.iter().map(|row| row.amount.to_le_bytes()));
    block
}

fn subjects(revision: u128, rows: &[SubjectRow]) -> Block {
    let mut block = Block::new(rows.len());
    block.fixed("month", "Date32", rows.iter().map(|row| first_day(row.month)));
    block.strings("service", rows.iter().map(|row| row.service.as_bytes()));
    block.strings("meter", rows.iter().map(|row| row.meter.as_bytes()));
    block.fixed("revision", "UInt128", rows.iter().map(|_| revision.to_le_bytes()));
    block.strings("costcentre", rows.iter().map(|row| row.costcentre.as_bytes()));
    block.strings("class", rows.iter().map(|row| row.class.as_bytes()));
    block.fixed("subject", "UInt128", rows.iter().map(|row| row.subject.to_le_bytes()));
    block
}

fn gaps(revision: u128, rows: &[Gap]) -> Block {
    let mut block = Block::new(rows.len());
    block.fixed("month", "Date32", rows.iter().map(|row| first_day(row.month)));
    block.strings("service", rows.iter().map(|row| row.service.as_bytes()));
    block.strings("meter", rows.iter().map(|row| row.meter.as_bytes()));
    block.fixed("revision", "UInt128", rows.iter().map(|_| revision.to_le_bytes()));
    block.strings("kind", rows.iter().map(|row| row.kind.name().as_bytes()));
    block.strings("source", rows.iter().map(|row| row.source.as_bytes()));
    block.strings("subject", rows.iter().map(|row| row.subject.as_bytes()));
    block.strings("series", rows.iter().map(|row| row.series.as_bytes()));
    block.fixed("first_day", "Date32", rows.iter().map(|row| days_of(row.first_day).to_le_bytes()));
    block.fixed("last_day", "Date32", rows.iter().map(|row| days_of(row.last_day).to_le_bytes()));
    block.fixed("count", "UInt64", rows.iter().map(|row| row.count.to_le_bytes()));
    block
}

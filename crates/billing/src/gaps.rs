//! What a month's data lacks, and what was decided about it (R18, counting §6).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::NaiveDate;
use domain::Month;
use domain::catalogue::{Catalogue, Service};
use domain::rating::Rated;
use domain::usage::MeterKind;
use futures::future::try_join_all;
use store::usage::{Gap, GapKind};

use crate::bill::MonthState;
use crate::biller::{Biller, listed};
use crate::blocker;
use crate::error::storing;
use crate::ledger::Ledger;
use crate::reckoning::Revisions;
use crate::view::View;

/// What is wrong with some days of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MonthGapKind {
    /// A service that is measured monthly has no usage at all in the month.
    NoData,
    /// There is no data, and nothing may be carried so far.
    Missing,
    /// The last complete snapshot was carried forward, at most three days.
    Estimated,
    /// A subject had more than one observation in a snapshot; one of them counts.
    Excess,
}

impl MonthGapKind {
    /// The stable name, as in answers.
    pub const fn name(self) -> &'static str {
        match self {
            MonthGapKind::NoData => "no_data",
            MonthGapKind::Missing => GapKind::Missing.name(),
            MonthGapKind::Estimated => GapKind::Estimated.name(),
            MonthGapKind::Excess => GapKind::Excess.name(),
        }
    }
}

impl From<GapKind> for MonthGapKind {
    fn from(kind: GapKind) -> Self {
        match kind {
            GapKind::Missing => MonthGapKind::Missing,
            GapKind::Estimated => MonthGapKind::Estimated,
            GapKind::Excess => MonthGapKind::Excess,
        }
    }
}

/// Whether somebody has to decide about a gap.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapDecision {
    /// Nobody: it is only shown.
    NotNeeded,
    /// It stands in the way of closing the month.
    Needed,
    /// The month was closed in spite of its gaps, for this reason.
    Accepted(String),
}

impl GapDecision {
    /// The stable name, as in answers.
    pub const fn name(&self) -> &'static str {
        match self {
            GapDecision::NotNeeded => "not_needed",
            GapDecision::Needed => "needed",
            GapDecision::Accepted(_) => "accepted",
        }
    }
}

/// Days of a month that are missing, estimated or in excess, as far as is known now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonthGap {
    /// The service's slug.
    pub service: String,
    /// The meter's slug; none where the whole service is meant.
    pub meter: Option<String>,
    /// Whose data; empty where the whole service is meant.
    pub source: String,
    /// The first day.
    pub first_day: NaiveDate,
    /// The last day.
    pub last_day: NaiveDate,
    /// The subject of a series; empty where the source's whole snapshot is meant.
    pub subject: String,
    /// The series' dimensions; empty without.
    pub series: String,
    /// What is wrong.
    pub kind: MonthGapKind,
    /// How many days, or how many observations in excess.
    pub count: u64,
    /// Whether somebody has to decide.
    pub decision: GapDecision,
}

impl View {
    /// What the data of some months lacks, month by month, ordered by service, meter, source and day. Nothing of months that
    /// are not there.
    pub async fn gaps(&self, months: RangeInclusive<Month>) -> crate::Result<Vec<MonthGap>> {
        let of_month = |month| self.biller.gaps_as_of(&self.catalogue, month, &self.ledger, &self.revisions);
        Ok(try_join_all(months.start().through(*months.end()).map(of_month)).await?.concat())
    }
}

impl Biller {
    /// What the data of a month lacks as of some revisions of the usage, by what a catalogue asks for.
    pub(crate) async fn gaps_as_of(
        &self,
        catalogue: &Arc<Catalogue>,
        month: Month,
        ledger: &Ledger,
        revisions: &Revisions,
    ) -> crate::Result<Vec<MonthGap>> {
        if !listed(ledger, revisions).contains(&month) {
            return Ok(Vec::new());
        }
        let found = self.store().gaps(month, revisions.as_of).await.map_err(storing("reading gaps"))?;
        let decision = |gap: &Gap| {
            let accepted = ledger.closing(month).map(|record| record.accepted_gaps.clone());
            match accepted.filter(|why| !why.is_empty()) {
                _ if !blocker::needs_decision(catalogue, gap) => GapDecision::NotNeeded,
                Some(why) => GapDecision::Accepted(why),
                None if ledger.state(month) == MonthState::Closed => GapDecision::NotNeeded,
                None => GapDecision::Needed,
            }
        };
        let mut gaps: Vec<MonthGap> =
            found.iter().map(|gap| MonthGap { decision: decision(gap), ..MonthGap::of(gap) }).collect();
        let reckoned =
            self.reckoner().reckon(catalogue, month, revisions, ledger.bills_agreements(month)).await?;
        let without = without_data(catalogue, month, &reckoned.rated);
        gaps.extend(without.into_iter().map(|service| MonthGap::no_data(&service.slug, month)));
        gaps.sort();
        Ok(gaps)
    }
}

impl MonthGap {
    fn of(gap: &Gap) -> Self {
        Self {
            service: gap.service.clone(),
            meter: Some(gap.meter.clone()),
            source: gap.source.clone(),
            first_day: gap.first_day,
            last_day: gap.last_day,
            subject: gap.subject.clone(),
            series: gap.series.clone(),
            kind: gap.kind.into(),
            count: gap.count,
            decision: GapDecision::NotNeeded,
        }
    }

    /// It is reported and never taken for zero, but does not stand in the way: nobody may have used the service.
    fn no_data(service: &str, month: Month) -> Self {
        Self {
            service: service.to_owned(),
            meter: None,
            source: String::new(),
            first_day: month.first_day(),
            last_day: month.last_day(),
            subject: String::new(),
            series: String::new(),
            kind: MonthGapKind::NoData,
            count: month.day_count().into(),
            decision: GapDecision::NotNeeded,
        }
    }
}

/// The services that are measured monthly and have no usage at all in a month, though they had begun: a gap, and never
/// zero (R18). Agreements are no measurements.
pub(crate) fn without_data<'c>(catalogue: &'c Catalogue, month: Month, rated: &Rated) -> Vec<&'c Service> {
    let measured = |service: &str, kind: MeterKind| (kind != MeterKind::Fixed).then(|| service.to_owned());
    let with: BTreeSet<String> = rated
        .lines
        .iter()
        .chain(&rated.unpriced)
        .filter_map(|line| measured(&line.tariff.service, line.tariff.kind))
        .collect();
    let wanted = |service: &&Service| {
        service.monthly_measured
            && service.start <= month.first_day()
            && service.meters.values().any(|meter| meter.kind != MeterKind::Fixed)
            && !with.contains(&service.slug)
    };
    catalogue.services.values().filter(wanted).collect()
}

/// How many days of a month each meter has gaps of a kind, whatever sources and subjects they are of.
pub(crate) fn days_of(gaps: &[Gap], kind: GapKind) -> BTreeMap<(&str, &str), u32> {
    let mut days: BTreeMap<(&str, &str), BTreeSet<NaiveDate>> = BTreeMap::new();
    for gap in gaps.iter().filter(|gap| gap.kind == kind) {
        let of_gap = gap.first_day.iter_days().take_while(|day| *day <= gap.last_day);
        days.entry((&gap.service, &gap.meter)).or_default().extend(of_gap);
    }
    days.into_iter().map(|(meter, days)| (meter, u32::try_from(days.len()).unwrap_or(u32::MAX))).collect()
}

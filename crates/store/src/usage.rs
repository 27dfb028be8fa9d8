//! What everybody else reads: monthly and daily usage, distinct subjects, gaps, and what a number is made of.
//!
//! Every answer about a (month, service, meter) comes from one revision of it. Which one, is for [`AsOf`] to say.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::NaiveDate;
use clickhouse::Row;
use domain::usage::{DailyUsage, MonthlyUsage};
use domain::{Instant, Month};
use serde::Deserialize;

use crate::client::Store;
use crate::error::{Error, asking};
use crate::rows::{date_of, month_of};

mod behind;
mod books;
mod days;
mod subjects;

pub use behind::{CountedEvent, EventPlace, EventsBehind, SourceOf};
pub use books::{Books, Lag, Mark, OutcomeCount, QuarantineCount};
pub use days::DaySum;
pub use subjects::DistinctSubjects;

/// As of when usage is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AsOf {
    /// The freshest complete revision of each meter and month. It may include windows that are still open.
    Newest,
    /// As of the barriers with this offset in the control log; [`Store::cut_ready`] says when it is there.
    Cut(u64),
}

/// Which daily usage is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DailyFilter {
    /// Only these cost centres; all without.
    pub costcentres: Option<Vec<String>>,
    /// Only this service.
    pub service: Option<String>,
    /// Only this meter (of that service, or of all that have one of this name).
    pub meter: Option<String>,
}

/// How distinct subjects are grouped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubjectGrouping {
    /// Whether classes are told apart.
    pub by_class: bool,
    /// The group of each cost centre; those that are not here are a group of their own code. None: all are one group,
    /// with an empty name.
    pub groups: Option<BTreeMap<String, String>>,
}

/// Distinct subjects of a `unique` meter in one group. Groups never add up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UniqueUsage {
    /// The month.
    pub month: Month,
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The class, empty unless classes are told apart.
    pub class: String,
    /// The group of cost centres.
    pub group: String,
    /// The exact amount: a million for each subject.
    pub amount: i128,
}

/// What is wrong with some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapKind {
    /// There is no data, and nothing may be carried so far. Needs a decision.
    Missing,
    /// The last complete snapshot was carried forward (at most three days).
    Estimated,
    /// A subject had more than one observation in a snapshot; the highest (seq, id) counts.
    Excess,
}

impl GapKind {
    /// As it is stored.
    pub const fn name(self) -> &'static str {
        match self {
            GapKind::Missing => "missing",
            GapKind::Estimated => "estimated",
            GapKind::Excess => "excess",
        }
    }

    fn from_name(name: &str) -> Result<Self, Error> {
        [GapKind::Missing, GapKind::Estimated, GapKind::Excess]
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| Error::Unreadable { what: "kind of gap", value: name.to_owned() })
    }
}

/// Days of a month that are missing, estimated or in excess.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The month.
    pub month: Month,
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// What is wrong.
    pub kind: GapKind,
    /// Whose data.
    pub source: String,
    /// The series' subject; empty where the source's whole snapshot is meant.
    pub subject: String,
    /// The series' dimensions; empty without.
    pub series: String,
    /// The first day.
    pub first_day: NaiveDate,
    /// The last day.
    pub last_day: NaiveDate,
    /// How many days, or how many observations in excess.
    pub count: u64,
}

#[derive(Row, Deserialize)]
struct MonthRow {
    month: i32,
    service: String,
    meter: String,
    costcentre: String,
    class: String,
    amount: i128,
}

#[derive(Row, Deserialize)]
struct DayRow {
    day: i32,
    service: String,
    meter: String,
    costcentre: String,
    class: String,
    amount: i128,
}

#[derive(Row, Deserialize)]
struct SubjectsRow {
    month: i32,
    service: String,
    meter: String,
    class: String,
    group: String,
    subjects: u64,
}

#[derive(Row, Deserialize)]
struct GapRow {
    month: i32,
    service: String,
    meter: String,
    kind: String,
    source: String,
    subject: String,
    series: String,
    first_day: i32,
    last_day: i32,
    count: u64,
}

/// The revision of each (month, service, meter) between two months: bind the first and the last month, then the cut.
const HEADS: &str = "(month, service, meter, revision) IN (
    SELECT month, service, meter, argMax(revision, (generation, reach, until, revision))
    FROM revisions FINAL
    WHERE month BETWEEN toDate32(?) AND toDate32(?) AND cut = ?
    GROUP BY month, service, meter)";

/// `revisions.cut` of what is wanted: -1 for the previews.
pub(crate) fn cut_number(as_of: AsOf) -> i64 {
    match as_of {
        AsOf::Newest => -1,
        AsOf::Cut(offset) => i64::try_from(offset).unwrap_or(i64::MAX),
    }
}

fn first_day(month: Month) -> String {
    month.first_day().to_string()
}

impl Store {
    /// The monthly usage of a range of months, ordered by month, service, meter, cost centre and class. Amounts of zero
    /// are left out.
    pub async fn monthly_usage(
        &self,
        months: RangeInclusive<Month>,
        as_of: AsOf,
    ) -> crate::Result<Vec<MonthlyUsage>> {
        let (first, last) = (first_day(*months.start()), first_day(*months.end()));
        let rows = self
            .query(&format!(
                "SELECT ?fields FROM usage_month FINAL
                 WHERE month BETWEEN toDate32(?) AND toDate32(?) AND {HEADS}
                 ORDER BY month, service, meter, costcentre, class"
            ))
            .bind(&first)
            .bind(&last)
            .bind(&first)
            .bind(&last)
            .bind(cut_number(as_of))
            .fetch_all::<MonthRow>()
            .await
            .map_err(asking("monthly usage"))?;
        rows.into_iter()
            .map(|row| {
                Ok(MonthlyUsage {
                    month: month_of(row.month)?,
                    service: row.service,
                    meter: row.meter,
                    costcentre: row.costcentre,
                    class: row.class,
                    amount: row.amount,
                })
            })
            .collect()
    }

    /// The days of a month, which add up to its [`Store::monthly_usage`]; ordered by service, meter, cost centre, class
    /// and day.
    pub async fn daily_usage(
        &self,
        month: Month,
        as_of: AsOf,
        filter: &DailyFilter,
    ) -> crate::Result<Vec<DailyUsage>> {
        let first = first_day(month);
        let mut sql = format!("SELECT ?fields FROM usage_day FINAL WHERE month = toDate32(?) AND {HEADS}");
        for (wanted, condition) in [
            (filter.service.is_some(), " AND service = ?"),
            (filter.meter.is_some(), " AND meter = ?"),
            (filter.costcentres.is_some(), " AND has(?, costcentre)"),
        ] {
            if wanted {
                sql.push_str(condition);
            }
        }
        sql.push_str(" ORDER BY service, meter, costcentre, class, day");
        let mut query = self.query(&sql).bind(&first).bind(&first).bind(&first).bind(cut_number(as_of));
        for slug in [&filter.service, &filter.meter].into_iter().flatten() {
            query = query.bind(slug);
        }
        if let Some(costcentres) = &filter.costcentres {
            if costcentres.is_empty() {
                return Ok(Vec::new());
            }
            query = query.bind(costcentres);
        }
        let rows = query.fetch_all::<DayRow>().await.map_err(asking("daily usage"))?;
        rows.into_iter()
            .map(|row| {
                Ok(DailyUsage {
                    day: date_of(row.day)?,
                    service: row.service,
                    meter: row.meter,
                    costcentre: row.costcentre,
                    class: row.class,
                    amount: row.amount,
                })
            })
            .collect()
    }

    /// The distinct subjects of `unique` meters, counted anew for groups of cost centres.
    pub async fn unique_usage(
        &self,
        months: RangeInclusive<Month>,
        as_of: AsOf,
        grouping: &SubjectGrouping,
    ) -> crate::Result<Vec<UniqueUsage>> {
        let (first, last) = (first_day(*months.start()), first_day(*months.end()));
        let class = if grouping.by_class { "toString(class)" } else { "''" };
        let group = match &grouping.groups {
            None => "''",
            // An empty map would be an array without a type.
            Some(groups) if groups.is_empty() => "toString(costcentre)",
            Some(_) => "transform(toString(costcentre), ?, ?, toString(costcentre))",
        };
        let sql = format!(
            "SELECT ?fields FROM (
                 SELECT month, service, meter, {class} AS class, {group} AS group, uniqExact(subject) AS subjects
                 FROM usage_subjects FINAL
                 WHERE month BETWEEN toDate32(?) AND toDate32(?) AND {HEADS}
                 GROUP BY month, service, meter, class, group)
             ORDER BY month, service, meter, class, group"
        );
        let mut query = self.query(&sql);
        if let Some(groups) = grouping.groups.as_ref().filter(|groups| !groups.is_empty()) {
            query = query.bind(groups.keys().collect::<Vec<_>>()).bind(groups.values().collect::<Vec<_>>());
        }
        let rows = query
            .bind(&first)
            .bind(&last)
            .bind(&first)
            .bind(&last)
            .bind(cut_number(as_of))
            .fetch_all::<SubjectsRow>()
            .await
            .map_err(asking("distinct subjects"))?;
        rows.into_iter()
            .map(|row| {
                Ok(UniqueUsage {
                    month: month_of(row.month)?,
                    service: row.service,
                    meter: row.meter,
                    class: row.class,
                    group: row.group,
                    amount: i128::from(row.subjects) * domain::usage::MeterKind::one(),
                })
            })
            .collect()
    }

    /// What is missing, estimated or in excess in a month, ordered by service, meter, source and day.
    pub async fn gaps(&self, month: Month, as_of: AsOf) -> crate::Result<Vec<Gap>> {
        let first = first_day(month);
        let rows = self
            .query(&format!(
                "SELECT ?fields FROM usage_gaps FINAL WHERE month = toDate32(?) AND {HEADS}
                 ORDER BY service, meter, source, first_day, subject, series, kind"
            ))
            .bind(&first)
            .bind(&first)
            .bind(&first)
            .bind(cut_number(as_of))
            .fetch_all::<GapRow>()
            .await
            .map_err(asking("gaps"))?;
        rows.into_iter()
            .map(|row| {
                Ok(Gap {
                    month: month_of(row.month)?,
                    service: row.service,
                    meter: row.meter,
                    kind: GapKind::from_name(&row.kind)?,
                    source: row.source,
                    subject: row.subject,
                    series: row.series,
                    first_day: date_of(row.first_day)?,
                    last_day: date_of(row.last_day)?,
                    count: row.count,
                })
            })
            .collect()
    }

    /// Whether everything before the barriers with this offset in the control log is rolled up.
    pub async fn cut_ready(&self, cut: u64) -> crate::Result<bool> {
        let found = self
            .query("SELECT count() FROM cuts WHERE cut = ?")
            .bind(cut)
            .fetch_one::<u64>()
            .await
            .map_err(asking("a cut"))?;
        Ok(found > 0)
    }

    /// What changes whenever the newest usage of a month may have changed: for caches.
    pub async fn newest_revision(&self, month: Month) -> crate::Result<u128> {
        #[derive(Row, Deserialize)]
        struct Token {
            token: u128,
        }
        let row = self
            .query(
                "SELECT reinterpretAsUInt128(sipHash128(arraySort(groupArray((service, meter, head))))) AS token FROM (
                     SELECT toString(service) AS service, toString(meter) AS meter,
                            argMax(revision, (generation, reach, until, revision)) AS head
                     FROM revisions FINAL WHERE month = toDate32(?) AND cut = -1 GROUP BY service, meter)",
            )
            .bind(first_day(month))
            .fetch_one::<Token>()
            .await
            .map_err(asking("a month's revision"))?;
        Ok(row.token)
    }

    /// The months that have a revision, in order, up to the last that an event belongs to: what is only carried into
    /// later ones makes no month of them.
    pub async fn months_with_usage(&self, as_of: AsOf) -> crate::Result<Vec<Month>> {
        let rows = self
            .query("SELECT DISTINCT month FROM revisions FINAL WHERE cut = ? ORDER BY month")
            .bind(cut_number(as_of))
            .fetch_all::<i32>()
            .await
            .map_err(asking("months"))?;
        let months: Vec<Month> = rows.into_iter().map(month_of).collect::<Result<_, _>>()?;
        let last = self.last_month_touched().await?;
        Ok(months.into_iter().filter(|month| last.is_none_or(|last| *month <= last)).collect())
    }

    /// The last month that an event belongs to; none before the first was counted.
    pub async fn last_month_touched(&self) -> crate::Result<Option<Month>> {
        let last = self
            .query("SELECT max(arrayMax(touched_month)) FROM progress FINAL WHERE notEmpty(touched_month) HAVING count() > 0")
            .fetch_optional::<i32>()
            .await
            .map_err(asking("the last month of an event"))?;
        last.map(month_of).transpose()
    }
}

/// From the column's microseconds.
pub(crate) fn instant(micros: i64) -> Instant {
    Instant::from_micros(micros)
}

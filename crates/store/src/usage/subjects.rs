//! Distinct subjects of more than a month, and the subjects themselves.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use clickhouse::Row;
use domain::Month;
use serde::Deserialize;

use super::{AsOf, HEADS, cut_number, first_day};
use crate::client::Store;
use crate::error::asking;
use crate::rollup::SubjectRow;

/// Distinct subjects of a `unique` meter in one group over several months.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Row, Deserialize)]
pub struct DistinctSubjects {
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The group of cost centres.
    pub group: String,
    /// How many.
    pub subjects: u64,
}

#[derive(Row, Deserialize)]
struct OneRow {
    costcentre: String,
    class: String,
    subject: u128,
}

impl Store {
    /// The distinct subjects of each `unique` meter over some months, counted once however many months each was seen in.
    /// Pseudonyms hold for a calendar year (§2.7), so the months must be of one. `groups` has the group of each cost
    /// centre; those that it lacks are in the group without a name, and without it all are.
    pub async fn distinct_subjects(
        &self,
        months: RangeInclusive<Month>,
        as_of: AsOf,
        groups: Option<&BTreeMap<String, String>>,
    ) -> crate::Result<Vec<DistinctSubjects>> {
        let (first, last) = (first_day(*months.start()), first_day(*months.end()));
        // An empty map would be an array without a type.
        let groups = groups.filter(|groups| !groups.is_empty());
        let group = if groups.is_some() { "transform(toString(costcentre), ?, ?, '')" } else { "''" };
        let sql = format!(
            "SELECT ?fields FROM (
                 SELECT service, meter, {group} AS group, uniqExact(subject) AS subjects
                 FROM usage_subjects FINAL
                 WHERE month BETWEEN toDate32(?) AND toDate32(?) AND {HEADS}
                 GROUP BY service, meter, group)
             ORDER BY service, meter, group"
        );
        let mut query = self.query(&sql);
        if let Some(groups) = groups {
            query = query.bind(groups.keys().collect::<Vec<_>>()).bind(groups.values().collect::<Vec<_>>());
        }
        query
            .bind(&first)
            .bind(&last)
            .bind(&first)
            .bind(&last)
            .bind(cut_number(as_of))
            .fetch_all()
            .await
            .map_err(asking("distinct subjects of a year"))
    }

    /// The subjects of a `unique` meter in a month, by cost centre and class.
    pub async fn subjects(
        &self,
        month: Month,
        as_of: AsOf,
        service: &str,
        meter: &str,
    ) -> crate::Result<Vec<SubjectRow>> {
        let first = first_day(month);
        let rows = self
            .query(&format!(
                "SELECT ?fields FROM usage_subjects FINAL
                 WHERE month = toDate32(?) AND service = ? AND meter = ? AND {HEADS}
                 ORDER BY costcentre, class, subject"
            ))
            .bind(&first)
            .bind(service)
            .bind(meter)
            .bind(&first)
            .bind(&first)
            .bind(cut_number(as_of))
            .fetch_all::<OneRow>()
            .await
            .map_err(asking("subjects"))?;
        let row = |row: OneRow| SubjectRow {
            month,
            service: service.to_owned(),
            meter: meter.to_owned(),
            costcentre: row.costcentre,
            class: row.class,
            subject: row.subject,
        };
        Ok(rows.into_iter().map(row).collect())
    }
}

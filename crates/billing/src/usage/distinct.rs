//! Distinct subjects, counted anew for each group: groups never add up.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::Month;
use domain::access::Belongs;
use domain::catalogue::Catalogue;
use domain::event::CustomerKind;
use domain::usage::MeterKind;
use store::usage::{SubjectGrouping, UniqueUsage};

use super::{UsageItem, UsageQuery, wanted};
use crate::sums::MonthSums;
use crate::view::View;

/// What tells groups apart, in the order of the answer: month, service, meter, class, customer, cost centre.
type Key = (Month, String, String, String, Option<String>, String);

impl View {
    /// Distinct subjects of `unique` meters by group, counted anew wherever a group has more than one class of one cost
    /// centre. A cost centre that changes hands within a month counts with who owns it on the month's last day.
    pub(super) async fn distinct(
        &self,
        query: &UsageQuery,
        sums: &[Arc<MonthSums>],
    ) -> crate::Result<BTreeMap<Key, i128>> {
        let mut amounts = BTreeMap::new();
        let is_single = query.by_class && query.by_costcentre;
        for MonthSums { month, sums, .. } in sums.iter().map(Arc::as_ref) {
            let has_unique =
                sums.iter().any(|sum| sum.tariff.kind == MeterKind::Unique && wanted(&sum.tariff, query));
            if !has_unique || is_single {
                continue;
            }
            // Who sees but some cost centres of a service sees their subjects alone.
            let sights = [Sight::Everyones, Sight::Own];
            for sight in
                sights.into_iter().filter(|sight| *sight == Sight::Everyones || !query.viewer.sees_all())
            {
                let grouping = SubjectGrouping {
                    by_class: query.by_class,
                    groups: groups(query, &self.catalogue, *month, sight),
                };
                let found = self.reckoner().distinct(*month, &self.revisions, &grouping).await?;
                let is_seen = |row: &UniqueUsage| {
                    (sight == Sight::Everyones) == query.viewer.sees_service(&row.service)
                };
                let seen = found.iter().filter(|row| is_seen(row));
                amounts.extend(seen.map(|row| (row_key(query, row.clone()), row.amount)));
            }
        }
        Ok(amounts)
    }
}

/// Whether cost centres (else customers) are told apart, by the question or by what it is limited to.
pub(super) fn is_by_costcentre(query: &UsageQuery) -> bool {
    query.by_costcentre || query.costcentre.is_some()
}

fn is_by_customer(query: &UsageQuery) -> bool {
    query.by_customer || query.customer.is_some()
}

/// Whose subjects are counted: those of services that one sees whole, or of one's own cost centres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Everyones,
    Own,
}

/// The group of each cost centre for counting distinct subjects: itself, its payer, or one for all. A cost centre that is not
/// seen is a group of its own, which nobody asks for.
fn groups(
    query: &UsageQuery,
    catalogue: &Catalogue,
    month: Month,
    sight: Sight,
) -> Option<BTreeMap<String, String>> {
    if is_by_costcentre(query) {
        return Some(BTreeMap::new());
    }
    let is_seen = |code: &str| {
        let customer = catalogue.payer(code, month.last_day());
        sight == Sight::Everyones || query.viewer.sees(Belongs { service: "", customer, costcentre: code })
    };
    (is_by_customer(query) || query.by_object || sight == Sight::Own).then(|| {
        let is_told = |payer: &&str| {
            let known = catalogue.customers.get(*payer);
            is_by_customer(query) || known.is_some_and(|known| known.kind == CustomerKind::Objekt)
        };
        let payer =
            |code: &String| catalogue.payer(code, month.last_day()).filter(is_told).unwrap_or("").to_owned();
        let seen = catalogue.costcentres.keys().filter(|code| is_seen(code));
        seen.map(|code| (code.clone(), payer(code))).collect()
    })
}

fn row_key(query: &UsageQuery, row: UniqueUsage) -> Key {
    let (customer, costcentre) = if is_by_costcentre(query) {
        (None, row.group)
    } else {
        (Some(row.group).filter(|group| !group.is_empty()), String::new())
    };
    (row.month, row.service, row.meter, row.class, customer, costcentre)
}

pub(super) fn key_of(query: &UsageQuery, item: &UsageItem) -> Key {
    let class = item.class.clone().unwrap_or_default();
    let (service, meter) = (item.tariff.service.clone(), item.tariff.meter.clone());
    let (customer, costcentre) = if is_by_costcentre(query) {
        (None, item.costcentre.clone().or_else(|| query.costcentre.clone()).unwrap_or_default())
    } else {
        (item.customer.clone().or_else(|| query.customer.clone()), String::new())
    };
    (item.month, service, meter, class, customer, costcentre)
}

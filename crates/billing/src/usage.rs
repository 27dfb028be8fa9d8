//! Usage and its cost, grouped as it is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::access::{Belongs, Viewer};
use domain::catalogue::Catalogue;
use domain::event::CustomerKind;
use domain::rating::{Line, Payer, Rated, Tariff};
use domain::usage::MeterKind;
use domain::{Money, Month, Quantity};
use store::usage::{GapKind, SubjectGrouping, UniqueUsage};

use crate::biller::{Biller, listed};
use crate::error::storing;
use crate::gaps::days_of;
use crate::reckoning::{Reckoned, Revisions, off_the_loop};

/// Which usage, in which groups. Month, service and meter always tell groups apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuery {
    /// The first month.
    pub from: Month,
    /// The last month.
    pub to: Month,
    /// Whether classes are told apart.
    pub by_class: bool,
    /// Whether payers are told apart.
    pub by_customer: bool,
    /// Whether payers that are other objects, which order platform services, are told apart; all others together are one.
    pub by_object: bool,
    /// Whether cost centres are told apart.
    pub by_costcentre: bool,
    /// Only this service.
    pub service: Option<String>,
    /// Only this meter.
    pub meter: Option<String>,
    /// Only this payer.
    pub customer: Option<String>,
    /// Only this cost centre.
    pub costcentre: Option<String>,
    /// Only services of this object product.
    pub product: Option<String>,
    /// Only what somebody sees.
    pub viewer: Viewer,
}

impl UsageQuery {
    /// All usage of some months, by month, service and meter.
    pub fn of(from: Month, to: Month) -> Self {
        Self {
            from,
            to,
            by_class: false,
            by_customer: false,
            by_object: false,
            by_costcentre: false,
            service: None,
            meter: None,
            customer: None,
            costcentre: None,
            product: None,
            viewer: Viewer::admin(),
        }
    }
}

/// The usage of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageItem {
    /// The month.
    pub month: Month,
    /// The meter and its service, as it is in the month; the class and its price are those of one of the group's classes.
    pub tariff: Arc<Tariff>,
    /// The class; none unless classes are told apart.
    pub class: Option<String>,
    /// The payer's code; none when nobody pays, or unless payers are told apart. Where only objects are told apart, that of
    /// an object.
    pub customer: Option<String>,
    /// The cost centre's code; none unless cost centres are told apart.
    pub costcentre: Option<String>,
    /// How much, reckoned for the whole group and rounded once. Of a `unique` meter the distinct subjects of the group:
    /// groups never add up.
    pub quantity: Quantity,
    /// The sum of the rounded lines' gross.
    pub cost: Money,
    /// On how many days of the month some source's amounts of the meter were carried from its last complete snapshot
    /// (counting §6), whatever cost centres they are under.
    pub estimated_days: u32,
}

/// What tells groups apart, in the order of the answer: month, service, meter, class, customer, cost centre.
type Key = (Month, String, String, String, Option<String>, String);

impl Biller {
    /// Usage and its cost, ordered by month, service, meter, class, customer and cost centre. Closed months are reckoned
    /// with what came later, as if it had come in time.
    pub async fn usage_items(&self, query: &UsageQuery) -> crate::Result<Vec<UsageItem>> {
        let (ledger, revisions) = self.as_of_now().await?;
        let catalogue = self.catalogue();
        let months: Vec<Month> = listed(&ledger, &revisions)
            .into_iter()
            .chain(revisions.months().filter(|month| !ledger.bills_agreements(*month)))
            .filter(|month| (query.from..=query.to).contains(month))
            .collect();
        let mut reckoned = Vec::new();
        for month in months {
            let agreements = ledger.bills_agreements(month);
            reckoned.push(self.reckoner().reckon(&catalogue, month, &revisions, agreements).await?);
        }
        let distinct = self.distinct(query, &catalogue, &reckoned, &revisions).await?;
        let estimated = self.estimated(&reckoned, &revisions).await?;
        let query = query.clone();
        Ok(off_the_loop(move || {
            let mut items: Vec<UsageItem> =
                reckoned.iter().flat_map(|month| group(&month.rated, &query)).collect();
            for item in items.iter_mut().filter(|item| item.tariff.kind == MeterKind::Unique) {
                if let Some(amount) = distinct.get(&distinct_key(&query, item)) {
                    item.quantity = MeterKind::Unique.quantity(*amount, item.month);
                }
            }
            for item in &mut items {
                let (service, meter, _) = item.tariff.key();
                let days = estimated.get(&(item.month, service.to_owned(), meter.to_owned()));
                item.estimated_days = days.copied().unwrap_or_default();
            }
            items.sort_by(|a, b| order(a).cmp(&order(b)));
            items
        })
        .await)
    }

    /// The estimated days of each month, service and meter that has any.
    async fn estimated(
        &self,
        reckoned: &[Arc<Reckoned>],
        revisions: &Revisions,
    ) -> crate::Result<BTreeMap<(Month, String, String), u32>> {
        let mut estimated = BTreeMap::new();
        for month in reckoned.iter().map(|reckoned| reckoned.rated.month) {
            let gaps = self.store().gaps(month, revisions.as_of).await.map_err(storing("reading gaps"))?;
            for ((service, meter), days) in days_of(&gaps, GapKind::Estimated) {
                estimated.insert((month, service.to_owned(), meter.to_owned()), days);
            }
        }
        Ok(estimated)
    }

    /// Distinct subjects of `unique` meters by group, counted anew wherever a group has more than one class of one cost
    /// centre. A cost centre that changes hands within a month counts with who owns it on the month's last day.
    async fn distinct(
        &self,
        query: &UsageQuery,
        catalogue: &Catalogue,
        reckoned: &[Arc<Reckoned>],
        revisions: &Revisions,
    ) -> crate::Result<BTreeMap<Key, i128>> {
        let mut amounts = BTreeMap::new();
        let is_single = query.by_class && query.by_costcentre;
        for month in reckoned {
            let has_unique = lines(&month.rated)
                .any(|line| line.tariff.kind == MeterKind::Unique && wanted(&line.tariff, query));
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
                    groups: groups(query, catalogue, month.rated.month, sight),
                };
                let months = month.rated.month..=month.rated.month;
                let found = self.store().unique_usage(months, revisions.as_of, &grouping).await;
                let found = found.map_err(storing("reading distinct subjects"))?.into_iter();
                let is_seen = |row: &UniqueUsage| {
                    (sight == Sight::Everyones) == query.viewer.sees_service(&row.service)
                };
                amounts.extend(found.filter(is_seen).map(|row| (row_key(query, row.clone()), row.amount)));
            }
        }
        Ok(amounts)
    }
}

/// Whether cost centres (else customers) are told apart, by the question or by what it is limited to.
fn is_by_costcentre(query: &UsageQuery) -> bool {
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

fn distinct_key(query: &UsageQuery, item: &UsageItem) -> Key {
    let class = item.class.clone().unwrap_or_default();
    let (service, meter) = (item.tariff.service.clone(), item.tariff.meter.clone());
    let (customer, costcentre) = if is_by_costcentre(query) {
        (None, item.costcentre.clone().or_else(|| query.costcentre.clone()).unwrap_or_default())
    } else {
        (item.customer.clone().or_else(|| query.customer.clone()), String::new())
    };
    (item.month, service, meter, class, customer, costcentre)
}

fn order(item: &UsageItem) -> (Month, &str, &str, Option<&str>, Option<&str>, Option<&str>) {
    let (class, customer, costcentre) =
        (item.class.as_deref(), item.customer.as_deref(), item.costcentre.as_deref());
    (item.month, &item.tariff.service, &item.tariff.meter, class, customer, costcentre)
}

fn lines(rated: &Rated) -> impl Iterator<Item = &Line> {
    rated.lines.iter().chain(&rated.unpriced)
}

fn wanted(tariff: &Tariff, query: &UsageQuery) -> bool {
    let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
    is(&query.service, &tariff.service)
        && is(&query.meter, &tariff.meter)
        && is(&query.product, &tariff.product)
}

/// The payer of a line, as far as payers are told apart.
fn told<'l>(line: &'l Line, query: &UsageQuery) -> Option<&'l Payer> {
    let payer = line.customer.as_deref();
    payer.filter(|payer| query.by_customer || (query.by_object && payer.kind == CustomerKind::Objekt))
}

/// What a group adds up to.
struct Sum<'a> {
    first: &'a Line,
    amount: i128,
    cost: Money,
}

/// The groups of a month. Lines share their payer, cost centre and tariff, so these are told apart by where they are, which
/// costs a fraction of comparing their names.
fn group(rated: &Rated, query: &UsageQuery) -> Vec<UsageItem> {
    let mut meters: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    let mut meter_of: BTreeMap<*const Tariff, Option<usize>> = BTreeMap::new();
    let mut sums: BTreeMap<(usize, *const u8, *const u8), Sum<'_>> = BTreeMap::new();
    let sees_all = query.viewer.sees_all();
    for line in lines(rated) {
        let meter = *meter_of.entry(Arc::as_ptr(&line.tariff)).or_insert_with(|| {
            let (service, meter, class) = line.tariff.key();
            let next = meters.len();
            wanted(&line.tariff, query).then(|| {
                *meters.entry((service, meter, if query.by_class { class } else { "" })).or_insert(next)
            })
        });
        let Some(meter) = meter else { continue };
        let customer = line.customer.as_deref().map(|payer| payer.code.as_str());
        if query.customer.is_some() && query.customer.as_deref() != customer
            || query.costcentre.as_deref().is_some_and(|wanted| *line.costcentre != *wanted)
            || !sees_all && !query.viewer.sees(line.belongs())
        {
            continue;
        }
        let place = |text: Option<&str>| text.map_or(std::ptr::null(), str::as_ptr);
        let payer = told(line, query).map(|payer| payer.code.as_str());
        let costcentre = query.by_costcentre.then_some(&*line.costcentre);
        let key = (meter, place(payer), place(costcentre));
        let sum = sums.entry(key).or_insert(Sum { first: line, amount: 0, cost: Money::ZERO });
        sum.amount = sum.amount.saturating_add(line.amount);
        sum.cost += line.gross;
    }
    let item = |sum: Sum<'_>| UsageItem {
        month: rated.month,
        tariff: Arc::clone(&sum.first.tariff),
        class: query.by_class.then(|| sum.first.tariff.class.clone()),
        customer: told(sum.first, query).map(|payer| payer.code.clone()),
        costcentre: query.by_costcentre.then(|| sum.first.costcentre.to_string()),
        quantity: sum.first.tariff.kind.quantity(sum.amount, rated.month),
        cost: sum.cost,
        estimated_days: 0,
    };
    sums.into_values().map(item).collect()
}

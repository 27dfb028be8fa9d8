//! Usage and its cost, grouped as it is asked for.

mod distinct;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::access::{Belongs, Viewer};
use domain::event::CustomerKind;
use domain::rating::{Line, Payer, Rated, Tariff};
use domain::usage::MeterKind;
use domain::{Money, Month, Quantity};

use crate::biller::{Biller, listed};
use crate::reckoning::{Reckoned, off_the_loop};
use crate::sums::{MonthSums, Sum};
use crate::view::View;

use distinct::{is_by_costcentre, key_of};

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

impl Biller {
    /// [`View::usage_items`] as of now.
    pub async fn usage_items(&self, query: &UsageQuery) -> crate::Result<Vec<UsageItem>> {
        self.view().await?.usage_items(query).await
    }
}

impl View {
    /// Usage and its cost, ordered by month, service, meter, class, customer and cost centre. Closed months are reckoned
    /// with what came later, as if it had come in time.
    pub async fn usage_items(&self, query: &UsageQuery) -> crate::Result<Vec<UsageItem>> {
        let Self { catalogue, ledger, revisions, .. } = self;
        let months: Vec<Month> = listed(ledger, revisions)
            .into_iter()
            .chain(revisions.months().filter(|month| !ledger.bills_agreements(*month)))
            .filter(|month| (query.from..=query.to).contains(month))
            .collect();
        let (mut sums, mut reckoned) = (Vec::new(), Vec::new());
        for month in months {
            let agreements = ledger.bills_agreements(month);
            sums.push(self.reckoner().sums(catalogue, month, revisions, agreements).await?);
            if needs_lines(query) {
                reckoned.push(self.reckoner().reckon(catalogue, month, revisions, agreements).await?);
            }
        }
        let distinct = self.distinct(query, &sums).await?;
        let query = query.clone();
        Ok(off_the_loop(move || {
            let mut items: Vec<UsageItem> = if needs_lines(&query) {
                let grouped = |month: &Arc<Reckoned>| group(month.rated.month, lines(&month.rated), &query);
                reckoned.iter().flat_map(grouped).collect()
            } else {
                let grouped =
                    |month: &Arc<MonthSums>| group(month.month, month.sums.iter().map(Used::from), &query);
                sums.iter().flat_map(grouped).collect()
            };
            for item in items.iter_mut().filter(|item| item.tariff.kind == MeterKind::Unique) {
                if let Some(amount) = distinct.get(&key_of(&query, item)) {
                    item.quantity = MeterKind::Unique.quantity(*amount, item.month);
                }
            }
            for item in &mut items {
                let of_month = sums.iter().find(|sums| sums.month == item.month);
                let (service, meter, _) = item.tariff.key();
                item.estimated_days = of_month.map_or(0, |sums| sums.estimated_days(service, meter));
            }
            items.sort_by(|a, b| order(a).cmp(&order(b)));
            items
        })
        .await)
    }
}

/// Whether single cost centres matter, so that sums over them are no answer.
fn needs_lines(query: &UsageQuery) -> bool {
    is_by_costcentre(query) || query.viewer.names_costcentres()
}

fn order(item: &UsageItem) -> (Month, &str, &str, Option<&str>, Option<&str>, Option<&str>) {
    let (class, customer, costcentre) =
        (item.class.as_deref(), item.customer.as_deref(), item.costcentre.as_deref());
    (item.month, &item.tariff.service, &item.tariff.meter, class, customer, costcentre)
}

/// What goes into a group: a line, or the sum of several.
#[derive(Clone, Copy)]
struct Used<'a> {
    customer: Option<&'a Payer>,
    /// Empty for a sum.
    costcentre: &'a str,
    tariff: &'a Arc<Tariff>,
    amount: i128,
    gross: Money,
}

impl<'a> From<&'a Line> for Used<'a> {
    fn from(line: &'a Line) -> Self {
        let Line { tariff, amount, gross, .. } = line;
        let (customer, costcentre) = (line.customer.as_deref(), &*line.costcentre);
        Self { customer, costcentre, tariff, amount: *amount, gross: *gross }
    }
}

impl<'a> From<&'a Sum> for Used<'a> {
    fn from(Sum { customer, tariff, amount, gross }: &'a Sum) -> Self {
        Self { customer: customer.as_deref(), costcentre: "", tariff, amount: *amount, gross: *gross }
    }
}

impl Used<'_> {
    fn belongs(&self) -> Belongs<'_> {
        let customer = self.customer.map(|payer| payer.code.as_str());
        Belongs { service: &self.tariff.service, customer, costcentre: self.costcentre }
    }
}

fn lines(rated: &Rated) -> impl Iterator<Item = Used<'_>> {
    rated.lines.iter().chain(&rated.unpriced).map(Used::from)
}

fn wanted(tariff: &Tariff, query: &UsageQuery) -> bool {
    let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
    is(&query.service, &tariff.service)
        && is(&query.meter, &tariff.meter)
        && is(&query.product, &tariff.product)
}

/// Who pays, as far as payers are told apart.
fn told<'a>(used: Used<'a>, query: &UsageQuery) -> Option<&'a Payer> {
    used.customer.filter(|payer| query.by_customer || (query.by_object && payer.kind == CustomerKind::Objekt))
}

/// What a group adds up to.
struct Group<'a> {
    first: Used<'a>,
    amount: i128,
    cost: Money,
}

/// The groups of a month. Lines share their payer, cost centre and tariff, so these are told apart by where they are, which
/// costs a fraction of comparing their names.
fn group<'a>(month: Month, used: impl Iterator<Item = Used<'a>>, query: &UsageQuery) -> Vec<UsageItem> {
    let mut meters: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    let mut meter_of: BTreeMap<*const Tariff, Option<usize>> = BTreeMap::new();
    let mut groups: BTreeMap<(usize, *const u8, *const u8), Group<'_>> = BTreeMap::new();
    let sees_all = query.viewer.sees_all();
    for used in used {
        let meter = *meter_of.entry(Arc::as_ptr(used.tariff)).or_insert_with(|| {
            let (service, meter, class) = used.tariff.key();
            let next = meters.len();
            wanted(used.tariff, query).then(|| {
                *meters.entry((service, meter, if query.by_class { class } else { "" })).or_insert(next)
            })
        });
        let Some(meter) = meter else { continue };
        let customer = used.customer.map(|payer| payer.code.as_str());
        if query.customer.is_some() && query.customer.as_deref() != customer
            || query.costcentre.as_deref().is_some_and(|wanted| used.costcentre != wanted)
            || !sees_all && !query.viewer.sees(used.belongs())
        {
            continue;
        }
        let place = |text: Option<&str>| text.map_or(std::ptr::null(), str::as_ptr);
        let payer = told(used, query).map(|payer| payer.code.as_str());
        let costcentre = query.by_costcentre.then_some(used.costcentre);
        let key = (meter, place(payer), place(costcentre));
        let group = groups.entry(key).or_insert(Group { first: used, amount: 0, cost: Money::ZERO });
        group.amount = group.amount.saturating_add(used.amount);
        group.cost += used.gross;
    }
    let item = |Group { first, amount, cost }: Group<'_>| UsageItem {
        month,
        tariff: Arc::clone(first.tariff),
        class: query.by_class.then(|| first.tariff.class.clone()),
        customer: told(first, query).map(|payer| payer.code.clone()),
        costcentre: query.by_costcentre.then(|| first.costcentre.to_owned()),
        quantity: first.tariff.kind.quantity(amount, month),
        cost,
        estimated_days: 0,
    };
    groups.into_values().map(item).collect()
}

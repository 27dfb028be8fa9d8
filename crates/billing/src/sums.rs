//! A month's usage added up over cost centres: a thirtieth of its lines, which most questions are answered from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::catalogue::Catalogue;
use domain::rating::{Line, Payer, Rated, Tariff};
use domain::{Money, Month};
use sha2::{Digest as _, Sha256};
use store::usage::{Gap, GapKind, SubjectGrouping, UniqueUsage};

use crate::error::storing;
use crate::gaps::days_of;
use crate::reckoning::{Origin, Reckoner, Revisions, first_128_bits, off_the_loop};
use crate::slots::Slots;

/// How many sums by payer and class are kept, and as many groups of distinct subjects: some tens of megabytes, ten years of
/// such a municipality.
const SUMS_KEPT_MAX: usize = 300_000;

/// What one payer, or nobody, used of one class of one meter on the same terms.
#[derive(Debug)]
pub(crate) struct Sum {
    pub(crate) customer: Option<Arc<Payer>>,
    pub(crate) tariff: Arc<Tariff>,
    /// The exact amount, see [`domain::usage::MeterKind::divisor`].
    pub(crate) amount: i128,
    /// The sum of the rounded lines' gross.
    pub(crate) gross: Money,
}

/// A month's usage, priced or not, by payer and class.
#[derive(Debug)]
pub(crate) struct MonthSums {
    pub(crate) month: Month,
    pub(crate) sums: Vec<Sum>,
    /// On how many days some source's amounts of a meter were carried, by service and meter.
    estimated: BTreeMap<String, BTreeMap<String, u32>>,
}

impl MonthSums {
    /// Adds up a month, in the order of its lines. These share their payers and terms, which are therefore told apart by
    /// where they are: that costs a fraction of comparing their names.
    pub(crate) fn of(rated: &Rated, gaps: &[Gap]) -> Self {
        let mut sums: Vec<Sum> = Vec::new();
        let mut places: BTreeMap<(*const Tariff, Option<*const Payer>), usize> = BTreeMap::new();
        for line in rated.lines.iter().chain(&rated.unpriced) {
            let place = (Arc::as_ptr(&line.tariff), line.customer.as_ref().map(Arc::as_ptr));
            let at = *places.entry(place).or_insert(sums.len());
            match sums.get_mut(at) {
                Some(sum) => sum.add(line),
                None => sums.push(Sum::of(line)),
            }
        }
        let mut estimated: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
        for ((service, meter), days) in days_of(gaps, GapKind::Estimated) {
            estimated.entry(service.to_owned()).or_default().insert(meter.to_owned(), days);
        }
        Self { month: rated.month, sums, estimated }
    }

    /// On how many days some source's amounts of a meter were carried from its last complete snapshot (counting §6).
    pub(crate) fn estimated_days(&self, service: &str, meter: &str) -> u32 {
        self.estimated.get(service).and_then(|meters| meters.get(meter)).copied().unwrap_or_default()
    }
}

impl Sum {
    fn of(line: &Line) -> Self {
        let Line { amount, gross, .. } = *line;
        Self { customer: line.customer.clone(), tariff: Arc::clone(&line.tariff), amount, gross }
    }

    fn add(&mut self, line: &Line) {
        self.amount = self.amount.saturating_add(line.amount);
        self.gross += line.gross;
    }
}

/// The sums and distinct subjects of months as of now that were asked for.
pub(crate) struct SumsKept {
    months: Slots<Month, Origin, MonthSums>,
    /// By month and grouping, made from a revision of the month's usage.
    distinct: Slots<(Month, u128), u128, Vec<UniqueUsage>>,
}

impl SumsKept {
    pub(crate) fn new() -> Self {
        Self { months: Slots::new(SUMS_KEPT_MAX), distinct: Slots::new(SUMS_KEPT_MAX) }
    }
}

impl Reckoner {
    /// A month's own usage as of now, added up over cost centres.
    pub(crate) async fn sums(
        &self,
        catalogue: &Arc<Catalogue>,
        month: Month,
        revisions: &Revisions,
        agreements: bool,
    ) -> crate::Result<Arc<MonthSums>> {
        let origin = Origin::of(catalogue, month, revisions, agreements);
        if let Some(known) = self.sums.months.get(month, &origin) {
            return Ok(known);
        }
        let reckoned = self.reckon(catalogue, month, revisions, agreements).await?;
        let gaps = self.store.gaps(month, revisions.as_of).await.map_err(storing("reading gaps"))?;
        let sums = Arc::new(off_the_loop(move || MonthSums::of(&reckoned.rated, &gaps)).await);
        self.sums.months.put(month, origin, sums.sums.len(), Arc::clone(&sums));
        Ok(sums)
    }

    /// The distinct subjects of a month as of now, by the groups that are asked for.
    pub(crate) async fn distinct(
        &self,
        month: Month,
        revisions: &Revisions,
        grouping: &SubjectGrouping,
    ) -> crate::Result<Arc<Vec<UniqueUsage>>> {
        let (slot, token) = ((month, fingerprint(grouping)), revisions.token(month));
        if let Some(known) = self.sums.distinct.get(slot, &token) {
            return Ok(known);
        }
        let found = self.store.unique_usage(month..=month, revisions.as_of, grouping).await;
        let mut found = found.map_err(storing("reading distinct subjects"))?;
        // Cost centres that are in no group are groups of their own, which nobody asked for.
        if let Some(groups) = grouping.groups.as_ref().filter(|groups| !groups.is_empty()) {
            let asked: BTreeSet<&String> = groups.values().collect();
            found.retain(|row| asked.contains(&row.group));
        }
        let found = Arc::new(found);
        self.sums.distinct.put(slot, token, found.len().max(1), Arc::clone(&found));
        Ok(found)
    }
}

/// What tells one grouping of subjects from another.
fn fingerprint(SubjectGrouping { by_class, groups }: &SubjectGrouping) -> u128 {
    let mut hasher = Sha256::new();
    hasher.update([u8::from(*by_class), u8::from(groups.is_some())]);
    for (costcentre, group) in groups.iter().flatten() {
        for code in [costcentre, group] {
            hasher.update(code.len().to_le_bytes());
            hasher.update(code);
        }
    }
    first_128_bits(hasher)
}

//! A year's report: volume and cost of each service, tied to the months that were closed (R17, R18).
//!
//! Money is what was billed: the frozen lines of closed months and the previews of open ones, once by the month of the
//! usage and once by the month that billed it. Volumes are reckoned anew from the year's usage as it is now, exactly, and
//! rounded once; so they have what came later, as the corrections do.

mod quality;
mod tally;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::Month;
use domain::catalogue::Catalogue;
use domain::charge::Totals;
use domain::event::CustomerKind;
use domain::usage::MeterKind;
use domain::year::{Measure, YearTotals};
use domain::{Quantity, Rate};

use crate::bill::{Bill, MonthState};
use crate::biller::{Biller, listed};
use crate::error::storing;
use crate::ledger::Ledger;
use crate::reckoning::{Revisions, off_the_loop};

use quality::Quality;
use tally::Tally;

/// What a year is told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YearGrouping {
    /// Services.
    Service,
    /// Object products.
    Product,
    /// Payers, among them objects that order platform services, and services within them.
    Customer,
}

/// A year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YearReport {
    /// The calendar year.
    pub year: i32,
    /// Its months, all twelve.
    pub months: Vec<YearMonth>,
    /// The months after it that bill corrections of it, with what these come to.
    pub later: Vec<YearMonth>,
    /// The groups, ordered by customer, product and service.
    pub items: Vec<YearItem>,
    /// All groups together.
    pub totals: YearTotals,
    /// What the year's months were closed with: the sums that were recorded when each was frozen, and those of the
    /// previews of the others. The groups' `billed` must add up to it.
    pub closes: Totals,
}

/// A month in a year's report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YearMonth {
    /// The month.
    pub month: Month,
    /// How far it is. What is not closed is a preview.
    pub state: MonthState,
    /// The surcharge rate in force in it.
    pub rate: Option<Rate>,
    /// What it bills.
    pub totals: Totals,
}

/// A group of a year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YearItem {
    /// The payer; none unless payers are told apart, and for usage that nobody pays for.
    pub customer: Option<YearCustomer>,
    /// The code of the object product, as the catalogue has it now.
    pub product: String,
    /// The service's slug; none when only products are told apart.
    pub service: Option<String>,
    /// The service's name in Swedish, or the product's.
    pub name: String,
    /// Its money.
    pub totals: YearTotals,
    /// Its meters, by slug; none when only products are told apart, because volumes of services do not add up.
    pub meters: Vec<YearMeter>,
    /// The months in which a service that is measured monthly has no data (R18). Told by service alone.
    pub missing: Vec<Month>,
}

/// A payer of a year.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct YearCustomer {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What it is: an administration, a company or an object.
    pub kind: CustomerKind,
}

/// A meter of a group in a year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YearMeter {
    /// Its slug.
    pub meter: String,
    /// Its name in Swedish.
    pub name: String,
    /// Its kind.
    pub kind: MeterKind,
    /// Its unit.
    pub unit: String,
    /// The year's volume, as [`Measure::of`] its kind says. Of distinct subjects of a payer the cost centres count that
    /// are its own at the end of the year; none when it has none then.
    pub quantity: Option<Quantity>,
    /// Its money.
    pub totals: YearTotals,
    /// Days whose amounts were carried from the last complete snapshot of a source.
    pub estimated_days: u32,
    /// Days of which some source has no data.
    pub missing_days: u32,
}

impl YearReport {
    /// Whether the groups add up to the closed months, and the two views of the year to each other.
    pub fn ties(&self) -> bool {
        self.totals.billed == self.closes && self.totals.ties()
    }
}

impl YearMeter {
    /// How the volume comes from the months.
    pub fn measure(&self) -> Measure {
        Measure::of(self.kind)
    }
}

/// The months of a report and where their figures come from.
struct Bills {
    /// The months of the year that there are.
    listed: Vec<Month>,
    /// The bills of the year's months and of the later ones.
    bills: Vec<Arc<Bill>>,
    /// The sums recorded at each close, or of the preview.
    closes: BTreeMap<Month, Totals>,
}

impl Biller {
    /// The report of a calendar year. Months that are not there yet have nothing in it.
    pub async fn year_report(&self, year: i32, by: YearGrouping) -> crate::Result<YearReport> {
        let Some((january, december)) = Month::new(year, 1).zip(Month::new(year, 12)) else {
            return Ok(YearReport::empty(year));
        };
        let (ledger, revisions) = self.as_of_now().await?;
        let catalogue = self.catalogue();
        let Bills { listed, bills, closes } =
            self.bills_from(january, december, &catalogue, &ledger, &revisions).await?;
        let mut reckoned = Vec::new();
        for month in &listed {
            let agreements = ledger.bills_agreements(*month);
            reckoned.push(self.reckoner().reckon(&catalogue, *month, &revisions, agreements).await?);
        }
        let last = listed.last().copied();
        let distinct = match last {
            Some(last) => self.distinct_of_year(january..=last, by, &catalogue, &revisions).await?,
            None => BTreeMap::new(),
        };
        let quality = self.quality(&catalogue, &listed, &reckoned, &revisions).await?;
        let months = january.through(december).map(|month| month_of(month, &bills, &ledger)).collect();
        let spans = last.map_or_else(Vec::new, |last| january.through(last).collect());
        Ok(off_the_loop(move || {
            let mut tally = Tally::new(year, by, &catalogue);
            bills.iter().for_each(|bill| tally.bill(bill));
            reckoned.iter().for_each(|month| tally.usage(&month.rated));
            let items = tally.items(&spans, &distinct, &quality);
            let mut totals = YearTotals::default();
            items.iter().for_each(|item| totals += item.totals);
            let mut recorded = Totals::default();
            closes.values().for_each(|totals| recorded += *totals);
            let later = bills.iter().filter(|bill| bill.month > december);
            let later = later.filter_map(|bill| corrections_of(year, bill)).collect();
            YearReport { year, months, later, items, totals, closes: recorded }
        })
        .await)
    }

    /// The bills of a year's months, and of all later ones: they may correct it. After the last month that there is comes
    /// the one that would bill the corrections, when the year has ended by then.
    async fn bills_from(
        &self,
        january: Month,
        december: Month,
        catalogue: &Arc<Catalogue>,
        ledger: &Ledger,
        revisions: &Revisions,
    ) -> crate::Result<Bills> {
        let mut months: Vec<Month> =
            listed(ledger, revisions).into_iter().filter(|month| *month >= january).collect();
        let next = ledger.last_closed().map(Month::next).filter(|next| *next > december);
        if let Some(next) = next.filter(|next| !months.contains(next)) {
            months.push(next);
        }
        let (mut bills, mut closes) = (Vec::new(), BTreeMap::new());
        for month in &months {
            let (bill, recorded) = match ledger.closing(*month) {
                Some(record) => (self.reckoner().frozen(record).await?, record.totals),
                None => {
                    let bill = self.reckoner().preview(catalogue, *month, ledger, revisions).await?;
                    let totals = bill.totals;
                    (bill, totals)
                }
            };
            if *month <= december {
                closes.insert(*month, recorded);
            }
            bills.push(bill);
        }
        months.retain(|month| *month <= december);
        Ok(Bills { listed: months, bills, closes })
    }

    /// Distinct subjects by service, meter and group: a payer's code, or nothing.
    async fn distinct_of_year(
        &self,
        months: std::ops::RangeInclusive<Month>,
        by: YearGrouping,
        catalogue: &Catalogue,
        revisions: &Revisions,
    ) -> crate::Result<BTreeMap<(String, String, String), Quantity>> {
        let day = months.end().last_day();
        let payer = |code: &String| catalogue.payer(code, day).unwrap_or("").to_owned();
        let groups = match by {
            YearGrouping::Customer => {
                Some(catalogue.costcentres.keys().map(|code| (code.clone(), payer(code))).collect())
            }
            YearGrouping::Service | YearGrouping::Product => None,
        };
        let found = self.store().distinct_subjects(months, revisions.as_of, groups.as_ref()).await;
        let found = found.map_err(storing("reading distinct subjects of a year"))?;
        let quantity = |subjects: u64| Quantity::from_micros(i128::from(subjects) * MeterKind::one());
        Ok(found
            .into_iter()
            .map(|row| ((row.service, row.meter, row.group), quantity(row.subjects)))
            .collect())
    }

    async fn quality(
        &self,
        catalogue: &Arc<Catalogue>,
        months: &[Month],
        reckoned: &[Arc<crate::reckoning::Reckoned>],
        revisions: &Revisions,
    ) -> crate::Result<Quality> {
        let mut quality = Quality::default();
        for (month, reckoned) in months.iter().zip(reckoned) {
            let gaps = self.store().gaps(*month, revisions.as_of).await.map_err(storing("reading gaps"))?;
            quality.add(catalogue, *month, &reckoned.rated, &gaps);
        }
        Ok(quality)
    }
}

impl YearReport {
    /// A year that no month can be of.
    fn empty(year: i32) -> Self {
        Self {
            year,
            months: Vec::new(),
            later: Vec::new(),
            items: Vec::new(),
            totals: YearTotals::default(),
            closes: Totals::default(),
        }
    }
}

fn month_of(month: Month, bills: &[Arc<Bill>], ledger: &Ledger) -> YearMonth {
    let bill = bills.iter().find(|bill| bill.month == month);
    YearMonth {
        month,
        state: ledger.state(month),
        rate: bill.and_then(|bill| bill.rate),
        totals: bill.map(|bill| bill.totals).unwrap_or_default(),
    }
}

/// A month after the year with what it corrects of it; none when that is nothing.
fn corrections_of(year: i32, bill: &Bill) -> Option<YearMonth> {
    let mut corrections =
        bill.corrections().iter().filter(|line| line.usage_month().year() == year).peekable();
    corrections.peek()?;
    let totals = corrections.collect();
    Some(YearMonth { month: bill.month, state: bill.state, rate: bill.rate, totals })
}

//! A month with what it is compared with and reckoned from: what its report to the object's owners tells.

use std::sync::Arc;

use domain::Month;
use domain::catalogue::Catalogue;
use store::AsOf;

use crate::bill::Bill;
use crate::biller::{Biller, listed};
use crate::blocker::Blocker;
use crate::gaps::MonthGap;
use crate::ledger::Ledger;
use crate::reckoning::Revisions;

/// A month's bill and what stands beside it. Of a closed month all of it is as it was when the month was closed, so that it
/// tells the same for ever.
#[derive(Debug, Clone)]
pub struct MonthReport {
    /// The month's bill.
    pub bill: Arc<Bill>,
    /// The catalogue that the bill names; the one in force when nobody has that one.
    pub catalogue: Arc<Catalogue>,
    /// The bills of the month before and of the year's months before it, in order, as far as there are.
    pub earlier: Vec<Arc<Bill>>,
    /// What the month's data lacks.
    pub gaps: Vec<MonthGap>,
    /// What stands in the way of closing it; empty when it is closed.
    pub blockers: Vec<Blocker>,
}

impl Biller {
    /// A month's bill with what its report tells beside it.
    pub async fn month_report(&self, month: Month) -> crate::Result<MonthReport> {
        let bill = self.charges(month).await?;
        let (ledger, newest) = self.as_of_now().await?;
        let known = self.catalogue_of(&bill.catalogue).await?;
        let catalogue = known.unwrap_or_else(|| self.catalogue());
        let january = Month::new(month.year(), 1).unwrap_or(month);
        let mut earlier = Vec::new();
        for before in january.min(month.previous()).through(month.previous()) {
            earlier.extend(self.known_bill(before, &ledger, &newest).await?);
        }
        let gaps = match ledger.closing(month) {
            Some(record) => {
                let cut = self.reckoner().revisions(AsOf::Cut(record.control)).await?;
                self.gaps_as_of(&catalogue, month, &ledger, &cut).await?
            }
            None => self.gaps_as_of(&catalogue, month, &ledger, &newest).await?,
        };
        let blockers = self.blockers(month).await?;
        Ok(MonthReport { bill, catalogue, earlier, gaps, blockers })
    }

    /// The bill of a month that there is.
    async fn known_bill(
        &self,
        month: Month,
        ledger: &Ledger,
        revisions: &Revisions,
    ) -> crate::Result<Option<Arc<Bill>>> {
        match ledger.closing(month) {
            Some(record) => self.reckoner().frozen(record).await.map(Some),
            None if listed(ledger, revisions).contains(&month) => {
                self.reckoner().preview(&self.catalogue(), month, ledger, revisions).await.map(Some)
            }
            None => Ok(None),
        }
    }
}

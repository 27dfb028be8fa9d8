//! The object's own economy over a year: what the months' charges brought and cost it, beside its plan (R5b, R8, R16).

use std::sync::Arc;

use domain::Month;
use domain::catalogue::Catalogue;
use domain::object::{Account, PartOutcome, ProjectOutcome, RateBasis, planned};

use crate::bill::MonthState;
use crate::biller::{Biller, listed};

/// A year of the object.
#[derive(Debug, Clone)]
pub struct ObjectYear {
    /// The year.
    pub year: i32,
    /// The catalogue that its plan, its projects and what was booked on them stand in.
    pub catalogue: Arc<Catalogue>,
    /// What its months brought and cost, in order; months that there are not yet are missing.
    pub months: Vec<ObjectMonth>,
    /// All of them together.
    pub account: Account,
    /// The budget's parts and what became of them.
    pub parts: Vec<PartOutcome>,
    /// The projects that live in the year.
    pub projects: Vec<ProjectOutcome>,
    /// What the required rate is reckoned from, with the planned volumes of the year.
    pub plan: RateBasis,
    /// The same with what the months came to so far.
    pub outcome: RateBasis,
}

/// A month of the object, by the month that is billed: corrections of earlier ones are in it.
#[derive(Debug, Clone)]
pub struct ObjectMonth {
    /// The month.
    pub month: Month,
    /// How far it is. An open month still changes.
    pub state: MonthState,
    /// What its charges mean to the object.
    pub account: Account,
}

impl Biller {
    /// A year of the object's own economy: closed months as they were frozen, the others as of now.
    pub async fn object_year(&self, year: i32) -> crate::Result<ObjectYear> {
        let (ledger, revisions) = self.as_of_now().await?;
        let catalogue = self.catalogue();
        let (mut months, mut account) = (Vec::new(), Account::default());
        for month in listed(&ledger, &revisions).into_iter().filter(|month| month.year() == year) {
            let bill = match ledger.closing(month) {
                Some(record) => self.reckoner().frozen(record).await?,
                None => self.reckoner().preview(&catalogue, month, &ledger, &revisions).await?,
            };
            let of_month = Account::of(&bill.charges);
            account.add(&of_month);
            months.push(ObjectMonth { month, state: bill.state, account: of_month });
        }
        Ok(ObjectYear {
            year,
            parts: catalogue.object.parts(year, &account),
            projects: catalogue.object.projects_of(year),
            plan: planned(&catalogue, year),
            outcome: account.rate_basis(catalogue.object.budgets.get(&year)),
            months,
            account,
            catalogue,
        })
    }
}

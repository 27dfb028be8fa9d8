//! The documents that were issued before: what a document that corrects them refers to (BG-3).

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use domain::Month;

use super::charges_of;
use super::document::issued_on;
use crate::bill::Bill;

/// A document that was issued for an earlier month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Issued {
    /// Its number.
    pub number: u64,
    /// The day that it was issued on.
    pub on: NaiveDate,
}

/// The documents of closed months, by the month whose usage they bill and the customer's code. A month's usage is billed by
/// the document of that month, and by each that corrected it since: the next correction amends them all.
pub type EarlierDocuments = BTreeMap<(Month, String), BTreeSet<Issued>>;

/// The months that a bill corrects.
pub fn corrected_months(bill: &Bill) -> BTreeSet<Month> {
    bill.corrections().iter().filter_map(|charge| charge.corrects).collect()
}

/// The documents of closed months, to be referred to.
pub fn earlier_documents<'a>(bills: impl IntoIterator<Item = &'a Bill>) -> EarlierDocuments {
    let mut earlier = EarlierDocuments::new();
    for bill in bills {
        let on = issued_on(bill);
        for document in &bill.documents {
            let issued = Issued { number: document.number, on };
            let months: BTreeSet<_> =
                charges_of(bill, document).into_iter().map(|charge| charge.usage_month()).collect();
            for month in months {
                earlier.entry((month, document.customer.code.clone())).or_default().insert(issued);
            }
        }
    }
    earlier
}

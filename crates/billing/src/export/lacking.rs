//! What a month cannot be had as, and why: told when it is announced, while the catalogue can still be mended.

use domain::catalogue::Catalogue;

use super::{peppol, sie};
use crate::bill::Bill;
use crate::biller::Biller;
use crate::error::Error;

/// Why a month cannot be had in a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// The format's name.
    pub format: &'static str,
    /// What is missing, where, and what to do, in Swedish.
    pub swedish: String,
    /// The same in English.
    pub english: String,
}

/// All that the catalogue lacks for a month's vouchers and documents: each kind of line that no row of `kontering.toml`
/// books, and what invoices need of the seller. A closed month keeps the catalogue that it was closed on, so what is
/// missing then stays missing.
pub fn lacking(bill: &Bill, catalogue: &Catalogue) -> Vec<Lacking> {
    let missing = sie::unbookable(bill, catalogue).into_iter().chain(peppol::uninvoiceable(bill, catalogue));
    let lacking = |error| {
        let Error::NotExportable { format, swedish, english } = error else { return None };
        Some(Lacking { format, swedish, english })
    };
    missing.filter_map(lacking).collect()
}

impl Biller {
    /// What a month cannot be had as, on the catalogue that it is billed on.
    ///
    /// # Errors
    /// When the month or its catalogue cannot be read.
    pub async fn lacking(&self, month: domain::Month) -> crate::Result<Vec<Lacking>> {
        let bill = self.charges(month).await?;
        let catalogue = self.catalogue_of(&bill.catalogue).await?.unwrap_or_else(|| self.catalogue());
        Ok(lacking(&bill, &catalogue))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::event::CustomerKind;
    use domain::rating::Payer;

    use super::*;
    use crate::bill::MonthState;
    use crate::export::fixtures::bill;
    use crate::export::tests::charge;

    fn month(payers: &[(&str, CustomerKind)]) -> Bill {
        let of = |(code, kind): &(&str, CustomerKind)| {
            let mut made = charge(code, "", None);
            made.customer =
                Arc::new(Payer { code: (*code).to_owned(), name: (*code).to_owned(), kind: *kind });
            made
        };
        bill(MonthState::Open, payers.iter().map(of).collect())
    }

    fn found(bill: &Bill, catalogue: &Catalogue) -> Vec<(&'static str, String)> {
        lacking(bill, catalogue).into_iter().map(|lacking| (lacking.format, lacking.english)).collect()
    }

    #[test]
    fn every_line_that_no_row_books_is_named_once() {
        let mut linkoping = catalog::check(&catalog::linkoping()).unwrap().catalogue;
        let payers = [
            ("KLF", CustomerKind::Forvaltning),
            ("KLF", CustomerKind::Forvaltning),
            ("LEJON", CustomerKind::Bolag),
        ];
        assert_eq!(found(&month(&payers), &linkoping), []);
        linkoping.posting.rules.retain(|rule| rule.kind == domain::posting::LineKind::Service);
        let unbooked = "kontering.toml does not say how påslag of KLF and skrivare-mfp is booked";
        assert_eq!(found(&month(&payers), &linkoping), [("sie", unbooked.to_owned())]);
    }

    #[test]
    fn what_is_missing_matters_to_whom_it_is_for() {
        let nothing = Catalogue::default();
        let formats = |payers: &[(&str, CustomerKind)]| {
            found(&month(payers), &nothing).into_iter().map(|(format, _)| format).collect::<Vec<_>>()
        };
        assert_eq!(formats(&[("KLF", CustomerKind::Forvaltning)]), ["sie"]);
        assert_eq!(
            formats(&[("LEJON", CustomerKind::Bolag)]),
            ["peppol"],
            "companies are not booked in vouchers"
        );
        assert_eq!(formats(&[]), [] as [&str; 0]);
    }
}

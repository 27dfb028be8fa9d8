//! The documents of a closed month: what each municipal company is invoiced, or credited (domain §2.3, §2.4).
//!
//! Companies are taxable persons of their own, so what they are charged needs a document with a number of an unbroken
//! series. Administrations are the same legal person as the sender and get none.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::charge::{Charge, Totals};
use crate::event::CustomerKind;
use crate::money::Money;
use crate::rating::Payer;

/// What a document is, with its code of UNTDID 1001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentType {
    /// The company owes, or is even.
    Invoice,
    /// The company gets money back: corrections of earlier months outweigh the month.
    CreditNote,
}

impl DocumentType {
    /// Its code, as in Peppol.
    pub const fn code(self) -> u16 {
        match self {
            DocumentType::Invoice => 380,
            DocumentType::CreditNote => 381,
        }
    }

    /// The type with this code.
    pub fn from_code(code: u16) -> Option<Self> {
        [DocumentType::Invoice, DocumentType::CreditNote].into_iter().find(|kind| kind.code() == code)
    }

    /// The type of a document over an amount in all, in kronor without VAT.
    pub fn of(total: Money) -> Self {
        if total >= Money::ZERO { DocumentType::Invoice } else { DocumentType::CreditNote }
    }
}

/// What one company is invoiced or credited for a month, without VAT, corrections of earlier months included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its number in the one series of all documents.
    pub number: u64,
    /// What it is.
    pub kind: DocumentType,
    /// The company.
    pub customer: Arc<Payer>,
    /// ΣN of its lines; negative when it is credited.
    pub net: Money,
    /// ΣP of its lines.
    pub surcharge: Money,
}

impl Document {
    /// What it comes to, in kronor without VAT; negative when it is credited.
    pub fn total(&self) -> Money {
        self.net + self.surcharge
    }
}

/// The VAT of a document: so many per cent of all that it comes to, rounded once, half away from zero (§2.3, §2.6).
pub fn vat(total: Money, percent: u8) -> Money {
    let amount = total.to_decimal() * Decimal::new(percent.into(), 2);
    Money::rounded(amount)
        .unwrap_or_else(|| unreachable!("{percent} % of an amount, up to 100 %, is an amount"))
}

/// The documents of a month's charges, numbered from `next` on in the order of the customers' codes.
///
/// Every company gets one that has a line with a net or a surcharge, also when its lines cancel out: what is put against
/// each other must stand somewhere. One whose lines are all nothing gets none, and takes no number.
pub fn documents(charges: &[Charge], next: u64) -> Vec<Document> {
    let mut companies: BTreeMap<&str, (&Arc<Payer>, Totals)> = BTreeMap::new();
    let counts = |charge: &&Charge| {
        charge.customer.kind == CustomerKind::Bolag
            && (charge.net != Money::ZERO || charge.surcharge != Money::ZERO)
    };
    for charge in charges.iter().filter(counts) {
        let company = companies.entry(&charge.customer.code);
        company.or_insert((&charge.customer, Totals::default())).1 += charge.totals();
    }
    let numbered = (next..).zip(companies.into_values());
    let document = |(number, (customer, totals)): (u64, (&Arc<Payer>, Totals))| Document {
        number,
        kind: DocumentType::of(totals.net + totals.surcharge),
        customer: Arc::clone(customer),
        net: totals.net,
        surcharge: totals.surcharge,
    };
    numbered.map(document).collect()
}

#[cfg(test)]
mod tests;

//! The rows: one of each charge's net, and one of its surcharge where that is not nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use domain::catalogue::Catalogue;
use domain::charge::Charge;
use domain::event::CustomerKind;
use domain::rating::Tariff;
use domain::{Money, Rate};

use super::pricing::Pricing;
use crate::bill::{Bill, MonthState};

/// What of a charge a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Its net: what was used, at its price, less what is financed jointly.
    Usage,
    /// Its part of the payer's surcharge (R4–R7).
    Surcharge,
}

/// A row of the export.
pub(super) struct Row<'a> {
    pub(super) bill: &'a Bill,
    pub(super) catalogue: &'a Catalogue,
    pub(super) charge: &'a Charge,
    pub(super) part: Part,
    /// What is invoiced, by the company's code.
    numbers: Rc<BTreeMap<&'a str, u64>>,
}

/// The rows of each charge, in the order of the charges.
pub(super) fn rows<'a>(
    bill: &'a Bill,
    catalogue: &'a Catalogue,
) -> impl Iterator<Item = impl Iterator<Item = Row<'a>>> {
    let documents = bill.documents.iter();
    let numbers: BTreeMap<&str, u64> =
        documents.map(|doc| (doc.customer.code.as_str(), doc.number)).collect();
    let numbers = Rc::new(numbers);
    bill.charges.iter().map(move |charge| {
        let surcharge = (charge.surcharge != Money::ZERO).then_some(Part::Surcharge);
        let numbers = Rc::clone(&numbers);
        let row = move |part| Row { bill, catalogue, charge, part, numbers: Rc::clone(&numbers) };
        [Some(Part::Usage), surcharge].into_iter().flatten().map(row)
    })
}

impl<'a> Row<'a> {
    pub(super) fn tariff(&self) -> &'a Tariff {
        &self.charge.tariff
    }

    /// BilledCost: kronor without VAT, whole öre.
    pub(super) fn billed(&self) -> Money {
        match self.part {
            Part::Usage => self.charge.net,
            Part::Surcharge => self.charge.surcharge,
        }
    }

    /// How it was priced; none of a surcharge, which follows from other rows.
    pub(super) fn pricing(&self) -> Option<Pricing> {
        self.usage().map(|()| Pricing::of(self.charge))
    }

    /// Something of a row that is about usage, and nothing of one that is not.
    pub(super) fn usage(&self) -> Option<()> {
        (self.part == Part::Usage).then_some(())
    }

    /// The number of the company's document. An administration gets no document: its month is booked within the
    /// municipality, under an id of its own; so is that of a company that is invoiced nothing. None before the month is
    /// closed.
    pub(super) fn invoice(&self) -> Option<Cow<'a, str>> {
        if self.bill.state != MonthState::Closed {
            return None;
        }
        let customer = &self.charge.customer;
        let number = match customer.kind {
            CustomerKind::Bolag => self.numbers.get(customer.code.as_str()),
            CustomerKind::Forvaltning | CustomerKind::Objekt => None,
        };
        let internal = || format!("INTERN-{}-{}", self.bill.month, customer.code);
        Some(Cow::Owned(number.map_or_else(internal, u64::to_string)))
    }

    /// The decision that the row rests on: about the price, or about the surcharge of the month of the usage.
    pub(super) fn decision(&self) -> Option<&'a str> {
        let decision = match self.part {
            Part::Usage => self.tariff().price.as_ref().map(|terms| terms.decision.as_str()),
            Part::Surcharge => self.surcharge_terms().map(|(_, decision)| decision),
        };
        decision.filter(|reference| !reference.is_empty())
    }

    /// The surcharge's rate and decision. A correction follows those of the month that it corrects.
    pub(super) fn surcharge_terms(&self) -> Option<(Rate, &'a str)> {
        match self.charge.corrects {
            None => self.bill.rate.map(|rate| (rate, self.bill.rate_decision.as_str())),
            Some(month) => self.catalogue.rate(month).map(|row| (row.rate, row.decision.as_str())),
        }
    }
}

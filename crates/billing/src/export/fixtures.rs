//! What the tests of every format begin with: a tariff, a charge, a bill, a seller. What a test is about it says itself.

use std::sync::Arc;

use domain::catalogue::{Address, Catalogue, Contact, Invoicing, Organisation};
use domain::charge::Charge;
use domain::document::documents;
use domain::event::CustomerKind;
use domain::rating::{Payer, PriceTerms, Tariff};
use domain::usage::MeterKind;
use domain::{Instant, Money, Quantity};

use crate::bill::{Bill, Frozen, MonthState};

/// Hours of meetings.
pub(super) fn tariff(class: &str, price: &str, model: &str) -> Tariff {
    Tariff {
        service: "e-moten".to_owned(),
        meter: "participant_hour".to_owned(),
        class: class.to_owned(),
        unit: "h".to_owned(),
        kind: MeterKind::Sum,
        service_name: "E-möten".to_owned(),
        meter_name: "Deltagartimmar".to_owned(),
        product: "U".to_owned(),
        billed: true,
        bears_surcharge: true,
        price: Some(PriceTerms {
            price: price.parse().unwrap(),
            model: model.parse().unwrap(),
            cost_price: None,
            valid_from: "2021-01".parse().unwrap(),
            decision: "KS 2020-1".to_owned(),
        }),
        joint: None,
    }
}

/// March's charge of nothing.
pub(super) fn charge(
    (code, name, kind): (&str, &str, CustomerKind),
    costcentre: &str,
    tariff: Tariff,
) -> Charge {
    Charge {
        month: "2021-03".parse().unwrap(),
        corrects: None,
        reason: None,
        customer: Arc::new(Payer { code: code.to_owned(), name: name.to_owned(), kind }),
        costcentre: Arc::from(costcentre),
        tariff: Arc::new(tariff),
        quantity: Quantity::ZERO,
        billed_before: Quantity::ZERO,
        gross: Money::ZERO,
        joint: Money::ZERO,
        net: Money::ZERO,
        surcharge: Money::ZERO,
    }
}

/// March 2021; its documents begin with 17 when it is closed.
pub(super) fn bill(state: MonthState, charges: Vec<Charge>) -> Bill {
    let closed = state == MonthState::Closed;
    Bill {
        month: "2021-03".parse().unwrap(),
        state,
        catalogue: "v1".to_owned(),
        rate: Some("0.03".parse().unwrap()),
        rate_decision: "KS 2020-123".to_owned(),
        totals: charges.iter().collect(),
        documents: if closed { documents(&charges, 17) } else { Vec::new() },
        charges,
        unattributed: Vec::new(),
        findings: Vec::new(),
        frozen: closed.then(|| Frozen {
            control: Some(7),
            at: Instant::parse_rfc3339("2021-04-05T08:00:00Z").unwrap(),
            by: String::new(),
            chain: "cd".repeat(32),
            hash: "ab".repeat(32),
            accepted_gaps: String::new(),
        }),
    }
}

/// An address in Linköping.
pub(super) fn address(street: &str) -> Option<Address> {
    let [street, postcode, city, country] = [street, "582 00", "Linköping", "SE"].map(str::to_owned);
    Some(Address { street, postcode, city, country })
}

/// A catalogue that has nothing but who delivers and bills, with all that invoices need.
pub(super) fn seller() -> Catalogue {
    Catalogue {
        organisation: Organisation {
            name: "Linköpings kommun".to_owned(),
            unit: "LKDATA".to_owned(),
            number: "212000-0449".to_owned(),
        },
        invoicing: Invoicing {
            vat_number: Some("SE212000044901".to_owned()),
            bankgiro: Some("9912346".to_owned()),
            address: address("Exempelgatan 1"),
            contact: Some(Contact {
                function: "Kundreskontra".to_owned(),
                email: "kundreskontra@kommun.example".to_owned(),
                telephone: "013-00 00 00".to_owned(),
            }),
            ..Invoicing::default()
        },
        ..Catalogue::default()
    }
}

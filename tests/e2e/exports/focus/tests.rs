//! The validator takes what the export writes, and refuses what it must not write.

use std::collections::BTreeMap;
use std::sync::Arc;

use billing::bill::{Bill, Frozen, MonthState};
use domain::catalogue::{Catalogue, CostCentre, Organisation};
use domain::charge::Charge;
use domain::document::documents;
use domain::event::CustomerKind;
use domain::rating::{Payer, PriceTerms, Tariff};
use domain::usage::MeterKind;
use domain::{Instant, Money, Quantity};

use super::{check, judge};

fn charge(kind: CustomerKind, price: &str, model: &str, (quantity, ore): (&str, i64)) -> Charge {
    let tariff = Tariff {
        service: "skrivare-mfp".to_owned(),
        meter: "page".to_owned(),
        class: "färg".to_owned(),
        unit: "page".to_owned(),
        kind: MeterKind::Sum,
        service_name: "Skrivare/MFP".to_owned(),
        meter_name: "=Utskrivna sidor på \"A3\"".to_owned(),
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
    };
    let code = if kind == CustomerKind::Bolag { "LEJON" } else { "KLF" };
    Charge {
        month: "2021-03".parse().unwrap(),
        corrects: None,
        reason: None,
        customer: Arc::new(Payer { code: code.to_owned(), name: "Förvaltningen på Ön".to_owned(), kind }),
        costcentre: Arc::from("0110200"),
        tariff: Arc::new(tariff),
        quantity: Quantity::parse(quantity).unwrap(),
        billed_before: Quantity::ZERO,
        gross: Money::from_ore(ore),
        joint: Money::ZERO,
        net: Money::from_ore(ore),
        surcharge: Money::from_ore(ore * 3 / 100),
    }
}

/// A month with a price by the unit, one in steps, less than nothing, nothing at all, and a correction.
fn bill(state: MonthState) -> Bill {
    let mut correction = charge(CustomerKind::Forvaltning, "105", "", ("-1", -10_500));
    correction.corrects = Some("2020-12".parse().unwrap());
    let charges = vec![
        charge(CustomerKind::Forvaltning, "0.0925", "", ("1234.567", 11_420)),
        charge(CustomerKind::Bolag, "1.20", "trappa 1000:0.9", ("-10", -1_200)),
        charge(CustomerKind::Bolag, "0", "", ("31", 0)),
        correction,
    ];
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

fn exported(state: MonthState) -> String {
    let costcentre = CostCentre { code: "0110200".to_owned(), name: "=Åsö".to_owned(), owners: Vec::new() };
    let catalogue = Catalogue {
        organisation: Organisation {
            name: "Linköpings kommun".to_owned(),
            unit: "LKDATA".to_owned(),
            number: "212000-0449".to_owned(),
        },
        costcentres: BTreeMap::from([(costcentre.code.clone(), costcentre)]),
        ..Catalogue::default()
    };
    let mut out = Vec::new();
    billing::export::focus(&bill(state), &catalogue, &mut out, &mut |_, _| {}).unwrap();
    String::from_utf8(out).unwrap()
}

fn checked(csv: &str) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("month.csv");
    std::fs::write(&path, csv).unwrap();
    check(&path)
}

/// One test, since they share what is installed once.
#[test]
fn the_validator_takes_what_is_written_and_refuses_what_is_spoilt() {
    let closed = exported(MonthState::Closed);
    assert_eq!(checked(&closed), Ok(()));
    assert_eq!(checked(&exported(MonthState::Preliminary)), Ok(()));
    if crate::python::interpreter(super::PYTHON).is_err() {
        return;
    }
    for (right, wrong, rule) in [
        ("\"Adjustment\"", "\"Surcharge\"", "ChargeCategory-C-003-M"),
        ("\"SEK\"", "\"kr\"", "BillingCurrency-C-003-M"),
        ("Forvaltningen", "Förvaltningen", "BillingAccountName-C-002-M"),
        (",114.1974475,", ",114.20,", "ContractedUnitPrice-C-011-C"),
        (",BilledCost,", ",Cost,", "CostAndUsage-D-006-M"),
        ("\"INTERN-2021-03-KLF\"", "", "InvoiceId-C-003-C"),
    ] {
        assert!(closed.contains(right), "{right} is not in the file");
        let failed = checked(&closed.replace(right, wrong)).unwrap_err();
        assert!(failed.contains(rule), "{right} as {wrong}: {failed}");
    }
}

#[test]
fn only_one_of_the_contradictory_rules_may_fail_and_most_must_hold() {
    let (one, other) = ("failed InvoiceId-C-004-C x\n", "failed InvoiceId-C-005-C y\n");
    assert_eq!(judge(&format!("passed 269\n{one}")), Ok(()));
    assert_eq!(judge(&format!("passed 269\n{other}")), Ok(()));
    let both = judge(&format!("passed 268\n{one}{other}"));
    assert_eq!(both, Err("InvoiceId-C-004-C x\nInvoiceId-C-005-C y".to_owned()));
    assert_eq!(judge(&format!("passed 268\n{one}failed Tags-C-001-M z\n")), Err("Tags-C-001-M z".to_owned()));
    for nothing in ["", "passed 0\n", "passed 12\nfailed InvoiceId-C-004-C x\n"] {
        assert!(judge(nothing).is_err(), "{nothing}");
    }
}

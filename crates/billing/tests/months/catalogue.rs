//! A small catalogue.

use chrono::NaiveDate;
use domain::catalogue::*;
use domain::event::CustomerKind;
use domain::financing::{CostKind, JointShare, Part, Payers, Phase};
use domain::usage::MeterKind;
use domain::{Month, Quantity};

pub(crate) fn month(text: &str) -> Month {
    text.parse().unwrap()
}

pub(crate) fn day(text: &str) -> NaiveDate {
    domain::calendar::parse_day(text).unwrap()
}

fn meter(slug: &str, kind: MeterKind, unit: &str, billed: bool, classes: &[&str]) -> (String, Meter) {
    let dimension = |values: &[&str]| Dimension {
        name: "class".to_owned(),
        rating: true,
        series: false,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let meter = Meter {
        slug: slug.to_owned(),
        name: format!("Mätare {slug}"),
        name_en: slug.to_owned(),
        kind,
        unit: unit.to_owned(),
        event_type: None,
        dimensions: if classes.is_empty() { Vec::new() } else { vec![dimension(classes)] },
        billed,
        negative: false,
        hold_days: 31,
        cost_kind: CostKind::Running,
    };
    (slug.to_owned(), meter)
}

fn service(
    slug: &str,
    established: bool,
    meters: impl IntoIterator<Item = (String, Meter)>,
) -> (String, Service) {
    let service = Service {
        slug: slug.to_owned(),
        name: format!("Tjänst {slug}"),
        name_en: slug.to_owned(),
        product: "U".to_owned(),
        start: day("2020-01-01"),
        established_from: established.then(|| month("2020-01")),
        monthly_measured: true,
        meters: meters.into_iter().collect(),
    };
    (slug.to_owned(), service)
}

fn price(service: &str, meter: &str, class: &str, from: &str, to: Option<&str>, price: &str) -> PriceRow {
    PriceRow {
        service: service.to_owned(),
        meter: meter.to_owned(),
        class: class.to_owned(),
        valid_from: month(from),
        valid_to: to.map(month),
        price: price.parse().unwrap(),
        model: domain::PriceModel::default(),
        cost_price: None,
        state: PriceState::Decided,
        decision: format!("KS {from}"),
    }
}

pub(crate) fn owned(code: &str, owners: &[(&str, &str, Option<&str>)]) -> CostCentre {
    let owners = owners.iter().map(|(customer, from, to)| Ownership {
        customer: (*customer).to_owned(),
        from: day(from),
        to: to.map(day),
    });
    CostCentre { code: code.to_owned(), name: code.to_owned(), owners: owners.collect() }
}

/// 441002 goes from UAF to KLF on 11 March 2021. The price of e-moten changes in April, the surcharge in 2022, rpa is
/// jointly financed to a quarter, and driftavtal has one agreement.
pub(crate) fn catalogue() -> Catalogue {
    let customer = |code: &str, kind| Customer {
        code: code.to_owned(),
        name: format!("{code} namn"),
        kind,
        number: None,
        reference: None,
        address: None,
    };
    let rate = |from: &str, rate: &str| SurchargeRate {
        valid_from: month(from),
        rate: rate.parse().unwrap(),
        decision: format!("KF {from}"),
        decided_by: "objektägare".to_owned(),
    };
    Catalogue {
        version: "v1".to_owned(),
        customers: [
            ("KLF".to_owned(), customer("KLF", CustomerKind::Forvaltning)),
            ("LEJON".to_owned(), customer("LEJON", CustomerKind::Bolag)),
            ("UAF".to_owned(), customer("UAF", CustomerKind::Forvaltning)),
        ]
        .into(),
        costcentres: [
            owned("110200", &[("KLF", "2020-01-01", None)]),
            owned("441001", &[("UAF", "2020-01-01", None)]),
            owned("441002", &[("UAF", "2020-01-01", Some("2021-03-10")), ("KLF", "2021-03-11", None)]),
            owned("B0100", &[("LEJON", "2020-01-01", None)]),
        ]
        .map(|costcentre| (costcentre.code.clone(), costcentre))
        .into(),
        services: [
            service("driftavtal", true, [meter("agreement", MeterKind::Fixed, "avtal", true, &["A"])]),
            service(
                "e-moten",
                true,
                [
                    meter("participant_hour", MeterKind::Sum, "h", true, &[]),
                    meter("user", MeterKind::Unique, "user", false, &[]),
                ],
            ),
            service(
                "konto",
                true,
                [meter("account", MeterKind::AvgDaily, "account", true, &["pupil", "staff"])],
            ),
            service("rpa", false, [meter("minute", MeterKind::Sum, "min", true, &[])]),
            service("utan-pris", true, [meter("sak", MeterKind::Count, "st", true, &[])]),
        ]
        .into(),
        prices: vec![
            price("driftavtal", "agreement", "A", "2020-01", None, "3500"),
            price("e-moten", "participant_hour", "", "2020-01", Some("2021-03"), "0.48"),
            price("e-moten", "participant_hour", "", "2021-04", None, "0.52"),
            price("konto", "account", "pupil", "2020-01", None, "9"),
            price("konto", "account", "staff", "2020-01", None, "105"),
            price("rpa", "minute", "", "2020-01", None, "2.5"),
        ],
        rates: vec![rate("2021-01", "0.03"), rate("2022-01", "0.0348")],
        joint_shares: vec![JointShare {
            service: "rpa".to_owned(),
            part: Part::Service,
            payers: Payers::All,
            valid_from: month("2021-01"),
            valid_to: None,
            share: "0.25".parse().unwrap(),
            phase: Phase::InitialMaintenance,
            bearer: None,
            decision: "KS 2021-7".to_owned(),
        }],
        agreements: vec![Agreement {
            id: "a1".to_owned(),
            service: "driftavtal".to_owned(),
            meter: "agreement".to_owned(),
            class: "A".to_owned(),
            costcentre: "110200".to_owned(),
            quantity: Quantity::ONE,
            from: day("2020-01-01"),
            to: None,
        }],
        ..Catalogue::default()
    }
}

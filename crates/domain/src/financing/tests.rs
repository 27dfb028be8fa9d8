use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::*;
use crate::catalogue::Service;
use crate::usage::MeterKind;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn meter(slug: &str, cost_kind: CostKind) -> (String, Meter) {
    let meter = Meter {
        slug: slug.to_owned(),
        name: slug.to_owned(),
        name_en: slug.to_owned(),
        kind: MeterKind::Sum,
        unit: "h".to_owned(),
        event_type: None,
        dimensions: Vec::new(),
        billed: true,
        negative: false,
        hold_days: 31,
        cost_kind,
    };
    (slug.to_owned(), meter)
}

/// A service with a meter for every kind of cost, and these shares of it.
fn catalogue(joint_shares: Vec<JointShare>) -> Catalogue {
    let meters: BTreeMap<String, Meter> = [
        meter("uppsattning", CostKind::SetUp),
        meter("projekt", CostKind::Project),
        meter("central", CostKind::Central),
        meter("robot", CostKind::Running),
    ]
    .into();
    let service = Service {
        slug: "rpa-tjanst".to_owned(),
        name: "RPA".to_owned(),
        name_en: "RPA".to_owned(),
        product: "P".to_owned(),
        start: NaiveDate::from_ymd_opt(2020, 1, 1).unwrap(),
        established_from: None,
        monthly_measured: true,
        meters,
    };
    Catalogue { services: [("rpa-tjanst".to_owned(), service)].into(), joint_shares, ..Catalogue::default() }
}

fn share(part: Part, (from, to): (&str, Option<&str>), share: &str, phase: Phase) -> JointShare {
    JointShare {
        service: "rpa-tjanst".to_owned(),
        part,
        payers: Payers::All,
        valid_from: month(from),
        valid_to: to.map(month),
        share: share.parse().unwrap(),
        phase,
        bearer: None,
        decision: format!("KS {from}"),
    }
}

fn in_percent(catalogue: &Catalogue, meter: &str, class: &str, payer: Option<&Customer>, at: &str) -> String {
    let meter = &catalogue.services["rpa-tjanst"].meters[meter];
    let found = catalogue.joint_share("rpa-tjanst", meter, class, payer, month(at));
    found.map_or_else(|| "-".to_owned(), |share| share.share.to_string())
}

/// The object plan's table of RPA (5.2.2, R13), phase by phase and cost by cost: "gemensamt finansierad" is 1,
/// "tjänstefinansierad" 0.
#[test]
fn r13_rpa_is_financed_as_the_object_plans_table_says() {
    let project = |class: &str| Part::Class { meter: "projekt".to_owned(), class: class.to_owned() };
    let catalogue = catalogue(vec![
        // Etablering: RPA – allt.
        share(Part::Service, ("2020-01", Some("2020-12")), "1", Phase::Establishment),
        // Utveckling: RPA – första projekten; ytterligare projekt pay for themselves.
        share(project("forsta"), ("2021-01", Some("2021-12")), "1", Phase::Development),
        share(project("ytterligare"), ("2021-01", Some("2021-12")), "0", Phase::Development),
        // Initialt underhåll: RPA – centrala kostnader första åren; driftsatta robotar pay for themselves.
        share(
            Part::CostKind(CostKind::Central),
            ("2021-01", Some("2023-12")),
            "1",
            Phase::InitialMaintenance,
        ),
        // Långsiktigt underhåll: robots and, after the first years, what is common are paid by those who use it.
        share(Part::Service, ("2024-01", None), "0", Phase::LongTermMaintenance),
    ]);
    let of = |at: &str| {
        [
            ("uppsattning", ""),
            ("projekt", "forsta"),
            ("projekt", "ytterligare"),
            ("central", ""),
            ("robot", ""),
        ]
        .map(|(meter, class)| in_percent(&catalogue, meter, class, None, at))
    };
    assert_eq!(of("2020-06"), ["1", "1", "1", "1", "1"], "etablering");
    assert_eq!(of("2021-06"), ["-", "1", "0", "1", "-"], "utveckling beside initialt underhåll");
    assert_eq!(of("2022-06"), ["-", "-", "-", "1", "-"], "initialt underhåll");
    assert_eq!(of("2024-06"), ["0", "0", "0", "0", "0"], "långsiktigt underhåll");
}

/// The narrowest share decides, whatever their order: first what it holds for, then for whom (R11, "i sin helhet eller till
/// del").
#[test]
fn r11_the_narrowest_share_in_force_decides() {
    let always = ("2021-01", None);
    let for_payers = |payers: Payers, row: JointShare| JointShare { payers, ..row };
    let kinds = |kind| Payers::Kinds([kind].into());
    let named = |code: &str| Payers::Named([code.to_owned()].into());
    let mut rows = vec![
        share(Part::Service, always, "0.1", Phase::Development),
        for_payers(kinds(CustomerKind::Bolag), share(Part::Service, always, "0.2", Phase::Development)),
        for_payers(named("LEJON"), share(Part::Service, always, "0.3", Phase::Development)),
        share(Part::CostKind(CostKind::Running), always, "0.4", Phase::Development),
        for_payers(
            kinds(CustomerKind::Forvaltning),
            share(Part::Meter("robot".to_owned()), always, "0.5", Phase::Development),
        ),
    ];
    let customer = |code: &str, kind| Customer {
        code: code.to_owned(),
        name: code.to_owned(),
        kind,
        number: None,
        reference: None,
        address: None,
    };
    let (lejon, tekv) = (customer("LEJON", CustomerKind::Bolag), customer("TEKV", CustomerKind::Bolag));
    let klf = customer("KLF", CustomerKind::Forvaltning);
    for _ in 0..rows.len() {
        rows.rotate_left(1);
        let catalogue = catalogue(rows.clone());
        let of = |meter: &str, payer| in_percent(&catalogue, meter, "", payer, "2021-06");
        assert_eq!(
            [None, Some(&klf), Some(&tekv), Some(&lejon)].map(|p| of("central", p)),
            ["0.1", "0.1", "0.2", "0.3"]
        );
        assert_eq!(
            [None, Some(&klf), Some(&tekv), Some(&lejon)].map(|p| of("robot", p)),
            ["0.4", "0.5", "0.4", "0.4"]
        );
        assert!(catalogue.finances_by_payer("rpa-tjanst") && !catalogue.finances_by_payer("e-moten"));
    }
}

#[test]
fn names_read_back() {
    for phase in Phase::ALL {
        assert_eq!(Phase::from_name(phase.name()), Some(phase));
    }
    for kind in CostKind::ALL {
        assert_eq!(CostKind::from_name(kind.name()), Some(kind));
    }
    assert_eq!((Phase::from_name("drift"), CostKind::from_name("allt")), (None, None));
}

use std::sync::Arc;

use rust_decimal::Decimal;

use super::*;
use crate::catalogue::{Catalogue, Meter, PlannedVolume, PriceRow, PriceState, Service};
use crate::charge::Charge;
use crate::event::CustomerKind;
use crate::financing::{CostKind, JointShare, Part, Payers, Phase};
use crate::price::PriceModel;
use crate::quantity::Quantity;
use crate::rating::{Payer, Tariff};
use crate::usage::MeterKind;
use crate::{Month, UnitPrice};

fn kronor(text: &str) -> Money {
    Money::rounded(text.parse().unwrap()).unwrap()
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    crate::calendar::parse_day(text).unwrap()
}

/// The object plan's budget (5.1): 0.7 + 2.0 + 2.0 and nothing jointly financed for good.
fn budget() -> Budget {
    let role = |name: &str, share: &str, financing| Role {
        name: name.to_owned(),
        share: share.parse().unwrap(),
        financing,
    };
    use RoleFinancing::{Development, Line, Management};
    Budget {
        parts: [
            (BudgetPart::Management, kronor("700000")),
            (BudgetPart::Planned, kronor("2000000")),
            (BudgetPart::Unplanned, kronor("2000000")),
            (BudgetPart::Joint, Money::ZERO),
        ]
        .into(),
        full_time_cost: Some(kronor("1200000")),
        roles: vec![
            role("Objektledare verksamhet", "0.2", Line),
            role("Objektledare IT", "0.2", Line),
            role("Objektproduktledare användarnära tjänster", "0.3", Management),
            role("Objektproduktledare plattformstjänster", "0.3", Management),
            role("Objektproduktledare användarnära tjänster", "0.1", Development),
            role("Objektproduktledare plattformstjänster", "0.1", Development),
        ],
        decision: "KS 2020-30".to_owned(),
        ..Budget::default()
    }
}

#[test]
fn r1_the_budgets_parts_add_up_to_4_7_million() {
    assert_eq!(budget().total(), kronor("4700000"));
}

#[test]
fn r15_what_is_set_aside_for_joint_services_is_not_collected_twice() {
    // R5b's example, with the budget set aside for the service that it costs: 6.05 M of 133.65 M, not 7.40 M.
    let mut with_service = budget();
    with_service.parts.insert(BudgetPart::Joint, kronor("1350000"));
    assert_eq!((with_service.total(), with_service.to_collect()), (kronor("6050000"), kronor("4700000")));
    let joint = charge(&tariff("c", "1", None, Some(("1", Phase::Permanent, None))), "1350000", "0");
    let net = charge(&tariff("a", "1", None, None), "133650000", "0");
    let basis = Account::of(&[joint, net]).rate_basis(Some(&with_service));
    assert_eq!(basis.required(), kronor("6050000"));
    assert_eq!(basis.required_rate().unwrap().to_string(), "0.045267");
}

#[test]
fn r2_and_r20_roles_cost_what_the_plan_reckons() {
    // 2 × 0.3 × 1.2 M = 0.72 M (≈ 0.7 M) in the budget's management part; 2 × 0.2 × 1.2 M = 0.48 M of the line; the 10 % each
    // from development are 0.24 M of its 4.0 M.
    let cost = |financing| budget().roles_cost(financing).to_string();
    assert_eq!(RoleFinancing::ALL.map(cost), ["480000.00", "720000.00", "240000.00"]);
    let unreckoned = Budget { full_time_cost: None, ..budget() };
    assert_eq!(unreckoned.roles_cost(RoleFinancing::Line), Money::ZERO);
}

fn required(budget: &str, joint: &str, adjustments: &str, elsewhere: &str, turnover: &str) -> Decimal {
    let basis = RateBasis {
        budget: kronor(budget),
        joint: kronor(joint),
        adjustments: kronor(adjustments),
        from_elsewhere: kronor(elsewhere),
        turnover: kronor(turnover),
    };
    basis.required_rate().unwrap()
}

#[test]
fn r5_and_r5b_the_required_rate_is_what_the_plans_figures_give() {
    let rate = |text: &str| text.parse::<Decimal>().unwrap();
    // Full coverage, development only, and with the surcharge in the turnover.
    assert_eq!(required("4700000", "0", "0", "0", "135000000"), rate("0.034815"));
    assert_eq!(required("4000000", "0", "0", "0", "135000000"), rate("0.02963"));
    assert_eq!(required("4700000", "0", "0", "0", "130300000"), rate("0.036071"));
    // A service of 1.35 M moves from the turnover to what is financed jointly.
    assert_eq!(required("4700000", "1350000", "0", "0", "133650000"), rate("0.045267"));
    // A: dearer prices lower it, reduced prices raise it. C: what comes from elsewhere lowers it.
    assert_eq!(required("4700000", "0", "650000", "0", "135000000"), rate("0.03"));
    assert_eq!(required("4700000", "0", "-650000", "0", "135000000"), rate("0.03963"));
    assert_eq!(required("4700000", "1350000", "0", "1350000", "133650000"), rate("0.035166"));
    // More comes in than is needed, and nothing to reckon on.
    assert_eq!(required("0", "0", "135000", "0", "135000000"), rate("-0.001"));
    assert_eq!(RateBasis { budget: kronor("1"), ..RateBasis::default() }.required_rate(), None);
}

#[test]
fn r21_a_transfer_comes_from_elsewhere_and_so_does_what_is_carried_over() {
    let transfer = Transfer {
        customer: "KLF".to_owned(),
        service: "e-tjansteplattform-drift".to_owned(),
        amount: kronor("1350000"),
        decision: "KS 2021-50".to_owned(),
    };
    let with = Budget { transfers: vec![transfer], carried_over: kronor("-50000.50"), ..budget() };
    assert_eq!(with.from_elsewhere(), kronor("1299999.50"));
    assert_eq!(with.total(), kronor("4700000"), "a transfer is no budget of the object");
}

fn tariff(
    service: &str,
    price: &str,
    cost: Option<&str>,
    joint: Option<(&str, Phase, Option<&str>)>,
) -> Arc<Tariff> {
    Arc::new(Tariff {
        service: service.to_owned(),
        meter: "m".to_owned(),
        class: String::new(),
        unit: "h".to_owned(),
        kind: MeterKind::Sum,
        service_name: service.to_owned(),
        meter_name: "m".to_owned(),
        product: "U".to_owned(),
        billed: true,
        bears_surcharge: service != "ny",
        price: Some(crate::rating::PriceTerms {
            price: price.parse().unwrap(),
            model: PriceModel::default(),
            cost_price: cost.map(|cost| cost.parse().unwrap()),
            valid_from: month("2021-01"),
            decision: "KS 1".to_owned(),
        }),
        joint: joint.map(|(share, phase, bearer)| crate::rating::JointTerms {
            share: share.parse().unwrap(),
            valid_from: month("2021-01"),
            phase,
            bearer: bearer.map(str::to_owned),
            decision: "KS 2".to_owned(),
        }),
    })
}

fn charge(tariff: &Arc<Tariff>, quantity: &str, surcharge: &str) -> Charge {
    let quantity = Quantity::parse(quantity).unwrap();
    let gross = tariff.price.as_ref().unwrap().price.times(quantity).unwrap();
    let joint = tariff.joint.as_ref().map_or(Money::ZERO, |terms| terms.share.of(gross));
    Charge {
        month: month("2021-03"),
        corrects: None,
        reason: None,
        customer: Arc::new(Payer { code: "KLF".into(), name: "KLF".into(), kind: CustomerKind::Forvaltning }),
        costcentre: "1".into(),
        tariff: Arc::clone(tariff),
        quantity,
        billed_before: Quantity::ZERO,
        gross,
        joint,
        net: gross - joint,
        surcharge: kronor(surcharge),
    }
}

#[test]
fn r10_an_adjusted_price_contributes_the_difference_to_its_cost_with_its_sign() {
    let (dearer, cheaper) =
        (tariff("a", "12.00", Some("10.00"), None), tariff("b", "8.00", Some("10.00"), None));
    // 100.5 × 12 − 100.5 × 10 = 201.00; 100 × 8 − 100 × 10 = −200.00; both roundings are of whole amounts: 0.333333 × 12 =
    // 4.00, × 10 = 3.33.
    assert_eq!(charge(&dearer, "100.5", "0").contribution(), Some(kronor("201")));
    assert_eq!(charge(&cheaper, "100", "0").contribution(), Some(kronor("-200")));
    assert_eq!(charge(&dearer, "0.333333", "0").contribution(), Some(kronor("0.67")));
    assert_eq!(charge(&tariff("c", "8.00", None, None), "100", "0").contribution(), None);
    // A correction from 0.333333 to 1: 12 − 10 = 2.00 in all, of which 0.67 was contributed before.
    let correction = Charge {
        corrects: Some(month("2021-02")),
        billed_before: Quantity::parse("0.333333").unwrap(),
        gross: kronor("8.00"),
        ..charge(&dearer, "0.666667", "0")
    };
    assert_eq!(correction.contribution(), Some(kronor("1.33")));
}

#[test]
fn r8_the_account_has_the_surcharge_the_joint_cost_and_the_contributions_and_no_revenue() {
    let charges = [
        charge(&tariff("a", "10", None, None), "1000", "300"),
        charge(&tariff("ny", "10", None, Some(("0.5", Phase::Development, None))), "10", "0"),
        charge(&tariff("b", "8", Some("10"), Some(("0.25", Phase::InitialMaintenance, None))), "100", "18"),
        charge(&tariff("c", "5", None, Some(("1", Phase::Permanent, None))), "100", "0"),
        charge(
            &tariff("d", "5", None, Some(("1", Phase::Permanent, Some("Digitaliseringsstaben")))),
            "100",
            "0",
        ),
        // The same service again, and one whose share is nothing.
        charge(&tariff("c", "5", None, Some(("1", Phase::Permanent, None))), "-10", "0"),
        charge(&tariff("e", "5", None, Some(("0", Phase::LongTermMaintenance, None))), "10", "1.50"),
    ];
    let account = Account::of(&charges);
    assert_eq!(account.surcharge, kronor("319.50"));
    // 10000 + (800 − 200) + 0 + 0 + 50: the service that is under development does not bear the surcharge.
    assert_eq!(account.turnover, kronor("10650"));
    assert_eq!(account.contributions, [("b".to_owned(), kronor("-200"))].into());
    let joint: Vec<_> = account
        .joint
        .iter()
        .map(|(key, amount)| {
            (key.service.as_str(), key.phase.name(), key.bearer.as_deref(), amount.to_string())
        })
        .collect();
    let text = |amount: &str| amount.to_owned();
    assert_eq!(
        joint,
        [
            ("b", "initialt underhåll", None, text("200.00")),
            ("c", "permanent", None, text("450.00")),
            ("d", "permanent", Some("Digitaliseringsstaben"), text("500.00")),
            ("ny", "utveckling", None, text("50.00")),
        ]
    );
    // R15, R22: only what the object bears for good raises the required rate.
    let basis = account.rate_basis(Some(&budget()));
    assert_eq!(
        (basis.budget, basis.joint, basis.adjustments, basis.turnover),
        (kronor("4700000"), kronor("450"), kronor("-200"), kronor("10650"))
    );
    // Parts add up to the whole, wherever they are cut.
    for at in 0..=charges.len() {
        let mut sum = Account::of(&charges[..at]);
        sum.add(&Account::of(&charges[at..]));
        assert_eq!(sum, account, "{at}");
    }
}

#[test]
fn r16_projects_cross_years_and_stay_out_of_the_budget() {
    let entry = |at: &str, post: Post, cost: &str| Entry {
        day: day(at),
        post,
        cost: kronor(cost),
        text: "x".to_owned(),
        reference: "V1".to_owned(),
    };
    let project = || Post::Project("SDK".to_owned());
    let plan = ObjectPlan {
        budgets: [(2021, budget())].into(),
        projects: [(
            "SDK".to_owned(),
            Project {
                id: "SDK".to_owned(),
                name: "Säker digital kommunikation".to_owned(),
                from: day("2021-11-01"),
                to: Some(day("2022-03-31")),
                funds: kronor("900000"),
                financier: "Centrala medel".to_owned(),
                decision: "KS 2021-60".to_owned(),
            },
        )]
        .into(),
        entries: vec![
            entry("2021-02-01", Post::Part(BudgetPart::Planned), "300000"),
            entry("2021-12-31", project(), "250000"),
            entry("2022-01-01", project(), "400000.50"),
            entry("2022-02-01", project(), "-100000"),
            entry("2022-02-02", Post::Part(BudgetPart::Planned), "7"),
        ],
    };
    let account = Account::of(&[
        charge(&tariff("ny", "10", None, Some(("0.5", Phase::Development, None))), "10", "0"),
        charge(&tariff("c", "5", None, Some(("1", Phase::Permanent, None))), "100", "0"),
    ]);
    let outcome = |part: &PartOutcome| {
        [part.budget, part.booked, part.joint, part.left()].map(|amount| amount.to_string())
    };
    let parts: Vec<_> = plan.parts(2021, &account).iter().map(outcome).collect();
    assert_eq!(
        parts,
        [
            ["700000.00", "0.00", "0.00", "700000.00"],
            ["2000000.00", "300000.00", "50.00", "1699950.00"],
            ["2000000.00", "0.00", "0.00", "2000000.00"],
            ["0.00", "0.00", "500.00", "-500.00"],
        ]
    );
    let projects = |year: i32| {
        let of = |p: ProjectOutcome| [p.booked_in_year, p.booked, p.left].map(|amount| amount.to_string());
        plan.projects_of(year).into_iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(projects(2021), [["250000.00", "550000.50", "349999.50"]]);
    assert_eq!(projects(2022), [["300000.50", "550000.50", "349999.50"]]);
    assert!(projects(2020).is_empty() && projects(2023).is_empty());
    // What is booked after its last day still shows, in that year.
    let mut late = plan.clone();
    late.entries.push(entry("2023-01-02", project(), "-50000"));
    let of = |p: ProjectOutcome| [p.booked_in_year, p.booked].map(|amount| amount.to_string());
    assert_eq!(late.projects_of(2023).into_iter().map(of).collect::<Vec<_>>(), [["-50000.00", "500000.50"]]);
    assert!(late.projects_of(2024).is_empty());
}

#[test]
fn a_planned_year_is_its_volumes_at_its_prices() {
    let price = |from: &str, to: Option<&str>, price: &str, cost: Option<&str>| PriceRow {
        service: "a".to_owned(),
        meter: "m".to_owned(),
        class: String::new(),
        valid_from: month(from),
        valid_to: to.map(month),
        price: price.parse().unwrap(),
        model: PriceModel::default(),
        cost_price: cost.map(|cost| cost.parse::<UnitPrice>().unwrap()),
        state: PriceState::Decided,
        decision: "KS 1".to_owned(),
    };
    let meter = Meter {
        slug: "m".to_owned(),
        name: "m".to_owned(),
        name_en: "m".to_owned(),
        kind: MeterKind::Sum,
        unit: "h".to_owned(),
        event_type: None,
        dimensions: Vec::new(),
        billed: true,
        negative: false,
        hold_days: 31,
        cost_kind: CostKind::Running,
    };
    let service = Service {
        slug: "a".to_owned(),
        name: "a".to_owned(),
        name_en: "a".to_owned(),
        product: "U".to_owned(),
        start: day("2020-01-01"),
        established_from: Some(month("2020-01")),
        monthly_measured: true,
        meters: [("m".to_owned(), meter)].into(),
    };
    let share = |from: &str, to: Option<&str>, share: &str, phase| JointShare {
        service: "a".to_owned(),
        part: Part::Service,
        payers: Payers::All,
        valid_from: month(from),
        valid_to: to.map(month),
        share: share.parse().unwrap(),
        phase,
        bearer: None,
        decision: "KS 2".to_owned(),
    };
    let budget = Budget { carried_over: kronor("50000"), ..budget() };
    let catalogue = Catalogue {
        services: [("a".to_owned(), service)].into(),
        prices: vec![price("2020-01", Some("2021-06"), "10", None), price("2021-07", None, "12", Some("10"))],
        joint_shares: vec![
            share("2021-04", Some("2021-06"), "0.5", Phase::Development),
            share("2021-12", None, "1", Phase::Permanent),
        ],
        volumes: vec![PlannedVolume {
            service: "a".to_owned(),
            meter: "m".to_owned(),
            class: String::new(),
            volume: Quantity::parse("100").unwrap(),
        }],
        object: ObjectPlan { budgets: [(2021, budget)].into(), ..ObjectPlan::default() },
        ..Catalogue::default()
    };
    let basis = planned(&catalogue, 2021);
    // Jan–Mar 3 × 1000, Apr–Jun 3 × 500, Jul–Nov 5 × 1200, December is financed jointly for good.
    assert_eq!(basis.turnover, kronor("10500"));
    assert_eq!((basis.joint, basis.adjustments), (kronor("1200"), kronor("1200")));
    assert_eq!((basis.budget, basis.required()), (kronor("4700000"), kronor("4650000")));
    assert_eq!(planned(&catalogue, 2019), RateBasis::default());
}

#[test]
fn names_read_back() {
    for part in BudgetPart::ALL {
        assert_eq!(BudgetPart::from_name(part.name()), Some(part));
    }
    for financing in RoleFinancing::ALL {
        assert_eq!(RoleFinancing::from_name(financing.name()), Some(financing));
    }
    assert_eq!((BudgetPart::from_name("drift"), RoleFinancing::from_name("stab")), (None, None));
}

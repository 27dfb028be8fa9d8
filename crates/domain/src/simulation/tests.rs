use super::*;
use crate::event::CustomerKind;
use crate::financing::{Part, Payers, Phase};
use crate::price::PriceModel;
use crate::usage::MeterKind;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn percent(text: &str) -> Percent {
    Percent::new(text.parse().unwrap()).unwrap()
}

fn change(from: &str, to: Option<&str>, what: What) -> Change {
    Change { from: month(from), to: to.map(month), what }
}

fn of(service: &str, meter: Option<&str>) -> Selection {
    Selection { service: service.to_owned(), meter: meter.map(str::to_owned), class: None }
}

fn price(meter: &str, from: &str, to: Option<&str>, price: &str, state: PriceState) -> PriceRow {
    PriceRow {
        service: "e-moten".to_owned(),
        meter: meter.to_owned(),
        class: String::new(),
        valid_from: month(from),
        valid_to: to.map(month),
        price: price.parse().unwrap(),
        model: PriceModel::default(),
        cost_price: None,
        state,
        decision: "KS 1".to_owned(),
    }
}

fn prices(catalogue: &Catalogue) -> Vec<String> {
    let to = |row: &PriceRow| row.valid_to.map(|to| to.to_string()).unwrap_or_default();
    let shown = |row: &PriceRow| {
        format!("{} {}–{} {} {}", row.meter, row.valid_from, to(row), row.price, row.decision)
    };
    catalogue.prices.iter().map(shown).collect()
}

#[test]
fn a_price_changes_in_its_months_and_no_others() {
    let catalogue = Catalogue {
        prices: vec![
            price("hour", "2020-01", Some("2021-03"), "0.48", PriceState::Decided),
            price("hour", "2021-04", None, "0.52", PriceState::Decided),
            price("hour", "2021-04", None, "0.60", PriceState::Draft),
            price("room", "2020-01", None, "500", PriceState::Decided),
        ],
        ..Catalogue::default()
    };
    let ten = || What::Price(of("e-moten", Some("hour")), Price::Percent(percent("10")));
    assert_eq!(
        prices(&changed(&catalogue, &[change("2021-02", Some("2021-05"), ten())])),
        [
            "hour 2020-01–2021-01 0.48 KS 1",
            "hour 2021-02–2021-03 0.528 simulerad",
            "hour 2021-04–2021-05 0.572 simulerad",
            "hour 2021-04– 0.60 KS 1",
            "hour 2021-06– 0.52 KS 1",
            "room 2020-01– 500.00 KS 1",
        ]
    );
    let all = What::Price(of("e-moten", None), Price::Kronor("1".parse().unwrap()));
    assert_eq!(
        prices(&changed(&catalogue, &[change("2021-04", None, all)])),
        [
            "hour 2020-01–2021-03 0.48 KS 1",
            "hour 2021-04– 1.00 simulerad",
            "hour 2021-04– 0.60 KS 1",
            "room 2020-01–2021-03 500.00 KS 1",
            "room 2021-04– 1.00 simulerad",
        ]
    );
    let elsewhere = change("2021-01", None, What::Price(of("konto", None), Price::Percent(percent("10"))));
    assert_eq!(changed(&catalogue, &[elsewhere]).prices, catalogue.prices);
}

#[test]
fn the_first_and_the_last_month_of_a_change_and_of_a_price_belong_to_them() {
    let class = |class: &str| PriceRow {
        class: class.to_owned(),
        ..price("room", "2020-01", None, "500", PriceState::Decided)
    };
    let catalogue = Catalogue {
        prices: vec![
            price("hour", "2020-01", Some("2021-03"), "0.48", PriceState::Decided),
            price("hour", "2021-04", None, "0.52", PriceState::Decided),
            class("a"),
            class("b"),
        ],
        ..Catalogue::default()
    };
    let hours = |from, to| {
        let what = What::Price(of("e-moten", Some("hour")), Price::Kronor("1".parse().unwrap()));
        prices(&changed(&catalogue, &[change(from, Some(to), what)]))
            .into_iter()
            .take_while(|row| row.starts_with('h'))
    };
    assert_eq!(
        hours("2021-03", "2021-03").collect::<Vec<_>>(),
        ["hour 2020-01–2021-02 0.48 KS 1", "hour 2021-03–2021-03 1.00 simulerad", "hour 2021-04– 0.52 KS 1"]
    );
    assert_eq!(
        hours("2021-02", "2021-04").collect::<Vec<_>>(),
        [
            "hour 2020-01–2021-01 0.48 KS 1",
            "hour 2021-02–2021-03 1.00 simulerad",
            "hour 2021-04–2021-04 1.00 simulerad",
            "hour 2021-05– 0.52 KS 1",
        ]
    );
    // One class of a meter changes alone.
    let only_b = Selection { class: Some("b".to_owned()), ..of("e-moten", Some("room")) };
    let what = What::Price(only_b, Price::Kronor("1".parse().unwrap()));
    let rooms = changed(&catalogue, &[change("2020-01", None, what)]).prices.split_off(2);
    let shown: Vec<_> = rooms.iter().map(|row| (row.class.as_str(), row.price.to_string())).collect();
    assert_eq!(shown, [("a", "500.00".to_owned()), ("b", "1.00".to_owned())]);
}

#[test]
fn steps_and_a_minimum_rise_with_the_price() {
    let model = "trappa 1000:1.2 5000:0.9 minst 500".parse().unwrap();
    let row = PriceRow { model, ..price("hour", "2020-01", None, "2", PriceState::Decided) };
    let catalogue = Catalogue { prices: vec![row], ..Catalogue::default() };
    let what = What::Price(of("e-moten", None), Price::Percent(percent("-12.5")));
    let row = &changed(&catalogue, &[change("2020-01", None, what)]).prices[0];
    assert_eq!(
        (row.price.to_string(), row.model.to_string()),
        ("1.75".into(), "trappa 1000:1.05 5000:0.7875 minst 437.50".into())
    );
}

#[test]
fn a_rate_holds_for_its_months_and_the_decided_ones_resume() {
    let rate = |from: &str, rate: &str| SurchargeRate {
        valid_from: month(from),
        rate: rate.parse().unwrap(),
        decision: "KS 1".to_owned(),
        decided_by: "objektägare".to_owned(),
    };
    let catalogue =
        Catalogue { rates: vec![rate("2021-01", "0.03"), rate("2022-01", "0.0348")], ..Catalogue::default() };
    let simulated = |from: &str, to: Option<&str>| {
        let rate = What::Rate("0.05".parse().unwrap());
        let changed = changed(&catalogue, &[change(from, to, rate)]);
        ["2020-12", "2021-01", "2021-06", "2021-12", "2022-01", "2023-01"]
            .map(|at| changed.rate(month(at)).map_or_else(|| "-".to_owned(), |row| row.rate.to_string()))
    };
    assert_eq!(simulated("2021-02", Some("2021-11")), ["-", "0.03", "0.05", "0.03", "0.0348", "0.0348"]);
    assert_eq!(simulated("2021-06", Some("2022-06")), ["-", "0.03", "0.05", "0.05", "0.05", "0.0348"]);
    assert_eq!(simulated("2021-01", Some("2021-12")), ["-", "0.05", "0.05", "0.05", "0.0348", "0.0348"]);
    assert_eq!(simulated("2020-12", None), ["0.05"; 6]);
    // The row that was decided for the first month is replaced.
    let what = What::Rate("0.05".parse().unwrap());
    let rows = changed(&catalogue, &[change("2021-01", Some("2021-12"), what)]).rates;
    let shown: Vec<_> = rows.iter().map(|row| (row.valid_from.to_string(), row.decision.as_str())).collect();
    assert_eq!(shown, [("2021-01".to_owned(), "simulerad"), ("2022-01".to_owned(), "KS 1")]);
    // Before there was any rate, none resumes.
    assert_eq!(simulated("2020-11", Some("2020-11")), ["0", "0.03", "0.03", "0.03", "0.0348", "0.0348"]);
}

#[test]
fn a_share_takes_the_place_of_what_holds_for_the_same_or_less() {
    let share = |part: Part, from: &str, to: Option<&str>, share: &str| JointShare {
        service: "rpa".to_owned(),
        part,
        payers: Payers::All,
        valid_from: month(from),
        valid_to: to.map(month),
        share: share.parse().unwrap(),
        phase: Phase::Development,
        bearer: None,
        decision: "KS 1".to_owned(),
    };
    let robot = || Part::Meter("robot".to_owned());
    let catalogue = Catalogue {
        joint_shares: vec![
            share(Part::Service, "2020-01", Some("2021-06"), "1"),
            share(robot(), "2021-01", None, "0.25"),
        ],
        ..Catalogue::default()
    };
    let simulated = |part: Part| {
        let what = What::Joint(share(part, "2000-01", None, "0.5"));
        let changed = changed(&catalogue, &[change("2021-04", Some("2022-03"), what)]);
        let shown = |row: &JointShare| {
            let to = row.valid_to.map(|to| to.to_string()).unwrap_or_default();
            let part = if row.part == Part::Service { "all" } else { "robot" };
            format!("{part} {}–{to} {}", row.valid_from, row.share)
        };
        changed.joint_shares.iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(
        simulated(Part::Service),
        [
            "all 2020-01–2021-03 1",
            "all 2021-04–2022-03 0.5",
            "robot 2021-01–2021-03 0.25",
            "robot 2022-04– 0.25"
        ]
    );
    assert_eq!(
        simulated(robot()),
        [
            "all 2020-01–2021-06 1",
            "robot 2021-01–2021-03 0.25",
            "robot 2021-04–2022-03 0.5",
            "robot 2022-04– 0.25"
        ]
    );
}

/// What is narrower would else decide still, and the simulation would show no difference.
#[test]
fn a_share_of_a_meter_for_a_kind_takes_the_place_of_its_classes_and_its_payers() {
    let share = |part: Part, payers: Payers, share: &str| JointShare {
        service: "e-moten".to_owned(),
        part,
        payers,
        valid_from: month("2021-01"),
        valid_to: None,
        share: share.parse().unwrap(),
        phase: Phase::Development,
        bearer: None,
        decision: "KS 1".to_owned(),
    };
    let room = || Part::Meter("room".to_owned());
    let class = || Part::Class { meter: "room".to_owned(), class: "a".to_owned() };
    let companies = || Payers::Kinds([CustomerKind::Bolag].into());
    let lejon = || Payers::Named(["LEJON".to_owned()].into());
    let catalogue = Catalogue {
        joint_shares: vec![
            share(room(), lejon(), "0.25"),
            share(class(), Payers::All, "0"),
            share(class(), companies(), "0.75"),
        ],
        ..crate::rating::tests::catalogue()
    };
    let what = What::Joint(share(room(), companies(), "0.5"));
    let changed = changed(&catalogue, &[change("2021-01", None, what)]);
    let rows = changed.joint_shares.iter();
    let rows = rows.map(|row| (&row.part, &row.payers, row.share.to_string(), row.decision.as_str()));
    assert_eq!(
        rows.collect::<Vec<_>>(),
        [
            (&room(), &companies(), "0.5".to_owned(), "simulerad"),
            (&class(), &Payers::All, "0".to_owned(), "KS 1"),
        ]
    );
}

#[test]
fn volumes_rise_by_percent_and_amounts_move_between_months() {
    let usage = |service: &str, at: &str, amount| MonthlyUsage {
        month: month(at),
        service: service.to_owned(),
        meter: "hour".to_owned(),
        costcentre: "1".to_owned(),
        class: String::new(),
        amount,
    };
    let changes = [
        change("2021-02", Some("2021-03"), What::Volume(of("e-moten", None), percent("10"))),
        change("2021-03", None, What::Volume(of("e-moten", Some("hour")), percent("-50"))),
    ];
    let amount = |usage| usage_as_changed(&usage, &changes);
    assert_eq!(amount(usage("e-moten", "2021-01", 100)), 100);
    assert_eq!(amount(usage("e-moten", "2021-02", 15)), 17, "16.5 rounds away from zero");
    assert_eq!(amount(usage("e-moten", "2021-03", -15)), -9, "−16.5 → −17, −8.5 → −9");
    assert_eq!(amount(usage("konto", "2021-03", 100)), 100);
    // Ten objects on each of 31 days are ten on each of 28.
    assert_eq!(amount_in(MeterKind::AvgDaily, 310, month("2021-03"), month("2022-02")), 280);
    assert_eq!(amount_in(MeterKind::Sum, 310, month("2021-03"), month("2022-02")), 310);
    let (large, days) = (i128::MAX / 31 * 28, |at: &str| i128::from(month(at).day_count()));
    assert_eq!(
        amount_in(MeterKind::AvgDaily, large, month("2021-03"), month("2022-02")),
        large / days("2021-03") * days("2022-02") + rounded_division(large % 31 * 28, 31),
        "what fits is exact, however large"
    );
    let hours = |at: &str| i128::from(month(at).micros());
    assert_eq!(
        amount_in(MeterKind::TimeWeighted, hours("2021-03"), month("2021-03"), month("2021-10")),
        hours("2021-10")
    );
}

#[test]
fn percents_have_limits() {
    for wrong in ["-100.0001", "1000.1", "0.00001"] {
        assert!(Percent::new(wrong.parse().unwrap()).is_none(), "{wrong}");
    }
    assert_eq!(percent("-100").of_amount(5), 0);
    let greatest: UnitPrice = "1000000000".parse().unwrap();
    assert_eq!(percent("1000").of_price(greatest), greatest, "no price is beyond the greatest");
}

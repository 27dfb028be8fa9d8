//! What lines cost, and how the surcharge is spread, worked out by hand.

use domain::Month;
use domain::catalogue::{PriceRow, PriceState, SurchargeRate};
use domain::financing::{JointShare, Part, Payers, Phase};
use serde_json::json;

use crate::by_hand::{catalogue, event};
use crate::oracle::Reckoning;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

/// Prices for `count` from January and again from July, 3 % surcharge, and `sum` half jointly financed.
fn reckoning(events: &[String]) -> Reckoning {
    let mut catalogue = catalogue();
    let price = |meter: &str, class: &str, from: &str, to: Option<&str>, price: &str| PriceRow {
        service: "s".to_owned(),
        meter: meter.to_owned(),
        class: class.to_owned(),
        valid_from: month(from),
        valid_to: to.map(month),
        price: price.parse().unwrap(),
        model: domain::PriceModel::default(),
        cost_price: None,
        state: PriceState::Decided,
        decision: "D".to_owned(),
    };
    catalogue.prices = vec![
        price("count", "", "2021-01", Some("2021-06"), "0.33"),
        price("count", "", "2021-07", None, "0.5"),
        price("sum", "p", "2021-01", None, "1.005"),
    ];
    catalogue.rates = vec![SurchargeRate {
        valid_from: month("2021-01"),
        rate: "0.03".parse().unwrap(),
        decision: "D".to_owned(),
        decided_by: "D".to_owned(),
    }];
    catalogue.joint_shares = vec![JointShare {
        service: "s".to_owned(),
        part: Part::Meter("sum".to_owned()),
        payers: Payers::All,
        valid_from: month("2021-01"),
        valid_to: None,
        share: "0.5".parse().unwrap(),
        phase: Phase::InitialMaintenance,
        bearer: None,
        decision: "D".to_owned(),
    }];
    Reckoning::of(events, &catalogue, "2021-06", "2021-07")
}

fn events() -> Vec<String> {
    let sum = r#","dims":{"class":"p"}"#;
    vec![
        event("count/A", "a", "2021-06-10T10:00:00+02:00", "1", ""),
        event("count/B", "b", "2021-06-10T10:00:00+02:00", "1", ""),
        event("sum/B", "c", "2021-06-10T10:00:00+02:00", "10.0", sum),
        event("count/Z", "d", "2021-06-10T10:00:00+02:00", "1", ""),
        event("count/B", "e", "2021-07-10T10:00:00+02:00", "1", ""),
    ]
}

#[test]
fn a_line_is_rounded_once_and_the_surcharge_adds_up() {
    let reckoning = reckoning(&events());
    let charges: Vec<String> = (reckoning.charges.iter())
        .map(|(key, c)| format!("{key}: {} {} {} {}", c.gross, c.joint, c.net, c.surcharge))
        .collect();
    // June, all L's: nets 0.33, 0.33 and 5.03 (10.05 − öre(5.025)); P = öre(0.03 × 5.68) = 0.17. Claims in öre: 0.99,
    // 0.99, 15.06; cut 0, 0, 15; the two left go to the two largest remainders.
    let want = [
        "2021-06 L A s/count \"\": 0.33 0.00 0.33 0.01",
        "2021-06 L B s/count \"\": 0.33 0.00 0.33 0.01",
        "2021-06 L B s/sum \"p\": 10.05 5.03 5.02 0.15",
        "2021-07 L B s/count \"\": 0.50 0.00 0.50 0.02",
    ];
    assert_eq!(charges, want);
    let june = &reckoning.totals["2021-06"];
    assert_eq!(
        (june.gross.to_string(), june.net.to_string(), june.surcharge.to_string()),
        ("10.71".into(), "5.68".into(), "0.17".into())
    );
    let unpaid = reckoning.usage.iter().find(|(key, _)| key.customer.is_none()).unwrap();
    assert_eq!(unpaid.1.cost.to_string(), "0.33", "shown with its cost, and charged to nobody");
}

#[test]
fn every_difference_from_the_programs_answer_is_named() {
    let reckoning = reckoning(&events());
    let item = |month: &str, meter: &str, quantity: &str, cost: &str| json!({"month": month, "service": "s", "meter": meter, "unit": "x", "quantity": quantity, "cost": cost});
    let right = [
        item("2021-06", "count", "3", "0.99"),
        item("2021-06", "sum", "10", "10.05"),
        item("2021-07", "count", "1", "0.5"),
    ];
    assert_eq!(reckoning.compare_usage(&right), []);
    let wrong = [
        item("2021-06", "count", "3", "1"),
        item("2021-06", "sum", "10", "10.05"),
        item("2021-08", "sum", "1", "1"),
    ];
    let found: Vec<String> = reckoning.compare_usage(&wrong).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0], "2021-06 s/count cost: oracle 0.99, program 1");
    assert!(
        found[1].starts_with("2021-07 s/count: oracle") && found[1].ends_with("program nothing"),
        "{found:?}"
    );
    assert!(found[2].starts_with("2021-08 s/sum: oracle nothing"), "{found:?}");

    let charge = json!({"month": "2021-07", "corrects": null, "customer": "L", "costcentre": "B", "service": "s",
        "meter": "count", "class": "", "unit": "x", "quantity": "1", "unit_price": "0.50", "gross": "0.50",
        "joint": "0", "net": "0.5", "surcharge": "0.02"});
    let totals = json!({"gross": "0.5", "joint": "0", "net": "0.5", "surcharge": "0.02"});
    assert_eq!(reckoning.compare_charges("2021-07", std::slice::from_ref(&charge), &totals), []);
    assert_eq!(reckoning.compare_charges("2021-07", &[charge.clone(), charge], &totals).len(), 1);
}

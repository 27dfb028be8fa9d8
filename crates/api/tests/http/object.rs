//! The object's own economy, and what it would be with other decisions.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::ore;
use crate::place::Place;

pub(crate) async fn the_object_lives_on_what_the_months_collect(place: &Place) {
    let year = place.json("/v1/object/2021").await;
    place.check("ObjectYear", &year, "a year of the object");
    let months = place.json("/v1/months").await;
    let of_2021 = months["items"].as_array().unwrap().iter();
    let of_2021 = of_2021.filter(|month| month["month"].as_str().unwrap().starts_with("2021-"));
    let surcharge: i64 = of_2021.map(|month| ore(&month["surcharge"])).sum();
    assert_eq!(ore(&year["totals"]["surcharge"]), surcharge);
    assert_eq!(year["months"].as_array().unwrap().len(), 12);
    assert_eq!(year["decision"], "FIKTIV-2020-030");
    // R4: 3 % of the turnover, rounded once for each payer and month.
    let exact = ore(&year["totals"]["turnover"]) * 3 / 100;
    assert!((surcharge - exact).abs() < 12 * 5, "{surcharge} is not 3 % of the turnover, {exact}");
    assert_eq!(year["required_rate"]["plan"]["rate"], "0.03486");
    assert_eq!(year["required_rate"]["plan"]["budget"], "4700000");
    // R12: the monitoring is financed jointly for three months.
    let joint = year["joint"].as_array().unwrap();
    let of = |service: &str| joint.iter().find(|row| row["service"] == service);
    assert_eq!(of("overvakning").unwrap()["phase"], "utveckling", "{joint:?}");
    // R16: a project that crosses the year's turn, with what was booked on it later.
    let project = &year["projects"][0];
    assert_eq!(
        (&project["booked_in_year"], &project["booked"], &project["left"]),
        (&json!("240000"), &json!("475000"), &json!("425000"))
    );
    // R2, R20.
    let costs: Vec<&str> =
        year["roles"].as_array().unwrap().iter().map(|of| of["cost"].as_str().unwrap()).collect();
    assert_eq!(costs, ["480000", "720000", "240000"]);
    let parts = year["parts"].as_array().unwrap();
    assert_eq!((&parts[0]["booked"], &parts[0]["left"]), (&json!("720000"), &json!("-20000")));
    let planned = ore(&parts[1]["booked"]) + ore(&parts[1]["joint"]) + ore(&parts[1]["left"]);
    assert_eq!(planned, ore(&json!("2000000")));
    assert_eq!(place.json("/v1/object/2031").await["months"], json!([]));
    assert_eq!(place.any("/v1/object/21").await.status, StatusCode::BAD_REQUEST);
}

async fn simulate(place: &Place, from: &str, to: &str, changes: Value) -> Value {
    let question = json!({"from": from, "to": to, "changes": changes});
    let answer = place.post("/v1/simulations", &question.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    place.check("Simulation", &answer.json(), "a simulation");
    answer.json()
}

/// The services whose sums differ in a field.
fn changed<'v>(simulation: &'v Value, field: &str) -> Vec<&'v str> {
    let items = simulation["items"].as_array().unwrap().iter();
    let items = items.filter(|item| item["difference"][field] != "0");
    let mut services: Vec<&str> = items.map(|item| item["service"].as_str().unwrap()).collect();
    services.sort_unstable();
    services.dedup();
    services
}

pub(crate) async fn other_decisions_are_simulated_and_nothing_is_written(place: &Place) {
    let before = place.json("/v1/months").await;
    // "Rate 3.48 % from January", of a whole year.
    let rate = simulate(place, "2021-01", "2021-12", json!([{"rate": "0.0348"}])).await;
    assert!(changed(&rate, "net").is_empty() && changed(&rate, "joint").is_empty());
    let turnover = ore(&rate["object"]["before"]["turnover"]);
    let more = ore(&rate["object"]["difference"]["surcharge"]);
    assert!((more - turnover * 48 / 10_000).abs() < 12 * 5, "{more} of {turnover}");
    assert_eq!(more, ore(&rate["totals"]["difference"]["surcharge"]));
    assert_eq!(rate["required_rate"][0]["before"], rate["required_rate"][0]["after"]);
    assert_eq!(
        rate["object"]["before"]["surcharge"],
        place.json("/v1/object/2021").await["totals"]["surcharge"]
    );

    // "E-möten +10 %", from July.
    let prices = json!([{"service": "e-moten", "price_percent": "10", "from": "2021-07"}]);
    let prices = simulate(place, "2021-05", "2021-08", prices).await;
    assert_eq!((changed(&prices, "gross"), changed(&prices, "net")), (vec!["e-moten"], vec!["e-moten"]));
    assert!(
        prices["required_rate"].as_array().unwrap().is_empty(),
        "a part of a year has no rate of its own"
    );
    let e_moten = place.json("/v1/usage?from=2021-07&to=2021-08&service=e-moten&group_by=customer").await;
    let cost: i64 = e_moten["items"].as_array().unwrap().iter().map(|item| ore(&item["cost"])).sum();
    let dearer = ore(&prices["totals"]["difference"]["gross"]);
    assert!((dearer - cost / 10).abs() < 100, "{dearer} is not a tenth of {cost}");

    // "RPA 50 % joint for a year", next year: planned with this year's usage, month by month.
    let joint = json!([{"service": "rpa-tjanst", "joint": "0.5"}]);
    let joint = simulate(place, "2022-01", "2022-12", joint).await;
    assert_eq!(joint["months"][3], json!({"month": "2022-04", "usage_of": "2021-04"}));
    assert_eq!(changed(&joint, "net"), ["rpa-tjanst"]);
    let difference = &joint["totals"]["difference"];
    assert_eq!((ore(&difference["net"]) + ore(&difference["joint"]), &difference["gross"]), (0, &json!("0")));
    assert_eq!(joint["object"]["difference"]["joint"], difference["joint"]);
    assert_ne!(ore(&difference["joint"]), 0);

    // Permanent joint financing raises the required rate (R5b, R15).
    let permanent = json!([{"service": "e-tjansteplattform-drift", "joint": "1", "phase": "permanent"}]);
    let permanent = simulate(place, "2021-01", "2021-12", permanent).await;
    let rates = &permanent["required_rate"][0];
    assert_eq!(
        ore(&rates["before"]["turnover"]) - ore(&rates["after"]["turnover"]),
        ore(&rates["after"]["joint"])
    );
    assert!(rates["after"]["rate"].as_str() > rates["before"]["rate"].as_str(), "{rates}");
    let volume = json!([{"service": "e-moten", "meter": "participant_hour", "volume_percent": "100"}]);
    let volume = simulate(place, "2021-02", "2021-02", volume).await;
    assert_eq!(changed(&volume, "gross"), ["e-moten"]);

    assert_eq!(place.json("/v1/months").await, before, "nothing is written");
    let wrong = [
        (json!({"from": "2021-02", "to": "2021-01", "changes": [{"rate": "0.03"}]}), "to"),
        (json!({"from": "2021-01", "to": "2021-02", "changes": []}), "changes"),
        (json!({"from": "2021-1", "to": "2021-02", "changes": [{"rate": "0.03"}]}), "from"),
        (json!({"from": "2021-01", "to": "2021-02", "changes": [{"rate": "3"}]}), "changes[0].rate"),
        (
            json!({"from": "2021-01", "to": "2021-02", "changes": [{"rate": "0.03", "joint": "1"}]}),
            "changes[0].rate",
        ),
        (json!({"from": "2021-01", "to": "2021-02", "changes": [{"price": "5"}]}), "changes[0].service"),
        (
            json!({"from": "2021-01", "to": "2021-02", "changes": [{"rate": "0.03"}, {"service": "e-moten", "meter": "x", "price": "5"}]}),
            "changes[1].meter",
        ),
        (
            json!({"from": "2021-01", "to": "2021-02", "changes": [{"service": "it-bastjanst-konto", "meter": "account", "class": "staf", "price": "5"}]}),
            "changes[0].class",
        ),
        (
            json!({"from": "2021-01", "to": "2021-02", "changes": [{"service": "e-moten", "price_percent": "x"}]}),
            "changes[0].price_percent",
        ),
        (
            json!({"from": "2021-01", "to": "2021-02", "changes": [{"service": "e-moten", "joint": "0.5", "customers": ["X"]}]}),
            "changes[0].customers",
        ),
        (
            json!({"from": "2021-01", "to": "2021-02", "changes": [{"service": "e-moten", "joint": "0.5", "phase": "x"}]}),
            "changes[0].phase",
        ),
    ];
    for (question, named) in wrong {
        let answer = place.post("/v1/simulations", &question.to_string()).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (StatusCode::BAD_REQUEST, &"invalid_body".into()),
            "{question}"
        );
        assert!(
            answer.json()["detail"].as_str().unwrap().starts_with(&format!("{named}:")),
            "{}",
            answer.text()
        );
    }
}

//! What is reported about a year, about who must have a service, and about data that is missing.

use axum::http::header;
use chrono::NaiveDate;
use domain::Month;
use serde_json::{Value, json};
use store::rollup::{Head, Prefix, RevisionRows};
use store::usage::{Gap, GapKind};

use crate::ore;
use crate::place::{Place, now};

pub(crate) async fn a_year_is_what_its_months_billed(place: &Place) {
    let year = place.json("/v1/reports/2021?limit=10000").await;
    assert_eq!(year["control"]["ties"], true);
    let items = year["items"].as_array().unwrap();
    assert!(items.len() >= 34, "{}", items.len());
    for sum in ["gross", "joint", "net", "surcharge"] {
        let mut months = 0;
        for month in 1..=12 {
            let charges = place.json(&format!("/v1/charges?month=2021-{month:02}&limit=1")).await;
            months += ore(&charges["totals"][sum]);
        }
        let added: i64 = items.iter().map(|item| ore(&item["billed"][sum])).sum();
        assert_eq!((added, ore(&year["control"]["closes"][sum])), (months, months), "{sum}");
    }
    let meeting = items.iter().find(|item| item["service"] == "e-moten").unwrap();
    let hours =
        meeting["meters"].as_array().unwrap().iter().find(|m| m["meter"] == "participant_hour").unwrap();
    // The year's hours are those of its months.
    let usage = place.pages("/v1/usage?from=2021-01&to=2021-12&service=e-moten&meter=participant_hour").await;
    let decimal = |value: &Value| value.as_str().unwrap().parse::<rust_decimal::Decimal>().unwrap();
    let sum: rust_decimal::Decimal = usage.iter().map(|item| decimal(&item["quantity"])).sum();
    assert_eq!((decimal(&hours["quantity"]), &hours["measure"]), (sum, &json!("total")));

    for by in ["product", "customer"] {
        let paged = place.pages(&format!("/v1/reports/2021?by={by}&limit=7")).await;
        let net: i64 = paged.iter().map(|item| ore(&item["usage"]["net"])).sum();
        assert_eq!(net, ore(&year["totals"]["usage"]["net"]), "{by}");
    }
    let csv = [(header::ACCEPT, "text/csv")];
    let csv = place.ask(axum::http::Method::GET, "/v1/reports/2021", &csv, "").await;
    let meters: usize = items.iter().map(|item| item["meters"].as_array().unwrap().len().max(1)).sum();
    assert_eq!(csv.text().lines().count(), meters + 1);
    let columns = csv.text().lines().map(|line| line.split(',').count());
    assert!(csv.text().starts_with("customer,") && columns.min() >= Some(30));
}

pub(crate) async fn coverage_is_shown_for_scopes_in_force(place: &Place) {
    let codes = |page: &Value| {
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["scope"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let spring = place.json("/v1/coverage?month=2021-03").await;
    assert_eq!(codes(&spring), ["kort-for-personal"]);
    let autumn = place.json("/v1/coverage?month=2021-08").await;
    assert_eq!(codes(&autumn), ["kort-for-personal", "mobil-i-omsorgen"]);
    let card = &autumn["items"][0];
    // Cards are fewer than accounts under each cost centre, and the company's are outside.
    let total = &card["total"];
    assert!(ore(&total["covered"]) < ore(&total["in_scope"]) && ore(&total["outside"]) > 0, "{total}");
    let groups = card["groups"].as_array().unwrap();
    let covered: i64 = groups.iter().map(|group| ore(&group["covered"])).sum();
    assert_eq!((covered, &card["others"]), (ore(&total["covered"]), &Value::Null));
    let csv = place.get("/v1/coverage?month=2021-03&format=csv").await;
    assert!(csv.text().contains(",total,,"), "{}", csv.text());
}

/// September's accounts were carried for two days, and one day is missing.
pub(crate) async fn gaps_are_listed_and_usage_says_what_is_estimated(place: &Place) {
    let month: Month = "2021-09".parse().unwrap();
    let day = |number: u32| NaiveDate::from_ymd_opt(2021, 9, number).unwrap();
    let gap = |kind, first: u32, last: u32| Gap {
        month,
        service: "it-bastjanst-konto".to_owned(),
        meter: "account".to_owned(),
        kind,
        source: "/lkdata/collector/ad/lkdata.test".to_owned(),
        subject: String::new(),
        series: String::new(),
        first_day: day(first),
        last_day: day(last),
        count: (last - first + 1).into(),
    };
    let accounts = |row: &domain::usage::MonthlyUsage| row.meter == "account" && row.month == month;
    let all = place.usage(month);
    let rows = RevisionRows {
        months: all.into_iter().filter(accounts).collect(),
        gaps: vec![gap(GapKind::Estimated, 4, 5), gap(GapKind::Missing, 6, 6)],
        ..RevisionRows::default()
    };
    place.store().write_revision(2, &rows).await.unwrap();
    let head = Head {
        month,
        service: "it-bastjanst-konto".to_owned(),
        meter: "account".to_owned(),
        cut: None,
        revision: 2,
        prefix: Prefix { generation: 0, as_of: vec![2] },
        until: now(),
        written: now(),
    };
    place.store().put_heads(&[head]).await.unwrap();
    let gaps = place.pages("/v1/gaps?month=2021-09&limit=1").await;
    let told: Vec<_> = gaps
        .iter()
        .filter(|gap| gap["service"] == "it-bastjanst-konto")
        .map(|gap| {
            (
                gap["kind"].as_str().unwrap(),
                gap["first_day"].as_str().unwrap(),
                gap["decision"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("estimated", "2021-09-04", "not_needed"), ("missing", "2021-09-06", "needed")]);
    place.check("GapPage", &place.json("/v1/gaps?month=2021-09").await, "gaps");
    let usage = place.json("/v1/usage?from=2021-09&to=2021-10&service=it-bastjanst-konto").await;
    place.check("UsagePage", &usage, "usage with estimates");
    assert_eq!(usage["items"][0]["estimated_days"], 2);
    assert!(usage["items"][1].get("estimated_days").is_none());
    let year = place.json("/v1/reports/2021?limit=10000").await;
    let accounts =
        year["items"].as_array().unwrap().iter().find(|i| i["service"] == "it-bastjanst-konto").unwrap();
    assert_eq!(
        (&accounts["meters"][0]["estimated_days"], &accounts["meters"][0]["missing_days"]),
        (&json!(2), &json!(1))
    );
}

//! Whose figures somebody sees: their own, everywhere, and nothing of others.

use axum::http::StatusCode;
use domain::access::{Grant, Role, Scope, Viewer};
use serde_json::Value;

use crate::ore;
use crate::place::Place;

fn set(codes: &[&str]) -> std::collections::BTreeSet<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}

/// Somebody who sees one cost centre.
pub(crate) fn manager(costcentre: &str) -> Viewer {
    let scope = Scope { costcentres: set(&[costcentre]), ..Scope::default() };
    Viewer::new([Grant { role: Role::Payer, scope }])
}

/// Somebody who sees one service.
pub(crate) fn leader(service: &str) -> Viewer {
    let scope = Scope { services: set(&[service]), ..Scope::default() };
    Viewer::new([Grant { role: Role::ObjectLeader, scope }])
}

/// What of a list somebody sees is what the whole list has of theirs, and its totals are those.
pub(crate) async fn everybody_sees_their_own_charges(place: &Place) {
    let all = place.pages("/v1/charges?month=2021-03&limit=10000").await;
    for (viewer, field, own) in
        [(manager("441001"), "costcentre", "441001"), (leader("e-moten"), "service", "e-moten")]
    {
        let expected: Vec<&Value> = all.iter().filter(|charge| charge[field] == own).collect();
        assert!(!expected.is_empty() && expected.len() < all.len());
        let answer = place.json_as(&viewer, "/v1/charges?month=2021-03&limit=10000").await;
        assert_eq!(answer["items"].as_array().unwrap().iter().collect::<Vec<_>>(), expected, "{own}");
        for sum in ["gross", "joint", "net", "surcharge"] {
            let added: i64 = expected.iter().map(|charge| ore(&charge[sum])).sum();
            assert_eq!(added, ore(&answer["totals"][sum]), "{own} {sum}");
        }
        let net: i64 = expected.iter().map(|charge| ore(&charge["net"])).sum();
        let months = place.json_as(&viewer, "/v1/months").await;
        let march = months["items"].as_array().unwrap().iter().find(|item| item["month"] == "2021-03");
        assert_eq!(ore(&march.unwrap()["net"]), net, "{own}");
        let costs = place.json_as(&viewer, "/v1/costs?from=2021-03&to=2021-03").await;
        let gross: i64 = costs["items"].as_array().unwrap().iter().map(|item| ore(&item["gross"])).sum();
        assert_eq!(gross, ore(&answer["totals"]["gross"]), "{own}");
    }
}

/// Who sees but a part is told which, on every page; and no part is taken for the whole.
pub(crate) async fn everybody_is_told_what_they_see(place: &Place) {
    let everybody = [
        (leader("e-moten"), "Du ser bara: E-möten</p>"),
        (manager("441001"), "Du ser bara: kostnadsställe 441001</p>"),
    ];
    for path in ["/", "/services", "/services/e-moten", "/payers", "/prices"] {
        assert!(!place.get(path).await.text().contains("Du ser bara"), "{path}");
        for (viewer, told) in &everybody {
            let page = place.any_as(viewer, path).await;
            assert!(page.text().contains(told), "{path}: {told}");
            assert!(!page.text().contains("Objektets påslag"), "{path}");
        }
    }
    let english = place.any_as(&leader("e-moten"), "/?lang=en").await;
    assert!(english.text().contains("You see only: "), "{}", english.text());
}

/// A line of somebody else's is as unknown as one that does not exist, in every way to ask for it.
pub(crate) async fn nobody_learns_of_others(place: &Place) {
    let all = place.pages("/v1/charges?month=2021-03&limit=10000").await;
    let viewer = manager("441001");
    for charge in all.iter().step_by(7) {
        let id = charge["id"].as_str().unwrap();
        let own = charge["costcentre"] == "441001";
        let expected = if own { StatusCode::OK } else { StatusCode::NOT_FOUND };
        for path in [format!("/v1/charges/{id}/explain"), format!("/lines/{id}")] {
            assert_eq!(place.any_as(&viewer, &path).await.status, expected, "{path}");
        }
    }
    let explained = all.iter().find(|charge| charge["costcentre"] == "441001").unwrap();
    let path = format!("/v1/charges/{}/explain", explained["id"].as_str().unwrap());
    let explained = place.json_as(&viewer, &path).await;
    place.check("Explanation", &explained, &path);
    assert_eq!(explained["events"], serde_json::json!([]), "single events are for those who see everything");
    let payer = |code: &str| format!("/payers/{code}?month=2021-03");
    let own = place.any_as(&viewer, &payer("UAF")).await;
    assert_eq!(own.status, StatusCode::OK);
    assert!(own.text().contains("441001") && !own.text().contains("110200"));
    for foreign in ["KLF", "SOF", "LEJON", "XYZ"] {
        assert_eq!(place.any_as(&viewer, &payer(foreign)).await.status, StatusCode::NOT_FOUND, "{foreign}");
    }
    let listed = place.any_as(&viewer, "/payers?month=2021-03").await;
    assert!(listed.text().contains("/payers/UAF") && !listed.text().contains("/payers/KLF"));
    // What many use is read by its days; of one cost centre that could be one person.
    assert!(!place.any_as(&viewer, "/services/e-moten").await.text().contains("id=\"days\""));
    assert_eq!(place.any_as(&viewer, "/services/e-moten/sources").await.status, StatusCode::NOT_FOUND);
    assert_eq!(place.any_as(&leader("mdm"), "/services/e-moten/sources").await.status, StatusCode::NOT_FOUND);
}

/// Usage is cut to what is seen before it is grouped, whatever the groups are.
pub(crate) async fn usage_is_ones_own_however_it_is_grouped(place: &Place) {
    let viewer = manager("441001");
    for groups in ["month", "class", "customer", "costcentre", "class,customer,costcentre", "product,object"]
    {
        let path = format!("/v1/usage?from=2021-03&to=2021-03&group_by={groups}&limit=10000");
        let seen = place.json_as(&viewer, &path).await;
        let own = place.json(&format!("{path}&costcentre=441001")).await;
        assert_eq!(seen["items"], own["items"], "{groups}");
        let foreign = place.json_as(&viewer, &format!("{path}&costcentre=110200")).await;
        assert_eq!(foreign["items"], serde_json::json!([]), "{groups}");
    }
    let path = "/v1/usage?from=2021-03&to=2021-03&group_by=customer&limit=10000";
    let seen = place.json_as(&leader("e-moten"), path).await;
    assert_eq!(seen["items"], place.json(&format!("{path}&service=e-moten")).await["items"]);
    for path in ["/v1/coverage?month=2021-08", "/v1/gaps?month=2021-08"] {
        let items = place.json_as(&leader("mdm"), path).await["items"].as_array().unwrap().clone();
        assert!(items.iter().all(|item| item["service"] == "mdm"), "{path}: {items:?}");
    }
}

/// An object leader simulates own services, and learns nothing of what others pay for those of others.
pub(crate) async fn a_leader_simulates_own_services(place: &Place) {
    let viewer = leader("e-moten");
    let question = |service: &str| {
        let change = serde_json::json!({ "service": service, "volume_percent": "-100" });
        serde_json::json!({ "from": "2021-03", "to": "2021-03", "changes": [change] }).to_string()
    };
    let answer = place.post_as(&viewer, "/v1/simulations", &question("e-moten")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", String::from_utf8_lossy(&answer.body));
    let answer = answer.json();
    let items = answer["items"].as_array().unwrap();
    assert!(!items.is_empty() && items.iter().all(|item| item["service"] == "e-moten"), "{answer}");
    let gross: i64 = items.iter().map(|item| ore(&item["before"]["gross"])).sum();
    assert_eq!(gross, ore(&answer["totals"]["before"]["gross"]));
    let all = place.post("/v1/simulations", &question("e-moten")).await.json();
    assert!(ore(&all["totals"]["before"]["gross"]) > gross, "{all}");
    let foreign = place.post_as(&viewer, "/v1/simulations", &question("mdm")).await;
    assert_eq!(foreign.status, StatusCode::BAD_REQUEST, "{}", String::from_utf8_lossy(&foreign.body));
    let page = "/simulate?from=2021-03&to=2021-03&volume_percent=-100&of=";
    let own = place.any_as(&viewer, &format!("{page}e-moten")).await;
    assert_eq!(own.status, StatusCode::OK);
    let own = String::from_utf8(own.body.to_vec()).unwrap();
    assert!(own.contains("de tjänsters som du ansvarar för"), "{own}");
    assert!(!own.contains("value=\"mdm"), "{own}");
    assert_eq!(place.any_as(&viewer, &format!("{page}mdm")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

//! What is decided over HTTP besides months, and what is seen of it.

use std::collections::BTreeMap;

use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use store::counting::Step;
use store::rows::{Batch, Dictionary, Position, QuarantineRow};

use crate::place::{Place, now};

pub(crate) async fn the_quarantine_is_listed_shown_and_replayed(place: &Place) {
    let row = |offset: u64, code: &str, event: Option<&[u8]>| QuarantineRow {
        position: Position::new(offset, 0),
        code: code.to_owned(),
        detail: "varför".to_owned(),
        source: format!("/källa/{}", offset % 2),
        id: offset.to_string(),
        hash: offset.to_string(),
        received: now(),
        event: event.map(<[u8]>::to_vec),
        record: ("c1".to_owned(), 1, offset),
        released: false,
    };
    let quarantine = vec![
        row(1, "wrong_unit", Some(b"{\"id\":\"1\"}")),
        row(2, "wrong_unit", Some(b"\xff\x00")),
        row(3, "personal_data", None),
    ];
    let batch = Batch { generation: 1, quarantine, ..Batch::default() };
    place.store().write_quarantine(&batch).await.unwrap();
    let list = place.json("/v1/quarantine?limit=2").await;
    place.check("QuarantinePage", &list, "a page of the quarantine");
    let count = |code: &str, entries: u64| json!({ "code": code, "entries": entries });
    assert_eq!(list["counts"], json!([count("personal_data", 1), count("wrong_unit", 2)]));
    let of_one = place.json("/v1/quarantine?code=wrong_unit&source=/k%C3%A4lla/1").await;
    assert_eq!(
        (&of_one["counts"], of_one["items"].as_array().unwrap().len()),
        (&json!([count("wrong_unit", 1)]), 1)
    );

    let mut shown = BTreeMap::new();
    for item in place.pages("/v1/quarantine?limit=1").await {
        let id = item["id"].as_str().unwrap().to_owned();
        let whole = place.json(&format!("/v1/quarantine/{id}")).await;
        place.check("QuarantinedEvent", &whole, "an entry");
        shown.insert(item["event_id"].as_str().unwrap().to_owned(), (id, whole));
    }
    let event = |number: &str| (&shown[number].1["text"], &shown[number].1["base64"]);
    assert_eq!(event("1"), (&"{\"id\":\"1\"}".into(), &Value::Null));
    assert_eq!(event("2"), (&Value::Null, &"/wA=".into()));
    assert_eq!(event("3"), (&Value::Null, &Value::Null));

    let replay = async |id: &str, body: &str| place.post(&format!("/v1/quarantine/{id}/replay"), body).await;
    let replayed = replay(&shown["1"].0, "{}").await;
    assert_eq!(replayed.status, StatusCode::OK, "{}", replayed.text());
    place.check("Replayed", &replayed.json(), "a replay");
    let again = place
        .ask(axum::http::Method::POST, &format!("/v1/quarantine/{}/replay", shown["1"].0), &[], "")
        .await;
    assert_eq!(again.status, StatusCode::OK, "no body is as good as an empty one");
    for (id, body, status, code) in [
        (shown["3"].0.as_str(), "{}", StatusCode::CONFLICT, "not_replayable"),
        ("0123", "{}", StatusCode::NOT_FOUND, "not_found"),
        (shown["1"].0.as_str(), r#"{"force":true}"#, StatusCode::BAD_REQUEST, "invalid_body"),
    ] {
        let answer = replay(id, body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{id}");
    }
    assert_eq!(place.any("/v1/quarantine/0123").await.status, StatusCode::NOT_FOUND);
    the_quarantine_is_read_and_replayed_on_its_pages(place, &shown["1"].0).await;
}

async fn the_quarantine_is_read_and_replayed_on_its_pages(place: &Place, id: &str) {
    let operations = place.get("/operations").await;
    assert!(operations.text().contains("class=\"verdict") && operations.text().contains("Fel enhet"));
    let list = place.get("/operations/quarantine?code=wrong_unit&source=").await;
    assert!(list.text().contains("2 händelser") && list.text().contains(id), "{}", list.text());
    let page = format!("/operations/quarantine/{id}");
    assert!(place.get(&page).await.text().contains("&#34;id&#34;: &#34;1&#34;"));
    let form = [(header::CONTENT_TYPE, "application/x-www-form-urlencoded")];
    let post = axum::http::Method::POST;
    let replayed = place.ask(post.clone(), &format!("{page}/replay"), &form, "").await;
    let done = format!("{page}?done=replayed");
    assert_eq!((replayed.status, replayed.header("location")), (StatusCode::SEE_OTHER, done.as_str()));
    assert!(place.get(&done).await.text().contains("role=\"status\""));
    let unknown = place.ask(post, "/operations/quarantine/0123/replay", &form, "").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

pub(crate) async fn a_sender_is_held_to_its_own_count(place: &Place) {
    let post = async |body: Value| place.post("/v1/reconciliation/counts", &body.to_string()).await;
    let count = |day: &str, count: i64| json!({"source": "/s", "day": day, "count": count});
    assert_eq!(post(count("2021-12-01", 7)).await.json(), json!({"taken": 1}));
    let many = json!({"items": [count("2021-12-01", 5), count("2021-12-15", 3)]});
    for _ in 0..2 {
        assert_eq!(post(many.clone()).await.json(), json!({"taken": 2}), "posting again is safe");
    }
    let books = place.json("/v1/reconciliation?from=2021-12-01&to=2021-12-31&source=/s").await;
    place.check("ReconciliationPage", &books, "the books");
    let shown: Vec<_> = books["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["day"].as_str().unwrap(), item["sent"].as_u64(), item["sent_difference"].as_i64()))
        .collect();
    assert_eq!(shown, [("2021-12-01", Some(5), Some(5)), ("2021-12-15", Some(3), None)]);
    let twice = json!({"items": [count("2021-12-01", 5), count("2021-12-01", 6)]});
    for wrong in [twice, count("2021-13-01", 1), count("2021-12-01", -1), json!({"source": "/s"})] {
        let answer = post(wrong.clone()).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (StatusCode::BAD_REQUEST, &"invalid_body".into()),
            "{wrong}"
        );
    }
}

pub(crate) async fn a_lost_collector_is_given_up(place: &Place) {
    let mut batch = Batch { generation: 1, ..Batch::default() };
    let until = domain::Instant::parse_rfc3339("2021-12-15T08:00:00Z").unwrap();
    batch.marks.insert("c1".to_owned(), (Position::new(1, 0), until));
    place.store().write(Step::Marks, &batch, &Dictionary::default()).await.unwrap();
    let item = &place.json("/v1/collectors").await["items"][0];
    assert_eq!(
        item,
        &json!({"collector": "c1", "state": "silent", "spool_empty_until": "2021-12-15T08:00:00Z", "retired": null})
    );
    let retired = place.post("/v1/collectors/c1/retire", r#"{"why":"disken gick sönder"}"#).await.json();
    place.check("Collector", &retired, "a collector that was given up");
    assert_eq!(
        (&retired["state"], &retired["retired"]["why"]),
        (&"retired".into(), &"disken gick sönder".into())
    );
    for (path, body, status) in [
        ("/v1/collectors/c2/retire", r#"{"why":"x"}"#, StatusCode::NOT_FOUND),
        ("/v1/collectors/c1/retire", r#"{"why":" "}"#, StatusCode::BAD_REQUEST),
        ("/v1/collectors/c1/retire", "{}", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(place.post(path, body).await.status, status, "{path} {body}");
    }
}

pub(crate) async fn what_must_be_kept_is_not_removed(place: &Place) {
    let kept = place.json("/v1/retention").await;
    place.check("Retention", &kept, "what is kept");
    let class = |item: &Value| item["class"].as_str().unwrap().to_owned();
    let classes: Vec<String> = kept["items"].as_array().unwrap().iter().map(class).collect();
    assert_eq!(classes, ["event-details", "quarantine", "identities", "accounting"]);
    assert!(kept["items"][3]["rows"].as_u64().unwrap() > 0, "the months' charges are there: {kept}");
    let decisions = place.pages("/v1/audit").await.len();
    for (body, status, code) in [
        (r#"{"why":"x","classes":["accounting"]}"#, StatusCode::CONFLICT, "not_removable"),
        (r#"{"why":"x","classes":["identities"]}"#, StatusCode::CONFLICT, "not_removable"),
        (r#"{"why":"x","classes":["charges"]}"#, StatusCode::BAD_REQUEST, "invalid_body"),
        (r#"{"why":" "}"#, StatusCode::BAD_REQUEST, "invalid_body"),
        (r#"{"classes":[]}"#, StatusCode::BAD_REQUEST, "invalid_body"),
    ] {
        let answer = place.post("/v1/retention", body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{body}");
    }
    let nothing = place.post("/v1/retention", r#"{"why":"gallringsbeslut"}"#).await.json();
    place.check("Retention", &nothing, "a removal of nothing");
    assert_eq!((&nothing["control"], &nothing["items"][0]["due_rows"]), (&Value::Null, &json!(0)));
    assert_eq!(place.pages("/v1/audit").await.len(), decisions, "nothing was decided");
    assert_eq!(place.any("/v1/retention?class=accounting").await.status, StatusCode::BAD_REQUEST);
}

pub(crate) async fn a_catalogue_is_applied_or_refused_with_its_findings(place: &Place) {
    let encoded = |change: &dyn Fn(&str, String) -> String| {
        let files = catalog::linkoping();
        let files: BTreeMap<String, String> = files
            .iter()
            .map(|(path, bytes)| {
                let text = change(path, String::from_utf8(bytes.to_vec()).unwrap());
                (path.to_owned(), data_encoding::BASE64.encode(text.as_bytes()))
            })
            .collect();
        json!({ "files": files }).to_string()
    };
    let unchanged = place.post("/v1/catalogue", &encoded(&|_, text| text)).await;
    assert_eq!(unchanged.json(), json!({"version": catalog::linkoping().version(), "changes": []}));
    let named = encoded(&|_, text| text.replace("namn = \"Deltagartimmar\"", "namn = \"Timmar i möten\""));
    let applied = place.post("/v1/catalogue", &named).await.json();
    place.check("CatalogueInForce", &applied, "an applied catalogue");
    assert_eq!(applied["changes"].as_array().unwrap().len(), 1, "{applied}");
    let dearer = encoded(&|_, text| {
        text.replace("participant_hour;;2020-01-01;;0,48", "participant_hour;;2020-01-01;;0,50")
    });
    let broken = encoded(&|path, text| if path == "priser.csv" { "x".to_owned() } else { text });
    for (body, status, code) in [
        (dearer.as_str(), StatusCode::UNPROCESSABLE_ENTITY, "changes_closed_month"),
        (&broken, StatusCode::UNPROCESSABLE_ENTITY, "invalid_catalogue"),
        (r#"{"files":{"a.toml":"åäö"}}"#, StatusCode::BAD_REQUEST, "invalid_body"),
        (r#"{"fils":{}}"#, StatusCode::BAD_REQUEST, "invalid_body"),
    ] {
        let answer = place.post("/v1/catalogue", body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{}", answer.text());
        assert_eq!(answer.header(header::CONTENT_TYPE.as_str()), "application/problem+json");
    }
}

pub(crate) async fn the_pseudonyms_of_a_year_that_is_over_end_by_a_decision(place: &Place) {
    place.check("PullCollectorPage", &place.json("/v1/pull-collectors").await, "what is gathered");
    let why = r#"{"why":"omprövningstiden är slut"}"#;
    for (year, was_there) in [("2020", true), ("2019", false)] {
        let ended = place.post(&format!("/v1/pseudonyms/{year}/destroy"), why).await.json();
        place.check("DestroyedPseudonyms", &ended, "a year that is over");
        assert_eq!(ended["was_there"], was_there, "{year}");
    }
    for (path, body, status) in [
        ("/v1/pseudonyms/9998/destroy", why, StatusCode::BAD_REQUEST),
        ("/v1/pseudonyms/x/destroy", why, StatusCode::NOT_FOUND),
        ("/v1/pseudonyms/2020/destroy", r#"{"why":" "}"#, StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(place.post(path, body).await.status, status, "{path} {body}");
    }
}

pub(crate) async fn the_audit_has_every_decision(place: &Place) {
    let records = place.pages("/v1/audit?limit=3").await;
    assert!(records.len() > 8, "{records:?}");
    assert!(records.iter().all(|record| record["problem"].is_null() && record["state"] == "valid"));
    assert!(records.iter().all(|record| record["asked_by"] == "local"), "{records:?}");
    assert!(records.iter().all(|record| record["decision"]["asked_by"].is_null()), "said once");
    let ended: Vec<(&str, &str)> = records
        .iter()
        .map(|record| (record["action"].as_str().unwrap(), record["outcome"].as_str().unwrap()))
        .collect();
    for want in [
        ("month.close", "refused"),
        ("month.preliminary", "preliminary"),
        ("month.close", "closed"),
        ("quarantine.replay", "replayed"),
        ("collector.retire", "retired"),
        ("pseudonyms.destroy", "decided"),
        ("pseudonyms.destroy", "refused"),
        ("catalogue.apply", "unchanged"),
        ("catalogue.apply", "applied"),
        ("catalogue.apply", "refused"),
    ] {
        assert!(ended.contains(&want), "{want:?} is not in {ended:?}");
    }
    let signed: Vec<&Value> = records.iter().map(|record| &record["decision"]["by"]).collect();
    assert!(signed.contains(&&"ekonom 1".into()) && signed.contains(&&"ekonom 2".into()), "{signed:?}");
    place.check("AuditPage", &place.json("/v1/audit").await, "the audit");
}

//! The API over the real engine, the real log, Linköping's catalogue and fourteen months of its planned volumes.
//!
//! One process can hold one engine, so one test starts it and asks everything, each question in a function of its own.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

#[path = "http/decisions.rs"]
mod decisions;
#[path = "http/object.rs"]
mod object;
#[path = "http/pages.rs"]
mod pages;
#[path = "http/place.rs"]
mod place;
#[path = "http/reports.rs"]
mod reports;
#[path = "http/sight.rs"]
mod sight;

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode, header};
use serde_json::Value;

use place::{Answer, Place};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_answers_from_real_months() {
    let place = Place::start().await;
    an_empty_program_shows_how_to_begin(&place).await;
    place.fill().await;
    every_list_is_as_the_document_says(&place).await;
    charges_add_up_to_their_totals_whatever_the_page(&place).await;
    every_kind_of_charge_is_explained(&place).await;
    costs_are_what_the_charges_add_up_to(&place).await;
    usage_shows_what_nobody_pays_for(&place).await;
    reports::a_year_is_what_its_months_billed(&place).await;
    reports::coverage_is_shown_for_scopes_in_force(&place).await;
    reports::gaps_are_listed_and_usage_says_what_is_estimated(&place).await;
    csv_has_the_same_fields_in_the_same_order(&place).await;
    object::the_object_lives_on_what_the_months_collect(&place).await;
    object::other_decisions_are_simulated_and_nothing_is_written(&place).await;
    what_is_wrong_with_a_question_is_said_in_two_languages(&place).await;
    health_is_told(&place).await;
    the_first_page_shows_what_the_api_says(&place).await;
    pages::every_page_is_whole_small_and_in_two_languages(&place).await;
    pages::every_link_leads_somewhere(&place).await;
    pages::figures_are_those_of_the_api(&place).await;
    pages::a_month_without_usage_is_said_to_be_another(&place).await;
    pages::a_split_chart_has_the_totals_of_the_whole_one(&place).await;
    pages::a_payer_is_told_what_it_is_expected_to_pay(&place).await;
    pages::what_is_wrong_is_a_page_to_people(&place).await;
    pages::changes_add_up_to_the_ore(&place).await;
    sight::everybody_sees_their_own_charges(&place).await;
    sight::everybody_is_told_what_they_see(&place).await;
    sight::nobody_learns_of_others(&place).await;
    sight::a_leader_simulates_own_services(&place).await;
    sight::usage_is_ones_own_however_it_is_grouped(&place).await;
    a_month_is_exported_when_it_is_closed_and_never_changes(&place).await;
    decisions::the_quarantine_is_listed_shown_and_replayed(&place).await;
    decisions::a_sender_is_held_to_its_own_count(&place).await;
    decisions::a_lost_collector_is_given_up(&place).await;
    decisions::what_must_be_kept_is_not_removed(&place).await;
    decisions::the_pseudonyms_of_a_year_that_is_over_end_by_a_decision(&place).await;
    decisions::a_catalogue_is_applied_or_refused_with_its_findings(&place).await;
    decisions::the_audit_has_every_decision(&place).await;
    place.stop().await;
}

async fn an_empty_program_shows_how_to_begin(place: &Place) {
    let page = place.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("http://127.0.0.1:8321/v1/events"), "{}", page.text());
    assert!(page.text().contains("e-moten"));
    assert_eq!(place.json("/v1/months").await["items"], serde_json::json!([]));
}

async fn every_list_is_as_the_document_says(place: &Place) {
    let lists = [
        (
            "/v1/usage?from=2021-01&to=2021-02&group_by=month,service,meter,class,customer,costcentre,product,object,dims",
            "UsagePage",
        ),
        ("/v1/costs?from=2020-11&to=2021-12", "CostPage"),
        ("/v1/charges?month=2021-03&limit=10000", "ChargePage"),
        ("/v1/reports/2021", "YearReport"),
        ("/v1/reports/2021?by=customer&limit=50", "YearReport"),
        ("/v1/reports/2021?by=product", "YearReport"),
        ("/v1/reports/0021", "Problem"),
        ("/v1/coverage?month=2021-08", "CoveragePage"),
        ("/v1/gaps?month=2021-08", "GapPage"),
        ("/v1/gaps", "Problem"),
        ("/v1/changes?month=2021-03", "Changes"),
        ("/v1/changes?month=2021-11&against=2020-11&by=costcentre&limit=3", "Changes"),
        ("/v1/changes?month=2019-01", "Problem"),
        ("/v1/forecasts?ahead=2", "ForecastPage"),
        ("/v1/anomalies?month=2021-08", "AnomalyPage"),
        ("/v1/days?service=e-moten&month=2021-08", "DayPage"),
        ("/v1/days?service=none&month=2021-08", "Problem"),
        ("/v1/months", "MonthPage"),
        ("/v1/services", "ServicePage"),
        ("/v1/reconciliation?from=2021-03-01&to=2021-03-31", "ReconciliationPage"),
        ("/v1/quarantine", "QuarantinePage"),
        ("/v1/collectors", "CollectorPage"),
        ("/v1/audit", "AuditPage"),
        ("/readyz", "Readiness"),
        ("/v1/usage?to=2021-01", "Problem"),
        ("/nowhere", "Problem"),
    ];
    for (path, schema) in lists {
        place.check(schema, &place.any(path).await.json(), path);
    }
}

async fn charges_add_up_to_their_totals_whatever_the_page(place: &Place) {
    let whole = place.json("/v1/charges?month=2021-03&limit=10000").await;
    let items = place.pages("/v1/charges?month=2021-03&limit=97").await;
    assert_eq!(&items, whole["items"].as_array().unwrap());
    for sum in ["gross", "joint", "net", "surcharge"] {
        let added: i64 = items.iter().map(|item| ore(&item[sum])).sum();
        assert_eq!(added, ore(&whole["totals"][sum]), "{sum}");
    }
    assert!(ore(&whole["totals"]["surcharge"]) > 0);
    let first = &place.json("/v1/charges?month=2021-03&limit=1").await;
    assert_eq!(first["totals"], whole["totals"]);
}

async fn every_kind_of_charge_is_explained(place: &Place) {
    let charges = place.pages("/v1/charges?month=2021-03&limit=1000").await;
    let mut kinds = BTreeSet::new();
    for charge in &charges {
        if !kinds.insert((charge["service"].as_str(), charge["meter"].as_str())) {
            continue;
        }
        let path = format!("/v1/charges/{}/explain?limit=1", charge["id"].as_str().unwrap());
        let explained = place.json(&path).await;
        place.check("Explanation", &explained, &path);
        assert_eq!(&explained["charge"], charge);
        let formula = explained["formula"].as_array().unwrap();
        assert!(formula.len() >= 2 && formula[0].as_str().unwrap().starts_with("G = "), "{formula:?}");
        assert_eq!((&explained["correction"], &explained["closed"]), (&Value::Null, &Value::Null));
        let surcharge = &explained["surcharge"];
        assert_eq!(surcharge["handout"].is_object(), surcharge["is_borne"] == true, "{surcharge}");
        if let Some(text) = surcharge["handout"]["text"].as_str() {
            let amount = ore(&surcharge["amount"]);
            let (kronor, ore) = (grouped(amount / 100), amount % 100);
            assert!(text.ends_with(&format!("{kronor},{ore:02} kr.")), "{text}");
            let english = place.ask(Method::GET, &path, &[(header::ACCEPT_LANGUAGE, "en")], "").await.json();
            let text = english["surcharge"]["handout"]["text"].as_str().unwrap();
            let kronor = kronor.replace('\u{a0}', ",");
            assert!(text.ends_with(&format!("SEK {kronor}.{ore:02}.")), "{text}");
        }
    }
    assert!(kinds.len() >= 30, "{kinds:?}");
    let unknown = place.any("/v1/charges/2021-03.KLF.no.such.charge.-/explain").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    place.check("Problem", &unknown.json(), "an unknown charge");
}

async fn costs_are_what_the_charges_add_up_to(place: &Place) {
    let costs = place.pages("/v1/costs?from=2021-03&to=2021-03&limit=7").await;
    let charges = place.json("/v1/charges?month=2021-03&limit=1").await;
    let gross: i64 = costs.iter().map(|item| ore(&item["gross"])).sum();
    assert_eq!(gross, ore(&charges["totals"]["gross"]));
    let slugs: Vec<&str> = costs.iter().map(|item| item["service"].as_str().unwrap()).collect();
    assert!(slugs.is_sorted() && slugs.len() >= 30, "{slugs:?}");
}

async fn usage_shows_what_nobody_pays_for(place: &Place) {
    let query = "/v1/usage?from=2021-12&to=2021-12&service=e-moten&meter=participant_hour";
    let groups = place.pages(&format!("{query}&group_by=customer&limit=2")).await;
    let nobody: Vec<&Value> = groups.iter().filter(|item| item["customer"].is_null()).collect();
    assert_eq!(nobody.len(), 1);
    assert_eq!(nobody[0]["quantity"], "12.5");
    let whole = &place.json(query).await["items"][0];
    assert!(whole.get("customer").is_none() && whole["unit"] == "h", "{whole}");
    let sum: i64 = groups.iter().map(|item| ore(&item["cost"])).sum();
    assert_eq!(sum, ore(&whole["cost"]));
}

async fn csv_has_the_same_fields_in_the_same_order(place: &Place) {
    let path = "/v1/charges?month=2021-03&limit=2";
    let csv = place.ask(Method::GET, path, &[(header::ACCEPT, "text/csv")], "").await;
    let json = place.json(path).await;
    let lines: Vec<&str> = csv.text().split("\r\n").collect();
    let fields = "id,month,corrects,customer,costcentre,service,meter,class,unit,quantity,unit_price,gross,joint,net,surcharge";
    assert_eq!((lines[0], lines.len()), (fields, 4));
    assert_eq!(csv.header("x-next-cursor"), json["next"].as_str().unwrap());
    let cells: Vec<&str> = lines[1].split(',').collect();
    for (field, cell) in fields.split(',').zip(cells) {
        assert_eq!(json["items"][0][field].as_str().unwrap_or(""), cell, "{field}");
    }
    let usage = place.get("/v1/usage?from=2021-03&to=2021-03&group_by=customer&format=csv&limit=1").await;
    assert!(
        usage.text().starts_with("month,service,meter,unit,quantity,cost,customer\r\n"),
        "{}",
        usage.text()
    );
}

async fn what_is_wrong_with_a_question_is_said_in_two_languages(place: &Place) {
    let path = "/v1/usage?from=2021-01&to=2021-02&groupby=month";
    let swedish = place.any(path).await;
    let english = place.ask(Method::GET, path, &[(header::ACCEPT_LANGUAGE, "en")], "").await;
    assert_eq!(swedish.status, StatusCode::BAD_REQUEST);
    assert_eq!(swedish.header("content-type"), "application/problem+json");
    assert_eq!(
        (&swedish.json()["title"], &english.json()["title"]),
        (&"Okänd parameter".into(), &"Unknown parameter".into())
    );
    assert_eq!(swedish.json()["nearest"], "group_by");
    let cases = [
        (Method::GET, "/nowhere", StatusCode::NOT_FOUND, "not_found"),
        (Method::DELETE, "/v1/months", StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
        (Method::GET, "/v1/usage?from=2021-02&to=2021-01", StatusCode::BAD_REQUEST, "invalid_parameter"),
        (
            Method::GET,
            "/v1/usage?from=2021-01&to=2021-01&group_by=subject",
            StatusCode::BAD_REQUEST,
            "invalid_parameter",
        ),
        (Method::GET, "/v1/charges?month=2021-03&cursor=abc", StatusCode::BAD_REQUEST, "invalid_cursor"),
        (
            Method::GET,
            "/v1/charges/2021-03.KLF.110200.e-moten.participant_hour.-/explain?cursor=abc",
            StatusCode::BAD_REQUEST,
            "invalid_cursor",
        ),
        (Method::GET, "/v1/months/2021-3/documents", StatusCode::BAD_REQUEST, "invalid_parameter"),
        (Method::GET, "/v1/exports/2021-03/ods", StatusCode::NOT_FOUND, "not_found"),
        (Method::GET, "/v1/exports/1999-01/csv", StatusCode::NOT_FOUND, "not_found"),
    ];
    for (method, path, status, code) in cases {
        let answer = place.ask(method, path, &[(header::CONTENT_TYPE, "application/json")], "{}").await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    let form = [(header::CONTENT_TYPE, "application/x-www-form-urlencoded")];
    let answer = place.ask(Method::POST, "/v1/months/2021-03/close", &form, "{}").await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

async fn health_is_told(place: &Place) {
    assert_eq!(place.get("/livez").await.text(), "ok\n");
    assert_eq!(place.json("/readyz").await["checks"]["store"], true);
    assert!(place.get("/metrics").await.text().contains("taxameter_api_request_seconds_bucket"));
    place.is_ready(false);
    let away = place.any("/readyz").await;
    assert_eq!((away.status, away.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));
    assert_eq!(away.json()["checks"]["store"], false);
    place.is_ready(true);
}

async fn the_first_page_shows_what_the_api_says(place: &Place) {
    let page = place.get("/").await;
    assert!(page.text().len() < 100_000, "{} bytes", page.text().len());
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    let totals = &place.json("/v1/charges?month=2021-11&limit=1").await["totals"];
    let kronor = grouped((ore(&totals["net"]) + 50) / 100);
    assert!(page.text().contains(&format!(r#"<td class="number">{kronor}</td>"#)), "{kronor}");
    assert!(page.text().contains("1 kostnadsställe, 6\u{a0}kr: 999999."), "unattributed usage is shown");
    let english = place.ask(Method::GET, "/?lang=en&month=2021-06", &[], "").await;
    assert!(english.header("set-cookie").starts_with("taxameter_lang=en;"));
    assert!(
        english.text().contains(r#"<html lang="en">"#) && english.text().contains("What the services cost")
    );
    let style = page.text().split("href=\"").find(|part| part.starts_with("/assets/taxameter-")).unwrap();
    let style = place.get(style.split('"').next().unwrap()).await;
    assert!(style.header("cache-control").contains("immutable"));
}

async fn a_month_is_exported_when_it_is_closed_and_never_changes(place: &Place) {
    let open = place.any("/v1/exports/2020-11/csv").await;
    assert_eq!((open.status, &open.json()["code"]), (StatusCode::CONFLICT, &"month_open".into()));
    let preview = place.get("/v1/exports/2020-11/csv?preliminary=true").await;
    assert!(preview.header("content-disposition").contains("taxameter-2020-11-preliminary.csv"));
    let before = place.pages("/v1/charges?month=2020-11&limit=500").await;
    let later = place.post("/v1/months/2020-12/close", "{}").await;
    assert_eq!(
        (later.status, &later.json()["blockers"][0]["code"]),
        (StatusCode::CONFLICT, &"earlier_month_open".into())
    );
    place.check("CloseBlocked", &later.json(), "a blocked close");
    let nothing = place.post("/v1/months/1999-01/close", "{}").await;
    assert_eq!(nothing.json()["blockers"][0]["code"], "no_usage", "{}", nothing.text());
    let not_over = place.post("/v1/months/2021-12/close", "{}").await;
    assert_eq!(not_over.json()["blockers"][0]["code"], "month_not_over", "{}", not_over.text());
    place.check("CloseBlocked", &not_over.json(), "a close before the month is over");
    for action in ["preliminary", "close"] {
        let unsigned = place.post(&format!("/v1/months/2020-11/{action}"), r#"{"by":" "}"#).await;
        assert_eq!(
            (unsigned.status, &unsigned.json()["code"]),
            (StatusCode::BAD_REQUEST, &"invalid_body".into())
        );
    }
    let announced = place.post("/v1/months/2020-11/preliminary", r#"{"by":"ekonom 1"}"#).await;
    assert_eq!(announced.json()["state"], "preliminary");
    place.check("DecidedMonth", &announced.json(), "an announced month");
    assert_eq!(announced.json()["warnings"], serde_json::json!([]));
    assert_eq!(place.json("/v1/months/2020-11/documents").await["items"], serde_json::json!([]));
    let closed = place.post("/v1/months/2020-11/close", r#"{"by":"ekonom 2"}"#).await;
    assert_eq!(
        (closed.status, &closed.json()["state"]),
        (StatusCode::OK, &"closed".into()),
        "{}",
        closed.text()
    );
    place.check("DecidedMonth", &closed.json(), "a closed month");
    assert_eq!(place.post("/v1/months/2020-11/close", "{}").await.json(), closed.json());
    assert_eq!(place.pages("/v1/charges?month=2020-11&limit=500").await, before);
    companies_have_documents(place, &before).await;
    let explained = place.json(&format!("/v1/charges/{}/explain", before[0]["id"].as_str().unwrap())).await;
    place.check("Explanation", &explained, "a closed charge");
    assert_eq!(explained["closed"]["by"], "ekonom 2");
    let csv = place.get("/v1/exports/2020-11/csv?dialect=excel-sv").await;
    assert!(csv.text().starts_with("\u{feff}id;month;"), "{}", &csv.text()[..80]);
    assert_eq!(csv.text().lines().count(), before.len() + 1);
    // As browsers ask for it. RFC 1952 §2.3.1: the last four bytes are the length of what was compressed.
    let path = "/v1/exports/2020-11/csv?dialect=excel-sv";
    let compressed = place.ask(Method::GET, path, &[(header::ACCEPT_ENCODING, "gzip")], "").await;
    assert_eq!(compressed.header("content-encoding"), "gzip");
    let length = u32::try_from(csv.body.len()).unwrap();
    assert!(compressed.body.ends_with(&length.to_le_bytes()), "{} of {length} bytes", compressed.body.len());
    assert!(place.get("/v1/exports/2020-11/xlsx").await.body.starts_with(b"PK"));
    for format in ["csv", "package.zip", "manifest.json", "sie", "csv?preliminary=true"] {
        let before = place.any(&format!("/v1/exports/2020-10/{format}")).await;
        assert_eq!(
            (before.status, &before.json()["code"]),
            (StatusCode::NOT_FOUND, &"not_found".into()),
            "{format}"
        );
    }
    let never = place.any("/v1/exports/2020-10/csv").await.json();
    assert!(never["detail"].as_str().unwrap().contains("före den första månaden"), "{never}");
}

/// Of a closed month with these charges: each company has one, over what its lines come to.
async fn companies_have_documents(place: &Place, charges: &[Value]) {
    place.check("DocumentPage", &place.json("/v1/months/2020-11/documents").await, "documents");
    let documents = place.pages("/v1/months/2020-11/documents?limit=2").await;
    let numbers: Vec<u64> = documents.iter().map(|document| document["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=documents.len() as u64).collect::<Vec<_>>());
    assert!(documents.len() >= 3, "{documents:?}");
    for document in &documents {
        let lines = charges.iter().filter(|charge| charge["customer"] == document["customer"]);
        let sum = |field: &str| lines.clone().map(|charge| ore(&charge[field])).sum::<i64>();
        assert_eq!((ore(&document["net"]), ore(&document["surcharge"])), (sum("net"), sum("surcharge")));
        assert_eq!(ore(&document["total"]), sum("net") + sum("surcharge"));
        assert_eq!(document["type"], 380);
    }
}

/// An amount in öre, read exactly.
fn ore(value: &Value) -> i64 {
    let text = value.as_str().unwrap();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<2}").parse().unwrap()
}

/// Digits in groups of three, as the Swedish page writes them.
fn grouped(value: i64) -> String {
    let digits = value.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join("\u{a0}")
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header, empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

//! The pages: whole, small, in two languages, without a link that leads nowhere, and with the API's figures.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{Method, StatusCode, header};
use domain::Month;
use domain::trend::forecast_hundredths;
use serde_json::Value;

use crate::place::{Answer, Place};
use crate::sight::manager;
use crate::{grouped, ore};

/// Pages of every kind.
const PAGES: [&str; 15] = [
    "/",
    "/?month=2021-06",
    "/services",
    "/services/e-moten?month=2021-11",
    "/services/chromebook?month=2021-08&by=payer",
    "/services/it-arbetsplats?by=class",
    "/payers",
    "/object/2021",
    "/prices",
    "/simulate",
    "/simulate?of=e-moten&price_percent=10&from=2021-01&to=2021-06",
    "/operations",
    "/operations/quarantine",
    "/payers/UAF?month=2021-11",
    "/payers/UAF?month=2021-11&service=&costcentre=441001&page=1",
];

pub(crate) async fn every_page_is_whole_small_and_in_two_languages(place: &Place) {
    let line = place.json("/v1/charges?month=2021-03&limit=1").await["items"][0]["id"].clone();
    let line = format!("/lines/{}", line.as_str().unwrap());
    for path in PAGES.into_iter().chain([line.as_str()]) {
        for (language, word) in [("sv", "Översikt"), ("en", "Overview")] {
            let mark = if path.contains('?') { '&' } else { '?' };
            let page = place.get(&format!("{path}{mark}lang={language}")).await;
            let html = page.text();
            assert!(html.contains(&format!("<html lang=\"{language}\">")) && html.contains(word), "{path}");
            assert!(html.len() < 200_000, "{path}: {} bytes", html.len());
            assert!(language == "sv" || !html.contains("\u{a0}kr"), "{path}: English amounts are in SEK");
            let small = place.ask(Method::GET, path, &[(header::ACCEPT_ENCODING, "gzip")], "").await;
            assert!(small.body.len() < 60_000, "{path}: {} bytes compressed", small.body.len());
            has_unique_ids(path, html);
            assert!(!html.contains("style=\"") && !html.contains("<script"), "{path}: the policy forbids it");
        }
    }
}

fn has_unique_ids(path: &str, html: &str) {
    let mut seen = BTreeSet::new();
    for id in html.split(" id=\"").skip(1).filter_map(|part| part.split('"').next()) {
        assert!(seen.insert(id), "{path} has {id} twice");
    }
    for attribute in ["aria-labelledby=\"", "href=\"#"] {
        for name in html.split(attribute).skip(1).filter_map(|part| part.split('"').next()) {
            for id in name.split(' ').filter(|id| !id.is_empty()) {
                assert!(seen.contains(id), "{path} points at {id}, which is not there");
            }
        }
    }
}

/// Follows every link of our own from the first page on, as somebody who sees everything and as one who sees little.
pub(crate) async fn every_link_leads_somewhere(place: &Place) {
    for viewer in [domain::access::Viewer::admin(), manager("441001")] {
        let (mut waiting, mut seen) = (vec!["/".to_owned()], BTreeSet::new());
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        while let Some(path) = waiting.pop() {
            let target = path.replace("&amp;", "&").replace("&#38;", "&");
            let target = target.split('#').next().unwrap().to_owned();
            // A few pages of each kind: what differs between them is data.
            let kind = target.split('?').next().unwrap().split('/').take(2).collect::<Vec<_>>().join("/");
            let count = kinds.entry(kind).or_default();
            if *count >= 12 || !seen.insert(target.clone()) {
                continue;
            }
            *count += 1;
            let answer = place.any_as(&viewer, &target).await;
            if answer.status == StatusCode::SEE_OTHER {
                waiting.push(answer.header("location").to_owned());
                continue;
            }
            assert_eq!(answer.status, StatusCode::OK, "{target}: {}", String::from_utf8_lossy(&answer.body));
            if answer.header("content-type").starts_with("text/html") {
                let links = answer.text().split("href=\"").skip(1).filter_map(|part| part.split('"').next());
                waiting.extend(links.filter(|link| link.starts_with('/')).map(str::to_owned));
            }
        }
        assert!(seen.len() > 20, "{seen:?}");
    }
}

/// What a page shows is what the API answers, and what is exported.
pub(crate) async fn figures_are_those_of_the_api(place: &Place) {
    let charges = place.pages("/v1/charges?month=2021-11&customer=UAF&limit=10000").await;
    let sum = |field: &str| charges.iter().map(|charge| ore(&charge[field])).sum::<i64>();
    let page = place.get("/payers/UAF?month=2021-11").await;
    for field in ["gross", "joint", "net", "surcharge"] {
        assert!(shows(&page, sum(field)), "{field} {}", sum(field));
    }
    let due = grouped((sum("net") + sum("surcharge") + 50) / 100);
    assert!(page.text().contains(&format!("{due}\u{a0}kr")), "{due}");
    for charge in charges.iter().take(5) {
        let line = place.get(&format!("/lines/{}", charge["id"].as_str().unwrap())).await;
        for field in ["gross", "net", "surcharge"] {
            assert!(shows(&line, ore(&charge[field])), "{field} of {}", charge["id"]);
        }
    }
    let costs = place.json("/v1/costs?from=2021-11&to=2021-11&service=e-moten").await;
    let cost = ore(&costs["items"][0]["gross"]);
    let service = place.get("/services/e-moten?month=2021-11").await;
    assert!(service.text().contains(&format!("{}\u{a0}kr", grouped((cost + 50) / 100))), "{cost}");
    let usage = place.json("/v1/usage?from=2021-11&to=2021-11&service=e-moten&meter=participant_hour").await;
    let quantity = usage["items"][0]["quantity"].as_str().unwrap();
    let whole: i64 = quantity.split('.').next().unwrap().parse().unwrap();
    assert!(service.text().contains(&grouped(whole)), "{quantity}");
}

/// Who asks for a month before or after all that there are is shown the nearest, and told so.
pub(crate) async fn a_month_without_usage_is_said_to_be_another(place: &Place) {
    for path in ["/", "/services", "/services/e-moten", "/payers", "/payers/UAF"] {
        for (asked, shown) in [("2025-01", "december\u{a0}2021"), ("2019-01", "november\u{a0}2020")] {
            let notice = format!("{asked} har ingen användning; här visas {shown}.");
            let page = place.get(&format!("{path}?month={asked}")).await;
            assert!(page.text().contains(&notice), "{path}: {notice}");
        }
        let page = place.get(&format!("{path}?month=2021-11")).await;
        assert!(!page.text().contains("har ingen användning; här"), "{path}");
    }
    let english = place.get("/?month=2025-01&lang=en").await;
    assert!(english.text().contains("2025-01 has no usage; this is December\u{a0}2021."));
}

/// What stands above the bars of a page's charts.
fn bar_totals(page: &Answer) -> Vec<&str> {
    let texts = page.text().split("<text class=\"value\"").skip(1);
    texts.filter_map(|text| text.split('>').nth(1)?.split('<').next()).collect()
}

/// Rounded parts may add up to something else; the bars of a split chart are what those of the whole one are.
pub(crate) async fn a_split_chart_has_the_totals_of_the_whole_one(place: &Place) {
    for service in ["e-moten", "it-bastjanst-konto", "lagring-plus", "skrivare-mfp"] {
        let path = format!("/services/{service}?month=2021-11");
        let whole = place.get(&path).await;
        let totals = bar_totals(&whole);
        assert!(totals.len() > 20, "{service}: {totals:?}");
        for by in ["payer", "class"] {
            let split = place.get(&format!("{path}&by={by}")).await;
            assert_eq!(bar_totals(&split), totals, "{service} by {by}");
        }
    }
}

/// What is expected has the surcharge, as what is to be paid has.
pub(crate) async fn a_payer_is_told_what_it_is_expected_to_pay(place: &Place) {
    let (first, last): (Month, Month) = ("2020-11".parse().unwrap(), "2021-11".parse().unwrap());
    let mut due = Vec::new();
    for month in first.through(last) {
        let charges = place.pages(&format!("/v1/charges?month={month}&customer=UAF&limit=10000")).await;
        let of_month: i64 =
            charges.iter().map(|charge| ore(&charge["net"]) + ore(&charge["surcharge"])).sum();
        due.push((month, i128::from(of_month)));
    }
    let expected = forecast_hundredths(&due, 1).unwrap().months[0].mid;
    let expected = grouped(i64::try_from((expected + 50) / 100).unwrap());
    let page = place.get("/payers/UAF?month=2021-11").await;
    let card = format!("<dt>Väntat december\u{a0}2021</dt><dd class=\"figure\">{expected}\u{a0}kr</dd>");
    assert!(page.text().contains(&card), "{card}");
}

/// An amount to the öre, as a Swedish page writes it.
fn shows(page: &Answer, ore: i64) -> bool {
    page.text().contains(&format!("{},{:02}", grouped(ore / 100), ore % 100))
}

/// To people what is wrong is a page, to programs problem details.
pub(crate) async fn what_is_wrong_is_a_page_to_people(place: &Place) {
    for path in ["/services/none", "/payers/none", "/lines/2021-03.x", "/nowhere", "/?month=x"] {
        let person = place.ask(Method::GET, path, &[(header::ACCEPT, "text/html,*/*;q=0.8")], "").await;
        assert!(person.status.is_client_error(), "{path}");
        assert!(person.header("content-type").starts_with("text/html"), "{path}");
        assert!(person.text().contains("<h1>") && person.text().contains("Till översikten"), "{path}");
        assert!(person.text().contains(r#"<a href="/services">Tjänster</a>"#), "{path} has no menu");
        let mark = if path.contains('?') { '&' } else { '?' };
        let english = format!("{path}{mark}lang=en");
        let english = place.ask(Method::GET, &english, &[(header::ACCEPT, "text/html")], "").await;
        assert_eq!((english.status, english.header("content-language")), (person.status, "en"), "{path}");
        assert!(english.text().contains("To the overview"), "{path}");
        let program = place.any(path).await;
        assert_eq!(program.header("content-type"), "application/problem+json", "{path}");
        let answer: Value = program.json();
        assert!(person.text().contains(answer["code"].as_str().unwrap()), "{path}");
    }
    let data = place.ask(Method::GET, "/v1/usage", &[(header::ACCEPT, "text/html")], "").await;
    assert_eq!(data.header("content-type"), "application/problem+json");
}

/// The parts of a change add up to it, item by item and all together, whatever is told apart.
pub(crate) async fn changes_add_up_to_the_ore(place: &Place) {
    let parts = ["volume", "price", "new", "ended", "corrections", "rounding"];
    let gross = async |month: &str| {
        ore(&place.json(&format!("/v1/charges?month={month}&limit=1")).await["totals"]["gross"])
    };
    let difference = gross("2021-08").await - gross("2021-07").await;
    for by in ["class", "customer", "costcentre"] {
        let answer = place.json(&format!("/v1/changes?month=2021-08&by={by}&limit=10000")).await;
        let items = answer["items"].as_array().unwrap();
        let sum = |item: &Value| parts.iter().map(|part| ore(&item[*part])).sum::<i64>();
        assert!(items.len() > 20 && items.iter().all(|item| sum(item) == ore(&item["change"])), "{by}");
        let changes: Vec<i64> = items.iter().map(|item| ore(&item["change"])).collect();
        assert!(changes.is_sorted_by_key(|change| std::cmp::Reverse(change.abs())), "{by}");
        assert_eq!(changes.iter().sum::<i64>(), difference, "{by}");
        assert_eq!(
            (sum(&answer["totals"]), ore(&answer["totals"]["change"])),
            (difference, difference),
            "{by}"
        );
    }
}

//! The price list over Linköping's catalogue.

use askama::Template;
use domain::catalogue::PriceRow;
use domain::{Instant, PriceModel};

use domain::access::{Grant, Role, Scope, Viewer};

use super::*;

/// Linköping's, with a price that is proposed and one that is sketched and adjusted.
fn catalogue() -> Catalogue {
    let mut catalogue = catalog::check(&catalog::linkoping()).unwrap().catalogue;
    let row = |state, price: &str, cost: Option<&str>, decision: &str| PriceRow {
        service: "mdm".to_owned(),
        meter: "device".to_owned(),
        class: String::new(),
        valid_from: "2022-01".parse().unwrap(),
        valid_to: None,
        price: price.parse().unwrap(),
        model: PriceModel::default(),
        cost_price: cost.map(|cost| cost.parse().unwrap()),
        state,
        decision: decision.to_owned(),
    };
    catalogue.prices.push(row(PriceState::Proposed, "18.25", None, ""));
    catalogue.prices.push(row(PriceState::Draft, "19.75", Some("16.375"), ""));
    catalogue
        .prices
        .sort_by_key(|row| (row.service.clone(), row.meter.clone(), row.class.clone(), row.valid_from));
    catalogue
}

fn page(month: &str, state: Option<PriceState>, service: Option<&str>, sees_object: bool) -> PricesPage {
    let catalogue = catalogue();
    let now = Instant::parse_rfc3339("2021-06-15T09:30:00+02:00").unwrap();
    let language = Language::Swedish;
    let frame = Frame::new(language, Section::Prices, "/prices", &catalogue, &Viewer::admin(), now);
    let month = month.parse().unwrap();
    let payer = Grant { role: Role::Payer, scope: Scope::default() };
    let viewer = &if sees_object { Viewer::admin() } else { Viewer::new([payer]) };
    PricesPage::build(Input { catalogue: &catalogue, language, month, state, service, viewer, frame })
}

fn rows(page: &PricesPage) -> Vec<&rows::Row> {
    let services = page.products.iter().flat_map(|product| &product.services);
    services.flat_map(|service| &service.rows).collect()
}

#[test]
fn every_price_of_the_month_and_after_is_listed_once() {
    let all = page("2021-06", None, None, true);
    assert_eq!(rows(&all).len(), catalogue().prices.len());
    let july = page("2021-07", None, None, true);
    assert_eq!(rows(&july).len(), rows(&all).len() - 1, "the old price of tablets is over");
    let html = all.render().unwrap();
    assert!(html.len() < 100_000, "{} bytes", html.len());
    for text in [
        ">Pekplatta</a>",
        "2021-05-26, Objektägare IT: Pris för pekplatta från juli 2021",
        "100\u{a0}%, utveckling",
        r#"href="/simulate?of=it-bastjanst-konto%2Faccount%2Fstaff""#,
        "2020-11-18, Objektägare verksamhet och objektägare IT: Påslagets sats 2021",
    ] {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn a_price_that_will_change_is_marked() {
    let mark = |month: &str| -> Vec<(String, Option<String>)> {
        let page = page(month, None, Some("pekplatta"), false);
        rows(&page).iter().map(|row| (row.price.clone(), row.mark.clone())).collect()
    };
    let marked = |price: &str, mark: &str| (price.to_owned(), Some(mark.to_owned()));
    assert_eq!(mark("2021-06"), [marked("48,00", "ändras 2021-07"), marked("50,00", "kommande 2021-07")]);
    assert_eq!(mark("2021-07"), [("50,00".to_owned(), None)]);
}

#[test]
fn a_payer_sees_what_is_decided_and_no_cost_price() {
    for (sees_object, count) in [(true, 3), (false, 1)] {
        let page = page("2021-06", None, Some("mdm"), sees_object);
        assert_eq!(rows(&page).len(), count);
        let html = page.render().unwrap();
        assert_eq!(html.contains("16,375"), sees_object);
        assert_eq!(html.contains("/simulate"), sees_object);
        assert_eq!(html.contains(">föreslaget<"), sees_object);
    }
    let asked = page("2021-06", Some(PriceState::Draft), None, false);
    assert!(rows(&asked).is_empty(), "asking for it does not show it");
    assert!(asked.render().unwrap().contains("Inga priser i urvalet."));
}

#[test]
fn a_selection_stays_when_the_month_changes() {
    let page = page("2021-06", Some(PriceState::Proposed), Some("mdm"), true);
    let want = |month: &str| Some(format!("/prices?month={month}&state=proposed&service=mdm"));
    assert_eq!((page.earlier.clone(), page.later.clone()), (want("2021-05"), want("2021-07")));
    assert_eq!(rows(&page).iter().map(|row| row.price.as_str()).collect::<Vec<_>>(), ["18,25"]);
}

#[test]
fn one_rate_is_in_force() {
    let marks = |month: &str| -> Vec<(String, &str)> {
        let page = page(month, None, None, true);
        page.rates.iter().map(|row| (row.rate.replace('\u{a0}', " "), row.mark)).collect()
    };
    let row = |rate: &str, mark| (rate.to_owned(), mark);
    assert_eq!(marks("2021-06"), [row("3,48 %", "kommande"), row("3 %", "gäller"), row("0 %", "tidigare")]);
    assert_eq!(marks("2022-01")[0], row("3,48 %", "gäller"));
}

//! The form and the effect over Linköping's catalogue.

use std::sync::Arc;

use askama::Template;
use billing::simulate::{Effect, SimulatedMonth};
use domain::charge::Totals;
use domain::object::Account;
use domain::simulation::What;
use domain::{Instant, Money};

use domain::access::Viewer;

use super::*;
use crate::query::Params;

fn catalogue() -> Catalogue {
    catalog::check(&catalog::linkoping()).unwrap().catalogue
}

fn now() -> Instant {
    Instant::parse_rfc3339("2021-12-15T09:30:00+01:00").unwrap()
}

fn form(query: &str) -> Form {
    let uri = format!("/simulate?{query}").parse().unwrap();
    Form::read(&Params::read_form(&uri, &form::NAMES).unwrap(), now().month())
}

fn page(query: &str, language: Language, answer: Answer) -> String {
    let catalogue = catalogue();
    let frame = Frame::new(language, Section::Prices, "/simulate", &catalogue, &Viewer::admin(), now());
    let (form, now) = (form(query), now().month());
    let viewer = &Viewer::admin();
    let input = Input { catalogue: &catalogue, language, now, form: &form, answer, viewer, frame };
    SimulatePage::build(input).render().unwrap()
}

fn refused(query: &str) -> Vec<&'static str> {
    let question = form(query).question(&catalogue(), Language::Swedish);
    question.err().unwrap_or_default().into_iter().map(|refused| refused.field).collect()
}

#[test]
fn an_empty_form_is_about_the_running_year_and_changes_nothing() {
    let question =
        form("rate=&of=&price=").question(&catalogue(), Language::Swedish).unwrap_or_else(|_| panic!());
    assert_eq!((question.from.to_string(), question.to.to_string()), ("2021-01".into(), "2021-12".into()));
    assert!(question.changes.is_empty());
    let html = page("", Language::Swedish, Answer::Unasked);
    assert!(html.contains("Fyll i vad som ska ändras") && html.contains("nu 3\u{a0}%"), "{html}");
}

#[test]
fn numbers_are_read_as_people_write_them() {
    let query = "from=2021-03&to=2021-04&rate=3,48+%25&of=pekplatta/device&price=1+050,50+kr&volume_percent=%E2%88%9210";
    let question = form(query).question(&catalogue(), Language::Swedish).unwrap_or_else(|_| panic!());
    let [rate, price, volume] = &question.changes[..] else { panic!("{:?}", question.changes) };
    assert_eq!(rate.what, What::Rate("0.0348".parse().unwrap()));
    let What::Price(selection, domain::simulation::Price::Kronor(kronor)) = &price.what else {
        panic!("{price:?}")
    };
    assert_eq!((selection.service.as_str(), selection.meter.as_deref()), ("pekplatta", Some("device")));
    assert_eq!(kronor.to_string(), "1050.50");
    assert!(matches!(volume.what, What::Volume(..)));
    assert_eq!((price.from.to_string(), price.to.unwrap().to_string()), ("2021-03".into(), "2021-04".into()));
}

#[test]
fn a_joint_share_is_development_unless_a_phase_is_chosen() {
    let phase = |query: &str| {
        let question = form(query).question(&catalogue(), Language::Swedish).unwrap_or_else(|_| panic!());
        let [change] = &question.changes[..] else { panic!("{:?}", question.changes) };
        let What::Joint(share) = &change.what else { panic!("{change:?}") };
        share.phase.name()
    };
    assert_eq!(phase("of=pekplatta&joint=50"), "utveckling");
    assert_eq!(phase("of=pekplatta&joint=50&phase=permanent"), "permanent");
}

#[test]
fn every_field_that_cannot_be_read_is_named() {
    for (query, want) in [
        ("rate=x", &["rate"][..]),
        ("rate=101", &["rate"]),
        ("rate=-1&from=21-03", &["from", "rate"]),
        ("from=2021-05&to=2021-04&rate=3", &["to"]),
        ("from=2021-01&to=2031-01&rate=3", &["to"]),
        ("price=10", &["of"]),
        ("of=pekplatta&price=-1", &["price"]),
        ("of=pekplatta&price=1&price_percent=2", &["price_percent"]),
        ("of=pekplatta&volume_percent=-101", &["volume_percent"]),
        ("of=pekplatta&joint=10&phase=senare", &["phase"]),
        ("of=okand&price=10&volume_percent=5", &["of"]),
        ("of=pekplatta/okand&price=10", &["of"]),
        ("of=it-bastjanst-konto/account/okand&price=10", &["of"]),
    ] {
        assert_eq!(refused(query), want, "{query}");
    }
}

#[test]
fn an_error_stands_beside_its_field_in_the_pages_language_with_what_was_written() {
    for (language, text) in [
        (Language::Swedish, "skriv procent från 0 till 100 med högst sex decimaler, till exempel 3,5"),
        (Language::English, "write per cent from 0 to 100 with at most six decimals, for example 3.5"),
    ] {
        let query = "rate=3%22procent&price=12";
        let refused = form(query).question(&catalogue(), language).err().unwrap();
        let html = page(query, language, Answer::Refused(refused));
        let error = format!(r#"<span id="rate-error" class="error">{text}</span>"#);
        assert!(html.contains(&error), "{html}");
        assert!(html.contains(r#"aria-describedby="rate-hint rate-error" aria-invalid="true""#));
        assert!(html.contains(r#"value="3&#34;procent""#) && html.contains(r#"value="12""#));
        assert!(html.contains(r#"<span id="of-error""#), "a price needs a service");
    }
}

fn totals(net: i64, surcharge: i64) -> Totals {
    let net = Money::from_ore(net);
    Totals { gross: net, joint: Money::ZERO, net, surcharge: Money::from_ore(surcharge) }
}

fn simulation(last: &str) -> Simulation {
    let effects = [
        (("UAF", "pekplatta"), (100_000, 3_000), (110_000, 3_300)),
        (("UAF", "e-moten"), (50_000, 1_500), (50_000, 1_500)),
        (("SOF", "pekplatta"), (20_000, 600), (22_000, 660)),
    ];
    let effects = effects.into_iter().map(|((customer, service), before, after)| {
        let effect = Effect { before: totals(before.0, before.1), after: totals(after.0, after.1) };
        ((customer.to_owned(), service.to_owned()), effect)
    });
    let account = |surcharge: i64, turnover: i64| Account {
        surcharge: Money::from_ore(surcharge),
        turnover: Money::from_ore(turnover),
        ..Account::default()
    };
    let month = |month: Month| SimulatedMonth { month, usage_of: month.min("2021-11".parse().unwrap()) };
    let catalogue = Arc::new(catalogue());
    Simulation {
        months: "2021-01".parse::<Month>().unwrap().through(last.parse().unwrap()).map(month).collect(),
        effects: effects.collect(),
        totals: Effect { before: totals(170_000, 5_100), after: totals(182_000, 5_460) },
        object: [(2021, (account(5_100, 170_000), account(5_460, 182_000)))].into(),
        catalogues: (Arc::clone(&catalogue), catalogue),
    }
}

fn outcome(simulation: &Simulation) -> Outcome {
    let named = Named { catalogue: &simulation.catalogues.0, language: Language::Swedish };
    Outcome::of(simulation, named, Words::of(Language::Swedish))
}

#[test]
fn payers_and_services_add_up_to_the_totals() {
    let outcome = outcome(&simulation("2021-12"));
    let written = |row: &result::Row| {
        [&row.before, &row.after, &row.difference, &row.change].map(|text| text.replace('\u{a0}', " "))
    };
    let total = written(outcome.totals.last().unwrap());
    assert_eq!(total, ["1 751,00", "1 874,60", "+123,60", "+7,1 %"]);
    for rows in [&outcome.payers, &outcome.services] {
        assert_eq!(written(rows.last().unwrap()), total);
    }
    let names: Vec<&str> = outcome.payers.iter().map(|row| row.name.as_str()).collect();
    assert!(names[0].starts_with("Utbildnings"), "the greatest difference comes first: {names:?}");
    assert_eq!(written(&outcome.services[1])[2], "0,00");
}

#[test]
fn the_required_rate_is_that_of_whole_years_and_their_basis() {
    let whole = simulation("2021-12");
    let rates = outcome(&whole).rates;
    let (before, after) = &whole.object[&2021];
    let budget = whole.catalogues.0.object.budgets.get(&2021);
    let written = |account: &Account| {
        let rate = account.rate_basis(budget).required_rate().unwrap();
        crate::numbers::fraction(Language::Swedish, rate)
    };
    assert_eq!(rates.len(), 1);
    assert_eq!((rates[0].before.clone(), rates[0].after.clone()), (written(before), written(after)));
    assert!(outcome(&simulation("2021-11")).rates.is_empty());
}

#[test]
fn a_year_without_a_budget_requires_no_rate() {
    let mut simulated = simulation("2021-12");
    let mut catalogue = catalogue();
    catalogue.object.budgets.clear();
    let catalogue = Arc::new(catalogue);
    simulated.catalogues = (Arc::clone(&catalogue), catalogue);
    let rates = outcome(&simulated).rates;
    let row = &rates[0];
    assert_eq!([&row.before, &row.after, &row.need_before, &row.need_after], ["–"; 4]);
    let html = page("rate=3,5", Language::Swedish, Answer::Simulated(Box::new(simulated)));
    assert!(html.contains("ingen budget är beslutad för 2021"), "{html}");
}

#[test]
fn a_month_without_usage_says_whose_it_has() {
    assert_eq!(outcome(&simulation("2021-12")).borrowed, ["december\u{a0}2021 (november\u{a0}2021)"]);
    let html = page("rate=3,5", Language::Swedish, Answer::Simulated(Box::new(simulation("2021-12"))));
    assert!(html.contains("december\u{a0}2021 (november\u{a0}2021)"));
    assert!(html.len() < 100_000, "{} bytes", html.len());
}

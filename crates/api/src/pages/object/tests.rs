//! The object's page over Linköping's plan and months that collect what they should.

use std::sync::Arc;

use billing::MonthState;
use billing::object::ObjectMonth;
use domain::financing::Phase;
use domain::object::{JointKey, planned};

use domain::access::Viewer;

use super::*;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn kronor(amount: i64) -> Money {
    Money::from_ore(amount * 100)
}

/// A month of 11.25 million, with a dearer price and a service that is financed jointly for three months.
fn account(month: Month) -> Account {
    let mut account = Account {
        surcharge: kronor(337_500),
        turnover: kronor(11_250_000),
        contributions: [("e-moten".to_owned(), kronor(1_000)), ("pekplatta".to_owned(), kronor(-250))].into(),
        joint: BTreeMap::new(),
    };
    if (4..=6).contains(&month.number()) {
        let key = |phase, bearer: Option<&str>| JointKey {
            service: "overvakning".to_owned(),
            phase,
            bearer: bearer.map(str::to_owned),
        };
        account.joint.insert(key(Phase::Development, None), kronor(55_000));
        account.joint.insert(key(Phase::Permanent, None), kronor(10_000));
        account.joint.insert(key(Phase::Permanent, Some("KLF")), kronor(7_000));
    }
    account
}

/// A year with months up to one, the last of them running.
fn year(number: i32, last: &str) -> ObjectYear {
    let catalogue = Arc::new(catalog::check(&catalog::linkoping()).unwrap().catalogue);
    let last = month(last);
    let months: Vec<ObjectMonth> = first_month(number)
        .through(last)
        .map(|month| ObjectMonth {
            month,
            state: if month == last { MonthState::Open } else { MonthState::Closed },
            account: account(month),
        })
        .collect();
    let mut sum = Account::default();
    months.iter().for_each(|month| sum.add(&month.account));
    ObjectYear {
        year: number,
        parts: catalogue.object.parts(number, &sum),
        projects: catalogue.object.projects_of(number),
        plan: planned(&catalogue, number),
        outcome: sum.rate_basis(catalogue.object.budgets.get(&number)),
        months,
        account: sum,
        catalogue,
    }
}

fn build(year: &ObjectYear, now: &str, language: Language, sees_books: bool) -> ObjectPage {
    let now = Instant::parse_rfc3339(now).unwrap();
    let frame = Frame::new(language, Section::Object, "/object/2021", &year.catalogue, &Viewer::admin(), now);
    let history = BTreeMap::new();
    ObjectPage::build(Input { year, history: &history, now, language, sees_books, frame }).unwrap()
}

const SEPTEMBER: &str = "2021-09-15T09:30:00+02:00";

#[test]
fn the_rates_are_those_of_their_bases() {
    let year = year(2021, "2021-09");
    let page = build(&year, SEPTEMBER, Language::Swedish, true);
    let written = |basis: &domain::object::RateBasis| {
        numbers::fraction(Language::Swedish, basis.required_rate().unwrap())
    };
    let (plan, outcome) = (written(&year.plan), written(&year.outcome));
    assert_eq!((page.cards[1].value.clone(), page.cards[2].value.clone()), (plan.clone(), outcome.clone()));
    let rate = page.rate_rows.last().unwrap();
    assert_eq!((rate.plan.clone(), rate.outcome.clone()), (plan.clone(), outcome));
    assert_eq!(page.cards[0].value, "3\u{a0}%");
    assert!(page.rate_sentences[0].ends_with(&format!("{plan}.")), "{:?}", page.rate_sentences);
    assert!(page.rate_sentences[1].ends_with("för lite."), "{:?}", page.rate_sentences);
    // B + J − A − C of the outcome: 4.7 M + 30 000 − 9 × 750.
    assert_eq!(page.rate_rows[4].outcome.replace('\u{a0}', " "), "4 723 250,00");
}

#[test]
fn what_is_collected_left_and_planned_tie_out() {
    let year = year(2021, "2021-09");
    let progress = Progress::of(&year, &BTreeMap::new(), month("2021-09"));
    let need = progress.need.unwrap();
    assert_eq!(need, year.plan.budget + year.plan.joint - year.plan.from_elsewhere);
    assert_eq!(progress.collected(), kronor(8 * 338_250));
    assert_eq!(progress.left(), Some(need - kronor(8 * 338_250)));
    assert_eq!(progress.planned_to(month("2021-12")), Some(need));
    assert_eq!(progress.running, Some((month("2021-09"), kronor(338_250))));
    let all: Money = progress.months.values().copied().sum();
    assert_eq!(all, year.account.surcharge + year.account.contributed());
}

#[test]
fn the_years_end_is_what_is_known_and_what_is_expected_of_the_rest() {
    let year = year(2021, "2021-09");
    let progress = Progress::of(&year, &BTreeMap::new(), month("2021-09"));
    let (_, months) = progress.expected.as_ref().unwrap();
    let named: Vec<String> = months.iter().map(|expected| expected.month.to_string()).collect();
    assert_eq!(named, ["2021-09", "2021-10", "2021-11", "2021-12"], "the running month is not whole");
    // Eight equal months are expected to go on.
    assert_eq!(progress.expected_year(), Some(kronor(12 * 338_250)));
    let page = build(&year, SEPTEMBER, Language::Swedish, true);
    let sentence = page.forecast.unwrap();
    assert!(
        sentence.starts_with(
            "Vid slutet av 2021 väntas 4\u{a0}059\u{a0}000\u{a0}kr vara insamlat: 2\u{a0}706\u{a0}000\u{a0}kr från de månader som är slut och 1\u{a0}353\u{a0}000\u{a0}kr väntat från och med september."
        ),
        "{sentence}"
    );
    let last = page.months.last().unwrap();
    assert_eq!(last.cumulative.replace('\u{a0}', " "), "4 059 000,00");
}

#[test]
fn a_year_that_is_over_is_not_forecast_and_ends_with_what_it_collected() {
    let year = year(2021, "2021-12");
    let page = build(&year, "2022-02-01T09:30:00+01:00", Language::English, true);
    assert!(page.forecast.is_none());
    assert_eq!(page.months.last().unwrap().cumulative, "4,059,000.00");
    assert_eq!(page.cards[3].value, "SEK\u{a0}4,059,000");
}

#[test]
fn the_parts_and_the_tables_add_up() {
    let year = year(2021, "2021-09");
    let page = build(&year, SEPTEMBER, Language::Swedish, true);
    let sum = |pick: fn(&domain::object::PartOutcome) -> Money| {
        numbers::exact(Language::Swedish, year.parts.iter().map(pick).sum())
    };
    assert_eq!(page.parts_total.left, sum(domain::object::PartOutcome::left));
    assert_eq!(page.parts_total.joint, sum(|part| part.joint));
    assert_eq!(
        page.parts_total.joint.replace('\u{a0}', " "),
        "195 000,00",
        "what KLF bears is not the object's"
    );
    assert!(page.parts[0].used.as_ref().unwrap().is_over, "management has booked 720 000 of 700 000");
    assert!(page.parts[3].used.is_none(), "there was nothing to use");
    assert_eq!(page.contributions.len(), 2);
    assert_eq!(page.joint.len(), 3);
    assert!(page.joint.iter().any(|row| row.bearer == "Kommunledningsförvaltningen"));
}

#[test]
fn the_page_is_small_and_links_to_what_its_reader_may_have() {
    let year = year(2021, "2021-09");
    for (sees_books, language) in [(true, Language::Swedish), (false, Language::English)] {
        let html = build(&year, SEPTEMBER, language, sees_books).render().unwrap();
        assert!(html.len() < 100_000, "{} bytes", html.len());
        assert_eq!(html.contains("/v1/reports/2021?format=csv"), sees_books);
        assert_eq!(html.contains("/v1/reports/2021?format=pdf"), sees_books && cfg!(feature = "pdf"));
        for link in
            ["/v1/object/2021", "/object/2020", "/object/2022", "/simulate?from=2021-01&#38;to=2021-12"]
        {
            assert!(html.contains(link), "{link}");
        }
    }
}

#[test]
fn a_year_without_a_budget_compares_with_nothing() {
    let mut year = year(2021, "2021-09");
    year.year = 2030;
    year.months.clear();
    year.account = Account::default();
    let page = build(&year, SEPTEMBER, Language::Swedish, true);
    assert!(page.forecast.is_none() && !page.has_plan && page.budget.is_none());
    assert!(page.render().unwrap().contains("Ingen budget är beslutad för året"));
}

#[test]
fn no_budget_is_not_a_budget_of_nothing() {
    let mut year = year(2021, "2021-09");
    year.year = 2030;
    year.outcome = year.account.rate_basis(None);
    year.plan = year.outcome;
    let page = build(&year, SEPTEMBER, Language::Swedish, true);
    assert_eq!(page.rate_sentences, Vec::<String>::new());
    for card in &page.cards[1..3] {
        assert_eq!(
            (card.value.as_str(), &card.notes[..]),
            ("–", &["ingen budget är beslutad för 2030".to_owned()][..])
        );
    }
    let written: Vec<(&str, bool)> =
        page.rate_rows.iter().map(|row| (row.sign, row.outcome == "–")).collect();
    let dashes =
        [("B", true), ("+ J", false), ("− A", false), ("− C", true), ("=", true), ("T", false), ("r*", true)];
    assert_eq!(written, dashes);
}

#[test]
fn the_object_begins_with_the_newest_year_that_has_anything() {
    for (years, now, newest) in [
        (&[2021, 2020][..], 2026, 2021),
        (&[2021, 2022], 2021, 2021),
        (&[2022], 2021, 2021),
        (&[], 2026, 2026),
    ] {
        assert_eq!(newest_of(years.iter().copied(), now), newest, "{years:?} in {now}");
    }
}

//! The pages as a browser gets them: small, whole in both languages, and nothing left out when parts are away.

use std::collections::BTreeSet;

use askama::Template;
use domain::access::{Grant, Role, Scope, Viewer};
use serde_json::json;
use store::quarantine::Entry;

use super::facts::Unread;
use super::sample::{ago, check, collector, line, now, reason, record, well};
use super::*;
use crate::language::Language;
use crate::session::Session;

const BOTH: [Language; 2] = [Language::Swedish, Language::English];

fn viewer(role: Role) -> Viewer {
    Viewer::new([Grant { role, scope: Scope::default() }])
}

fn render(language: Language, role: Role, facts: &Facts) -> String {
    let visit = Visit::sample(language, viewer(role), "/operations", now());
    sound(page(&visit, facts).render().unwrap())
}

/// What a reader of the page may count on, whatever is on it.
fn sound(html: String) -> String {
    assert!(html.len() < 100_000, "{} bytes", html.len());
    for forbidden in ["<script", "<style", " style=", " onclick="] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    let of = |name: &str| -> Vec<String> {
        let begin = format!(" {name}=\"");
        html.split(&begin).skip(1).map(|part| part.split('"').next().unwrap().to_owned()).collect()
    };
    let ids = of("id");
    let different: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(different.len(), ids.len(), "{ids:?}");
    let named = of("aria-labelledby").into_iter().chain(of("for")).chain(of("aria-describedby"));
    let linked = of("href").into_iter().filter_map(|href| href.strip_prefix('#').map(str::to_owned));
    for id in named.chain(linked) {
        assert!(ids.contains(&id), "{id}");
    }
    assert_eq!(html.matches("<table").count(), html.matches("<caption").count());
    assert_eq!(html.matches("<h1>").count(), 1);
    assert!(html.matches("<th").count() - html.matches("<thead").count() <= html.matches("scope=\"").count());
    html
}

fn ill() -> Facts {
    let mut facts = well();
    facts.checks = Ok(vec![check("log", ""), check("store", "connection <refused>"), check("counting", "")]);
    facts.collectors = Ok(vec![(collector("c1"), billing::CollectorState::Silent)]);
    facts.gathered = vec![json!({
        "name": "konton", "kind": "ldap", "source": "/lkdata/collector/ad", "schedule": "daily 02:00", "state": "failing",
        "last_turn": ago(90_000).to_string(), "next_turn": null, "records": 1, "accepted": 2, "refused": 3,
        "failures": 1_234, "error": "x".repeat(1_000),
    })];
    facts.books = Ok((0..80).map(|n| line(n, 7, Some(1))).collect());
    facts.quarantine = Ok(domain::Code::ALL.map(|code| reason(code.name(), 3)).to_vec());
    facts.decisions = Ok((0..30).map(|_| record(Some("altered"))).collect());
    facts
}

#[test]
fn a_night_without_trouble_says_so_first() {
    let html = render(Language::Swedish, Role::Admin, &well());
    let (begin, rest) = html.split_once("Allt är väl: händelser tas emot och räknas").unwrap();
    assert!(!begin.contains("<h2") && rest.contains("Stäng månad"));
    assert!(!html.contains("id=\"findings\""));
    assert!(render(Language::English, Role::Admin, &well()).contains("All is well: events are taken in"));
}

#[test]
fn everything_that_can_be_wrong_is_on_one_small_page() {
    for language in BOTH {
        let html = render(language, Role::Admin, &ill());
        assert!(html.contains("class=\"verdict bad\"") && html.contains("id=\"findings\""));
        assert!(html.contains("connection &#60;refused&#62;"), "what a part says is text");
        assert!(html.contains("href=\"/operations/quarantine?code=too_old\""));
        assert!(html.contains("/v1/reconciliation?from=2021-12-15&#38;to=2021-12-15"));
    }
}

#[test]
fn a_part_that_is_away_leaves_the_others_on_the_page() {
    let mut facts = well();
    facts.checks = Err(Unread::Away);
    facts.waiting = Err(Unread::Away);
    facts.unsealed = Err(Unread::Away);
    facts.collectors = Err(Unread::Broken);
    facts.books = Err(Unread::Away);
    facts.quarantine = Err(Unread::Away);
    facts.decisions = Err(Unread::Away);
    for language in BOTH {
        let html = render(language, Role::Operator, &facts);
        assert_eq!(html.matches(Words::of(language).unread).count(), 6);
        assert!(html.contains("konton"), "what this process gathers needs no store");
    }
}

#[test]
fn decisions_are_shown_to_those_who_audit_and_their_wholeness_to_all() {
    let w = Words::of(Language::Swedish);
    for (role, shown) in [(Role::Operator, false), (Role::Auditor, true), (Role::Finance, true)] {
        let html = render(Language::Swedish, role, &well());
        assert_eq!(html.contains("Stäng månad"), shown, "{role:?}");
        assert!(html.contains(w.decisions_whole));
    }
}

fn entry(code: &str, event: Option<&[u8]>) -> Entry {
    Entry {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        origin: "quarantine".to_owned(),
        code: code.to_owned(),
        detail: "unit is <st>".to_owned(),
        source: "/källa".to_owned(),
        event_id: "1".to_owned(),
        times: 2,
        first_seen: ago(7_200),
        last_seen: ago(60),
        event: event.map(<[u8]>::to_vec),
    }
}

fn render_entry(language: Language, role: Role, entry: Entry, done: Option<&'static str>) -> String {
    let visit = Visit::sample(language, viewer(role), "/operations/quarantine/1", now());
    sound(entry::page(&visit, entry, done).render().unwrap())
}

#[test]
fn an_entry_is_tried_again_by_those_who_may() {
    let form =
        r#"<form method="post" action="/operations/quarantine/0123456789abcdef0123456789abcdef/replay">"#;
    let whole = || entry("wrong_unit", Some(b"{\"unit\":\"<st>\"}"));
    for language in BOTH {
        let html = render_entry(language, Role::Operator, whole(), None);
        assert!(
            html.contains(form) && html.contains("{\n  &#34;unit&#34;: &#34;&#60;st&#62;&#34;\n}"),
            "{html}"
        );
        for (role, entry) in [
            (Role::Auditor, whole()),
            (Role::Operator, entry("event_too_large", Some(b"{}"))),
            (Role::Operator, entry("personal_data", None)),
        ] {
            assert!(!render_entry(language, role, entry, None).contains("<form"), "{role:?}");
        }
    }
}

#[test]
fn a_form_has_the_token_when_there_is_one() {
    let visit = Visit::sample(Language::Swedish, viewer(Role::Admin), "/operations/quarantine/1", now());
    let mut page = entry::page(&visit, entry("wrong_unit", Some(b"{}")), None);
    assert!(!page.render().unwrap().contains("name=\"csrf\""));
    page.page.session = Some(Session {
        name: "Driften".to_owned(),
        roles: vec![Role::Admin],
        csrf: "a\"b".to_owned(),
        pseudonym: "ps_1".to_owned(),
    });
    assert!(page.render().unwrap().contains(r#"<input type="hidden" name="csrf" value="a&#34;b">"#));
}

#[test]
fn an_entry_of_the_largest_size_or_of_another_version_is_a_small_page() {
    let quotes = format!("[{}1]", "\"\",".repeat(16_000));
    let html =
        render_entry(Language::Swedish, Role::Admin, entry("newer_code", Some(quotes.as_bytes())), None);
    assert!(html.contains("Händelsen är lång") && html.contains("annan version av programmet"));
    let replayed = render_entry(Language::English, Role::Admin, entry("conflict", None), Some("replayed"));
    assert!(replayed.contains("role=\"status\"") && replayed.contains("on its way"));
}

#[test]
fn a_list_of_many_long_entries_is_a_small_page() {
    for language in BOTH {
        let visit =
            Visit::sample(language, viewer(Role::Operator), "/operations/quarantine?code=conflict", now());
        let entries = (0..60).map(|_| Entry {
            detail: "\"x\"".repeat(200),
            source: "/".repeat(200),
            event_id: "\"".repeat(200),
            ..entry("conflict", None)
        });
        let filter = quarantine::filter(&visit.params);
        let page = quarantine::page(&visit, &filter, entries.collect(), 61, false);
        let html = sound(page.render().unwrap());
        assert!(html.contains("cursor=") && html.contains("rel=\"next\""));
        assert!(html.contains("<option value=\"conflict\" selected>"));
    }
}

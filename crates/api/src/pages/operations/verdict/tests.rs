//! Each thing that can be wrong is found, told to the right reader, and nothing else is.

use billing::CollectorState;
use store::quarantine::ReasonCount;

use super::super::super::sample::{ago, check, collector, line, reason, record, waiting, well};
use super::*;

fn found(change: impl Fn(&mut Facts)) -> Vec<Finding> {
    let mut facts = well();
    change(&mut facts);
    let [swedish, english] = [Language::Swedish, Language::English].map(|language| all(language, &facts));
    assert_eq!(swedish.len(), english.len());
    for (sv, en) in swedish.iter().zip(&english) {
        assert_eq!((sv.level, sv.section), (en.level, en.section));
        assert!(sv.what != en.what && sv.todo != en.todo, "{sv:?}");
        assert!(sv.what.starts_with(|c: char| !c.is_uppercase()) && !sv.todo.ends_with('.'), "{sv:?}");
    }
    swedish
}

#[test]
fn a_program_at_work_has_nothing_to_tell() {
    assert_eq!(found(|_| {}), []);
}

#[test]
fn what_may_lose_usage_is_told_now_and_the_rest_can_wait() {
    let only = |change: &dyn Fn(&mut Facts)| {
        let findings = found(change);
        assert_eq!(findings.len(), 1, "{findings:?}");
        (findings[0].level, findings[0].section)
    };
    use Level::{Morning, Now};
    assert_eq!(only(&|facts| facts.checks = Ok(vec![check("counting", "stands still")])), (Now, "parts"));
    assert_eq!(only(&|facts| facts.books = Ok(vec![line(4, 3, None)])), (Now, "books"));
    assert_eq!(only(&|facts| facts.books = Ok(vec![line(4, 4, Some(2))])), (Now, "books"));
    assert_eq!(only(&|facts| facts.decisions = Ok(vec![record(Some("altered"))])), (Now, "decisions"));
    assert_eq!(only(&|facts| facts.waiting = Ok(vec![waiting(901)])), (Morning, "counting"));
    let silent = |facts: &mut Facts| facts.collectors = Ok(vec![(collector("a"), CollectorState::Silent)]);
    assert_eq!(only(&silent), (Morning, "collectors"));
    assert_eq!(only(&|facts| facts.gathered[0]["failures"] = 1.into()), (Morning, "gathering"));
    let behind = |facts: &mut Facts| facts.gathered[0]["last_turn"] = ago(40 * 3_600).to_string().into();
    assert_eq!(only(&behind), (Morning, "gathering"));
    assert_eq!(only(&|facts| facts.quarantine = Ok(vec![reason("conflict", 1)])), (Morning, "quarantine"));
}

#[test]
fn what_waits_for_the_catalogue_is_told_so() {
    let todo = |codes: &[&str]| {
        let reasons: Vec<ReasonCount> = codes.iter().map(|code| reason(code, 2)).collect();
        found(|facts| facts.quarantine = Ok(reasons.clone())).remove(0).todo
    };
    assert!(todo(&["unknown_meter", "unknown_service"]).contains("katalogen"));
    assert!(!todo(&["unknown_meter", "wrong_unit"]).contains("katalogen"));
}

#[test]
fn a_store_that_is_away_is_the_first_finding_and_what_it_hides_the_second() {
    let findings = found(|facts| {
        facts.checks = Ok(vec![check("log", ""), check("store", "connection refused")]);
        facts.waiting = Err(Unread::Away);
        facts.unsealed = Err(Unread::Away);
        facts.collectors = Err(Unread::Away);
        facts.books = Err(Unread::Away);
        facts.quarantine = Err(Unread::Away);
        facts.decisions = Err(Unread::Away);
    });
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(findings[0].what.starts_with("databasen svarar inte"));
    assert_eq!(findings[0].cause, "connection refused");
    assert!(findings[1].what.contains("räkningen, insamlarna, avstämningen, karantänen, besluten"));
}

#[test]
fn many_names_are_a_few_and_a_number() {
    let names = ["a", "b", "c", "d", "e"];
    let silent = names.map(|name| (collector(name), CollectorState::Silent)).to_vec();
    let findings = found(|facts| facts.collectors = Ok(silent.clone()));
    assert_eq!(findings[0].what, "insamlarna a, b, c och 2 till hörs inte av");
}

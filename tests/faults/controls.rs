//! The harness must be able to fail: the same answers are judged against events that were not sent.

use domain::catalogue::Catalogue;
use serde_json::Value;

use crate::check::{Answers, judge, reckon};
use crate::load::Account;

/// What is changed, and the judgement that must not find it right.
pub(crate) fn undetected(
    acknowledged: &[Vec<u8>],
    accounts: &[Account],
    answers: &Answers,
    catalogue: &Catalogue,
) -> Vec<&'static str> {
    let is_found = |events: &[Vec<u8>], accounts: &[Account], answers: &Answers| {
        !judge(&reckon(events, catalogue), accounts, answers).is_right()
    };
    let mut undetected = Vec::new();
    let mut control = |name, is_found: bool| {
        println!("control: {name} is {}", if is_found { "found" } else { "NOT FOUND" });
        if !is_found {
            undetected.push(name);
        }
    };

    let more = [acknowledged, &[changed(counting(acknowledged), |event| event["id"] = "never-sent".into())]]
        .concat();
    control("an event that never arrived", is_found(&more, accounts, answers));

    let mut accounts_with_more = accounts.to_vec();
    if let Some(account) = accounts_with_more.first_mut() {
        account.new += 1;
    }
    let verdict = judge(&reckon(acknowledged, catalogue), &accounts_with_more, answers);
    control("an event that is missing in the books", verdict.lost == 1);

    if let Some(account) = accounts_with_more.first_mut() {
        account.new -= 2;
    }
    let verdict = judge(&reckon(acknowledged, catalogue), &accounts_with_more, answers);
    control("an event that is counted twice in the books", verdict.twice == 1);

    let mut other = acknowledged.to_vec();
    let index = place_of_counting(acknowledged);
    other[index] = changed(&other[index], |event| event["data"]["quantity"] = "0.000001".into());
    control("an event with another quantity", is_found(&other, accounts, answers));

    let mut other = acknowledged.to_vec();
    other[index] = changed(&other[index], |event| event["data"]["customer"]["costcentre"] = "ZZ".into());
    control("an event with another payer", is_found(&other, accounts, answers));
    undetected
}

/// An event that counts by itself: of a sum, never revised and never sent twice.
fn place_of_counting(events: &[Vec<u8>]) -> usize {
    let read: Vec<Value> = events.iter().map(|event| serde_json::from_slice(event).expect("JSON")).collect();
    let mut times = std::collections::BTreeMap::<_, usize>::new();
    let identity = |event: &Value| (event["source"].to_string(), event["id"].to_string());
    for event in &read {
        *times.entry(identity(event)).or_default() += 1;
    }
    let counts = |event: &Value| {
        let data = &event["data"];
        data["meter"] == "sum" && data["quantity"] != "0.000001" && times[&identity(event)] == 1
    };
    read.iter().position(counts).expect("some event of a sum is never revised")
}

fn counting(events: &[Vec<u8>]) -> &[u8] {
    &events[place_of_counting(events)]
}

fn changed(event: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut event: Value = serde_json::from_slice(event).expect("JSON");
    change(&mut event);
    event.to_string().into_bytes()
}

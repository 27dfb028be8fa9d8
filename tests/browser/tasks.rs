//! What the object's leader and payers come for, each in three clicks at most.

use std::io::Cursor;

use calamine::{Reader, Xlsx};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::chromium::Chromium;
use crate::figures::{decimal, kronor, quantity};
use crate::town::Town;

/// Why did Chromebook's cost rise in August? It did not: a third of the devices are replaced, one for one.
pub(crate) fn why_did_chromebook_cost_more_in_august(town: &Town, chromium: &Chromium) {
    chromium.open(&town.at("/"));
    chromium.click("a[href='/?month=2021-08']");
    chromium.follow("section[aria-labelledby=services]", "Chromebook");
    assert_eq!(chromium.text("h1"), "Chromebook");
    the_change_is_that_of_the_api(town, chromium, "chromebook");
    assert!(chromium.text("section[aria-labelledby=why]").contains("Kostnaden är densamma"));
}

/// Why did it cost more, or less? The service that moved most in August says of what its change is made.
pub(crate) fn why_did_a_service_cost_more(town: &Town, chromium: &Chromium) {
    chromium.open(&town.at("/"));
    chromium.click("a[href='/?month=2021-08']");
    let link = "section[aria-labelledby=moved] tbody a";
    let slug =
        chromium.run(&format!("return document.querySelector('{link}').pathname.split('/')[2]"), vec![]);
    chromium.click(link);
    the_change_is_that_of_the_api(town, chromium, slug.as_str().unwrap());
    assert!(!chromium.texts(".causes tbody tr .note").is_empty(), "no cause is named");
}

/// The page of a service in August says by how much it changed since July.
fn the_change_is_that_of_the_api(town: &Town, chromium: &Chromium, slug: &str) {
    let items = town.items(&format!("/v1/costs?service={slug}&from=2021-07&to=2021-08"));
    let of = |month: &str| {
        items.iter().find(|item| item["month"] == month).map_or(Decimal::ZERO, |item| decimal(&item["gross"]))
    };
    let (july, august) = (of("2021-07"), of("2021-08"));
    let why = chromium.text("section[aria-labelledby=why]");
    let change = august.round() - july.round();
    let told = kronor(august - july);
    assert!(why.contains("augusti 2021 mot juli 2021"), "{why}");
    assert!(why.contains(&told), "{change}, {told}: {why}");
    assert!(chromium.text(".cards").contains(&kronor(august)), "{august}");
}

/// Which payer uses most e-möten, and how has it developed?
pub(crate) fn who_uses_most_meetings(town: &Town, chromium: &Chromium) {
    chromium.open(&town.at("/?month=2021-11"));
    chromium.follow("section[aria-labelledby=services]", "E-möten");
    chromium.follow(".tabs", "Betalare");
    let meter = "section[aria-labelledby=meter-participant_hour]";
    chromium.click(&format!("{meter} summary"));
    let usage =
        "/v1/usage?service=e-moten&meter=participant_hour&from=2020-12&to=2021-11&group_by=month,customer";
    let items = town.items(&format!("{usage}&limit=1000"));
    let greatest = greatest_payer(&items);
    let names = town.items("/v1/usage?service=e-moten&meter=participant_hour&from=2021-11&to=2021-11&group_by=customer&limit=1000");
    assert!(
        names.iter().any(|item| item["customer"] == greatest.as_str()),
        "{greatest} has usage in November"
    );
    let heads = chromium.texts(&format!("{meter} thead th"));
    assert_eq!(heads[1], "Utbildnings- och arbetsmarknadsförvaltningen", "{heads:?}");
    assert_eq!(greatest, "UAF", "the payer that is named first is the greatest");
    for item in items.iter().filter(|item| item["customer"] == greatest.as_str()) {
        let month = item["month"].as_str().unwrap();
        let row = chromium.run(
            "return document.querySelector(`${arguments[0]} time[datetime='${arguments[1]}']`).closest('tr').cells[1].textContent",
            vec![meter.into(), month.into()],
        );
        let shown = row.as_str().unwrap().replace(['\u{a0}', '\u{202f}'], " ");
        assert_eq!(quantity(&shown), decimal(&item["quantity"]).round_dp(2), "{month}");
    }
}

fn greatest_payer(items: &[Value]) -> String {
    let mut sums = std::collections::BTreeMap::<&str, Decimal>::new();
    for item in items {
        *sums.entry(item["customer"].as_str().unwrap_or_default()).or_default() += decimal(&item["quantity"]);
    }
    sums.into_iter().max_by_key(|(_, sum)| *sum).unwrap().0.to_owned()
}

/// One line of a payer's bill, explained down to its days.
pub(crate) fn a_line_down_to_its_days(town: &Town, chromium: &Chromium) {
    chromium.open(&town.at("/"));
    chromium.follow("header nav", "Betalare");
    chromium.click("main a[href^='/payers/UAF']");
    chromium.click(".lines tbody th a");
    let place = chromium.place();
    let id = place.strip_prefix("/lines/").unwrap().split('?').next().unwrap();
    let explained = town.get(&format!("/v1/charges/{id}/explain"));
    assert_eq!(explained["charge"]["customer"], "UAF");
    let said = chromium.text("main");
    let net = kronor_and_ore(decimal(&explained["charge"]["net"]));
    assert!(said.contains(&net), "{net}: {said}");
    let days = explained["days"].as_array().unwrap();
    assert!(!days.is_empty(), "the first line of UAF has days");
    let shown = chromium
        .run("return document.querySelectorAll('section[aria-labelledby=days] tbody tr').length", vec![]);
    assert_eq!(shown, days.len());
}

fn kronor_and_ore(amount: Decimal) -> String {
    format!("{amount:.2}").replace('.', ",")
}

/// Is anything wrong with the data of a month? In October a register was silent for five days.
pub(crate) fn what_is_wrong_with_the_data(town: &Town, chromium: &Chromium) {
    chromium.open(&town.at("/"));
    chromium.click("a[href='/?month=2021-10']");
    let quality = chromium.text("section[aria-labelledby=quality]");
    let gaps = town.items("/v1/gaps?month=2021-10&limit=1000");
    let missing: Vec<_> = gaps.iter().filter(|gap| gap["kind"] != "estimated").collect();
    assert!(!missing.is_empty() && quality.contains("ställen där mätvärden saknas"), "{quality}");
    chromium.follow("section[aria-labelledby=services]", "e-Tjänstekort");
    let told = chromium.text("section[aria-labelledby=days]");
    for gap in missing.iter().filter(|gap| gap["service"] == "e-tjanstekort") {
        let (day, source) = (gap["first_day"].as_str().unwrap(), gap["source"].as_str().unwrap());
        assert!(told.contains(day) && told.contains(source), "{gap}: {told}");
    }
}

/// The month's file for Excel: one click from the first page.
pub(crate) fn the_file_for_excel(town: &Town, chromium: &Chromium) {
    chromium.open(&town.at("/"));
    chromium.click("a[href='/v1/exports/2021-11/xlsx']");
    let (name, content) = chromium.downloaded();
    assert!(name.contains("2021-11") && name.ends_with(".xlsx"), "{name}");
    let sheets = Xlsx::new(Cursor::new(content)).unwrap().sheet_names();
    assert!(!sheets.is_empty(), "{name} is no workbook");
}

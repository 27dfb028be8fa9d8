//! How good the month's data is, and how its figures are checked.

use std::collections::BTreeMap;

use domain::charge::Totals;

use super::super::page::{Block, Column, Table};
use super::super::swedish;
use crate::bill::{Bill, Frozen, MonthState};
use crate::gaps::{GapDecision, MonthGap, MonthGapKind};
use crate::month::MonthReport;

/// Gaps, what was decided about them, and what would hinder the close.
pub(super) fn quality(bill: &Bill, report: &MonthReport) -> Vec<Block> {
    let mut blocks = vec![Block::section("Datakvalitet")];
    if let Some(frozen) = bill.frozen.as_ref().filter(|frozen| !frozen.accepted_gaps.is_empty()) {
        blocks.push(Block::notice(format!("Månaden stängdes trots luckor: {}", frozen.accepted_gaps)));
    }
    if report.gaps.is_empty() {
        blocks.push(Block::text("Inga dagar saknas och inga är uppskattade."));
    } else {
        blocks.push(Block::Table(gaps(report)));
    }
    if bill.state != MonthState::Closed {
        let count = swedish::count(report.blockers.len());
        blocks.push(Block::text(format!("Hinder för stängning: {count}.")));
    }
    blocks
}

/// The gaps of each meter, by kind and decision: of sources and subjects only how many.
fn gaps(report: &MonthReport) -> Table {
    let mut groups: BTreeMap<_, Vec<&MonthGap>> = BTreeMap::new();
    for gap in &report.gaps {
        groups.entry((&gap.service, &gap.meter, gap.kind, &gap.decision)).or_default().push(gap);
    }
    let mut table = Table::new([
        Column::text("Tjänst", 2),
        Column::text("Mätare", 2),
        Column::text("Vad", 2),
        Column::short("Beslut"),
        Column::short("Dagar"),
        Column::number("Ställen"),
    ]);
    for ((service, meter, kind, decided), found) in groups {
        let known = report.catalogue.services.get(service);
        let name = known.map_or(service, |service| &service.name);
        let meter = meter.as_ref().map_or_else(String::new, |slug| {
            known.and_then(|service| service.meters.get(slug)).map_or(slug, |meter| &meter.name).clone()
        });
        let first =
            found.iter().map(|gap| gap.first_day).min().map_or_else(String::new, |day| day.to_string());
        let last = found.iter().map(|gap| gap.last_day).max().map_or_else(String::new, |day| day.to_string());
        let days = if first == last { first } else { format!("{first} – {last}") };
        let texts = [name.clone(), meter, what(kind).to_owned(), decision(decided).to_owned(), days];
        table.row(texts.into_iter().chain([swedish::count(found.len())]));
    }
    table
}

const fn what(kind: MonthGapKind) -> &'static str {
    match kind {
        MonthGapKind::NoData => "inga mätvärden i månaden",
        MonthGapKind::Missing => "mätvärden saknas",
        MonthGapKind::Estimated => "uppskattat från dagen före",
        MonthGapKind::Excess => "fler mätvärden än ett; ett räknas",
    }
}

const fn decision(decision: &GapDecision) -> &'static str {
    match decision {
        GapDecision::NotNeeded => "behövs inte",
        GapDecision::Needed => "behövs",
        GapDecision::Accepted(_) => "godtaget",
    }
}

/// What ties the report to what was decided: sums, the hash, the anchor.
pub(super) fn checks(bill: &Bill) -> Vec<Block> {
    let mut blocks = vec![Block::section("Så kontrolleras rapporten")];
    let mut table = Table::new([Column::short("Uppgift"), Column::text("Värde", 1)]);
    let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
    row("Rader", swedish::count(bill.own().len()));
    row("Rättelserader", swedish::count(bill.corrections().len()));
    row("Summan av raderna, av tjänsterna och av betalarna", verdict(bill).to_owned());
    row("Katalogversion", bill.catalogue.clone());
    if let Some(frozen) = &bill.frozen {
        row("Stängd", swedish::instant(frozen.at));
        if !frozen.by.is_empty() {
            row("Stängd av", frozen.by.clone());
        }
        row("Kontrollsumma (SHA-256)", frozen.hash.clone());
        row("Ankare i styrloggen", frozen.anchor().unwrap_or_else(|| "–".to_owned()));
    }
    blocks.push(Block::Table(table));
    blocks.push(Block::text(match bill.frozen.as_ref().and_then(Frozen::anchor) {
        Some(_) => {
            "Ankaret visar att beslutet och allt före det är oförändrat: taxameter audit verify --anchor ANKARE. \
             Samma kontrollsumma ska stå i månadens övriga underlag."
        }
        None if bill.frozen.is_some() => "Samma kontrollsumma ska stå i månadens övriga underlag.",
        None => "Månaden får kontrollsumma och ankare när den stängs. Till dess kan allt i rapporten ändras.",
    }));
    blocks
}

/// Whether services and payers add up to the lines, and these to the sums that are billed.
fn verdict(bill: &Bill) -> &'static str {
    let lines: Totals = bill.charges.iter().collect();
    let (mut services, mut payers) = (Totals::default(), Totals::default());
    bill.services().iter().for_each(|service| services += service.totals);
    bill.payers().iter().for_each(|payer| payers += payer.totals);
    let ties = [services, payers, bill.totals].iter().all(|sums| *sums == lines);
    if ties { "stämmer" } else { "STÄMMER INTE" }
}

//! What moved against the month before, and what was corrected.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use domain::charge::{Charge, Reason, Totals};
use domain::{Money, Month, Quantity};

use super::super::page::{Block, Column, Table};
use super::super::swedish;
use crate::bill::Bill;

/// How many changes are told.
const CHANGES_MAX: usize = 10;

/// How many corrections are told one by one; all of them are in the workbook.
const CORRECTIONS_MAX: usize = 20;

/// By the size of the amounts; equal ones stay in their order.
pub(super) fn largest_first(mut amounts: Vec<(String, Money)>) -> Vec<(String, Money)> {
    amounts.sort_by_key(|(_, amount)| Reverse(amount.ore().unsigned_abs()));
    amounts
}

/// Payer and service of what was charged, with their names and the net of both months.
type Nets = BTreeMap<(String, String), (String, String, Money, Money)>;

/// The largest changes of net between two months, by payer and service.
pub(super) fn largest_changes(bill: &Bill, before: &Bill) -> Vec<Block> {
    let mut nets = Nets::new();
    before.charges.iter().for_each(|charge| *net(&mut nets, charge, |entry| &mut entry.2) += charge.net);
    bill.charges.iter().for_each(|charge| *net(&mut nets, charge, |entry| &mut entry.3) += charge.net);
    let mut moved: Vec<_> = nets.into_values().filter(|(_, _, then, now)| then != now).collect();
    moved.sort_by_key(|(_, _, then, now)| Reverse((*now - *then).ore().unsigned_abs()));
    let (then, now) = (swedish::month(before.month), swedish::month(bill.month));
    let mut blocks = vec![Block::section(format!("Största förändringar mot {then}"))];
    if moved.is_empty() {
        blocks.push(Block::text("Inget netto har ändrats."));
        return blocks;
    }
    let mut table = Table::new([
        Column::text("Betalare", 1),
        Column::text("Tjänst", 1),
        Column::number(format!("{then}, kr")),
        Column::number(format!("{now}, kr")),
        Column::number("Förändring, kr"),
    ]);
    for (payer, service, then, now) in moved.into_iter().take(CHANGES_MAX) {
        table.row([payer, service, swedish::money(then), swedish::money(now), swedish::change(now - then)]);
    }
    blocks.push(Block::text("Netto per betalare och tjänst, rättelser medräknade."));
    blocks.push(Block::Table(table));
    blocks
}

fn net<'n>(
    nets: &'n mut Nets,
    charge: &Charge,
    which: fn(&mut (String, String, Money, Money)) -> &mut Money,
) -> &'n mut Money {
    let (payer, tariff) = (&charge.customer, &charge.tariff);
    let key = (payer.code.clone(), tariff.service.clone());
    let names = || (payer.name.clone(), tariff.service_name.clone(), Money::ZERO, Money::ZERO);
    which(nets.entry(key).or_insert_with(names))
}

/// What the month corrects of closed ones, and why.
pub(super) fn corrections(bill: &Bill) -> Vec<Block> {
    let corrections = bill.corrections();
    let mut blocks = vec![Block::section("Rättelser av stängda månader")];
    if corrections.is_empty() {
        blocks.push(Block::text("Månaden rättar ingen tidigare månad."));
        return blocks;
    }
    blocks.push(Block::Table(by_reason(corrections)));
    let mut largest: Vec<&Charge> = corrections.iter().collect();
    largest.sort_by_key(|charge| Reverse((charge.net + charge.surcharge).ore().unsigned_abs()));
    let hidden = largest.len().saturating_sub(CORRECTIONS_MAX);
    let numbers = ["Före", "Efter", "Netto, kr", "Påslag, kr"].map(Column::number);
    let mut table = Table::new(
        [
            Column::short("Rättar"),
            Column::text("Betalare", 4),
            Column::text("Tjänst och mätare", 4),
            Column::text("Orsak", 3),
        ]
        .into_iter()
        .chain(numbers),
    );
    for charge in largest.into_iter().take(CORRECTIONS_MAX) {
        let after = Quantity::from_micros(charge.billed_before.micros() + charge.quantity.micros());
        let tariff = &charge.tariff;
        table.row([
            charge.usage_month().to_string(),
            charge.customer.name.clone(),
            format!("{}: {} ({})", tariff.service_name, tariff.meter_name, tariff.unit),
            reason(charge.reason).to_owned(),
            swedish::quantity(charge.billed_before),
            swedish::quantity(after),
            swedish::money(charge.net),
            swedish::money(charge.surcharge),
        ]);
    }
    blocks.push(Block::subsection("De största rättelserna"));
    blocks.push(Block::Table(table));
    if hidden > 0 {
        let hidden = swedish::count(hidden);
        blocks.push(Block::text(format!("{hidden} mindre rättelser till står i månadens arbetsbok.")));
    }
    blocks
}

/// The corrections by corrected month and reason.
fn by_reason(corrections: &[Charge]) -> Table {
    let mut sums: BTreeMap<(Month, Option<Reason>), (usize, Totals)> = BTreeMap::new();
    for charge in corrections {
        let (lines, totals) = sums.entry((charge.usage_month(), charge.reason)).or_default();
        *lines += 1;
        *totals += charge.totals();
    }
    let numbers = ["Rader", "Brutto, kr", "Gemensamt, kr", "Netto, kr", "Påslag, kr"].map(Column::number);
    let mut table =
        Table::new([Column::short("Rättar"), Column::text("Orsak", 1)].into_iter().chain(numbers));
    let amounts = |lines: usize, Totals { gross, joint, net, surcharge }: Totals| {
        std::iter::once(swedish::count(lines)).chain([gross, joint, net, surcharge].map(swedish::money))
    };
    for ((month, why), (lines, totals)) in sums {
        let first = [swedish::month(month), reason(why).to_owned()];
        table.row(first.into_iter().chain(amounts(lines, totals)));
    }
    let all = amounts(corrections.len(), corrections.iter().collect());
    table.strong(["Summa".to_owned(), String::new()].into_iter().chain(all));
    table
}

const fn reason(reason: Option<Reason>) -> &'static str {
    match reason {
        Some(Reason::Usage) => "annan användning än den fakturerade",
        Some(Reason::Payer) => "kostnadsstället har bytt betalare",
        Some(Reason::Spread) => "betalarens belopp fördelat på nytt",
        Some(Reason::Terms) => "ändrade villkor",
        None => "orsak saknas",
    }
}

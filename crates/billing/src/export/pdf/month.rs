//! A month's report: bill → blocks.

mod moved;
mod trust;

use std::sync::Arc;

use domain::charge::Totals;
use domain::object::Account;
use domain::{Money, Month};

use self::moved::{largest_changes, largest_first};
use super::page::{Block, Chart, Column, Pages, Table, Tile};
use super::swedish;
use crate::bill::{Bill, MonthState};
use crate::month::MonthReport;

/// How many bars a chart has at most; the rest is one more.
const BARS_MAX: usize = 12;

const AMOUNTS: [&str; 5] = ["Brutto, kr", "Gemensamt, kr", "Netto, kr", "Påslag, kr", "Att fakturera, kr"];

/// The whole report.
pub(super) fn pages(report: &MonthReport) -> Pages {
    let bill: &Bill = &report.bill;
    let month = swedish::month(bill.month);
    let before = report.earlier.iter().find(|earlier| earlier.month == bill.month.previous());
    let before = before.map(|before| &**before);
    let mut blocks = headline(bill, before);
    blocks.extend(surcharge(bill, report));
    blocks.extend(services(bill, report));
    blocks.extend(payers(bill));
    blocks.extend(before.map(|before| largest_changes(bill, before)).unwrap_or_default());
    blocks.extend(moved::corrections(bill));
    blocks.extend(trust::quality(bill, report));
    blocks.extend(trust::checks(bill));
    let preliminary = preliminary(bill);
    let mark = preliminary.as_ref().map_or("", |_| " – PRELIMINÄR");
    Pages {
        title: format!("Månadsrapport {month}{mark}"),
        subtitle: subtitle(bill),
        organisation: super::organisation(&report.catalogue),
        footer: footer(bill),
        blocks,
        created: bill.frozen.as_ref().map_or_else(|| bill.month.end(), |frozen| frozen.at),
        identity: identity(bill),
        preliminary,
    }
}

fn preliminary(bill: &Bill) -> Option<String> {
    match bill.state {
        MonthState::Open => Some("PRELIMINÄR – månaden är öppen och beloppen kan ändras".to_owned()),
        MonthState::Preliminary => Some("PRELIMINÄR – för granskning, beloppen kan ändras".to_owned()),
        MonthState::Closed => None,
    }
}

fn subtitle(bill: &Bill) -> String {
    let period = format!("{} – {}", bill.month.first_day(), bill.month.last_day());
    match &bill.frozen {
        Some(frozen) => format!("{period}. Stängd {}.", swedish::instant(frozen.at)),
        None => format!("{period}. Inte stängd."),
    }
}

fn footer(bill: &Bill) -> Vec<String> {
    let hash = match &bill.frozen {
        Some(frozen) => format!("Kontrollsumma (SHA-256) {}", frozen.hash),
        None => "Ingen kontrollsumma: månaden är inte stängd".to_owned(),
    };
    vec![hash, format!("Katalogversion {}", bill.catalogue)]
}

fn identity(bill: &Bill) -> String {
    let hash = bill.frozen.as_ref().map_or(bill.state.name(), |frozen| frozen.hash.as_str());
    format!("taxameter månadsrapport {} {hash}", bill.month)
}

/// What is to be paid.
fn invoiced(totals: Totals) -> Money {
    totals.net + totals.surcharge
}

fn amount_columns() -> impl Iterator<Item = Column> {
    AMOUNTS.into_iter().map(Column::number)
}

/// The five amounts of a row, as [`AMOUNTS`] names them.
fn amounts(totals: Totals) -> [String; 5] {
    let Totals { gross, joint, net, surcharge } = totals;
    [gross, joint, net, surcharge, net + surcharge].map(swedish::money)
}

fn headline(bill: &Bill, before: Option<&Bill>) -> Vec<Block> {
    let Totals { gross, joint, net, surcharge } = bill.totals;
    let mut tiles: Vec<Tile> = Vec::new();
    let mut tile = |label: &str, amount: Money, of: fn(Totals) -> Money| {
        let note =
            before.map_or_else(String::new, |before| compared(amount, of(before.totals), before.month));
        tiles.push(Tile { label: label.to_owned(), value: swedish::kronor(amount), note });
    };
    tile("Brutto", gross, |totals| totals.gross);
    tile("Gemensamt finansierat", joint, |totals| totals.joint);
    tile("Netto", net, |totals| totals.net);
    tile("Påslag", surcharge, |totals| totals.surcharge);
    tile("Att fakturera", invoiced(bill.totals), invoiced);
    let explained = "Netto är brutto minus det som finansieras gemensamt. Att fakturera är netto plus påslag. \
                     Alla belopp är exklusive moms, och rättelser av tidigare månader ingår.";
    vec![Block::Tiles { tiles }, Block::text(explained)]
}

fn compared(now: Money, before: Money, month: Month) -> String {
    let part = swedish::share(now - before, before).map_or_else(String::new, |part| format!(" ({part})"));
    format!("{} kr{part} mot {}", swedish::change(now - before), swedish::month(month))
}

/// The surcharge, beside what the year's budget takes of it (R5b).
fn surcharge(bill: &Bill, report: &MonthReport) -> Vec<Block> {
    let mut blocks = vec![Block::section("Påslaget")];
    blocks.push(Block::text(match bill.rate {
        Some(rate) if bill.rate_decision.is_empty() => format!("Påslaget är {}.", swedish::percent(rate)),
        Some(rate) => format!("Påslaget är {} enligt beslut {}.", swedish::percent(rate), bill.rate_decision),
        None => "Inget påslag gäller för månaden.".to_owned(),
    }));
    let year = bill.month.year();
    let Some(budget) = report.catalogue.object.budgets.get(&year) else { return blocks };
    let account = year_so_far(bill, &report.earlier);
    let basis = account.rate_basis(Some(budget));
    let (required, left) = (basis.required(), basis.required() - account.surcharge);
    let so_far = format!("Hittills {year}, till och med {}", swedish::month(bill.month));
    let mut table = Table::new([Column::text(so_far, 1), Column::number("Kronor")]);
    for (name, amount) in [
        ("Årets budget att samla in", basis.budget),
        ("Permanent gemensamma tjänster hittills", basis.joint),
        ("Avgår: prisjusteringars bidrag hittills", -basis.adjustments),
        ("Avgår: överfört och avstått av andra", -basis.from_elsewhere),
    ] {
        table.row([name.to_owned(), swedish::money(amount)]);
    }
    table.strong(["Påslaget ska ge".to_owned(), swedish::money(required)]);
    table.row(["Påslag hittills".to_owned(), swedish::money(account.surcharge)]);
    table.strong(["Återstår att samla in".to_owned(), swedish::money(left)]);
    let bars = [("Ska ge under året".to_owned(), required), ("Hittills".to_owned(), account.surcharge)];
    blocks.push(Block::Bars(Chart::new("Stapeldiagram: påslaget mot årets budget", &bars, swedish::kronor)));
    let months = bill.month.number();
    blocks.extend(
        swedish::share(account.surcharge, required)
            .map(|part| Block::text(format!("Hittills är {part} insamlat, efter {months} av 12 månader."))),
    );
    blocks.push(Block::Table(table));
    blocks
}

/// The object's account of the year's months up to this one.
fn year_so_far(bill: &Bill, earlier: &[Arc<Bill>]) -> Account {
    let mut account = Account::of(&bill.charges);
    let before = |other: &&Arc<Bill>| other.month.year() == bill.month.year() && other.month < bill.month;
    earlier.iter().filter(before).for_each(|other| account.add(&Account::of(&other.charges)));
    account
}

fn services(bill: &Bill, report: &MonthReport) -> Vec<Block> {
    let services = bill.services();
    let mut blocks = vec![Block::section("Kostnad per tjänst")];
    if services.is_empty() {
        blocks.push(Block::text("Inga tjänster är debiterade i månaden."));
        return blocks;
    }
    let nets = services.iter().map(|service| (service.name.clone(), service.totals.net)).collect();
    blocks.push(Block::Bars(chart("Stapeldiagram: netto per tjänst", nets, "Övriga tjänster")));
    let mut table = Table::new(
        [Column::text("Tjänst", 3), Column::text("Produkt", 2)].into_iter().chain(amount_columns()),
    );
    for service in &services {
        let product = report.catalogue.products.get(&service.product);
        let product = product.map_or(&service.product, |product| &product.name);
        table.row([service.name.clone(), product.clone()].into_iter().chain(amounts(service.totals)));
    }
    table.strong(["Summa".to_owned(), String::new()].into_iter().chain(amounts(bill.totals)));
    blocks.push(Block::Table(table));
    blocks
}

/// A chart of the largest amounts, the others as one.
pub(super) fn chart(about: &str, amounts: Vec<(String, Money)>, others: &str) -> Chart {
    let mut bars = largest_first(amounts);
    if bars.len() > BARS_MAX + 1 {
        let rest = bars.split_off(BARS_MAX);
        bars.push((format!("{others} ({})", rest.len()), rest.iter().map(|(_, amount)| *amount).sum()));
    }
    Chart::new(about, &bars, swedish::kronor)
}

fn payers(bill: &Bill) -> Vec<Block> {
    let payers = bill.payers();
    if payers.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(
        [Column::short("Kod"), Column::text("Betalare", 1), Column::short("Slag")]
            .into_iter()
            .chain(amount_columns()),
    );
    for payer in payers {
        let customer = &payer.customer;
        let names = [customer.code.clone(), customer.name.clone(), swedish::kind(customer.kind).to_owned()];
        table.row(names.into_iter().chain(amounts(payer.totals)));
    }
    let sum = ["Summa".to_owned(), String::new(), String::new()];
    table.strong(sum.into_iter().chain(amounts(bill.totals)));
    vec![Block::section("Per betalare"), Block::Table(table)]
}

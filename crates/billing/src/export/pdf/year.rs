//! A year's report: volume and cost of each service by object product, tied to the closed months (R17, R18).

mod ties;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::catalogue::Catalogue;
use domain::charge::Totals;
use domain::{Instant, Money, Month};

use super::month::chart;
use super::page::{Block, Chart, Column, Pages, Table, Tile};
use super::swedish;
use crate::bill::{Bill, MonthState};
use crate::year::{YearItem, YearMeter, YearMonth, YearReport};

const AMOUNTS: [&str; 4] = ["Brutto, kr", "Gemensamt, kr", "Netto, kr", "Påslag, kr"];

/// How much of a hash the footer has of each month; the whole ones are on the last page.
const HASH_SHORT: usize = 8;

/// The whole report.
pub(super) fn pages(report: &YearReport, bills: &[Arc<Bill>], catalogue: &Catalogue) -> Pages {
    let of_year = |bill: &&Arc<Bill>| bill.month.year() == report.year;
    let bills: Vec<&Bill> = bills.iter().filter(of_year).map(|bill| &**bill).collect();
    let mut blocks = headline(report);
    blocks.extend(overview(report, catalogue));
    blocks.extend(by_month(report, &bills, catalogue));
    blocks.push(Block::section("Volym och kostnad per tjänst"));
    blocks.push(Block::text(
        "Volymer av olika mätare läggs aldrig ihop. Nivåer är årets medel, största eller sista månad, \
         och olika personer eller föremål är räknade en gång för hela året.",
    ));
    for (product, items) in by_product(report) {
        blocks.extend(services(&product_name(catalogue, product), &items));
    }
    blocks.extend(missing(report));
    blocks.extend(ties::closes(report));
    blocks.extend(ties::bridge(report));
    blocks.extend(ties::hashes(report, &bills));
    let preliminary = preliminary(report);
    let mark = preliminary.as_ref().map_or("", |_| " – PRELIMINÄR");
    Pages {
        title: format!("Årsrapport {}{mark}", report.year),
        subtitle: "Volym och kostnad per tjänst, avstämda mot månadsboksluten.".to_owned(),
        organisation: super::organisation(catalogue),
        footer: footer(&bills, catalogue),
        blocks,
        created: created(report.year, &bills),
        identity: identity(report.year, &bills),
        preliminary,
    }
}

fn preliminary(report: &YearReport) -> Option<String> {
    let open: Vec<String> = report
        .months
        .iter()
        .filter(|month| month.state != MonthState::Closed)
        .map(|month| swedish::month_short(month.month))
        .collect();
    (!open.is_empty()).then(|| format!("PRELIMINÄR – inte stängda: {}", open.join(", ")))
}

/// When the last month was closed. A year with open months has its last day, so that no clock is read.
fn created(year: i32, bills: &[&Bill]) -> Instant {
    let closed: Vec<Instant> =
        bills.iter().filter_map(|bill| bill.frozen.as_ref()).map(|frozen| frozen.at).collect();
    let last = closed.iter().max().copied().filter(|_| closed.len() == 12);
    let december = || Month::new(year, 12).map(Month::end);
    last.or_else(december).unwrap_or_default()
}

fn identity(year: i32, bills: &[&Bill]) -> String {
    let hash =
        |bill: &&Bill| bill.frozen.as_ref().map_or(bill.state.name(), |frozen| &frozen.hash).to_owned();
    let hashes: Vec<String> = bills.iter().map(hash).collect();
    format!("taxameter årsrapport {year} {}", hashes.join(" "))
}

fn footer(bills: &[&Bill], catalogue: &Catalogue) -> Vec<String> {
    let short = |bill: &&Bill| {
        let hash = bill.frozen.as_ref().and_then(|frozen| frozen.hash.get(..HASH_SHORT));
        format!("{}\u{a0}{}", swedish::month_short(bill.month), hash.unwrap_or("–"))
    };
    let hashes: Vec<String> = bills.iter().map(short).collect();
    vec![
        format!("Månadernas kontrollsummor, början: {}", hashes.join(", ")),
        format!("Katalogversion {}", catalogue.version),
    ]
}

fn amount_columns() -> impl Iterator<Item = Column> {
    AMOUNTS.into_iter().map(Column::number)
}

fn amounts(totals: Totals) -> [String; 4] {
    let Totals { gross, joint, net, surcharge } = totals;
    [gross, joint, net, surcharge].map(swedish::money)
}

fn headline(report: &YearReport) -> Vec<Block> {
    let (usage, billed) = (report.totals.usage, report.totals.billed);
    let tile = |label: &str, of: fn(Totals) -> Money| Tile {
        label: label.to_owned(),
        value: swedish::kronor(of(usage)),
        note: format!("fakturerat {}", swedish::money(of(billed))),
    };
    let tiles = vec![
        tile("Brutto", |totals| totals.gross),
        tile("Gemensamt finansierat", |totals| totals.joint),
        tile("Netto", |totals| totals.net),
        tile("Påslag", |totals| totals.surcharge),
        tile("Netto och påslag", |totals| totals.net + totals.surcharge),
    ];
    let explained = "Beloppen är årets användning, exklusive moms, när den än har fakturerats. \
                     Fakturerat är vad årets månader har fakturerat, vilket år det än gäller.";
    vec![Block::Tiles { tiles }, Block::text(explained)]
}

/// The groups by object product, in the order of the products' codes.
fn by_product(report: &YearReport) -> BTreeMap<&str, Vec<&YearItem>> {
    let mut products: BTreeMap<&str, Vec<&YearItem>> = BTreeMap::new();
    for item in &report.items {
        products.entry(&item.product).or_default().push(item);
    }
    products
}

fn product_name(catalogue: &Catalogue, code: &str) -> String {
    catalogue.products.get(code).map_or_else(|| code.to_owned(), |product| product.name.clone())
}

fn overview(report: &YearReport, catalogue: &Catalogue) -> Vec<Block> {
    let nets = report.items.iter().map(|item| (item.name.clone(), item.totals.usage.net)).collect();
    let mut table = Table::new([Column::text("Objektprodukt", 1)].into_iter().chain(amount_columns()));
    for (product, items) in by_product(report) {
        table.row([product_name(catalogue, product)].into_iter().chain(amounts(usage(&items))));
    }
    table.strong(["Summa".to_owned()].into_iter().chain(amounts(report.totals.usage)));
    vec![
        Block::section("Kostnad per tjänst och objektprodukt"),
        Block::Bars(chart("Stapeldiagram: årets netto per tjänst", nets, "Övriga tjänster")),
        Block::Table(table),
    ]
}

fn usage(items: &[&YearItem]) -> Totals {
    let mut totals = Totals::default();
    items.iter().for_each(|item| totals += item.totals.usage);
    totals
}

/// What each month billed of each product, as a chart of twelve months for each and a table of all.
fn by_month(report: &YearReport, bills: &[&Bill], catalogue: &Catalogue) -> Vec<Block> {
    let mut nets: BTreeMap<String, BTreeMap<Month, Money>> = BTreeMap::new();
    for bill in bills {
        for service in bill.services() {
            let known = catalogue.services.get(&service.service);
            let product = known.map_or(&service.product, |service| &service.product);
            let months = nets.entry(product_name(catalogue, product)).or_default();
            *months.entry(bill.month).or_default() += service.totals.net;
        }
    }
    let mut blocks = vec![Block::section("Fakturerat netto per månad")];
    if nets.is_empty() {
        blocks.push(Block::text("Ingen månad har fakturerat något."));
        return blocks;
    }
    let of = |months: &BTreeMap<Month, Money>, month: Month| months.get(&month).copied().unwrap_or_default();
    for (product, months) in &nets {
        let amounts: Vec<(String, Money)> =
            report.months.iter().map(|month| (month_of_chart(month), of(months, month.month))).collect();
        blocks.push(Block::subsection(format!("{product}, tusental kronor")));
        let about = format!("Stapeldiagram: fakturerat netto för {product} per månad");
        blocks.push(Block::Columns(Chart::new(&about, &amounts, swedish::thousands)));
    }
    let numbers = ["Första halvåret, kr", "Andra halvåret, kr", "Hela året, kr"].map(Column::number);
    let mut table = Table::new([Column::text("Objektprodukt", 1)].into_iter().chain(numbers));
    for (product, months) in &nets {
        let half = |second: bool| -> Money {
            months.iter().filter(|(month, _)| (month.number() > 6) == second).map(|(_, net)| *net).sum()
        };
        let (first, second) = (half(false), half(true));
        table.row([
            product.clone(),
            swedish::money(first),
            swedish::money(second),
            swedish::money(first + second),
        ]);
    }
    blocks.push(Block::Table(table));
    blocks
}

/// A month below its bar: one that may still change says so.
fn month_of_chart(month: &YearMonth) -> String {
    let name = swedish::month_short(month.month);
    if month.state == MonthState::Closed { name } else { format!("{name} prel.") }
}

/// A product's services: each with its sums, then each of its meters with its volume. Volumes have no sums: units differ,
/// and distinct subjects and levels never add up.
fn services(product: &str, items: &[&YearItem]) -> Vec<Block> {
    let texts = [Column::text("Tjänst och mätare", 1), Column::short("Enhet"), Column::short("Volymen är")];
    let mut table = Table::new(texts.into_iter().chain([Column::number("Volym")]).chain(amount_columns()));
    for item in items {
        let head = [item.name.clone(), String::new(), String::new(), String::new()];
        table.strong(head.into_iter().chain(amounts(item.totals.usage)));
        item.meters.iter().for_each(|meter| table.row(of_meter(meter)));
    }
    vec![Block::subsection(product), Block::Table(table)]
}

fn of_meter(meter: &YearMeter) -> impl Iterator<Item = String> {
    let mut name = meter.name.clone();
    for (days, what) in [(meter.estimated_days, "uppskattade"), (meter.missing_days, "saknade")] {
        if days > 0 {
            name.push_str(&format!(" ({days} {what} dagar)"));
        }
    }
    let volume = meter.quantity.map_or_else(|| "–".to_owned(), swedish::quantity);
    let texts = [name, meter.unit.clone(), swedish::measure(meter.measure()).to_owned(), volume];
    texts.into_iter().chain(amounts(meter.totals.usage))
}

/// The months without data (R18).
fn missing(report: &YearReport) -> Vec<Block> {
    let mut table = Table::new([Column::text("Tjänst", 1), Column::text("Månader utan mätvärden", 2)]);
    for item in report.items.iter().filter(|item| !item.missing.is_empty()) {
        let months: Vec<String> = item.missing.iter().map(|month| swedish::month_short(*month)).collect();
        table.row([item.name.clone(), months.join(", ")]);
    }
    let nothing = || Block::text("Alla tjänster som mäts varje månad har mätvärden i alla månader.");
    let found = if table.is_empty() { nothing() } else { Block::Table(table) };
    vec![Block::section("Saknade mätvärden"), found]
}

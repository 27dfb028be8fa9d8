//! Goal: what the pages say is what the bill says, and the file is one that everybody can read. Method: the file is read
//! back with a PDF library of others.

use std::sync::Arc;

use domain::catalogue::Product;
use domain::charge::{Charge, Reason, Totals};
use domain::event::CustomerKind;
use domain::object::{Budget, BudgetPart};
use domain::rating::Tariff;
use domain::usage::MeterKind;
use domain::year::YearTotals;
use domain::{Money, Month, Quantity};
use lopdf::{Dictionary, Document, Object};

use super::*;
use crate::bill::MonthState;
use crate::blocker::Blocker;
use crate::export::fixtures::{self, tariff};
use crate::gaps::{GapDecision, MonthGap, MonthGapKind};
use crate::year::{YearItem, YearMeter, YearMonth};

const SERVICES: [(&str, &str, &str); 3] = [
    ("skrivare-mfp", "Skrivare & MFP", "U"),
    ("e-moten", "E-möten", "U"),
    ("plattform", "Utvecklingsplattform, åtkomst", "P"),
];

fn charge(month: Month, service: usize, payer: usize, net: i64, corrects: Option<Month>) -> Charge {
    let (slug, name, product) = SERVICES[service];
    let payer = [
        ("KLF", "Kommunledningsförvaltningen", CustomerKind::Forvaltning),
        ("LKAB", "Länsbolaget #1 *AB* $x$", CustomerKind::Bolag),
    ][payer];
    let tariff = Tariff {
        service: slug.to_owned(),
        meter: "page".to_owned(),
        unit: "sida".to_owned(),
        service_name: name.to_owned(),
        meter_name: "Sidor".to_owned(),
        product: product.to_owned(),
        ..tariff("", "0.0925", "")
    };
    Charge {
        month,
        corrects,
        reason: corrects.map(|_| Reason::Usage),
        quantity: Quantity::from_micros(i128::from(net) * 100_000),
        gross: Money::from_ore(net + 100),
        joint: Money::from_ore(100),
        net: Money::from_ore(net),
        surcharge: Money::from_ore(net * 3 / 100),
        ..fixtures::charge(payer, "0110200", tariff)
    }
}

fn bill(month: Month, state: MonthState) -> Bill {
    let nth = i64::from(month.number());
    let mut charges: Vec<Charge> = (0..SERVICES.len())
        .flat_map(|service| (0..2).map(move |payer| (service, payer)))
        .map(|(service, payer)| {
            charge(month, service, payer, 123_456_700 * (service as i64 + 1) + nth * 1_111_111, None)
        })
        .collect();
    if nth > 2 {
        charges.push(charge(month, 1, 1, -45_678_900, Some(month.previous())));
    }
    let mut bill = Bill { month, catalogue: "c0ffee".repeat(10) + "abcd", ..fixtures::bill(state, charges) };
    if let Some(frozen) = &mut bill.frozen {
        frozen.control = Some(month.number().into());
        frozen.by = "Controller".to_owned();
        frozen.hash = format!("{:02x}", 0xa0 + month.number()).repeat(32);
        frozen.accepted_gaps = "Avbrott i mätningen, känt".to_owned();
    }
    bill
}

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue { version: "f00d".repeat(16), ..Catalogue::default() };
    catalogue.organisation.name = "Exempelkommunen".to_owned();
    catalogue.organisation.unit = "IT-enheten".to_owned();
    for (code, name) in [("U", "Utskrift och möten"), ("P", "Plattformar")] {
        catalogue.products.insert(code.to_owned(), Product { name: name.to_owned(), name_en: String::new() });
    }
    let mut budget = Budget { carried_over: Money::from_ore(5_000_000), ..Budget::default() };
    budget.parts.insert(BudgetPart::Management, Money::from_ore(400_000_000));
    catalogue.object.budgets.insert(2021, budget);
    catalogue
}

fn march(state: MonthState) -> MonthReport {
    let month = |text: &str| text.parse::<Month>().unwrap();
    let gap = MonthGap {
        service: "e-moten".to_owned(),
        meter: Some("participant_hour".to_owned()),
        source: "/pexip".to_owned(),
        first_day: month("2021-03").first_day(),
        last_day: month("2021-03").first_day(),
        subject: String::new(),
        series: String::new(),
        kind: MonthGapKind::Estimated,
        count: 1,
        decision: GapDecision::Accepted("känt".to_owned()),
    };
    MonthReport {
        bill: Arc::new(bill(month("2021-03"), state)),
        catalogue: Arc::new(catalogue()),
        earlier: ["2021-01", "2021-02"].map(|text| Arc::new(bill(month(text), MonthState::Closed))).to_vec(),
        gaps: vec![gap],
        blockers: match state {
            MonthState::Open | MonthState::Preliminary => {
                vec![Blocker::earlier_month_open(month("2021-02")), Blocker::no_usage(month("2021-03"))]
            }
            MonthState::Closed => Vec::new(),
        },
    }
}

fn year(open: usize) -> (YearReport, Vec<Arc<Bill>>) {
    let months: Vec<Month> = (1..=12).map(|number| Month::new(2021, number).unwrap()).collect();
    let state = |at: usize| if at + open < 12 { MonthState::Closed } else { MonthState::Open };
    let bills: Vec<Arc<Bill>> =
        months.iter().enumerate().map(|(at, month)| Arc::new(bill(*month, state(at)))).collect();
    let mut closes = Totals::default();
    bills.iter().for_each(|bill| closes += bill.totals);
    let item = |(slug, name, product): &(&str, &str, &str)| {
        let mut totals = YearTotals::default();
        let charges = bills.iter().flat_map(|bill| &bill.charges);
        charges.filter(|charge| charge.tariff.service == *slug).for_each(|charge| totals.add(2021, charge));
        let meter = |kind: MeterKind, name: &str, totals| YearMeter {
            meter: name.to_lowercase(),
            name: name.to_owned(),
            kind,
            unit: "sida".to_owned(),
            quantity: Some(Quantity::from_micros(1_234_567_500_000)),
            totals,
            estimated_days: 3,
            missing_days: 0,
        };
        YearItem {
            customer: None,
            product: (*product).to_owned(),
            service: Some((*slug).to_owned()),
            name: (*name).to_owned(),
            totals,
            meters: vec![
                meter(MeterKind::Sum, "Sidor", totals),
                meter(MeterKind::Unique, "Användare", YearTotals::default()),
            ],
            missing: vec![months[6]],
        }
    };
    let items: Vec<YearItem> = SERVICES.iter().map(item).collect();
    let mut totals = YearTotals::default();
    items.iter().for_each(|item| totals += item.totals);
    let of_bill = |bill: &Arc<Bill>| YearMonth {
        month: bill.month,
        state: bill.state,
        rate: bill.rate,
        totals: bill.totals,
    };
    let months = bills.iter().map(of_bill).collect();
    (YearReport { year: 2021, months, later: Vec::new(), items, totals, closes }, bills)
}

fn month_bytes(report: &MonthReport) -> Vec<u8> {
    let mut out = Vec::new();
    month_pdf(report, &mut out).unwrap();
    out
}

fn year_bytes(open: usize) -> Vec<u8> {
    let (report, bills) = year(open);
    let mut out = Vec::new();
    year_pdf(&report, &bills, &catalogue(), &mut out).unwrap();
    out
}

/// The text of each page, with spaces that are all the same.
fn texts(document: &Document) -> Vec<String> {
    let pages: Vec<u32> = document.get_pages().keys().copied().collect();
    let text = |page: &u32| document.extract_text(&[*page]).unwrap();
    pages.iter().map(|page| text(page).split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn entry<'d>(document: &'d Document, dictionary: &'d Dictionary, key: &[u8]) -> &'d Object {
    document.dereference(dictionary.get(key).unwrap()).unwrap().1
}

#[test]
fn a_closed_month_has_the_same_bytes_every_time() {
    let report = march(MonthState::Closed);
    let first = month_bytes(&report);
    assert_eq!(month_bytes(&report), first);
    assert_eq!(year_bytes(0), year_bytes(0));
    let mut other = report;
    Arc::make_mut(&mut other.bill).frozen.as_mut().unwrap().hash = "00".repeat(32);
    assert_ne!(month_bytes(&other), first);
}

#[test]
fn it_is_tagged_and_has_a_title_a_language_and_its_date() {
    let document = Document::load_mem(&month_bytes(&march(MonthState::Closed))).unwrap();
    let catalog = document.catalog().unwrap();
    assert_eq!(entry(&document, catalog, b"Lang").as_str().unwrap(), b"sv");
    let marked = entry(&document, catalog, b"MarkInfo").as_dict().unwrap();
    assert!(entry(&document, marked, b"Marked").as_bool().unwrap());
    assert!(catalog.has(b"StructTreeRoot"));
    let viewer = entry(&document, catalog, b"ViewerPreferences").as_dict().unwrap();
    assert!(entry(&document, viewer, b"DisplayDocTitle").as_bool().unwrap());
    let metadata = entry(&document, catalog, b"Metadata").as_stream().unwrap();
    let xmp = String::from_utf8(metadata.get_plain_content().unwrap()).unwrap();
    for part in ["Månadsrapport mars 2021", "2021-04-05T08:00:00", "pdfuaid:part", "pdfaid:part"] {
        assert!(xmp.contains(part), "{part}: {xmp}");
    }
}

#[test]
fn the_figures_are_those_of_the_bill() {
    let report = march(MonthState::Closed);
    let document = Document::load_mem(&month_bytes(&report)).unwrap();
    let texts = texts(&document);
    let all = texts.join(" ");
    let totals = report.bill.totals;
    let mut wanted: Vec<String> =
        [totals.gross, totals.joint, totals.net, totals.surcharge, totals.net + totals.surcharge]
            .map(swedish::kronor)
            .to_vec();
    wanted.extend(report.bill.services().iter().map(|service| swedish::money(service.totals.net)));
    wanted.extend(report.bill.payers().iter().map(|payer| swedish::money(payer.totals.net)));
    wanted.extend(["Länsbolaget #1 *AB* $x$", "−456 789,00", "stämmer", "KS 2020-123"].map(str::to_owned));
    wanted.push(format!("ankare {}", report.bill.frozen.as_ref().unwrap().anchor().unwrap()).split_off(7));
    for text in wanted {
        assert!(all.contains(&spaced(&text)), "{text}: {all}");
    }
    for (at, text) in texts.iter().enumerate() {
        assert!(text.contains(&format!("Sida {} av {}", at + 1, texts.len())), "{text}");
        assert!(text.contains(&"a3".repeat(32)), "{text}");
        assert!(text.contains(&report.bill.catalogue), "{text}");
    }
    assert!(!all.contains("PRELIMINÄR"));
}

#[test]
fn what_is_not_closed_says_so_on_every_page() {
    let month = month_bytes(&march(MonthState::Open));
    for bytes in [month, year_bytes(2)] {
        let texts = texts(&Document::load_mem(&bytes).unwrap());
        assert!(texts.len() > 1);
        assert!(texts.iter().all(|text| text.contains("PRELIMINÄR")), "{texts:?}");
    }
    let texts = texts(&Document::load_mem(&month_bytes(&march(MonthState::Open))).unwrap());
    assert!(texts.iter().any(|text| text.contains("Hinder för stängning: 2.")), "{texts:?}");
}

#[test]
fn a_year_has_its_services_its_closes_and_all_hashes() {
    let (report, bills) = year(0);
    let texts = texts(&Document::load_mem(&year_bytes(0)).unwrap());
    let all = texts.join(" ");
    let mut wanted: Vec<String> =
        report.items.iter().map(|item| swedish::money(item.totals.usage.net)).collect();
    wanted.extend(report.months.iter().map(|month| swedish::money(month.totals.net)));
    wanted.extend(bills.iter().map(|bill| bill.frozen.as_ref().unwrap().hash.clone()));
    wanted.extend([swedish::money(report.closes.net), "1 234 567,5".to_owned(), "på öret".to_owned()]);
    for text in wanted {
        assert!(all.contains(&spaced(&text)), "{text}: {all}");
    }
}

#[test]
fn a_name_that_the_fonts_do_not_have_hinders_no_report() {
    let mut report = march(MonthState::Closed);
    let bill = Arc::make_mut(&mut report.bill);
    Arc::make_mut(&mut bill.charges[0].customer).name = "Å\t漢字 🚀\u{0}".to_owned();
    let all = texts(&Document::load_mem(&month_bytes(&report)).unwrap()).join(" ");
    assert!(all.contains("Å ?? ?"), "{all}");
}

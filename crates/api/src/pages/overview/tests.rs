//! The first page over a year like Linköping's.

use chrono::NaiveDate;
use domain::access::Viewer;
use domain::catalogue::{Organisation, Product, Service, SurchargeRate};

use super::*;
use crate::pages::cube::Figures;
use crate::pages::frame::Section;

const SERVICES: [(&str, &str, i64); 34] = [
    ("it-arbetsplats", "IT Arbetsplats", 1_612_000),
    ("it-bastjanst-konto", "IT-Bastjänst konto", 1_432_500),
    ("driftavtal", "Driftavtal", 1_069_500),
    ("chromebook", "Chromebook", 902_800),
    ("datakommunikation", "Datakommunikation", 690_000),
    ("skrivare-mfp", "Skrivare/MFP", 572_300),
    ("mobiltelefon", "Mobiltelefon", 567_000),
    ("virtuell-server", "Virtuell Server", 461_850),
    ("lagring-plus", "Lagring Plus", 370_500),
    ("pekplatta", "Pekplatta", 362_600),
    ("it-bastjanst-lagring", "IT-Bastjänst Lagring", 327_750),
    ("tradlost-natverk", "Trådlöst nätverk", 319_000),
    ("telefoni", "Telefoni", 277_800),
    ("mdm", "MDM", 232_900),
    ("teknisk-serverdrift", "Teknisk serverdrift", 216_050),
    ("databastjanst", "Databastjänst", 195_520),
    ("e-tjanstekort", "e-Tjänstekort", 181_900),
    ("e-moten", "E-möten", 179_400),
    ("sakerhetskopiering", "Säkerhetskopiering", 172_200),
    ("integrationsplattform", "Integrationsplattform", 153_440),
    ("videoprojektor", "Videoprojektor", 145_800),
    ("kameraovervakning-lagring", "Kameraövervakning (lagring)", 133_200),
    ("inpasseringssystem", "Inpasseringssystem", 112_700),
    ("e-tjansteplattform-drift", "E-Tjänsteplattform, drift", 111_600),
    ("distanstjanster", "Distanstjänster", 98_800),
    ("samarbetsplattform-drift-utb", "Samarbetsplattform, drift utb", 94_500),
    ("it-grupprum", "IT-grupprum", 83_600),
    ("it-utbildningsplats", "IT-Utbildningsplats", 78_200),
    ("overvakning", "Övervakning", 55_100),
    ("it-bastjanst-skrivarko", "IT-Bastjänst Skrivarkö", 39_000),
    ("samarbetsplattform", "Samarbetsplattform", 31_000),
    ("idp-identifieringsmetoder", "Idp / Utökning av identifieringsmetoder", 24_500),
    ("rpa-tjanst", "RPA-tjänst", 18_000),
    ("digitala-underskrifter", "Digitala underskrifter", 9_400),
];
const PLATFORM: [&str; 13] = [
    "driftavtal",
    "virtuell-server",
    "lagring-plus",
    "teknisk-serverdrift",
    "databastjanst",
    "sakerhetskopiering",
    "integrationsplattform",
    "e-tjansteplattform-drift",
    "samarbetsplattform-drift-utb",
    "overvakning",
    "rpa-tjanst",
    "digitala-underskrifter",
    "idp-identifieringsmetoder",
];

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn catalogue() -> Catalogue {
    let services = SERVICES.iter().map(|(slug, name, _)| {
        let service = Service {
            slug: (*slug).to_owned(),
            name: (*name).to_owned(),
            name_en: (*name).to_owned(),
            product: if PLATFORM.contains(slug) { "P" } else { "U" }.to_owned(),
            start: NaiveDate::from_ymd_opt(2020, 1, 1).unwrap(),
            established_from: Some(month("2020-01")),
            monthly_measured: true,
            meters: BTreeMap::new(),
        };
        (service.slug.clone(), service)
    });
    let product = |name: &str, name_en: &str| Product { name: name.to_owned(), name_en: name_en.to_owned() };
    Catalogue {
        version: "3f9a1c07d2b45e".to_owned(),
        organisation: Organisation {
            name: "Linköpings kommun".to_owned(),
            unit: "LKDATA".to_owned(),
            number: "212000-0449".to_owned(),
        },
        products: BTreeMap::from([
            ("U".to_owned(), product("Användarnära tjänster", "User services")),
            ("P".to_owned(), product("Plattformstjänster", "Platform services")),
        ]),
        services: services.collect(),
        rates: vec![SurchargeRate {
            valid_from: month("2020-01"),
            rate: "0.03".parse().unwrap(),
            decision: "D 1".to_owned(),
            decided_by: "Objektägare".to_owned(),
        }],
        ..Catalogue::default()
    }
}

/// Months with the seasons of a municipality, the same on every run.
fn months(first: &str, last: &str) -> Vec<MonthFigures> {
    const SEASON: [i64; 12] = [102, 103, 104, 102, 103, 98, 90, 99, 102, 101, 102, 98];
    let last = month(last);
    let figures = |month: Month| {
        let services = SERVICES.iter().enumerate().map(|(n, (slug, _, cost))| {
            let shift = (n as i64 * 7 + i64::from(month.index()) * 3) % 11 - 5;
            let season = if n % 3 == 0 { 100 } else { SEASON[(month.number() - 1) as usize] };
            let part = if month == last { 45 } else { 100 };
            let gross = Money::from_ore(
                cost * season * (200 + shift + i64::from(month.index() % 24)) / 210 * part / 100,
            );
            let surcharge = "0.03".parse::<domain::Rate>().unwrap().of(gross);
            ((*slug).to_owned(), Figures { gross, net: gross, surcharge })
        });
        let (state, hash) = match last.index() - month.index() {
            0 => (MonthState::Open, None),
            1 => (MonthState::Preliminary, None),
            _ => (MonthState::Closed, Some(format!("{:064x}", 0x00d1_f3a9_u64 * u64::from(month.number())))),
        };
        MonthFigures { month, state, hash, services: services.collect() }
    };
    month(first).through(last).map(figures).collect()
}

fn page(language: Language, months: &[MonthFigures], quality: Quality) -> String {
    page_of(language, months, quality, true)
}

/// The page of somebody who sees everything and operates the program, or of one who does neither.
fn page_of(language: Language, months: &[MonthFigures], quality: Quality, sees_all: bool) -> String {
    let catalogue = catalogue();
    let (first, last) = (months[0].month, months[months.len() - 1].month);
    let now = Instant::parse_rfc3339("2021-12-15T09:30:00+01:00").unwrap();
    let frame = Frame::new(language, Section::Overview, "/", &catalogue, &Viewer::admin(), now);
    let input = Input {
        catalogue: &catalogue,
        language,
        months,
        last,
        known: (first, last),
        quality,
        now,
        frame,
        why: &|_| "användning +42 770 kr".to_owned(),
        sees_all,
        may_operate: sees_all,
        to_collect: Some(Money::from_ore(400_000_000)),
        has_files: true,
    };
    Overview::build(input).unwrap().render().unwrap()
}

#[test]
fn the_page_of_a_full_year_is_small() {
    let quality = Quality {
        unattributed: ["110200", "441001", "999999"].map(str::to_owned).into(),
        unattributed_cost: Money::from_ore(1_245_600),
        gaps: 2,
        estimated: 1,
        quarantined: 0,
        not_ready: Vec::new(),
        complete_to: NaiveDate::from_ymd_opt(2021, 12, 14),
    };
    let html = page(Language::Swedish, &months("2020-06", "2021-12"), quality);
    assert!(html.len() < 100_000, "{} bytes", html.len());
    for text in [
        "3 kostnadsställen, 12\u{a0}456\u{a0}kr: 110200, 441001, 999999.",
        "till och med 2021-12-14",
        "/?month=2020-12",
        "/?lang=en",
    ] {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn a_running_month_is_shown_and_compared_with_nothing() {
    let html = page(Language::Swedish, &months("2020-10", "2021-12"), Quality::default());
    let lead = html.split("<p class=\"lead\">").nth(1).and_then(|rest| rest.split("</p>").next());
    assert_eq!(
        lead,
        Some(
            "I november\u{a0}2021 kostade tjänsterna 12,17\u{a0}mnkr, +1,2\u{a0}% mot oktober. Mest ändrades IT-Bastjänst konto (+42\u{a0}770\u{a0}kr)."
        )
    );
    assert!(html.contains("<dt>december\u{a0}2021, hittills</dt>"));
    assert!(html.contains("mot november\u{a0}2020"), "the same month of the year before");
}

#[test]
fn rows_are_sorted_by_cost_and_end_with_their_sums() {
    let html = page(Language::English, &months("2020-12", "2021-12"), Quality::default());
    let at = |text: &str| html.find(&format!(r#"">{text}</a></th><td class="trend">"#)).unwrap();
    assert!(at("IT Arbetsplats") < at("Chromebook") && at("Chromebook") < at("Digitala underskrifter"));
    assert!(html.find(">All services<").unwrap() > at("Digitala underskrifter"));
    assert!(html.contains("/v1/exports/2021-12/xlsx?preliminary=true"), "an open month's files say so");
    assert!(html.contains("/v1/exports/2021-01/csv?dialect=excel-sv\""), "a closed month's do not");
}

#[test]
fn a_product_has_the_same_colour_whatever_costs_most() {
    let legend = |months: &[MonthFigures]| -> Vec<String> {
        let html = page(Language::Swedish, months, Quality::default());
        let legend =
            html.split(r#"<ul class="legend">"#).nth(1).unwrap().split("</ul>").next().unwrap().to_owned();
        legend.split("</svg>").skip(1).map(|item| item.split('<').next().unwrap().to_owned()).collect()
    };
    let usual = months("2020-12", "2021-12");
    let mut platform = usual.clone();
    for figures in platform.iter_mut().flat_map(|month| month.services.iter_mut()) {
        if PLATFORM.contains(&figures.0.as_str()) {
            figures.1.gross = Money::from_ore(figures.1.gross.ore() * 100);
        }
    }
    assert_eq!(legend(&usual), ["Plattformstjänster", "Användarnära tjänster"]);
    assert_eq!(legend(&platform), legend(&usual));
}

#[test]
fn usage_without_a_payer_names_its_cost_centres_and_says_what_to_do() {
    let quality = Quality {
        unattributed: (1..=7).map(|n| format!("90000{n}")).collect(),
        unattributed_cost: Money::from_ore(400),
        quarantined: 2,
        ..Quality::default()
    };
    let months = months("2020-12", "2021-12");
    let html = page(Language::Swedish, &months, quality.clone());
    assert!(
        html.contains("7 kostnadsställen, 4\u{a0}kr: 900001, 900002, 900003, 900004, 900005 och 2 till.")
    );
    assert!(html.contains("i kostnadsstallen.csv och kör taxameter catalog apply."));
    assert!(html.contains(r#"<a href="/operations/quarantine">I karantän</a>"#));
    let html = page_of(Language::Swedish, &months, quality, false);
    assert!(!html.contains("I karantän"), "who may not look into the quarantine can do nothing about it");
}

#[test]
fn who_sees_a_part_is_not_told_that_it_is_the_objects() {
    let months = months("2020-12", "2021-12");
    let has_card = |sees_all| {
        page_of(Language::Swedish, &months, Quality::default(), sees_all).contains("Objektets påslag 2021")
    };
    assert!(has_card(true) && !has_card(false));
}

#[test]
fn a_month_that_is_above_what_was_expected_says_so() {
    let mut months = months("2020-06", "2021-12");
    let says = |months: &[MonthFigures]| {
        let html = page(Language::Swedish, months, Quality::default());
        let note = html.split(r#"<dd class="note">"#).find(|note| note.contains("väntat för hela månaden"));
        note.unwrap().starts_with("redan mer än väntat för hela månaden: ")
    };
    assert!(!says(&months), "half a month is below what is expected of it");
    for figures in months.last_mut().unwrap().services.values_mut() {
        figures.gross = Money::from_ore(figures.gross.ore() * 10);
    }
    assert!(says(&months));
}

#[test]
fn two_equal_months_are_told_from_one_alone() {
    let mut equal = months("2021-10", "2021-11");
    equal[1].services = equal[0].services.clone();
    assert!(
        page(Language::Swedish, &equal, Quality::default())
            .contains(r#"<p class="note">Inget har ändrats.</p>"#)
    );
    let html = page(Language::Swedish, &equal[1..], Quality::default());
    assert!(html.contains(r#"<p class="note">Ingen månad att jämföra med ännu.</p>"#));
}
